//! The words for each finding, here and nowhere else: what is the case, and what to do about it. (`mail::words` has them in
//! other languages.)

use std::fmt::Write as _;

use super::{Broken, Extra, ExtraKind, Finding, NearMiss};
use crate::{
    certificate::{HashAlgorithm, printable},
    clock::{date, span},
    endpoint::Protocol,
    observation::FailureKind,
};

impl Finding {
    /// Where this finding is described at length: its section of `docs/findings.md`.
    pub fn link(code: &str) -> String {
        format!(concat!(env!("CARGO_PKG_REPOSITORY"), "/blob/main/docs/findings.md#{code}"), code = code)
    }

    /// One sentence: what is the case. No full stop at its end; safe to print.
    pub fn summary(&self) -> String {
        match self {
            Finding::Expired { not_after, now } => {
                format!("the certificate expired on {} ({} ago)", date(*not_after), span(*not_after, *now))
            }
            Finding::NotYetValid { not_before } => format!("the certificate is not valid before {}", date(*not_before)),
            Finding::ExpiresSoon { not_after, now, .. } => {
                format!("the certificate expires on {} ({} left)", date(*not_after), span(*now, *not_after))
            }
            Finding::MissingIntermediate { missing, after } if missing.len() > 1 => {
                format!("the server does not send the intermediates {} above {after}", quoted(missing))
            }
            Finding::MissingIntermediate { missing, after } => {
                format!("the server does not send the intermediate {} that issued {after}", quoted(missing))
            }
            Finding::IssuerUnknown { issuer, tried } => {
                format!("the issuer \"{issuer}\" is neither presented nor in the trust store, and could not be had: {tried}")
            }
            Finding::WrongOrder => "the certificates are presented in the wrong order".into(),
            Finding::ExtraCertificates { extra } => {
                format!("the server sends more than its path needs: {}", listed(extra.iter().map(Extra::summary)))
            }
            Finding::RootIncluded { root } => {
                format!("the server also sends the root \"{root}\", which clients have or do not trust")
            }
            Finding::SelfSigned { subject } => format!("the server presents a self-signed certificate, \"{subject}\""),
            Finding::UnknownCa { root, presented: true } => {
                format!("the chain ends at the root \"{root}\", which is presented but not in the trust store")
            }
            Finding::UnknownCa { root, presented: false } => {
                format!("the chain leads to the root \"{root}\", which is not in the trust store")
            }
            Finding::HostnameMismatch { asked, carries, near } => {
                let carried = if carries.is_empty() {
                    format!("the certificate carries no name that could match {asked}")
                } else {
                    format!("the certificate is for {}, not for {asked}", listed(carries.iter().cloned()))
                };
                format!("{carried}{}", near.summary(asked))
            }
            Finding::IntermediateExpired { subject, not_before, now, .. } if not_before > now => {
                format!("the CA certificate \"{subject}\" in the path is not valid before {}", date(*not_before))
            }
            Finding::IntermediateExpired { subject, not_after, .. } => {
                format!("the CA certificate \"{subject}\" in the path expired on {}", date(*not_after))
            }
            Finding::KeyPossessionFailed => "the server does not hold the private key of the certificate it presents".into(),
            Finding::UnreadableCertificate { position: 0, reason } => {
                format!("the server's own certificate cannot be read: {reason}")
            }
            Finding::UnreadableCertificate { position, reason } => {
                format!("certificate {position} of the chain cannot be read: {reason}")
            }
            Finding::BadSignature { subject } => format!("the signature on \"{subject}\" was not made by its issuer's key"),
            Finding::WeakKey { subject, key } => format!("the key of \"{subject}\" is too weak: {key}"),
            Finding::WeakSignature { subject, algorithm, hash } => {
                let why = match hash {
                    Some(HashAlgorithm::Sha1) => "SHA-1, which browsers have refused since 2017",
                    Some(HashAlgorithm::Md2 | HashAlgorithm::Md5) => {
                        "a digest with which certificates have been forged since 2008"
                    }
                    _ => "too weak a digest",
                };
                format!("\"{subject}\" is signed with {algorithm}: {why}")
            }
            Finding::IntermediateExpiresSoon { subject, not_after, now, .. } => format!(
                "the CA certificate \"{subject}\" in the path expires on {} ({} left)",
                date(*not_after),
                span(*now, *not_after)
            ),
            Finding::OutlivesIssuer { subject, not_after, leaf_ends, .. } => format!(
                "the CA certificate \"{subject}\" in the path ends on {}, before the server's own on {}",
                date(*not_after),
                date(*leaf_ends)
            ),
            Finding::UnusualKey { subject, key } => {
                format!("the key of \"{subject}\" is of a kind that browsers do not accept: {key}")
            }
            Finding::Lint { broken } => {
                let told = broken.iter().map(|Broken { lint, section, subject }| format!("{lint} of \"{subject}\" ({section})"));
                format!("rules for certificates are broken: {}", listed(told))
            }
            Finding::FewScts { count, least } => {
                let count = match count {
                    0 => "no timestamps".to_owned(),
                    1 => "only 1 timestamp".to_owned(),
                    _ => format!("only {count} timestamps"),
                };
                format!("the certificate carries {count} of Certificate Transparency; Chrome and Safari want {least}")
            }
            Finding::InternalNames { names } => {
                format!("the public certificate is also for {}, which nobody can own in public", listed(names.iter().cloned()))
            }
            Finding::BroadWildcard { names } => {
                format!("the certificate carries {}, wider than any browser accepts", listed(names.iter().cloned()))
            }
            Finding::PartialWildcard { asked, names } => format!(
                "nothing but {} matches {asked}: OpenSSL takes a star within a label, curl, Python and browsers do not",
                listed(names.iter().cloned())
            ),
            Finding::MustStaple { stapled: Some(false) } => {
                "the certificate obliges the server to staple an OCSP answer, and it does not".into()
            }
            Finding::MustStaple { stapled: Some(true) } => {
                "the certificate obliges the server to staple an OCSP answer, as it does".into()
            }
            Finding::MustStaple { stapled: None } => "the certificate obliges the server to staple an OCSP answer".into(),
            Finding::DefaultCertificate { subject, maker } => {
                let what = if maker.placeholder { "stands in for the right one" } else { "it made for itself" };
                format!("the server presents the certificate of {} that {what}, \"{subject}\"", maker.software)
            }
            Finding::MissingSan { common_names } if common_names.is_empty() => {
                "the certificate carries no name of a server at all".into()
            }
            Finding::MissingSan { common_names } => format!(
                "the certificate names {} only as its common name (CN), which browsers, Go and rustls do not look at",
                listed(common_names.iter().cloned())
            ),
            Finding::MissingServerAuth { subject, uses } => {
                let uses = if uses.is_empty() { "nothing".to_owned() } else { listed(uses.iter().cloned()) };
                format!("\"{subject}\" is not for servers: its extended key usage has {uses}, not serverAuth")
            }
            Finding::CaAsLeaf { subject, self_signed: true } => {
                format!("the server's self-signed certificate \"{subject}\" is marked as a CA's")
            }
            Finding::CaAsLeaf { subject, self_signed: false } => {
                format!("the server presents a CA certificate, \"{subject}\", as its own")
            }
            Finding::LifetimeTooLong { days, limit } => {
                format!("the certificate is valid for {days} days; public ones issued on its day may be for {limit} at most")
            }
            Finding::SignatureUnchecked { subject, algorithm } => {
                format!("the signature on \"{subject}\" could not be checked: certvigil does not know {algorithm}")
            }
            Finding::Refused { code, depth } => {
                format!("OpenSSL refuses the certificate at depth {depth}: {}", super::verify_text(*code))
            }
            Finding::HandshakeFailed { failure } | Finding::Unreachable { failure } => printable(&failure.detail),
            Finding::ClientCertificateWanted => {
                "the server asks for a client certificate and ended the handshake without one".into()
            }
        }
    }

    /// What to do about it, as one or two sentences.
    pub fn hint(&self) -> String {
        match self {
            Finding::Expired { .. } => "renew the certificate and reload the server; if it was renewed, the server still has the old one loaded".into(),
            Finding::NotYetValid { .. } => "check the clocks of the server's CA and of this machine; until then serve the previous certificate".into(),
            Finding::ExpiresSoon { .. } => "renew the certificate and reload the server; see whether its automatic renewal still runs".into(),
            Finding::MissingIntermediate { .. } => {
                "serve the full chain, the leaf first and then the intermediates (fullchain.pem, not cert.pem)".into()
            }
            Finding::IssuerUnknown { .. } => {
                "if the CA is public, the server leaves out an intermediate: ask its admin for the full chain; if it is your own, put its root under trust.files".into()
            }
            Finding::WrongOrder => "sort the chain file: the leaf first, then each certificate's issuer".into(),
            Finding::ExtraCertificates { extra } if extra.iter().any(|extra| matches!(extra.kind, ExtraKind::Alternative(_))) => {
                "keep the other path while clients that know only its root must get in; what else there is can leave the chain file".into()
            }
            Finding::ExtraCertificates { .. } => "remove them from the chain file; they cost octets in every handshake".into(),
            Finding::RootIncluded { .. } => "remove the root from the chain file; it proves nothing and costs octets in every handshake".into(),
            Finding::SelfSigned { .. } => {
                "get a certificate from a CA; if this one is meant to be, put it under the endpoint's trust.files".into()
            }
            Finding::UnknownCa { .. } => {
                "if this CA is meant, put its root under trust.files and in the store of every client; if it is a public CA, the store is out of date".into()
            }
            Finding::HostnameMismatch { asked, near, .. } => near.hint(asked),
            Finding::IntermediateExpired { is_anchor: true, .. } => {
                "the root in the trust store is out of date: take the CA's current one, and have the server's certificate issued under it".into()
            }
            Finding::IntermediateExpired { .. } => "take the CA's current intermediate into the chain file and reload the server".into(),
            Finding::KeyPossessionFailed => "install the key that belongs to the certificate; if it is installed, somebody else answers".into(),
            Finding::UnreadableCertificate { .. } => "look at the chain file: it may be cut off or hold something that is no certificate".into(),
            Finding::BadSignature { .. } => "take the certificate and its issuer anew from the CA; one of them was altered or does not belong there".into(),
            Finding::WeakKey { .. } => "get a certificate with a key of at least RSA 2048 or EC P-256".into(),
            Finding::WeakSignature { .. } => "get a certificate signed with SHA-256 or better".into(),
            Finding::IntermediateExpiresSoon { is_anchor: true, .. } => {
                "put the CA's next root into the trust store, and have the server's certificate issued under it".into()
            }
            Finding::IntermediateExpiresSoon { .. } => {
                "take the CA's next intermediate into the chain file; if it has another key, renew the server's certificate under it first".into()
            }
            Finding::OutlivesIssuer { .. } => "renew the server's certificate before that day, under the CA's next certificate".into(),
            Finding::UnusualKey { .. } => {
                "nothing to do where no browser comes; else get a certificate with a key of RSA 2048 or EC P-256".into()
            }
            Finding::Lint { .. } => {
                "clients may pass over it today: correct the template that the CA issues by, or tell the CA".into()
            }
            Finding::FewScts { .. } => {
                "get it issued again by a CA that embeds them; it is well where the server sends them in the handshake (which is rare)".into()
            }
            Finding::InternalNames { .. } => {
                "get it issued again without them, and a certificate of your own CA for what is inside: the CA has to revoke this one".into()
            }
            Finding::BroadWildcard { .. } => "leave it out of the next certificate, and name the hosts or their domain".into(),
            Finding::PartialWildcard { asked, .. } => {
                format!("get the certificate issued again for {asked}, or with a star that stands for a whole label")
            }
            Finding::MustStaple { stapled: Some(false) } => {
                "switch stapling on at the server (nginx ssl_stapling, Apache SSLUseStapling), or renew without the TLS feature extension: Firefox refuses it".into()
            }
            Finding::MustStaple { .. } => "see that stapling stays on; without it Firefox refuses the certificate".into(),
            Finding::DefaultCertificate { maker, .. } => maker.remedy.into(),
            Finding::MissingSan { .. } => "get a certificate that has its names as subject alternative names (SAN)".into(),
            Finding::MissingServerAuth { .. } => {
                "get a certificate for servers, from a CA that may issue them: extended key usage serverAuth".into()
            }
            Finding::CaAsLeaf { self_signed: true, .. } => {
                "strict clients (rustls) refuse it even where it is trusted: make it without CA:TRUE (openssl req -x509 -addext basicConstraints=critical,CA:FALSE)".into()
            }
            Finding::CaAsLeaf { .. } => {
                "issue a certificate for the server and keep the CA's key off it: whoever has that key can issue for any name".into()
            }
            Finding::LifetimeTooLong { .. } => "renew it: browsers refuse a public certificate of such a lifetime".into(),
            Finding::SignatureUnchecked { .. } => {
                "see for yourself with openssl verify; if it is sound, list signature_unchecked under the endpoint's accept".into()
            }
            Finding::Refused { code: 1, .. } => {
                "OpenSSL gives no reason; the known one is that names times name constraints are more than it compares (2^20): ask the CA for fewer".into()
            }
            Finding::Refused { .. } => "see the code in openssl-verification-options(1), and ask the CA".into(),
            Finding::HandshakeFailed { failure } => match &failure.kind {
                FailureKind::Plaintext(protocol) if protocol == "unknown" => {
                    "the port speaks no TLS: correct the port, or name the protocol in the target (smtp://, imap://, ..)".into()
                }
                FailureKind::Plaintext(protocol) if Protocol::from_starttls(protocol).is_some() => format!(
                    "the port speaks {protocol} without TLS: name the protocol in the target ({protocol}://) if it has STARTTLS, or correct the port"
                ),
                FailureKind::Plaintext(protocol) => {
                    format!("the port speaks {protocol} without TLS: correct the port, or switch TLS on at the server")
                }
                FailureKind::NoCommonVersion => "the server offers neither TLS 1.2 nor TLS 1.3: update it".into(),
                FailureKind::NoCommonCipher => "the server offers only ciphers that modern clients refuse: update its configuration".into(),
                FailureKind::TooMuchData => {
                    "this is more than certvigil reads of a handshake: see with openssl s_client what the server sends, and shorten its chain".into()
                }
                FailureKind::StarttlsRefused => "switch STARTTLS on at the server, or correct the protocol of the target".into(),
                _ => "look at the server's own log of this moment".into(),
            },
            Finding::Unreachable { failure } => match &failure.kind {
                FailureKind::NameNotFound => "correct the name, or take the endpoint out of the inventory".into(),
                FailureKind::DnsFailure => "see whether this machine's resolver works".into(),
                FailureKind::Refused => "nothing listens there: start the server, or correct the port".into(),
                FailureKind::ProxyRefused => {
                    "see whether the proxy runs, and whether it lets this machine connect there; or go without it".into()
                }
                FailureKind::Internal => "certvigil could not make the visit: see its log".into(),
                _ => "see whether a firewall or the route between here and there drops the connection".into(),
            },
            Finding::ClientCertificateWanted => "nothing to do: the server's own certificate was seen and judged".into(),
        }
    }
}

impl Extra {
    fn summary(&self) -> String {
        let subject = &self.subject;
        match &self.kind {
            ExtraKind::Copy => format!("\"{subject}\" more than once"),
            ExtraKind::ExpiredRoot => format!("the expired root \"{subject}\""),
            ExtraKind::Alternative(issuer) => format!("\"{subject}\" as issued by \"{issuer}\", another path for older clients"),
            ExtraKind::ExpiredAlternative(issuer) => format!("\"{subject}\" as issued by \"{issuer}\", which has expired"),
            ExtraKind::Unrelated => format!("\"{subject}\", which belongs to no path"),
        }
    }
}

impl NearMiss {
    /// What makes the mismatch a near one, to follow what is carried and what was asked for; empty where nothing does.
    fn summary(&self, asked: &str) -> String {
        match self {
            NearMiss::Far | NearMiss::SameDomain(_) => String::new(),
            NearMiss::NoAddresses => ": it carries no address, and a name does not stand for one".into(),
            NearMiss::AddressAsName => format!(": it carries {asked} as a name, and clients look for it among the addresses"),
            NearMiss::OnlyAddresses => ": it carries addresses only, and no name".into(),
            NearMiss::OnlyCommonName => {
                ": only its common name (CN) says so, which does not count beside alternative names".into()
            }
            NearMiss::TrailingDot => ": it writes the name with a dot at its end, which matches nothing".into(),
            NearMiss::AskedWithDot => ": the dot at the end of what was asked for is in no certificate".into(),
            NearMiss::OnlyWww => format!(": it covers www.{asked}, but not {asked} itself"),
            NearMiss::OnlyApex => format!(": it covers {}, but not the name with www", asked.trim_start_matches("www.")),
            NearMiss::WildcardAboveApex(wildcard) => {
                format!(": {wildcard} covers the names below {asked}, but not {asked} itself")
            }
            NearMiss::WildcardTooShort(wildcard) => {
                format!(": the star of {wildcard} stands for one label, and {asked} has more")
            }
            NearMiss::WildcardTooLong(wildcard) => format!(": {wildcard} covers names one label further down"),
            NearMiss::WildcardRefused(wildcard) => format!(": {wildcard} is wider than any client accepts"),
        }
    }

    fn hint(&self, asked: &str) -> String {
        match self {
            NearMiss::NoAddresses | NearMiss::AddressAsName => {
                format!(
                    "connect by a name that it carries (server_name), or get a certificate with {asked} as an IP address among its alternative names"
                )
            }
            NearMiss::OnlyCommonName => format!("get a certificate with {asked} among its alternative names (SAN)"),
            NearMiss::TrailingDot => format!("get a certificate with {asked} among its alternative names, without the dot"),
            NearMiss::AskedWithDot => "write the name without the dot at its end".into(),
            NearMiss::OnlyWww
            | NearMiss::OnlyApex
            | NearMiss::WildcardAboveApex(_)
            | NearMiss::WildcardTooShort(_)
            | NearMiss::WildcardTooLong(_)
            | NearMiss::WildcardRefused(_) => {
                format!("get a certificate that names {asked} as well, or connect by a name that it carries (server_name)")
            }
            NearMiss::SameDomain(name) => {
                format!(
                    "see whether the server has a certificate for {asked} and picks it by SNI, as this one is for {name}, of the same domain; else connect by a name that it carries (server_name)"
                )
            }
            NearMiss::Far | NearMiss::OnlyAddresses => {
                "install a certificate that carries the name, or connect by a name that it carries (server_name)".into()
            }
        }
    }
}

fn quoted(names: &[String]) -> String {
    listed(names.iter().map(|name| format!("\"{name}\"")))
}

/// The first few, and how many more there are.
fn listed(mut names: impl ExactSizeIterator<Item = String>) -> String {
    const MOST: usize = 10;
    let mut out = names.by_ref().take(MOST).collect::<Vec<_>>().join(", ");
    if names.len() > 0 {
        let _ = write!(out, " and {} more", names.len());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observation::{Failure, Stage};

    fn hint(protocol: &str) -> String {
        let kind = FailureKind::Plaintext(protocol.into());
        Finding::of_failure(&Failure { stage: Stage::Handshake, kind, detail: String::new() }).hint()
    }

    #[test]
    fn one_intermediate_is_one_and_several_are_several() {
        let missing = |names: &[&str]| {
            let missing = names.iter().map(|name| (*name).to_owned()).collect();
            Finding::MissingIntermediate { missing, after: "a.org".into() }.summary()
        };
        assert_eq!(missing(&["A"]), "the server does not send the intermediate \"A\" that issued a.org");
        assert_eq!(missing(&["A", "B"]), "the server does not send the intermediates \"A\", \"B\" above a.org");
    }

    #[test]
    fn no_target_is_recommended_that_would_be_refused() {
        assert!(hint("smtp").contains("(smtp://)"));
        assert!(!hint("http").contains("://"), "{}", hint("http"));
        assert!(hint("unknown").contains("smtp://"));
    }
}
