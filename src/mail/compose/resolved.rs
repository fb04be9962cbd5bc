//! The all-clear, in the thread of what it ends.

use super::{
    Draft, evidence,
    layout::{self, Body, full, list, sentence},
    message,
};
use crate::{
    certificate::printable_cut,
    clock::date,
    incident::Audience,
    mail::Settings,
    monitor::{Case, Notice},
};

pub(super) fn letter(notice: &Notice, case: &Case, settings: &Settings) -> Draft {
    let place = evidence::named_place(case);
    let title = super::title(&case.member.code);
    let mended = case.seen.iter().map(|judged| judged.observation.at).max().unwrap_or(notice.at);
    let mut text = Body::default();
    let subject = match notice.audience {
        Audience::Admin => format!(
            "Resolved: {title} on {}",
            printable_cut(&evidence::place(case), layout::SUBJECT.saturating_sub("Resolved:  on ".len() + title.chars().count()))
        ),
        Audience::Owner | Audience::Room | Audience::System => super::subject(case, &format!("resolved: {title}")),
    };
    match notice.audience {
        Audience::Admin => text.paragraph(&format!(
            "Thank you: {} is in order again, and nothing is left to be done about our earlier letter.",
            evidence::place(case)
        )),
        Audience::Owner | Audience::Room | Audience::System => {
            text.paragraph(&format!("Nothing is left to be done: {place} is in order again."));
        }
    }
    let mut rows = vec![("What was wrong", full(&sentence(&case.member.summary)))];
    if !case.member.addresses.is_empty() {
        rows.push(("Seen at", evidence::addresses(case)));
    }
    rows.push(("First seen", date(case.member.since)));
    rows.push(("Last seen", date(case.member.last_seen)));
    rows.push(("Seen mended", date(mended)));
    if let Some(verdict) = evidence::witness(case).and_then(|judged| judged.diagnosis.verdict.as_ref()) {
        rows.push(("Now", verdict.line()));
    }
    if let Some(facts) =
        evidence::witness(case).and_then(|judged| judged.observation.chain()).and_then(|chain| chain.leaf.facts())
    {
        rows.push(("Valid until", date(facts.not_after)));
    }
    text.facts(&rows);
    if notice.audience == Audience::Admin {
        let replies = if notice.reply_to.is_empty() { message::sender(settings) } else { list(&notice.reply_to, 4) };
        text.paragraph(&format!("certvigil, a certificate monitor run by {replies}"));
    }
    Draft { subject, body: text, tone: Some("ok"), ..Draft::default() }
}
