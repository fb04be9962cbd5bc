//! The lab's servers as a table: what each does, and what certvigil is expected to say of it.

/// One row of the table.
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) what: &'static str,
    pub(super) about: &'static str,
    pub(super) expected: Expected,
}

/// What certvigil says of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expected {
    /// OpenSSL's `Verify return code:`; `None` when no certificate is seen.
    pub verify_code: Option<u16>,
    /// The one `chain_status` that holds.
    pub chain_status: &'static str,
    /// The headline, as `check --json` has it.
    pub severity: &'static str,
    /// The codes of the findings, the worst first.
    pub findings: &'static [&'static str],
    /// Who must act, for the first finding.
    pub fault: Option<&'static str>,
    /// Whether certvigil can give the chain that the server should present, proven to verify.
    pub repairable: bool,
    /// The kinds of mail that it causes when it is there from the start.
    pub mails: &'static [&'static str],
}

/// Every server of the lab, in its order.
pub(super) const CASES: [Case; 17] = [
    Case {
        name: "healthy",
        what: "presents a sound certificate and its intermediate",
        about: "health",
        expected: Expected {
            verify_code: Some(0),
            chain_status: "complete",
            severity: "ok",
            findings: &[],
            fault: None,
            repairable: false,
            mails: &[],
        },
    },
    Case {
        name: "expired",
        what: "presents a certificate that expired 3 days ago",
        about: "expiry",
        expected: Expected {
            verify_code: Some(10),
            chain_status: "complete",
            severity: "critical",
            findings: &["expired"],
            fault: Some("server"),
            repairable: false,
            mails: &["expiry"],
        },
    },
    Case {
        name: "expiring",
        what: "presents a certificate of 90 days that expires in 5 days",
        about: "expiry",
        expected: Expected {
            verify_code: Some(0),
            chain_status: "complete",
            severity: "critical",
            findings: &["expires_soon"],
            fault: Some("server"),
            repairable: false,
            mails: &["expiry"],
        },
    },
    Case {
        name: "not-yet-valid",
        what: "presents a certificate that becomes valid in 10 days",
        about: "expiry",
        expected: Expected {
            verify_code: Some(9),
            chain_status: "complete",
            severity: "critical",
            findings: &["not_yet_valid"],
            fault: Some("server"),
            repairable: false,
            mails: &["problem"],
        },
    },
    Case {
        name: "missing-intermediate",
        what: "presents its certificate alone, which names an address where the intermediate can be had",
        about: "chain",
        expected: Expected {
            verify_code: Some(21),
            chain_status: "missing_intermediate",
            severity: "critical",
            findings: &["missing_intermediate"],
            fault: Some("server"),
            repairable: true,
            mails: &["chain"],
        },
    },
    Case {
        name: "missing-two",
        what: "leaves out two intermediates; the address of the upper is named by the lower alone",
        about: "chain",
        expected: Expected {
            verify_code: Some(21),
            chain_status: "missing_intermediate",
            severity: "critical",
            findings: &["missing_intermediate"],
            fault: Some("server"),
            repairable: true,
            mails: &["chain"],
        },
    },
    Case {
        name: "missing-pkcs7",
        what: "leaves out an intermediate, which is to be had as PKCS#7",
        about: "chain",
        expected: Expected {
            verify_code: Some(21),
            chain_status: "missing_intermediate",
            severity: "critical",
            findings: &["missing_intermediate"],
            fault: Some("server"),
            repairable: true,
            mails: &["chain"],
        },
    },
    Case {
        name: "missing-no-address",
        what: "leaves out an intermediate, which no address is named for and healthy sends",
        about: "chain",
        expected: Expected {
            verify_code: Some(21),
            chain_status: "missing_intermediate",
            severity: "critical",
            findings: &["missing_intermediate"],
            fault: Some("server"),
            repairable: true,
            mails: &["chain"],
        },
    },
    Case {
        name: "wrong-order",
        what: "presents its certificate and two intermediates, the upper before the lower",
        about: "chain",
        expected: Expected {
            verify_code: Some(0),
            chain_status: "wrong_order",
            severity: "warning",
            findings: &["wrong_order"],
            fault: Some("server"),
            repairable: true,
            mails: &["problem"],
        },
    },
    Case {
        name: "jumbled",
        what: "presents the same in the wrong order, with an intermediate between them that does not belong",
        about: "chain",
        expected: Expected {
            verify_code: Some(0),
            chain_status: "wrong_order",
            severity: "warning",
            findings: &["wrong_order", "extra_certificates"],
            fault: Some("server"),
            repairable: true,
            mails: &["problem"],
        },
    },
    Case {
        name: "root-included",
        what: "presents the root as well",
        about: "chain",
        expected: Expected {
            verify_code: Some(0),
            chain_status: "root_included",
            severity: "info",
            findings: &["root_included"],
            fault: Some("server"),
            repairable: true,
            mails: &[],
        },
    },
    Case {
        name: "self-signed",
        what: "presents a certificate with the right name that it signed itself",
        about: "trust",
        expected: Expected {
            verify_code: Some(18),
            chain_status: "self_signed",
            severity: "critical",
            findings: &["self_signed"],
            fault: Some("server"),
            repairable: false,
            mails: &["problem"],
        },
    },
    Case {
        name: "unknown-ca",
        what: "presents a sound chain under a root that the store lacks",
        about: "trust",
        expected: Expected {
            verify_code: Some(20),
            chain_status: "unknown_ca",
            severity: "critical",
            findings: &["unknown_ca"],
            fault: Some("client"),
            repairable: false,
            mails: &["problem"],
        },
    },
    Case {
        name: "wrong-host",
        what: "presents a sound chain for another name",
        about: "name",
        expected: Expected {
            verify_code: Some(62),
            chain_status: "complete",
            severity: "critical",
            findings: &["hostname_mismatch"],
            fault: Some("server"),
            repairable: false,
            mails: &["problem"],
        },
    },
    Case {
        name: "plain-http",
        what: "speaks HTTP without TLS",
        about: "network",
        expected: Expected {
            verify_code: None,
            chain_status: "none",
            severity: "unknown",
            findings: &["handshake_failed"],
            fault: Some("server"),
            repairable: false,
            mails: &["problem"],
        },
    },
    Case {
        name: "refused",
        what: "is a port where nothing listens",
        about: "network",
        expected: Expected {
            verify_code: None,
            chain_status: "none",
            severity: "unknown",
            findings: &["unreachable"],
            fault: Some("server"),
            repairable: false,
            mails: &["problem"],
        },
    },
    Case {
        name: "stalling",
        what: "accepts the connection and says nothing",
        about: "network",
        expected: Expected {
            verify_code: None,
            chain_status: "none",
            severity: "unknown",
            findings: &["unreachable"],
            fault: Some("network"),
            repairable: false,
            mails: &["problem"],
        },
    },
];
