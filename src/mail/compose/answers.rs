//! The links by which a person can answer a mail about one incident.

use std::time::Duration;

use serde::Serialize;

use crate::{
    answer::{Action, Answer},
    clock::{Timestamp, later},
    incident::{Audience, channel_of},
    mail::{Language, Settings},
    monitor::{Case, Notice, NoticeKind},
};

/// A link for each answer.
#[derive(Debug, Serialize)]
pub(super) struct Answers {
    acknowledge: String,
    snooze: String,
    /// An operator has none: nobody stands behind them.
    decline: Option<String>,
    /// Until when they are good.
    until: String,
}

impl Answers {
    /// `None` where nothing is to be answered, or nobody takes answers. The letter to an admin is a stranger's, and goes from hand
    /// to hand: it has no links.
    pub(super) fn of(notice: &Notice, case: &Case, settings: &Settings, language: Language) -> Option<Self> {
        let is_open = matches!(notice.kind, NoticeKind::Expiry | NoticeKind::Chain | NoticeKind::Problem);
        let is_ours = notice.audience == Audience::Owner && channel_of(&notice.recipient).is_none();
        let links = settings.links.as_ref().filter(|_| is_open && is_ours)?;
        // A link knows seconds.
        let until = Timestamp::from_second(later(notice.at, GOOD_FOR).as_second()).unwrap_or(Timestamp::MAX);
        let link = |action| {
            let (incident, person) = (case.incident.id.clone(), notice.recipient.clone());
            let answer = Answer { action, incident, person, language: language.tag().to_owned(), until };
            format!("{}/answer/{}", links.url, links.key.seal(&answer))
        };
        let [acknowledge, snooze, decline] = Action::ALL.map(link);
        let decline = Some(decline).filter(|_| !settings.to.contains(&notice.recipient));
        Some(Answers { acknowledge, snooze, decline, until: language.date(until) })
    }

    pub(super) fn urls(&self) -> Vec<String> {
        [self.acknowledge.clone(), self.snooze.clone()].into_iter().chain(self.decline.clone()).collect()
    }
}

const GOOD_FOR: Duration = Duration::from_hours(30 * 24);
