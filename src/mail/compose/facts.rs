//! The facts of a notice, as templates have them: the same in every language, but for dates, numbers and the words of findings.
//!
//! A letter to an admin is made of what any client is shown: of ours it has nothing but the address to answer to.

use std::sync::Arc;

use serde::Serialize;

use super::{
    Fitting,
    answers::Answers,
    evidence, forward,
    layout::{safe, sentence},
    message,
};
use crate::{
    certificate::{Certificate, printable_cut},
    clock::{Timestamp, elapsed},
    diagnosis::{Finding, Judged, Origin, Repair, Severity, Verdict, directives},
    incident::{Audience, State, Told, channel_of},
    mail::{Language, Settings},
    monitor::{Case, Notice},
    observation::Stage,
};

/// How many names, addresses, certificates are listed.
const LISTED: usize = 10;
/// How many addresses, as many as are visited.
const ADDRESSES: usize = 16;
/// How many other endpoints.
const OTHERS: usize = 200;

/// What a letter about one incident is made of. Everything is safe to print.
#[derive(Debug, Serialize)]
pub(super) struct Facts {
    /// `owner`, `admin`.
    audience: &'static str,
    /// The endpoint as its owner calls it; to an admin, where it is. In the subject it is cut until all fits.
    name: String,
    /// `shop.example:443`.
    place: String,
    /// Name and place, or only one of them where the other says nothing more.
    endpoint: String,
    /// The name that is asked for, where it is not the one that is connected to.
    server_name: Option<String>,
    /// Where it was seen; empty when the name did not resolve.
    addresses: String,
    /// How many these are.
    address_count: usize,
    first_seen: String,
    last_seen: String,
    finding: Found,
    /// The first end among the certificates, where there is one.
    end: Option<End>,
    /// The certificates at fault, the first end first.
    certificates: Vec<Shown>,
    /// Those that are not shown.
    more_certificates: usize,
    /// Where it works and where it fails: a sentence, where a client refuses it.
    works_where: Option<String>,
    /// How far the new certificate has come, where the old one is still shown too: a sentence.
    rollout: Option<String>,
    /// When it usually renews, where that is known and it ends soon: a sentence.
    habit: Option<String>,
    /// What ended the visit without a certificate.
    failure: Option<Failed>,
    /// OpenSSL's errors, and its last line.
    openssl: Vec<String>,
    /// The chain as presented.
    chain: Vec<String>,
    commands: Commands,
    gap: Gap,
    /// What the server should serve, where that is known.
    repair: Option<Repaired>,
    /// The visit that proves the end of it.
    mended: Mended,
    /// How the reader can answer.
    answers: Option<Answers>,
    /// Those who have said that it is not theirs, to somebody who hears of it instead; empty to all others.
    declined: String,
    /// Why it comes to somebody who does not hear of it first.
    escalation: Option<Escalation>,
    /// Who runs the server.
    admins: String,
    /// They get the letter about a broken chain.
    admin_is_written_to: bool,
    /// Who answers a reply.
    replies: String,
    /// The other endpoints of the recipient at which the same holds.
    others: Vec<String>,
    /// How many other endpoints there are.
    other_count: usize,
}

/// What is wrong.
#[derive(Debug, Serialize)]
pub(super) struct Found {
    pub(super) code: String,
    /// A few words.
    title: String,
    /// A sentence.
    pub(super) summary: String,
    /// What to do: a sentence, where the visit that has the finding is at hand.
    pub(super) hint: Option<String>,
    /// `info`, `warning`, `critical`.
    severity: &'static str,
    /// The same in the letter's language.
    severity_word: &'static str,
    /// `server`, `client`, `network`, `unclear`.
    fault: Option<&'static str>,
    /// Where it is described at length.
    link: String,
}

#[derive(Debug, Serialize)]
struct End {
    date: String,
    day: String,
    /// How far it is from now, one way or the other: `6 days`.
    span: String,
    is_over: bool,
}

#[derive(Debug, Serialize)]
struct Shown {
    readable: bool,
    subject: String,
    names: String,
    issuer: String,
    serial: String,
    sha256: String,
    begin: String,
    end: String,
    /// Where it is served.
    addresses: String,
}

#[derive(Debug, Serialize)]
struct Failed {
    stage: &'static str,
    kind: &'static str,
    detail: String,
}

#[derive(Debug, Serialize)]
struct Commands {
    /// The one that shows what was seen.
    see: String,
    /// The one that verifies the attached chain.
    verify: String,
}

/// What a broken chain lacks.
#[derive(Debug, Serialize)]
struct Gap {
    /// The server's own certificate.
    leaf: Option<String>,
    /// The intermediates that are left out; empty when their names are not known.
    missing: Vec<String>,
    /// Where the certificate says that its issuer is to be had.
    aia: Option<String>,
    /// What else is wrong, as sentences.
    flaws: Vec<String>,
    has_expired: bool,
}

#[derive(Debug, Serialize)]
struct Repaired {
    root: Option<String>,
    as_of: String,
    /// OpenSSL's last line on it.
    verdict: String,
    /// It verifies. If not, what remains is the leaf's own flaw.
    is_clean: bool,
    serial: Option<String>,
    end: Option<String>,
    /// Where each of the missing certificates was had from.
    origins: Vec<String>,
    /// What the server says it is.
    server: Option<String>,
    /// How it is configured, line by line.
    directives: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Escalation {
    /// How long it has been open: `2 d 3 h`.
    open: String,
    /// Those who have been told before, and when the first of them was.
    told: String,
    told_at: String,
}

#[derive(Debug, Serialize)]
struct Mended {
    at: String,
    /// [`Mending::name`](crate::incident::Mending::name); empty where it is not known.
    by: &'static str,
    /// From when it was first seen.
    after: String,
    verdict: Option<String>,
    end: Option<String>,
}

impl Facts {
    pub(super) fn of(notice: &Notice, case: &Case, others: &[Case], settings: &Settings, language: Language) -> Self {
        let is_for_admin = notice.audience == Audience::Admin;
        let place = evidence::place(case);
        let endpoint = &case.watch.endpoint;
        let witness = evidence::witness(case);
        let groups = at_fault(case);
        let policy = &case.watch.policy;
        let answerable = if notice.reply_to.is_empty() && !is_for_admin { &policy.owners } else { &notice.reply_to };
        let chain = witness.and_then(|judged| judged.observation.chain());
        let leaf = chain.and_then(|chain| chain.leaf.facts());
        Facts {
            audience: if is_for_admin { Audience::Admin.name() } else { Audience::Owner.name() },
            name: if is_for_admin { place.clone() } else { safe(&endpoint.name) },
            endpoint: if is_for_admin { place.clone() } else { evidence::named_place(case) },
            place,
            server_name: (endpoint.server_name != endpoint.target.host).then(|| safe(&endpoint.server_name.to_string())),
            addresses: language.list(&case.member.addresses, ADDRESSES),
            address_count: case.member.addresses.len(),
            first_seen: language.date(case.member.since),
            last_seen: language.date(case.member.last_seen),
            finding: Found::of(case, witness, language),
            end: end_of(&groups).map(|end| End {
                date: language.date(end),
                day: language.day(end),
                span: language.span(end.min(notice.at), end.max(notice.at)),
                is_over: case.member.code == "expired",
            }),
            certificates: groups.iter().take(LISTED / 2).map(|group| Shown::of(group, language)).collect(),
            more_certificates: groups.len().saturating_sub(LISTED / 2),
            works_where: works_where(notice, case, language),
            rollout: case.rollout.as_ref().map(|rollout| language.rollout(rollout)),
            habit: case.habit.as_ref().map(|habit| language.habit(habit, notice.at)),
            failure: witness.and_then(|judged| judged.observation.failure()).map(|failure| Failed {
                stage: language.stage(failure.stage),
                kind: failure.kind.name(),
                detail: sentence(&failure.detail),
            }),
            openssl: witness.map(evidence::openssl).unwrap_or_default(),
            chain: witness.map(evidence::presented).unwrap_or_default(),
            commands: Commands { see: see(case, witness), verify: evidence::verify(case) },
            gap: Gap::of(witness, case, language),
            repair: witness.and_then(|judged| Some((judged, repair(case)?))).map(|(judged, repair)| {
                let leaf = repair.chain.first().and_then(|leaf| leaf.facts());
                Repaired {
                    root: repair.chain.last().and_then(|top| top.facts()).map(|facts| evidence::name(&facts.issuer)),
                    as_of: language.date(judged.observation.at),
                    verdict: repair.verdict.line(),
                    is_clean: repair.verdict.code() == 0,
                    serial: leaf.map(|leaf| safe(&leaf.serial_hex())),
                    end: leaf.map(|leaf| language.date(leaf.not_after)),
                    origins: origins(repair, language),
                    server: repair.server.as_ref().map(|server| safe(&server.says)),
                    directives: directives(&repair.programs(endpoint.target.protocol)),
                }
            }),
            mended: Mended {
                by: if let State::Mended(_, how) = case.member.state { how.name() } else { "" },
                after: elapsed(case.member.since, if let State::Mended(at, _) = case.member.state { at } else { notice.at }),
                at: language.date(case.seen.iter().map(|judged| judged.observation.at).max().unwrap_or(notice.at)),
                verdict: witness.and_then(|judged| judged.diagnosis.verdict.as_ref()).map(Verdict::line),
                end: leaf.map(|leaf| language.date(leaf.not_after)),
            },
            answers: Answers::of(notice, case, settings, language),
            declined: declined(notice, case, language),
            escalation: Escalation::of(notice, case, language),
            admins: language.list(&policy.admins, 4),
            admin_is_written_to: forward::is_sent(notice, case),
            replies: if answerable.is_empty() { message::sender(settings) } else { language.list(answerable, 4) },
            others: if is_for_admin { Vec::new() } else { others.iter().take(OTHERS).map(evidence::named_place).collect() },
            other_count: if is_for_admin { 0 } else { others.len() },
        }
    }
}

impl Facts {
    /// The addresses of the links by which the reader can answer.
    pub(super) fn answers(&self) -> Vec<String> {
        self.answers.as_ref().map(Answers::urls).unwrap_or_default()
    }
}

impl Fitting for Facts {
    fn shorten(&mut self, by: usize) {
        let most = self.name.chars().count().saturating_sub(by).max(12);
        self.name = printable_cut(&self.name, most);
    }
}

impl Found {
    /// The finding in this language: from the visit that has it, or else as it is remembered.
    pub(super) fn of(case: &Case, witness: Option<&Judged>, language: Language) -> Self {
        let member = &case.member;
        let found = witness.and_then(|judged| judged.diagnosis.finding(&member.code)).map(|found| &found.finding);
        let summary = match found {
            // The sentence is that of the worst address, and so is what is remembered.
            Some(_) if language == Language::English => member.summary.clone(),
            Some(finding) => language.summary(finding),
            None => language.remembered(&member.code, &member.summary),
        };
        Found {
            code: safe(&member.code),
            title: language.title(&member.code),
            summary: sentence(&summary),
            hint: found.map(|finding| sentence(&language.hint(finding))),
            severity: member.severity.name(),
            severity_word: language.severity(member.severity),
            fault: found.map(|finding| finding.fault().name()),
            link: Finding::link(&member.code),
        }
    }
}

impl Escalation {
    fn of(notice: &Notice, case: &Case, language: Language) -> Option<Self> {
        let policy = &case.watch.policy;
        let has_heard = |told: &&Told| !told.is_over() && !told.thread.is_empty() && !policy.is_escalated_to(&told.recipient);
        let mut told: Vec<_> = case.incident.told.iter().filter(has_heard).collect();
        // Who stands in for one that was refused is named where nobody else has heard.
        if told.iter().any(|told| policy.is_heard_first_by(&told.recipient)) {
            told.retain(|told| policy.is_heard_first_by(&told.recipient));
        }
        let told_at = told.iter().map(|told| told.at).min().filter(|_| policy.is_escalated_to(&notice.recipient))?;
        let name = |told: &&Told| channel_of(&told.recipient).unwrap_or(&told.recipient).to_owned();
        Some(Escalation {
            open: elapsed(case.member.since, notice.at),
            told: language.list(&told.iter().map(name).collect::<Vec<_>>(), 4),
            told_at: language.date(told_at),
        })
    }
}

impl Gap {
    fn of(witness: Option<&Judged>, case: &Case, language: Language) -> Self {
        let facts = witness.and_then(|judged| judged.observation.chain()).and_then(|chain| chain.leaf.facts());
        let flaws = witness.into_iter().flat_map(|judged| &judged.diagnosis.findings).filter(|found| is_another_flaw(found));
        Gap {
            leaf: facts.map(|facts| evidence::name(&facts.subject)),
            missing: witness.map(|judged| missing(judged, repair(case))).unwrap_or_default(),
            aia: facts.and_then(|facts| facts.ca_issuers().into_iter().find(|url| is_plain_url(url))),
            flaws: flaws.map(|found| sentence(&language.summary(&found.finding))).collect(),
            has_expired: witness.is_some_and(|judged| judged.diagnosis.finding("expired").is_some()),
        }
    }
}

impl Shown {
    fn of(group: &Group<'_>, language: Language) -> Self {
        let facts = group.leaf.facts();
        let names: Vec<String> = facts.into_iter().flat_map(crate::certificate::Facts::sans).map(|san| san.to_string()).collect();
        Shown {
            readable: facts.is_some(),
            subject: facts.map(|facts| evidence::name(&facts.subject)).unwrap_or_default(),
            names: language.list(&names, LISTED),
            issuer: facts.map(|facts| evidence::name(&facts.issuer)).unwrap_or_default(),
            serial: facts.map(|facts| safe(&facts.serial_hex())).unwrap_or_default(),
            sha256: group.leaf.fingerprint.to_string(),
            begin: facts.map(|facts| language.date(facts.not_before)).unwrap_or_default(),
            end: facts.map(|facts| language.date(facts.not_after)).unwrap_or_default(),
            addresses: language.list(&group.addresses, ADDRESSES),
        }
    }
}

/// Who says that it is not theirs, where that is why it comes to this reader.
fn declined(notice: &Notice, case: &Case, language: Language) -> String {
    let (policy, to) = (&case.watch.policy, &notice.recipient);
    let is_theirs = policy.is_heard_first_by(to) || policy.is_escalated_to(to);
    if is_theirs { String::new() } else { language.list(&case.incident.declined, 4) }
}

/// A certificate, and where it is served.
struct Group<'a> {
    leaf: &'a Arc<Certificate>,
    addresses: Vec<String>,
}

/// The certificates of the visits that have the finding, or of all when none has; the first end first.
fn at_fault(case: &Case) -> Vec<Group<'_>> {
    let has_it = |judged: &&Arc<Judged>| judged.diagnosis.finding(&case.member.code).is_some();
    let mut chosen: Vec<&Arc<Judged>> = case.seen.iter().filter(has_it).collect();
    if chosen.is_empty() {
        chosen = case.seen.iter().collect();
    }
    let mut groups: Vec<Group<'_>> = Vec::new();
    for judged in chosen {
        let Some(chain) = judged.observation.chain() else { continue };
        let address = judged.observation.address.map(|address| address.to_string());
        match groups.iter_mut().find(|group| group.leaf.fingerprint == chain.leaf.fingerprint) {
            Some(group) => group.addresses.extend(address),
            None => groups.push(Group { leaf: &chain.leaf, addresses: address.into_iter().collect() }),
        }
    }
    groups.sort_by_key(|group| group.leaf.facts().map_or(Timestamp::MAX, |facts| facts.not_after));
    groups
}

fn end_of(groups: &[Group<'_>]) -> Option<Timestamp> {
    groups.iter().filter_map(|group| group.leaf.facts()).map(|facts| facts.not_after).min()
}

/// As clients see what the witness saw; `None` where none of them refuses it for a fault of anybody's.
fn works_where(notice: &Notice, case: &Case, language: Language) -> Option<String> {
    let views = case.watch.views(evidence::witness(case)?, notice.at)?;
    views.fault.map(|_| sentence(&language.works_where(&views)))
}

/// What the server should serve, where a visit has found that out.
pub(super) fn repair(case: &Case) -> Option<&Repair> {
    case.seen.iter().find_map(|judged| judged.diagnosis.repair.as_deref())
}

/// Where the missing certificates were had from; an address only where it can be shown.
fn origins(repair: &Repair, language: Language) -> Vec<String> {
    let shown = |origin: &Origin| match origin {
        Origin::Address(url) => language.origin(origin, Some(url.as_str()).filter(|url| is_plain_url(url))),
        Origin::Server | Origin::Store => language.origin(origin, None),
    };
    repair.origins().iter().take(LISTED).map(shown).collect()
}

fn see(case: &Case, witness: Option<&Judged>) -> String {
    let failure = witness.and_then(|judged| judged.observation.failure());
    if failure.is_some_and(|failure| failure.stage == Stage::Resolve) {
        format!("getent ahosts {}", case.watch.endpoint.target.host)
    } else {
        evidence::s_client(case)
    }
}

/// The names of the intermediates that are left out, as openssl writes them where the certificates are at hand.
fn missing(judged: &Judged, repair: Option<&Repair>) -> Vec<String> {
    let added = repair.map(|repair| &repair.added[..]).unwrap_or_default();
    let names: Vec<String> = added.iter().filter_map(|c| c.facts()).map(|facts| evidence::name(&facts.subject)).collect();
    match judged.diagnosis.finding("missing_intermediate").map(|found| &found.finding) {
        Some(Finding::MissingIntermediate { missing, .. }) if names.is_empty() => {
            missing.iter().take(LISTED).map(|name| safe(name)).collect()
        }
        _ => names,
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
