//! Distinguished names: to show (RFC 4514) and to compare (RFC 5280, section 7.1, as OpenSSL's `x509_name_canon`).

use std::fmt::{self, Write as _};

use x509_parser::{
    asn1_rs::{Any, BmpString, Tag, UniversalString},
    x509::X509Name,
};

/// A subject or issuer.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Name {
    /// RFC 4514, safe to print: control and direction-changing characters are escaped.
    pub text: String,
    /// The common names, as written (unsafe to print).
    pub common_names: Vec<String>,
    /// What two equal names have in common: case, inner white space and string type folded away.
    pub(crate) canonical: Vec<u8>,
}

impl Name {
    pub(super) fn read(name: &X509Name<'_>) -> Self {
        let mut canonical = Vec::new();
        let mut rdns = Vec::new();
        let mut common_names = Vec::new();
        for rdn in name.iter_rdn() {
            let mut texts = Vec::new();
            let mut folded = Vec::new();
            for attribute in rdn.iter() {
                let oid = attribute.attr_type().to_id_string();
                let text = string_value(attribute.attr_value());
                let mut one = oid.clone().into_bytes();
                one.push(0);
                if let Some(text) = &text {
                    one.extend_from_slice(fold(text).as_bytes());
                } else {
                    one.push(1);
                    one.extend_from_slice(attribute.attr_value().data);
                }
                folded.push(one);
                let shown = text.as_deref().map_or_else(|| format!("#{}", super::hex(attribute.attr_value().data)), escape);
                texts.push(format!("{}={shown}", short_name(&oid)));
                if oid == "2.5.4.3" {
                    common_names.extend(text);
                }
            }
            folded.sort();
            for one in folded {
                canonical.extend_from_slice(&u32::try_from(one.len()).unwrap_or(u32::MAX).to_be_bytes());
                canonical.extend(one);
            }
            canonical.push(b'/');
            rdns.push(texts.join("+"));
        }
        rdns.reverse();
        Name { text: rdns.join(","), common_names, canonical }
    }

    /// No attribute at all.
    pub fn is_empty(&self) -> bool {
        self.canonical.is_empty()
    }

    /// What people call it: the last common name, else the whole; safe to print.
    pub fn short(&self) -> String {
        self.common_names.last().map_or_else(|| self.text.clone(), |name| printable(name))
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

/// The text of a directory string; `None` where the type is no string, or its octets are not what the type says.
fn string_value(value: &Any<'_>) -> Option<String> {
    match value.tag() {
        Tag::Utf8String => std::str::from_utf8(value.data).ok().map(str::to_owned),
        // Latin-1 is what OpenSSL takes these for; a proper value is ASCII anyway.
        Tag::PrintableString | Tag::Ia5String | Tag::VisibleString | Tag::T61String => {
            Some(value.data.iter().map(|b| char::from(*b)).collect())
        }
        Tag::BmpString => BmpString::try_from(value.clone()).ok().map(|s| s.string()),
        Tag::UniversalString => UniversalString::try_from(value.clone()).ok().map(|s| s.string()),
        _ => None,
    }
}

/// OpenSSL's `asn1_string_canon`: white space trimmed and collapsed, ASCII lowercased.
fn fold(text: &str) -> String {
    let is_space = |c: char| matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c');
    text.split(is_space).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ").to_ascii_lowercase()
}

fn short_name(oid: &str) -> &str {
    match oid {
        "2.5.4.3" => "CN",
        "2.5.4.5" => "serialNumber",
        "2.5.4.6" => "C",
        "2.5.4.7" => "L",
        "2.5.4.8" => "ST",
        "2.5.4.9" => "street",
        "2.5.4.10" => "O",
        "2.5.4.11" => "OU",
        "0.9.2342.19200300.100.1.1" => "UID",
        "0.9.2342.19200300.100.1.25" => "DC",
        "1.2.840.113549.1.9.1" => "emailAddress",
        other => other,
    }
}

/// Reads a DER Name standing alone, as in an authority key identifier's directoryName.
pub(super) fn canonical(name: &X509Name<'_>) -> Vec<u8> {
    Name::read(name).canonical
}

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
    fn comparison_folds_case_and_white_space() {
        assert_eq!(fold("  A  b\tC "), "a b c");
    }
}
