//! Distinguished names: to show (RFC 4514) and to compare (RFC 5280, section 7.1, as OpenSSL's `x509_name_canon`).

use std::{
    borrow::Cow,
    fmt::{self, Write as _},
    sync::{Arc, Weak},
};

use super::der::{self, Element, Elements};

/// A subject or issuer. Cheap to clone, and small, since there are many: both of its forms are one piece, behind the length of the
/// first.
#[derive(Clone, PartialEq, Eq)]
pub struct Name(Arc<[u8]>);

/// How a name is made up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Shape {
    /// How many attributes it has.
    pub(crate) attributes: usize,
    /// Where its last relative name starts within the canonical form.
    pub(crate) last: usize,
    /// That is one common name and nothing else.
    pub(crate) ends_with_common_name: bool,
}

impl Name {
    /// Reads the content of a `Name`; `None` where OpenSSL reads none: an attribute that is no whole one, a string that is not what
    /// its type says.
    pub(super) fn read(content: &[u8]) -> Option<Self> {
        let sets = Elements(content).all()?;
        let mut text = String::with_capacity(content.len() + ROOM);
        for (at, set) in sets.iter().rev().enumerate() {
            if at > 0 {
                text.push(',');
            }
            add_text(&mut text, Some(set.content).filter(|_| set.tag == der::SET)?)?;
        }
        Name::of(&text, sets.iter().map(|set| set.content))
    }

    /// The same of one relative name.
    pub(crate) fn of_relative(set: &[u8]) -> Option<Self> {
        let mut text = String::new();
        add_text(&mut text, set)?;
        Name::of(&text, [set].into_iter())
    }

    /// Of its text, and the relative names in their order.
    fn of<'a>(text: &str, sets: impl Iterator<Item = &'a [u8]>) -> Option<Self> {
        let mut whole = Vec::with_capacity(2 * (text.len() + ROOM));
        whole.extend_from_slice(&u32::try_from(text.len()).ok()?.to_be_bytes());
        whole.extend_from_slice(text.as_bytes());
        for set in sets {
            add_canonical(&mut whole, set)?;
        }
        Some(Name(whole.into()))
    }

    /// The text's octets, and the canonical form.
    fn forms(&self) -> (&[u8], &[u8]) {
        let forms =
            self.0.split_first_chunk().and_then(|(length, forms)| forms.split_at_checked(u32::from_be_bytes(*length) as usize));
        forms.unwrap_or_default()
    }

    /// RFC 4514, safe to print: control and direction-changing characters are escaped.
    pub fn text(&self) -> &str {
        str::from_utf8(self.forms().0).unwrap_or_default()
    }

    /// What two equal names have in common: case, inner white space and string type folded away. A name above another in the
    /// directory is its beginning. Each attribute has its length before it, each relative name a slash behind it.
    pub(crate) fn canonical(&self) -> &[u8] {
        self.forms().1
    }

    /// Octets of both forms.
    pub(super) fn length(&self) -> usize {
        self.0.len()
    }

    /// They are one in memory.
    #[cfg(test)]
    pub(super) fn is_shared_with(&self, other: &Name) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Finds it again while somebody holds it; keeps its octets, too.
    pub(super) fn downgrade(&self) -> Weak<[u8]> {
        Arc::downgrade(&self.0)
    }

    /// The name that is held so, while there is one.
    pub(super) fn upgrade(held: &Weak<[u8]>) -> Option<Self> {
        held.upgrade().map(Name)
    }

    /// No attribute at all.
    pub fn is_empty(&self) -> bool {
        self.canonical().is_empty()
    }

    /// The common names, in the order of the certificate and as written there (unsafe to print).
    pub fn common_names(&self) -> Vec<String> {
        let of_relative_name = |relative_name| split(relative_name, &['+']).into_iter().filter_map(|it| it.strip_prefix("CN="));
        let values = split(self.text(), &[',']).into_iter().rev().flat_map(of_relative_name);
        // A value that is no string is shown as octets.
        values.filter(|value| !value.starts_with('#')).map(unescape).collect()
    }

    /// What people call it: the last common name, else the whole; safe to print.
    pub fn short(&self) -> String {
        self.common_names().last().map_or_else(|| self.text().to_owned(), |name| printable(name))
    }

    /// What the rules for constraints and proxy certificates ask of a name (RFC 3820, section 3.4).
    pub(crate) fn shape(&self) -> Shape {
        let (mut shape, mut rest) = (Shape::default(), self.canonical());
        let mut of_last = 0;
        while let Some(first) = rest.first() {
            if *first == END {
                rest = &rest[1..];
                of_last = 0;
                continue;
            }
            if of_last == 0 {
                shape.last = self.canonical().len() - rest.len();
            }
            let Some((length, behind)) = rest.split_first_chunk() else { break };
            let Some((attribute, behind)) = behind.split_at_checked(u32::from_be_bytes(*length) as usize) else { break };
            of_last += 1;
            shape.attributes += 1;
            shape.ends_with_common_name =
                of_last == 1 && attribute.split(|octet| *octet == 0).next() == Some(COMMON_NAME.as_bytes());
            rest = behind;
        }
        shape
    }
}

/// The email addresses among the attributes of a `Name` that can be read, as encoded; `None` for one that is no IA5String.
pub(super) fn emails(content: &[u8]) -> Vec<Option<&[u8]>> {
    let sets = Elements(content).all().unwrap_or_default();
    let attributes = sets.into_iter().flat_map(|set| Elements(set.content).all().unwrap_or_default());
    let emails = attributes.filter_map(attribute).filter(|(oid, _)| oid == EMAIL).map(|(_, value)| value);
    emails.map(|value| (value.tag == IA5).then_some(value.content)).collect()
}

/// Adds a relative name to a canonical form.
fn add_canonical(canonical: &mut Vec<u8>, set: &[u8]) -> Option<()> {
    let begin = canonical.len();
    let mut starts = Vec::new();
    for element in Elements(set).each() {
        let (oid, value) = attribute(element?)?;
        let start = canonical.len();
        starts.push(start);
        canonical.extend_from_slice(&[0; 4]);
        canonical.extend_from_slice(oid.as_bytes());
        canonical.push(0);
        match value_of(value)? {
            Value::Text(text) if value.tag != NUMERIC => fold(&text, canonical),
            _ => {
                canonical.extend([1, value.tag]);
                canonical.extend_from_slice(value.content);
            }
        }
        let length = u32::try_from(canonical.len() - start - 4).unwrap_or(u32::MAX);
        canonical[start..start + 4].copy_from_slice(&length.to_be_bytes());
    }
    if starts.len() > 1 {
        let written = canonical.split_off(begin);
        let ends = starts[1..].iter().copied().chain([begin + written.len()]);
        let mut attributes: Vec<_> = starts.iter().zip(ends).map(|(start, end)| &written[start - begin..end - begin]).collect();
        // In any order that is the same for the same attributes: nobody sees it.
        attributes.sort_unstable();
        for attribute in attributes {
            canonical.extend_from_slice(attribute);
        }
    }
    canonical.push(END);
    Some(())
}

/// Adds a relative name to a text.
fn add_text(out: &mut String, set: &[u8]) -> Option<()> {
    for (at, element) in Elements(set).each().enumerate() {
        let (oid, value) = attribute(element?)?;
        if at > 0 {
            out.push('+');
        }
        out.push_str(short_name(&oid));
        out.push('=');
        match value_of(value)? {
            Value::Text(text) => escape(&text, out),
            Value::Other => {
                out.push('#');
                out.push_str(&super::hex(value.content));
            }
        }
    }
    Some(())
}

/// Type (dotted) and value of an attribute.
fn attribute(element: Element<'_>) -> Option<(Cow<'static, str>, Element<'_>)> {
    let mut fields = Elements(Some(element.content).filter(|_| element.tag == der::SEQUENCE)?);
    let (oid, value) = (der::oid(fields.expect(der::OID)?)?, fields.any()?);
    fields.end()?;
    Some((oid, value))
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

/// A stranger's text made safe for terminals, mails, pages and labels: what is invisible, breaks lines or turns the reading
/// direction becomes `\XX`, octet by octet of its UTF-8 (RFC 4514, section 2.4).
pub fn printable(text: &str) -> String {
    if text.bytes().all(|octet| matches!(octet, b' '..=b'~')) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        push_printable(&mut out, c);
    }
    out
}

/// The same, and at most `most` characters, the last three of them dots where something is missing.
pub fn printable_cut(text: &str, most: usize) -> String {
    // Cut first, so that a text of megabytes costs no more than a short one.
    let mut out = printable(head(text, most + 1));
    if head(&out, most).len() < out.len() {
        out.truncate(head(&out, most.saturating_sub(3)).len());
        out.push_str("...");
    }
    out
}

/// The first characters of a text.
fn head(text: &str, chars: usize) -> &str {
    text.char_indices().nth(chars).map_or(text, |(end, _)| &text[..end])
}

fn push_printable(out: &mut String, c: char) {
    let unsafe_to_print = c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}');
    if unsafe_to_print {
        for byte in c.encode_utf8(&mut [0; 4]).bytes() {
            let _ = write!(out, "\\{byte:02X}");
        }
    } else {
        out.push(c);
    }
}

/// RFC 4514, section 2.4.
fn escape(value: &str, out: &mut String) {
    let is_plain = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'.' | b'-' | b'*' | b'_');
    if value.bytes().all(is_plain) {
        out.push_str(value);
        return;
    }
    let last = value.len().saturating_sub(1);
    for (at, c) in value.char_indices() {
        match c {
            '"' | '+' | ',' | ';' | '<' | '>' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            ' ' if at == 0 || at == last => out.push_str("\\ "),
            '#' if at == 0 => out.push_str("\\#"),
            c => push_printable(out, c),
        }
    }
}

/// The parts of a name's text, split where a separator is not escaped: `,` between relative names, `+` within them.
pub(crate) fn split<'a>(text: &'a str, separators: &[char]) -> Vec<&'a str> {
    if text.is_empty() {
        return Vec::new();
    }
    let (mut parts, mut begin, mut escaped) = (Vec::new(), 0, false);
    for (at, octet) in text.bytes().enumerate() {
        if !escaped && separators.contains(&char::from(octet)) {
            parts.push(&text[begin..at]);
            begin = at + 1;
        }
        escaped = !escaped && octet == b'\\';
    }
    parts.push(&text[begin..]);
    parts
}

/// What [`escape`] was given.
fn unescape(value: &str) -> String {
    let mut out = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        rest = behind;
        if *first != b'\\' {
            out.push(*first);
            continue;
        }
        let digit = |at: usize| char::from(*rest.get(at)?).to_digit(16);
        let (octet, length) = match (digit(0), digit(1)) {
            (Some(high), Some(low)) => (u8::try_from(high << 4 | low).ok(), 2),
            _ => (rest.first().copied(), 1),
        };
        out.extend(octet);
        rest = rest.get(length..).unwrap_or_default();
    }
    String::from_utf8_lossy(&out).into_owned()
}

enum Value<'a> {
    Text(Cow<'a, str>),
    /// Of a type that is no string.
    Other,
}

/// An attribute's value; `None` where the octets are not what its type says, or where OpenSSL takes the type for none that may
/// stand in a name.
fn value_of(value: Element<'_>) -> Option<Value<'_>> {
    const UTF8: u8 = 0x0c;
    const PRINTABLE: u8 = 0x13;
    const TELETEX: u8 = 0x14;
    const UNIVERSAL: u8 = 0x1c;
    const BMP: u8 = 0x1e;
    let octets = value.content;
    Some(Value::Text(match value.tag {
        UTF8 => std::str::from_utf8(octets).ok()?.into(),
        // Latin-1 is what OpenSSL takes these for; a proper value is ASCII anyway.
        NUMERIC | PRINTABLE | TELETEX | IA5 => match std::str::from_utf8(octets) {
            Ok(text) if text.is_ascii() => text.into(),
            _ => octets.iter().map(|octet| char::from(*octet)).collect(),
        },
        UNIVERSAL | BMP => {
            let width = if value.tag == BMP { 2 } else { 4 };
            let number = |unit: &[u8]| unit.iter().fold(0, |number, octet| number << 8 | u32::from(*octet));
            let text = octets.chunks(width).map(|unit| char::from_u32(number(unit)).filter(|_| unit.len() == width));
            text.collect::<Option<String>>()?.into()
        }
        // The types of little use, SEQUENCE.
        0x07..=0x0f | 0x1d | der::SEQUENCE => return Some(Value::Other),
        der::BIT_STRING => return der::bits(octets).map(|_| Value::Other),
        _ => return None,
    }))
}

/// OpenSSL's `asn1_string_canon`: white space trimmed and collapsed, ASCII lowercased.
fn fold(text: &str, out: &mut Vec<u8>) {
    let is_space = |octet: &u8| matches!(octet, b' ' | b'\t' | b'\n' | b'\r' | b'\x0b' | b'\x0c');
    for (at, part) in text.as_bytes().split(is_space).filter(|part| !part.is_empty()).enumerate() {
        if at > 0 {
            out.push(b' ');
        }
        out.extend(part.iter().map(u8::to_ascii_lowercase));
    }
}

fn short_name(oid: &str) -> &str {
    match oid {
        COMMON_NAME => "CN",
        "2.5.4.5" => "serialNumber",
        "2.5.4.6" => "C",
        "2.5.4.7" => "L",
        "2.5.4.8" => "ST",
        "2.5.4.9" => "street",
        "2.5.4.10" => "O",
        "2.5.4.11" => "OU",
        "0.9.2342.19200300.100.1.1" => "UID",
        "0.9.2342.19200300.100.1.25" => "DC",
        EMAIL => "emailAddress",
        other => other,
    }
}

/// Of a relative name in a canonical form. No length begins with it.
const END: u8 = b'/';
const IA5: u8 = 0x16;
/// What the forms of a name take more than its encoding, mostly: they are made without being moved.
const ROOM: usize = 16;
/// OpenSSL folds nothing in it, and takes it for no other type's equal.
const NUMERIC: u8 = 0x12;
const COMMON_NAME: &str = "2.5.4.3";
const EMAIL: &str = "1.2.840.113549.1.9.1";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_cannot_write_control_characters() {
        assert_eq!(printable("a\r\nb\x1b[31m\u{202e}x\u{9b}"), "a\\0D\\0Ab\\1B[31m\\E2\\80\\AEx\\C2\\9B");
        let escaped = |value| {
            let mut out = String::new();
            escape(value, &mut out);
            out
        };
        assert_eq!(escaped(" a,b\\c+\"d\" "), "\\ a\\,b\\\\c\\+\\\"d\\\"\\ ");
        assert_eq!(escaped("#1"), "\\#1");
        assert_eq!(printable("Bücher 株式会社"), "Bücher 株式会社");
    }

    #[test]
    fn cut_texts_are_printable_and_never_longer() {
        assert_eq!(printable_cut("Bücher", 6), "Bücher");
        assert_eq!(printable_cut("Bücherei", 6), "Büc...");
        assert_eq!(printable_cut("a\u{202e}b\r", 20), "a\\E2\\80\\AEb\\0D");
        assert_eq!(printable_cut(&"\u{202e}".repeat(300), 200).chars().count(), 200);
    }

    #[test]
    fn a_numeric_string_equals_no_string_of_another_type() {
        const UTF8: u8 = 0x0c;
        const PRINTABLE: u8 = 0x13;
        let organisation = |tag: u8, value: &[u8]| {
            let attribute = [&[0x30, 6 + u8::try_from(value.len()).expect("short") + 1, 0x06, 3, 0x55, 4, 10, tag][..]].concat();
            let attribute = [&attribute[..], &[u8::try_from(value.len()).expect("short")], value].concat();
            let name = [&[der::SET, u8::try_from(attribute.len()).expect("short")][..], &attribute].concat();
            Name::read(&name)
        };
        assert_eq!(
            organisation(PRINTABLE, b"12").map(|name| name.canonical().to_vec()),
            organisation(UTF8, b"12").map(|name| name.canonical().to_vec())
        );
        assert_ne!(
            organisation(NUMERIC, b"12").map(|name| name.canonical().to_vec()),
            organisation(UTF8, b"12").map(|name| name.canonical().to_vec())
        );
        // A BIT STRING may stand there, if it is one.
        assert!(organisation(der::BIT_STRING, &[0, 1]).is_some());
        assert_eq!(organisation(der::BIT_STRING, &[9, 1]), None);
    }

    #[test]
    fn what_is_written_is_found_in_the_text_again() {
        const UTF8: u8 = 0x0c;
        let attribute = |oid: &[u8], tag: u8, value: &[u8]| {
            let [value, oid] = [(tag, value), (der::OID, oid)].map(|(tag, content)| der::written(tag, content));
            der::written(der::SEQUENCE, &[oid, value].concat())
        };
        let common_name = |value: &str| attribute(&[0x55, 4, 3], UTF8, value.as_bytes());
        let email = |tag| attribute(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 1], tag, b"a@b.org");
        let set = |attributes: &[Vec<u8>]| der::written(der::SET, &attributes.concat());
        let written = ["", " ", "#a", " a,b+c=d\\e\"f;<> ", "\\5C", "a\r\0\u{202e}ü", "\\\\", "株"];
        let mut sets: Vec<_> = written.iter().map(|value| set(&[common_name(value)])).collect();
        sets.push(set(&[common_name("x"), attribute(&[0x55, 4, 10], UTF8, b"O"), common_name("y")]));
        sets.push(set(&[attribute(&[0x55, 4, 3], 0x0a, b"no string"), email(IA5), email(UTF8)]));
        let content = sets.concat();
        let name = Name::read(&content).expect("sound");
        assert_eq!(name.common_names(), [&written[..], &["x", "y"]].concat());
        assert_eq!(emails(&content), [Some(&b"a@b.org"[..]), None]);
        assert_eq!(Name::read(&[]).expect("empty").common_names(), [""; 0]);
    }

    #[test]
    fn a_name_tells_how_it_is_made_up() {
        let common_name = der::written(der::SEQUENCE, &[&[0x06, 3, 0x55, 4, 3, 0x0c, 1][..], b"a"].concat());
        let unit = der::written(der::SEQUENCE, &[&[0x06, 3, 0x55, 4, 11, 0x0c, 1][..], b"b"].concat());
        let of = |sets: &[&[&Vec<u8>]]| {
            let content: Vec<_> = sets
                .iter()
                .flat_map(|set| der::written(der::SET, &set.iter().copied().flatten().copied().collect::<Vec<_>>()))
                .collect();
            Name::read(&content).expect("sound")
        };
        let one = of(&[&[&unit]]);
        let shape = |attributes, last, ends_with_common_name| Shape { attributes, last, ends_with_common_name };
        assert_eq!(Name::read(&[]).expect("empty").shape(), shape(0, 0, false));
        assert_eq!(one.shape(), shape(1, 0, false));
        let two = of(&[&[&unit], &[&common_name]]);
        assert_eq!(two.shape(), shape(2, one.canonical().len(), true));
        assert_eq!(two.canonical()[..two.shape().last], *one.canonical());
        assert!(!of(&[&[&common_name], &[&common_name, &unit]]).shape().ends_with_common_name);
    }

    #[test]
    fn comparison_folds_case_and_white_space() {
        let mut folded = Vec::new();
        fold("  A  b\tC ", &mut folded);
        assert_eq!(folded, b"a b c");
    }
}
