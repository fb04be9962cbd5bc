//! Clients of OpenSSL: the judge with their stores. Unlike `s_client` they stop at the first error.

use super::{Answer, Client, Scene, View, names};
use crate::{
    certificate::printable_cut,
    diagnosis::{
        Expectation, Trust, checks,
        path::{Path, Store},
        verify_text,
    },
    endpoint::Host,
};

/// curl matches the name itself, after the handshake. An intermediate that its store has ends the path (`X509_V_FLAG_PARTIAL_CHAIN`, since 7.68).
pub(super) fn curl(scene: &Scene<'_>, store: &Trust) -> View {
    let (path, codes) = verify(scene, store, Store::Partial, None);
    let wrong_name = scene.expectation.host.as_ref().and_then(|host| names::curl(scene.leaf(), host));
    let code = codes.first().copied();
    let words = code.map(|code| format!("SSL certificate problem: {}", verify_text(code))).or(wrong_name);
    view(Client::Curl, store, path, code, words)
}

/// requests takes names more strictly than OpenSSL's defaults (urllib3 2).
pub(super) fn python(scene: &Scene<'_>, store: &Trust) -> View {
    let (path, mut codes) = verify(scene, store, Store::Whole, scene.expectation.host.clone());
    // OpenSSL looks at names before it looks at dates and signatures.
    if scene.carries_name() && !scene.carries_name_strictly() && codes.first().is_none_or(|code| matches!(code, 7 | 9 | 10)) {
        codes.insert(0, 62);
    }
    let code = codes.first().copied();
    let words = code.map(|code| match code {
        62 => format!("certificate verify failed: Hostname mismatch, certificate is not valid for '{}'.", asked(scene)),
        64 => format!("certificate verify failed: IP address mismatch, certificate is not valid for '{}'.", asked(scene)),
        code => format!("certificate verify failed: {}", verify_text(code)),
    });
    view(Client::Python, store, path, code, words)
}

pub(super) fn company(scene: &Scene<'_>, store: &Trust) -> View {
    let (path, codes) = verify(scene, store, Store::Whole, scene.expectation.host.clone());
    let code = codes.first().copied();
    let words = code.map(|code| format!("certificate verify failed: {}", verify_text(code)));
    view(Client::Company, store, path, code, words)
}

fn verify(scene: &Scene<'_>, trust: &Trust, store: Store, host: Option<Host>) -> (Path, Vec<u16>) {
    let path = Path::build(scene.presented, trust, store, scene.now);
    let expectation = Expectation { host, ..scene.expectation.clone() };
    let errors = checks::errors(&path, &expectation, scene.signatures, scene.now);
    (path, errors.iter().map(|error| error.code).collect())
}

fn view(client: Client, store: &Trust, path: Path, code: Option<u16>, words: Option<String>) -> View {
    let answer = match words {
        _ if store.is_empty() => Answer::CannotTell(format!("the {} store is empty here", client.store())),
        Some(words) => Answer::Refuses(words),
        None => Answer::Accepts,
    };
    View { client, store: client.store(), answer, verify_code: Some(code.unwrap_or(0)), path: path.certificates }
}

fn asked(scene: &Scene<'_>) -> String {
    scene.expectation.host.as_ref().map_or_else(String::new, |host| printable_cut(&host.to_string(), 200))
}
