//! The chain as a picture: the leaf above, what it stands on below. Places and words; the template draws them.

use std::{fmt::Write as _, sync::Arc};

use serde::Serialize;

use super::parts::{End, end};
use crate::{
    certificate::{Certificate, printable_cut},
    clock::Timestamp,
    diagnosis::{Expiry, ExtraKind, Lineage, Link, Stranger, Top},
};

/// A picture, in its own units.
#[derive(Debug, Serialize)]
pub(super) struct Picture {
    width: usize,
    height: usize,
    /// The same in a sentence.
    told: String,
    cards: Vec<Card>,
    ties: Vec<Tie>,
}

/// One certificate.
#[derive(Debug, Serialize)]
struct Card {
    x: usize,
    y: usize,
    width: usize,
    height: usize,
    /// `sent`, `absent`, `anchor`, `stranger`, `nobody`: how it looks.
    look: &'static str,
    /// Its place in what was sent, from 1; empty where it was not.
    place: String,
    name: String,
    role: String,
    /// Something is wrong with it.
    wrong: bool,
    end: Option<End>,
    /// How much of its life is over, as a length of the bar.
    spent: usize,
}

/// What holds a certificate on to the one below it in the picture.
#[derive(Debug, Serialize)]
struct Tie {
    x: usize,
    from: usize,
    to: usize,
    /// One of the two is not sent.
    broken: bool,
    /// The lower one is where it breaks.
    cut: bool,
}

/// A picture of this; at most so many certificates of it, as in the metrics.
pub(super) fn picture(lineage: &Lineage, expiry: &Expiry, now: Timestamp) -> Picture {
    let mut picture = Picture { width: WIDTH, height: 0, told: told(lineage), cards: Vec::new(), ties: Vec::new() };
    let last = lineage.path.len() - 1;
    for (depth, link) in lineage.path.iter().take(MOST).enumerate() {
        let is_top = depth == last;
        let absent = link.sent.is_none() && !(is_top && lineage.top == Top::Anchored);
        let look = match (is_top, &lineage.top) {
            (true, Top::Anchored) => "anchor",
            (true, Top::Untrusted) if link.sent.is_some() => "untrusted",
            _ if absent => "absent",
            _ => "sent",
        };
        let (role, is_odd) = role(depth, is_top, link, &lineage.top);
        let card = Card { look, role, ..card(&link.certificate, link.sent, expiry, now) };
        let broken = depth > 0 && (absent || lineage.path[depth - 1].sent.is_none() && look != "anchor");
        picture.put(Card { wrong: is_odd || !link.errors.is_empty(), ..card }, 0, (depth > 0).then_some(broken));
    }
    if lineage.path.len() > MOST {
        picture.put(words("absent", format!("and {} more", lineage.path.len() - MOST), String::new()), 0, Some(false));
    } else if let Top::Open(issuer) = &lineage.top {
        let role = "signed it, and is nowhere to be had".to_owned();
        picture.put(words("nobody", printable_cut(issuer, NAME), role), 0, Some(true));
    }
    if !lineage.strangers.is_empty() {
        picture.height += GAP / 2;
    }
    for stranger in lineage.strangers.iter().take(MOST) {
        let card = card(&stranger.certificate, Some(stranger.sent), expiry, now);
        picture.put(Card { look: "stranger", role: stranger_role(stranger), wrong: false, ..card }, INDENT, None);
    }
    if lineage.strangers.len() > MOST {
        let more = format!("and {} more", lineage.strangers.len() - MOST);
        picture.put(words("stranger", more, "sent, and no part of the path".into()), INDENT, None);
    }
    picture
}

impl Picture {
    /// Puts a card under the last one, tied to it or not.
    fn put(&mut self, card: Card, indent: usize, tie: Option<bool>) {
        let gap = if tie.is_some() { GAP } else { GAP / 2 };
        let y = if self.cards.is_empty() { 1 } else { self.height + gap };
        if let Some(broken) = tie {
            let cut = broken && self.cards.last().is_some_and(|above| above.look == "sent");
            self.ties.push(Tie { x: TIE, from: self.height, to: y, broken, cut });
        }
        self.cards.push(Card { x: indent + 1, y, width: WIDTH - indent - 2, ..card });
        self.height = y + HEIGHT;
    }
}

fn card(certificate: &Arc<Certificate>, sent: Option<usize>, expiry: &Expiry, now: Timestamp) -> Card {
    let facts = certificate.facts();
    let name = facts.map_or_else(|| "cannot be read".to_owned(), |facts| facts.subject.short());
    let life = facts.map_or(1, |facts| facts.not_after.as_second().saturating_sub(facts.not_before.as_second())).max(1);
    let lived = facts.map_or(0, |facts| now.as_second().saturating_sub(facts.not_before.as_second())).clamp(0, life);
    let spent = i64::try_from(BAR).unwrap_or(0).saturating_mul(lived) / life;
    let mut end = facts.map(|facts| end(facts.not_after, expiry.reached(facts, now), now));
    if let (Some(end), Some(facts)) = (&mut end, facts)
        && facts.not_before > now
    {
        end.begins_later(facts.not_before, now);
    }
    Card {
        x: 0,
        y: 0,
        width: WIDTH,
        height: HEIGHT,
        look: "sent",
        place: sent.map(|at| (at + 1).to_string()).unwrap_or_default(),
        name: printable_cut(&name, NAME),
        role: String::new(),
        wrong: false,
        end,
        spent: usize::try_from(spent).unwrap_or(0),
    }
}

fn words(look: &'static str, name: String, role: String) -> Card {
    let (x, y, width, height) = (0, 0, WIDTH, HEIGHT);
    Card { x, y, width, height, look, place: String::new(), name, role, wrong: false, end: None, spent: 0 }
}

/// What a certificate is, and whether something is odd about it.
fn role(depth: usize, is_top: bool, link: &Link, top: &Top) -> (String, bool) {
    if let Some(error) = link.errors.first() {
        return ((*error).to_owned(), true);
    }
    let out_of_place = link.sent.is_some_and(|at| at != depth);
    let (role, odd) = match (is_top, top, link.sent) {
        (true, Top::Anchored, None) => ("root, in the trust store", false),
        (true, Top::Anchored, Some(_)) if depth > 0 => ("root, in the trust store; sent needlessly", false),
        (true, Top::Anchored, Some(_)) => ("itself in the trust store", false),
        (true, Top::Untrusted, _) if depth == 0 => ("signed by itself, not in the trust store", true),
        (true, Top::Untrusted, _) => ("root, not in the trust store", true),
        (_, _, None) => ("intermediate, not sent", true),
        (_, _, Some(_)) if depth == 0 => ("the server's own", false),
        (_, _, Some(_)) if out_of_place => ("intermediate, sent out of order", true),
        (_, _, Some(_)) => ("intermediate", false),
    };
    (role.to_owned(), odd)
}

fn stranger_role(stranger: &Stranger) -> String {
    match &stranger.kind {
        ExtraKind::Copy => "sent twice".to_owned(),
        ExtraKind::ExpiredRoot => "an expired root that no path needs".to_owned(),
        ExtraKind::Alternative(issuer) => format!("of another path, to {}", printable_cut(issuer, NAME / 2)),
        ExtraKind::ExpiredAlternative(issuer) => format!("of an expired path, to {}", printable_cut(issuer, NAME / 2)),
        ExtraKind::Unrelated => "a stranger: no path needs it".to_owned(),
    }
}

/// The picture for those who cannot see it.
fn told(lineage: &Lineage) -> String {
    let name = |certificate: &Certificate| certificate.facts().map(|facts| printable_cut(&facts.subject.short(), 60));
    let last = lineage.path.len() - 1;
    let steps = lineage.path.iter().take(MOST).enumerate().map(|(depth, link)| {
        let (role, _) = role(depth, depth == last, link, &lineage.top);
        format!("{} ({role})", name(&link.certificate).unwrap_or_default())
    });
    let mut told = steps.collect::<Vec<_>>().join(", issued by ");
    if let Top::Open(issuer) = &lineage.top {
        let _ = write!(told, ", issued by {}, which is nowhere to be had", printable_cut(issuer, 60));
    }
    match lineage.strangers.len() {
        0 => told,
        1 => format!("{told}; beside it 1 certificate that no path needs"),
        more => format!("{told}; beside it {more} certificates that no path needs"),
    }
}

const WIDTH: usize = 380;
const HEIGHT: usize = 76;
const GAP: usize = 30;
const INDENT: usize = 40;
/// Where ties run.
const TIE: usize = 27;
/// The whole bar of a life.
const BAR: usize = 140;
/// Characters of a name.
const NAME: usize = 36;
/// Certificates.
const MOST: usize = 10;
