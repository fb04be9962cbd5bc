//! Where trust comes from.

use super::{super::trust, *};

#[test]
fn the_same_trust_is_one_store() {
    let scratch = Scratch::new();
    let (one, two) = (root("one"), root("two"));
    scratch.write("one.pem", one.pem());
    scratch.write("two.der", two.der());
    scratch.write("both.pem", format!("one\n{}\n{}", one.pem(), two.pem()));
    let loaded = scratch
        .load(
            "
trust: {system: false, files: [one.pem]}
endpoints:
  - a.example
  - b.example
  - {target: c.example, trust: {files: [two.der, one.pem]}}
  - {target: d.example, trust: {files: [one.pem, two.der, ./one.pem, one.pem]}}
  - {target: e.example, trust: {mozilla: true, files: [one.pem]}}
  - {target: f.example, trust: {files: both.pem}}
  - {target: g.example, trust: {files: [two.der, one.pem, one.pem]}}
",
            &Environment::default(),
        )
        .unwrap_or_else(|faults| panic!("{faults}"));
    let trust: Vec<_> = loaded.config.watches.iter().map(|watch| watch.trust.clone()).collect();
    assert!(Arc::ptr_eq(&trust[0], &trust[1]));
    assert!(Arc::ptr_eq(&trust[2], &trust[6]));
    assert!(Arc::ptr_eq(&trust[0], &trust[4]), "mozilla and one.pem, as globally");
    assert!(!Arc::ptr_eq(&trust[0], &trust[2]));
    assert!(trust[0].len() > 100 && holds(&trust[0], &one) && !holds(&trust[0], &two));
    for only in [&trust[2], &trust[3], &trust[5]] {
        assert_eq!(only.len(), 2);
        assert!(holds(only, &one) && holds(only, &two));
    }
}

#[test]
fn stores_load_without_a_configuration() {
    let scratch = Scratch::new();
    let one = root("one");
    let path = scratch.write("one.pem", one.pem());
    let only = TrustSources { system: false, mozilla: false, files: vec![path.clone()] };
    assert_eq!(trust::load(&only).unwrap().trust.len(), 1);
    let more = TrustSources { mozilla: true, ..only };
    assert_eq!(trust::load(&more).unwrap().trust.len(), webpki_root_certs::TLS_SERVER_ROOT_CERTS.len() + 1);
    let missing = TrustSources { system: false, mozilla: false, files: vec![path, scratch.0.join("missing.pem")] };
    let error = trust::load(&missing).unwrap_err();
    assert_eq!(error.to_string(), format!("{}/missing.pem: does not exist; check the path", scratch.0.display()));
}

#[test]
fn a_file_without_certificates_is_told_and_a_damaged_one_refused() {
    let scratch = Scratch::new();
    let load = |content: &str| {
        let files = vec![scratch.write("some.pem", content)];
        trust::load(&TrustSources { system: false, mozilla: false, files })
    };
    for nothing in ["", "no certificate\n", "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n"] {
        let loaded = load(nothing).unwrap();
        assert_eq!((loaded.trust.len(), loaded.empty), (0, vec![scratch.0.join("some.pem")]), "{nothing}");
    }
    let damaged = load(&root("one").pem().replace("-----END CERTIFICATE-----", "")).unwrap_err();
    assert_eq!(damaged.problem, "has a damaged certificate, number 1");
}

#[test]
fn trust_settings_of_a_store_are_read() {
    let scratch = Scratch::new();
    let one = root("one");
    // An empty list of uses: trusted for nothing. What it means is the judge's business.
    let with_settings = [one.der().as_ref(), &[0x30, 2, 0x30, 0]].concat();
    let block = pem::encode(&pem::Pem::new("TRUSTED CERTIFICATE", with_settings));
    let files = vec![scratch.write("roots.pem", format!("{}{block}", root("two").pem()))];
    let loaded = trust::load(&TrustSources { system: false, mozilla: false, files }).unwrap();
    assert_eq!(loaded.trust.len(), 2);
    assert!(loaded.trust.contains(&crate::certificate::Certificate::from_der(one.der())));
}

#[test]
fn a_file_with_an_unreadable_certificate_is_a_warning() {
    let scratch = Scratch::new();
    let odd = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    scratch.write("roots.pem", format!("{}{odd}", root("one").pem()));
    let text = "endpoints:\n  - target: a.example\n    trust: {files: [roots.pem]}\n";
    let loaded = scratch.load(text, &Environment::default()).unwrap();
    assert_eq!(loaded.config.watches[0].trust.len(), 1);
    let warning = loaded.warnings[0].to_string();
    assert!(
        warning.ends_with(
            "config.yaml:3: endpoints[0].trust.files[0]: 1 of its 2 certificates cannot be read; \
             they are left out; remove them from the file"
        ),
        "{warning}"
    );
    scratch.write("roots.pem", odd);
    let told = scratch.load(text, &Environment::default()).unwrap_err().to_string();
    assert!(told.contains("roots.pem\" holds no certificate; name a file in PEM"), "{told}");
}
