//! What the judge costs beside webpki: one two-certificate P-256 chain, a store of 150 roots, from DER to the answer, in one run.
//! webpki says yes or no; the judge says what OpenSSL would, what is wrong, and what to do.

#![expect(clippy::print_stdout, reason = "a bench speaks to the person who started it")]

use std::{fs, hint::black_box, path::Path, thread, time::Duration};

use certvigil::{
    certificate::Certificate,
    clock::Timestamp,
    diagnosis::{Expectation, Issuers, Trust, diagnose},
    endpoint::Host,
    observation::{Chain, Handshake, Observation, Outcome, Possession},
};
use criterion::{
    Criterion,
    measurement::{Measurement, ValueFormatter, WallTime},
};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use rustls::pki_types::UnixTime;
use webpki::{ALL_VERIFICATION_ALGS, EndEntityCert, KeyUsage, anchor_from_trusted_cert};

const GROUP: &str = "a sound chain";
const ROUNDS: usize = 5;
const ROOTS: usize = 150;
const NAME: &str = "www.example.test";

fn ca(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    (params.not_before, params.not_after) = (date_time_ymd(2025, 1, 1), date_time_ymd(2035, 1, 1));
    params
}

/// Mozilla's roots, and as many more as are lacking.
fn others(count: usize) -> Result<Vec<Vec<u8>>, rcgen::Error> {
    let mut roots: Vec<_> = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().take(count).map(|der| der.to_vec()).collect();
    for number in roots.len()..count {
        roots.push(ca(&format!("Other Root CA {number}")).self_signed(&KeyPair::generate()?)?.der().to_vec());
    }
    Ok(roots)
}

/// Root, intermediate and leaf, as DER; P-256 throughout.
fn chain() -> Result<[Vec<u8>; 3], rcgen::Error> {
    let root_key = KeyPair::generate()?;
    let root = ca("Bench Root CA");
    let root_der = root.self_signed(&root_key)?.der().to_vec();
    let root = Issuer::new(root, root_key);
    let intermediate_key = KeyPair::generate()?;
    let mut intermediate = ca("Bench Issuing CA");
    intermediate.use_authority_key_identifier_extension = true;
    let intermediate_der = intermediate.signed_by(&intermediate_key, &root)?.der().to_vec();
    let intermediate = Issuer::new(intermediate, intermediate_key);
    let mut leaf = CertificateParams::new([NAME.to_owned(), "example.test".to_owned()])?;
    leaf.distinguished_name = DistinguishedName::new();
    leaf.distinguished_name.push(DnType::CommonName, NAME);
    (leaf.not_before, leaf.not_after) = (date_time_ymd(2026, 11, 1), date_time_ymd(2027, 1, 29));
    leaf.use_authority_key_identifier_extension = true;
    leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let leaf_der = leaf.signed_by(&KeyPair::generate()?, &intermediate)?.der().to_vec();
    Ok([root_der, intermediate_der, leaf_der])
}

fn judge(criterion: &mut Criterion<Cpu>) {
    let [root, intermediate, leaf] = chain().expect("aws-lc-rs makes P-256");
    let mut roots = others(ROOTS - 1).expect("aws-lc-rs makes P-256");
    // In the middle: webpki looks through its anchors from the first.
    roots.insert(ROOTS / 2, root);
    let now: Timestamp = "2026-11-22T12:00:00Z".parse().expect("a timestamp");

    let trust = Trust::new(roots.iter().map(|der| Certificate::from_der(der)));
    let expectation = Expectation { host: Some(Host::Name(NAME.into())), ..Expectation::default() };
    let none = Issuers::default();
    let judge = || {
        let chain = Chain::new([&leaf, &intermediate].map(|der| Certificate::from_der(der)).to_vec()).expect("a leaf");
        let tls = std::sync::Arc::default();
        let possession = Possession::Proven;
        let handshake = Handshake { chain, tls, possession, wants_client_certificate: false, broken_off: None };
        let observation = Observation::new(None, now, Outcome::Handshake(handshake));
        diagnose(&observation, &expectation, &trust, &none, now)
    };
    assert_eq!(judge().verdict.map(|verdict| verdict.errors), Some(Vec::new()), "the chain is sound");

    let ders: Vec<_> = roots.iter().map(|der| der.as_slice().into()).collect();
    let anchors: Vec<_> = ders.iter().map(|der| anchor_from_trusted_cert(der).expect("a root")).collect();
    let [leaf, intermediates] = [leaf.as_slice().into(), intermediate.as_slice().into()];
    let intermediates = [intermediates];
    let seconds = u64::try_from(now.as_second()).expect("after 1970");
    let time = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
    let name = NAME.try_into().expect("a name");
    let webpki = || {
        let leaf = EndEntityCert::try_from(&leaf)?;
        let usage = KeyUsage::server_auth();
        leaf.verify_for_usage(ALL_VERIFICATION_ALGS, &anchors, &intermediates, time, usage, None, None)?;
        leaf.verify_is_valid_for_subject_name(&name)
    };
    webpki().expect("the chain is sound");

    let mut group = criterion.benchmark_group(GROUP);
    group.warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_millis(1500)).sample_size(50);
    // In turns, since a machine may slow down meanwhile.
    for round in 0..ROUNDS {
        group.bench_function(format!("webpki {round}"), |bencher| bencher.iter(|| black_box(webpki())));
        group.bench_function(format!("judge {round}"), |bencher| bencher.iter(|| black_box(judge())));
    }
    group.finish();
}

/// What the kernel counts of this thread, not the time that passes: the ratio holds where others want the core too.
struct Cpu;

impl Measurement for Cpu {
    type Intermediate = Duration;
    type Value = Duration;

    fn start(&self) -> Duration {
        // Whoever sleeps is counted to the end.
        thread::sleep(Duration::from_millis(1));
        let counted = fs::read_to_string("/proc/thread-self/schedstat").expect("Linux keeps it");
        Duration::from_nanos(counted.split(' ').next().and_then(|nanos| nanos.parse().ok()).expect("nanoseconds"))
    }

    fn end(&self, started: Duration) -> Duration {
        self.start().saturating_sub(started)
    }

    fn add(&self, one: &Duration, other: &Duration) -> Duration {
        *one + *other
    }

    fn zero(&self) -> Duration {
        Duration::ZERO
    }

    fn to_f64(&self, value: &Duration) -> f64 {
        WallTime.to_f64(value)
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        WallTime.formatter()
    }
}

/// The median of one benchmark, in nanoseconds, as criterion has written it down.
fn median(results: &Path, name: &str) -> f64 {
    let file = results.join(GROUP).join(name).join("new/estimates.json");
    let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let estimates: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    estimates["median"]["point_estimate"].as_f64().expect("a number")
}

fn main() {
    let results = Path::new(env!("CARGO_TARGET_TMPDIR")).join("criterion");
    let mut criterion = Criterion::default().with_measurement(Cpu).output_directory(&results).configure_from_args();
    judge(&mut criterion);
    let rounds: Vec<[f64; 2]> =
        (0..ROUNDS).map(|round| ["webpki", "judge"].map(|who| median(&results, &format!("{who} {round}")))).collect();
    let middle = |of: &dyn Fn(&[f64; 2]) -> f64| {
        let mut values: Vec<f64> = rounds.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values[ROUNDS / 2]
    };
    let (webpki, judge) = (middle(&|round| round[0] / 1e3), middle(&|round| round[1] / 1e3));
    let section = format!(
        "{HEADING}\n\nwebpki {webpki:.0} µs of CPU, the judge {judge:.0} µs: {:.2} times, the median of {ROUNDS} rounds. {WHAT}\n",
        middle(&|[webpki, judge]| judge / webpki)
    );
    println!("\n{section}");
    // Behind what benches/bench has written.
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/RESULTS.md");
    let before = fs::read_to_string(&file).unwrap_or_default();
    let before = before.split(HEADING).next().unwrap_or_default().trim_end();
    fs::write(&file, format!("{before}\n\n{section}")).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
}

const HEADING: &str = "## The judge beside webpki";
const WHAT: &str = "Both read the leaf and the intermediate from DER and check them under a root among 150, P-256 throughout; webpki says \
yes, the judge says what OpenSSL would, and everything that it finds.";
