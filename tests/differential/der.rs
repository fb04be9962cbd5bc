//! Writing DER, sound or not: nothing here asks whether what it writes makes sense.

/// Tag, length, content.
pub(crate) fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    let length = content.len().to_be_bytes();
    let significant = &length[length.iter().take_while(|octet| **octet == 0).count()..];
    match significant {
        [] => out.push(0),
        [short] if *short < 0x80 => out.push(*short),
        long => {
            out.push(0x80 | u8::try_from(long.len()).expect("at most eight"));
            out.extend_from_slice(long);
        }
    }
    out.extend_from_slice(content);
    out
}

pub(crate) fn sequence<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    tlv(0x30, &parts.into_iter().collect::<Vec<_>>().concat())
}

/// An OBJECT IDENTIFIER from its dotted form.
pub(crate) fn oid(dotted: &str) -> Vec<u8> {
    let arcs: Vec<u32> = dotted.split('.').map(|arc| arc.parse().expect("a number")).collect();
    let first = arcs[0] * 40 + arcs[1];
    let content: Vec<u8> = std::iter::once(first).chain(arcs[2..].iter().copied()).flat_map(base_128).collect();
    tlv(0x06, &content)
}

fn base_128(value: u32) -> Vec<u8> {
    let groups: Vec<u8> = (0..5).rev().map(|group| u8::try_from(value >> (7 * group) & 0x7f).expect("7 bits")).collect();
    let start = groups.iter().position(|group| *group != 0).unwrap_or(4);
    let last = groups.len() - 1;
    groups.iter().enumerate().skip(start).map(|(at, group)| if at == last { *group } else { group | 0x80 }).collect()
}

/// An INTEGER of a small value.
pub(crate) fn small(value: u8) -> Vec<u8> {
    if value < 0x80 { tlv(2, &[value]) } else { tlv(2, &[0, value]) }
}

pub(crate) fn boolean(value: bool) -> Vec<u8> {
    tlv(1, &[if value { 0xff } else { 0 }])
}

/// A BIT STRING of named bits, bit 0 the first.
pub(crate) fn named_bits(bits: &[u8]) -> Vec<u8> {
    let mut octets = vec![0_u8; bits.iter().map(|bit| usize::from(bit / 8) + 1).max().unwrap_or(0)];
    for bit in bits {
        octets[usize::from(bit / 8)] |= 0x80 >> (bit % 8);
    }
    let unused = octets.last().map_or(0, |last| u8::try_from(last.trailing_zeros()).expect("below 8"));
    tlv(3, &[&[unused][..], &octets].concat())
}

pub(crate) fn hex(octets: &[u8]) -> String {
    certvigil::certificate::hex(octets)
}

/// Octets from hex; `None` where it is none.
pub(crate) fn from_hex(text: &str) -> Option<Vec<u8>> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok()).collect()
}
