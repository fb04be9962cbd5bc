//! Whether our trust stores can be right: after a start, or a reload that changes them, roots may be missing that are not meant to.
//!
//! For a while after that, an endpoint that was trusted and is no more waits: its new failure neither opens an incident nor is it
//! told of. When most of those that were looked at fail so, and not by one root alone, we doubt the stores, and the flood is held
//! until they trust again. What was only held, or is left when the doubt is over, is looked at again, and told as usual.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use super::super::{Monitor, Visited};
use crate::{
    clock::Now,
    diagnosis::{Finding, Topic},
};

/// What endpoints that had been trusted say since the stores may have changed.
#[derive(Debug, Default)]
pub(in crate::monitor) struct Anchors {
    /// In uptime, while it is to be seen what has changed.
    watched_until: Option<Duration>,
    /// By the endpoint's name: the root that is missing now, where there is one.
    seen: BTreeMap<Arc<str>, Option<String>>,
    /// How many of these lack each root: counted as they come, for this is asked at every event.
    missing: BTreeMap<String, usize>,
    doubt: Option<Now>,
}

impl Anchors {
    /// The stores may have changed.
    pub(in crate::monitor) fn changed(&mut self, now: Duration) {
        self.watched_until = Some(now.saturating_add(WATCH));
        self.seen.clear();
        self.missing.clear();
    }

    /// Since when they are in doubt.
    pub(in crate::monitor) fn doubted(&self) -> Option<Now> {
        self.doubt
    }

    /// A new failure of this endpoint waits.
    pub(in crate::monitor) fn holds(&self, endpoint: &Arc<str>) -> bool {
        self.seen.get(endpoint).is_some_and(Option::is_some)
    }

    /// How many endpoints fail, of how many.
    pub(super) fn lost(&self) -> (usize, usize) {
        (self.missing.values().sum(), self.seen.len())
    }

    /// The roots that are missing, with the number of endpoints that lead to them; the most frequent first.
    pub(super) fn missing(&self) -> Vec<(String, usize)> {
        let mut roots: Vec<_> = self.missing.iter().map(|(root, count)| (root.clone(), *count)).collect();
        roots.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        roots
    }

    pub(in crate::monitor) fn next_wake(&self) -> Option<Duration> {
        self.watched_until
    }

    fn is_flooded(&self) -> bool {
        let (lost, of) = self.lost();
        lost >= MANY && 2 * lost > of && self.missing.len() > 1
    }

    /// What this endpoint says now; it counts once.
    fn says(&mut self, endpoint: &Arc<str>, missing: Option<String>) {
        if let Some(root) = &missing {
            *self.missing.entry(root.clone()).or_default() += 1;
        }
        if let Some(Some(before)) = self.seen.insert(Arc::clone(endpoint), missing)
            && let Some(count) = self.missing.get_mut(&before)
        {
            *count -= 1;
            if *count == 0 {
                self.missing.remove(&before);
            }
        }
    }
}

impl Monitor {
    /// Whether the endpoint has been seen, and nothing was wrong with what it leads to.
    pub(in crate::monitor) fn was_trusted(&self, place: usize) -> bool {
        let dossier = &self.dossiers[place];
        let is_known = dossier.view.addresses.iter().any(|row| row.known.is_some());
        is_known && !dossier.members.values().any(|member| member.is_standing() && is_of_trust(member.key.topic))
    }

    /// Takes down what a visit has found where the endpoint leads.
    pub(in crate::monitor) fn mind_anchors_after(&mut self, report: &Visited, was_trusted: bool, now: Now) {
        let is_watched = self.anchors.watched_until.is_some() || self.anchors.doubt.is_some();
        let chains = || report.seen.iter().filter(|judged| judged.observation.chain().is_some());
        if !is_watched || !was_trusted || chains().next().is_none() {
            return;
        }
        let mut found = chains().flat_map(|judged| &judged.diagnosis.findings).filter(|found| !found.accepted);
        let missing = found.find_map(|found| root_of(&found.finding)).cloned();
        self.anchors.says(&report.endpoint, missing);
        if self.anchors.is_flooded() {
            self.anchors.doubt.get_or_insert(now);
        }
    }

    /// Ends the watch when its time is up, and the doubt when its reason is gone: what was held is looked at again.
    pub(in crate::monitor) fn mind_anchors(&mut self, now: Now) {
        self.anchors.watched_until.take_if(|until| *until <= now.uptime);
        let is_outlived = self.anchors.doubt.is_some_and(|begun| begun.uptime + LONGEST <= now.uptime);
        let is_settled = self.anchors.watched_until.is_none() || self.anchors.seen.len() >= MANY;
        if is_outlived || (is_settled && !self.anchors.is_flooded()) {
            self.anchors.doubt = None;
        }
        if self.anchors.watched_until.is_none() && self.anchors.doubt.is_none() {
            self.anchors.missing.clear();
            for (endpoint, missing) in std::mem::take(&mut self.anchors.seen) {
                if missing.is_some() {
                    self.schedule.hasten(&endpoint, now.uptime);
                }
            }
        }
    }
}

/// It is a matter of what our stores hold.
pub(in crate::monitor) fn is_of_trust(topic: Topic) -> bool {
    matches!(topic, Topic::Code("unknown_ca" | "issuer_unknown"))
}

fn root_of(finding: &Finding) -> Option<&String> {
    match finding {
        Finding::UnknownCa { root, .. } => Some(root),
        Finding::IssuerUnknown { issuer, .. } => Some(issuer),
        _ => None,
    }
}

/// So long after a change it is to be seen what it has brought.
const WATCH: Duration = Duration::from_mins(10);

/// Fewer endpoints than this are no flood.
const MANY: usize = 5;

/// A doubt must not silence what is wrong for ever.
const LONGEST: Duration = Duration::from_hours(24);
