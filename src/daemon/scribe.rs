//! The task that writes: the loop itself never waits for a disk, and what a disk refused is written when it has room again.

use std::{collections::HashSet, sync::Arc, time::Duration};

use tokio::{
    sync::{mpsc, oneshot},
    task::JoinSet,
    time::{Instant, timeout_at},
};
use tracing::{error, info};

use crate::{
    incident::IncidentKey,
    monitor::{Record, Refusal},
    store::{Mail, Store, StoreError},
};

/// What is to be written together.
#[derive(Clone, Debug, Default)]
pub(super) struct Page {
    pub(super) records: Vec<Record>,
    pub(super) mails: Vec<Mail>,
}

/// A page, and who waits for it.
type Job = (Page, Option<oneshot::Sender<bool>>);

/// What became of some pages.
#[derive(Debug)]
pub(super) struct Written {
    /// The mails that were new in them.
    pub(super) mails: Vec<String>,
    /// Whether everything so far is on the disk; why not.
    pub(super) result: Result<(), String>,
}

/// The handle of the task; the task is owned here.
pub(super) struct Scribe {
    pages: Option<mpsc::UnboundedSender<Job>>,
    written: mpsc::UnboundedReceiver<Written>,
    task: JoinSet<()>,
}

impl Scribe {
    pub(super) fn start(store: Store) -> Self {
        let (pages, todo) = mpsc::unbounded_channel();
        let (tell, written) = mpsc::unbounded_channel();
        let mut task = JoinSet::new();
        task.spawn(write(store, todo, tell));
        Scribe { pages: Some(pages), written, task }
    }

    pub(super) fn write(&self, page: Page) {
        self.send((page, None));
    }

    /// The same, and tells whether it is on the disk, with all that was before it.
    pub(super) fn write_for(&self, page: Page, done: oneshot::Sender<bool>) {
        self.send((page, Some(done)));
    }

    fn send(&self, job: Job) {
        if let Some(pages) = &self.pages {
            // The task ends only after this sender is gone.
            let _ = pages.send(job);
        }
    }

    /// The next report. Cancel-safe.
    pub(super) async fn written(&mut self) -> Option<Written> {
        self.written.recv().await
    }

    /// Writes what is left, and closes the store.
    pub(super) async fn finish(mut self) {
        self.pages = None;
        while self.task.join_next().await.is_some() {}
    }
}

async fn write(store: Store, mut todo: mpsc::UnboundedReceiver<Job>, tell: mpsc::UnboundedSender<Written>) {
    let mut open = Page::default();
    let mut refused = false;
    loop {
        let (pages, ended) = gather(&mut todo, if refused { AGAIN } else { Duration::MAX }).await;
        let new = pages.iter().flat_map(|(page, _)| &page.mails).map(|mail| mail.id.clone()).collect();
        let mut waiting = Vec::new();
        for (page, done) in pages {
            open.append(page);
            waiting.extend(done);
        }
        let result = if open.is_empty() { Ok(()) } else { store.commit(open.records.clone(), open.mails.clone()).await };
        match &result {
            Ok(()) if refused => info!("the state can be written again"),
            Err(problem) if !refused => error!("the state cannot be written: {}; hint: {}", causes(problem), hint(problem)),
            Ok(()) | Err(_) => {}
        }
        refused = result.is_err();
        for done in waiting {
            // Who asked may have gone.
            let _ = done.send(!refused);
        }
        if refused {
            open.keep_what_matters();
        } else {
            open = Page::default();
        }
        let _ = tell.send(Written { mails: new, result: result.map_err(|problem| causes(&problem)) });
        if ended {
            break;
        }
    }
    store.close().await;
}

/// What is to be written next, and whether nothing will follow: what may be lost waits a little for more of its kind, anything else
/// takes along what waits. Nothing, where nothing comes for so long.
async fn gather(todo: &mut mpsc::UnboundedReceiver<Job>, patience: Duration) -> (Vec<Job>, bool) {
    let mut pages = Vec::new();
    let mut until = Instant::now().checked_add(patience);
    loop {
        let before = pages.len();
        let more = todo.recv_many(&mut pages, MAX_PAGES - before);
        let came = match until {
            Some(until) => timeout_at(until, more).await,
            None => Ok(more.await),
        };
        match came {
            Err(_) => return (pages, false),
            Ok(0) => return (pages, true),
            Ok(_) if pages.len() >= MAX_PAGES || !pages[before..].iter().all(may_wait) => return (pages, false),
            Ok(_) if before == 0 => until = Instant::now().checked_add(GATHER),
            Ok(_) => {}
        }
    }
}

fn may_wait((page, done): &Job) -> bool {
    done.is_none() && page.mails.is_empty() && page.records.iter().all(Record::may_be_lost)
}

impl Page {
    fn is_empty(&self) -> bool {
        self.records.is_empty() && self.mails.is_empty()
    }

    /// Adds a later page. A mail that is gone before it was ever written need not be: within one write the mails come last, and
    /// it would come back to life.
    fn append(&mut self, later: Page) {
        let gone: HashSet<&String> =
            later.records.iter().filter_map(|record| if let Record::MailGone(id) = record { Some(id) } else { None }).collect();
        self.mails.retain(|mail| !gone.contains(&mail.id));
        self.mails.extend(later.mails);
        self.records.extend(later.records);
    }

    /// What is carried on after a refusal stays small: visits are made again, and of each incident only the last word counts.
    fn keep_what_matters(&mut self) {
        let mut told: HashSet<(Option<Arc<str>>, IncidentKey)> = HashSet::new();
        let mut gone: HashSet<String> = HashSet::new();
        let mut counted: HashSet<String> = HashSet::new();
        let mut refused: HashSet<String> = HashSet::new();
        let mut kept: Vec<Record> = Vec::new();
        for record in self.records.drain(..).rev() {
            let matters = match &record {
                Record::Observed { .. } => false,
                Record::Incident(incident) => told.insert((None, incident.key.clone())),
                Record::IncidentGone(key) => told.insert((None, key.clone())),
                Record::Member(member) => told.insert((Some(member.endpoint.clone()), member.key.clone())),
                Record::MemberGone { endpoint, key } => told.insert((Some(endpoint.clone()), key.clone())),
                Record::MailGone(id) => gone.insert(id.clone()),
                Record::Refused(Refusal { recipient, .. }) | Record::RefusedNoMore(recipient) => {
                    refused.insert(recipient.clone())
                }
                Record::Tally(tally) => counted.insert(tally.recipient.clone()),
                Record::AddressGone { .. }
                | Record::EndpointGone(_)
                | Record::Silenced(_)
                | Record::SilencedNoMore(_)
                | Record::Renewed(_)
                | Record::FirstSweepDone
                | Record::ShownAlive(_)
                | Record::Proven(_) => true,
            };
            if matters {
                kept.push(record);
            }
        }
        kept.reverse();
        self.records = kept;
    }
}

fn hint(problem: &StoreError) -> &'static str {
    problem.hint().unwrap_or("see the system's log")
}

/// An error and its causes, in one line.
fn causes(problem: &StoreError) -> String {
    format!("{problem}{}", super::because(problem))
}

const MAX_PAGES: usize = 1000;
/// So long may an observation be lost with the process: a transaction for many of them, not one for each.
const GATHER: Duration = Duration::from_millis(250);
const AGAIN: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::Timestamp,
        diagnosis::{Expectation, Issuers, Judged, Topic, Trust, diagnose},
        incident::Cause,
        monitor::NoticeKind,
        observation::{Failure, FailureKind, Observation, Outcome, Stage},
    };

    fn mail(id: &str) -> Mail {
        let (recipient, message) = ("ops@example.org".to_owned(), Arc::from(&b"text"[..]));
        Mail { id: id.to_owned(), kind: NoticeKind::Problem, recipient, at: Timestamp::UNIX_EPOCH, message }
    }

    fn over(endpoint: &str) -> Record {
        let key = IncidentKey { topic: Topic::Expiry, cause: Cause::Endpoint("a".into()) };
        Record::MemberGone { endpoint: endpoint.into(), key }
    }

    fn ids(page: &Page) -> Vec<&str> {
        page.mails.iter().map(|mail| &*mail.id).collect()
    }

    fn observed() -> Page {
        let outcome = Outcome::Failure(Failure { stage: Stage::Connect, kind: FailureKind::Refused, detail: String::new() });
        let observation = Observation::new(None, Timestamp::UNIX_EPOCH, outcome);
        let diagnosis = diagnose(
            &observation,
            &Expectation::default(),
            &Arc::new(Trust::default()),
            &Issuers::default(),
            Timestamp::UNIX_EPOCH,
        );
        let judged = Arc::new(Judged { observation, diagnosis: diagnosis.into() });
        Page { records: vec![Record::Observed { endpoint: "a".into(), place: "a".into(), judged }], mails: vec![] }
    }

    #[tokio::test(start_paused = true)]
    async fn observations_wait_for_one_another_and_for_nothing_else() {
        let (pages, mut todo) = mpsc::unbounded_channel();
        let send = |page| pages.send((page, None)).expect("somebody listens");
        let begun = Instant::now();
        send(observed());
        let later = tokio::time::sleep(GATHER / 2);
        let both = async {
            later.await;
            send(observed());
        };
        let ((gathered, ended), ()) = tokio::join!(gather(&mut todo, Duration::MAX), both);
        assert_eq!((gathered.len(), ended, begun.elapsed() >= GATHER), (2, false, true));

        let begun = Instant::now();
        send(observed());
        send(Page { mails: vec![mail("a")], ..Page::default() });
        let (gathered, _) = gather(&mut todo, Duration::MAX).await;
        assert_eq!((gathered.len(), begun.elapsed()), (2, Duration::ZERO));
        let (done, _asks) = oneshot::channel();
        pages.send((observed(), Some(done))).expect("somebody listens");
        assert_eq!((gather(&mut todo, Duration::MAX).await.0.len(), begun.elapsed()), (1, Duration::ZERO));

        assert_eq!(gather(&mut todo, AGAIN).await.0.len(), 0, "it is time to try again");
        send(observed());
        drop(pages);
        let (gathered, ended) = gather(&mut todo, Duration::MAX).await;
        assert_eq!((gathered.len(), ended, begun.elapsed()), (1, true, AGAIN));
    }

    #[test]
    fn a_mail_that_is_gone_before_it_was_written_stays_gone() {
        let mut open = Page { records: vec![], mails: vec![mail("a"), mail("b")] };
        open.append(Page { records: vec![Record::MailGone("a".into())], mails: vec![mail("c")] });
        assert_eq!(ids(&open), ["b", "c"]);
        assert_eq!(open.records.len(), 1, "it may have been written by an earlier process");
    }

    #[test]
    fn what_a_disk_refused_stays_small() {
        let mut open = Page::default();
        for _ in 0..100 {
            let gone = Record::AddressGone { endpoint: "a".into(), address: None };
            open.append(Page { records: vec![over("a"), over("b"), Record::MailGone("m".into())], mails: vec![] });
            open.append(Page { records: vec![gone], mails: vec![] });
            open.keep_what_matters();
        }
        let count = |wanted: fn(&Record) -> bool| open.records.iter().filter(|record| wanted(record)).count();
        assert_eq!(count(|record| matches!(record, Record::MemberGone { .. })), 2);
        assert_eq!(count(|record| matches!(record, Record::MailGone(_))), 1);
    }

    #[tokio::test]
    async fn nothing_is_lost_when_a_write_is_refused_once() {
        let directory = std::env::temp_dir().join(format!("certvigil-scribe-{}", std::process::id()));
        std::fs::create_dir_all(&directory).expect("the temporary directory is writable");
        let settings = crate::store::Settings { directory: directory.clone() };
        let (store, _) = Store::open(&settings).expect("a new store");
        // A closed store refuses everything; what it refused is carried on.
        store.clone().close().await;
        let mut scribe = Scribe::start(store);
        scribe.write(Page { records: vec![Record::FirstSweepDone], mails: vec![mail("a")] });
        let written = scribe.written().await.expect("a report");
        assert_eq!(written.mails, ["a"], "it may be delivered all the same");
        assert!(written.result.is_err());
        scribe.finish().await;
        let _ = std::fs::remove_dir_all(&directory);
    }
}
