//! What somebody answers to a mail, by a link in it. The link is signed: whoever has the mail can answer it, and nobody else.
//!
//! A link ends in `MAC.TEXT`, both in base64url (RFC 4648, section 5): what is answered, line by line, after its HMAC-SHA256
//! (RFC 2104). So it never ends in a sign that a mail program takes for the end of a sentence.

use std::fmt;

use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::clock::Timestamp;

/// What can be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Action {
    /// Somebody sees to it: nobody is reminded until it gets worse.
    Acknowledge,
    /// Nobody wants to hear of it for seven days.
    Snooze,
    /// It is somebody else's.
    Decline,
}

impl Action {
    /// All of them.
    pub const ALL: [Action; 3] = [Action::Acknowledge, Action::Snooze, Action::Decline];

    /// `acknowledge`, `snooze`, `decline`.
    pub fn name(self) -> &'static str {
        match self {
            Action::Acknowledge => "acknowledge",
            Action::Snooze => "snooze",
            Action::Decline => "decline",
        }
    }
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// What.
    pub action: Action,
    /// The incident's id.
    pub incident: String,
    /// Whose mail it was: a mail address.
    pub person: String,
    /// The language of that mail: a tag such as `en`.
    pub language: String,
    /// Until when it is taken, in whole seconds.
    pub until: Timestamp,
}

/// Why a link is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// We have not signed it, or only a part of it has come.
    Forged,
    /// It was good for a while.
    Expired(Answer),
}

/// What links are signed with. Shows itself to nobody.
#[derive(Clone)]
pub struct Key(hmac::Key);

impl Key {
    /// Octets so many.
    pub const LENGTH: usize = 32;

    /// The key that is made of these octets.
    pub fn new(secret: &[u8; Self::LENGTH]) -> Self {
        Key(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    /// The end of a link: letters, digits, `-`, `_` and one `.`; about 180 characters.
    pub fn seal(&self, answer: &Answer) -> String {
        let Answer { action, incident, person, language, until } = answer;
        let text = format!("{VERSION}\n{}\n{incident}\n{language}\n{}\n{person}", action.name(), until.as_second());
        let mac = hmac::sign(&self.0, text.as_bytes());
        format!("{}.{}", URL_SAFE_NO_PAD.encode(mac), URL_SAFE_NO_PAD.encode(text))
    }

    /// Reads what [`Key::seal`] has made, and nothing else. The comparison takes the same time whatever is wrong.
    pub fn open(&self, link: &str, now: Timestamp) -> Result<Answer, Refusal> {
        let answer = Some(link).filter(|link| link.len() <= LONGEST).and_then(|link| self.read(link)).ok_or(Refusal::Forged)?;
        if now < answer.until { Ok(answer) } else { Err(Refusal::Expired(answer)) }
    }

    fn read(&self, link: &str) -> Option<Answer> {
        let (mac, text) = link.split_once('.')?;
        let (text, mac) = (URL_SAFE_NO_PAD.decode(text).ok()?, URL_SAFE_NO_PAD.decode(mac).ok()?);
        hmac::verify(&self.0, &text, &mac).ok()?;
        let text = String::from_utf8(text).ok()?;
        let mut lines = text.splitn(6, '\n');
        let mut next = || lines.next();
        let (version, action, incident, language, until, person) = (next()?, next()?, next()?, next()?, next()?, next()?);
        let action = Action::ALL.into_iter().find(|known| known.name() == action).filter(|_| version == VERSION)?;
        let until = Timestamp::from_second(until.parse().ok()?).ok()?;
        Some(Answer { action, incident: incident.into(), person: person.into(), language: language.into(), until })
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Of the text that is signed.
const VERSION: &str = "certvigil answer 1";
/// A link is no longer than this, whatever the address.
const LONGEST: usize = 1024;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn answer(action: Action) -> Answer {
        Answer {
            action,
            incident: "missing-intermediate-0123456789abcdef".into(),
            person: "shop-team@example.com".into(),
            language: "de".into(),
            until: Timestamp::from_second(1_800_000_000).expect("a moment"),
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a moment")
    }

    #[test]
    fn a_link_says_what_was_sealed_until_it_expires() {
        let key = Key::new(&[7; 32]);
        for action in Action::ALL {
            let link = key.seal(&answer(action));
            assert!(link.len() < 220 && link.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b)), "{link}");
            assert_eq!(key.open(&link, at(1_799_999_999)), Ok(answer(action)));
            assert_eq!(key.open(&link, at(1_800_000_000)), Err(Refusal::Expired(answer(action))));
            assert_eq!(Key::new(&[8; 32]).open(&link, at(0)), Err(Refusal::Forged));
            assert_eq!(key.open(&link[..link.len() - 1], at(0)), Err(Refusal::Forged), "a part of it");
        }
        assert_eq!(format!("{key:?}"), "***");
    }

    #[test]
    fn the_signature_is_what_openssl_computes() {
        // printf 'certvigil answer 1\nsnooze\nexpiry-1\nen\n1800000000\na@b.org' |
        //   openssl dgst -sha256 -mac HMAC -macopt hexkey:$(printf '07%.0s' $(seq 32)) -binary | basenc --base64url
        let (incident, person, language) = ("expiry-1".into(), "a@b.org".into(), "en".into());
        let snooze = Answer { action: Action::Snooze, incident, person, language, until: at(1_800_000_000) };
        let link = Key::new(&[7; 32]).seal(&snooze);
        assert_eq!(link.split_once('.').map(|(mac, _)| mac), Some("l5VwAyj7GlWLXW9v6HOyCffcY3tQrlOWHvEvdmUQMp8"));
    }

    proptest! {
        #[test]
        fn nothing_that_was_changed_is_taken(at_octet in 0_usize..220, to in "[A-Za-z0-9_.-]") {
            let key = Key::new(&[7; 32]);
            let link = key.seal(&answer(Action::Snooze));
            let place = at_octet % link.len();
            let changed = format!("{}{to}{}", &link[..place], &link[place + 1..]);
            prop_assert_eq!(key.open(&changed, at(0)).is_ok(), changed == link);
        }

        #[test]
        fn whatever_comes_is_forged(link in "\\PC{0,300}") {
            prop_assert_eq!(Key::new(&[7; 32]).open(&link, at(0)), Err(Refusal::Forged));
        }
    }
}
