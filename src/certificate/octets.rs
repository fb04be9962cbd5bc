//! Octets within others: what a certificate says is held where it stands, and costs no copy.

use std::{fmt, num::NonZeroU32, ops::Deref, sync::Arc};

/// Octets, or a part of some; whoever holds a part holds the whole. What lies beyond four gigabytes is left out.
#[derive(Clone, Default)]
pub struct Octets {
    whole: Arc<[u8]>,
    start: u32,
    length: u32,
}

impl Octets {
    /// Those that these are a part of.
    pub(super) fn whole(&self) -> &[u8] {
        &self.whole
    }

    /// This part of them; a copy of what is no part of them.
    pub(super) fn part(&self, part: &[u8]) -> Self {
        let start = part.as_ptr().addr().wrapping_sub(self.whole.as_ptr().addr());
        let lies_within = start.checked_add(part.len()).is_some_and(|end| end <= self.whole.len());
        match (u32::try_from(start), u32::try_from(part.len())) {
            (Ok(start), Ok(length)) if lies_within => Octets { whole: Arc::clone(&self.whole), start, length },
            _ => part.into(),
        }
    }
}

/// Where octets stand within others, which somebody else holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    /// Counted from 1, so that an absent one takes no more room.
    start: NonZeroU32,
    length: u32,
}

impl Span {
    /// Where `part` stands within `whole`; `None` where it does not, or lies beyond four gigabytes.
    pub(super) fn of(part: &[u8], whole: &[u8]) -> Option<Self> {
        let start = part.as_ptr().addr().checked_sub(whole.as_ptr().addr())?;
        if start.checked_add(part.len())? > whole.len() {
            return None;
        }
        Some(Span { start: NonZeroU32::new(u32::try_from(start + 1).ok()?)?, length: u32::try_from(part.len()).ok()? })
    }

    /// The octets that stand there.
    pub(super) fn within(self, whole: &[u8]) -> &[u8] {
        let start = self.start.get() as usize - 1;
        whole.get(start..start + self.length as usize).unwrap_or_default()
    }
}

impl Deref for Octets {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        let start = self.start as usize;
        &self.whole[start..start + self.length as usize]
    }
}

impl From<&[u8]> for Octets {
    fn from(octets: &[u8]) -> Self {
        Octets { length: u32::try_from(octets.len()).unwrap_or(u32::MAX), start: 0, whole: octets.into() }
    }
}

impl From<Vec<u8>> for Octets {
    fn from(octets: Vec<u8>) -> Self {
        (*octets).into()
    }
}

impl PartialEq for Octets {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Octets {}

impl fmt::Debug for Octets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_where_it_stands_and_what_is_none_is_copied() {
        let whole = Octets::from(vec![1, 2, 3, 4]);
        let part = whole.part(&whole[1..3]);
        assert_eq!((&*part, part.as_ptr()), (&[2, 3][..], whole[1..].as_ptr()));
        assert_eq!(part.part(&part[1..]).as_ptr(), whole[2..].as_ptr());
        assert_eq!(&*whole.part(&whole[4..]), &[] as &[u8]);
        let other = [2, 3];
        assert_eq!(whole.part(&other), part);
        assert_ne!(whole.part(&other).as_ptr(), part.as_ptr());
    }

    #[test]
    fn a_span_is_found_where_it_stands_and_nowhere_else() {
        let whole = vec![1, 2, 3, 4];
        for part in [&whole[..], &whole[1..3], &whole[4..], &whole[..0]] {
            assert_eq!(Span::of(part, &whole).map(|span| span.within(&whole)), Some(part));
        }
        assert_eq!(Span::of(&[2, 3], &whole), None);
        assert_eq!(Span::of(&whole, &whole[..3]), None);
        assert_eq!(Span::of(&whole, &whole).map(|span| span.within(&whole[..3])), Some(&[][..]));
        assert_eq!(size_of::<Option<Span>>(), 8);
    }
}
