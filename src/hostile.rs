//! What strangers may send, made of any octets: an entry for each door that such octets reach. The fuzzers in `fuzz/` run them, and a
//! test replays what the fuzzers have found. Compiled for these alone.

#[cfg(any(test, fuzzing))]
mod make;
#[cfg(any(test, fuzzing))]
mod script;

use std::sync::Arc;

use crate::{
    certificate::{self, Certificate, pkcs7, printable},
    clock::Timestamp,
    config,
    diagnosis::{Diagnosis, Expectation, Issuers, Judged, Stores, Trust, diagnose, gap, views},
    endpoint::{Endpoint, Host},
    fetch, inspect,
    monitor::{AddressView, EndpointView, Histogram, OutboxView, Policy, ReloadView, Snapshot, Watch},
    observation::{Chain, Failure, FailureKind, Handshake, Observation, Outcome, Possession, Stage},
    probe,
    report::{self, Subject},
    store, web,
};

#[cfg(test)]
pub(crate) use make::tlv;
pub(crate) use script::{Script, at_once};

/// An entry: whatever the octets, it returns. It panics where what it saw must not be.
pub type Target = fn(&[u8]);

/// All of them, by the names that they have in `fuzz/`.
pub const TARGETS: &[(&str, Target)] = &[
    ("aia", fetch::hostile::answer),
    ("certificate", certificate),
    ("codec", store::hostile::columns),
    ("config", config),
    ("inspect", inspect),
    ("judge", judge),
    ("page", page),
    ("paths", paths),
    ("pkcs7", pkcs7),
    ("proxy", probe::hostile::proxy),
    ("starttls", probe::hostile::starttls),
    ("tls", probe::hostile::tls),
];

/// The entry of this name, for these octets.
///
/// # Panics
///
/// Where there is none of the name, and where what it sees must not be.
pub fn run(name: &str, octets: &[u8]) {
    let (_, target) = TARGETS.iter().find(|(of, _)| *of == name).expect("a name of TARGETS");
    target(octets);
}

/// A certificate, alone and as its own issuer.
fn certificate(octets: &[u8]) {
    let certificate = Certificate::from_der(octets);
    match &certificate.facts {
        Ok(facts) => {
            let _ = facts.verify_signature(&facts.key);
            let _ = (facts.is_self_signed(), facts.key.security_bits(), facts.signature.security_bits());
            assert_safe(&format!("{} {} {} {}", facts.subject, facts.issuer, facts.key.kind, facts.signature));
            facts.sans().for_each(|san| assert_safe(&san.to_string()));
        }
        Err(reason) => assert_safe(&reason.to_string()),
    }
    let _ = certificate::Certificate::from_trusted_der(octets);
}

fn pkcs7(octets: &[u8]) {
    let found = pkcs7::certificates(octets).unwrap_or_default();
    assert!(found.iter().map(|der| der.len()).sum::<usize>() <= octets.len(), "more is found than was there");
    found.iter().take(10).for_each(|der| drop(Certificate::from_der(der)));
}

/// Certificates as they come: flags, then each with its length before it. See [`make::list`].
fn judge(octets: &[u8]) {
    let Some((flags, rest)) = octets.split_first() else { return };
    let certificates: Vec<_> = make::list(rest).into_iter().map(Certificate::from_der).collect();
    judged(*flags, &certificates);
}

/// Certificates that are sound in form and signed, of few names and keys, so that they are each other's issuers.
fn paths(octets: &[u8]) {
    let Some((flags, rest)) = octets.split_first() else { return };
    let certificates: Vec<_> =
        rest.chunks(make::RECIPE).take(24).map(|recipe| Certificate::from_der(&make::signed(recipe))).collect();
    judged(*flags, &certificates);
}

/// The flags say what is asked for, and how many of the last certificates are trusted or at hand instead of presented.
fn judged(flags: u8, certificates: &[Arc<Certificate>]) {
    let spare = usize::from(flags >> 4).min(certificates.len().saturating_sub(1));
    let (presented, spare) = certificates.split_at(certificates.len() - spare);
    let (trusted, known) = spare.split_at(spare.len().div_ceil(2));
    let host = match flags & 3 {
        0 => None,
        1 => Some(Host::Ip([192, 0, 2, 1].into())),
        _ => Some(Host::Name("a.example".into())),
    };
    let security_level = if flags & 4 == 0 { 2 } else { 1 };
    let expectation = Expectation::at_level(host, security_level);
    let Some(chain) = Chain::new(presented.to_vec()) else { return };
    let trust = Trust::new(trusted.iter().cloned());
    let issuers = Issuers { certificates: known.to_vec(), tried: String::new() };
    let _ = gap(&chain, &trust, &issuers, now());
    let observation = handshake(chain);
    let diagnosis = diagnose(&observation, &expectation, &trust, &issuers, now());
    assert_told(&diagnosis);
    let judged = Judged { observation, diagnosis: diagnosis.into() };
    let mozilla = Trust::new(trusted.iter().take(1).cloned());
    let stores = Stores { system: Arc::default(), mozilla: Arc::new(mozilla) };
    if let Some(views) = views(&judged, &expectation, &trust, &stores, now()) {
        views.clients.iter().for_each(|view| assert_safe(view.answer.reason()));
        views.paths.iter().flat_map(|path| &path.subjects).for_each(|subject| assert_safe(subject));
        assert_safe(&views.works_where);
    }
    let subject = Subject::File("chain.pem", "");
    assert_safe(&report::text(subject, &judged, now()));
    assert_safe(&report::evidence(subject, &judged, now()));
    assert_safe(&report::json(subject, &judged, None));
    if let Some(repair) = &judged.diagnosis.repair {
        // The cure has to be one.
        let chain = Chain::new(repair.chain.clone()).expect("at least a leaf");
        let cured = diagnose(&handshake(chain), &expectation, &trust, &Issuers::default(), now());
        let errors = cured.verdict.map(|verdict| verdict.errors).unwrap_or_default();
        assert!(errors.iter().all(|error| error.depth == 0), "the repaired chain has {errors:?}");
    }
}

/// Names, labels and details of any text, on the page and among the metrics.
fn page(octets: &[u8]) {
    let text = String::from_utf8_lossy(octets);
    let mut parts = text.split('\0').map(str::to_owned);
    let mut next = || parts.next().unwrap_or_default();
    let (name, label, value, subject, detail, query) = (next(), next(), next(), next(), next(), next());
    let chain = Chain::new(vec![Certificate::from_der(&make::named(&subject))]).expect("one");
    let expectation = Expectation { host: Some(Host::Name("a.example".into())), ..Expectation::default() };
    let see = |observation: Observation| {
        let diagnosis = diagnose(&observation, &expectation, &Trust::default(), &Issuers::default(), now());
        Some(Arc::new(Judged { observation, diagnosis: diagnosis.into() }))
    };
    let failure = Failure { stage: Stage::Starttls, kind: FailureKind::StarttlsRefused, detail: detail.clone() };
    let failed = Observation { outcome: Outcome::Failure(failure), ..handshake(chain.clone()) };
    let address = AddressView { address: Some([192, 0, 2, 1].into()), known: see(handshake(chain)), failed: see(failed) };
    let watch = Watch {
        endpoint: Endpoint { name: name.as_str().into(), ..Endpoint::new("a.example".parse().expect("a target")) },
        expectation: expectation.clone(),
        trust: Arc::default(),
        stores: Arc::default(),
        policy: Policy { labels: [(label, value)].into(), ..Policy::default() }.into(),
    };
    let snapshot = Snapshot {
        at: now(),
        started: now(),
        endpoints: vec![Arc::new(EndpointView { watch: Arc::new(watch), addresses: vec![address], renewals: Vec::new() })],
        index: Arc::default(),
        incidents: Vec::new(),
        silences: Vec::new(),
        held: (0, None),
        outbox: OutboxView::default(),
        reload: ReloadView { successful: true, success_at: now() },
        lag: Histogram::new(&[1.0]),
        canaries: Vec::new(),
        own_faults: Vec::new(),
        lost_visits: 0,
        troubles: vec![detail],
    };
    web::hostile::assert_sound(&Arc::new(snapshot), &query);
}

/// A file of whatever kind, its password known.
fn inspect(octets: &[u8]) {
    match inspect::read(octets, Some("changeit")) {
        Ok(contents) => {
            let file = ("file", &contents);
            assert_safe(&inspect::text(file, &[file], now()));
            assert_safe(&inspect::commands(file, &[file]));
            assert_safe(&inspect::json(file, &[file], None));
        }
        Err(fault) => assert_safe(&fault.to_string()),
    }
}

/// A configuration. Files that it names are looked for and do not exist.
fn config(octets: &[u8]) {
    let Ok(text) = std::str::from_utf8(octets) else { return };
    match config::parse(text, "/nowhere/certvigil.yaml".as_ref(), &config::Environment::default()) {
        Ok(loaded) => assert_safe(&config::summary(&loaded)),
        Err(faults) => faults.0.iter().for_each(|fault| assert_safe(&fault.to_string())),
    }
}

fn handshake(chain: Chain) -> Observation {
    let handshake = Handshake {
        chain,
        tls: Arc::default(),
        possession: Possession::Proven,
        wants_client_certificate: false,
        broken_off: None,
    };
    Observation::new(None, now(), Outcome::Handshake(handshake))
}

fn now() -> Timestamp {
    "2026-11-22T12:00:00Z".parse().expect("a timestamp")
}

/// Every finding is in words, and short.
fn assert_told(diagnosis: &Diagnosis) {
    for found in &diagnosis.findings {
        let (summary, hint) = (found.finding.summary(), found.finding.hint());
        assert!(!summary.is_empty() && summary.chars().count() < 5000, "{}: {summary}", found.finding.code());
        assert_safe(&summary);
        assert_safe(&hint);
    }
    if diagnosis.verdict.as_ref().is_some_and(|verdict| !verdict.errors.is_empty()) {
        assert!(!diagnosis.findings.is_empty(), "OpenSSL refuses it, and nothing is found");
    }
}

/// Nothing but what may go to a terminal; lines may end.
pub(crate) fn assert_safe(text: &str) {
    for line in text.split('\n') {
        assert_eq!(printable(line), line, "is not safe to print");
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::PathBuf};

    use super::*;

    fn fuzz() -> PathBuf {
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz")
    }

    /// Sixty kilobytes of what a stranger may put into a certificate.
    fn long() -> String {
        "<script>alert('x')</script>\"\\\n\u{1b}[31m\u{202e}& {a=\"b\"} ".repeat(1_300)
    }

    #[test]
    fn sixty_kilobytes_stay_a_text_on_every_page_and_among_the_metrics() {
        let text = long();
        assert!(text.len() > 60_000);
        page([&*text; 6].join("\0").as_bytes());
    }

    #[test]
    fn sixty_kilobytes_stay_a_text_on_a_terminal() {
        judged(2, &[Certificate::from_der(&make::named(&long()))]);
    }

    #[test]
    fn what_the_fuzzers_have_found_is_replayed() {
        let mut names = BTreeSet::new();
        for (name, target) in TARGETS {
            let directory = fuzz().join("corpus").join(name);
            let entries = fs::read_dir(&directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
            let mut count = 0;
            for entry in entries {
                target(&fs::read(entry.expect("readable").path()).expect("readable"));
                count += 1;
            }
            assert!(count > 0, "{name} has no corpus");
            assert!(fuzz().join(format!("fuzz_targets/{name}.rs")).exists(), "{name} has no fuzzer");
            names.insert((*name).to_owned());
        }
        let fuzzers = fs::read_dir(fuzz().join("fuzz_targets"))
            .expect("there")
            .map(|entry| entry.expect("readable").path().file_stem().expect("a name").to_string_lossy().into_owned());
        assert_eq!(fuzzers.collect::<BTreeSet<_>>(), names);
    }
}
