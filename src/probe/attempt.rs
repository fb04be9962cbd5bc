//! A visit under way: connection, STARTTLS, handshake, under one deadline; and a second attempt where the first got no answer.

use core::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::{
    net::TcpStream,
    time::{Instant, timeout_at},
};

use super::{Inner, connect, handshake::Groups, introduction::Question, session::Limits, starttls, trouble::Trouble};
use crate::{
    endpoint::{Endpoint, Host, HostPort},
    observation::{Failure, FailureKind, Outcome, Said, Stage, Timing},
};

/// One visit to one address.
pub(super) struct Visit<'a> {
    prober: &'a Inner,
    endpoint: &'a Endpoint,
    address: SocketAddr,
    /// The other side as messages and the proxy know it: `address:port`, or `name:port` where the proxy resolves.
    peer: String,
    deadline: Instant,
}

/// What came of one connection.
pub(super) struct Attempt {
    pub(super) outcome: Outcome,
    pub(super) timing: Timing,
    /// Before TLS.
    pub(super) said: Vec<Said>,
    /// TCP stood, and then the ClientHello got no octet in return.
    unanswered: bool,
}

impl<'a> Visit<'a> {
    pub(super) fn new(prober: &'a Inner, endpoint: &'a Endpoint, address: IpAddr, by_name: bool) -> Self {
        let port = endpoint.target.port;
        let address = SocketAddr::new(address, port);
        let peer = if by_name { HostPort(&endpoint.target.host, port).to_string() } else { address.to_string() };
        Visit { prober, endpoint, address, peer, deadline: Instant::now() + endpoint.timeout.min(FOREVER) }
    }

    /// There are middleboxes and servers that drop or cut a ClientHello that fills more than one packet, as post-quantum
    /// key shares make it: what got no answer is asked once more, with a small one.
    pub(super) async fn make(&self) -> Attempt {
        let first = self.attempt(Groups::PostQuantum).await;
        if !first.unanswered {
            return first;
        }
        let mut second = self.attempt(Groups::Classic).await;
        // Each stage took both times.
        for (stage, took) in first.timing.iter().filter(|(stage, _)| second.timing.took(*stage).is_some()).collect::<Vec<_>>() {
            second.timing.add(stage, took);
        }
        match (&first.outcome, &second.outcome) {
            (Outcome::Failure(large), Outcome::Failure(small)) if small.stage == Stage::Handshake => {
                let also = if small.kind == large.kind { "also" } else { "the usual one got no answer;" };
                let detail = format!("{} ({also} with a smaller ClientHello)", small.detail);
                Attempt { outcome: Outcome::Failure(Failure { detail, ..small.clone() }), ..second }
            }
            // The second did not even come as far.
            (Outcome::Failure(_), Outcome::Failure(_)) => first,
            _ => second,
        }
    }

    /// What the server says it is, by a connection of its own; nothing where it cannot be asked, or does not say.
    pub(super) async fn introduction(&self) -> Vec<Said> {
        let Some(question) = Question::to(self.endpoint) else { return Vec::new() };
        let Ok(Ok(mut stream)) = timeout_at(self.deadline, self.connect()).await else { return Vec::new() };
        let limits = Limits {
            total: self.endpoint.timeout,
            deadline: self.deadline,
            first_octet_by: self.deadline,
            max_octets: self.prober.max_handshake_bytes,
        };
        self.prober.handshaker.ask(&question, &self.endpoint.server_name, &mut stream, limits).await
    }

    async fn attempt(&self, groups: Groups) -> Attempt {
        let (mut timing, mut said) = (Timing::default(), Vec::new());
        let mut stream = match self.until_tls(&mut timing, &mut said).await {
            Ok(stream) => stream,
            Err(failure) => return Attempt { outcome: Outcome::Failure(failure), timing, said, unanswered: false },
        };
        let started = Instant::now();
        let left = self.deadline.saturating_duration_since(started);
        let limits = Limits {
            total: self.endpoint.timeout,
            deadline: self.deadline,
            first_octet_by: match groups {
                Groups::PostQuantum => started + left.mul_f64(FIRST_SHARE),
                Groups::Classic => self.deadline,
            },
            max_octets: self.prober.max_handshake_bytes,
        };
        let shake = self.prober.handshaker.shake(groups, &self.endpoint.server_name, &mut stream, &self.peer, limits).await;
        timing.add(Stage::Handshake, started.elapsed());
        Attempt { outcome: shake.outcome, timing, said, unanswered: shake.unanswered }
    }

    /// Everything before TLS.
    async fn until_tls(&self, timing: &mut Timing, said: &mut Vec<Said>) -> Result<TcpStream, Failure> {
        let mut stream = self.timed(Stage::Connect, timing, self.connect()).await?;
        if let Some(protocol) = self.endpoint.target.protocol.starttls() {
            let talk = starttls::Talk {
                peer: &self.peer,
                domain: &self.endpoint.server_name,
                local: stream.local_addr().ok().map(|address| address.ip()),
            };
            self.timed(Stage::Starttls, timing, starttls::upgrade(protocol, &mut stream, &talk, said)).await?;
        }
        Ok(stream)
    }

    async fn connect(&self) -> Result<TcpStream, Trouble> {
        let Some(proxy) = &self.prober.proxy else { return connect::direct(self.address).await };
        let addresses = match &proxy.host {
            Host::Ip(address) => vec![*address],
            Host::Name(name) => self.prober.names.addresses(name, self.endpoint.timeout).await?,
        };
        connect::through_proxy(&addresses, proxy.port, &self.peer).await
    }

    async fn timed<T>(
        &self,
        stage: Stage,
        timing: &mut Timing,
        work: impl Future<Output = Result<T, Trouble>>,
    ) -> Result<T, Failure> {
        let started = Instant::now();
        let result = timeout_at(self.deadline, work).await.unwrap_or_else(|_| {
            let (peer, total) = (&self.peer, self.endpoint.timeout);
            Err(Trouble::new(
                FailureKind::Timeout,
                match stage {
                    Stage::Starttls => format!("{peer} did not come to STARTTLS within {total:?}"),
                    _ => format!("no answer from {peer} within {total:?}"),
                },
            ))
        });
        timing.add(stage, started.elapsed());
        result.map_err(|trouble| trouble.at(stage))
    }
}

/// Longer than any visit; beyond it the clock's arithmetic could overflow.
const FOREVER: Duration = Duration::from_hours(24);

/// How much of the remaining time the first ClientHello may wait for the first octet in return.
const FIRST_SHARE: f64 = 0.6;
