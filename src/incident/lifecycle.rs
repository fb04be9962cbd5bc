//! Quiet, suspected, open, mended: what a visit makes of an incident at an endpoint. Who hears of it is `monitor`'s.

use core::net::IpAddr;
use std::{collections::BTreeMap, sync::Arc};

use super::{Cause, Incident, IncidentKey, Member, State, Step, Told, stable_hash};
use crate::{
    clock::Timestamp,
    diagnosis::{Found, Judged, Severity},
};

/// A finding that holds at one address.
#[derive(Clone, Copy, Debug)]
pub struct Held<'a> {
    /// Where; `None` when the name did not resolve.
    pub address: Option<IpAddr>,
    /// The visit at hand saw it; otherwise it is what was last known there.
    pub fresh: bool,
    /// So many visits to this address in a row have failed; counts only for what needs confirmation.
    pub looks: u8,
    /// In which visit.
    pub judged: &'a Judged,
    /// What.
    pub found: &'a Found,
}

/// All that holds of one incident, over every address of an endpoint.
///
/// A failure is confirmed address by address. It is told of the addresses where it is confirmed, and while there is none, of
/// those that are nearest to it; others join when their own third failure in a row confirms them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// The code of the worst finding at these addresses.
    pub code: &'static str,
    /// The worst.
    pub severity: Severity,
    /// How far an end has come.
    pub step: Step,
    /// The sentence of the worst finding.
    pub summary: String,
    /// The addresses it is told of, as text.
    pub addresses: Vec<String>,
    /// How often it was seen in a row at each of these addresses; [`LOOKS`] when confirmed, or in no need of it.
    pub looks: u8,
    /// The visit at hand saw it, at one of these addresses at least.
    pub fresh: bool,
}

/// Groups the findings that hold at an endpoint by incident. What is accepted, or only worth knowing, makes none.
///
/// Of what is a matter of time alone, the stage is that of `now`.
pub fn sightings<'a>(
    endpoint: &Arc<str>,
    held: impl IntoIterator<Item = Held<'a>>,
    now: Timestamp,
) -> BTreeMap<IncidentKey, Sighting> {
    let mut sightings: BTreeMap<IncidentKey, Sighting> = BTreeMap::new();
    for Held { address, fresh, looks, judged, found } in held {
        if found.severity() < Severity::Warning {
            continue;
        }
        let finding = &found.finding;
        let key = IncidentKey { topic: finding.topic(), cause: Cause::of(endpoint, judged, finding) };
        let step = Step::of(finding, key.cause.certificate(judged).and_then(|certificate| certificate.facts()), now);
        let severity = if step >= Step::LastDay { Severity::Critical } else { found.severity() };
        let looks = if finding.needs_confirmation() { looks.min(LOOKS) } else { LOOKS };
        let address = address.map(|address| address.to_string());
        let known = sightings.get_mut(&key).filter(|sighting| sighting.looks >= looks);
        let Some(sighting) = known else {
            let nearest = Sighting {
                code: finding.code(),
                severity,
                step,
                summary: finding.summary(),
                addresses: address.into_iter().collect(),
                looks,
                fresh,
            };
            sightings.insert(key, nearest);
            continue;
        };
        if looks < sighting.looks {
            continue;
        }
        if (severity, step, fresh) > (sighting.severity, sighting.step, sighting.fresh) {
            sighting.code = finding.code();
            sighting.severity = severity;
            sighting.step = step;
            sighting.summary = finding.summary();
        }
        sighting.fresh |= fresh;
        sighting.addresses.extend(address.filter(|address| !sighting.addresses.contains(address)));
    }
    sightings
}

impl Sighting {
    /// An incident, not only a suspicion.
    fn is_confirmed(&self) -> bool {
        self.looks >= LOOKS
    }
}

impl Incident {
    /// A new one, first seen at this endpoint.
    pub fn begin(key: IncidentKey, endpoint: &str, now: Timestamp) -> Self {
        let topic = key.topic.name();
        let id = stable_hash(&[topic, &key.cause.to_string(), endpoint, &now.to_string()]);
        Incident {
            id: format!("{}-{id:016x}", topic.replace('_', "-")),
            key,
            since: now,
            told: Vec::new(),
            acknowledged: None,
            declined: Vec::new(),
        }
    }

    /// Where the recipient believes it to stand; `None` when nobody has told them, or they know that it is over.
    pub fn told_to(&self, recipient: &str) -> Option<&Told> {
        self.told.iter().find(|told| told.recipient == recipient && !told.is_over())
    }

    /// Whether `recipient` should hear of it now, for the sake of this endpoint of theirs: open, and never told, or worse than
    /// what was told. Better is no news, and neither is one more endpoint, nor a reminder where somebody sees to it.
    pub fn is_news_to(&self, recipient: &str, member: &Member) -> bool {
        let told = self.told_to(recipient);
        let is_worse = |told: &Told| member.weight() > weight_of_stage(&told.stage) && !self.is_acknowledged(member);
        member.is_open() && told.is_none_or(is_worse)
    }

    /// Somebody sees to it, and at this endpoint it is no worse than it was when they said so. A reminder that it has ended is
    /// nothing worse.
    pub fn is_acknowledged(&self, member: &Member) -> bool {
        let known = self.acknowledged.as_ref().map(|known| weight_of_stage(&known.stage));
        let turn = |(severity, step): (Severity, Step)| (severity, step.min(Step::Ended));
        known.is_some_and(|known| turn(member.weight()) <= turn(known))
    }
}

impl Told {
    /// They know that it has ended.
    pub fn is_over(&self) -> bool {
        self.stage.is_empty()
    }

    /// From now on they know.
    pub fn end(&mut self) {
        self.stage.clear();
    }

    /// They know that it holds, and not how badly: whatever is told next is news.
    pub fn forget_stage(&mut self) {
        let code = self.stage.split_once('/').map_or(&*self.stage, |(code, _)| code);
        self.stage = format!("{code}/{}", Severity::Info);
    }
}

impl Member {
    /// The first bad visit: open at once, or suspected when it takes more looks.
    pub fn begin(endpoint: &Arc<str>, key: IncidentKey, sighting: Sighting, now: Timestamp) -> Self {
        Member {
            endpoint: Arc::clone(endpoint),
            key,
            code: sighting.code.to_owned(),
            severity: sighting.severity,
            step: sighting.step,
            state: if sighting.is_confirmed() { State::Open } else { State::Suspected(sighting.looks) },
            summary: sighting.summary,
            addresses: sighting.addresses,
            since: now,
            last_seen: now,
            heard: Vec::new(),
        }
    }

    /// One more bad visit. What is open stays as it is while an address only is suspected to join it.
    pub fn seen_again(&mut self, sighting: Sighting, now: Timestamp) {
        if !self.is_standing() {
            let heard = std::mem::take(&mut self.heard);
            *self = Member { heard, ..Member::begin(&self.endpoint, self.key.clone(), sighting, now) };
            return;
        }
        if !sighting.is_confirmed() {
            if self.is_open() {
                return;
            }
            if sighting.looks <= 1 {
                // The addresses that were suspected before have shown a certificate since.
                self.since = now;
            }
        }
        self.state = if sighting.is_confirmed() { State::Open } else { State::Suspected(sighting.looks) };
        self.code.clear();
        self.code.push_str(sighting.code);
        self.severity = self.severity.max(sighting.severity);
        self.step = sighting.step;
        self.summary = sighting.summary;
        self.addresses = sighting.addresses;
        self.last_seen = now;
    }

    /// What is known by now is a worse stage than the last that was seen: time alone can bring that about.
    pub fn is_outgrown_by(&self, sighting: &Sighting) -> bool {
        (sighting.severity, sighting.step) > self.weight()
    }

    /// Real, not only suspected.
    pub fn is_open(&self) -> bool {
        self.state == State::Open
    }

    /// When a visit has proven the end, where it is mended.
    pub fn mended_at(&self) -> Option<Timestamp> {
        if let State::Mended(at, _) = self.state { Some(at) } else { None }
    }

    /// Suspected or open.
    pub fn is_standing(&self) -> bool {
        !matches!(self.state, State::Mended(..))
    }

    /// Whether `recipient` knows that it holds here, or held.
    pub fn is_known_to(&self, recipient: &str) -> bool {
        self.heard.iter().any(|known| known == recipient)
    }

    /// Where it stands, as [`Told::stage`] keeps it: `expires_soon/warning`, `expired/daily-3`.
    pub fn stage(&self) -> String {
        format!("{}/{}", self.code, self.rank())
    }

    /// The second half of its stage: the severity, or the step where that says more. [`rank_of`] reads it.
    pub fn rank(&self) -> String {
        if self.step.is_named() { self.step.to_string() } else { self.severity.to_string() }
    }

    /// Orders members of one incident: the worst is the greatest.
    pub fn weight(&self) -> (Severity, Step) {
        (self.severity, self.step)
    }
}

/// Reads what [`Member::rank`] writes of a member with this code: orders the stages of one topic. `None` for what it never writes.
pub fn rank_of(code: &str, rank: &str) -> Option<(Severity, Step)> {
    if let Some(step) = Step::from_text(rank) {
        return Some((Severity::Critical, step));
    }
    let step = if code.ends_with("expired") { Step::Ended } else { Step::Threshold };
    let severities = [Severity::Critical, Severity::Warning, Severity::Info];
    severities.into_iter().find(|known| known.name() == rank).map(|severity| (severity, step))
}

fn weight_of_stage(stage: &str) -> (Severity, Step) {
    let (code, rank) = stage.split_once('/').unwrap_or((stage, ""));
    rank_of(code, rank).unwrap_or((Severity::Info, Step::Threshold))
}

/// So many failed visits to one address in a row make a network failure real.
pub const LOOKS: u8 = 3;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        clock::later,
        diagnosis::Finding,
        diagnosis::{ChainStatus, Diagnosis, Issuers},
        incident::Audience,
        observation::{Failure, FailureKind, Observation, Outcome, Stage},
    };

    fn found(finding: Finding) -> Found {
        Found { finding, accepted: false }
    }

    fn soon(severity: Severity) -> Found {
        let at = Timestamp::UNIX_EPOCH;
        found(Finding::ExpiresSoon { not_after: later(at, Duration::from_hours(48)), now: at, severity })
    }

    fn expired() -> Found {
        found(Finding::Expired { not_after: Timestamp::UNIX_EPOCH, now: Timestamp::UNIX_EPOCH })
    }

    fn refused() -> Found {
        let failure = Failure { stage: Stage::Connect, kind: FailureKind::Refused, detail: "refused".into() };
        found(Finding::of_failure(&failure))
    }

    /// Some visit that saw no certificate: what is found there is put down to the endpoint.
    fn judged() -> Judged {
        let failure = Failure { stage: Stage::Connect, kind: FailureKind::Refused, detail: "refused".into() };
        let at = Timestamp::UNIX_EPOCH;
        Judged {
            observation: Observation::new(None, at, Outcome::Failure(failure)),
            diagnosis: Arc::new(Diagnosis {
                verdict: None,
                chain_status: ChainStatus::None,
                findings: Vec::new(),
                repair: None,
                borrowed: Issuers::default(),
            }),
        }
    }

    fn sighting(of: &[(&str, bool, u8, &Found)]) -> Sighting {
        let judged = &judged();
        let held = of.iter().map(|(address, fresh, looks, found)| Held {
            address: address.parse().ok(),
            fresh: *fresh,
            looks: *looks,
            judged,
            found,
        });
        let mut sightings = sightings(&"a".into(), held, Timestamp::UNIX_EPOCH);
        assert_eq!(sightings.len(), 1);
        sightings.pop_first().expect("one").1
    }

    fn key(of: &Found) -> IncidentKey {
        IncidentKey { topic: of.finding.topic(), cause: Cause::Endpoint("a".into()) }
    }

    fn member(of: &Found) -> Member {
        Member::begin(&"a".into(), key(of), sighting(&[("192.0.2.1", true, 1, of)]), Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn the_worst_over_the_addresses_speaks_for_the_topic() {
        let (warning, critical, expired) = (soon(Severity::Warning), soon(Severity::Critical), expired());
        let all = sighting(&[
            ("192.0.2.1", true, 0, &warning),
            ("192.0.2.2", false, 0, &expired),
            ("192.0.2.3", true, 0, &critical),
            ("192.0.2.2", false, 0, &warning),
        ]);
        assert_eq!((all.code, all.severity, all.fresh), ("expired", Severity::Critical, true));
        assert_eq!(all.addresses, ["192.0.2.1", "192.0.2.2", "192.0.2.3"]);
    }

    #[test]
    fn accepted_and_merely_interesting_findings_make_no_incident() {
        let accepted = Found { accepted: true, ..refused() };
        let info = found(Finding::RootIncluded { root: "R".into() });
        let judged = &judged();
        let held = [&accepted, &info].map(|found| Held { address: None, fresh: true, looks: LOOKS, judged, found });
        assert!(sightings(&"a".into(), held, Timestamp::UNIX_EPOCH).is_empty());
    }

    #[test]
    fn a_network_failure_is_open_at_the_third_look_and_a_certificate_at_the_first() {
        assert!(member(&soon(Severity::Warning)).is_open());
        let mut incident = member(&refused());
        let mut states = vec![incident.state];
        for looks in 2..5 {
            incident.seen_again(sighting(&[("192.0.2.1", true, looks, &refused())]), Timestamp::UNIX_EPOCH);
            states.push(incident.state);
        }
        assert_eq!(states, [State::Suspected(1), State::Suspected(2), State::Open, State::Open]);
    }

    #[test]
    fn each_address_is_confirmed_by_its_own_failures_and_joins_then() {
        let mut incident = member(&refused());
        let (found, suspected) = (refused(), State::Suspected);
        let course = [
            (vec![("192.0.2.2", 1)], suspected(1), vec!["192.0.2.2"]),
            (vec![("192.0.2.2", 2), ("192.0.2.3", 1)], suspected(2), vec!["192.0.2.2"]),
            (vec![("192.0.2.2", 3), ("192.0.2.3", 2)], State::Open, vec!["192.0.2.2"]),
            (vec![("192.0.2.2", 4), ("192.0.2.3", 3)], State::Open, vec!["192.0.2.2", "192.0.2.3"]),
            (vec![("192.0.2.4", 1)], State::Open, vec!["192.0.2.2", "192.0.2.3"]),
            (vec![("192.0.2.4", 3)], State::Open, vec!["192.0.2.4"]),
        ];
        for (second, (failures, state, addresses)) in (1..).zip(course) {
            let held: Vec<_> = failures.iter().map(|(address, looks)| (*address, true, *looks, &found)).collect();
            incident.seen_again(sighting(&held), Timestamp::from_second(second).expect("a moment"));
            assert_eq!((incident.state, incident.since.as_second()), (state, 1), "step {second}");
            assert_eq!(incident.addresses, addresses, "step {second}");
        }
    }

    #[test]
    fn worse_is_news_and_the_same_or_better_is_not() {
        let mut incident = Incident::begin(key(&expired()), "a", Timestamp::UNIX_EPOCH);
        let mut member = member(&soon(Severity::Warning));
        assert!(incident.is_news_to("o@a.org", &member));
        let mut heard = |member: &mut Member, found: &Found| {
            member.seen_again(sighting(&[("192.0.2.1", true, 1, found)]), Timestamp::UNIX_EPOCH);
            let news = incident.is_news_to("o@a.org", member);
            if news {
                let (stage, thread) = (member.stage(), String::new());
                let at = Timestamp::UNIX_EPOCH;
                incident.told =
                    vec![Told { recipient: "o@a.org".into(), audience: Audience::Owner, stage, thread, at, round: 1 }];
            }
            news
        };
        let course = [
            (soon(Severity::Warning), true),
            (soon(Severity::Warning), false),
            (soon(Severity::Critical), true),
            (soon(Severity::Warning), false),
            (soon(Severity::Critical), false),
            (expired(), true),
            (soon(Severity::Critical), false),
            (expired(), false),
        ];
        for (step, (found, expected)) in course.iter().enumerate() {
            assert_eq!(heard(&mut member, found), *expected, "step {step}");
        }
        assert_eq!(member.stage(), "expired/critical");
    }

    #[test]
    fn an_id_is_fit_for_a_message_id() {
        let id = Incident::begin(key(&found(Finding::WrongOrder)), "a", Timestamp::UNIX_EPOCH).id;
        assert!(id.starts_with("wrong-order-"), "{id}");
        assert!(id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'), "{id}");
    }
}
