//! Distinguished names: to show (RFC 4514) and to compare (RFC 5280, section 7.1, as OpenSSL's `x509_name_canon`).

use std::fmt::{self, Write as _};

use super::der::{self, Element, Elements};

/// A subject or issuer.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Name {
    /// RFC 4514, safe to print: control and direction-changing characters are escaped.
    pub text: Box<str>,
    /// The common names, as written (unsafe to print).
    pub common_names: Box<[Box<str>]>,
    /// What two equal names have in common: case, inner white space and string type folded away. A name above another in the
    /// directory is its beginning.
    pub(crate) canonical: Box<[u8]>,
    /// How many attributes.
    pub(crate) attributes: u32,
    /// The email addresses, as encoded; `None` for one that is no IA5String.
    pub(crate) emails: Box<[Option<Box<[u8]>>]>,
    /// The last relative name.
    pub(crate) last: LastName,
}

/// What the rules for proxy certificates ask of a name (RFC 3820, section 3.4).
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct LastName {
    /// Where it starts within `canonical`.
    pub(crate) start: u32,
    /// It is one common name and nothing else.
    pub(crate) is_common_name: bool,
}

impl Name {
    /// Reads the content of a `Name`; `None` where OpenSSL reads none: an attribute that is no whole one, a string that is not what
    /// its type says.
    pub(super) fn read(content: &[u8]) -> Option<Self> {
        let mut parts = Parts::default();
        let mut relative_names = Vec::new();
        for element in Elements(content).all()? {
            let set = Some(element.content).filter(|_| element.tag == der::SET)?;
            relative_names.push(parts.add_relative(set)?);
        }
        relative_names.reverse();
        Some(parts.named(relative_names.join(",")))
    }

    /// The same of one relative name.
    pub(super) fn of_relative(set: &[u8]) -> Option<Self> {
        let mut parts = Parts::default();
        let text = parts.add_relative(set)?;
        Some(parts.named(text))
    }

    /// No attribute at all.
    pub fn is_empty(&self) -> bool {
        self.canonical.is_empty()
    }

    /// What people call it: the last common name, else the whole; safe to print.
    pub fn short(&self) -> String {
        self.common_names.last().map_or_else(|| self.text.to_string(), |name| printable(name))
    }
}

/// What is gathered while a name is read.
#[derive(Default)]
struct Parts {
    common_names: Vec<Box<str>>,
    canonical: Vec<u8>,
    attributes: usize,
    emails: Vec<Option<Box<[u8]>>>,
    last: LastName,
}

impl Parts {
    fn named(self, text: String) -> Name {
        let Parts { common_names, canonical, attributes, emails, last } = self;
        Name {
            text: text.into(),
            common_names: common_names.into(),
            canonical: canonical.into(),
            attributes: u32::try_from(attributes).unwrap_or(u32::MAX),
            emails: emails.into(),
            last,
        }
    }

    /// Adds all but the text, which is returned.
    fn add_relative(&mut self, set: &[u8]) -> Option<String> {
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
            self.last.is_common_name = folded.len() == 1 && oid == COMMON_NAME;
            match oid.as_str() {
                COMMON_NAME => self.common_names.extend(text.map(String::into_boxed_str)),
                EMAIL => self.emails.push((value.tag == IA5).then(|| value.content.into())),
                _ => {}
            }
        }
        self.attributes += folded.len();
        self.last.start = u32::try_from(self.canonical.len()).unwrap_or(u32::MAX);
        folded.sort();
        for one in folded {
            self.canonical.extend_from_slice(&u32::try_from(one.len()).unwrap_or(u32::MAX).to_be_bytes());
            self.canonical.extend(one);
        }
        self.canonical.push(b'/');
        Some(texts.join("+"))
    }
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
    fn comparison_folds_case_and_white_space() {
        assert_eq!(fold("  A  b\tC "), "a b c");
    }
}
