//! The commands that turn a file into other forms, for the reader to run.

use super::{Contents, Format, Item, What};
use crate::report::word;

/// Comment and command, ready for a shell; `key` is the file with the private key, where that is another one.
pub(super) fn conversions(path: &str, contents: &Contents, key: Option<&str>) -> Vec<(&'static str, String)> {
    let file = word(path);
    // The new file stands beside the old one.
    let stem = match path.rsplit_once('.') {
        Some((stem, suffix)) if !suffix.contains('/') && !stem.is_empty() && !stem.ends_with('/') => stem,
        _ => path,
    };
    let to = |suffix: &str| word(&format!("{stem}{suffix}"));
    let has = |is: fn(&What) -> bool| contents.items.iter().any(|Item { what, .. }| is(what));
    let certificates = contents.items.iter().filter(|item| item.certificate().is_some()).count();
    let mut out = Vec::new();
    match contents.format {
        Format::Pem if certificates > 0 => {
            let inline = has(|what| matches!(what, What::Key(_)));
            let key = if inline { String::new() } else { format!(" -inkey {}", word(key.unwrap_or("privkey.pem"))) };
            out.push((
                "PKCS#12 with the key, for Java and Windows",
                format!("openssl pkcs12 -export -in {file}{key} -out {}", to(".p12")),
            ));
            out.push(("PKCS#7 without the key", format!("openssl crl2pkcs7 -nocrl -certfile {file} -out {}", to(".p7b"))));
            out.push(("the first certificate in DER", format!("openssl x509 -in {file} -outform DER -out {}", to(".der"))));
        }
        Format::Der if certificates > 0 => out.push(("PEM", format!("openssl x509 -inform DER -in {file} -out {}", to(".pem")))),
        Format::Der if has(|what| matches!(what, What::Request(_))) => {
            out.push(("PEM", format!("openssl req -inform DER -in {file} -out {}", to(".pem"))));
        }
        Format::Pkcs7Pem => {
            out.push(("PEM, certificate by certificate", format!("openssl pkcs7 -in {file} -print_certs -out {}", to(".pem"))));
        }
        Format::Pkcs7 => {
            out.push(("PEM", format!("openssl pkcs7 -inform DER -in {file} -print_certs -out {}", to(".pem"))));
        }
        Format::Pkcs12 | Format::Pkcs12Legacy => {
            let open = if contents.format == Format::Pkcs12Legacy { "openssl pkcs12 -legacy" } else { "openssl pkcs12" };
            out.push(("the certificates in PEM", format!("{open} -in {file} -nokeys -out {}", to(".pem"))));
            if has(|what| matches!(what, What::Key(_))) {
                out.push(("the key in PEM, still encrypted", format!("{open} -in {file} -nocerts -out {}", to(".key.pem"))));
            }
        }
        Format::Jks => {
            let p12 = to(".p12");
            out.push((
                "PKCS#12",
                format!("keytool -importkeystore -srckeystore {file} -destkeystore {p12} -deststoretype PKCS12"),
            ));
        }
        Format::Pem | Format::Der => {}
    }
    out
}
