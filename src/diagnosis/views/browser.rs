//! A browser: it fetches issuers by AIA, tries every path, and takes names strictly.

use super::{Answer, Client, Scene, View, paths};
use crate::diagnosis::{
    Expectation, Trust, checks,
    path::{Path, facts},
};

/// `configured` is what an administrator installs beside the browser's own roots.
pub(super) fn view(scene: &Scene<'_>, mozilla: &Trust, configured: Option<&Trust>) -> View {
    let store = if configured.is_some() { "mozilla+configured" } else { Client::Browser.store() };
    let stores: Vec<_> = std::iter::once(mozilla).chain(configured).collect();
    // The name is looked at apart, without the common name.
    let expectation = Expectation { host: None, ..scene.expectation.clone() };
    let mut best: Option<(usize, &'static str, Path)> = None;
    for path in paths::anchored(scene, &stores) {
        let path = Path::to_anchor(path);
        let errors = checks::errors(&path, &expectation, scene.signatures, scene.now);
        let words = errors.iter().map(|error| words(error.code)).max_by_key(|words| rank(words)).unwrap_or("");
        if best.as_ref().is_none_or(|(so_far, ..)| rank(words) < *so_far) {
            best = Some((rank(words), words, path));
        }
    }
    let (mut reason, path) = best.map_or((AUTHORITY, Vec::new()), |(_, words, path)| (words, path.certificates));
    if !scene.carries_name_strictly() && rank(NAME) > rank(reason) {
        reason = NAME;
    }
    let answer = match reason {
        _ if stores.iter().all(|store| store.is_empty()) => Answer::CannotTell("Mozilla's roots are not here".into()),
        "" => Answer::Accepts,
        AUTHORITY if unfetched(scene) => {
            Answer::CannotTell("it would fetch the missing issuer by AIA, which could not be had here".into())
        }
        reason => Answer::Refuses(format!("net::{reason}")),
    };
    View { client: Client::Browser, store, answer, verify_code: None, path }
}

/// A certificate names an address of its issuer, and nothing that was had is that issuer.
fn unfetched(scene: &Scene<'_>) -> bool {
    let all = || scene.presented.iter().chain(scene.borrowed);
    let mut lowest = facts(&scene.presented[0]);
    for _ in 0..paths::MAX_LENGTH {
        let above = all()
            .map(|certificate| facts(certificate))
            .find(|issuer| issuer.subject.canonical() == lowest.issuer.canonical() && !std::ptr::eq(*issuer, lowest));
        match above {
            Some(above) if !above.is_self_signed() => lowest = above,
            Some(_) => return false,
            None => return !lowest.is_self_issued() && !lowest.ca_issuers().is_empty(),
        }
    }
    false
}

/// Chromium's words for an error of OpenSSL's.
fn words(code: u16) -> &'static str {
    match code {
        9 | 10 => DATE,
        68 => "ERR_CERT_WEAK_SIGNATURE_ALGORITHM",
        66 | 67 => "ERR_CERT_WEAK_KEY",
        2 | 18..=21 | 27 | 28 => AUTHORITY,
        _ => "ERR_CERT_INVALID",
    }
}

/// Of several errors it shows the gravest (Chromium's `MapCertStatusToNetError`).
fn rank(words: &str) -> usize {
    let order = ["", DATE, "ERR_CERT_WEAK_KEY", "ERR_CERT_WEAK_SIGNATURE_ALGORITHM", NAME, AUTHORITY, "ERR_CERT_INVALID"];
    order.iter().position(|known| *known == words).unwrap_or(order.len())
}

const AUTHORITY: &str = "ERR_CERT_AUTHORITY_INVALID";
const NAME: &str = "ERR_CERT_COMMON_NAME_INVALID";
const DATE: &str = "ERR_CERT_DATE_INVALID";
