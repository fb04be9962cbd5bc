//! What a lint looks at: the facts, and how they are written down.

use std::borrow::Cow;

use crate::certificate::{
    Facts, San,
    der::{self, Element, Elements},
};

/// A certificate taken apart.
pub(super) struct Anatomy<'a> {
    pub(super) facts: &'a Facts,
    /// It is the server's own.
    pub(super) is_leaf: bool,
    /// The two dates as they are encoded.
    pub(super) dates: [Element<'a>; 2],
    /// Type (dotted) and value of the subject's attributes.
    pub(super) subject: Vec<(Cow<'static, str>, Element<'a>)>,
    /// The extensions in order.
    pub(super) extensions: Vec<Extension<'a>>,
    /// The alternative names.
    pub(super) sans: Vec<San<'a>>,
    /// The extended key usage, dotted; `None` where there is none that can be read.
    pub(super) uses: Option<Vec<Cow<'static, str>>>,
}

pub(super) struct Extension<'a> {
    pub(super) oid: Cow<'static, str>,
    pub(super) critical: bool,
    pub(super) value: &'a [u8],
}

impl<'a> Anatomy<'a> {
    /// `None` where there is more or less than the facts were read from, which does not happen.
    pub(super) fn of(facts: &'a Facts, is_leaf: bool) -> Option<Self> {
        let mut fields = der::sequence(facts.tbs())?;
        fields.optional(der::constructed(0));
        fields.expect(der::INTEGER)?;
        fields.expect(der::SEQUENCE)?; // the signature's algorithm
        fields.expect(der::SEQUENCE)?; // the issuer
        let mut dates = Elements(fields.expect(der::SEQUENCE)?);
        let dates = [dates.any()?, dates.any()?];
        let subject = attributes(Elements(fields.expect(der::SEQUENCE)?))?;
        fields.expect(der::SEQUENCE)?; // the key
        fields.optional(der::primitive(1));
        fields.optional(der::primitive(2));
        let extensions = match fields.optional(der::constructed(3)) {
            Some(list) => der::sequence(list)?.each().map(|element| extension(element?)).collect::<Option<_>>()?,
            None => Vec::new(),
        };
        let (sans, uses) = (facts.sans().collect(), facts.extended_key_usage());
        Some(Anatomy { facts, is_leaf, dates, subject, extensions, sans, uses })
    }

    /// The extension of this type.
    pub(super) fn extension(&self, oid: &str) -> Option<&Extension<'a>> {
        self.extensions.iter().find(|extension| extension.oid == oid)
    }

    pub(super) fn is_critical(&self, oid: &str) -> bool {
        self.extension(oid).is_some_and(|extension| extension.critical)
    }

    /// It is marked as a CA.
    pub(super) fn is_ca(&self) -> bool {
        self.facts.extensions.basic_constraints.is_some_and(|bc| bc.ca)
    }

    /// A CA above a leaf. A CA certificate that serves as a leaf is told otherwise.
    pub(super) fn issues(&self) -> bool {
        self.is_ca() && !self.is_leaf
    }

    /// The values of the subject's attributes of this type.
    pub(super) fn values(&self, oid: &str) -> impl Iterator<Item = Element<'a>> {
        self.subject.iter().filter(move |(kind, _)| kind == oid).map(|(_, value)| *value)
    }

    /// The DNS names among the alternative names.
    pub(super) fn dns_names(&self) -> impl Iterator<Item = &str> {
        self.sans.iter().filter_map(|san| if let San::Dns(name) = san { Some(&**name) } else { None })
    }
}

fn attributes(relative_names: Elements<'_>) -> Option<Vec<(Cow<'static, str>, Element<'_>)>> {
    let mut out = Vec::new();
    for set in relative_names.each() {
        for attribute in Elements(set?.content).each() {
            let mut fields = Elements(attribute?.content);
            out.push((der::oid(fields.expect(der::OID)?)?, fields.any()?));
        }
    }
    Some(out)
}

fn extension(element: Element<'_>) -> Option<Extension<'_>> {
    let mut fields = Elements(element.content);
    let oid = der::oid(fields.expect(der::OID)?)?;
    let critical = fields.optional(der::BOOLEAN).is_some_and(|content| der::boolean(content) == Some(true));
    Some(Extension { oid, critical, value: fields.expect(der::OCTET_STRING)? })
}
