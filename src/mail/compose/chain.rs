//! The broken-chain letter: to whoever runs the server and may never have heard of us, or to the owner, to forward.

use super::{
    Attachment, Draft, evidence,
    layout::{Body, count, full, list, safe, sentence},
    message,
};
use crate::{
    certificate::printable_cut,
    clock::date,
    diagnosis::{Finding, Judged, Repair, Severity, directives},
    incident::Audience,
    mail::Settings,
    monitor::{Case, Notice},
};

pub(super) fn letter(notice: &Notice, case: &Case, settings: &Settings) -> Draft {
    let place = evidence::place(case);
    let subject = match notice.audience {
        Audience::Admin => format!("Incomplete certificate chain on {}", printable_cut(&place, 28)),
        Audience::Owner | Audience::Room | Audience::System => super::subject(case, "incomplete certificate chain"),
    };
    let repair = case.seen.iter().find_map(|judged| judged.diagnosis.repair.as_ref());
    let mut text = Body::default();
    if notice.audience == Audience::Owner {
        to_the_owner(&mut text, case, &place);
    }
    text.paragraph("Hello,");
    what_we_see(&mut text, case, &place);
    if let Some(judged) = evidence::witness(case) {
        text.heading("Diagnostic output");
        evidence::diagnostic(&mut text, judged);
        text.paragraph("You can see it yourself with this command:");
        text.verbatim([evidence::s_client(case)]);
        analysis(&mut text, judged, repair, evidence::works_where(notice, case).as_deref());
        request(&mut text, case, judged, repair);
    }
    text.heading("About this letter");
    let answerable = if notice.reply_to.is_empty() { &case.watch.policy.owners } else { &notice.reply_to };
    let replies = if answerable.is_empty() { message::sender(settings) } else { list(answerable, 4) };
    text.paragraph(&format!(
        "Everything above is what any client is shown when it connects; no secret is in this letter, and none is asked for. \
         It was written automatically, and a reply reaches a person: {replies}."
    ));
    text.paragraph(&format!("certvigil, a certificate monitor run by {replies}"));
    Draft {
        subject,
        body: text,
        tone: match notice.audience {
            Audience::Admin => None,
            Audience::Owner | Audience::Room | Audience::System => Some(super::tone(case.member.severity)),
        },
        attachments: attachments(repair).chain(to_be_sent_on(notice, case, settings)).collect(),
        ..Draft::default()
    }
}

/// The letter to the admin, where nobody sends it to them: a message that the owner opens and sends.
fn to_be_sent_on(notice: &Notice, case: &Case, settings: &Settings) -> Option<Attachment> {
    if notice.audience != Audience::Owner || is_sent(case) {
        return None;
    }
    let policy = &case.watch.policy;
    let letter = Notice {
        id: format!("{}.letter", notice.id),
        recipient: policy.admins.join(", "),
        audience: Audience::Admin,
        reply_to: policy.owners.clone(),
        thread: None,
        ..notice.clone()
    };
    let text = String::from_utf8(super::compose(&letter, settings)).ok()?;
    // Outlook opens it as a draft then.
    Some(Attachment { name: message::LETTER.into(), text: format!("X-Unsent: 1\r\n{text}") })
}

/// The letter goes to an admin.
fn is_sent(case: &Case) -> bool {
    case.watch.policy.write_to_admin && !case.watch.policy.admins.is_empty()
}

/// The ready chain, where there is one.
fn attachments(repair: Option<&Repair>) -> impl Iterator<Item = Attachment> {
    repair.map(|repair| Attachment { name: "fullchain.pem".into(), text: repair.to_pem() }).into_iter()
}

/// The paragraph that only the owner reads.
fn to_the_owner(text: &mut Body, case: &Case, place: &str) {
    let policy = &case.watch.policy;
    if is_sent(case) {
        text.paragraph(&format!(
            "Nothing is to be done by you for now: the letter below has been sent to {}, who runs {place}. Replies come to you.",
            list(&policy.admins, 4)
        ));
    } else {
        text.paragraph(&format!(
            "Please forward this letter to whoever runs {place}: it is written to them, and everything they need is in it. \
             It has been sent to nobody else. It is attached too, as {}, ready to be opened and sent.",
            message::LETTER
        ));
    }
    text.rule();
}

fn what_we_see(text: &mut Body, case: &Case, place: &str) {
    let addresses = &case.member.addresses;
    let at = match addresses.len() {
        0 => String::new(),
        1 => format!(", at the address {}", evidence::addresses(case)),
        _ => format!(", at the addresses {}", evidence::addresses(case)),
    };
    text.heading("What we see");
    text.paragraph(&format!(
        "Certificate verification fails when connecting to {place}{at}. First seen {}, last confirmed {}.",
        date(case.member.since),
        date(case.member.last_seen)
    ));
}

fn analysis(text: &mut Body, judged: &Judged, repair: Option<&Repair>, works_where: Option<&str>) {
    let leaf = judged.observation.chain().map(|chain| &chain.leaf);
    let facts = leaf.and_then(|leaf| leaf.facts());
    let missing = missing(judged, repair);
    text.heading("Analysis");
    text.paragraph(&format!(
        "The server sends its own certificate{}, but not the intermediate {} that the path to the root needs:",
        facts.map(|facts| format!(" ({})", evidence::name(&facts.subject))).unwrap_or_default(),
        if missing.len() > 1 { "certificates" } else { "certificate" },
    ));
    text.verbatim(missing);
    let address = facts.and_then(|facts| facts.extensions.ca_issuers.iter().find(|url| is_plain_url(url)));
    if let Some(works_where) = works_where {
        text.paragraph(&full(works_where));
    }
    text.paragraph(&match address {
        Some(url) => format!(
            "Browsers hide this, since they fetch a missing issuer from the address that the certificate names (AIA, {url}) or \
             have it from an earlier visit. Strict clients cannot: Python, Java, curl and most API clients refuse the connection."
        ),
        None => "Browsers may hide this, where they have the intermediate from an earlier visit. Strict clients cannot: Python, \
                 Java, curl and most API clients refuse the connection."
            .to_owned(),
    });
    let others: Vec<&Finding> =
        judged.diagnosis.findings.iter().filter(|found| is_another_flaw(found)).map(|f| &f.finding).collect();
    if !others.is_empty() {
        text.paragraph(&format!("Beside the chain we see {} more:", count(others.len(), "flaw")));
        text.items(others.iter().take(5).map(|finding| sentence(&finding.summary())).collect());
    }
}

fn request(text: &mut Body, case: &Case, judged: &Judged, repair: Option<&Repair>) {
    text.heading("Request");
    let Some(repair) = repair else {
        text.paragraph(
            "Please serve the full chain: the server's own certificate first, then the intermediates, without the root.",
        );
        return;
    };
    text.paragraph(
        "Please serve the full chain: the server's own certificate first, then the intermediates, without the root. The ready \
         file is attached as fullchain.pem. It holds public certificates only; the private key stays as it is.",
    );
    let clean = repair.verdict.code() == 0;
    if judged.diagnosis.finding("expired").is_some() {
        text.paragraph("The certificate itself has expired: please renew it first, and serve the new one with its full chain.");
    }
    let root = repair.chain.last().and_then(|top| top.facts()).map(|facts| evidence::name(&facts.issuer));
    let to_the_root = root.as_ref().map(|root| format!(" up to the root \"{root}\"")).unwrap_or_default();
    let (as_of, line) = (date(judged.observation.at), repair.verdict.line());
    let judgement = if clean {
        format!("it verifies{to_the_root}, with {line}")
    } else {
        // What the leaf itself is to blame for: no chain file mends that.
        format!("it leads{to_the_root} without a gap. What remains is the certificate's own flaw, named above, with {line}")
    };
    text.paragraph(&format!(
        "Proof: certvigil has judged the attached chain as of {as_of}, and {judgement}. This command shows it; where the \
         machine's store lacks the root, add it with -CAfile:",
    ));
    text.verbatim([evidence::verify(case)]);
    if let Some(facts) = repair.chain.first().and_then(|leaf| leaf.facts()) {
        text.paragraph(&format!(
            "The file belongs to the certificate that is served now (serial {}, valid until {}); after a renewal take the one \
             that the CA gives.",
            safe(&facts.serial_hex()),
            date(facts.not_after)
        ));
    }
    how_to_configure(text, case, repair);
    if clean {
        text.paragraph(
            "Afterwards the first command says: Verify return code: 0 (ok). Where the machine's store lacks the root, add it \
             there too with -CAfile.",
        );
    }
}

/// The directive and the reload, for the program that the server says it is or for the likely ones.
fn how_to_configure(text: &mut Body, case: &Case, repair: &Repair) {
    let lines = directives(&repair.programs(case.watch.endpoint.target.protocol));
    if lines.is_empty() {
        return;
    }
    text.paragraph(&match &repair.server {
        Some(server) => format!(
            "The server says it is {}. If that is what answers TLS there, this configures the chain, and reloads it:",
            safe(&server.says)
        ),
        None => "How the usual programs are configured, and reloaded:".to_owned(),
    });
    text.verbatim(lines);
}

/// The names of the intermediates that are left out, as openssl writes them where the certificates are at hand.
fn missing(judged: &Judged, repair: Option<&Repair>) -> Vec<String> {
    let added = repair.map(|repair| &repair.added[..]).unwrap_or_default();
    let names: Vec<String> = added.iter().filter_map(|c| c.facts()).map(|facts| evidence::name(&facts.subject)).collect();
    if !names.is_empty() {
        return names;
    }
    match judged.diagnosis.finding("missing_intermediate").map(|found| &found.finding) {
        Some(Finding::MissingIntermediate { missing, .. }) => missing.iter().take(10).map(|name| safe(name)).collect(),
        _ => vec!["(its name is not known)".into()],
    }
}

fn is_another_flaw(found: &crate::diagnosis::Found) -> bool {
    found.severity() == Severity::Critical && found.finding.code() != "missing_intermediate"
}

/// A certificate's address is shown only when it can be nothing but one.
fn is_plain_url(url: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-._~:/?&=%+".contains(&b);
    (url.starts_with("http://") || url.starts_with("https://")) && url.len() <= 120 && url.bytes().all(allowed)
}
