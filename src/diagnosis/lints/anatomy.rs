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
    pub(super) subject: Vec<(String, Element<'a>)>,
    /// The extensions in order.
    pub(super) extensions: Vec<Extension<'a>>,
}

pub(super) struct Extension<'a> {
    pub(super) oid: String,
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
            Some(list) => der::sequence(list)?.all()?.into_iter().map(extension).collect::<Option<_>>()?,
            None => Vec::new(),
        };
        Some(Anatomy { facts, is_leaf, dates, subject, extensions })
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
    pub(super) fn dns_names(&self) -> impl Iterator<Item = Cow<'a, str>> {
        self.facts.dns_names()
    }

    /// The alternative names.
    pub(super) fn sans(&self) -> impl Iterator<Item = San<'a>> {
        self.facts.sans()
    }
}

fn attributes(relative_names: Elements<'_>) -> Option<Vec<(String, Element<'_>)>> {
    let mut out = Vec::new();
    for set in relative_names.all()? {
        for attribute in Elements(set.content).all()? {
            let mut fields = Elements(attribute.content);
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
