//! Keys that are no good, or good for few, and purposes that are not a server's.

use std::borrow::Cow;

use super::{
    Finding,
    judge::{name, short},
    path::{Path, facts},
};
use crate::certificate::{
    Facts, KeyKind,
    der::{self, Elements},
};

/// Keys of the path, but for the anchor's, that OpenSSL does not mind and others do.
pub(super) fn of(path: &Path) -> Vec<Finding> {
    let below_anchor = path.certificates.len() - usize::from(path.anchored && path.certificates.len() > 1);
    let mut findings = Vec::new();
    for certificate in &path.certificates[..below_anchor] {
        let key = &facts(certificate).key;
        if let Some(exponent) = unsound_exponent(facts(certificate)) {
            let key = format!("{} with the public exponent {exponent}", key.kind);
            findings.push(Finding::WeakKey { subject: name(certificate), key });
        } else if is_unusual(&key.kind) {
            findings.push(Finding::UnusualKey { subject: name(certificate), key: short(&key.kind.to_string()) });
        }
    }
    findings
}

/// Browsers accept RSA and the curves P-256, P-384 and P-521 (Baseline Requirements, section 6.1.5). What is weak as well is told as
/// that.
fn is_unusual(kind: &KeyKind) -> bool {
    let accepted = match kind {
        KeyKind::Rsa(_) => true,
        KeyKind::Ec(curve) => matches!(&**curve, "P-256" | "P-384" | "P-521"),
        _ => false,
    };
    !accepted && kind.security_bits().is_some_and(|bits| bits >= 112)
}

/// An RSA exponent that makes no key: even, or 1 (Baseline Requirements, section 6.1.6).
fn unsound_exponent(certificate: &Facts) -> Option<String> {
    if !certificate.key.readable || !matches!(certificate.key.kind, KeyKind::Rsa(_) | KeyKind::RsaPss(_)) {
        return None;
    }
    let mut fields: Elements<'_> = der::sequence(certificate.key.bits())?;
    fields.expect(der::INTEGER)?;
    let exponent = fields.expect(der::INTEGER)?;
    let unsound = exponent == [1] || exponent.last().is_none_or(|last| last % 2 == 0) || exponent[0] >= 0x80;
    unsound.then(|| match der::unsigned(exponent) {
        Some(u32::MAX) => "of more than 32 bits".into(),
        Some(number) => number.to_string(),
        None => "below zero".into(),
    })
}

/// It names purposes, and none of them is that of a server.
pub(super) fn lacks_server_auth(certificate: &Facts) -> Option<Vec<String>> {
    let uses = certificate.extended_key_usage()?;
    let serves = |oid: &Cow<str>| super::checks::SERVER_AUTH.contains(&&**oid);
    (!uses.iter().any(serves)).then(|| uses.iter().map(|oid| purpose(oid)).collect())
}

fn purpose(oid: &str) -> String {
    match oid {
        "1.3.6.1.5.5.7.3.2" => "clientAuth",
        "1.3.6.1.5.5.7.3.3" => "codeSigning",
        "1.3.6.1.5.5.7.3.4" => "emailProtection",
        "1.3.6.1.5.5.7.3.8" => "timeStamping",
        "1.3.6.1.5.5.7.3.9" => "OCSPSigning",
        "2.5.29.37.0" => "anyExtendedKeyUsage",
        other => return short(other),
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        certificate::Certificate,
        diagnosis::{Trust, path::Store},
        lab::pki::{KeyType, Recipe},
    };

    fn said(der: &[u8]) -> Vec<Finding> {
        let now = "2026-11-22T12:00:00Z".parse().expect("a timestamp");
        let presented: Vec<Arc<Certificate>> = vec![Certificate::from_der(der)];
        of(&Path::build(&presented, &Trust::default(), Store::Whole, now))
    }

    #[test]
    fn keys_that_browsers_refuse_are_told() {
        let now = "2026-11-22T12:00:00Z".parse().expect("a timestamp");
        let made = |key| Recipe::leaf(now, ["a.example"]).key(key).self_signed().expect("a key").der();
        assert_eq!(said(&made(KeyType::P384)), []);
        let found = said(&made(KeyType::Ed25519));
        assert_eq!(found, [Finding::UnusualKey { subject: "a.example".into(), key: "Ed25519".into() }]);
        // 65537 becomes 65536.
        let mut rsa = made(KeyType::Rsa2048).to_vec();
        assert_eq!(said(&rsa), []);
        let at = rsa.windows(5).position(|window| window == [2, 3, 1, 0, 1]).expect("the exponent");
        rsa[at + 4] = 0;
        let key = "RSA 2048 with the public exponent 65536".into();
        assert_eq!(said(&rsa), [Finding::WeakKey { subject: "a.example".into(), key }]);
    }

    #[test]
    fn curves_of_few_friends_are_unusual_and_weak_ones_are_weak() {
        let unusual =
            ["P-224", "secp256k1", "brainpoolP256r1", "P-521", "P-192"].map(|curve| is_unusual(&KeyKind::Ec(curve.into())));
        assert_eq!(unusual, [true, true, true, false, false]);
    }
}
