//! What OpenSSL checks along a built path, in its order: extensions and purpose, security level, host, signatures and dates,
//! name constraints.
//! After `X509_verify_cert` (crypto/x509/x509_vfy.c, v3_purp.c) with a callback that always goes on, as `s_client` has it.

use super::{
    Expectation, VerifyError, constraints, identity,
    path::{Path, facts},
    signatures::Signatures,
    trust::Standing,
};
use crate::{
    certificate::{Facts, KeyKind, SignatureFault},
    clock::Timestamp,
    endpoint::Host,
};

/// Every error of the path, in order.
pub(super) fn errors(path: &Path, expectation: &Expectation, signatures: &Signatures, now: Timestamp) -> Vec<VerifyError> {
    let mut errors = Errors(Vec::new());
    let chain: Vec<&Facts> = path.certificates.iter().map(|certificate| facts(certificate)).collect();
    let minimum = if expectation.rules.security_level >= 2 { 112 } else { 80 };
    errors.add_if(chain[0].key.security_bits().is_none_or(|bits| bits < minimum), 66, 0);
    if path.given_up {
        errors.add_if(true, 1, 0);
        return errors.0;
    }
    let before = errors.0.last().map(|error| error.code);
    errors.0.extend(path.errors(before));
    extensions(path, &chain, &mut errors);
    for (depth, certificate) in chain.iter().enumerate() {
        errors.add_if(depth > 0 && certificate.key.security_bits().is_none_or(|bits| bits < minimum), 67, depth);
        let signed_here = depth + 1 < chain.len();
        errors.add_if(signed_here && certificate.signature.security_bits().is_none_or(|bits| bits < minimum), 68, depth);
    }
    match &expectation.host {
        Some(Host::Name(name)) => errors.add_if(!identity::matches_name(chain[0], name), 62, 0),
        Some(Host::Ip(ip)) => errors.add_if(!identity::matches_address(chain[0], *ip), 64, 0),
        None => {}
    }
    if !chain[0].key.readable {
        // OpenSSL gives up here: there is no key to go on with.
        return errors.0;
    }
    signatures_and_dates(path, &chain, signatures, now, &mut errors);
    errors.0.extend(constraints::errors(&chain));
    errors.0
}

struct Errors(Vec<VerifyError>);

impl Errors {
    fn add_if(&mut self, holds: bool, code: u16, depth: usize) {
        if holds {
            self.0.push(VerifyError { code, depth });
        }
    }
}

/// `check_extensions` with the purpose `sslserver`.
fn extensions(path: &Path, chain: &[&Facts], errors: &mut Errors) {
    let mut path_length = 0;
    // How many proxy certificates there are, or what the last limit among them makes of that.
    let mut proxies: i64 = 0;
    let mut follows_proxy = false;
    for (depth, certificate) in chain.iter().enumerate() {
        let ext = &certificate.extensions;
        errors.add_if(!ext.rare().unhandled_critical.is_empty(), 34, depth);
        errors.add_if(ext.proxy, 40, depth);
        // Above the leaf there must be a CA, above a proxy certificate a leaf or another proxy certificate.
        let is_ca = depth > 0 && !follows_proxy;
        if depth > 0 {
            let ca = if ext.invalid { 0 } else { ca_kind(certificate) };
            let last = depth + 1 == chain.len();
            errors.add_if(follows_proxy && ca != 0, 37, depth);
            errors.add_if(is_ca && (ca == 0 || (!last && ca != 1)), 79, depth);
        }
        if chain.len() > 1 {
            errors.add_if(!certificate.key.readable, 1, depth);
            errors.add_if(matches!(certificate.key.kind, KeyKind::EcExplicit(_)), 94, depth);
        }
        let from_store = depth >= path.untrusted;
        let fits = match path.certificates[depth].standing().filter(|_| from_store) {
            Some(Standing::Trusted) => true,
            Some(Standing::Rejected) => false,
            // Strangely, but so it is: what cannot be decoded is held against nobody here.
            None => ext.invalid || fits_purpose(certificate, is_ca),
        };
        errors.add_if(!fits, 26, depth);
        let limit = ext.basic_constraints.and_then(|bc| bc.path_length);
        errors.add_if(depth > 1 && limit.is_some_and(|limit| path_length - proxies > i64::from(limit)), 25, depth);
        if depth > 0 && !certificate.is_self_issued() {
            path_length += 1;
        }
        if ext.proxy {
            if let Some(limit) = ext.rare().proxy_limit.map(i64::from) {
                errors.add_if(proxies > limit, 38, depth);
                proxies = limit;
            }
            proxies += 1;
        }
        follows_proxy = ext.proxy;
    }
}

/// `check_ca`: 0 no CA, 1 a proper one, 3 a v1 root, 4 by key usage alone, 5 by Netscape's type.
fn ca_kind(certificate: &Facts) -> u8 {
    let ext = &certificate.extensions;
    if ext.key_usage.is_some_and(|usage| usage & KEY_CERT_SIGN == 0) {
        return 0;
    }
    match ext.basic_constraints {
        Some(bc) => u8::from(bc.ca),
        None if certificate.version == 1 && certificate.is_self_signed() => 3,
        None if ext.key_usage.is_some() => 4,
        None if ext.netscape_type.is_some_and(|bits| bits & NETSCAPE_ANY_CA != 0) => 5,
        None => 0,
    }
}

/// `check_purpose_ssl_server`.
fn fits_purpose(certificate: &Facts, is_ca: bool) -> bool {
    let ext = &certificate.extensions;
    if certificate.extended_key_usage().is_some_and(|uses| !uses.iter().any(|oid| SERVER_AUTH.contains(&&**oid))) {
        return false;
    }
    if is_ca {
        return match ca_kind(certificate) {
            0 => false,
            5 => ext.netscape_type.is_some_and(|bits| bits & NETSCAPE_SSL_CA != 0),
            _ => true,
        };
    }
    ext.netscape_type.is_none_or(|bits| bits & NETSCAPE_SSL_SERVER != 0)
        && ext.key_usage.is_none_or(|usage| usage & TLS_KEY_USAGE != 0)
}

/// `internal_verify`: from the top of the path down to the leaf.
fn signatures_and_dates(path: &Path, chain: &[&Facts], signatures: &Signatures, now: Timestamp, errors: &mut Errors) {
    let top = chain.len() - 1;
    let self_issued_top = super::path::may_have_issued(chain[top], chain[top]);
    if !self_issued_top && top == 0 {
        errors.add_if(true, 21, 0);
    }
    for depth in (0..chain.len()).rev() {
        let certificate = chain[depth];
        if depth == top {
            // A top that did not issue itself is nobody's subject here: neither its signature nor its dates are looked at.
            if !self_issued_top && top > 0 {
                continue;
            }
        } else {
            let issuer = chain[depth + 1];
            let (needed, code) = if certificate.extensions.proxy { (DIGITAL_SIGNATURE, 39) } else { (KEY_CERT_SIGN, 32) };
            let may_sign = issuer.extensions.key_usage.is_none_or(|usage| usage & needed != 0);
            errors.add_if(!may_sign, code, depth + 1);
            errors.add_if(!issuer.key.readable, 6, depth + 1);
            let [subject, above] = [&path.certificates[depth], &path.certificates[depth + 1]];
            let is_bad = || signatures.check(subject, above) == Err(SignatureFault::Bad);
            errors.add_if(issuer.key.readable && is_bad(), 7, depth);
        }
        errors.add_if(certificate.not_before > now, 9, depth);
        errors.add_if(certificate.not_after <= now, 10, depth);
    }
}

// Key usage bits: bit 0 of RFC 5280 is the lowest.
const DIGITAL_SIGNATURE: u16 = 1;
const KEY_CERT_SIGN: u16 = 1 << 5;
const TLS_KEY_USAGE: u16 = 1 | 1 << 2 | 1 << 4; // digitalSignature, keyEncipherment, keyAgreement
const NETSCAPE_SSL_SERVER: u8 = 0x40;
const NETSCAPE_SSL_CA: u8 = 0x04;
const NETSCAPE_ANY_CA: u8 = 0x07;
/// serverAuth, and the two step-up purposes that OpenSSL takes for it (`XKU_SGC`).
pub(super) const SERVER_AUTH: [&str; 3] = ["1.3.6.1.5.5.7.3.1", "1.3.6.1.4.1.311.10.3.3", "2.16.840.1.113730.4.1"];
