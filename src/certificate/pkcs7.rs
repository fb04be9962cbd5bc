//! The certificates of a PKCS#7 message (`.p7b`, `.p7c`; RFC 2315, section 9; RFC 5652, section 5): what CAs serve under AIA
//! addresses, and what Windows exports. Only the certificates are looked at; nothing signed is believed or checked.

use super::der;

/// The certificates of a `SignedData`, as DER, in their order; `None` when `ber` is no such message. What follows the message
/// is not looked at. Nothing is copied and nothing recurses; there are at most half as many certificates as octets.
///
/// Lengths may be indefinite, as in BER: some CAs stream their answers.
pub fn certificates(ber: &[u8]) -> Option<Vec<&[u8]>> {
    let mut message = Parts(Parts(ber).expect(der::SEQUENCE)?);
    if message.expect(der::OID)? != SIGNED_DATA {
        return None;
    }
    let mut signed = Parts(Parts(message.expect(der::constructed(0))?).expect(der::SEQUENCE)?);
    signed.expect(der::INTEGER)?;
    signed.expect(der::SET)?; // digest algorithms
    signed.expect(der::SEQUENCE)?; // what is signed: usually nothing
    let mut found = Vec::new();
    let next = signed.next()?;
    if next.tag == der::constructed(0) {
        let mut choices = Parts(next.content);
        while !choices.0.is_empty() {
            // Others than certificates are attribute certificates and the like, under tags of their own.
            let choice = choices.next()?;
            if choice.tag == der::SEQUENCE {
                found.push(choice.whole);
            }
        }
    }
    Some(found)
}

/// Elements, one after the other, with definite or indefinite lengths.
struct Parts<'a>(&'a [u8]);

impl<'a> Parts<'a> {
    fn next(&mut self) -> Option<der::Element<'a>> {
        if !is_indefinite(self.0) {
            let mut elements = der::Elements(self.0);
            let element = elements.any()?;
            self.0 = elements.0;
            return Some(element);
        }
        let (all, mut rest) = (self.0, self.0.get(2..)?);
        let mut open = 1_usize;
        loop {
            if let Some(after) = rest.strip_prefix(&END) {
                rest = after;
                open -= 1;
            } else if is_indefinite(rest) {
                rest = &rest[2..];
                open += 1;
            } else {
                let mut elements = der::Elements(rest);
                elements.any()?;
                rest = elements.0;
            }
            if open == 0 {
                break;
            }
        }
        self.0 = rest;
        let whole = &all[..all.len() - rest.len()];
        Some(der::Element { tag: all[0], content: &whole[2..whole.len() - END.len()], whole })
    }

    fn expect(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.next().filter(|element| element.tag == tag).map(|element| element.content)
    }
}

/// X.690, section 8.1.3.6: constructed, the length octet 0x80; two zero octets end it.
fn is_indefinite(input: &[u8]) -> bool {
    matches!(input, [tag, 0x80, ..] if tag & 0x20 != 0)
}

const END: [u8; 2] = [0, 0];

/// 1.2.840.113549.1.7.2
const SIGNED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 2];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
        let length = u16::try_from(content.len()).expect("short").to_be_bytes();
        [&[tag, 0x82], &length[..], content].concat()
    }

    fn streamed(tag: u8, content: &[u8]) -> Vec<u8> {
        [&[tag, 0x80][..], content, &END].concat()
    }

    /// A message around these certificates, its frame written by `frame`.
    fn message(certificates: &[u8], frame: fn(u8, &[u8]) -> Vec<u8>) -> Vec<u8> {
        let data = frame(0x30, &tlv(0x06, &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 1]));
        let signed = [&[2, 1, 1, 0x31, 0][..], &data, &frame(0xa0, certificates), &[0x31, 0]].concat();
        frame(0x30, &[tlv(0x06, SIGNED_DATA), frame(0xa0, &frame(0x30, &signed))].concat())
    }

    #[test]
    fn certificates_are_found_however_lengths_are_written() {
        let (one, other) = (tlv(0x30, b"one"), tlv(0x30, &[7; 300]));
        let set = [&one[..], &tlv(0xa1, b"attributes"), &other].concat();
        for frame in [tlv, streamed] {
            let message = message(&set, frame);
            assert_eq!(certificates(&message), Some(vec![&one[..], &other[..]]));
            assert_eq!(certificates(&[&message[..], b"\n"].concat()), Some(vec![&one[..], &other[..]]));
            for cut in 0..message.len() {
                assert_ne!(certificates(&message[..cut]), Some(Vec::new()), "{cut}");
            }
        }
    }

    #[test]
    fn other_things_are_no_message() {
        let enveloped = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 3];
        let other = tlv(0x30, &[tlv(0x06, &enveloped), tlv(0xa0, &tlv(0x30, &[]))].concat());
        let certificate = rcgen::generate_simple_self_signed(vec!["a.example".into()]).expect("a certificate").cert;
        for octets in [&other[..], certificate.der(), b"", b"<html>", &[0x30, 0x80]] {
            assert_eq!(certificates(octets), None, "{octets:02x?}");
        }
    }

    proptest! {
        #[test]
        fn no_octets_panic_and_what_is_found_is_part_of_them(at in 0_usize..200, octets in prop::collection::vec(any::<u8>(), 0..20)) {
            let mut damaged = message(&tlv(0x30, b"one"), if at % 2 == 0 { tlv } else { streamed });
            for (place, octet) in damaged.iter_mut().skip(at / 2).zip(&octets) {
                *place = *octet;
            }
            for found in certificates(&damaged).into_iter().flatten() {
                prop_assert!(damaged.windows(found.len()).any(|window| window == found));
            }
        }
    }
}
