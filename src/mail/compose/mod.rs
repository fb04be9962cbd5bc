//! Words for a notice: pure, and the same octets for the same notice.
//!
//! Whatever a certificate says is a stranger's text: it is made printable and cut before it stands in a letter, and no header
//! is made of it.

mod chain;
mod evidence;
mod expiry;
mod html;
mod layout;
mod message;
mod problem;
mod resolved;
mod summary;
#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;

use super::{Settings, samples::Sample};
use crate::{
    certificate::{Fingerprint, printable_cut},
    clock::{Timestamp, date},
    diagnosis::Severity,
    monitor::{Case, Notice, NoticeKind},
};
use layout::Body;

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
}

/// A letter before it is laid out.
#[derive(Debug, Default)]
struct Draft {
    subject: String,
    body: Body,
    /// What the first line is coloured by: `critical`, `warning`, `info`, `ok`; none for a letter that begins with a greeting.
    tone: Option<&'static str>,
    /// Where the finding is described at length.
    link: Option<String>,
    attachments: Vec<Attachment>,
}

impl Draft {
    fn lay_out(self) -> Letter {
        let html = html::write(&self);
        Letter { subject: self.subject, text: self.body.text(), html, attachments: self.attachments }
    }
}

/// A file that goes with a letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// Its file name: letters, digits, `.`, `-` and `_` only.
    pub name: String,
    /// What is in it: certificates as PEM, or the evidence in words.
    pub text: String,
}

/// The whole message (RFC 5322 and MIME, lines end with CRLF), ready for the outbox. Deterministic.
pub fn compose(notice: &Notice, settings: &Settings) -> Vec<u8> {
    message::write(&message::Head::of(notice), &letter(notice, settings), settings)
}

/// The words of a notice.
pub fn letter(notice: &Notice, settings: &Settings) -> Letter {
    let Some((case, others)) = notice.cases.split_first() else { return summary::letter(notice).lay_out() };
    let mut draft = match notice.kind {
        NoticeKind::Expiry => expiry::letter(notice, case),
        NoticeKind::Chain => chain::letter(notice, case, settings),
        NoticeKind::Problem => problem::letter(notice, case),
        NoticeKind::Resolved => resolved::letter(notice, case, settings),
        NoticeKind::Summary => return summary::letter(notice).lay_out(),
    };
    the_same_at(&mut draft.body, others);
    draft.lay_out()
}

/// The other endpoints of the recipient at which the incident holds, or held.
fn the_same_at(body: &mut Body, others: &[Case]) {
    if others.is_empty() {
        return;
    }
    body.heading(&format!("The same at {}", layout::count(others.len(), "other endpoint")));
    let mut places: Vec<String> = others.iter().take(LISTED).map(evidence::named_place).collect();
    if others.len() > LISTED {
        places.push(format!("and {} more, which the status page lists", others.len() - LISTED));
    }
    body.items(places);
}

/// How many other endpoints a letter lists.
const LISTED: usize = 200;

/// A page that leads to these letters' own pages, `NAME.html`, beside it.
pub fn gallery(samples: &[Sample], settings: &Settings) -> String {
    let subjects = samples.iter().map(|sample| (sample.name, letter(&sample.notice, settings).subject));
    html::gallery(&subjects.collect::<Vec<_>>())
}

/// The message that `certvigil mail test` sends to `to`.
pub fn test_message(settings: &Settings, to: &str, at: Timestamp) -> Vec<u8> {
    let mut text = Body::default();
    text.paragraph("Nothing is to be done: this is the test mail that somebody asked certvigil for, and it has arrived.");
    text.paragraph("Alerts take the same way: the same server, the same sender, the same kind of message.");
    text.facts(&[
        ("Sent", date(at)),
        ("Through", layout::safe(&format!("{}:{}", settings.server.host, settings.server.port))),
        ("To", layout::safe(to)),
    ]);
    let draft = Draft { subject: "[certvigil] test mail".into(), body: text, tone: Some("ok"), ..Draft::default() };
    let head = message::Head {
        id: format!("test-{}-{}", at.as_nanosecond(), &Fingerprint::of(to.as_bytes()).to_string()[..8]),
        kind: "test",
        recipient: to,
        reply_to: &[],
        thread: None,
        at,
    };
    message::write(&head, &draft.lay_out(), settings)
}

/// What people call the thing that is wrong, for a subject: a few words for each finding code.
fn title(code: &str) -> String {
    match code {
        "expired" => "certificate has expired",
        "not_yet_valid" => "certificate is not valid yet",
        "expires_soon" => "certificate expires soon",
        "missing_intermediate" => "incomplete certificate chain",
        "issuer_unknown" => "issuer of the certificate is unknown",
        "wrong_order" => "certificate chain in wrong order",
        "extra_certificates" => "needless certificates in the chain",
        "root_included" => "root certificate in the chain",
        "self_signed" => "self-signed certificate",
        "unknown_ca" => "certificate of an untrusted CA",
        "hostname_mismatch" => "certificate is for another name",
        "intermediate_expired" => "CA certificate is out of date",
        "key_possession_failed" => "server lacks the certificate's key",
        "unreadable_certificate" => "certificate that cannot be read",
        "bad_signature" => "bad signature in the chain",
        "weak_key" => "certificate with a weak key",
        "signature_unchecked" => "certificate signature not checked",
        "weak_signature" => "certificate with a weak signature",
        "intermediate_expires_soon" => "CA certificate expires soon",
        "outlives_issuer" => "CA certificate ends before its leaf",
        "unusual_key" => "key that browsers do not accept",
        "missing_san" => "certificate lacks alternative names",
        "missing_server_auth" => "certificate that is not for servers",
        "ca_as_leaf" => "CA certificate used by a server",
        "few_scts" => "certificate lacks CT timestamps",
        "internal_names" => "public certificate with inner names",
        "broad_wildcard" => "too broad a wildcard",
        "must_staple" => "certificate without its OCSP staple",
        "default_certificate" => "software's default certificate",
        "lint" => "certificate against the rules",
        "lifetime_too_long" => "certificate of too long a lifetime",
        "verification_refused" => "certificate verification fails",
        "handshake_failed" => "TLS handshake fails",
        "unreachable" => "server cannot be reached",
        "client_certificate_wanted" => "server wants a client certificate",
        other => return printable_cut(&other.replace('_', " "), 40),
    }
    .to_owned()
}

/// The colour of a severity.
fn tone(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Warning => "warning",
        Severity::Critical => "critical",
    }
}

/// `NAME: rest`, the name cut where the whole grew too long. Who writes is in `From`, and filters have `X-Certvigil-Kind`.
fn subject(case: &Case, rest: &str) -> String {
    let room = layout::SUBJECT.saturating_sub(": ".len() + rest.chars().count()).max(12);
    printable_cut(&format!("{}: {rest}", printable_cut(&case.watch.endpoint.name, room)), layout::SUBJECT)
}
