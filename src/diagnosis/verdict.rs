//! OpenSSL's verdict: the numbers, and the words it prints for them.

/// What `openssl s_client` says of a chain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Every error on the way, in OpenSSL's order.
    pub errors: Vec<VerifyError>,
    /// How many certificates the built path has, the anchor included.
    pub path_length: usize,
}

/// One call of OpenSSL's verify callback with an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerifyError {
    /// `X509_V_ERR_*`.
    pub code: u16,
    /// Position in the built path; 0 is the leaf.
    pub depth: usize,
}

impl Verdict {
    /// The number on s_client's last line: the last error, 0 when there was none.
    pub fn code(&self) -> u16 {
        self.errors.last().map_or(0, |error| error.code)
    }

    /// The whole last line, `Verify return code: 21 (unable to verify the first certificate)`.
    pub fn line(&self) -> String {
        format!("Verify return code: {} ({})", self.code(), verify_text(self.code()))
    }
}

impl VerifyError {
    /// OpenSSL's words for the code.
    pub fn text(&self) -> &'static str {
        verify_text(self.code)
    }
}

/// OpenSSL 3.0's words for a code (`X509_verify_cert_error_string`).
pub fn verify_text(code: u16) -> &'static str {
    match code {
        0 => "ok",
        1 => "unspecified certificate verification error",
        2 => "unable to get issuer certificate",
        6 => "unable to decode issuer public key",
        7 => "certificate signature failure",
        9 => "certificate is not yet valid",
        10 => "certificate has expired",
        13 => "format error in certificate's notBefore field",
        14 => "format error in certificate's notAfter field",
        18 => "self-signed certificate",
        19 => "self-signed certificate in certificate chain",
        20 => "unable to get local issuer certificate",
        21 => "unable to verify the first certificate",
        22 => "certificate chain too long",
        24 => "issuer certificate doesn't have a public key",
        25 => "path length constraint exceeded",
        26 => "unsuitable certificate purpose",
        27 => "certificate not trusted",
        28 => "certificate rejected",
        32 => "key usage does not include certificate signing",
        34 => "unhandled critical extension",
        37 => "invalid non-CA certificate (has CA markings)",
        38 => "proxy path length constraint exceeded",
        39 => "key usage does not include digital signature",
        40 => "proxy certificates not allowed, please set the appropriate flag",
        41 => "invalid or inconsistent certificate extension",
        47 => "permitted subtree violation",
        48 => "excluded subtree violation",
        49 => "name constraints minimum and maximum not supported",
        51 => "unsupported name constraint type",
        52 => "unsupported or invalid name constraint syntax",
        53 => "unsupported or invalid name syntax",
        62 => "hostname mismatch",
        64 => "IP address mismatch",
        66 => "EE certificate key too weak",
        67 => "CA certificate key too weak",
        68 => "CA signature digest algorithm too weak",
        72 => "proxy subject name violation",
        79 => "invalid CA certificate",
        94 => "Certificate public key has explicit ECC parameters",
        _ => "unknown certificate verification error",
    }
}
