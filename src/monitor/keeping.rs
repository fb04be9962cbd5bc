//! The state, where it cannot be written: told once it lasts, and once it is over. What is told then is delivered all the same.

use std::{sync::Arc, time::Duration};

use super::{Monitor, Notice, NoticeKind, Own, Record, Turn, notice};
use crate::clock::{Now, Timestamp};

/// What is wrong with the state, or was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateTrouble {
    /// Since when.
    pub since: Timestamp,
    /// When it was over; `None` while it lasts.
    pub until: Option<Timestamp>,
    /// The system's words, or, where the former state was damaged, the file it lies in now.
    pub why: String,
    /// The former state was damaged, and a new one begun.
    pub is_set_aside: bool,
}

/// From the first write that failed until none has for a while.
#[derive(Debug)]
pub(super) struct Failing {
    begun: Now,
    why: String,
    is_told: bool,
    /// Since when writes succeed again.
    well: Option<Now>,
}

impl Failing {
    /// When there is something to decide, in uptime.
    fn due(&self) -> Option<Duration> {
        match self.well {
            Some(well) => Some(well.uptime.saturating_add(CALM)),
            None => (!self.is_told).then(|| self.begun.uptime.saturating_add(TELL_AFTER)),
        }
    }
}

impl Monitor {
    /// The state could be written, or not: why. Whether that is news.
    pub(super) fn saved(&mut self, result: Result<(), String>, now: Now) -> bool {
        let trouble = result.err().map(|why| format!("the state cannot be written: {why}"));
        match (&trouble, &mut self.failing) {
            (Some(why), Some(failing)) => (failing.well, failing.why) = (None, why.clone()),
            (Some(why), None) => {
                self.failing = Some(Failing { begun: now, why: why.clone(), is_told: false, well: None });
            }
            (None, Some(failing)) => drop(failing.well.get_or_insert(now)),
            (None, None) => {}
        }
        let is_news = trouble != self.state_trouble;
        self.state_trouble = trouble;
        is_news
    }

    /// The former state was damaged and lies in `file` now. Whether that is news.
    pub(super) fn set_aside(&mut self, file: &str, now: Now, turn: &mut Turn) -> bool {
        let trouble = format!("the state was damaged and lies in {file} now; what was still wrong is told once more");
        let is_news = self.set_aside.replace(trouble).is_none();
        if is_news {
            let trouble = StateTrouble { since: now.wall, until: None, why: file.to_owned(), is_set_aside: true };
            self.tell_of_state(&trouble, now, turn);
        }
        is_news
    }

    /// Tells of a state that cannot be written, when that has lasted, and of its end.
    pub(super) fn mind_the_state(&mut self, now: Now, turn: &mut Turn) {
        let Some(failing) = self.failing.as_mut().filter(|it| it.due().is_some_and(|due| due <= now.uptime)) else { return };
        let (since, why, until) = (failing.begun.wall, failing.why.clone(), failing.well.map(|well| well.wall));
        let is_told = std::mem::replace(&mut failing.is_told, true);
        if until.is_some() {
            self.failing = None;
        }
        if until.is_none() || is_told {
            self.tell_of_state(&StateTrouble { since, until, why, is_set_aside: false }, now, turn);
        }
    }

    pub(super) fn next_word_of_the_state(&self) -> Option<Duration> {
        self.failing.as_ref().and_then(Failing::due)
    }

    fn tell_of_state(&mut self, trouble: &StateTrouble, now: Now, turn: &mut Turn) {
        if !self.settings.mail {
            return;
        }
        let subject = format!("state-{}", trouble.since.as_second());
        for recipient in self.operators.clone() {
            // Where the first has not left yet, the one about the end says it all.
            let withdrawn = self.outbox.withdraw(&subject, &recipient, now.uptime);
            let first = notice::state_id(&subject, "begun", &recipient);
            let follows = trouble.until.is_some() && !withdrawn.contains(&first);
            turn.records.extend(withdrawn.into_iter().map(Record::MailGone));
            let id = if trouble.until.is_some() { notice::state_id(&subject, "over", &recipient) } else { first.clone() };
            let (thread, own) = (follows.then_some(first), Own::State(Arc::new(trouble.clone())));
            self.post_own(Notice::of_own(id, NoticeKind::OwnFault, &recipient, thread, now.wall, own), None, now, turn);
        }
    }
}

/// What is over sooner is not worth a mail.
const TELL_AFTER: Duration = Duration::from_mins(1);

/// A disk that is nearly full takes this and refuses that: it is over when nothing was refused for so long.
const CALM: Duration = Duration::from_mins(2);
