//! The ways from the leaf to an anchor, over what was presented and what was borrowed. Cross-signed certificates make several.

use std::sync::Arc;

use super::{Client, Scene, View};
use crate::{
    certificate::Certificate,
    clock::Timestamp,
    diagnosis::{
        Trust,
        judge::name,
        path::{facts, may_have_issued},
    },
};

/// One way from the leaf to an anchor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustPath {
    /// Short names, the leaf first, the anchor last. Safe to print.
    pub subjects: Vec<String>,
    /// The anchor's short name.
    pub anchor: String,
    /// When the first of its certificates ends, the anchor among them.
    pub not_after: Timestamp,
    /// The clients that accept the chain by this path.
    pub used_by: Vec<Client>,
}

/// The paths to an anchor of any of the stores, and who takes which.
pub(super) fn all(scene: &Scene<'_>, stores: &[&Trust], clients: &[View]) -> Vec<TrustPath> {
    let told = |path: Vec<Arc<Certificate>>| {
        let same = |other: &[Arc<Certificate>]| {
            other.len() == path.len() && other.iter().zip(&path).all(|(one, two)| one.fingerprint == two.fingerprint)
        };
        let takes = |view: &&View| view.answer == super::Answer::Accepts && same(&view.path);
        Some(TrustPath {
            subjects: path.iter().map(name).collect(),
            anchor: name(path.last()?),
            not_after: path.iter().map(|certificate| facts(certificate).not_after).min()?,
            used_by: clients.iter().filter(takes).map(|view| view.client).collect(),
        })
    };
    anchored(scene, stores).into_iter().filter_map(told).collect()
}

/// The paths to an anchor of any of the stores whose signatures all hold; the first ones, and so many steps.
pub(super) fn anchored(scene: &Scene<'_>, stores: &[&Trust]) -> Vec<Vec<Arc<Certificate>>> {
    let mut search = Search { scene, stores, found: Vec::new(), steps: MAX_STEPS };
    search.grow(&mut vec![Arc::clone(&scene.presented[0])]);
    search.found
}

struct Search<'a> {
    scene: &'a Scene<'a>,
    stores: &'a [&'a Trust],
    found: Vec<Vec<Arc<Certificate>>>,
    steps: usize,
}

impl Search<'_> {
    fn grow(&mut self, path: &mut Vec<Arc<Certificate>>) {
        let Some(top) = path.last().cloned() else { return };
        let (stores, scene) = (self.stores, self.scene);
        if stores.iter().any(|store| store.contains(&top)) && facts(&top).is_self_signed() {
            self.found.push(path.clone());
            return;
        }
        if path.len() >= MAX_LENGTH || facts(&top).is_self_signed() {
            return;
        }
        let anchors = stores.iter().flat_map(|store| store.issuers_of(facts(&top))).filter(|issuer| issuer.anchors());
        let above = scene.presented.iter().skip(1).chain(scene.borrowed).filter(|above| !facts(above).is_self_signed());
        let mut tried = Vec::new();
        for (issuer, ends) in anchors.map(|anchor| (anchor, true)).chain(above.map(|above| (above, false))) {
            if self.found.len() == MAX_PATHS || self.steps == 0 {
                return;
            }
            self.steps -= 1;
            if tried.contains(&issuer.fingerprint)
                || path.iter().any(|below| below.fingerprint == issuer.fingerprint)
                || !may_have_issued(facts(issuer), facts(&top))
                || scene.signatures.check(&top, issuer).is_err()
            {
                continue;
            }
            tried.push(issuer.fingerprint);
            path.push(Arc::clone(issuer));
            if ends {
                self.found.push(path.clone());
            } else {
                self.grow(path);
            }
            path.pop();
        }
    }
}

const MAX_PATHS: usize = 16;
/// Certificates of a path.
pub(super) const MAX_LENGTH: usize = 10;
/// Candidates looked at, each at most one signature.
const MAX_STEPS: usize = 1000;
