//! General names and name constraints (RFC 5280, sections 4.2.1.6 and 4.2.1.10), read where they stand.

use std::borrow::Cow;

use super::{
    Name, San,
    der::{self, Element, Elements},
    hex,
};

/// One name of whatever kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum GeneralName<'a> {
    /// Type (dotted) and value, tag and all.
    OtherName(Cow<'static, str>, Element<'a>),
    /// `rfc822Name`.
    Email(&'a [u8]),
    Dns(&'a [u8]),
    Directory(Name),
    Uri(&'a [u8]),
    /// An address; in a constraint, followed by its mask.
    Ip(&'a [u8]),
    /// `x400Address`, `ediPartyName` and `registeredID`, told apart by their number.
    Rare(u8, &'a [u8]),
}

/// A name, and all that lies below it.
#[derive(Clone, Debug)]
pub(crate) struct Subtree<'a> {
    pub(crate) base: GeneralName<'a>,
    /// `minimum` is 0 and `maximum` absent: all that RFC 5280 allows.
    pub(crate) plain: bool,
}

/// What a CA may issue for.
#[derive(Clone, Debug, Default)]
pub(crate) struct NameConstraints<'a> {
    pub(crate) permitted: Vec<Subtree<'a>>,
    pub(crate) excluded: Vec<Subtree<'a>>,
}

/// `GeneralNames`: the value of a subject alternative name.
pub(crate) fn names(value: &[u8]) -> Option<Vec<GeneralName<'_>>> {
    each(der::sequence(value)?)
}

/// The same as they are shown and matched, one after the other; none where it cannot be read.
pub(super) fn sans(value: Option<&[u8]>) -> impl Iterator<Item = San<'_>> + Clone {
    let mut names = value.and_then(der::sequence).unwrap_or(Elements(&[]));
    std::iter::from_fn(move || names.any()).filter_map(name).map(|name| name.to_san())
}

/// The same within an implicit tag.
pub(super) fn each(elements: Elements<'_>) -> Option<Vec<GeneralName<'_>>> {
    elements.all()?.into_iter().map(name).collect()
}

/// `NameConstraints`.
pub(crate) fn constraints(value: &[u8]) -> Option<NameConstraints<'_>> {
    let mut fields = der::sequence(value)?;
    let permitted = fields.optional(der::constructed(0)).map_or(Some(Vec::new()), subtrees)?;
    let excluded = fields.optional(der::constructed(1)).map_or(Some(Vec::new()), subtrees)?;
    fields.end()?;
    Some(NameConstraints { permitted, excluded })
}

fn subtrees(content: &[u8]) -> Option<Vec<Subtree<'_>>> {
    Elements(content).all()?.into_iter().map(subtree).collect()
}

fn subtree(element: Element<'_>) -> Option<Subtree<'_>> {
    let mut fields = Elements(Some(element.content).filter(|_| element.tag == der::SEQUENCE)?);
    let base = name(fields.any()?)?;
    let mut distance = |number| match fields.optional(der::primitive(number)) {
        Some(content) => der::integer(content).map(Some),
        None => Some(None),
    };
    let (minimum, maximum) = (distance(0)?, distance(1)?);
    fields.end()?;
    Some(Subtree { base, plain: minimum.is_none_or(|octets| octets == [0]) && maximum.is_none() })
}

fn name(element: Element<'_>) -> Option<GeneralName<'_>> {
    const OTHER_NAME: u8 = der::constructed(0);
    const EMAIL: u8 = der::primitive(1);
    const DNS: u8 = der::primitive(2);
    const X400: u8 = der::constructed(3);
    const DIRECTORY: u8 = der::constructed(4);
    const EDI: u8 = der::constructed(5);
    const URI: u8 = der::primitive(6);
    const IP: u8 = der::primitive(7);
    const REGISTERED: u8 = der::primitive(8);
    let content = element.content;
    Some(match element.tag {
        OTHER_NAME => {
            let mut fields = Elements(content);
            let kind = der::oid(fields.expect(der::OID)?)?;
            let mut value = Elements(fields.expect(der::constructed(0))?);
            fields.end()?;
            GeneralName::OtherName(kind, der::any_value(value.any()?)?)
        }
        EMAIL => GeneralName::Email(content),
        DNS => GeneralName::Dns(content),
        X400 => GeneralName::Rare(3, content),
        DIRECTORY => {
            let mut fields = Elements(content);
            let name = Name::read(fields.expect(der::SEQUENCE)?)?;
            fields.end()?;
            GeneralName::Directory(name)
        }
        EDI => GeneralName::Rare(5, content),
        URI => GeneralName::Uri(content),
        IP => GeneralName::Ip(content),
        REGISTERED => {
            der::oid(content)?;
            GeneralName::Rare(8, content)
        }
        _ => return None,
    })
}

impl<'a> GeneralName<'a> {
    /// The form that is shown and matched.
    fn to_san(&self) -> San<'a> {
        match self {
            GeneralName::Dns(octets) => San::Dns(text(octets)),
            GeneralName::Ip(octets) => San::Ip(octets),
            GeneralName::Email(octets) => San::Other(format!("email:{}", text(octets))),
            GeneralName::Uri(octets) => San::Other(format!("uri:{}", text(octets))),
            GeneralName::Directory(name) => San::Other(format!("dirname:{name}")),
            GeneralName::OtherName(kind, value) => San::Other(format!("othername:{kind}:#{}", hex(value.whole))),
            GeneralName::Rare(8, octets) => San::Other(format!("rid:{}", der::oid(octets).unwrap_or_default())),
            GeneralName::Rare(3, octets) => San::Other(format!("x400:#{}", hex(octets))),
            GeneralName::Rare(_, octets) => San::Other(format!("edi:#{}", hex(octets))),
        }
    }
}

/// IA5 as text. Octets that are no ASCII become the Latin-1 characters of their numbers, which match no host name.
pub(super) fn text(octets: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(octets) {
        Ok(ascii) if ascii.is_ascii() => Cow::Borrowed(ascii),
        _ => octets.iter().map(|octet| char::from(*octet)).collect(),
    }
}
