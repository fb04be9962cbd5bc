//! IP address blocks and AS numbers (RFC 3779): only whether they can be decoded, for that is all OpenSSL asks of a server's chain
//! before it goes on.

use super::der::{self, Element, Elements};

/// `IPAddrBlocks`.
pub(super) fn address_blocks(value: &[u8]) -> Option<()> {
    for family in der::sequence(value)?.all()? {
        let mut fields = fields(family)?;
        fields.expect(der::OCTET_STRING)?;
        inherited_or_each(fields.any()?, prefix)?;
        fields.end()?;
    }
    Some(())
}

/// `ASIdentifiers`.
pub(super) fn as_numbers(value: &[u8]) -> Option<()> {
    let mut fields = der::sequence(value)?;
    for tag in [der::constructed(0), der::constructed(1)] {
        if let Some(content) = fields.optional(tag) {
            let mut explicit = Elements(content);
            inherited_or_each(explicit.any()?, number)?;
            explicit.end()?;
        }
    }
    fields.end()
}

/// NULL, or a list of values and ranges of values.
fn inherited_or_each(choice: Element<'_>, value: fn(Element<'_>) -> Option<()>) -> Option<()> {
    const NULL: u8 = 0x05;
    if choice.tag == NULL {
        return choice.content.is_empty().then_some(());
    }
    for item in fields(choice)?.all()? {
        match fields(item) {
            None => value(item)?,
            Some(mut range) => {
                value(range.any()?)?;
                value(range.any()?)?;
                range.end()?;
            }
        }
    }
    Some(())
}

fn prefix(element: Element<'_>) -> Option<()> {
    der::bits(Some(element.content).filter(|_| element.tag == der::BIT_STRING)?).map(|_| ())
}

fn number(element: Element<'_>) -> Option<()> {
    der::integer(Some(element.content).filter(|_| element.tag == der::INTEGER)?).map(|_| ())
}

/// What is in a SEQUENCE; `None` where it is none.
fn fields(element: Element<'_>) -> Option<Elements<'_>> {
    (element.tag == der::SEQUENCE).then_some(Elements(element.content))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_openssl_decodes_and_what_it_does_not() {
        let inherited = [0x30, 8, 0x30, 6, 4, 2, 0, 1, 5, 0];
        let prefix = [0x30, 12, 0x30, 10, 4, 2, 0, 1, 0x30, 4, 3, 2, 0, 10];
        for sound in [&inherited[..], &prefix, &[0x30, 0]] {
            assert_eq!(address_blocks(sound), Some(()), "{sound:02x?}");
        }
        for broken in
            [&[0x30, 2, 5, 0][..], &[0x30, 8, 0x30, 6, 4, 2, 0, 1, 2, 0], &[0x30, 6, 0x30, 4, 4, 2, 0, 1], &[4, 1, 0x78]]
        {
            assert_eq!(address_blocks(broken), None, "{broken:02x?}");
        }
        for sound in [&[0x30, 4, 0xa0, 2, 5, 0][..], &[0x30, 7, 0xa1, 5, 0x30, 3, 2, 1, 7], &[0x30, 0]] {
            assert_eq!(as_numbers(sound), Some(()), "{sound:02x?}");
        }
        for broken in [&[0x30, 3, 1, 2, 3][..], &[0x30, 4, 0xa0, 2, 4, 0], &[0x30, 6, 0xa0, 4, 0x30, 2, 2, 0]] {
            assert_eq!(as_numbers(broken), None, "{broken:02x?}");
        }
    }
}
