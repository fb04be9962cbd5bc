//! Answers to mails, by their links: what a link would do is shown first, and done when that is confirmed. Programs that follow
//! every link in a mail so change nothing.
//!
//! The link itself is the proof: there is no cookie, and nobody can make another person's browser send what they do not have.

mod page;
#[cfg(test)]
mod tests;

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use hyper::{Method, StatusCode};
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, timeout},
};

use crate::{
    answer::{Action, Answer, Key, Refusal},
    monitor::{IncidentView, Snapshot},
};
pub(super) use page::STYLE;
use page::{Page, Words};

/// The way of answers to the brain.
#[derive(Debug)]
pub struct Answers {
    key: Key,
    asks: mpsc::Sender<Asked>,
    failures: Mutex<Bucket>,
}

/// An answer that was confirmed.
#[derive(Debug)]
pub struct Asked {
    /// What.
    pub answer: Answer,
    /// Told when it is done: whether it is on the disk.
    pub done: oneshot::Sender<bool>,
}

impl Answers {
    /// Takes links that are signed with this key.
    pub fn new(key: Key) -> (Self, mpsc::Receiver<Asked>) {
        let (asks, asked) = mpsc::channel(WAITING);
        (Answers { key, asks, failures: Mutex::new(Bucket::full(Instant::now())) }, asked)
    }

    /// Status and page for a link: the end of its path.
    pub(super) async fn respond(&self, method: &Method, link: &str, snapshot: &Snapshot) -> (StatusCode, String) {
        let answer = match self.key.open(link, snapshot.at) {
            Ok(answer) => answer,
            Err(Refusal::Expired(answer)) => return (StatusCode::GONE, Words::of(&answer.language).expired(answer.until)),
            Err(Refusal::Forged) => return self.failed(),
        };
        let words = Words::of(&answer.language);
        let Some(incident) = snapshot.incidents.iter().find(|view| view.incident.id == answer.incident && view.is_open()) else {
            return (StatusCode::GONE, words.over());
        };
        let page = Page { words, answer: &answer, incident };
        if *method != Method::POST {
            return (StatusCode::OK, if page.is_done() { page.done() } else { page.question() });
        }
        match self.ask(answer.clone()).await {
            Some(true) => (StatusCode::OK, page.done()),
            Some(false) => (StatusCode::INSUFFICIENT_STORAGE, words.unsaved()),
            None => (StatusCode::SERVICE_UNAVAILABLE, words.busy()),
        }
    }

    /// Whether it is on the disk; `None`: nobody takes it now.
    async fn ask(&self, answer: Answer) -> Option<bool> {
        let (done, saved) = oneshot::channel();
        self.asks.try_send(Asked { answer, done }).ok()?;
        timeout(PATIENCE, saved).await.ok()?.ok()
    }

    /// A link that is none of ours. So many are told what is wrong; who tries more is sent away.
    fn failed(&self) -> (StatusCode, String) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let words = Words::of("en");
        if failures.take(Instant::now()) {
            (StatusCode::NOT_FOUND, words.forged())
        } else {
            (StatusCode::TOO_MANY_REQUESTS, words.too_many())
        }
    }
}

/// Has so many left, and gets one more now and then.
#[derive(Debug)]
struct Bucket {
    left: u32,
    filled: Instant,
}

impl Bucket {
    fn full(now: Instant) -> Self {
        Bucket { left: FAILURES, filled: now }
    }

    fn take(&mut self, now: Instant) -> bool {
        let periods = now.saturating_duration_since(self.filled).as_secs() / EVERY.as_secs();
        let more = u32::try_from(periods).unwrap_or(FAILURES);
        if more > 0 {
            self.left = self.left.saturating_add(more).min(FAILURES);
            self.filled = now;
        }
        let is_one_left = self.left > 0;
        self.left = self.left.saturating_sub(1);
        is_one_left
    }
}

impl Page<'_> {
    /// What the link asks for is so already.
    fn is_done(&self) -> bool {
        let IncidentView { incident, members, .. } = self.incident;
        match self.answer.action {
            Action::Acknowledge => {
                members.iter().filter(|member| member.is_open()).all(|member| incident.is_acknowledged(member))
            }
            Action::Decline => incident.declined.contains(&self.answer.person),
            Action::Snooze => {
                let mut meant = members.iter().filter(|member| member.is_open() && self.is_meant(member)).peekable();
                meant.peek().is_some() && meant.all(|member| self.incident.silenced.contains_key(&member.endpoint))
            }
        }
    }
}

/// Answers that wait for the brain.
const WAITING: usize = 16;
/// How long somebody waits for the disk.
const PATIENCE: Duration = Duration::from_secs(10);
/// Wrong links at once.
const FAILURES: u32 = 20;
/// One more.
const EVERY: Duration = Duration::from_secs(3);
