//! The brain in virtual time: a world whose servers, mail server and disk are closures, and whose clock jumps from one
//! event to the next.

mod alive;
mod anchors;
mod answers;
mod canaries;
mod causes;
mod channels;
mod clocks;
mod crowds;
mod desk;
mod escalation;
mod habit;
mod incidents;
mod intermediate;
mod keeping;
mod ladder;
mod order;
mod ours;
mod properties;
mod reload;
mod restart;
mod rollout;
mod rounds;
mod silences;
mod sweep;

use core::net::IpAddr;
use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
};

use super::*;
use crate::{
    certificate::{Certificate, Fingerprint},
    clock::later,
    diagnosis::{ChainStatus, Diagnosis, Expectation, Finding, Found, Issuers, Judged, Severity, Trust, Verdict},
    endpoint::{Endpoint, Host},
    incident::{Audience, IncidentKey, Member},
    observation::{Chain, Failure, FailureKind, Handshake, Observation, Outcome, Possession, Stage},
};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// What a visit brings home, and what the name resolved to.
type Reply = (Vec<Judged>, Vec<IpAddr>);
/// The servers: `None` is a visit that never comes back.
type Site = Box<dyn FnMut(&Watch, Now) -> Option<Reply>>;

/// Everything around the brain.
struct World {
    brain: Monitor,
    now: Now,
    settings: Settings,
    people: Arc<People>,
    /// How often the operators want to hear that the brain watches.
    alive: Option<Digest>,
    inventory: Vec<Arc<Watch>>,
    canaries: Vec<Arc<Watch>>,
    site: Site,
    post_office: Box<dyn FnMut(Now) -> MailResult>,
    /// Takes nothing, ever.
    refusing: Option<&'static str>,
    visit_takes: Duration,
    /// All endpoints serve the same certificates.
    shared: bool,
    /// Visits to this address take longer.
    stalls: Option<(IpAddr, Duration)>,
    mail_takes: Duration,
    /// Reports and deliveries on their way.
    coming: BTreeMap<(Duration, u64), Event>,
    count: u64,
    disk: Disk,
    /// Every mail that was ever posted, and when.
    posted: Vec<(Duration, Notice)>,
    delivered: Vec<String>,
    starts: Vec<(Duration, Arc<str>)>,
    in_flight: usize,
    most_in_flight: usize,
}

/// What records make of a disk.
#[derive(Default)]
struct Disk {
    addresses: BTreeMap<(Arc<str>, Option<IpAddr>), RestoredAddress>,
    incidents: BTreeMap<IncidentKey, Incident>,
    members: BTreeMap<(Arc<str>, IncidentKey), Member>,
    outbox: Vec<Waiting>,
    silences: Vec<Silence>,
    tallies: BTreeMap<String, Tally>,
    first_sweep_done: bool,
    shown_alive: Option<Timestamp>,
    refusals: BTreeMap<String, Refusal>,
    renewals: BTreeMap<Arc<str>, Renewals>,
}

impl Disk {
    /// A machine on which certvigil has been for a while.
    fn used() -> Self {
        Disk { first_sweep_done: true, ..Disk::default() }
    }

    fn apply(&mut self, record: Record) {
        match record {
            Record::Observed { endpoint, place, judged } => {
                let address = judged.observation.address;
                let view = AddressView { address, known: None, failed: None };
                let fresh = RestoredAddress { endpoint: endpoint.clone(), place: place.clone(), view };
                let known = self.addresses.entry((endpoint, address)).or_insert(fresh);
                known.place = place;
                let row = &mut known.view;
                if judged.observation.chain().is_some() {
                    (row.known, row.failed) = (Some(judged), None);
                } else {
                    row.failed = Some(judged);
                }
            }
            Record::AddressGone { endpoint, address } => drop(self.addresses.remove(&(endpoint, address))),
            Record::EndpointGone(name) => {
                self.addresses.retain(|(endpoint, _), _| *endpoint != name);
                self.members.retain(|(endpoint, _), _| *endpoint != name);
                self.renewals.remove(&name);
            }
            Record::Incident(incident) => drop(self.incidents.insert(incident.key.clone(), (*incident).clone())),
            Record::IncidentGone(key) => assert!(self.incidents.remove(&key).is_some(), "{key} was never saved"),
            Record::Member(member) => {
                drop(self.members.insert((member.endpoint.clone(), member.key.clone()), (*member).clone()));
            }
            Record::MemberGone { endpoint, key } => {
                assert!(self.members.remove(&(endpoint.clone(), key.clone())).is_some(), "{key} at {endpoint} was never saved");
            }
            Record::MailGone(id) => self.outbox.retain(|mail| mail.id != id),
            Record::Tally(tally) => drop(self.tallies.insert(tally.recipient.clone(), tally)),
            Record::Silenced(silence) => self.silences.push(silence),
            Record::SilencedNoMore(id) => self.silences.retain(|silence| silence.id != id),
            Record::FirstSweepDone => self.first_sweep_done = true,
            Record::Refused(refusal) => drop(self.refusals.insert(refusal.recipient.clone(), refusal)),
            Record::RefusedNoMore(recipient) => {
                assert!(self.refusals.remove(&recipient).is_some(), "{recipient} was never saved");
            }
            Record::Renewed(renewals) => drop(self.renewals.insert(renewals.endpoint.clone(), renewals)),
            Record::ShownAlive(at) => self.shown_alive = Some(at),
            Record::Proven(_) => {}
        }
    }

    fn restored(&self) -> Restored {
        Restored {
            addresses: self.addresses.values().cloned().collect(),
            incidents: self.incidents.values().cloned().collect(),
            members: self.members.values().cloned().collect(),
            silences: self.silences.clone(),
            tallies: self.tallies.values().cloned().collect(),
            outbox: self.outbox.clone(),
            first_sweep_done: self.first_sweep_done,
            shown_alive: self.shown_alive,
            refusals: self.refusals.values().cloned().collect(),
            renewals: self.renewals.values().cloned().collect(),
        }
    }
}

impl World {
    fn new(inventory: Vec<Watch>, disk: Disk, site: impl FnMut(&Watch, Now) -> Option<Reply> + 'static) -> Self {
        World::with(inventory, disk, settings(), site)
    }

    fn with(
        inventory: Vec<Watch>,
        disk: Disk,
        settings: Settings,
        site: impl FnMut(&Watch, Now) -> Option<Reply> + 'static,
    ) -> Self {
        let now = Now { wall: "2026-11-22T00:00:00Z".parse().expect("a date"), uptime: Duration::ZERO };
        let (brain, _) = Monitor::new(Vec::new(), Restored::default(), settings, now);
        let mut world = World {
            brain,
            now,
            settings,
            people: Arc::default(),
            alive: None,
            inventory: inventory.into_iter().map(Arc::new).collect(),
            canaries: Vec::new(),
            site: Box::new(site),
            post_office: Box::new(|_| MailResult::Delivered),
            refusing: None,
            visit_takes: Duration::from_millis(100),
            shared: false,
            stalls: None,
            mail_takes: SECOND,
            coming: BTreeMap::new(),
            count: 0,
            disk,
            posted: Vec::new(),
            delivered: Vec::new(),
            starts: Vec::new(),
            in_flight: 0,
            most_in_flight: 0,
        };
        world.restart();
        world
    }

    /// The process ends, with all that was under way, and another begins with what is on the disk.
    fn restart(&mut self) {
        self.now.uptime = Duration::ZERO;
        self.begin_again();
    }

    /// The same, and uptime goes on, for those who count by it.
    fn begin_again(&mut self) {
        self.coming.clear();
        self.in_flight = 0;
        let (brain, effects) = Monitor::new(self.inventory(), self.disk.restored(), self.settings, self.now);
        self.brain = brain;
        self.obey(effects);
        self.handle(Event::People(Arc::clone(&self.people)));
    }

    /// Everybody wishes this from now on.
    fn people(&mut self, others: Person) {
        self.people = Arc::new(People { others, ..People::default() });
        self.handle(Event::People(Arc::clone(&self.people)));
    }

    fn inventory(&self) -> Inventory {
        let operators = vec!["ops@a.org".to_owned()];
        Inventory { watches: self.inventory.clone(), canaries: self.canaries.clone(), operators, alive: self.alive }
    }

    fn reload(&mut self, inventory: Vec<Watch>) {
        self.inventory = inventory.into_iter().map(Arc::new).collect();
        self.handle(Event::Reloaded(self.inventory()));
    }

    fn handle(&mut self, event: Event) {
        let before = self.brain.revision();
        let effects = self.brain.handle(event, self.now);
        assert!(effects.is_empty() || self.brain.revision() > before, "what happens is to be seen");
        self.obey(effects);
    }

    /// Lives on for `time`, from one event to the next.
    fn run(&mut self, time: Duration) {
        let end = self.now.uptime + time;
        loop {
            let report = self.coming.first_key_value().map(|((at, _), _)| *at);
            let next = [report, self.brain.next_wake()].into_iter().flatten().min().unwrap_or(end);
            if next > end {
                break;
            }
            self.now = self.now.after(next.saturating_sub(self.now.uptime));
            if report.is_some_and(|at| at <= next) {
                let (_, event) = self.coming.pop_first().expect("it was there");
                self.in_flight -= usize::from(matches!(event, Event::Visited(_)));
                self.handle(event);
            } else if next < end || self.brain.next_wake().is_some() {
                self.handle(Event::Woke);
                assert!(self.brain.next_wake().is_none_or(|wake| wake > self.now.uptime), "nothing that is due is left undone");
            }
            if next == end {
                break;
            }
        }
        self.now = self.now.after(end.saturating_sub(self.now.uptime));
    }

    fn obey(&mut self, effects: Vec<Effect>) {
        let mut stage = 0;
        for effect in effects {
            let order = match effect {
                Effect::Save(_) => 1,
                Effect::Post(_) => 2,
                Effect::Deliver(_) => 3,
                Effect::Visit { .. } => 4,
            };
            assert!(order > stage || (order == stage && order > 1), "save once, then post, then deliver, then visit");
            stage = order;
            match effect {
                Effect::Save(records) => records.into_iter().for_each(|record| self.disk.apply(record)),
                Effect::Post(notice) => self.post(&notice),
                Effect::Deliver(id) => self.deliver(id),
                Effect::Visit { watch, generation } => self.visit(&watch, generation),
            }
        }
    }

    fn post(&mut self, notice: &Notice) {
        assert!(notice.id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(&b)), "{}", notice.id);
        let waits = self.disk.outbox.iter().any(|mail| mail.id == notice.id);
        if let Some((_, before)) = self.posted.iter_mut().find(|(_, known)| known.id == notice.id) {
            assert!(waits || !self.delivered.contains(&notice.id), "{} is posted again", notice.id);
            *before = notice.clone();
            if waits {
                return;
            }
        } else {
            self.posted.push((self.now.uptime, notice.clone()));
        }
        assert!(notice.cases.iter().all(|case| !case.seen.is_empty()), "every case has its evidence");
        self.disk.outbox.push(Waiting {
            id: notice.id.clone(),
            kind: notice.kind,
            recipient: notice.recipient.clone(),
            at: notice.at,
        });
    }

    fn deliver(&mut self, id: String) {
        let mail = self.disk.outbox.iter().find(|mail| mail.id == id);
        let recipient = &mail.unwrap_or_else(|| panic!("{id} was never posted")).recipient;
        let is_refused = self.refusing.is_some_and(|refusing| refusing == recipient);
        let result = if is_refused { MailResult::Refused } else { (self.post_office)(self.now) };
        if result == MailResult::Delivered {
            self.delivered.push(id.clone());
        }
        self.come(self.mail_takes, Event::Mailed { id, result, detail: "451 later".into(), after: None });
    }

    fn visit(&mut self, watch: &Watch, generation: u64) {
        self.starts.push((self.now.uptime, watch.endpoint.name.clone()));
        self.in_flight += 1;
        self.most_in_flight = self.most_in_flight.max(self.in_flight);
        if let Some((seen, resolved)) = (self.site)(watch, self.now) {
            let seen = seen.into_iter().map(|judged| Arc::new(self.owned(watch, judged))).collect();
            let report = Visited { endpoint: watch.endpoint.name.clone(), generation, seen, resolved };
            let stalls = self.stalls.filter(|(address, _)| report.resolved.contains(address));
            self.come(stalls.map_or(self.visit_takes, |(_, time)| time), Event::Visited(report));
        }
    }

    /// Each endpoint has certificates of its own, unless all serve the same.
    fn owned(&self, watch: &Watch, mut judged: Judged) -> Judged {
        if let (Outcome::Handshake(handshake), false) = (&mut judged.observation.outcome, self.shared) {
            let leaf = Arc::make_mut(&mut handshake.chain.leaf);
            leaf.fingerprint = Fingerprint::of(format!("{} {}", watch.endpoint.name, leaf.fingerprint).as_bytes());
        }
        judged
    }

    fn come(&mut self, after: Duration, event: Event) {
        self.count += 1;
        self.coming.insert((self.now.uptime + after, self.count), event);
    }

    /// Every mail so far, one line each: kind, recipient, and endpoint and stage of each case.
    fn mails(&self) -> Vec<String> {
        self.posted.iter().map(|(_, notice)| line(notice)).collect()
    }

    /// Every incident at every endpoint, one line each: endpoint, topic, state, stage.
    fn incidents(&self) -> Vec<String> {
        let line = |m: &Arc<Member>| format!("{}/{} {:?} {}", m.endpoint, m.key.topic.name(), m.state, m.stage());
        self.members().iter().map(line).collect()
    }

    fn members(&self) -> Vec<Arc<Member>> {
        self.brain.snapshot(self.now).incidents.into_iter().flat_map(|incident| incident.members).collect()
    }

    fn starts_of(&self, name: &str) -> Vec<Duration> {
        self.starts.iter().filter(|(_, started)| **started == *name).map(|(at, _)| *at).collect()
    }

    /// Of the only endpoint.
    fn addresses(&self) -> Vec<AddressView> {
        self.brain.snapshot(self.now).endpoints[0].addresses.clone()
    }
}

fn line(notice: &Notice) -> String {
    let cases = notice.cases.iter().map(|case| format!(" {} {}", case.member.endpoint, case.member.stage()));
    format!("{} {}{}", notice.kind.name(), notice.recipient, cases.collect::<String>())
}

fn settings() -> Settings {
    Settings { limits: Limits::default(), mail: true, built: Timestamp::UNIX_EPOCH, seed: 42, first_sweep: 10 * MINUTE }
}

/// The same at an address of its own.
fn apart(number: u16) -> Watch {
    let mut watch = watch(&format!("e{number}"));
    watch.endpoint.target.host = Host::Ip(IpAddr::from(std::net::Ipv4Addr::from(0x0a00_0000 + u32::from(number))));
    watch
}

/// An hourly endpoint with one owner.
fn watch(name: &str) -> Watch {
    let mut endpoint = Endpoint::new("192.0.2.1".parse().expect("a target"));
    endpoint.name = name.into();
    let policy = Policy { owners: vec!["owner@a.org".into()], ..Policy::default() };
    Watch { endpoint, expectation: Expectation::default(), trust: Arc::default(), stores: Arc::default(), policy: policy.into() }
}

fn ip(last: u8) -> IpAddr {
    IpAddr::from([192, 0, 2, last])
}

/// One address, 192.0.2.1.
#[expect(clippy::unnecessary_wraps, reason = "it is the answer of a site")]
fn only(judged: Judged) -> Option<Reply> {
    Some((vec![judged], vec![ip(1)]))
}

/// A certificate was seen, with these findings. It lasts from 2020 to 2040.
fn sees(address: u8, now: Now, findings: Vec<Finding>) -> Judged {
    let [from, to] = ["2020-01-01T00:00:00Z", "2040-01-01T00:00:00Z"].map(|at| at.parse().expect("a date"));
    presents(address, now, certificate(from, to), findings)
}

fn fine(address: u8, now: Now) -> Judged {
    sees(address, now, Vec::new())
}

/// A certificate was seen and is judged by its dates.
fn dated(address: u8, now: Now, watch: &Watch, not_before: Timestamp, not_after: Timestamp) -> Judged {
    let certificate = certificate(not_before, not_after);
    let facts = certificate.facts().expect("readable");
    let finding = if now.wall >= not_after {
        Some(Finding::Expired { not_after, now: now.wall })
    } else if now.wall < not_before {
        Some(Finding::NotYetValid { not_before })
    } else {
        let reached = watch.expectation.rules.expiry.reached(facts, now.wall);
        reached.map(|severity| Finding::ExpiresSoon { not_after, now: now.wall, severity })
    };
    presents(address, now, certificate, finding.into_iter().collect())
}

fn presents(address: u8, now: Now, leaf: Arc<Certificate>, findings: Vec<Finding>) -> Judged {
    let chain = Chain { leaf, rest: [].into() };
    let wants_client_certificate = false;
    let handshake =
        Handshake { chain, tls: Arc::default(), possession: Possession::Proven, wants_client_certificate, broken_off: None };
    judged(Some(ip(address)), now, Outcome::Handshake(handshake), findings)
}

fn down(address: u8, now: Now) -> Judged {
    failed(Some(ip(address)), now, Stage::Connect, FailureKind::Refused)
}

/// The name did not resolve.
#[expect(clippy::unnecessary_wraps, reason = "it is the answer of a site")]
fn unresolved(now: Now) -> Option<Reply> {
    Some((vec![failed(None, now, Stage::Resolve, FailureKind::DnsFailure)], Vec::new()))
}

fn failed(address: Option<IpAddr>, now: Now, stage: Stage, kind: FailureKind) -> Judged {
    let failure = Failure { stage, kind, detail: "no answer".into() };
    let finding = Finding::of_failure(&failure);
    judged(address, now, Outcome::Failure(failure), vec![finding])
}

fn judged(address: Option<IpAddr>, now: Now, outcome: Outcome, findings: Vec<Finding>) -> Judged {
    let findings = findings.into_iter().map(|finding| Found { finding, accepted: false }).collect();
    let verdict = matches!(outcome, Outcome::Handshake(_)).then(Verdict::default);
    let chain_status = if verdict.is_some() { ChainStatus::Complete } else { ChainStatus::None };
    Judged {
        observation: Observation::new(address, now.wall, outcome),
        diagnosis: Arc::new(Diagnosis { verdict, chain_status, findings, repair: None, borrowed: Issuers::default() }),
    }
}

fn gap() -> Finding {
    Finding::MissingIntermediate { missing: vec!["I".into()], after: "a.org".into() }
}

/// A certificate with these dates, the same for the same dates; the rest is the same for all.
fn certificate(not_before: Timestamp, not_after: Timestamp) -> Arc<Certificate> {
    static MOULD: OnceLock<Arc<Certificate>> = OnceLock::new();
    let mould = MOULD.get_or_init(|| {
        let made = rcgen::generate_simple_self_signed(vec!["a.org".to_owned()]).expect("a certificate");
        Certificate::from_der(made.cert.der())
    });
    let mut certificate = Certificate::clone(mould);
    let facts = certificate.facts.as_mut().expect("readable");
    (facts.not_before, facts.not_after) = (not_before, not_after);
    certificate.fingerprint = Fingerprint::of(format!("{not_before} {not_after}").as_bytes());
    Arc::new(certificate)
}
