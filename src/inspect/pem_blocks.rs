//! PEM: any number of blocks, with text between them.

use super::{Fault, Item, MAX_ITEMS, Place, What, limited};
use crate::certificate::{Certificate, PrivateKey, Request, pkcs7, printable_cut};

pub(super) fn is_pem(content: &[u8]) -> bool {
    content.windows(BEGIN.len()).any(|window| window == BEGIN.as_bytes())
}

/// The first block is one.
pub(super) fn is_pkcs7(content: &[u8]) -> bool {
    let first = content.windows(BEGIN.len()).position(|window| window == BEGIN.as_bytes());
    let label = first.map_or(&[][..], |at| &content[at + BEGIN.len()..]);
    label.starts_with(b"PKCS7-----") || label.starts_with(b"CMS-----")
}

pub(super) fn read(content: &[u8]) -> Result<Vec<Item>, Fault> {
    let text = String::from_utf8_lossy(content);
    let mut items = Vec::new();
    let (mut rest, mut line) = (&text[..], 1);
    while let Some(at) = rest.find(BEGIN) {
        line += newlines(&rest[..at]);
        rest = &rest[at..];
        let fault = |problem: String| Fault { place: Place::Line(line), problem };
        let label = rest[BEGIN.len()..].split_once("-----").map(|(label, _)| label).filter(|label| !label.contains('\n'));
        let Some(label) = label else {
            return Err(fault("is no sound begin line of a PEM block; copy the file again".into()));
        };
        let shown = printable_cut(label, 60);
        let end = format!("-----END {label}-----");
        let Some(length) = rest.find(&end).map(|at| at + end.len()) else {
            return Err(fault(format!(
                "the PEM block that begins \"-----BEGIN {shown}-----\" has no end line; copy the file again"
            )));
        };
        let block = &rest[..length];
        if label.ends_with("PRIVATE KEY") && block.contains("Proc-Type: 4,ENCRYPTED") {
            items.push(Item { what: What::Key(PrivateKey::ENCRYPTED), place: format!("line {line}") });
        } else {
            // The reader's own words could quote what is in the block, and that may be a key.
            let decoded = pem::parse(block).map_err(|_| {
                fault(format!("the PEM block \"{shown}\" holds something that is no Base64; copy the file again"))
            })?;
            items.extend(things(label, decoded.contents()).into_iter().map(|what| Item { what, place: format!("line {line}") }));
        }
        if items.len() > MAX_ITEMS {
            break;
        }
        line += newlines(block);
        rest = &rest[length..];
    }
    limited(items)
}

/// What a block holds: its label is a hint, the octets decide.
fn things(label: &str, der: &[u8]) -> Vec<What> {
    let other = |why: &str| vec![What::Other(format!("{}{why}", printable_cut(label, 60)))];
    match label {
        "TRUSTED CERTIFICATE" => {
            Certificate::from_trusted_der(der).map_or_else(|| other(", damaged"), |c| vec![What::Certificate(c)])
        }
        "PKCS7" | "CMS" => match pkcs7::certificates(der) {
            Some(certificates) => certificates.into_iter().map(|der| What::Certificate(Certificate::from_der(der))).collect(),
            None => other(", without certificates"),
        },
        _ if label.ends_with("CERTIFICATE REQUEST") => match Request::from_der(der) {
            Some(request) => vec![What::Request(Box::new(request))],
            None => other(", damaged"),
        },
        _ if label.ends_with("CERTIFICATE") => vec![What::Certificate(Certificate::from_der(der))],
        _ if label.ends_with("PRIVATE KEY") => {
            PrivateKey::from_der(der).map_or_else(|| other(", of an unknown form"), |key| vec![What::Key(key)])
        }
        _ => other(""),
    }
}

fn newlines(text: &str) -> usize {
    text.bytes().filter(|octet| *octet == b'\n').count()
}

const BEGIN: &str = "-----BEGIN ";
