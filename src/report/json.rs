//! One JSON object a visited address; the schema is a promise to users (`schema: 1`).

use schemars::JsonSchema;
use serde::Serialize;

use super::Subject;
use crate::{
    certificate::{Certificate, hex},
    clock::rfc3339,
    diagnosis::{
        Answer, ChainStatus, Client, Fault, Finding, Judged, Program, Severity, Status, TrustPath, View, Views, verify_text,
    },
    observation::Stage,
};

/// One line of JSON, without a line feed. Without `views`, nobody's eyes were looked through.
pub fn json(subject: Subject<'_>, judged: &Judged, views: Option<&Views>) -> String {
    serde_json::to_string(&report(subject, judged, views)).unwrap_or_default()
}

/// What JSON says of a visit.
pub(crate) fn report<'a>(subject: Subject<'a>, judged: &'a Judged, views: Option<&'a Views>) -> Line<'a> {
    let (observation, diagnosis) = (&judged.observation, &judged.diagnosis);
    let code = diagnosis.verdict.as_ref().map(crate::diagnosis::Verdict::code);
    let repair = diagnosis.repair.as_deref();
    Line {
        schema: 1,
        endpoint: subject.name(),
        target: subject.target(),
        address: observation.address.map(|address| address.to_string()),
        checked_at: rfc3339(observation.at),
        severity: diagnosis.status().name(),
        verify_code: code,
        verify_text: code.map(verify_text),
        verify_errors: diagnosis
            .verdict
            .iter()
            .flat_map(|verdict| &verdict.errors)
            .map(|error| VerifyLine { code: error.code, depth: error.depth, text: error.text() })
            .collect(),
        chain_status: diagnosis.chain_status.name(),
        chain: observation.chain().into_iter().flat_map(crate::observation::Chain::iter).map(|c| certificate(c)).collect(),
        findings: diagnosis
            .findings
            .iter()
            .map(|found| FindingLine {
                code: found.finding.code(),
                severity: found.severity().name(),
                fault: found.finding.fault().name(),
                summary: found.finding.summary(),
                hint: found.finding.hint(),
                link: Finding::link(found.finding.code()),
                accepted: found.accepted,
            })
            .collect(),
        repaired_chain: repair.map(crate::diagnosis::Repair::to_pem),
        repaired_from: repair.map(|repair| &*repair.source).filter(|source| !source.is_empty()),
        how_to_fix: repair.iter().flat_map(|repair| repair.programs(subject.protocol())).map(program).collect(),
        server_software: repair.and_then(|repair| repair.server.as_ref()).map(|server| &*server.says),
        tls: observation.handshake().filter(|handshake| !handshake.tls.version.is_empty()).map(|handshake| TlsLine {
            version: &handshake.tls.version,
            cipher: &handshake.tls.cipher,
            group: &handshake.tls.group,
            alpn: handshake.tls.alpn.as_deref(),
        }),
        failure: observation.failure().map(|failure| FailureLine {
            stage: failure.stage.name(),
            kind: failure.kind.name(),
            detail: &failure.detail,
        }),
        clients: views.into_iter().flat_map(|views| &views.clients).map(client).collect(),
        paths: views.into_iter().flat_map(|views| &views.paths).map(path).collect(),
        works_where: views.map(|views| &*views.works_where),
    }
}

fn client(view: &View) -> ClientLine<'_> {
    ClientLine {
        client: view.client.name(),
        store: view.store,
        verdict: view.answer.name(),
        reason: Some(view.answer.reason()).filter(|reason| !reason.is_empty()),
        verify_code: view.verify_code,
    }
}

fn program(program: &Program) -> ProgramLine {
    ProgramLine { software: program.name, configure: program.configure, reload: program.reload }
}

fn path(path: &TrustPath) -> PathLine<'_> {
    PathLine {
        subjects: &path.subjects,
        anchor: &path.anchor,
        not_after: rfc3339(path.not_after),
        used_by: path.used_by.iter().map(|client| client.name()).collect(),
    }
}

/// What JSON says of a certificate.
pub(crate) fn certificate(certificate: &Certificate) -> CertificateLine {
    let fingerprint_sha256 = certificate.fingerprint.to_string();
    match &certificate.facts {
        Err(reason) => CertificateLine { fingerprint_sha256, unreadable: Some(reason.to_string()), ..CertificateLine::default() },
        Ok(facts) => CertificateLine {
            subject: facts.subject.to_string(),
            issuer: facts.issuer.to_string(),
            serial: hex(facts.serial()),
            fingerprint_sha256,
            not_before: rfc3339(facts.not_before),
            not_after: rfc3339(facts.not_after),
            sans: facts.sans().map(|san| san.to_string()).collect(),
            key: facts.key.kind.to_string(),
            signature: facts.signature.to_string(),
            ct_logs: facts.sct_logs().iter().map(|log| hex(log)).collect(),
            must_staple: facts.extensions.must_staple,
            unreadable: None,
        },
    }
}

/// A visit in JSON.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Report")]
pub(crate) struct Line<'a> {
    schema: u8,
    endpoint: &'a str,
    target: String,
    address: Option<String>,
    checked_at: String,
    #[schemars(with = "Status")]
    severity: &'static str,
    verify_code: Option<u16>,
    verify_text: Option<&'static str>,
    verify_errors: Vec<VerifyLine>,
    #[schemars(with = "ChainStatus")]
    chain_status: &'static str,
    chain: Vec<CertificateLine>,
    findings: Vec<FindingLine>,
    repaired_chain: Option<String>,
    repaired_from: Option<&'a str>,
    how_to_fix: Vec<ProgramLine>,
    server_software: Option<&'a str>,
    tls: Option<TlsLine<'a>>,
    failure: Option<FailureLine<'a>>,
    clients: Vec<ClientLine<'a>>,
    paths: Vec<PathLine<'a>>,
    works_where: Option<&'a str>,
}

#[derive(Serialize, JsonSchema)]
struct ClientLine<'a> {
    #[schemars(with = "Client")]
    client: &'static str,
    store: &'static str,
    #[schemars(with = "Answer")]
    verdict: &'static str,
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verify_code: Option<u16>,
}

#[derive(Serialize, JsonSchema)]
struct ProgramLine {
    software: &'static str,
    configure: &'static [&'static str],
    reload: &'static str,
}

#[derive(Serialize, JsonSchema)]
struct PathLine<'a> {
    subjects: &'a [String],
    anchor: &'a str,
    not_after: String,
    #[schemars(with = "Vec<Client>")]
    used_by: Vec<&'static str>,
}

#[derive(Serialize, JsonSchema)]
struct VerifyLine {
    code: u16,
    depth: usize,
    text: &'static str,
}

/// A certificate in JSON.
#[derive(Default, Serialize, JsonSchema)]
#[schemars(rename = "Certificate")]
pub(crate) struct CertificateLine {
    subject: String,
    issuer: String,
    serial: String,
    fingerprint_sha256: String,
    not_before: String,
    not_after: String,
    sans: Vec<String>,
    key: String,
    signature: String,
    /// Of each embedded timestamp the id of its log (RFC 6962, section 3.2), in hex.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ct_logs: Vec<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    must_staple: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    unreadable: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ReportedFinding")]
struct FindingLine {
    code: &'static str,
    #[schemars(with = "Severity")]
    severity: &'static str,
    #[schemars(with = "Fault")]
    fault: &'static str,
    summary: String,
    hint: String,
    link: String,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    accepted: bool,
}

#[derive(Serialize, JsonSchema)]
struct TlsLine<'a> {
    version: &'a str,
    cipher: &'a str,
    group: &'a str,
    alpn: Option<&'a str>,
}

#[derive(Serialize, JsonSchema)]
struct FailureLine<'a> {
    #[schemars(with = "Stage")]
    stage: &'static str,
    kind: &'static str,
    detail: &'a str,
}

#[cfg(test)]
mod tests {
    use rcgen::CustomExtension;

    use super::*;
    use crate::lab::pki::Recipe;

    /// A list of timestamps as RFC 6962, section 3.3 has it: version, log, time, no extensions, a signature of two octets.
    fn timestamps(logs: &[u8]) -> Vec<u8> {
        let one = |log: &u8| {
            let sct = [&[0][..], &[*log; 32], &[0; 8], &[0, 0], &[4, 3, 0, 2, 1, 1]].concat();
            [&u16::try_from(sct.len()).expect("short").to_be_bytes()[..], &sct].concat()
        };
        let list: Vec<u8> = logs.iter().flat_map(one).collect();
        let list = [&u16::try_from(list.len()).expect("short").to_be_bytes()[..], &list].concat();
        let length = u8::try_from(list.len()).expect("short");
        if length < 128 { [&[4, length][..], &list].concat() } else { [&[4, 0x81, length][..], &list].concat() }
    }

    #[test]
    fn the_logs_of_the_timestamps_are_named() {
        let extension = CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 11129, 2, 4, 2], timestamps(&[0xab, 0xcd]));
        let now = "2026-11-22T12:00:00Z".parse().expect("a moment");
        let made = Recipe::leaf(now, ["a.example"]).extension(extension).self_signed().expect("P-256");
        let line = certificate(&Certificate::from_der(&made.der()));
        assert_eq!(line.ct_logs, ["ab".repeat(32), "cd".repeat(32)]);
        assert!(!line.must_staple);
    }
}
