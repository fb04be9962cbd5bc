//! From a host to addresses: /etc/hosts, then DNS (hickory), or all of it by the system's own resolver.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::{
    net::UdpSocket,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use hickory_resolver::{
    Hosts, TokioResolver,
    config::{LookupIpStrategy, ResolveHosts, ResolverConfig, ResolverOpts},
    net::{DnsError, NetError, runtime::TokioRuntimeProvider},
    proto::{
        op::{Query, ResponseCode},
        rr::{Name, RecordType},
    },
    system_conf,
};

use super::trouble::{Trouble, quoted};
use crate::observation::FailureKind;

/// Who turns names into addresses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NameLookup {
    /// Our own DNS client, by /etc/hosts and /etc/resolv.conf, read again when they change.
    #[default]
    Dns,
    /// getaddrinfo(3), with everything nsswitch.conf brings.
    System,
}

/// The shared resolver.
pub(super) struct Names {
    lookup: NameLookup,
    client: Mutex<Option<Arc<Client>>>,
}

/// The DNS client as the files were when it was made.
struct Client {
    resolver: Result<TokioResolver, Trouble>,
    hosts: Hosts,
    files: [Option<SystemTime>; 2],
}

impl Names {
    pub(super) fn new(lookup: NameLookup) -> Self {
        Names { lookup, client: Mutex::default() }
    }

    /// Every address of `name`, without duplicates, in the resolver's order; never empty.
    pub(super) async fn addresses(&self, name: &str, timeout: Duration) -> Result<Vec<IpAddr>, Trouble> {
        let lookup = async {
            match self.lookup {
                NameLookup::Dns => self.client().addresses(name).await,
                NameLookup::System => by_system(name).await,
            }
        };
        let mut addresses = tokio::time::timeout(timeout, lookup).await.unwrap_or_else(|_| {
            let detail = format!("the resolver did not answer for {name} within {timeout:?}");
            Err(Trouble::new(FailureKind::DnsFailure, detail))
        })?;
        let mut seen = std::collections::HashSet::new();
        addresses.retain(|address| seen.insert(*address));
        if addresses.is_empty() {
            return Err(Trouble::new(FailureKind::NameNotFound, format!("{name} has no address")));
        }
        Ok(addresses)
    }

    fn client(&self) -> Arc<Client> {
        let files = [RESOLV_CONF, HOSTS].map(|path| std::fs::metadata(path).and_then(|m| m.modified()).ok());
        let mut held = self.client.lock().unwrap_or_else(PoisonError::into_inner);
        match &*held {
            Some(client) if client.files == files => client.clone(),
            _ => held.insert(Arc::new(Client::from_system(files))).clone(),
        }
    }
}

impl Client {
    fn from_system(files: [Option<SystemTime>; 2]) -> Self {
        let resolver = system_conf::read_system_conf().and_then(|(config, options)| build(config, options));
        let resolver = resolver.map_err(|error| {
            Trouble::new(
                FailureKind::DnsFailure,
                format!("no resolver: cannot use {RESOLV_CONF}: {}", quoted(&error.to_string())),
            )
        });
        Client { resolver, hosts: Hosts::from_system().unwrap_or_default(), files }
    }

    async fn addresses(&self, name: &str) -> Result<Vec<IpAddr>, Trouble> {
        // As in nsswitch.conf's `files dns`: what the file knows is not asked, so that a dead resolver delays nothing.
        let listed = self.in_hosts_file(name);
        if !listed.is_empty() {
            return Ok(listed);
        }
        // RFC 6761, section 6.3.
        if name == "localhost" || name.ends_with(".localhost") {
            return Ok(vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]);
        }
        let resolver = self.resolver.as_ref().map_err(Clone::clone)?;
        // Read as it is: what a string goes through first is IDNA, which refuses the underscores of many an inner name.
        let asked = Name::from_ascii(name).map_err(|error| of_dns(&error.into(), name))?;
        let mut result = resolver.lookup_ip(asked.clone()).await;
        if result.is_err() && name.contains('.') {
            // The error came from the last of the search domains; what counts is what is said of the name itself.
            let mut itself = asked;
            itself.set_fqdn(true);
            result = resolver.lookup_ip(itself).await;
        }
        result.map(|found| found.iter().collect()).map_err(|error| of_dns(&error, name))
    }

    fn in_hosts_file(&self, name: &str) -> Vec<IpAddr> {
        let Ok(name) = Name::from_ascii(name) else { return Vec::new() };
        [RecordType::A, RecordType::AAAA]
            .into_iter()
            .filter_map(|kind| self.hosts.lookup_static_host(&Query::query(name.clone(), kind)))
            .flat_map(|found| found.answers().iter().filter_map(|record| record.data.ip_addr()).collect::<Vec<_>>())
            .collect()
    }
}

fn build(config: ResolverConfig, mut options: ResolverOpts) -> Result<TokioResolver, NetError> {
    options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
    options.use_hosts_file = ResolveHosts::Never;
    // Both attempts should fit into a visit's usual deadline of 10 seconds.
    options.timeout = options.timeout.min(ATTEMPT);
    let mut builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
    *builder.options_mut() = options;
    builder.build()
}

fn of_dns(error: &NetError, name: &str) -> Trouble {
    match error {
        NetError::Dns(DnsError::NoRecordsFound(none)) => match none.response_code {
            ResponseCode::NXDomain => {
                Trouble::new(FailureKind::NameNotFound, format!("there is no such name as {name} (NXDOMAIN)"))
            }
            ResponseCode::NoError => Trouble::new(FailureKind::NameNotFound, format!("{name} has no A or AAAA record")),
            code => Trouble::new(FailureKind::DnsFailure, format!("the resolver answered \"{code}\" for {name}")),
        },
        NetError::Dns(DnsError::ResponseCode(code)) => {
            Trouble::new(FailureKind::DnsFailure, format!("the resolver answered \"{code}\" for {name}"))
        }
        NetError::Timeout => Trouble::new(FailureKind::DnsFailure, format!("the resolver did not answer for {name}")),
        other => Trouble::new(FailureKind::DnsFailure, format!("cannot resolve {name}: {}", quoted(&other.to_string()))),
    }
}

async fn by_system(name: &str) -> Result<Vec<IpAddr>, Trouble> {
    match tokio::net::lookup_host((name, 0)).await {
        Ok(found) => Ok(found.map(|address| address.ip()).collect()),
        Err(error) => {
            let text = error.to_string();
            let text = text.rsplit(": ").next().unwrap_or_default();
            let kind = if NOT_FOUND.contains(&text) { FailureKind::NameNotFound } else { FailureKind::DnsFailure };
            Err(Trouble::new(kind, format!("cannot resolve {name}: {}", quoted(text))))
        }
    }
}

/// At most `most` of them; the others are returned. Resolvers rotate: it has to be the same ones each time, or series and incidents
/// would come and go.
pub(super) fn bound(addresses: &mut Vec<IpAddr>, most: usize) -> Vec<IpAddr> {
    if addresses.len() <= most {
        return Vec::new();
    }
    addresses.sort_unstable();
    addresses.split_off(most)
}

/// Leaves out the families that this machine has no route for, as long as an address remains: (to visit, skipped).
pub(super) fn without_unroutable(addresses: Vec<IpAddr>, has_route: impl Fn(IpAddr) -> bool) -> (Vec<IpAddr>, Vec<IpAddr>) {
    let routed = |v6: bool| addresses.iter().any(|address| address.is_ipv6() == v6 && has_route(*address));
    match (routed(false), routed(true)) {
        (true, false) => addresses.into_iter().partition(IpAddr::is_ipv4),
        (false, true) => addresses.into_iter().partition(IpAddr::is_ipv6),
        _ => (addresses, Vec::new()),
    }
}

/// Whether the kernel would know where to send a packet for `address`; none is sent.
pub(super) fn has_route(address: IpAddr) -> bool {
    let any: IpAddr = if address.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    UdpSocket::bind(SocketAddr::new(any, 0)).and_then(|socket| socket.connect(SocketAddr::new(address, DISCARD))).is_ok()
}

const RESOLV_CONF: &str = "/etc/resolv.conf";
const HOSTS: &str = "/etc/hosts";
const ATTEMPT: Duration = Duration::from_secs(3);
const DISCARD: u16 = 9;

/// What gai_strerror(3) says of `EAI_NONAME` and `EAI_NODATA` (glibc, musl).
const NOT_FOUND: &[&str] =
    &["Name or service not known", "No address associated with hostname", "Name does not resolve", "Name has no usable address"];

#[cfg(test)]
mod tests {
    use hickory_resolver::config::{ConnectionConfig, NameServerConfig};

    use super::*;

    /// A client whose only name server answers every question with this response code and no records.
    async fn client(rcode: u8) -> Client {
        let server = tokio::net::UdpSocket::bind("127.0.0.1:0").await.expect("bind");
        let port = server.local_addr().expect("address").port();
        tokio::spawn(async move {
            let mut question = [0; 512];
            while let Ok((length, from)) = server.recv_from(&mut question).await {
                let answer = &mut question[..length];
                answer[2] = 0x81;
                answer[3] = 0x80 | rcode;
                let _ = server.send_to(answer, from).await;
            }
        });
        let mut udp = ConnectionConfig::udp();
        udp.port = port;
        let name_server = NameServerConfig::new("127.0.0.1".parse().expect("ip"), true, vec![udp]);
        let search = vec![Name::from_ascii("search.example.").expect("name")];
        let config = ResolverConfig::from_parts(None, search, vec![name_server]);
        let mut options = ResolverOpts::default();
        options.attempts = 1;
        Client { resolver: Ok(build(config, options).expect("resolver")), hosts: Hosts::default(), files: [None; 2] }
    }

    #[tokio::test]
    async fn a_missing_name_and_a_failing_resolver_are_told_apart() {
        let missing = client(3).await.addresses("gone.example").await.expect_err("NXDOMAIN");
        assert_eq!(missing.kind, FailureKind::NameNotFound);
        assert_eq!(missing.detail, "there is no such name as gone.example (NXDOMAIN)");
        let empty = client(0).await.addresses("empty.example").await.expect_err("no data");
        assert_eq!(empty.kind, FailureKind::NameNotFound);
        assert_eq!(empty.detail, "empty.example has no A or AAAA record");
        let failing = client(2).await.addresses("a.example").await.expect_err("SERVFAIL");
        assert_eq!(failing.kind, FailureKind::DnsFailure);
        assert_eq!(failing.detail, "the resolver answered \"Server Failure\" for a.example");
    }

    #[tokio::test]
    async fn localhost_and_the_hosts_file_need_no_resolver() {
        let trouble = Trouble::new(FailureKind::DnsFailure, "no resolver");
        let mut hosts = Hosts::default();
        hosts.read_hosts_conf(&b"192.0.2.7 Mail.example mail\n2001:db8::7 mail.example\n"[..]).expect("hosts");
        let client = Client { resolver: Err(trouble.clone()), hosts, files: [None; 2] };
        let loopback: Vec<IpAddr> = vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
        assert_eq!(client.addresses("localhost").await, Ok(loopback.clone()));
        assert_eq!(client.addresses("a.localhost").await, Ok(loopback));
        let listed: Vec<IpAddr> = vec!["192.0.2.7".parse().expect("ip"), "2001:db8::7".parse().expect("ip")];
        assert_eq!(client.addresses("mail.example").await, Ok(listed));
        assert_eq!(client.addresses("other.example").await, Err(trouble));
    }

    #[tokio::test]
    async fn the_systems_resolver_knows_localhost() {
        let names = Names::new(NameLookup::System);
        let found = names.addresses("localhost", Duration::from_secs(5)).await.expect("addresses");
        assert!(found.iter().all(IpAddr::is_loopback), "{found:?}");
    }

    #[test]
    fn a_family_without_a_route_is_skipped_only_beside_the_other() {
        let v4: IpAddr = "192.0.2.1".parse().expect("ip");
        let v6: IpAddr = "2001:db8::1".parse().expect("ip");
        assert_eq!(without_unroutable(vec![v4, v6], |ip| ip.is_ipv4()), (vec![v4], vec![v6]));
        assert_eq!(without_unroutable(vec![v4, v6], |ip| ip.is_ipv6()), (vec![v6], vec![v4]));
        assert_eq!(without_unroutable(vec![v4, v6], |_| false), (vec![v4, v6], vec![]));
        assert_eq!(without_unroutable(vec![v6], |_| false), (vec![v6], vec![]));
        assert!(has_route(Ipv4Addr::LOCALHOST.into()));
    }

    #[test]
    fn of_many_rotating_addresses_it_is_always_the_same_ones() {
        let given = |last: &[u8]| last.iter().map(|last| Ipv4Addr::new(192, 0, 2, *last).into()).collect::<Vec<IpAddr>>();
        let bounded = |last: &[u8]| {
            let mut addresses = given(last);
            let rest = bound(&mut addresses, 3);
            (addresses, rest)
        };
        assert_eq!(bounded(&[9, 2, 7, 5]), (given(&[2, 5, 7]), given(&[9])));
        assert_eq!(bounded(&[5, 9, 2, 7]), (given(&[2, 5, 7]), given(&[9])));
        assert_eq!(bounded(&[9, 2, 7]), (given(&[9, 2, 7]), Vec::new()), "the resolver's order is kept");
    }
}
