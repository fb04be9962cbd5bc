//! The parameters of algorithms, as they should be and as they should not: what the real openssl makes of them.

use std::sync::Arc;

use certvigil::{
    certificate::Certificate,
    lab::pki::{Issued, KeyType, Pki, Recipe},
};
use jiff::Timestamp;
use rcgen::{KeyPair, SigningKey as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::{
    judge::{Case, both, judged},
    support::{openssl, scratch::Scratch},
};

const NULL: &[u8] = &[0x05, 0x00];
const INTEGER: &[u8] = &[0x02, 0x01, 0x07];

fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let mut out = vec![tag];
    if length >= 0x80 {
        let octets: Vec<u8> = length.to_be_bytes().into_iter().skip_while(|octet| *octet == 0).collect();
        out.push(0x80 | u8::try_from(octets.len()).expect("few"));
        out.extend(octets);
    } else {
        out.push(u8::try_from(length).expect("short"));
    }
    out.extend(content);
    out
}

/// The elements of a sequence, each with its head.
fn elements(sequence: &[u8]) -> Vec<Vec<u8>> {
    let head = |der: &[u8]| -> (usize, usize) {
        let first = usize::from(der[1]);
        if first < 0x80 {
            return (2, first);
        }
        let octets = &der[2..2 + (first & 0x7f)];
        (2 + octets.len(), octets.iter().fold(0, |length, octet| length << 8 | usize::from(*octet)))
    };
    let (start, length) = head(sequence);
    let (mut rest, mut found) = (&sequence[start..start + length], Vec::new());
    while !rest.is_empty() {
        let (start, length) = head(rest);
        let (one, after) = rest.split_at(start + length);
        found.push(one.to_vec());
        rest = after;
    }
    found
}

/// The same certificate with these parameters of the signature inside and outside of what is signed, signed anew.
fn with_parameters(leaf: &Issued, issuer: &Issued, [inside, outside]: [&[u8]; 2]) -> CertificateDer<'static> {
    let [_, algorithm, _] = &elements(&leaf.der())[..] else { panic!("it has three parts") };
    let algorithm = |parameters: &[u8]| tlv(0x30, &[&elements(algorithm)[0], parameters].concat());
    // Of a version 3 certificate the third: [0] version, serial number, signature.
    signed_anew(leaf, issuer, 2, algorithm(inside), &algorithm(outside))
}

/// The same certificate with this in the place of an element of what is signed.
fn signed_anew(leaf: &Issued, issuer: &Issued, place: usize, element: Vec<u8>, algorithm: &[u8]) -> CertificateDer<'static> {
    let mut signed = elements(&elements(&leaf.der())[0]);
    signed[place] = element;
    let signed = tlv(0x30, &signed.concat());
    let PrivateKeyDer::Pkcs8(key) = issuer.key_der() else { panic!("it is made as PKCS#8") };
    let key = KeyPair::try_from(key.secret_pkcs8_der()).expect("a key");
    let signature = key.sign(&signed).expect("a signature");
    let signature = tlv(0x03, &[&[0], &signature[..]].concat());
    tlv(0x30, &[&signed[..], algorithm, &signature].concat()).into()
}

#[tokio::test]
async fn parameters_of_signature_algorithms_count_as_openssl_counts_them() {
    let now = Timestamp::now();
    let pki = Pki::new(now).expect("P-256");
    let rsa = Recipe::ca(now, "RSA CA").key(KeyType::Rsa2048).signed_by(&pki.root).expect("RSA");
    let case = |name, issuer: &Issued, parameters| {
        let leaf = pki.leaf(["a.test"]).signed_by(issuer).expect("sound");
        let chain = vec![with_parameters(&leaf, issuer, parameters), issuer.der()];
        Case { name, leaf, chain, roots: vec![pki.root.der()], host: "a.test" }
    };
    let cases = vec![
        case("RSA, NULL", &rsa, [NULL, NULL]),
        case("RSA, none", &rsa, [&[], &[]]),
        case("RSA, a number", &rsa, [INTEGER, INTEGER]),
        case("RSA, none inside", &rsa, [&[], NULL]),
        case("RSA, none outside", &rsa, [NULL, &[]]),
        case("ECDSA, none", &pki.intermediate, [&[], &[]]),
        case("ECDSA, NULL", &pki.intermediate, [NULL, NULL]),
        case("ECDSA, a number", &pki.intermediate, [INTEGER, INTEGER]),
        case("ECDSA, NULL inside", &pki.intermediate, [NULL, &[]]),
    ];
    insta::assert_snapshot!(both(cases, now).await, @r"
    RSA, NULL: ok
    RSA, none: ok
    RSA, a number: ok
    RSA, none inside: 7@0
    RSA, none outside: 7@0
    ECDSA, none: ok
    ECDSA, NULL: ok
    ECDSA, a number: ok
    ECDSA, NULL inside: 7@0
    ");
}

/// OpenSSL builds no path for a leaf whose key it cannot read and whose issuer is in the store: an unspecified error.
#[test]
fn a_leaf_whose_key_cannot_be_read_is_given_up() {
    let now = Timestamp::now();
    let pki = Pki::new(now).expect("P-256");
    let unreadable = |issuer: &Issued| {
        let leaf = pki.leaf(["a.test"]).signed_by(issuer).expect("sound");
        let parts = elements(&leaf.der());
        // The seventh is the key; its curve becomes one that there is not.
        let key = elements(&elements(&parts[0])[6]);
        let curve = tlv(0x06, &[0x2a, 0x03, 0x04]);
        let algorithm = tlv(0x30, &[&elements(&key[0])[0], &curve[..]].concat());
        signed_anew(&leaf, issuer, 6, tlv(0x30, &[algorithm, key[1].clone()].concat()), &parts[1])
    };
    let root = Certificate::from_der(&pki.root.der());
    let says = |ders: &[CertificateDer<'_>]| {
        let chain = ders.iter().map(|der| Certificate::from_der(der)).collect();
        judged(chain, vec![Arc::clone(&root)], "a.test", now)
    };
    assert_eq!(says(&[unreadable(&pki.root)]), [(66, 0), (1, 0)]);
    let scratch = Scratch::new();
    let [leaf, file] = [unreadable(&pki.root), pki.root.der()].map(|der| Certificate::from_der(&der).to_pem());
    let [leaf, file] = [scratch.file("leaf.pem", leaf), scratch.file("root.pem", file)];
    let said = openssl::verify(&leaf, &file, &file, "a.test");
    assert!(said.contains("error 66 at 0 depth lookup"), "{said}");
}
