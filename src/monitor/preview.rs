//! The letters as they would go out now, for those who want to see them first.

use std::sync::Arc;

use super::{Case, EndpointView, IncidentView, Notice, NoticeKind, Rollout, Snapshot, tell};
use crate::incident::Audience;

impl Snapshot {
    /// What would be told now of each incident that stands at this endpoint: to the first of its owners, and to the first of its
    /// admins where they are written to. Whether they have heard of it already, or it is silenced, does not matter here.
    pub fn letters(&self, endpoint: &str) -> Vec<Notice> {
        let Some(policy) = self.named(endpoint).map(|view| &view.watch.policy) else { return Vec::new() };
        let is_here = |view: &&IncidentView| view.members.iter().any(|at| &*at.endpoint == endpoint && at.is_standing());
        let mut letters = Vec::new();
        for incident in self.incidents.iter().filter(is_here) {
            let is_letter = policy.write_to_admin && tell::kind(&incident.incident.key) == NoticeKind::Chain;
            let admin = policy.admins.first().filter(|_| is_letter).map(|admin| (admin, Audience::Admin));
            let owner = policy.owners.first().map(|owner| (owner, Audience::Owner));
            for (recipient, audience) in owner.into_iter().chain(admin) {
                let is_theirs = |view: &EndpointView| {
                    let policy = &view.watch.policy;
                    let people = if audience == Audience::Admin { &policy.admins } else { &policy.owners };
                    people.contains(recipient)
                };
                let standing = incident.members.iter().filter(|member| member.is_standing());
                let theirs = standing.filter_map(|member| Some((member, self.named(&member.endpoint)?)));
                let cases = theirs.filter(|(_, view)| is_theirs(view)).filter_map(|(member, view)| {
                    let seen = view.evidence(member);
                    let rollout = Rollout::of(view, &member.key.cause, false).filter(|_| member.is_open());
                    let habit = view.habit_to_tell(member);
                    let (incident, member, watch) = (Arc::clone(&incident.incident), Arc::clone(member), Arc::clone(&view.watch));
                    (!seen.is_empty()).then_some(Case { incident, member, watch, seen, rollout, habit })
                });
                letters.extend(tell::about_one((recipient.clone(), audience), cases.collect(), self.at));
            }
        }
        letters
    }
}
