//! Java's own keystores (`sun.security.provider.JavaKeyStore`): certificates in the clear, keys encrypted. No password is needed to
//! see the certificates; the digest at the end, which takes one, is not checked.

use super::{Fault, Item, MAX_ITEMS, Place, What, limited};
use crate::certificate::{Certificate, PrivateKey, printable_cut};

pub(super) fn is_keystore(content: &[u8]) -> bool {
    content.starts_with(&JKS) || content.starts_with(&JCEKS)
}

pub(super) fn read(content: &[u8]) -> Result<Vec<Item>, Fault> {
    let mut reader = Reader { content, at: 4 };
    let version = reader.number()?;
    if !matches!(version, 1 | 2) {
        return Err(reader.fault(format!("is a Java keystore of version {version}; certvigil knows 1 and 2")));
    }
    let count = reader.number()?;
    let mut items = Vec::new();
    for _ in 0..count {
        let kind = reader.number()?;
        let alias = reader.text()?;
        let place = format!("alias \"{}\"", printable_cut(&alias, 60));
        reader.take(8)?; // when it was made
        let certificates = match kind {
            PRIVATE_KEY => {
                reader.sized()?;
                items.push(Item { what: What::Key(PrivateKey::ENCRYPTED), place: place.clone() });
                reader.number()?
            }
            TRUSTED_CERTIFICATE => 1,
            SECRET_KEY => {
                let problem =
                    format!("the entry {place} is a secret key, behind which certvigil cannot read; see keytool -list -v");
                return Err(reader.fault(problem));
            }
            other => return Err(reader.fault(format!("an entry of the unknown kind {other}; copy the file again"))),
        };
        for _ in 0..certificates {
            if version == 2 {
                reader.text()?; // `X.509`
            }
            let certificate = Certificate::from_der(reader.sized()?);
            items.push(Item { what: What::Certificate(certificate), place: place.clone() });
        }
        if items.len() > MAX_ITEMS {
            break;
        }
    }
    limited(items)
}

/// Java's DataInput: big-endian numbers, sizes before contents. Counts are believed only as far as octets follow.
struct Reader<'a> {
    content: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, octets: usize) -> Result<&'a [u8], Fault> {
        let taken = self.content[self.at..].get(..octets).ok_or_else(|| {
            let problem = format!("the Java keystore should have {octets} more octets here, and ends; copy the file again");
            self.fault(problem)
        })?;
        self.at += octets;
        Ok(taken)
    }

    fn number(&mut self) -> Result<u32, Fault> {
        Ok(self.take(4)?.iter().fold(0, |number, octet| number << 8 | u32::from(*octet)))
    }

    fn sized(&mut self) -> Result<&'a [u8], Fault> {
        let octets = self.number()?;
        self.take(octets as usize)
    }

    fn text(&mut self) -> Result<String, Fault> {
        let octets = self.take(2)?.iter().fold(0, |number, octet| number << 8 | usize::from(*octet));
        Ok(String::from_utf8_lossy(self.take(octets)?).into_owned())
    }

    fn fault(&self, problem: String) -> Fault {
        Fault { place: Place::Offset(self.at), problem }
    }
}

const JKS: [u8; 4] = [0xfe, 0xed, 0xfe, 0xed];
const JCEKS: [u8; 4] = [0xce; 4];
const PRIVATE_KEY: u32 = 1;
const TRUSTED_CERTIFICATE: u32 = 2;
const SECRET_KEY: u32 = 3;
