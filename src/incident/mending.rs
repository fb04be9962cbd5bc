//! How an incident was mended: what the visit saw that proved the end.

use std::fmt;

use crate::{certificate::Fingerprint, clock::Timestamp};

/// What proved the end at an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mending {
    /// Another certificate is served: which, and when it ends, if it can be read.
    Renewed {
        /// The new leaf's.
        fingerprint: Fingerprint,
        /// The new leaf's `notAfter`.
        not_after: Option<Timestamp>,
    },
    /// The same certificate, with the chain it needs.
    Completed,
    /// A visit came through.
    Reached,
    /// Each address that was at fault has left the name.
    Left,
    /// It is no longer found; nothing more is known.
    Gone,
}

impl Mending {
    /// The stable name: `renewed`, `completed`, `reached`, `left`, `gone`.
    pub fn name(self) -> &'static str {
        match self {
            Mending::Renewed { .. } => "renewed",
            Mending::Completed => "completed",
            Mending::Reached => "reached",
            Mending::Left => "left",
            Mending::Gone => "gone",
        }
    }

    /// The mending of this text, as [`fmt::Display`] writes it.
    pub fn from_text(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        let mending = match words.next()? {
            "renewed" => {
                let fingerprint = Fingerprint::from_hex(words.next()?)?;
                Mending::Renewed { fingerprint, not_after: words.next().map(str::parse).transpose().ok()? }
            }
            "completed" => Mending::Completed,
            "reached" => Mending::Reached,
            "left" => Mending::Left,
            "gone" => Mending::Gone,
            _ => return None,
        };
        words.next().is_none().then_some(mending)
    }
}

impl fmt::Display for Mending {
    /// Its name; of a renewal the fingerprint too, and the end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        if let Mending::Renewed { fingerprint, not_after } = self {
            write!(f, " {fingerprint}")?;
            if let Some(not_after) = not_after {
                write!(f, " {not_after}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mending_is_read_back_as_it_was_written() {
        let fingerprint = Fingerprint::of(b"a");
        let renewed = |not_after| Mending::Renewed { fingerprint, not_after };
        for mending in [
            renewed(Some(Timestamp::UNIX_EPOCH)),
            renewed(None),
            Mending::Completed,
            Mending::Reached,
            Mending::Left,
            Mending::Gone,
        ] {
            assert_eq!(Mending::from_text(&mending.to_string()), Some(mending));
        }
        for text in ["", "eaten", "renewed", "renewed 00", "gone fishing"] {
            assert_eq!(Mending::from_text(text), None, "{text}");
        }
    }
}
