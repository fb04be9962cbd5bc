//! Tags, lengths and primitive values of DER, as leniently as OpenSSL reads them: lengths may be longer than needed, and what
//! follows a value is its caller's business. `None` is what cannot be decoded. Nothing is copied, nothing recurses.

use std::{borrow::Cow, collections::HashMap, str::FromStr as _, sync::LazyLock};

use x509_parser::asn1_rs::Oid;

/// One element: tag octet and content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Element<'a> {
    /// The tag octet: class, constructed bit and number.
    pub(crate) tag: u8,
    /// The content octets.
    pub(crate) content: &'a [u8],
    /// Tag, length and content.
    pub(crate) whole: &'a [u8],
}

pub(crate) const BOOLEAN: u8 = 0x01;
pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const OID: u8 = 0x06;
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;

/// The context-specific tag of a primitive value.
pub(crate) const fn primitive(number: u8) -> u8 {
    0x80 | number
}

/// The context-specific tag of a constructed value.
pub(crate) const fn constructed(number: u8) -> u8 {
    0xa0 | number
}

/// The elements of a constructed value, one after the other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Elements<'a>(pub(crate) &'a [u8]);

impl<'a> Elements<'a> {
    /// The next element; the outer `None` at the end or when there is no whole element.
    pub(crate) fn any(&mut self) -> Option<Element<'a>> {
        let (element, rest) = read(self.0)?;
        self.0 = rest;
        Some(element)
    }

    /// The next element, which must have this tag.
    pub(crate) fn expect(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.any().filter(|element| element.tag == tag).map(|element| element.content)
    }

    /// The next element if it has this tag.
    pub(crate) fn optional(&mut self, tag: u8) -> Option<&'a [u8]> {
        (self.0.first() == Some(&tag)).then(|| self.expect(tag)).flatten()
    }

    /// Nothing is left.
    pub(crate) fn end(&self) -> Option<()> {
        self.0.is_empty().then_some(())
    }

    /// Every element; the last one is `None` when the octets are not made of whole elements.
    pub(crate) fn each(mut self) -> impl Iterator<Item = Option<Element<'a>>> {
        std::iter::from_fn(move || {
            let element = (!self.0.is_empty()).then(|| self.any());
            if element == Some(None) {
                self.0 = &[];
            }
            element
        })
    }

    /// Every element, or `None` when the octets are not made of whole elements.
    pub(crate) fn all(self) -> Option<Vec<Element<'a>>> {
        self.each().collect()
    }
}

/// The first element of `input`, which must have this tag: what an extension's value is. What follows it is not looked at.
pub(crate) fn first(input: &[u8], tag: u8) -> Option<&[u8]> {
    Elements(input).expect(tag)
}

/// The elements of the SEQUENCE that `input` starts with.
pub(crate) fn sequence(input: &[u8]) -> Option<Elements<'_>> {
    first(input, SEQUENCE).map(Elements)
}

/// An element of this tag around this content.
pub(crate) fn written(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    let length = content.len().to_be_bytes();
    let length = &length[length.iter().take_while(|octet| **octet == 0).count().min(length.len() - 1)..];
    if content.len() >= 0x80 {
        out.push(0x80 | u8::try_from(length.len()).expect("a length has at most eight octets"));
    }
    out.extend(length);
    out.extend(content);
    out
}

fn read(input: &[u8]) -> Option<(Element<'_>, &[u8])> {
    let (&tag, rest) = input.split_first()?;
    if tag & 0x1f == 0x1f {
        return None;
    }
    let (&first, mut rest) = rest.split_first()?;
    let length = if first < 0x80 {
        usize::from(first)
    } else {
        let octets = rest.get(..usize::from(first & 0x7f)).filter(|octets| !octets.is_empty())?;
        rest = &rest[octets.len()..];
        let significant = &octets[octets.iter().take_while(|octet| **octet == 0).count()..];
        if significant.len() > 4 {
            return None;
        }
        significant.iter().fold(0, |length, octet| length << 8 | usize::from(*octet))
    };
    let content = rest.get(..length)?;
    let after = &rest[length..];
    Some((Element { tag, content, whole: &input[..input.len() - after.len()] }, after))
}

/// An INTEGER's content, if it has one and no octet too many.
pub(crate) fn integer(content: &[u8]) -> Option<&[u8]> {
    match content {
        [] | [0, 0..=0x7f, ..] | [0xff, 0x80..=0xff, ..] => None,
        content => Some(content),
    }
}

/// An INTEGER's value, if it is not negative; the largest when it is too large.
pub(crate) fn unsigned(content: &[u8]) -> Option<u32> {
    let content = integer(content).filter(|content| content[0] < 0x80)?;
    let significant = content.strip_prefix(&[0]).unwrap_or(content);
    Some(if significant.len() > 4 { u32::MAX } else { significant.iter().fold(0, |value, octet| value << 8 | u32::from(*octet)) })
}

/// An INTEGER's value, if it fits.
pub(crate) fn signed(content: &[u8]) -> Option<i32> {
    let first = *integer(content)?.first().filter(|_| content.len() <= 4)?;
    Some(content.iter().fold(if first < 0x80 { 0 } else { -1 }, |value, octet| value << 8 | i32::from(*octet)))
}

/// A BOOLEAN's value: anything but 0 is true.
pub(crate) fn boolean(content: &[u8]) -> Option<bool> {
    let [octet] = content else { return None };
    Some(*octet != 0)
}

/// A value of any type (`asn1_ex_c2i`): the plain ones have to be well-formed, the others are taken as they are.
pub(crate) fn any_value(element: Element<'_>) -> Option<Element<'_>> {
    const NULL: u8 = 0x05;
    const ENUMERATED: u8 = 0x0a;
    const UNIVERSAL_STRING: u8 = 0x1c;
    const BMP_STRING: u8 = 0x1e;
    const CONSTRUCTED: u8 = 0x20;
    let content = element.content;
    let well_formed = match element.tag {
        BOOLEAN => boolean(content).is_some(),
        INTEGER | ENUMERATED => integer(content).is_some(),
        BIT_STRING => bits(content).is_some(),
        OID => oid(content).is_some(),
        NULL | 0 => content.is_empty() == (element.tag == NULL),
        BMP_STRING => content.len().is_multiple_of(2),
        UNIVERSAL_STRING => content.len().is_multiple_of(4),
        SEQUENCE | SET => true,
        tag => {
            let plain = tag & !CONSTRUCTED;
            let is_never_constructed = tag != plain && [BOOLEAN, INTEGER, ENUMERATED, OID, NULL].contains(&plain);
            let is_always_constructed = [SEQUENCE & !CONSTRUCTED, SET & !CONSTRUCTED].contains(&tag);
            !is_never_constructed && !is_always_constructed
        }
    };
    well_formed.then_some(element)
}

/// A BIT STRING's octets, the unused bits cleared.
pub(crate) fn bits(content: &[u8]) -> Option<Vec<u8>> {
    let (&unused, octets) = content.split_first()?;
    if unused > 7 {
        return None;
    }
    let mut octets = octets.to_vec();
    if let Some(last) = octets.last_mut() {
        *last &= 0xff << unused;
    }
    Some(octets)
}

/// An OBJECT IDENTIFIER in dotted form.
pub(crate) fn oid(content: &[u8]) -> Option<Cow<'static, str>> {
    static KNOWN: LazyLock<HashMap<Vec<u8>, &str>> =
        LazyLock::new(|| COMMON_OIDS.iter().map(|dotted| (encoded_oid(dotted), *dotted)).collect());
    match KNOWN.get(content) {
        Some(dotted) => Some(Cow::Borrowed(dotted)),
        None => spelt_out(content).map(Cow::Owned),
    }
}

/// The dotted form of one that is seldom met.
fn spelt_out(content: &[u8]) -> Option<String> {
    use std::fmt::Write as _;
    if content.last()? & 0x80 != 0 {
        return None;
    }
    let mut out = String::new();
    for arc in content.split_inclusive(|octet| octet & 0x80 == 0) {
        if arc[0] == 0x80 {
            return None;
        }
        // Arcs beyond 64 bits name nothing that we know; they stay different from everything we do.
        let value = arc.iter().fold(0_u64, |value, octet| value.wrapping_mul(128).wrapping_add(u64::from(octet & 0x7f)));
        let _ = match (out.is_empty(), value) {
            (true, 0..40) => write!(out, "0.{value}"),
            (true, 40..80) => write!(out, "1.{}", value - 40),
            (true, _) => write!(out, "2.{}", value - 80),
            (false, _) if arc.len() > 9 => write!(out, ".#{}", super::hex(arc)),
            (false, _) => write!(out, ".{value}"),
        };
    }
    Some(out)
}

/// The content octets of one that is written in dotted form.
fn encoded_oid(dotted: &str) -> Vec<u8> {
    Oid::from_str(dotted).map(|oid| oid.as_bytes().to_vec()).unwrap_or_default()
}

/// What nearly every certificate is made of, so that its dotted form need not be written each time.
const COMMON_OIDS: [&str; 46] = [
    // Attributes of names.
    "2.5.4.3",
    "2.5.4.5",
    "2.5.4.6",
    "2.5.4.7",
    "2.5.4.8",
    "2.5.4.10",
    "2.5.4.11",
    "0.9.2342.19200300.100.1.25",
    "1.2.840.113549.1.9.1",
    // Keys and curves.
    "1.2.840.113549.1.1.1",
    "1.2.840.10045.2.1",
    "1.2.840.10045.3.1.7",
    "1.3.132.0.34",
    "1.3.132.0.35",
    "1.3.101.112",
    // Signatures.
    "1.2.840.113549.1.1.5",
    "1.2.840.113549.1.1.10",
    "1.2.840.113549.1.1.11",
    "1.2.840.113549.1.1.12",
    "1.2.840.113549.1.1.13",
    "1.2.840.10045.4.3.2",
    "1.2.840.10045.4.3.3",
    "1.2.840.10045.4.3.4",
    // Extensions.
    "2.5.29.14",
    "2.5.29.15",
    "2.5.29.17",
    "2.5.29.18",
    "2.5.29.19",
    "2.5.29.30",
    "2.5.29.31",
    "2.5.29.32",
    "2.5.29.35",
    "2.5.29.37",
    "1.3.6.1.5.5.7.1.1",
    "1.3.6.1.5.5.7.1.24",
    "1.3.6.1.4.1.11129.2.4.2",
    // Purposes, ways to information, policies.
    "1.3.6.1.5.5.7.3.1",
    "1.3.6.1.5.5.7.3.2",
    "2.5.29.37.0",
    "1.3.6.1.5.5.7.48.1",
    "1.3.6.1.5.5.7.48.2",
    "2.5.29.32.0",
    "2.23.140.1.2.1",
    "2.23.140.1.2.2",
    "2.23.140.1.2.3",
    "2.23.140.1.1",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_common_oid_is_what_it_would_be_spelt_out() {
        for dotted in COMMON_OIDS {
            assert_eq!(spelt_out(&encoded_oid(dotted)).as_deref(), Some(dotted));
            assert!(matches!(oid(&encoded_oid(dotted)), Some(Cow::Borrowed(found)) if found == dotted));
        }
        assert_eq!(encoded_oid("1.2.840.113549"), [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d]);
    }

    #[test]
    fn what_is_written_can_be_read() {
        for length in [0, 1, 0x7f, 0x80, 0xff, 0x100, 70_000] {
            let content = vec![7; length];
            let element = written(OCTET_STRING, &content);
            assert_eq!(
                read(&element).map(|(element, rest)| (element.tag, element.content, rest)),
                Some((OCTET_STRING, &content[..], &[][..]))
            );
        }
        assert_eq!(written(SEQUENCE, &[2, 1, 5]), [0x30, 3, 2, 1, 5]);
    }

    #[test]
    fn lengths_are_bounded_by_what_is_there() {
        assert_eq!(sequence(&[0x30, 0x03, 0x02, 0x01, 0x05]).and_then(|mut all| all.expect(INTEGER)), Some(&[5][..]));
        assert_eq!(first(&[0x04, 0x82, 0x00, 0x01, 0xaa, 0xbb], OCTET_STRING), Some(&[0xaa][..]));
        for cut in [&[0x04][..], &[0x04, 0x02, 0xaa], &[0x04, 0x80, 0xaa], &[0x04, 0x85, 1, 0, 0, 0, 0], &[0x1f, 0x00]] {
            assert_eq!(read(cut), None, "{cut:02x?}");
        }
    }

    #[test]
    fn any_value_is_one_that_openssl_can_read() {
        let read = |octets: &[u8]| any_value(read(octets).expect("an element").0).is_some();
        let good: [&[u8]; 14] = [
            &[5, 0],
            &[1, 1, 1],
            &[2, 1, 5],
            &[3, 2, 1, 0],
            &[6, 1, 0x2a],
            &[0x0c, 1, 0xff],
            &[0x17, 1, b'a'],
            &[0x24, 3, 4, 1, b'a'],
            &[0x80, 1, 0],
            &[0x41, 0],
            &[0, 1, 0],
            &[0x30, 1, 0],
            &[0x31, 0],
            &[0x1e, 2, 0, b'a'],
        ];
        let bad: [&[u8]; 17] = [
            &[5, 1, 0],
            &[1, 0],
            &[1, 2, 0, 0],
            &[2, 0],
            &[2, 2, 0, 1],
            &[0x0a, 2, 0, 1],
            &[3, 0],
            &[3, 2, 9, 0],
            &[6, 0],
            &[0x1e, 1, b'a'],
            &[0x1c, 3, 0, 0, 0],
            &[0x10, 0],
            &[0x11, 0],
            &[0x25, 0],
            &[0x21, 3, 1, 1, 1],
            &[0x26, 0],
            &[0, 0],
        ];
        assert_eq!((good.map(read), bad.map(read)), ([true; 14], [false; 17]));
    }

    #[test]
    fn values_are_read_as_openssl_reads_them() {
        assert_eq!(
            [&[][..], &[0, 1], &[0xff, 0x80], &[0, 0x80], &[0x80]].map(|octets| integer(octets).is_some()),
            [false, false, false, true, true]
        );
        assert_eq!([&[0x7f][..], &[0x80], &[1, 0, 0, 0, 0]].map(unsigned), [Some(127), None, Some(u32::MAX)]);
        assert_eq!([&[0x7f][..], &[0xfe], &[0xff, 0], &[1, 0, 0, 0, 0]].map(signed), [Some(127), Some(-2), Some(-256), None]);
        assert_eq!([&[0][..], &[1], &[0, 0]].map(boolean), [Some(false), Some(true), None]);
        assert_eq!([&[3, 0xff][..], &[8, 0xff], &[]].map(bits), [Some(vec![0xf8]), None, None]);
        assert_eq!(oid(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d]).as_deref(), Some("1.2.840.113549"));
        assert_eq!(oid(&[0x55, 0x1d, 0x13]).as_deref(), Some("2.5.29.19"));
        assert_eq!([&[0x55, 0x80, 0x01][..], &[0x55, 0x81], &[]].map(oid), [None, None, None]);
    }
}
