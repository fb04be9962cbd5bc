//! Distinguished names as Go prints them (`pkix.Name.String`): always in the same order, the values of one attribute together.

use crate::certificate::split;

/// `O=b,CN=a` as `CN=a,O=b`. What Go has no name for, and prints as a number, keeps the name it has.
pub(super) fn as_in_go(text: &str) -> String {
    let mut parts: Vec<_> = relative_names(text).into_iter().map(|part| part.split_once('=').unwrap_or((part, ""))).collect();
    let mut out = String::with_capacity(text.len());
    for (ours, name) in ORDER {
        let (these, others): (Vec<_>, Vec<_>) = parts.into_iter().partition(|(attribute, _)| *attribute == ours);
        for (i, (_, value)) in these.into_iter().enumerate() {
            push(&mut out, if i == 0 { ',' } else { '+' }, name, value);
        }
        parts = others;
    }
    for (attribute, value) in parts.into_iter().rev() {
        push(&mut out, ',', attribute, value);
    }
    out
}

fn push(out: &mut String, separator: char, attribute: &str, value: &str) {
    if !out.is_empty() {
        out.push(separator);
    }
    out.extend([attribute, "=", value]);
}

/// What we call an attribute, and what Go does.
const ORDER: [(&str, &str); 9] = [
    ("serialNumber", "SERIALNUMBER"),
    ("CN", "CN"),
    ("2.5.4.17", "POSTALCODE"),
    ("street", "STREET"),
    ("ST", "ST"),
    ("L", "L"),
    ("OU", "OU"),
    ("O", "O"),
    ("C", "C"),
];

/// The parts of a name as RFC 4514 writes it (`CN=a`, `OU=b`), in the certificate's order.
pub(super) fn relative_names(text: &str) -> Vec<&str> {
    split(text, &[',', '+']).into_iter().rev().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_apart_at_what_is_not_escaped() {
        assert_eq!(relative_names("CN=a\\,b,OU=x\\+y+OU=z,O=c\\\\,C=d"), ["C=d", "O=c\\\\", "OU=z", "OU=x\\+y", "CN=a\\,b"]);
        assert_eq!(relative_names(""), [""; 0]);
    }

    #[test]
    fn names_are_in_the_order_of_go() {
        assert_eq!(as_in_go("O=Acme,CN=a"), "CN=a,O=Acme");
        assert_eq!(as_in_go("C=DE,O=Acme,OU=two,OU=one,CN=a"), "CN=a,OU=one+OU=two,O=Acme,C=DE");
        assert_eq!(as_in_go("CN=a,DC=example,DC=org,serialNumber=7"), "SERIALNUMBER=7,CN=a,DC=example,DC=org");
        assert_eq!(as_in_go(""), "");
    }
}
