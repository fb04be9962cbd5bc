//! From a letter to octets: headers (RFC 5322), MIME (RFC 2045), and nothing in a header that did not pass a filter.

use std::time::SystemTime;

use lettre::{
    Address, Message,
    address::Envelope,
    message::{
        Body, Mailbox, Mailboxes, MultiPart, SinglePart,
        header::{ContentDisposition, ContentTransferEncoding, ContentType, HeaderName, HeaderValue, To},
    },
};

use super::Letter;
use crate::{
    certificate::{Fingerprint, printable_cut},
    clock::Timestamp,
    mail::Settings,
    monitor::Notice,
};

/// What the headers are made of, beside the letter.
pub(super) struct Head<'a> {
    /// The left side of the Message-ID.
    pub(super) id: String,
    /// `X-Certvigil-Kind`, for filters.
    pub(super) kind: &'static str,
    /// The recipient's mail address; several with commas between them.
    pub(super) recipient: &'a str,
    /// Where replies go when not to the sender.
    pub(super) reply_to: &'a [String],
    /// The left side of the Message-ID of the thread's first mail.
    pub(super) thread: Option<&'a str>,
    /// The date.
    pub(super) at: Timestamp,
    /// It comes as one of many that nobody waits for, and may be done without.
    pub(super) is_digest: bool,
}

impl<'a> Head<'a> {
    pub(super) fn of(notice: &'a Notice) -> Self {
        Head {
            id: notice.id.clone(),
            kind: notice.kind.name(),
            recipient: &notice.recipient,
            reply_to: &notice.reply_to,
            thread: notice.thread.as_deref(),
            at: notice.at,
            is_digest: notice.kind.is_of_many(),
        }
    }
}

/// The address that mails come from, for a signature.
pub(super) fn sender(settings: &Settings) -> String {
    from(settings).email.to_string()
}

/// The whole message. The envelope is not derived from it: `deliver` is told the recipient.
pub(super) fn write(head: &Head<'_>, letter: &Letter, settings: &Settings) -> Vec<u8> {
    let from = from(settings);
    let domain = if from.email.domain().is_ascii() { from.email.domain().to_owned() } else { "certvigil.invalid".into() };
    let nobody = Envelope::new(Some(from.email.clone()), vec![from.email.clone()]).expect("an envelope with one recipient");
    let mut builder = Message::builder()
        .envelope(nobody)
        .from(from)
        .subject(printable_cut(&letter.subject, 100))
        .date(SystemTime::from(head.at.max(Timestamp::UNIX_EPOCH)))
        .message_id(Some(message_id(&head.id, &domain)));
    builder = match head.recipient.parse::<Mailboxes>() {
        Ok(recipients) if recipients.iter().next().is_some() => builder.mailbox(To::from(recipients)),
        _ => builder.raw_header(header("To", "undisclosed-recipients:;")),
    };
    for reply_to in head.reply_to.iter().filter_map(|address| address.parse::<Mailbox>().ok()) {
        builder = builder.reply_to(reply_to);
    }
    if let Some(thread) = head.thread.filter(|thread| *thread != head.id) {
        let root = message_id(thread, &domain);
        builder = builder.in_reply_to(root.clone()).references(root);
    }
    // RFC 3834, section 5: no vacation message answers it. The second is what Exchange heeds.
    builder = builder
        .raw_header(header("Auto-Submitted", "auto-generated"))
        .raw_header(header("X-Auto-Response-Suppress", "All"))
        .raw_header(header("X-Certvigil-Kind", head.kind));
    if let Some(operator) = settings.to.first().filter(|_| head.is_digest).and_then(|address| address.parse::<Address>().ok()) {
        // RFC 2369, section 3.2: who is written to is configured, and the operators do that.
        let wish = percent_encoded(&format!("unsubscribe {}", printable_cut(head.recipient, 100)));
        builder = builder.raw_header(header("List-Unsubscribe", &format!("<mailto:{operator}?subject={wish}>")));
    }
    let part = |kind: ContentType, text: &str| SinglePart::builder().header(kind).body(body(text));
    // The last is the one that a client prefers (RFC 2046, section 5.1.4).
    let both = MultiPart::alternative()
        .boundary(boundary(letter, "both"))
        .singlepart(part(ContentType::TEXT_PLAIN, &letter.text))
        .singlepart(part(ContentType::TEXT_HTML, &letter.html));
    let message = if letter.attachments.is_empty() {
        builder.multipart(both)
    } else {
        let mut parts = MultiPart::mixed().boundary(boundary(letter, "all")).multipart(both);
        for attachment in &letter.attachments {
            parts = parts.singlepart(
                SinglePart::builder()
                    .header(kind_of(&attachment.name))
                    .header(ContentDisposition::attachment(&attachment.name))
                    .body(if is_letter(&attachment.name) { as_it_is(&attachment.text) } else { body(&attachment.text) }),
            );
        }
        builder.multipart(parts)
    };
    message.expect("sender and envelope are set").formatted()
}

/// The name of a file that is a message itself, as [`write`] makes it.
pub(super) const LETTER: &str = "letter.eml";

fn is_letter(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, kind)| kind == "eml")
}

/// What a file is, by its name.
fn kind_of(name: &str) -> ContentType {
    match name {
        "evidence.txt" => ContentType::TEXT_PLAIN,
        name if is_letter(name) => ContentType::parse("message/rfc822").expect("a content type"),
        _ => ContentType::parse("application/x-pem-file").expect("a content type"),
    }
}

/// A message within a message is not encoded again (RFC 2046, section 5.2.1); ours are of seven bits.
fn as_it_is(message: &str) -> Body {
    Body::dangerous_pre_encoded(message.into(), ContentTransferEncoding::SevenBit)
}

/// Plain ASCII travels as it is, so that commands can be copied from the raw message too; all else as quoted-printable.
fn body(text: &str) -> Body {
    let short = |line: &str| line.len() <= 900;
    if text.is_ascii() && text.lines().all(short) && !text.lines().any(|line| line.ends_with([' ', '\t'])) {
        let lines = text.lines().fold(Vec::with_capacity(text.len() + 200), |mut out, line| {
            out.extend_from_slice(line.as_bytes());
            out.extend_from_slice(b"\r\n");
            out
        });
        Body::dangerous_pre_encoded(lines, ContentTransferEncoding::SevenBit)
    } else {
        Body::new_with_encoding(text.to_owned(), ContentTransferEncoding::QuotedPrintable)
            .expect("quoted-printable takes everything")
    }
}

/// The configured sender. The configuration has checked it; a daemon whose sender is no address still gets its mails out.
fn from(settings: &Settings) -> Mailbox {
    settings.from.parse().unwrap_or_else(|_| {
        let address = Address::new("certvigil", "localhost.localdomain").expect("a sound address");
        Mailbox::new(Some("certvigil".into()), address)
    })
}

/// `<id@domain>`. The id's alphabet is held here once more, and a thread that already carries a domain keeps it.
fn message_id(id: &str, domain: &str) -> String {
    let sound =
        |text: &str| -> String { text.chars().filter(|c| c.is_ascii_alphanumeric() || ".-_".contains(*c)).take(200).collect() };
    match id.split_once('@') {
        Some((left, right)) => format!("<{}@{}>", sound(left), sound(right)),
        None => format!("<{}@{}>", sound(id), sound(domain)),
    }
}

/// As it stands in an address (RFC 6068, section 2).
fn percent_encoded(text: &str) -> String {
    let octet = |octet: u8| match octet {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(octet).to_string(),
        _ => format!("%{octet:02X}"),
    };
    text.bytes().map(octet).collect()
}

/// The same for the same letter, and not to be foreseen by whoever wrote a name in it.
fn boundary(letter: &Letter, of: &str) -> String {
    let mut all = [of, &letter.text, &letter.html].concat();
    letter.attachments.iter().for_each(|attachment| all.push_str(&attachment.text));
    format!("certvigil-{}", &Fingerprint::of(all.as_bytes()).to_string()[..40])
}

fn header(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}
