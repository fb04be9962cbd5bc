//! Does it still work? A server of our own with a flaw, on loopback, goes through everything that a real one does: the visit, the
//! judge, a brain, the letter, the disk. When that last came to the right end is a metric.

use std::{io, sync::Arc, time::Duration};

use tracing::{error, info};

use crate::{
    certificate::Certificate,
    clock::{Now, Timestamp},
    diagnosis::{Expectation, Trust},
    endpoint::{Endpoint, Host, TargetError},
    fetch,
    lab::{
        pki::Pki,
        serve::{Farm, Page},
    },
    mail,
    monitor::{Effect, Event, Monitor, Notice, Policy, Record, Restored, Settings, Visited, Watch},
    probe,
    store::{Store, StoreError},
    visit::{Visitor, When},
    web::OwnMetrics,
};

/// What a proof needs of the daemon.
pub(super) struct Proof {
    pub(super) own: Arc<OwnMetrics>,
    pub(super) store: Store,
    /// As at the start.
    pub(super) mail: Option<mail::Settings>,
}

/// Where a proof came to an end that it should not come to.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error("no server could be started on loopback")]
    Server(#[source] io::Error),
    #[error("the server on loopback has no name that can be asked for")]
    Target(#[from] TargetError),
    #[error("the chain without its intermediate was judged {found}, not {FLAW}")]
    Judge { found: String },
    #[error("nobody would have been told of it")]
    Brain,
    #[error("the letter about it was not composed")]
    Letter,
    #[error("it could not be written down")]
    State(#[from] StoreError),
}

impl Proof {
    /// One proof after another, for ever.
    pub(super) async fn repeat(self) {
        let mut was_well = true;
        let mut due = tokio::time::interval(EVERY);
        due.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            due.tick().await;
            let now = Timestamp::now();
            let result = self.once(now).await;
            match &result {
                Ok(()) if !was_well => info!("the proof of the whole pipeline holds again"),
                Err(problem) if was_well => {
                    error!("the pipeline does not do what it should: {problem}{}", super::because(problem));
                }
                Ok(()) | Err(_) => {}
            }
            was_well = result.is_ok();
            if was_well {
                self.own.proven(now);
            }
        }
    }

    async fn once(&self, now: Timestamp) -> Result<(), Failed> {
        let mut farm = Farm::new();
        let watch = serve(&mut farm, now).await?;
        let notice = noticed(&watch, now).await;
        farm.stop().await;
        let notice = notice?;
        if let Some(settings) = &self.mail {
            let letter = mail::letter(&notice, settings);
            if !letter.text.contains(&watch.endpoint.target.to_string()) {
                return Err(Failed::Letter);
            }
        }
        self.store.commit(vec![Record::Proven(now)], Vec::new()).await?;
        Ok(())
    }
}

/// A server that leaves its intermediate out, and how it is watched.
async fn serve(farm: &mut Farm, now: Timestamp) -> Result<Arc<Watch>, Failed> {
    let made = |error: rcgen::Error| Failed::Server(io::Error::other(error));
    let pki = Pki::named(now, "Proof").map_err(made)?;
    let leaf = pki.leaf([NAME]).signed_by(&pki.intermediate).map_err(made)?;
    let page = Page::text("This is how certvigil proves to itself that it works.");
    let address = farm.tls(vec![leaf.der()], leaf.key_der(), page).await.map_err(Failed::Server)?;
    let mut endpoint = Endpoint::new(address.to_string().parse()?);
    endpoint.server_name = Host::Name(NAME.into());
    let expectation = Expectation { host: Some(endpoint.server_name.clone()), ..Expectation::default() };
    let trust = Arc::new(Trust::new([Certificate::from_der(&pki.root.der())]));
    let policy = Policy { owners: vec![format!("owner@{NAME}")], ..Policy::default() };
    Ok(Arc::new(Watch { endpoint, expectation, trust, stores: Arc::default(), policy: policy.into() }))
}

/// What a brain of its own tells after a visit there.
async fn noticed(watch: &Arc<Watch>, now: Timestamp) -> Result<Notice, Failed> {
    let fetch = fetch::Settings { enabled: false, ..fetch::Settings::default() };
    let visitor = Visitor::new(probe::Settings::default(), fetch, 1);
    let visit = visitor.visit(&watch.endpoint, &watch.expectation, &watch.trust, When::now(now)).await;
    let headline = visit.seen.iter().find_map(|judged| judged.diagnosis.findings.first());
    let found = headline.map_or("well", |found| found.finding.code());
    if found != FLAW {
        return Err(Failed::Judge { found: found.to_owned() });
    }
    let restored = Restored { first_sweep_done: true, ..Restored::default() };
    let limits = crate::monitor::Limits { spread: Duration::ZERO, ..crate::monitor::Limits::default() };
    let settings = Settings { limits, mail: true, built: Timestamp::UNIX_EPOCH, seed: 1, first_sweep: Duration::ZERO };
    let at = |seconds| Now { wall: now, uptime: Duration::from_secs(seconds) };
    let (mut brain, mut effects) = Monitor::new(vec![Arc::clone(watch)], restored, settings, at(0));
    effects.extend(brain.handle(Event::Woke, at(1)));
    let asked =
        effects.iter().find_map(|effect| if let Effect::Visit { generation, .. } = effect { Some(*generation) } else { None });
    let generation = asked.ok_or(Failed::Brain)?;
    let seen = visit.seen.into_iter().map(Arc::new).collect();
    let report = Visited { endpoint: Arc::clone(&watch.endpoint.name), generation, seen, resolved: visit.resolved };
    let effects = brain.handle(Event::Visited(report), at(2));
    effects
        .into_iter()
        .find_map(|effect| if let Effect::Post(notice) = effect { Some(notice) } else { None })
        .ok_or(Failed::Brain)
}

const NAME: &str = "proof.invalid";
/// A leaf alone, whose issuer nobody has.
const FLAW: &str = "issuer_unknown";
const EVERY: Duration = Duration::from_mins(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_proof_holds_and_is_written_down() {
        let directory = std::env::temp_dir().join(format!("certvigil-proof-{}", std::process::id()));
        std::fs::create_dir(&directory).expect("a fresh name");
        let settings = crate::store::Settings { directory: directory.clone() };
        let (store, _) = Store::open(&settings).expect("fresh");
        let proof = Proof { own: Arc::default(), store: store.clone(), mail: Some(mail::samples::settings()) };
        proof.once(Timestamp::now()).await.expect("all of it works");
        store.close().await;
        let closed = proof.once(Timestamp::now()).await;
        assert!(matches!(closed, Err(Failed::State(_))), "{closed:?}");
        std::fs::remove_dir_all(&directory).expect("it is there");
    }

    #[tokio::test]
    async fn a_server_that_is_not_found_proves_nothing() {
        let now = Timestamp::now();
        let mut farm = Farm::new();
        let watch = serve(&mut farm, now).await.expect("a server");
        farm.stop().await;
        let told = noticed(&watch, now).await;
        assert!(matches!(&told, Err(Failed::Judge { found }) if found == "unreachable"), "{told:?}");
    }
}
