use std::collections::BTreeSet;

use super::*;

/// The first message found, and the names of the diagnoses.
fn told(text: &str) -> String {
    match explain(text) {
        Ok(Answer::Finding(section)) => format!("finding {}", section.code),
        Ok(Answer::Messages(decoded)) => decoded.causes.iter().map(|cause| cause.name).collect::<Vec<_>>().join(" "),
        Err(unknown) => format!("unknown, like {:?}", unknown.nearest.iter().map(|message| message.text).collect::<Vec<_>>()),
    }
}

#[test]
fn messages_are_known_with_the_noise_around_them() {
    for (text, expected) in [
        ("unable to get local issuer certificate", "missing_intermediate unknown_ca interception no_trust_store"),
        ("UNABLE TO GET LOCAL\n  ISSUER certificate!", "missing_intermediate unknown_ca interception no_trust_store"),
        (
            "requests.exceptions.SSLError: HTTPSConnectionPool(host='api.example.org', port=443): Max retries exceeded with url: /v1 \
             (Caused by SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: unable to \
             get local issuer certificate (_ssl.c:1007)')))",
            "missing_intermediate unknown_ca interception no_trust_store",
        ),
        (
            "ssl.SSLCertVerificationError: [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: Hostname mismatch, certificate \
             is not valid for 'www.example.org'. (_ssl.c:1129)",
            "hostname_mismatch no_alternative_name",
        ),
        (
            "javax.net.ssl.SSLHandshakeException: PKIX path building failed: sun.security.provider.certpath.SunCertPathBuilderException: \
             unable to find valid certification path to requested target\n\tat java.base/sun.security.ssl.Alert.createSSLException",
            "missing_intermediate unknown_ca interception self_signed",
        ),
        (
            "PKIX path validation failed: java.security.cert.CertPathValidatorException: validity check failed\nCaused by: \
             java.security.cert.CertificateExpiredException: NotAfter: Mon Nov 23 12:00:00 UTC 2026",
            "expired intermediate_expired wrong_clock",
        ),
        (
            "Get \"https://api.example.org/\": tls: failed to verify certificate: x509: certificate has expired or is not yet valid: \
             current time 2026-11-26T11:00:00Z is after 2026-11-23T00:00:00Z",
            "expired intermediate_expired wrong_clock",
        ),
        (
            "x509: certificate has expired or is not yet valid: current time 2026-11-26T11:00:00Z is before 2027-01-01T00:00:00Z",
            "not_yet_valid wrong_clock",
        ),
        (
            "Unable to connect to the server: x509: certificate signed by unknown authority (possibly because of \"crypto/rsa: \
             verification error\" while trying to verify candidate authority certificate \"kubernetes\")",
            "missing_intermediate unknown_ca interception self_signed no_trust_store",
        ),
        ("npm ERR! code SELF_SIGNED_CERT_IN_CHAIN", "unknown_ca interception"),
        ("{\"level\":\"error\",\"msg\":\"code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'\\n\"}", "missing_intermediate unknown_ca"),
        ("\u{1b}[31mcertificate has expired\u{1b}[0m", "expired intermediate_expired wrong_clock"),
        (
            "The remote certificate is invalid because of errors in the certificate chain: PartialChain (RemoteCertificateChainErrors)",
            "missing_intermediate unknown_ca",
        ),
        ("NET::ERR_CERT_AUTHORITY_INVALID", "unknown_ca self_signed interception missing_intermediate"),
        ("curl: (35) error:0A00010B:SSL routines::wrong version number", "plaintext no_common_ground"),
        (
            "routines:ssl3_read_bytes:tlsv1 alert unknown ca:../ssl/record/rec_layer_s3.c:1584:SSL alert number 48",
            "clients_refuse client_certificate_refused",
        ),
        (
            "Error Domain=NSURLErrorDomain Code=-1202 \"The certificate\"",
            "missing_intermediate unknown_ca hostname_mismatch certificate_transparency",
        ),
    ] {
        assert_eq!(told(text), expected, "{text}");
    }
}

#[test]
fn numbers_are_openssls() {
    for text in [
        "21",
        " 21\n",
        "verify error:num=21:unable to verify the first certificate",
        "verify error:num=21",
        "Verify return code: 21 (unable to verify the first certificate)",
        "error 21 at 0 depth lookup: unable to verify the first certificate",
    ] {
        assert_eq!(told(text), "missing_intermediate unknown_ca", "{text}");
    }
    // A success, a number of something else, and one that nothing has.
    for text in ["0", "Verify return code: 0 (ok)", "it took 21 seconds", "777"] {
        assert!(told(text).starts_with("unknown"), "{text}: {}", told(text));
    }
}

#[test]
fn findings_are_known_by_their_codes() {
    assert_eq!(told("missing_intermediate"), "finding missing_intermediate");
    assert_eq!(told(" EXPIRED "), "finding expired");
    for code in Finding::CODES {
        assert_eq!(told(code), format!("finding {code}"));
    }
    assert_eq!(told("  critical wrong_order (fault: server)"), "finding wrong_order");
    let answer = text(&explain("wrong_order").expect("a finding"));
    assert!(answer.contains("Who must act: Whoever runs the server.") && answer.contains("findings.md#wrong_order"), "{answer}");
}

#[test]
fn what_is_unknown_is_told_with_what_comes_near() {
    let nearest = explain("unabel to get locl issuer certificat").expect_err("misspelt").nearest;
    assert!(nearest.iter().any(|message| message.code == Some(20)), "{nearest:?}");
    assert!(nearest.len() <= 3);
    for text in ["", "…", "out of memory", "\u{1b}", "\u{1b}[", "the quick brown fox"] {
        assert_eq!(told(text), "unknown, like []", "{text}");
    }
}

#[test]
fn parts_of_a_message_stand_close_together() {
    let apart = |filler: usize| format!("No name matching {} found", "x ".repeat(filler));
    assert_eq!(told(&apart(10)), "hostname_mismatch no_alternative_name");
    assert!(told(&apart(1000)).starts_with("unknown"), "{}", told(&apart(1000)));
    // The first beginning is no dead end.
    assert_eq!(
        told(&format!("No name matching {} No name matching a.example found", "x ".repeat(1000))),
        "hostname_mismatch no_alternative_name"
    );
}

/// Each row of the table can be found, and by its own words leads to its own diagnosis.
#[test]
fn every_message_is_known_as_it_is_written() {
    let mut seen = BTreeSet::new();
    for message in messages() {
        assert!(seen.insert((message.speaker, normal(message.text))), "twice: {}", message.text);
        let filled = message.text.replace('…', "something");
        let Ok(Answer::Messages(decoded)) = explain(&filled) else { panic!("unknown: {filled}") };
        assert_eq!(decoded.causes[0], message.causes[0], "{filled} is taken for {}", decoded.messages[0].text);
    }
    assert!(seen.len() > 250, "{}", seen.len());
}

#[test]
fn every_diagnosis_is_named_and_used() {
    let used: BTreeSet<&str> = messages().flat_map(|message| message.causes).map(|cause| cause.name).collect();
    let listed: BTreeSet<&str> = CAUSES.iter().map(|cause| cause.name).collect();
    assert_eq!(used, listed);
    assert_eq!(CAUSES.len(), listed.len(), "a name stands twice");
    for cause in CAUSES {
        assert!(cause.finding.is_none_or(|code| Finding::CODES.contains(&code)), "{} leads to no finding", cause.name);
        for words in [cause.meaning, cause.action] {
            assert!(!words.ends_with('.') && words.starts_with(|c: char| c.is_lowercase()), "{words}");
        }
    }
}

#[test]
fn every_code_of_openssl_is_decoded() {
    let decoded: BTreeSet<u16> = messages().filter_map(|message| message.code).collect();
    let said = |code: &u16| !matches!(crate::diagnosis::verify_text(*code), "ok" | "unknown certificate verification error");
    let known: BTreeSet<u16> = (1..=100).filter(said).collect();
    assert_eq!(decoded, known);
}
