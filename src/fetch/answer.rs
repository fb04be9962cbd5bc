//! What an AIA address answers with: DER, PEM or PKCS#7, told apart by the octets. Content types are often wrong, and ignored.

use std::sync::Arc;

use crate::certificate::{Certificate, Facts, pkcs7};

/// The readable certificates of an answer (RFC 5280, section 4.2.2.1), the first few of them; none when it is something else.
pub(super) fn certificates(octets: &[u8]) -> Vec<Arc<Certificate>> {
    if octets.starts_with(&[SEQUENCE]) {
        return of_der(octets);
    }
    let blocks = pem::parse_many(octets).unwrap_or_default();
    blocks.iter().flat_map(|block| of_der(block.contents())).take(MAX_CERTIFICATES).collect()
}

fn of_der(der: &[u8]) -> Vec<Arc<Certificate>> {
    let ders = pkcs7::certificates(der).unwrap_or_else(|| vec![der]);
    let readable = ders.into_iter().take(MAX_CERTIFICATES).map(Certificate::from_der);
    readable.filter(|certificate| certificate.facts().is_some()).collect()
}

/// Of an answer, what may help `subject`: its issuers, and whatever else came along. Certificates that have the issuer's name and
/// did not sign it are left out. `None` when no issuer is among them.
pub(super) fn for_subject(subject: &Facts, answer: &[Arc<Certificate>]) -> Option<Vec<Arc<Certificate>>> {
    let (mut fitting, mut found) = (Vec::new(), false);
    for certificate in answer {
        let Some(facts) = certificate.facts() else { continue };
        if facts.subject.canonical() != subject.issuer.canonical() {
            fitting.push(Arc::clone(certificate));
        } else if has_issued(facts, subject) {
            fitting.push(Arc::clone(certificate));
            found = true;
        }
    }
    found.then_some(fitting)
}

/// Whether `issuer`, a certificate of the right name, signed `subject`. A signature that we cannot check is left to the judge.
pub fn has_issued(issuer: &Facts, subject: &Facts) -> bool {
    let signed = || !subject.can_check_signature(&issuer.key) || subject.verify_signature(&issuer.key).is_ok();
    subject.authority_names(issuer) && signed()
}

const SEQUENCE: u8 = 0x30;
const MAX_CERTIFICATES: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::pki::{Issued, Pki, Recipe, certs_only};

    fn pki() -> Pki {
        Pki::new("2026-11-22T12:00:00Z".parse().expect("a timestamp")).expect("P-256")
    }

    fn certificate(issued: &Issued) -> Arc<Certificate> {
        Certificate::from_der(&issued.der())
    }

    #[test]
    fn every_form_is_read() {
        let pki = pki();
        let message = certs_only([&pki.intermediate, &pki.root]);
        let in_pem = pem::encode(&pem::Pem::new("PKCS7", message.clone()));
        let both = vec![certificate(&pki.intermediate), certificate(&pki.root)];
        assert_eq!(certificates(&pki.intermediate.der()), both[..1]);
        assert_eq!(certificates(&message), both);
        assert_eq!(certificates(in_pem.as_bytes()), both);
        assert_eq!(certificates(format!("Issuer:\n{}\n{}", pki.intermediate.pem(), pki.root.pem()).as_bytes()), both);
        for other in [&b""[..], b"<html>", &[0x30; 300], b"-----BEGIN CERTIFICATE-----\nMIIB", &[0xff; 9]] {
            assert_eq!(certificates(other), [], "{other:02x?}");
        }
    }

    #[test]
    fn answers_of_many_certificates_are_cut() {
        let pki = pki();
        let many = std::iter::repeat_n(&pki.root, 40);
        assert_eq!(certificates(&certs_only(many.clone())).len(), MAX_CERTIFICATES);
        let pem: String = many.map(Issued::pem).collect();
        assert_eq!(certificates(pem.as_bytes()).len(), MAX_CERTIFICATES);
    }

    #[test]
    fn only_the_issuer_will_do_and_impostors_are_left_out() {
        let pki = pki();
        let impostor = Recipe::ca(pki.now, "Lab Issuing CA").self_signed().expect("P-256");
        let [root, intermediate, impostor] = [&pki.root, &pki.intermediate, &impostor].map(certificate);
        let leaf = certificate(&pki.leaf(["a.test"]).signed_by(&pki.intermediate).expect("sound"));
        let subject = leaf.facts().expect("readable");
        let together = [Arc::clone(&impostor), Arc::clone(&root), Arc::clone(&intermediate)];
        assert_eq!(for_subject(subject, &together), Some(vec![Arc::clone(&root), intermediate]));
        assert_eq!(for_subject(subject, &[impostor, root]), None);
    }
}
