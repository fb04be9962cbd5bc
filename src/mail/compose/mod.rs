//! Words for a notice: pure, and the same octets for the same notice.
//!
//! Whatever a certificate says is a stranger's text: it is made printable and cut before it stands in a letter, and no header
//! is made of it.

mod alive;
mod answers;
mod evidence;
mod facts;
mod forward;
mod html;
mod layout;
mod markup;
mod message;
mod own;
mod state;
mod summary;
mod templates;
#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;

use serde::Serialize;

use super::{Language, Settings, samples::Mail};
use crate::{
    certificate::{Fingerprint, printable_cut},
    clock::Timestamp,
    diagnosis::{Finding, Severity},
    incident::Audience,
    monitor::{Case, Notice, NoticeKind, Own},
};
use facts::Facts;
use layout::Body;
use summary::Summary;
pub use templates::{Templates, Trouble};

/// What a recipient reads, before it becomes a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// The subject: one line of at most 60 characters.
    pub subject: String,
    /// The text: lines end with `\n`, prose is wrapped.
    pub text: String,
    /// The same as HTML: one page, complete in itself.
    pub html: String,
    /// What goes with it.
    pub attachments: Vec<Attachment>,
    /// Why somebody's own template was not used: the letter is in the built-in words then.
    pub trouble: Option<Trouble>,
}

/// A message, ready for the outbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Composed {
    /// The whole of it (RFC 5322 and MIME, lines end with CRLF).
    pub message: Vec<u8>,
    /// As in the [`Letter`].
    pub trouble: Option<Trouble>,
}

/// A letter before it is laid out.
#[derive(Debug)]
struct Draft {
    language: Language,
    subject: String,
    body: Body,
    /// What the first line is coloured by: `critical`, `warning`, `info`, `ok`; none for a letter that begins with a greeting.
    tone: Option<&'static str>,
    /// Where the finding is described at length.
    link: Option<String>,
    /// The addresses that are answers.
    answers: Vec<String>,
    attachments: Vec<Attachment>,
    trouble: Option<Trouble>,
}

impl Draft {
    /// What a template makes of these facts: somebody's own or, where that fails, the built-in one.
    fn written(settings: &Settings, language: Language, template: &str, facts: &mut impl Fitting) -> Self {
        let (written, trouble) = match write(&settings.templates, language, template, facts) {
            Ok(written) => (Some(written), None),
            Err(trouble) => (write(&Templates::default(), language, template, facts).ok(), Some(trouble)),
        };
        let (subject, body) = written.unwrap_or_else(|| (format!("certvigil: {template}"), Body::default()));
        Draft { language, subject, body, tone: None, link: None, answers: Vec::new(), attachments: Vec::new(), trouble }
    }

    fn lay_out(self) -> Letter {
        let html = html::write(&self);
        Letter { subject: self.subject, text: self.body.text(), html, attachments: self.attachments, trouble: self.trouble }
    }
}

/// Facts whose subject can be made to fit.
trait Fitting: Serialize {
    /// Makes what stands in the subject shorter, by so many characters where it can.
    fn shorten(&mut self, _by: usize) {}
}

/// Subject and body; the subject in 60 characters.
fn write(templates: &Templates, language: Language, name: &str, facts: &mut impl Fitting) -> Result<(String, Body), Trouble> {
    let (mut subject, body) = templates.render(language, name, facts)?;
    let excess = subject.chars().count().saturating_sub(layout::SUBJECT);
    if excess > 0 {
        facts.shorten(excess);
        (subject, _) = templates.render(language, name, facts)?;
    }
    Ok((printable_cut(&subject, layout::SUBJECT), body))
}

/// A file that goes with a letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// Its file name: letters, digits, `.`, `-` and `_` only.
    pub name: String,
    /// What is in it: certificates as PEM, or the evidence in words.
    pub text: String,
}

/// The whole message, ready for the outbox. Deterministic.
pub fn compose(notice: &Notice, settings: &Settings) -> Composed {
    let letter = letter(notice, settings);
    Composed { message: message::write(&message::Head::of(notice), &letter, settings), trouble: letter.trouble }
}

/// The words of a notice.
pub fn letter(notice: &Notice, settings: &Settings) -> Letter {
    let language = settings.language_of(&notice.recipient);
    match &notice.own {
        Some(Own::Fault(fault)) => return own::draft(fault, settings, language).lay_out(),
        Some(Own::State(trouble)) => return state::draft(trouble, settings, language).lay_out(),
        Some(Own::Alive(alive)) => return alive::draft(alive, notice.at, settings, language).lay_out(),
        None => {}
    }
    let mut draft = match notice.cases.split_first() {
        Some((case, others)) if !notice.kind.is_of_many() => about_one(notice, case, others, settings, language),
        _ => Draft {
            tone: Some(tone(notice.cases.iter().map(|case| case.member.severity).max().unwrap_or(Severity::Info))),
            attachments: summary::attachments(notice, settings),
            ..Draft::written(settings, language, "summary.txt", &mut Summary::of(notice, settings, language))
        },
    };
    if let Some(refused) = &notice.in_place_of {
        draft.body.add_second(layout::full(&language.in_place_of(refused)));
    }
    draft.lay_out()
}

/// A letter about one incident.
fn about_one(notice: &Notice, case: &Case, others: &[Case], settings: &Settings, language: Language) -> Draft {
    let ready_chain = || facts::repair(case).map(|repair| Attachment { name: "fullchain.pem".into(), text: repair.to_pem() });
    let to_be_sent_on = || forward::draft(notice, case, settings);
    let (template, attachments) = match notice.kind {
        NoticeKind::Expiry => ("expiry.txt", evidence::attached(notice, case)),
        NoticeKind::Chain => ("chain.txt", ready_chain().into_iter().chain(to_be_sent_on()).collect()),
        NoticeKind::Resolved => ("resolved.txt", Vec::new()),
        NoticeKind::Problem | NoticeKind::Summary | NoticeKind::Digest | NoticeKind::OwnFault | NoticeKind::Alive => {
            ("problem.txt", evidence::attached(notice, case))
        }
    };
    let mut facts = Facts::of(notice, case, others, settings, language);
    Draft {
        tone: match (notice.kind, notice.audience) {
            (NoticeKind::Resolved, _) => Some("ok"),
            (NoticeKind::Chain, Audience::Admin) => None,
            _ => Some(tone(case.member.severity)),
        },
        link: Some(Finding::link(&case.member.code)),
        answers: facts.answers(),
        attachments,
        ..Draft::written(settings, language, template, &mut facts)
    }
}

/// A page that leads to these mails' own pages, `NAME.html`, beside it.
pub fn gallery(mails: &[Mail]) -> String {
    html::gallery(mails)
}

/// The words of the message that `certvigil mail test` sends to `to`.
pub fn test_letter(settings: &Settings, to: &str, at: Timestamp) -> Letter {
    #[derive(Serialize)]
    struct Test {
        /// When it was sent.
        at: String,
        /// The mail server.
        server: String,
        recipient: String,
    }
    impl Fitting for Test {}
    let language = settings.language_of(to);
    let mut facts = Test {
        at: language.date(at),
        server: layout::safe(&format!("{}:{}", settings.server.host, settings.server.port)),
        recipient: layout::safe(to),
    };
    Draft { tone: Some("ok"), ..Draft::written(settings, language, "test.txt", &mut facts) }.lay_out()
}

/// The whole of it.
pub fn test_message(settings: &Settings, to: &str, at: Timestamp) -> Composed {
    let head = message::Head {
        id: format!("test-{}-{}", at.as_nanosecond(), &Fingerprint::of(to.as_bytes()).to_string()[..8]),
        kind: "test",
        recipient: to,
        reply_to: &[],
        thread: None,
        at,
        is_digest: false,
    };
    let letter = test_letter(settings, to, at);
    Composed { message: message::write(&head, &letter, settings), trouble: letter.trouble }
}

/// The colour of a severity.
fn tone(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Warning => "warning",
        Severity::Critical => "critical",
    }
}
