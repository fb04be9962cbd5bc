//! The whole audit as text, fit for a ticket: the verdict step by step, the chain, the handshake, and how to see it oneself.

use std::fmt::Write as _;

use super::{Subject, commands, text};
use crate::{
    certificate::printable,
    clock::{Timestamp, date, days_between, rfc3339},
    diagnosis::{Diagnosis, Judged},
    observation::{Chain, Handshake, Observation, Party, Possession, Said, Stage},
};

/// Everything [`super::text`] says, and the proof of it. Never a secret.
pub fn evidence(subject: Subject<'_>, judged: &Judged, now: Timestamp) -> String {
    let (observation, diagnosis) = (&judged.observation, &judged.diagnosis);
    let mut out = text::verdict(subject, judged);
    let _ = writeln!(
        out,
        "\n  observed at {}, judged as of {}, by certvigil {}",
        rfc3339(observation.at),
        rfc3339(now),
        env!("CARGO_PKG_VERSION")
    );
    verification(&mut out, diagnosis);
    if let Some(chain) = observation.chain() {
        expiry(&mut out, chain, now);
        out.push_str("\n  chain as presented:\n");
        out.push_str(&text::presented(chain, now, true));
    }
    out.push_str(&text::repair(subject, diagnosis));
    if !matches!(subject, Subject::File(..)) {
        visit(&mut out, subject, observation);
    }
    let commands = match subject {
        Subject::File(path, options) => commands::of_file(path, options),
        Subject::Endpoint(endpoint) => {
            subject.connected_to(observation).map_or_else(Vec::new, |host| commands::of_visit(endpoint, &host, None))
        }
        Subject::Proxied(endpoint, proxy) => {
            subject.connected_to(observation).map_or_else(Vec::new, |host| commands::of_visit(endpoint, &host, Some(proxy)))
        }
    };
    if !commands.is_empty() {
        out.push_str("\n  to see it yourself:\n");
    }
    for command in commands {
        let _ = writeln!(out, "  {command}");
    }
    if let Some(chain) = observation.chain() {
        out.push_str("\n  the certificates as presented:\n");
        for certificate in chain.iter() {
            out.push_str(&certificate.to_pem());
        }
    }
    out
}

/// OpenSSL's words, step by step.
fn verification(out: &mut String, diagnosis: &Diagnosis) {
    let Some(verdict) = &diagnosis.verdict else { return };
    out.push_str("\n  verification, as openssl s_client prints it:\n");
    for error in &verdict.errors {
        let _ = writeln!(out, "    depth={} verify error:num={}:{}", error.depth, error.code, error.text());
    }
    let _ = writeln!(out, "    {}", verdict.line());
}

/// The certificate whose end comes first, as it ends the whole chain.
fn expiry(out: &mut String, chain: &Chain, now: Timestamp) {
    let ends = chain.iter().enumerate().filter_map(|(depth, certificate)| Some((certificate.facts()?.not_after, depth)));
    let Some((first, depth)) = ends.min() else { return };
    let _ = write!(out, "\n  expiry: the first to end is number {depth}, on {} ({})", date(first), text::left(now, first));
    if let Some(leaf) = chain.leaf.facts() {
        let _ = write!(out, "; the leaf lasts {} days in all", days_between(leaf.not_before, leaf.not_after));
    }
    out.push('\n');
}

/// Stage by stage: how long it took, and what came of it.
fn visit(out: &mut String, subject: Subject<'_>, observation: &Observation) {
    out.push_str("\n  the visit:\n");
    for (stage, took) in observation.timing.iter() {
        let what = match stage {
            Stage::Resolve => observation.address.map_or_else(String::new, |address| address.to_string()),
            Stage::Connect => subject.place(observation),
            Stage::Starttls => subject.protocol().scheme().to_owned(),
            Stage::Handshake => observation.handshake().map_or_else(String::new, negotiated),
        };
        let line = format!("    {:<10}{:>9.1} ms  {what}", stage.name(), took.as_secs_f64() * 1000.0);
        let _ = writeln!(out, "{}", line.trim_end());
    }
    if let Some(handshake) = observation.handshake() {
        let possession = match &handshake.possession {
            Possession::Proven => "proven: the handshake is signed with the leaf's key".into(),
            Possession::Failed => "failed: the handshake is signed with another key".into(),
            Possession::Unchecked(reason) => format!("not checked: {}", printable(reason)),
        };
        let _ = writeln!(out, "    key       {possession}");
        if handshake.tls.stapled == Some(true) {
            out.push_str("    stapled   an OCSP answer\n");
        }
        if handshake.wants_client_certificate {
            out.push_str("    client    the server asked for a client certificate\n");
        }
    }
    if let Some(failure) = observation.failure() {
        let _ = writeln!(out, "    failed at {}: {} ({})", failure.stage, printable(&failure.detail), failure.kind.name());
    }
    if !observation.said.is_empty() {
        out.push_str("\n  what was said beside TLS, by the server (S) and by certvigil (C):\n");
    }
    for Said { by, text } in &observation.said {
        let by = match by {
            Party::Server => "S",
            Party::Client => "C",
        };
        let _ = writeln!(out, "    {by}: {text}");
    }
}

fn negotiated(handshake: &Handshake) -> String {
    let tls = &handshake.tls;
    let alpn = tls.alpn.as_ref().map(|alpn| format!("ALPN {}", printable(alpn)));
    let parts = [tls.version.clone(), tls.cipher.clone(), tls.group.clone()].into_iter().chain(alpn);
    parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use super::*;
    use crate::{
        certificate::Certificate,
        diagnosis::{Expectation, Issuers, Trust, diagnose},
        endpoint::Endpoint,
        observation::{Failure, FailureKind, Outcome, Tls},
    };

    fn certificate(pem: &str) -> Arc<Certificate> {
        Certificate::from_der(pem::parse(pem).expect("PEM").contents())
    }

    fn now() -> Timestamp {
        "2026-11-01T00:00:00Z".parse().expect("a moment")
    }

    /// The audit of what was seen there, without the certificates at its end.
    fn audit(subject: Subject<'_>, outcome: Outcome, timing: &[(Stage, u64)]) -> String {
        audit_of(subject, outcome, timing, Vec::new())
    }

    fn audit_of(subject: Subject<'_>, outcome: Outcome, timing: &[(Stage, u64)], said: Vec<Said>) -> String {
        let timing = timing.iter().map(|(stage, micros)| (*stage, Duration::from_micros(*micros))).collect();
        let address = "192.0.2.7".parse().ok().filter(|_| !matches!(subject, Subject::File(..)));
        let observation = Observation { timing, said: said.into(), ..Observation::new(address, now(), outcome) };
        let root = certificate(include_str!("../../tests/fixtures/certs/shop-root.pem"));
        let issuers = Issuers {
            certificates: vec![certificate(include_str!("../../tests/fixtures/certs/shop-intermediate.pem"))],
            ..Issuers::default()
        };
        let expectation = Expectation { host: "shop.example".parse().ok(), ..Expectation::default() };
        let diagnosis = diagnose(&observation, &expectation, &Trust::new([root]), &issuers, now());
        let all = evidence(subject, &Judged { observation, diagnosis: diagnosis.into() }, now());
        // The version is no part of what is tested.
        let all = all.replace(concat!("certvigil ", env!("CARGO_PKG_VERSION")), "certvigil VERSION");
        all.split("\n  the certificates as presented:\n").next().expect("a first part").to_owned()
    }

    fn leaf_alone(tls: Tls, possession: Possession) -> Outcome {
        let chain = Chain::new(vec![certificate(include_str!("../../tests/fixtures/certs/shop-leaf.pem"))]);
        let chain = chain.expect("a certificate");
        Outcome::Handshake(Handshake { chain, tls: tls.into(), possession, wants_client_certificate: false, broken_off: None })
    }

    #[test]
    fn a_visit_is_told_stage_by_stage() {
        let mut endpoint = Endpoint::new("submission://mail.shop.example".parse().expect("a target"));
        endpoint.server_name = "shop.example".parse().expect("a name");
        let tls = Tls {
            version: "TLSv1.3".into(),
            cipher: "TLS_AES_256_GCM_SHA384".into(),
            group: "X25519MLKEM768".into(),
            ..Tls::default()
        };
        let stages = [(Stage::Resolve, 1_200), (Stage::Connect, 10_000), (Stage::Starttls, 34_560), (Stage::Handshake, 104_000)];
        let said = [
            (Party::Server, "220 mail.shop.example ESMTP Postfix (Debian/GNU)"),
            (Party::Client, "EHLO [192.0.2.1]"),
            (Party::Server, "250-mail.shop.example"),
            (Party::Server, "250 STARTTLS"),
            (Party::Client, "STARTTLS"),
            (Party::Server, "220 2.0.0 Ready to start TLS"),
        ];
        let said = said.map(|(by, text)| Said::new(by, text)).to_vec();
        let audit = audit_of(Subject::Endpoint(&endpoint), leaf_alone(tls, Possession::Proven), &stages, said);
        insta::assert_snapshot!(audit, @r#"
        submission://mail.shop.example:587 (192.0.2.7:587): critical
          Verify return code: 21 (unable to verify the first certificate)
          chain status: missing_intermediate
          TLSv1.3, TLS_AES_256_GCM_SHA384, X25519MLKEM768

          critical missing_intermediate (fault: server)
            the server does not send the intermediate "Example Intermediate R1" that issued shop.example
            what to do: serve the full chain, the leaf first and then the intermediates (fullchain.pem, not cert.pem)
            more: https://github.com/certvigil/certvigil/blob/main/docs/findings.md#missing_intermediate

          observed at 2026-11-01T00:00:00Z, judged as of 2026-11-01T00:00:00Z, by certvigil VERSION

          verification, as openssl s_client prints it:
            depth=0 verify error:num=20:unable to get local issuer certificate
            depth=0 verify error:num=21:unable to verify the first certificate
            Verify return code: 21 (unable to verify the first certificate)

          expiry: the first to end is number 0, on 2026-11-28 12:00 UTC (27 days left); the leaf lasts 90 days in all

          chain as presented:
           0 s:CN=shop.example
             i:CN=Example Intermediate R1,O=Example Trust,C=DE
             EC P-256, ecdsa-with-SHA256; 2026-08-30 to 2026-11-28 12:00 UTC (27 days left)
             sha256 8546f4f52fe99f441f9cea593b705bc40be3c6e606c663faf42d53119a7ab349

          the chain to serve (Verify return code: 0 (ok)), as --json gives it in repaired_chain:
           0 CN=shop.example
           1 CN=Example Intermediate R1,O=Example Trust,C=DE   <- missing

          how to serve it, by Postfix (so the server says of itself):
            Postfix  smtpd_tls_chain_files = /path/to/privkey.pem, /path/to/fullchain.pem    (3.4 or later)
                     smtpd_tls_cert_file = /path/to/fullchain.pem    (before)
                     postfix reload

          the visit:
            resolve         1.2 ms  192.0.2.7
            connect        10.0 ms  192.0.2.7:587
            starttls       34.6 ms  submission
            handshake     104.0 ms  TLSv1.3, TLS_AES_256_GCM_SHA384, X25519MLKEM768
            key       proven: the handshake is signed with the leaf's key

          what was said beside TLS, by the server (S) and by certvigil (C):
            S: 220 mail.shop.example ESMTP Postfix (Debian/GNU)
            C: EHLO [192.0.2.1]
            S: 250-mail.shop.example
            S: 250 STARTTLS
            C: STARTTLS
            S: 220 2.0.0 Ready to start TLS

          to see it yourself:
          openssl s_client -connect 192.0.2.7:587 -starttls smtp -servername shop.example -verify_hostname shop.example </dev/null
          curl -v --ssl-reqd --max-time 10 --connect-to 'shop.example:587:192.0.2.7:587' 'smtp://shop.example:587/'
        "#);
    }

    #[test]
    fn a_failure_is_told_where_it_came() {
        let endpoint = Endpoint::new("shop.example".parse().expect("a target"));
        let failure = Failure {
            stage: Stage::Handshake,
            kind: FailureKind::Timeout,
            detail: "shop.example said nothing within 10s\u{1b}[2J".into(),
        };
        let stages = [(Stage::Resolve, 1_200), (Stage::Connect, 10_000), (Stage::Handshake, 10_000_000)];
        let proxied = Subject::Proxied(&endpoint, "192.0.2.9:3128");
        insta::assert_snapshot!(audit(proxied, Outcome::Failure(failure), &stages), @r"
        shop.example:443 (shop.example:443 by the proxy 192.0.2.9:3128): unknown
          chain status: none

          critical unreachable (fault: network)
            shop.example said nothing within 10s\1B[2J
            what to do: see whether a firewall or the route between here and there drops the connection
            more: https://github.com/certvigil/certvigil/blob/main/docs/findings.md#unreachable

          observed at 2026-11-01T00:00:00Z, judged as of 2026-11-01T00:00:00Z, by certvigil VERSION

          the visit:
            resolve         1.2 ms  192.0.2.7
            connect        10.0 ms  shop.example:443 by the proxy 192.0.2.9:3128
            handshake   10000.0 ms
            failed at handshake: shop.example said nothing within 10s\1B[2J (timeout)

          to see it yourself:
          openssl s_client -proxy 192.0.2.9:3128 -connect shop.example:443 -servername shop.example -verify_hostname shop.example </dev/null
          curl -v --proxy http://192.0.2.9:3128 --max-time 10 --connect-to 'shop.example:443:shop.example:443' 'https://shop.example:443/'
        ");
    }

    #[test]
    fn a_file_has_no_visit() {
        let outcome = leaf_alone(Tls::default(), Possession::Unchecked("a file".into()));
        insta::assert_snapshot!(audit(Subject::File("my chain.pem", " -verify_hostname shop.example"), outcome, &[]), @r#"
        my chain.pem: critical
          Verify return code: 21 (unable to verify the first certificate)
          chain status: missing_intermediate

          critical missing_intermediate (fault: server)
            the server does not send the intermediate "Example Intermediate R1" that issued shop.example
            what to do: serve the full chain, the leaf first and then the intermediates (fullchain.pem, not cert.pem)
            more: https://github.com/certvigil/certvigil/blob/main/docs/findings.md#missing_intermediate

          observed at 2026-11-01T00:00:00Z, judged as of 2026-11-01T00:00:00Z, by certvigil VERSION

          verification, as openssl s_client prints it:
            depth=0 verify error:num=20:unable to get local issuer certificate
            depth=0 verify error:num=21:unable to verify the first certificate
            Verify return code: 21 (unable to verify the first certificate)

          expiry: the first to end is number 0, on 2026-11-28 12:00 UTC (27 days left); the leaf lasts 90 days in all

          chain as presented:
           0 s:CN=shop.example
             i:CN=Example Intermediate R1,O=Example Trust,C=DE
             EC P-256, ecdsa-with-SHA256; 2026-08-30 to 2026-11-28 12:00 UTC (27 days left)
             sha256 8546f4f52fe99f441f9cea593b705bc40be3c6e606c663faf42d53119a7ab349

          the chain to serve (Verify return code: 0 (ok)), as --json gives it in repaired_chain:
           0 CN=shop.example
           1 CN=Example Intermediate R1,O=Example Trust,C=DE   <- missing

          how to serve it, by what is likely there:
            nginx         ssl_certificate /path/to/fullchain.pem;
                          nginx -t && nginx -s reload
            Apache httpd  SSLCertificateFile /path/to/fullchain.pem    (2.4.8 or later)
                          apachectl configtest && apachectl graceful
            HAProxy       cat fullchain.pem privkey.pem > /path/to/site.pem
                          bind :443 ssl crt /path/to/site.pem
                          systemctl reload haproxy
            Traefik       tls:
                            certificates:
                              - certFile: /path/to/fullchain.pem
                                keyFile: /path/to/privkey.pem
                          touch the dynamic configuration: its file provider watches it
            Kubernetes    kubectl create secret tls NAME --cert=fullchain.pem --key=privkey.pem \
                            --dry-run=client -o yaml | kubectl apply -f -
                          kubectl get secret NAME    (the ingress controller takes it up by itself)

          to see it yourself:
          openssl verify -show_chain -purpose sslserver -verify_hostname shop.example -untrusted 'my chain.pem' 'my chain.pem'
          openssl crl2pkcs7 -nocrl -certfile 'my chain.pem' | openssl pkcs7 -print_certs -noout
        "#);
    }
}
