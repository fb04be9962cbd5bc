//! Those whose mails the server refuses for good: it is told until they take mail again or nobody writes to them any more, and who
//! stands in for them knows in whose place they read.

use super::{MailResult, Monitor, Record, Turn};
use crate::clock::{Timestamp, date};

/// Mail to somebody was refused for good, the last time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Whose mail address.
    pub recipient: String,
    /// When.
    pub at: Timestamp,
    /// The server's words, safe to print.
    pub why: String,
    /// Who heard of it instead: mail addresses.
    pub instead: Vec<String>,
}

/// Somebody who does not hear of it themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InPlaceOf {
    /// A mail address, or a [channel](crate::incident::channel_of).
    pub recipient: String,
    /// The words with which it was refused, safe to print.
    pub why: String,
}

impl Refusal {
    /// One sentence.
    pub(super) fn sentence(&self) -> String {
        let heard =
            if self.instead.is_empty() { String::new() } else { format!(", and {} heard instead", self.instead.join(", ")) };
        format!("mail to {} was refused for good on {}{heard}: {}", self.recipient, date(self.at), self.why)
    }
}

impl Monitor {
    /// A mail to `recipient` has come back: refused for good, and `instead` heard of it, or not.
    pub(super) fn remember_refusal(&mut self, refusal: Refusal, result: MailResult, turn: &mut Turn) {
        match result {
            MailResult::Refused => {
                turn.records.push(Record::Refused(refusal.clone()));
                self.refusals.insert(refusal.recipient.clone(), refusal);
            }
            MailResult::Delivered if self.refusals.remove(&refusal.recipient).is_some() => {
                turn.records.push(Record::RefusedNoMore(refusal.recipient));
            }
            MailResult::Delivered | MailResult::Deferred => {}
        }
    }

    /// Forgets those to whom nobody writes any more.
    pub(super) fn forget_refusals(&mut self, turn: &mut Turn) {
        let mut refusals = std::mem::take(&mut self.refusals);
        refusals.retain(|recipient, _| {
            let is_written_to = self.is_written_to(recipient);
            if !is_written_to {
                turn.records.push(Record::RefusedNoMore(recipient.clone()));
            }
            is_written_to
        });
        self.refusals = refusals;
    }

    fn is_written_to(&self, address: &String) -> bool {
        let policies = self.dossiers.iter().map(|dossier| &dossier.view.watch.policy);
        let mut lists = policies.flat_map(|policy| {
            let admins = if policy.write_to_admin { &policy.admins[..] } else { &[] };
            let stand_ins = policy.channels.iter().map(|channel| &channel.fallback[..]);
            let later = policy.escalation.iter().map(|step| &step.to[..]);
            [&policy.owners[..], &policy.fallback[..], admins].into_iter().chain(stand_ins).chain(later)
        });
        self.operators.contains(address) || lists.any(|list| list.contains(address))
    }
}
