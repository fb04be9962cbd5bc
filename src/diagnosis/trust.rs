//! Trust anchors: the self-signed certificates of a store. An intermediate in a bundle anchors nothing.

use std::{collections::HashMap, sync::Arc};

use crate::certificate::{Certificate, Facts, Fingerprint};

/// What a certificate's own settings in the store say of it for servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It anchors, self-signed or not.
    Trusted,
    /// It does not, whatever it is.
    Rejected,
}

impl Certificate {
    /// OpenSSL's `X509_check_trust` for servers, without the rule that self-signed certificates are trusted.
    pub(super) fn standing(&self) -> Option<Standing> {
        let settings = self.settings()?;
        let names_servers = |uses: &[String]| uses.iter().any(|oid| oid == SERVER_AUTH || oid == ANY_USE);
        if names_servers(&settings.rejected) {
            return Some(Standing::Rejected);
        }
        let trusted = settings.trusted.as_ref()?;
        Some(if names_servers(trusted) { Standing::Trusted } else { Standing::Rejected })
    }

    /// Being in the store, it ends a path.
    pub(super) fn anchors(&self) -> bool {
        match self.standing() {
            Some(standing) => standing == Standing::Trusted,
            None => self.facts().is_some_and(Facts::is_self_signed),
        }
    }
}

const SERVER_AUTH: &str = "1.3.6.1.5.5.7.3.1";
const ANY_USE: &str = "2.5.29.37.0";

/// The effective trust of an endpoint: what `openssl s_client -CAfile` would be given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trust {
    by_subject: HashMap<Box<[u8]>, Vec<Arc<Certificate>>>,
    intermediates: Vec<Arc<Certificate>>,
    count: usize,
    fingerprint: Option<Fingerprint>,
}

impl Trust {
    /// A store of these certificates, each once; unreadable ones are left out.
    pub fn new(certificates: impl IntoIterator<Item = Arc<Certificate>>) -> Self {
        let (mut trust, mut content) = (Trust::default(), Vec::new());
        for certificate in certificates {
            let Some(facts) = certificate.facts() else { continue };
            let same_name = trust.by_subject.entry(facts.subject.canonical().into()).or_default();
            if !same_name.iter().any(|known| known.fingerprint == certificate.fingerprint) {
                content.extend(certificate.fingerprint.0);
                content.extend(format!("{:?}", certificate.settings()).bytes());
                if !facts.is_self_signed() {
                    trust.intermediates.push(Arc::clone(&certificate));
                }
                same_name.push(certificate);
                trust.count += 1;
            }
        }
        trust.fingerprint = Some(Fingerprint::of(&content));
        trust
    }

    /// Of everything in it, in its order: equal where it is the same store, `None` of the empty one.
    pub fn fingerprint(&self) -> Option<Fingerprint> {
        self.fingerprint
    }

    /// Certificates of this subject, roots or not, in the order of the store.
    pub(crate) fn named(&self, subject: &Facts) -> &[Arc<Certificate>] {
        self.by_subject.get(subject.subject.canonical()).map_or(&[], Vec::as_slice)
    }

    /// Certificates that could be the issuer of `subject` by name.
    pub(crate) fn issuers_of(&self, subject: &Facts) -> &[Arc<Certificate>] {
        self.by_subject.get(subject.issuer.canonical()).map_or(&[], Vec::as_slice)
    }

    /// The same for a certificate that may be unreadable.
    pub fn candidates_for(&self, subject: &Certificate) -> &[Arc<Certificate>] {
        subject.facts().map_or(&[], |facts| self.issuers_of(facts))
    }

    /// Those that anchor nothing: the store's certificates that are not self-signed.
    pub(crate) fn intermediates(&self) -> &[Arc<Certificate>] {
        &self.intermediates
    }

    /// This very certificate is in the store.
    pub fn contains(&self, certificate: &Certificate) -> bool {
        certificate
            .facts()
            .is_some_and(|facts| self.named(facts).iter().any(|known| known.fingerprint == certificate.fingerprint))
    }

    /// Every certificate, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<Certificate>> {
        self.by_subject.values().flatten()
    }

    /// How many certificates.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Nothing is trusted.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::pki::Pki;

    #[test]
    fn settings_overrule_what_a_certificate_is() {
        let pki = Pki::new("2026-11-22T12:00:00Z".parse().expect("a timestamp")).expect("P-256");
        let server_auth = [0x06, 8, 0x2b, 6, 1, 5, 5, 7, 3, 1];
        let client_auth = [0x06, 8, 0x2b, 6, 1, 5, 5, 7, 3, 2];
        let settings = |tag: u8, oid: &[u8; 10]| [&[0x30, 12, tag, 10][..], oid].concat();
        let cases = [
            (settings(0x30, &server_auth), Some(Standing::Trusted)),
            (settings(0x30, &client_auth), Some(Standing::Rejected)),
            (settings(0xa0, &server_auth), Some(Standing::Rejected)),
            (settings(0xa0, &client_auth), None),
            (Vec::new(), None),
        ];
        for (settings, standing) in cases {
            for (certificate, anchors_by_itself) in [(&pki.root, true), (&pki.intermediate, false)] {
                let der = [&certificate.der()[..], &settings].concat();
                let certificate = Certificate::from_trusted_der(&der).expect("sound");
                assert_eq!(certificate.standing(), standing, "{settings:02x?}");
                let expected = standing.map_or(anchors_by_itself, |standing| standing == Standing::Trusted);
                assert_eq!(certificate.anchors(), expected, "{settings:02x?}");
            }
        }
    }
}
