//! The diagnoses that an error message may stand for: what is the case, who must act, and what to do.

use crate::diagnosis::Fault;

/// One diagnosis.
#[derive(Debug, PartialEq, Eq)]
pub struct Cause {
    /// The stable name; that of the finding, where both mean the same.
    pub name: &'static str,
    /// The finding with which certvigil tells it, where it does.
    pub finding: Option<&'static str>,
    /// Who must act.
    pub liability: Fault,
    /// One sentence: what is the case. No full stop at its end.
    pub meaning: &'static str,
    /// What to do about it, as one or two sentences. No full stop at its end.
    pub action: &'static str,
}

/// Every diagnosis, in the order of the documentation.
pub const CAUSES: &[&Cause] = &[
    &MISSING_INTERMEDIATE,
    &UNKNOWN_CA,
    &INTERCEPTION,
    &NO_STORE,
    &SELF_SIGNED,
    &EXPIRED,
    &INTERMEDIATE_EXPIRED,
    &NOT_YET_VALID,
    &WRONG_CLOCK,
    &HOSTNAME_MISMATCH,
    &NO_ALTERNATIVE_NAME,
    &REVOKED,
    &REVOCATION_UNKNOWN,
    &STAPLE_MISSING,
    &TRANSPARENCY,
    &LIFETIME_TOO_LONG,
    &CA_AS_LEAF,
    &WRONG_PURPOSE,
    &WEAK_KEY,
    &WEAK_SIGNATURE,
    &REFUSED,
    &UNREADABLE,
    &BAD_SIGNATURE,
    &KEY_MISMATCH,
    &PLAINTEXT,
    &NO_COMMON_GROUND,
    &UNKNOWN_NAME,
    &BROKEN_OFF,
    &CLIENT_CERTIFICATE_WANTED,
    &CLIENT_CERTIFICATE_REFUSED,
    &CLIENTS_REFUSE,
    &UNREACHABLE,
    &UNNAMED,
];

pub(super) const MISSING_INTERMEDIATE: Cause = Cause {
    name: "missing_intermediate",
    finding: Some("missing_intermediate"),
    liability: Fault::Server,
    meaning: "the server sends its own certificate but not the intermediate that issued it; browsers fetch it, other clients cannot",
    action: "have the server send the full chain, the leaf first and then the intermediates (fullchain.pem, not cert.pem)",
};

pub(super) const UNKNOWN_CA: Cause = Cause {
    name: "unknown_ca",
    finding: Some("unknown_ca"),
    liability: Fault::Client,
    meaning: "the chain is complete, but the client's trust store lacks its root: a private CA, or a store that is out of date",
    action: "if the CA is your own, put its root into the client's store; if it is a public one, update the store (ca-certificates, certifi, the JDK)",
};

pub(super) const INTERCEPTION: Cause = Cause {
    name: "interception",
    finding: Some("unknown_ca"),
    liability: Fault::Client,
    meaning: "a proxy or a virus scanner between client and server breaks TLS open and presents a certificate of its own CA",
    action: "look at the issuer of what is presented; if it is the company's proxy, put its root into the client's store, else find out who it is",
};

pub(super) const NO_STORE: Cause = Cause {
    name: "no_trust_store",
    finding: None,
    liability: Fault::Client,
    meaning: "the client found no trust store, or an empty one: a slim container, a wrong path, a variable such as SSL_CERT_FILE that leads nowhere",
    action: "install the package ca-certificates, or correct the path that the client is given (SSL_CERT_FILE, REQUESTS_CA_BUNDLE, curl.cainfo, javax.net.ssl.trustStore)",
};

pub(super) const SELF_SIGNED: Cause = Cause {
    name: "self_signed",
    finding: Some("self_signed"),
    liability: Fault::Server,
    meaning: "the server presents a certificate that it signed itself, often the placeholder of its software",
    action: "get a certificate from a CA; if this one is meant to be, put it into the client's store",
};

pub(super) const EXPIRED: Cause = Cause {
    name: "expired",
    finding: Some("expired"),
    liability: Fault::Server,
    meaning: "the server's certificate is past its last day",
    action: "renew the certificate and reload the server; if it was renewed, the server still has the old one loaded",
};

pub(super) const INTERMEDIATE_EXPIRED: Cause = Cause {
    name: "intermediate_expired",
    finding: Some("intermediate_expired"),
    liability: Fault::Server,
    meaning: "a CA certificate above the server's own has expired: in the chain file, or in the client's store",
    action: "take the CA's current intermediate into the chain file and reload; on old clients, update the trust store",
};

pub(super) const NOT_YET_VALID: Cause = Cause {
    name: "not_yet_valid",
    finding: Some("not_yet_valid"),
    liability: Fault::Server,
    meaning: "the certificate's first day has not come",
    action: "serve the previous certificate until then, and look at the clock of the CA",
};

pub(super) const WRONG_CLOCK: Cause = Cause {
    name: "wrong_clock",
    finding: None,
    liability: Fault::Client,
    meaning: "the client's clock is wrong, so that sound certificates look too old or too new",
    action: "compare date -u on the client with a clock you trust, and set it by NTP",
};

pub(super) const HOSTNAME_MISMATCH: Cause = Cause {
    name: "hostname_mismatch",
    finding: Some("hostname_mismatch"),
    liability: Fault::Server,
    meaning: "the certificate is for other names than the one the client asked for",
    action: "connect by a name that it carries, or get a certificate that carries the name; if it is the default site's, the server does not know the name",
};

pub(super) const NO_ALTERNATIVE_NAME: Cause = Cause {
    name: "no_alternative_name",
    finding: Some("hostname_mismatch"),
    liability: Fault::Server,
    meaning: "the certificate names the host in its common name only, at which clients no longer look, or the address asked for is not in it",
    action: "have it issued anew with the name (or the address, as an address) among the subject alternative names",
};

pub(super) const REVOKED: Cause = Cause {
    name: "revoked",
    finding: None,
    liability: Fault::Server,
    meaning: "the CA has revoked the certificate",
    action: "get a new certificate, with a new key if the old one may have leaked, and ask the CA why",
};

pub(super) const REVOCATION_UNKNOWN: Cause = Cause {
    name: "revocation_unknown",
    finding: None,
    liability: Fault::Network,
    meaning: "the client insists on asking whether the certificate was revoked, and could not reach the CA's OCSP or CRL server, or a private CA names none",
    action: "let the client reach the address under \"CRL Distribution Points\" or \"OCSP\" of the certificate; curl for Windows has --ssl-revoke-best-effort",
};

pub(super) const STAPLE_MISSING: Cause = Cause {
    name: "staple_missing",
    finding: Some("must_staple"),
    liability: Fault::Server,
    meaning: "the certificate demands that the server staples an OCSP answer, and the server does not",
    action: "switch OCSP stapling on at the server, or have the certificate issued without that demand (must-staple)",
};

pub(super) const TRANSPARENCY: Cause = Cause {
    name: "certificate_transparency",
    finding: Some("few_scts"),
    liability: Fault::Server,
    meaning: "the certificate of a public CA is in too few logs of Certificate Transparency, or proves it to nobody",
    action: "have it issued anew by the CA; browsers take no other",
};

pub(super) const LIFETIME_TOO_LONG: Cause = Cause {
    name: "lifetime_too_long",
    finding: Some("lifetime_too_long"),
    liability: Fault::Server,
    meaning: "the certificate lasts longer than browsers accept",
    action: "have it issued anew for a shorter time",
};

pub(super) const CA_AS_LEAF: Cause = Cause {
    name: "ca_as_leaf",
    finding: Some("ca_as_leaf"),
    liability: Fault::Server,
    meaning: "the server's own certificate is marked as a CA's, as openssl req -x509 makes it by default",
    action: "make it anew with basicConstraints CA:FALSE, or better, get one from a CA",
};

pub(super) const WRONG_PURPOSE: Cause = Cause {
    name: "wrong_purpose",
    finding: Some("missing_server_auth"),
    liability: Fault::Server,
    meaning: "the certificate, or one above it, is not meant for TLS servers: its extended key usage or key usage says something else",
    action: "have it issued anew with the extended key usage serverAuth and the key usage digitalSignature",
};

pub(super) const WEAK_KEY: Cause = Cause {
    name: "weak_key",
    finding: Some("weak_key"),
    liability: Fault::Server,
    meaning: "a key of the chain, or of the key exchange, is too short for the client",
    action: "get a certificate with a key of at least RSA 2048 or EC P-256; for \"dh key too small\", replace the server's DH parameters",
};

pub(super) const WEAK_SIGNATURE: Cause = Cause {
    name: "weak_signature",
    finding: Some("weak_signature"),
    liability: Fault::Server,
    meaning: "a certificate of the chain is signed with an algorithm that the client refuses, such as SHA-1 or MD5",
    action: "get a certificate and an intermediate that are signed with SHA-256 or better",
};

pub(super) const REFUSED: Cause = Cause {
    name: "verification_refused",
    finding: Some("verification_refused"),
    liability: Fault::Server,
    meaning: "the certificate or one above it breaks a rule: a CA that may not sign or not for this name, a wrong purpose, an extension that is missing or that nobody knows",
    action: "have the certificate issued anew; Python 3.13 and other strict clients want what RFC 5280 demands, which home-made CAs often lack",
};

pub(super) const UNREADABLE: Cause = Cause {
    name: "unreadable_certificate",
    finding: Some("unreadable_certificate"),
    liability: Fault::Server,
    meaning: "a certificate, or the file that should hold it, cannot be decoded",
    action: "take the file anew from the CA; certvigil inspect FILE says what is in it",
};

pub(super) const BAD_SIGNATURE: Cause = Cause {
    name: "bad_signature",
    finding: Some("bad_signature"),
    liability: Fault::Server,
    meaning: "a certificate was not signed by the issuer that stands beside it: altered, or a CA that has several keys under one name",
    action: "take the certificate and its issuer anew from the CA, together",
};

pub(super) const KEY_MISMATCH: Cause = Cause {
    name: "key_possession_failed",
    finding: Some("key_possession_failed"),
    liability: Fault::Server,
    meaning: "certificate and private key do not belong together",
    action: "install the key that belongs to the certificate; certvigil inspect fullchain.pem privkey.pem says whether they match",
};

pub(super) const PLAINTEXT: Cause = Cause {
    name: "plaintext",
    finding: Some("handshake_failed"),
    liability: Fault::Client,
    meaning: "one side speaks TLS and the other does not: a wrong port, a proxy named as https://, STARTTLS left out, or TLS not switched on",
    action: "correct the port or the scheme (http:// for most proxies, smtp:// with STARTTLS for mail), or switch TLS on at the server",
};

pub(super) const NO_COMMON_GROUND: Cause = Cause {
    name: "no_common_ground",
    finding: Some("handshake_failed"),
    liability: Fault::Unclear,
    meaning: "client and server have no TLS version, cipher or signature in common: one of the two is old, or was made strict",
    action: "update the older side: TLS 1.2 with ECDHE and AES-GCM is what both should have; lowering the client's security level is no cure",
};

pub(super) const UNKNOWN_NAME: Cause = Cause {
    name: "unknown_name",
    finding: Some("handshake_failed"),
    liability: Fault::Server,
    meaning: "the server does not know the name that the client asks for by SNI, or was sent none",
    action: "add the name to the server's configuration, or connect by the right one; very old clients send no SNI",
};

pub(super) const BROKEN_OFF: Cause = Cause {
    name: "broken_off",
    finding: Some("handshake_failed"),
    liability: Fault::Unclear,
    meaning: "the other side, or a firewall between, closed the connection in the middle of the handshake without saying why",
    action: "look at the server's log of that moment; try from another network; large first messages upset some old firewalls",
};

pub(super) const CLIENT_CERTIFICATE_WANTED: Cause = Cause {
    name: "client_certificate_wanted",
    finding: Some("client_certificate_wanted"),
    liability: Fault::Client,
    meaning: "the server wants a client certificate, and got none",
    action: "give the client its certificate and key; or, if none is meant, switch the demand off at the server",
};

pub(super) const CLIENT_CERTIFICATE_REFUSED: Cause = Cause {
    name: "client_certificate_refused",
    finding: None,
    liability: Fault::Client,
    meaning: "read on a client: the server refuses the client's certificate, as expired, unknown to it, or sent without its intermediate",
    action: "look at the client's certificate with certvigil inspect, send its whole chain, and ask whom the server trusts",
};

pub(super) const CLIENTS_REFUSE: Cause = Cause {
    name: "clients_refuse",
    finding: None,
    liability: Fault::Server,
    meaning: "read in a server's log: a client refuses the server's certificate, and says only this much",
    action: "check the server as its clients see it: the chain is incomplete, the name is wrong, or the client lacks the root",
};

pub(super) const UNREACHABLE: Cause = Cause {
    name: "unreachable",
    finding: Some("unreachable"),
    liability: Fault::Network,
    meaning: "there was no TLS yet: the name does not resolve, the port refuses, or nothing answers",
    action: "go step by step: getent ahosts NAME, then the port, then the firewalls between",
};

pub(super) const UNNAMED: Cause = Cause {
    name: "unnamed",
    finding: None,
    liability: Fault::Unclear,
    meaning: "the message only says that verification failed; the reason stands elsewhere, or was not told",
    action: "read on to the innermost cause of the message, or see what the server presents",
};
