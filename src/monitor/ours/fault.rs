//! A fault of our own, from the first doubt to the mail that says it is over.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use super::{
    super::{Monitor, Notice, NoticeKind, Own, Turn, notice, outbox::Before},
    ClockEvidence, Way,
};
use crate::clock::{Now, Timestamp, date};

/// What is wrong with us, most likely.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OwnKind {
    /// Nothing, or only the smaller part, can be reached.
    Network,
    /// No name can be resolved.
    Resolver,
    /// The local clock is wrong.
    Clock,
    /// The trust stores lack roots.
    Trust,
}

impl OwnKind {
    /// Every kind.
    pub const ALL: [OwnKind; 4] = [OwnKind::Network, OwnKind::Resolver, OwnKind::Clock, OwnKind::Trust];

    /// The stable name, for labels: `network`, `resolver`, `clock`, `trust`.
    pub fn name(self) -> &'static str {
        match self {
            OwnKind::Clock => "clock",
            OwnKind::Trust => "trust",
            OwnKind::Network => "network",
            OwnKind::Resolver => "resolver",
        }
    }
}

/// A fault of our own: what operators hear of instead of a flood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnFault {
    /// What is likely at fault.
    pub kind: OwnKind,
    /// Since when it is suspected; where the clock is, what it showed then.
    pub since: Timestamp,
    /// When it was over; `None` while it lasts.
    pub until: Option<Timestamp>,
    /// For how long, when it is over, whatever the clock says.
    pub lasted: Duration,
    /// How many places could not be reached when most were lost: addresses, or names for the resolver. Of the clock, how many
    /// certificates speak against it.
    pub lost: usize,
    /// Of so many that are watched and were not known to be down, or that say anything of the clock.
    pub of: usize,
    /// How the visits failed, or which roots are missing, with the number of endpoints: `timeout`, 812.
    pub failures: Vec<(String, usize)>,
    /// What speaks against the clock, where it is in doubt.
    pub clock: Option<ClockEvidence>,
}

impl OwnFault {
    /// One sentence.
    pub fn sentence(&self) -> String {
        let OwnFault { lost, of, since, .. } = self;
        if let Some(evidence) = self.clock {
            let shows = format!("the local clock showed {}", date(*since));
            let what = match evidence {
                ClockEvidence::BeforeBuild(built) => format!("{shows}, though this program was made on {}", date(built)),
                ClockEvidence::WentBack(before) => format!("{shows}, after {}", date(before)),
                ClockEvidence::NotYetValid => format!("{shows}, and {lost} of {of} certificates begin later"),
                ClockEvidence::Ended(then) => {
                    format!("{shows}, and {lost} of {of} certificates that were in order at {} are not any more", date(then))
                }
            };
            return format!("{what}: it is in doubt, and nobody is told of dates until that is settled");
        }
        let what = match self.kind {
            OwnKind::Trust => {
                format!("{lost} of {of} endpoints lead to roots that are missing now: our own trust store is the likely fault")
            }
            OwnKind::Resolver => format!("{lost} of {of} names could not be resolved: our own resolver is the likely fault"),
            _ => format!("{lost} of {of} addresses could not be reached: our own network is the likely fault"),
        };
        match self.until {
            None => format!("since {} {what}, and nobody is told of it server by server", date(*since)),
            Some(until) => format!("from {} to {} {what}", date(*since), date(until)),
        }
    }
}

/// From the first doubt of a kind to the last.
#[derive(Debug)]
pub(in crate::monitor) struct Episode {
    begun: Now,
    fault: OwnFault,
    is_told: bool,
}

impl Monitor {
    /// Begins, tells and ends episodes. Whether there is anything new to see.
    pub(in crate::monitor) fn mind_ourselves(&mut self, now: Now, turn: &mut Turn) -> bool {
        type Facts = (Now, usize, usize, Option<ClockEvidence>);
        let mut doubts: BTreeMap<OwnKind, Facts> = BTreeMap::new();
        for (way, begun) in self.ways.doubted() {
            let (lost, of) = self.ways.lost(way);
            let sum = doubts.entry(kind_of(way)).or_insert((begun, 0, 0, None));
            *sum = (if begun.uptime < sum.0.uptime { begun } else { sum.0 }, sum.1 + lost, sum.2 + of, None);
        }
        if let Some(doubt) = self.clock.doubt() {
            doubts.insert(OwnKind::Clock, (doubt.begun, doubt.against, doubt.of, Some(doubt.why)));
        }
        if let Some(begun) = self.anchors.doubted() {
            let (lost, of) = self.anchors.lost();
            doubts.insert(OwnKind::Trust, (begun, lost, of, None));
        }
        let mut is_news = false;
        for (kind, (begun, lost, of, clock)) in &doubts {
            let (kind, since, lasted, failures) = (*kind, begun.wall, Duration::ZERO, Vec::new());
            let fault = OwnFault { kind, since, until: None, lasted, lost: *lost, of: *of, failures, clock: *clock };
            let episode = self.episodes.entry(kind).or_insert_with(|| {
                is_news = true;
                Episode { begun: *begun, fault, is_told: false }
            });
            if *lost >= episode.fault.lost {
                (episode.fault.lost, episode.fault.of, episode.fault.clock) = (*lost, *of, *clock);
            }
        }
        for kind in OwnKind::ALL {
            if doubts.contains_key(&kind) {
                let is_due = self.episodes.get(&kind).is_some_and(|it| !it.is_told && it.tell_at() <= now.uptime);
                if is_due {
                    self.tell_of_fault(kind, now, turn);
                }
            } else if let Some(episode) = self.episodes.remove(&kind) {
                is_news = true;
                self.tell_of_end(episode, now, turn);
            }
        }
        is_news
    }

    /// When an episode has lasted long enough to be told of, in uptime.
    pub(in crate::monitor) fn next_telling(&self) -> Option<Duration> {
        self.episodes.values().filter(|episode| !episode.is_told).map(Episode::tell_at).min()
    }

    /// What is wrong with us now.
    pub(in crate::monitor) fn own_faults(&self) -> Vec<OwnFault> {
        self.episodes.values().map(|episode| episode.fault.clone()).collect()
    }

    fn tell_of_fault(&mut self, kind: OwnKind, now: Now, turn: &mut Turn) {
        let failures = match kind {
            OwnKind::Clock => Vec::new(),
            OwnKind::Trust => self.anchors.missing(),
            OwnKind::Network | OwnKind::Resolver => self.kinds_of_failure(),
        };
        let Some(episode) = self.episodes.get_mut(&kind) else { return };
        episode.is_told = true;
        episode.fault.failures = failures;
        let fault = episode.fault.clone();
        self.post_fault(&fault, now, turn);
    }

    /// Where the mail about the beginning has not left yet, which an outage makes likely, one mail says it all.
    fn tell_of_end(&mut self, episode: Episode, now: Now, turn: &mut Turn) {
        if episode.is_told {
            let lasted = now.uptime.saturating_sub(episode.begun.uptime);
            let fault = OwnFault { until: Some(now.wall), lasted, ..episode.fault };
            self.post_fault(&fault, now, turn);
        }
    }

    fn post_fault(&mut self, fault: &OwnFault, now: Now, turn: &mut Turn) {
        if !self.settings.mail {
            return;
        }
        for recipient in self.operators.clone() {
            let subject = notice::own_subject(fault);
            let withdrawn = self.outbox.withdraw(&subject, &recipient, now.uptime);
            let under_way = self.outbox.under_way(&subject, &recipient).cloned();
            turn.records.extend(withdrawn.iter().cloned().map(super::super::Record::MailGone));
            let thread = notice::own_id(&OwnFault { until: None, ..fault.clone() }, &recipient);
            let is_first = fault.until.is_none() || withdrawn.contains(&thread);
            let (thread, own) = ((!is_first).then_some(thread), Own::Fault(Arc::new(fault.clone())));
            let id = notice::own_id(fault, &recipient);
            let notice = Notice::of_own(id, NoticeKind::OwnFault, &recipient, thread, now.wall, own);
            let before = under_way.map(|id| Before { id, is_needed: false });
            self.post_own(notice, before, now, turn);
        }
    }

    /// How many endpoints fail now, by how they do.
    fn kinds_of_failure(&self) -> Vec<(String, usize)> {
        let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
        for dossier in self.endpoints() {
            let failures = dossier.view.addresses.iter().filter(|row| row.failed.is_some()).filter_map(|row| row.failure());
            if let Some(failure) = failures.max_by_key(|failure| failure.stage) {
                *kinds.entry(format!("{} at {}", failure.kind.name().replace('_', " "), failure.stage)).or_default() += 1;
            }
        }
        let mut kinds: Vec<_> = kinds.into_iter().collect();
        kinds.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        kinds
    }
}

impl Episode {
    fn tell_at(&self) -> Duration {
        let is_of_ways = matches!(self.fault.kind, OwnKind::Network | OwnKind::Resolver);
        let after = if is_of_ways { TELL_AFTER } else { TELL_OF_OTHERS_AFTER };
        self.begun.uptime.saturating_add(after)
    }
}

fn kind_of(way: Way) -> OwnKind {
    match way {
        Way::Resolver => OwnKind::Resolver,
        Way::Network(..) => OwnKind::Network,
    }
}

/// What is over sooner is not worth a mail.
const TELL_AFTER: Duration = Duration::from_mins(3);

/// A machine that has just been started may take longer to learn the time, and after a long sleep everything is to be looked at.
const TELL_OF_OTHERS_AFTER: Duration = Duration::from_mins(10);
