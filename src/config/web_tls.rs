//! `tls_server_config` of the file that `web.config_file` names, in Go's words: what rustls has not is told, and never served weaker
//! than was asked for.

use std::path::Path;

use rustls::{
    CipherSuite, NamedGroup, SupportedProtocolVersion,
    version::{TLS12, TLS13},
};

use super::{
    fault::{Report, nearest},
    file,
    read::{self, At, Fields},
    tree::Value,
};
use crate::web::{ClientAuth, Source, Tls, TlsSettings};

/// `None` where nothing is said of TLS, or something wrong. Paths begin at `directory`.
pub(super) fn read(at: &At<'_>, directory: &Path, report: &mut Report) -> Option<Tls> {
    let faults_before = report.faults.len();
    let fields = Fields::read(at, KEYS, report)?;
    if !KEYS.iter().any(|key| fields.get(key).is_some()) {
        return None;
    }
    let certificate = required(at, &fields, "cert", directory, report);
    let key = required(at, &fields, "key", directory, report);
    let client_ca = source(&fields, "client_ca", directory, report);
    let mut client_auth = ClientAuth::default();
    fields.set("client_auth_type", &mut client_auth, report, |at, report| read::choice(at, &CLIENT_AUTH, report));
    let mut client_sans = Vec::new();
    fields.set("client_allowed_sans", &mut client_sans, report, |at, report| {
        read::each(at, report, |at, report| read::text(at, report).map(str::to_owned))
    });
    if let Some(at) = fields.get("client_ca_file").or(fields.get("client_ca")).filter(|_| client_auth == ClientAuth::NoClientCert)
    {
        report.fault(&at, "stands without client_auth_type", "write client_auth_type: RequireAndVerifyClientCert beside it");
    }
    let is_required = matches!(client_auth, ClientAuth::RequireAnyClientCert | ClientAuth::RequireAndVerifyClientCert);
    if let Some(at) = fields.get("client_allowed_sans").filter(|_| !is_required) {
        report.fault(
            &at,
            "would let in who shows no certificate",
            "write client_auth_type: RequireAndVerifyClientCert beside it",
        );
    }
    let versions = read_versions(&fields, report);
    let cipher_suites = read_suites(&fields, &versions, report);
    let groups = read_groups(&fields, report);
    let mut prefer_ours = true;
    fields.set("prefer_server_cipher_suites", &mut prefer_ours, report, read::boolean);
    if report.faults.len() > faults_before {
        return None;
    }
    let settings = TlsSettings {
        certificate: certificate?,
        key: key?,
        client_auth,
        client_ca,
        client_sans,
        versions,
        cipher_suites,
        groups,
    };
    let troubles = match Tls::open(settings) {
        Ok(tls) => return Some(tls),
        Err(troubles) => troubles,
    };
    for trouble in troubles {
        let (inline, file) = match trouble.key {
            "certificate" => ("cert", "cert_file"),
            "key" => ("key", "key_file"),
            _ => ("client_ca", "client_ca_file"),
        };
        let place = fields.get(file).or(fields.get(inline)).unwrap_or(*at);
        report.fault(&place, trouble.problem, trouble.remedy);
    }
    None
}

/// `cert_file: PATH`, or `cert` with the PEM itself.
fn source(fields: &Fields<'_>, key: &'static str, directory: &Path, report: &mut Report) -> Option<Source> {
    let (file_key, inline) = (format!("{key}_file"), fields.get(key));
    let file = fields.get(&file_key);
    match (file, inline) {
        (Some(at), None) => {
            let path = read::path(&at, directory, report)?;
            if key == "key" && file::is_world_readable(&path) {
                report.warn(&at, format!("{} is readable by everybody on this machine", at.shown()), "chmod 600 it");
            }
            Some(Source::File(path))
        }
        (None, Some(at)) => match at.value() {
            // The value itself must not be shown: it may be the key.
            Value::Text(text) if text.contains("-----BEGIN ") => Some(Source::Text(text.as_str().into())),
            _ => read::refuse(&at, "is no PEM", format!("write the PEM with |, or name its file as {file_key}"), report),
        },
        (Some(at), Some(_)) => read::refuse(&at, format!("stands beside {key}"), "keep one of them", report),
        (None, None) => None,
    }
}

fn required(at: &At<'_>, fields: &Fields<'_>, key: &'static str, directory: &Path, report: &mut Report) -> Option<Source> {
    let file_key = format!("{key}_file");
    if fields.get(key).is_none() && fields.get(&file_key).is_none() {
        return read::refuse(at, format!("{file_key} is missing"), format!("write {file_key}: PATH"), report);
    }
    source(fields, key, directory, report)
}

fn read_versions(fields: &Fields<'_>, report: &mut Report) -> Vec<&'static SupportedProtocolVersion> {
    let (mut least, mut most) = (12, 13);
    fields.set("min_version", &mut least, report, |at, report| read::choice(at, &VERSIONS, report));
    fields.set("max_version", &mut most, report, |at, report| read::choice(at, &VERSIONS, report));
    if let Some(at) = fields.get("min_version").filter(|_| least < 12) {
        report.warn(&at, "TLS 1.0 and 1.1 are not served", "write TLS12");
    }
    if let Some(at) = fields.get("max_version").filter(|_| most < 12 || most < least) {
        report.fault(&at, "leaves no version to serve", "write TLS13, or remove the key; TLS 1.2 and 1.3 are served");
    }
    [(12, &TLS12), (13, &TLS13)].into_iter().filter(|(number, _)| (least..=most).contains(number)).map(|(_, it)| it).collect()
}

fn read_suites(fields: &Fields<'_>, versions: &[&SupportedProtocolVersion], report: &mut Report) -> Vec<CipherSuite> {
    let mut suites = Vec::new();
    fields.set("cipher_suites", &mut suites, report, |at, report| {
        let suites = read::each(at, report, |at, report| {
            let name = read::text(at, report)?;
            if let Some((_, suite)) = SUITES.iter().find(|(known, _)| *known == name) {
                return Some(Some(*suite));
            }
            if TLS13_SUITES.contains(&name) {
                // Go has them in the list and takes no choice of them either.
                return Some(None);
            }
            if UNSERVED_SUITES.contains(&name) {
                report.warn(
                    at,
                    "this suite is not served, as it has no authenticated encryption or no forward secrecy",
                    "remove it",
                );
                return Some(None);
            }
            let remedy = match nearest(name, SUITES.iter().map(|(known, _)| *known)) {
                Some(meant) => format!("did you mean {meant}?"),
                None => format!("write one of {}", served_suites()),
            };
            read::refuse(at, format!("{} is no cipher suite", at.shown()), remedy, report)
        })?;
        let is_named = !suites.is_empty();
        let served: Vec<CipherSuite> = suites.into_iter().flatten().collect();
        if is_named && served.is_empty() && versions.contains(&&TLS12) {
            let remedy = format!("add one of {}, or write min_version: TLS13", served_suites());
            return read::refuse(at, "leaves no suite for TLS 1.2", remedy, report);
        }
        Some(served)
    });
    suites
}

/// For a message; without the older names.
fn served_suites() -> String {
    SUITES[..6].iter().map(|(known, _)| *known).collect::<Vec<_>>().join(", ")
}

fn read_groups(fields: &Fields<'_>, report: &mut Report) -> Vec<NamedGroup> {
    let mut groups = Vec::new();
    fields.set("curve_preferences", &mut groups, report, |at, report| {
        let groups = read::each(at, report, |at, report| {
            if matches!(at.value(), Value::Text(name) if name.trim() == "CurveP521") {
                report.warn(at, "this curve is not served", "remove it");
                return Some(None);
            }
            read::choice(at, &GROUPS, report).map(Some)
        })?;
        let is_named = !groups.is_empty();
        let served: Vec<NamedGroup> = groups.into_iter().flatten().collect();
        if is_named && served.is_empty() {
            return read::refuse(at, "leaves no curve to serve", "add X25519 or CurveP256", report);
        }
        Some(served)
    });
    groups
}

const KEYS: &[&str] = &[
    "cert",
    "key",
    "client_ca",
    "cert_file",
    "key_file",
    "client_ca_file",
    "client_auth_type",
    "client_allowed_sans",
    "min_version",
    "max_version",
    "cipher_suites",
    "prefer_server_cipher_suites",
    "curve_preferences",
];

const CLIENT_AUTH: [(&str, ClientAuth); 6] = [
    ("NoClientCert", ClientAuth::NoClientCert),
    ("RequestClientCert", ClientAuth::RequestClientCert),
    ("RequireAnyClientCert", ClientAuth::RequireAnyClientCert),
    // An older name of the same.
    ("RequireClientCert", ClientAuth::RequireAnyClientCert),
    ("VerifyClientCertIfGiven", ClientAuth::VerifyClientCertIfGiven),
    ("RequireAndVerifyClientCert", ClientAuth::RequireAndVerifyClientCert),
];

const VERSIONS: [(&str, u8); 4] = [("TLS13", 13), ("TLS12", 12), ("TLS11", 11), ("TLS10", 10)];

/// Those of TLS 1.2.
const SUITES: [(&str, CipherSuite); 8] = [
    ("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256),
    ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256),
    ("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384),
    ("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384),
    ("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256),
    ("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256),
    // Go's names before the RFC had one.
    ("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305", CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256),
    ("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305", CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256),
];

const TLS13_SUITES: [&str; 3] = ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"];

/// What Go has besides, `crypto/tls.CipherSuites`.
const UNSERVED_SUITES: [&str; 8] = [
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
    "TLS_RSA_WITH_AES_128_CBC_SHA",
    "TLS_RSA_WITH_AES_256_CBC_SHA",
    "TLS_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_RSA_WITH_AES_256_GCM_SHA384",
];

const GROUPS: [(&str, NamedGroup); 4] = [
    ("X25519MLKEM768", NamedGroup::X25519MLKEM768),
    ("X25519", NamedGroup::X25519),
    ("CurveP256", NamedGroup::secp256r1),
    ("CurveP384", NamedGroup::secp384r1),
];
