//! Distinguished names: to show (RFC 4514) and to compare (RFC 5280, section 7.1, as OpenSSL's `x509_name_canon`).

use std::fmt::{self, Write as _};

use super::der::{self, Element, Elements};

/// A subject or issuer.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Name {
    /// RFC 4514, safe to print: control and direction-changing characters are escaped.
    pub text: Box<str>,
    /// What two equal names have in common: case, inner white space and string type folded away. A name above another in the
    /// directory is its beginning. Each attribute has its length before it, each relative name a slash behind it.
    pub(crate) canonical: Box<[u8]>,
}

/// How a name is made up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Shape {
    /// How many attributes it has.
    pub(crate) attributes: usize,
    /// Where its last relative name starts within `canonical`.
    pub(crate) last: usize,
    /// That is one common name and nothing else.
    pub(crate) ends_with_common_name: bool,
}

impl Name {
    /// Reads the content of a `Name`; `None` where OpenSSL reads none: an attribute that is no whole one, a string that is not what
    /// its type says.
    pub(super) fn read(content: &[u8]) -> Option<Self> {
        let mut canonical = Vec::new();
        let mut relative_names = Vec::new();
        for element in Elements(content).all()? {
            let set = Some(element.content).filter(|_| element.tag == der::SET)?;
            relative_names.push(add_relative(&mut canonical, set)?);
        }
        relative_names.reverse();
        Some(Name { text: relative_names.join(",").into(), canonical: canonical.into() })
    }

    /// The same of one relative name.
    pub(super) fn of_relative(set: &[u8]) -> Option<Self> {
        let mut canonical = Vec::new();
        let text = add_relative(&mut canonical, set)?;
        Some(Name { text: text.into(), canonical: canonical.into() })
    }

    /// No attribute at all.
    pub fn is_empty(&self) -> bool {
        self.canonical.is_empty()
    }

    /// The common names, in the order of the certificate and as written there (unsafe to print).
    pub fn common_names(&self) -> Vec<String> {
        let of_relative_name = |relative_name| split(relative_name, &['+']).into_iter().filter_map(|it| it.strip_prefix("CN="));
        let values = split(&self.text, &[',']).into_iter().rev().flat_map(of_relative_name);
        // A value that is no string is shown as octets.
        values.filter(|value| !value.starts_with('#')).map(unescape).collect()
    }

    /// What people call it: the last common name, else the whole; safe to print.
    pub fn short(&self) -> String {
        self.common_names().last().map_or_else(|| self.text.to_string(), |name| printable(name))
    }

    /// What the rules for constraints and proxy certificates ask of a name (RFC 3820, section 3.4).
    pub(crate) fn shape(&self) -> Shape {
        let (mut shape, mut rest) = (Shape::default(), &self.canonical[..]);
        let mut of_last = 0;
        while let Some(first) = rest.first() {
            if *first == END {
                rest = &rest[1..];
                of_last = 0;
                continue;
            }
            if of_last == 0 {
                shape.last = self.canonical.len() - rest.len();
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
    let emails = attributes.filter_map(|attribute| {
        let mut fields = Elements(attribute.content);
        let is_email = der::oid(fields.expect(der::OID)?)? == EMAIL;
        fields.any().filter(|_| is_email)
    });
    emails.map(|value| (value.tag == IA5).then_some(value.content)).collect()
}

/// Adds a relative name to a canonical form, and returns its text.
fn add_relative(canonical: &mut Vec<u8>, set: &[u8]) -> Option<String> {
    let mut texts = Vec::new();
    let mut folded = Vec::new();
    for element in Elements(set).all()? {
        let mut fields = Elements(Some(element.content).filter(|_| element.tag == der::SEQUENCE)?);
        let oid = der::oid(fields.expect(der::OID)?)?;
        let value = fields.any()?;
        fields.end()?;
        let text = match value_of(value)? {
            Value::Text(text) => Some(text),
            Value::Other => None,
        };
        let mut one = oid.clone().into_bytes();
        one.push(0);
        match &text {
            Some(text) if value.tag != NUMERIC => one.extend_from_slice(fold(text).as_bytes()),
            _ => {
                one.extend([1, value.tag]);
                one.extend_from_slice(value.content);
            }
        }
        folded.push(one);
        let shown = text.as_deref().map_or_else(|| format!("#{}", super::hex(value.content)), escape);
        texts.push(format!("{}={shown}", short_name(&oid)));
    }
    folded.sort();
    for one in folded {
        canonical.extend_from_slice(&u32::try_from(one.len()).unwrap_or(u32::MAX).to_be_bytes());
        canonical.extend(one);
    }
    canonical.push(END);
    Some(texts.join("+"))
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A stranger's text made safe for terminals, mails, pages and labels: what is invisible, breaks lines or turns the reading
/// direction becomes `\XX`, octet by octet of its UTF-8 (RFC 4514, section 2.4).
pub fn printable(text: &str) -> String {
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
fn escape(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let last = value.chars().count().saturating_sub(1);
    for (i, c) in value.chars().enumerate() {
        match c {
            '"' | '+' | ',' | ';' | '<' | '>' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            ' ' if i == 0 || i == last => out.push_str("\\ "),
            '#' if i == 0 => out.push_str("\\#"),
            c => push_printable(&mut out, c),
        }
    }
    out
}

/// The parts of a name's text, split where a separator is not escaped: `,` between relative names, `+` within them.
pub(crate) fn split<'a>(text: &'a str, separators: &[char]) -> Vec<&'a str> {
    if text.is_empty() {
        return Vec::new();
    }
    let mut escaped = false;
    let parts = text.split(|c| {
        let splits = !escaped && separators.contains(&c);
        escaped = !escaped && c == '\\';
        splits
    });
    parts.collect()
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

enum Value {
    Text(String),
    /// Of a type that is no string.
    Other,
}

/// An attribute's value; `None` where the octets are not what its type says, or where OpenSSL takes the type for none that may
/// stand in a name.
fn value_of(value: Element<'_>) -> Option<Value> {
    const UTF8: u8 = 0x0c;
    const PRINTABLE: u8 = 0x13;
    const TELETEX: u8 = 0x14;
    const UNIVERSAL: u8 = 0x1c;
    const BMP: u8 = 0x1e;
    let octets = value.content;
    Some(Value::Text(match value.tag {
        UTF8 => std::str::from_utf8(octets).ok()?.to_owned(),
        // Latin-1 is what OpenSSL takes these for; a proper value is ASCII anyway.
        NUMERIC | PRINTABLE | TELETEX | IA5 => octets.iter().map(|octet| char::from(*octet)).collect(),
        UNIVERSAL | BMP => {
            let width = if value.tag == BMP { 2 } else { 4 };
            let number = |unit: &[u8]| unit.iter().fold(0, |number, octet| number << 8 | u32::from(*octet));
            let text = octets.chunks(width).map(|unit| char::from_u32(number(unit)).filter(|_| unit.len() == width));
            text.collect::<Option<_>>()?
        }
        // The types of little use, SEQUENCE.
        0x07..=0x0f | 0x1d | der::SEQUENCE => return Some(Value::Other),
        der::BIT_STRING => return der::bits(octets).map(|_| Value::Other),
        _ => return None,
    }))
}

/// OpenSSL's `asn1_string_canon`: white space trimmed and collapsed, ASCII lowercased.
fn fold(text: &str) -> String {
    let is_space = |c: char| matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c');
    text.split(is_space).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ").to_ascii_lowercase()
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
        assert_eq!(escape(" a,b\\c+\"d\" "), "\\ a\\,b\\\\c\\+\\\"d\\\"\\ ");
        assert_eq!(escape("#1"), "\\#1");
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
            organisation(PRINTABLE, b"12").map(|name| name.canonical),
            organisation(UTF8, b"12").map(|name| name.canonical)
        );
        assert_ne!(organisation(NUMERIC, b"12").map(|name| name.canonical), organisation(UTF8, b"12").map(|name| name.canonical));
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
        assert_eq!(Name::default().common_names(), [""; 0]);
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
        assert_eq!(Name::default().shape(), shape(0, 0, false));
        assert_eq!(one.shape(), shape(1, 0, false));
        let two = of(&[&[&unit], &[&common_name]]);
        assert_eq!(two.shape(), shape(2, one.canonical.len(), true));
        assert_eq!(two.canonical[..two.shape().last], one.canonical[..]);
        assert!(!of(&[&[&common_name], &[&common_name, &unit]]).shape().ends_with_common_name);
    }

    #[test]
    fn comparison_folds_case_and_white_space() {
        assert_eq!(fold("  A  b\tC "), "a b c");
    }
}
