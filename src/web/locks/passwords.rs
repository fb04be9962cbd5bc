//! Passwords of users: as bcrypt hashes, as `htpasswd -B` makes them. Made to be slow, so that a few are checked at once and none
//! twice.

use std::{
    collections::HashSet,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use aws_lc_rs::hmac;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use tokio::{sync::Semaphore, task::spawn_blocking, time::timeout};

/// The bcrypt hash of a password. Shows itself to nobody.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash {
    text: Arc<str>,
    cost: u32,
}

impl PasswordHash {
    /// A check takes about a quarter of a second at cost 12, and twice that for each more.
    pub const SLOW: u32 = 14;

    /// `None` when it is no bcrypt hash: `$2y$`, `$2b$` or `$2a$`, the cost, 22 characters of salt and 31 of hash.
    pub fn new(text: &str) -> Option<Self> {
        let cost = text.parse::<bcrypt::HashParts>().ok()?.get_cost();
        // An unsound one is found now, not at the first login: the cheapest cost shows whether it can be checked at all.
        let cheap = text.replacen(&format!("${cost:02}$"), "$04$", 1);
        bcrypt::verify("", &cheap).ok()?;
        (4..=31).contains(&cost).then(|| PasswordHash { text: text.into(), cost })
    }

    /// The logarithm of the number of rounds.
    pub fn cost(&self) -> u32 {
        self.cost
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// What came as `Authorization: Basic` (RFC 7617).
pub(super) struct Login {
    pub(super) user: String,
    password: Vec<u8>,
}

impl Login {
    pub(super) fn read(credentials: &str) -> Option<Self> {
        let octets = BASE64_STANDARD.decode(credentials).ok()?;
        let colon = octets.iter().position(|octet| *octet == b':')?;
        Some(Login { user: String::from_utf8(octets[..colon].to_vec()).ok()?, password: octets[colon + 1..].to_vec() })
    }
}

/// Checks passwords.
#[derive(Debug)]
pub(super) struct Passwords {
    /// Where there is no place, somebody waits.
    places: Arc<Semaphore>,
    key: hmac::Key,
    /// What was right, sealed: neither a password nor what it could be guessed by without our key.
    right: Mutex<HashSet<[u8; 32]>>,
}

impl Passwords {
    pub(super) fn new() -> Self {
        let mut key = [0; 32];
        // Without randomness nothing of this process is safe; aws-lc aborts before it gives none.
        aws_lc_rs::rand::fill(&mut key).expect("the system gives random octets");
        Passwords {
            places: Arc::new(Semaphore::new(AT_ONCE)),
            key: hmac::Key::new(hmac::HMAC_SHA256, &key),
            right: Mutex::default(),
        }
    }

    /// This very login was right a while ago.
    pub(super) fn was_right(&self, login: &Login, hash: &PasswordHash) -> bool {
        let sealed = self.seal(login, hash);
        self.right.lock().unwrap_or_else(PoisonError::into_inner).contains(&sealed)
    }

    /// Whether this login is right; `None` when too many others are being checked.
    pub(super) async fn check(&self, login: &Login, hash: &PasswordHash) -> Option<bool> {
        let place = timeout(PATIENCE, Arc::clone(&self.places).acquire_owned()).await.ok()?.ok()?;
        let (password, text) = (login.password.clone(), Arc::clone(&hash.text));
        let checked = spawn_blocking(move || {
            // Whoever asked may have gone: the place is free when the work is done.
            let _place = place;
            bcrypt::verify(password, &text).unwrap_or(false)
        });
        Some(checked.await.unwrap_or(false))
    }

    /// It need not be checked again.
    pub(super) fn remember(&self, login: &Login, hash: &PasswordHash) {
        let mut right = self.right.lock().unwrap_or_else(PoisonError::into_inner);
        if right.len() >= REMEMBERED {
            right.clear();
        }
        right.insert(self.seal(login, hash));
    }

    fn seal(&self, login: &Login, hash: &PasswordHash) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.key);
        for part in [login.user.as_bytes(), hash.text.as_bytes(), &login.password] {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        let mut out = [0; 32];
        out.copy_from_slice(context.sign().as_ref());
        out
    }
}

/// One, so that the visits have the other processor.
const AT_ONCE: usize = 1;
/// How long a login waits for its turn.
const PATIENCE: Duration = Duration::from_secs(5);
/// Logins that need not be checked again.
const REMEMBERED: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    /// `secret`, by `htpasswd -nbBC 4 "" secret`.
    fn hash() -> PasswordHash {
        PasswordHash::new(&bcrypt::hash("secret", 4).expect("a hash")).expect("sound")
    }

    fn login(user: &str, password: &str) -> Login {
        Login::read(&BASE64_STANDARD.encode(format!("{user}:{password}"))).expect("a login")
    }

    #[tokio::test]
    async fn what_other_programs_make_is_a_hash() {
        // By libxcrypt, crypt(5).
        let theirs = PasswordHash::new("$2y$04$9Vb1ZxKq0LsTg5mWcYdRfOCjeqcNWABD7TgKFUGRWoc4Yrnk.ZjBG").expect("sound");
        assert_eq!((theirs.cost(), format!("{theirs:?}").as_str()), (4, "***"));
        assert_eq!(Passwords::new().check(&login("alice", "secret"), &theirs).await, Some(true));
        for unsound in [
            "",
            "secret",
            "$2y$10$X0h1gDsPszWURQaxFh.zoubFi6DXncSjhoQNJgRrnGs7EsimhC7z",
            "$2y$99$X0h1gDsPszWURQaxFh.zoubFi6DXncSjhoQNJgRrnGs7EsimhC7zG",
            "$2y$03$X0h1gDsPszWURQaxFh.zoubFi6DXncSjhoQNJgRrnGs7EsimhC7zG",
            "$1$abc$X0h1gDsPszWURQaxFh.zoubFi6DXncSj",
            "$2y$10$X0h1gDsPszWURQaxFh!zoubFi6DXncSjhoQNJgRrnGs7EsimhC7zG",
        ] {
            assert_eq!(PasswordHash::new(unsound), None, "{unsound}");
        }
    }

    #[tokio::test]
    async fn what_was_right_is_not_checked_again() {
        let (passwords, hash) = (Passwords::new(), hash());
        assert_eq!(passwords.check(&login("alice", "secret"), &hash).await, Some(true));
        assert_eq!(passwords.check(&login("alice", "Secret"), &hash).await, Some(false));
        assert!(!passwords.was_right(&login("alice", "secret"), &hash));
        passwords.remember(&login("alice", "secret"), &hash);
        assert!(passwords.was_right(&login("alice", "secret"), &hash));
        // Neither another user, nor another password, nor another hash of the same.
        assert!(!passwords.was_right(&login("alic", "esecret"), &hash));
        assert!(!passwords.was_right(&login("alice", "Secret"), &hash));
        assert!(!passwords.was_right(&login("alice", "secret"), &super::tests::hash()));
        for n in 0..1000 {
            passwords.remember(&login("alice", &n.to_string()), &hash);
        }
        assert!(passwords.right.lock().expect("no panic").len() <= REMEMBERED);
    }

    #[test]
    fn a_password_may_hold_anything() {
        let login = login("alice", "a:b\u{0}ä");
        assert_eq!((login.user.as_str(), &*login.password), ("alice", "a:b\u{0}ä".as_bytes()));
        for unsound in ["", "YWxpY2U", "YWxpY2U=", "%%%", "/zp4"] {
            assert!(Login::read(unsound).is_none(), "{unsound}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_too_long_is_sent_away() {
        let (passwords, hash) = (Passwords::new(), hash());
        let _busy = Arc::clone(&passwords.places).acquire_many_owned(1).await.expect("open");
        assert_eq!(passwords.check(&login("alice", "secret"), &hash).await, None);
    }
}
