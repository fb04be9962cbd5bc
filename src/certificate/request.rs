//! Certificate signing requests (PKCS#10, RFC 2986).

use x509_parser::{asn1_rs::FromDer as _, x509::AlgorithmIdentifier};

use super::{
    Name, Octets, PublicKey, San, SignatureAlgorithm, SignatureFault,
    der::{self, Elements},
    extensions, general, parse, signature,
};

/// What a request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Who it is for.
    pub subject: Name,
    /// The subject alternative names asked for, DER; sound.
    alternative_names: Option<Box<[u8]>>,
    /// The key it is for.
    pub key: PublicKey,
    /// How it is signed.
    pub signature: SignatureAlgorithm,
    /// Whether that key signed it.
    pub signed: Result<(), SignatureFault>,
}

impl Request {
    /// Reads a request; never panics, whatever the bytes. `None` when they are none that can be decoded.
    pub fn from_der(der: &[u8]) -> Option<Self> {
        read(der)
    }

    /// The subject alternative names asked for, in order; none when the extension is absent.
    pub fn sans(&self) -> impl Iterator<Item = San<'_>> + Clone {
        general::sans(self.alternative_names.as_deref())
    }
}

fn read(der: &[u8]) -> Option<Request> {
    let mut whole = der::sequence(der)?;
    let info = whole.any().filter(|info| info.tag == der::SEQUENCE)?;
    let algorithm = AlgorithmIdentifier::from_der(whole.any()?.whole).ok()?.1;
    let value = whole.expect(der::BIT_STRING)?;
    whole.end()?;

    let mut fields = Elements(info.content);
    der::integer(fields.expect(der::INTEGER)?)?;
    let subject = fields.expect(der::SEQUENCE).and_then(Name::read)?;
    let key = parse::key(&mut fields, &Octets::default())?;
    let attributes = fields.optional(der::constructed(0)).unwrap_or_default();
    let names = extension_request(attributes).and_then(|list| extensions::read(&list, attributes).alternative_names);
    let signature = SignatureAlgorithm::read(&algorithm);
    let signed = match value.split_first() {
        Some((0, value)) => signature::verify_signed(&signature, &key, info.whole, value),
        _ => Err(SignatureFault::Bad),
    };
    let alternative_names = names.map(|names| names.within(attributes).into());
    Some(Request { subject, alternative_names, key, signature, signed })
}

/// The extensions asked for (RFC 2985, section 5.4.2).
fn extension_request(attributes: &[u8]) -> Option<Vec<extensions::Extension<'_>>> {
    Elements(attributes).all()?.into_iter().find_map(|attribute| {
        let mut fields = Elements(attribute.content);
        if der::oid(fields.expect(der::OID)?)? != "1.2.840.113549.1.9.14" {
            return None;
        }
        let list = der::first(fields.expect(der::SET)?, der::SEQUENCE)?;
        Elements(list).all()?.into_iter().map(parse::extension).collect()
    })
}
