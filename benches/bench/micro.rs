//! The parts of a visit that need no network, each alone.

use std::{hint::black_box, sync::Arc};

use anyhow::Context as _;
use certvigil::{
    certificate::{Certificate, Fingerprint},
    diagnosis::{Expectation, Issuers, Trust, diagnose, gap},
    endpoint::Endpoint,
    observation::Observation,
};
use rustls::{
    RootCertStore,
    client::danger::ServerCertVerifier as _,
    pki_types::{CertificateDer, ServerName, UnixTime},
};

use crate::{client::webpki, process::cpu_of_main_thread};

/// Name and words, in the order of a visit.
pub(crate) const OF_A_VISIT: [(&str, &str); 4] = [
    ("parse", "parse: leaf and intermediate from DER to facts, fingerprints included"),
    ("possession", "proof of possession: one ECDSA P-256 signature verified (timed on the leaf's own)"),
    ("gap", "judge: is an issuer missing?"),
    ("diagnose", "judge: path, every check, findings"),
];

pub(crate) const FOR_COMPARISON: [(&str, &str); 2] =
    [("webpki", "webpki verifies the same chain and name"), ("fingerprint", "the two fingerprints alone")];

/// Says the microseconds of CPU of each, a value a batch.
pub(crate) fn run(
    observation: &Observation,
    endpoint: &Endpoint,
    (expectation, trust): (&Expectation, &Trust),
    roots: &Arc<RootCertStore>,
    say: impl Fn(&str, f64),
) -> anyhow::Result<()> {
    let chain = observation.chain().context("the stage shows a chain")?;
    let ders: Vec<Arc<[u8]>> = chain.iter().map(|certificate| certificate.der()[..].into()).collect();
    let [leaf, issuer] = &ders[..] else { anyhow::bail!("the stage shows {} certificates", ders.len()) };
    let (leaf, issuers) = (CertificateDer::from(&leaf[..]), [CertificateDer::from(&issuer[..])]);
    let server_name = ServerName::try_from(endpoint.server_name.to_string())?;
    let (verifier, none) = (webpki(roots)?, Issuers::default());
    let leaf_facts = chain.leaf.facts().context("readable")?;
    let issuer_key = &chain.rest[0].facts().context("readable")?.key;
    leaf_facts.verify_signature(issuer_key).map_err(|fault| anyhow::anyhow!("the leaf's signature is {fault:?}"))?;
    verifier.verify_server_cert(&leaf, &issuers, &server_name, &[], UnixTime::now())?;

    for _ in 0..BATCHES {
        let time = |what: &str, work: &dyn Fn()| -> anyhow::Result<()> {
            let before = cpu_of_main_thread()?;
            (0..TIMES).for_each(|_| work());
            let took = cpu_of_main_thread()?.saturating_sub(before);
            say(what, took.as_secs_f64() * 1e6 / f64::from(TIMES));
            Ok(())
        };
        time("parse", &|| ders.iter().for_each(|der| drop(black_box(Certificate::from_der(der)))))?;
        time("possession", &|| {
            let _ = black_box(leaf_facts.verify_signature(issuer_key));
        })?;
        time("gap", &|| drop(black_box(gap(chain, trust, &none, observation.at))))?;
        time("diagnose", &|| drop(black_box(diagnose(observation, expectation, trust, &none, observation.at))))?;
        time("webpki", &|| {
            drop(black_box(verifier.verify_server_cert(&leaf, &issuers, &server_name, &[], UnixTime::now())));
        })?;
        time("fingerprint", &|| {
            for der in &ders {
                black_box(Fingerprint::of(der));
            }
        })?;
    }
    Ok(())
}

const BATCHES: u32 = 15;
const TIMES: u32 = 1000;
