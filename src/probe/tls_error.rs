//! What rustls says went wrong, as one of our kinds and in words.

use rustls::{AlertDescription, Error, InvalidMessage, PeerIncompatible};

use super::trouble::{Trouble, quoted};
use crate::observation::FailureKind;

pub(super) fn explain(error: &Error) -> Trouble {
    match error {
        Error::AlertReceived(alert) => of_alert(*alert),
        Error::PeerIncompatible(what) => of_incompatible(what),
        Error::InvalidMessage(InvalidMessage::CertificatePayloadTooLarge | InvalidMessage::HandshakePayloadTooLarge) => {
            Trouble::new(FailureKind::TooMuchData, "the server sent a handshake message of more than 65535 octets")
        }
        Error::InvalidMessage(InvalidMessage::UnsupportedCurveType | InvalidMessage::UnsupportedKeyExchangeAlgorithm(_)) => {
            Trouble::new(FailureKind::NoCommonCipher, "the server chose a key exchange that certvigil does not have")
        }
        Error::NoCertificatesPresented => {
            Trouble::new(FailureKind::ProtocolViolation, "the server presented no certificate at all")
        }
        Error::FailedToGetCurrentTime | Error::FailedToGetRandomBytes | Error::EncryptError => {
            Trouble::new(FailureKind::Internal, quoted(&error.to_string()))
        }
        other => Trouble::new(
            FailureKind::ProtocolViolation,
            format!("the server broke the TLS protocol: {}", quoted(&other.to_string())),
        ),
    }
}

fn of_alert(alert: AlertDescription) -> Trouble {
    let code = u8::from(alert);
    let name = alert_name(code);
    if alert == AlertDescription::ProtocolVersion {
        let detail = format!("no TLS version in common: the server takes neither 1.2 nor 1.3 (alert {name} ({code}))");
        return Trouble::new(FailureKind::NoCommonVersion, detail);
    }
    let detail = format!("the server ended the handshake with alert {name} ({code})");
    Trouble::new(FailureKind::Alert(name.to_owned()), detail)
}

fn of_incompatible(what: &PeerIncompatible) -> Trouble {
    use PeerIncompatible as P;
    match what {
        P::ServerDoesNotSupportTls12Or13
        | P::ServerTlsVersionIsDisabledByOurConfig
        | P::SupportedVersionsExtensionRequired
        | P::Tls12NotOffered
        | P::Tls12NotOfferedOrEnabled => {
            Trouble::new(FailureKind::NoCommonVersion, "no TLS version in common: the server answered with neither 1.2 nor 1.3")
        }
        P::NoCipherSuitesInCommon => Trouble::new(FailureKind::NoCommonCipher, "no cipher suite in common"),
        P::NoKxGroupsInCommon | P::NoEcPointFormatsInCommon => {
            Trouble::new(FailureKind::NoCommonCipher, "no key exchange group in common")
        }
        P::NoSignatureSchemesInCommon | P::NoCertificateRequestSignatureSchemesInCommon => {
            Trouble::new(FailureKind::NoCommonCipher, "no signature scheme in common")
        }
        other => Trouble::new(FailureKind::ProtocolViolation, format!("the server broke the TLS protocol: {other:?}")),
    }
}

/// RFC 8446, section 6, and what earlier versions had (RFC 5246, section 7.2; RFC 6066, section 9).
fn alert_name(code: u8) -> &'static str {
    match code {
        0 => "close_notify",
        10 => "unexpected_message",
        20 => "bad_record_mac",
        21 => "decryption_failed",
        22 => "record_overflow",
        30 => "decompression_failure",
        40 => "handshake_failure",
        41 => "no_certificate",
        42 => "bad_certificate",
        43 => "unsupported_certificate",
        44 => "certificate_revoked",
        45 => "certificate_expired",
        46 => "certificate_unknown",
        47 => "illegal_parameter",
        48 => "unknown_ca",
        49 => "access_denied",
        50 => "decode_error",
        51 => "decrypt_error",
        60 => "export_restriction",
        70 => "protocol_version",
        71 => "insufficient_security",
        80 => "internal_error",
        86 => "inappropriate_fallback",
        90 => "user_canceled",
        100 => "no_renegotiation",
        109 => "missing_extension",
        110 => "unsupported_extension",
        111 => "certificate_unobtainable",
        112 => "unrecognized_name",
        113 => "bad_certificate_status_response",
        114 => "bad_certificate_hash_value",
        115 => "unknown_psk_identity",
        116 => "certificate_required",
        120 => "no_application_protocol",
        121 => "ech_required",
        _ => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alerts_have_the_names_of_the_standard() {
        let trouble = explain(&Error::AlertReceived(AlertDescription::HandshakeFailure));
        assert_eq!(trouble.kind, FailureKind::Alert("handshake_failure".into()));
        assert_eq!(trouble.detail, "the server ended the handshake with alert handshake_failure (40)");
        let trouble = explain(&Error::AlertReceived(AlertDescription::ProtocolVersion));
        assert_eq!(trouble.kind, FailureKind::NoCommonVersion);
        // The names that rustls writes differently are ours to know.
        for (alert, name) in [
            (AlertDescription::UnrecognisedName, "unrecognized_name"),
            (AlertDescription::UnknownCA, "unknown_ca"),
            (AlertDescription::CertificateRequired, "certificate_required"),
            (AlertDescription::Unknown(200), "unknown"),
        ] {
            assert_eq!(alert_name(alert.into()), name);
        }
    }

    #[test]
    fn what_is_not_in_common_is_named() {
        let kind = |error: Error| explain(&error).kind;
        assert_eq!(kind(PeerIncompatible::ServerDoesNotSupportTls12Or13.into()), FailureKind::NoCommonVersion);
        assert_eq!(kind(PeerIncompatible::NoCipherSuitesInCommon.into()), FailureKind::NoCommonCipher);
        assert_eq!(kind(InvalidMessage::CertificatePayloadTooLarge.into()), FailureKind::TooMuchData);
        assert_eq!(kind(rustls::PeerMisbehaved::InvalidKeyShare.into()), FailureKind::ProtocolViolation);
        assert_eq!(kind(Error::FailedToGetRandomBytes), FailureKind::Internal);
    }
}
