//! Who may do what on the web port. Without more everybody who reaches it may look; who writes shows that they may, each time anew:
//! there are no cookies, so that a browser sends nothing by itself but what a page of ours asked it to.

mod origin;
mod passwords;
#[cfg(test)]
mod tests;
mod token;
mod tries;

use core::net::IpAddr;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use hyper::{
    StatusCode,
    header::{self, HeaderName, HeaderValue},
    http::request::Parts,
};
use tokio::{sync::watch, time::Instant};

use super::{Settings, Tls};
use crate::certificate::printable_cut;
pub use passwords::PasswordHash;
use passwords::{Login, Passwords};
pub use token::Token;
pub use tries::Pace;
use tries::{Requests, Tries};

/// What the configuration says of who may look and who may write.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// Whoever has it may write.
    pub write_token: Option<Token>,
    /// Whoever has it may have `/probe` visit targets that are in no inventory.
    pub probe_key: Option<Token>,
    /// Who may look, by their passwords; nobody is asked for one where there are none.
    pub users: BTreeMap<Arc<str>, PasswordHash>,
    /// Those of the users who may write.
    pub writers: BTreeSet<Arc<str>>,
    /// What every answer says besides.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// How often all together may ask.
    pub requests: Option<Pace>,
    /// The certificate of the port; without one it speaks plain HTTP.
    pub tls: Option<Arc<Tls>>,
}

/// The locks as they are now: a new configuration changes them while we serve.
#[derive(Debug)]
pub struct Locks {
    settings: watch::Sender<Arc<Settings>>,
    passwords: Passwords,
    tries: Tries,
    requests: Requests,
}

/// Where a request comes from; `None`: a socket of this machine. An extension of the request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer(pub(super) Option<IpAddr>);

/// Who showed a password. An extension of the request.
#[derive(Clone, Debug)]
struct User(Arc<str>);

/// Somebody who may write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Writer {
    /// What a log calls them.
    pub name: Arc<str>,
}

/// Why a request is not answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denied {
    /// 401: show who you are. 403: that would not help. 429: not now.
    pub status: StatusCode,
    /// What is wrong and what to do, a sentence without its full stop.
    pub reason: String,
    /// What the answer says besides.
    pub headers: Vec<(HeaderName, HeaderValue)>,
}

impl Locks {
    /// As this configuration has them.
    pub fn new(settings: &Settings) -> Self {
        Locks {
            settings: watch::Sender::new(Arc::new(settings.clone())),
            passwords: Passwords::new(),
            tries: Tries::default(),
            requests: Requests::new(),
        }
    }

    /// From now on as this one has them.
    pub fn change(&self, settings: &Settings) {
        self.settings.send_replace(Arc::new(settings.clone()));
    }

    fn settings(&self) -> Arc<Settings> {
        Arc::clone(&self.settings.borrow())
    }

    /// What to shake hands by, where the port speaks TLS.
    pub(super) fn tls(&self) -> Option<Arc<Tls>> {
        self.settings.borrow().rules.tls.clone()
    }

    /// What every answer says besides.
    pub(super) fn headers(&self) -> Vec<(HeaderName, HeaderValue)> {
        self.settings.borrow().rules.headers.clone()
    }

    /// Asked first for every request: who may look at all. Notes in it who it is.
    pub(super) async fn enter(&self, request: &mut Parts) -> Result<(), Denied> {
        if is_open(request.uri.path()) {
            return Ok(());
        }
        let rules = &self.settings().rules;
        if let Some(pace) = rules.requests {
            self.requests.take(pace, Instant::now()).map_err(|wait| Denied::too_many(TOO_MANY_REQUESTS, wait))?;
        }
        if rules.users.is_empty() {
            return Ok(());
        }
        if let Some(shown) = token::credentials(&request.headers, "Bearer") {
            let opens = |token: &Option<Token>| token.as_ref().is_some_and(|token| token.is(shown));
            let is_right = opens(&rules.write_token) || (request.uri.path() == "/probe" && opens(&rules.probe_key));
            return if is_right { Ok(()) } else { Err(self.failed(peer(request), None, NO_USER)) };
        }
        match token::credentials(&request.headers, "Basic").and_then(Login::read) {
            Some(login) => {
                let user = self.log_in(&login, rules, peer(request)).await?;
                request.extensions.insert(user);
                Ok(())
            }
            None => Err(Denied::unauthorized(NO_USER, BASIC)),
        }
    }

    async fn log_in(&self, login: &Login, rules: &Rules, peer: Option<IpAddr>) -> Result<User, Denied> {
        let known = rules.users.get_key_value(&*login.user);
        if let Some((user, hash)) = known
            && self.passwords.was_right(login, hash)
        {
            return Ok(User(Arc::clone(user)));
        }
        // Before the check: who asks a hundred times at once has tried a hundred times.
        self.tries.take(peer, Instant::now()).map_err(|wait| Denied::too_many(TOO_MANY_LOGINS, wait))?;
        // Whether there is such a user is not to be told from how long the answer takes.
        let hash = known.map(|(_, hash)| hash).or_else(|| rules.users.values().max_by_key(|hash| hash.cost()));
        let Some(hash) = hash else { return Err(Denied::unauthorized(NO_USER, BASIC)) };
        match (self.passwords.check(login, hash).await, known) {
            (Some(true), Some((user, hash))) => {
                self.tries.give_back(peer);
                self.passwords.remember(login, hash);
                Ok(User(Arc::clone(user)))
            }
            (Some(_), _) => {
                tracing::warn!(user = printable_cut(&login.user, 40), from = ?peer, "a login to the page failed");
                Err(Denied::unauthorized(WRONG_PASSWORD, BASIC))
            }
            (None, _) => {
                self.tries.give_back(peer);
                Err(Denied::busy())
            }
        }
    }

    /// Asked for every request that would change something.
    pub fn may_write(&self, request: &Parts) -> Result<Writer, Denied> {
        let settings = self.settings();
        let rules = &settings.rules;
        if origin::is_cross_site(&request.headers, settings.public_url.as_deref()) {
            return Err(Denied::forbidden(CROSS_SITE));
        }
        if rules.write_token.is_none() && rules.writers.is_empty() {
            return Err(Denied::forbidden(READ_ONLY));
        }
        if let Some(User(name)) = request.extensions.get::<User>() {
            if rules.writers.contains(name) {
                return Ok(Writer { name: Arc::clone(name) });
            }
            let name = printable_cut(name, 40);
            return Err(Denied::forbidden(&format!("{name} may look and not write: web.writers names who may")));
        }
        match (token::credentials(&request.headers, "Bearer"), &rules.write_token) {
            (Some(shown), Some(token)) if token.is(shown) => Ok(Writer { name: "token".into() }),
            (Some(_), Some(_)) => Err(self.failed(peer(request), Some(INVALID_TOKEN), "this is not the write token")),
            (None, Some(_)) => Err(Denied::unauthorized(NO_TOKEN, BEARER)),
            (_, None) => Err(Denied::unauthorized(NO_USER, BASIC)),
        }
    }

    /// Asked for every visit of a target that is in no inventory.
    pub(super) fn may_probe(&self, request: &Parts) -> Result<(), Denied> {
        let settings = self.settings();
        let Some(key) = &settings.rules.probe_key else { return Err(Denied::forbidden(NO_PROBER)) };
        match token::credentials(&request.headers, "Bearer") {
            Some(shown) if key.is(shown) => Ok(()),
            Some(_) => Err(self.failed(peer(request), Some(INVALID_TOKEN), "this is not the key that web.probe_key names")),
            None => Err(Denied::unauthorized(NO_KEY, BEARER)),
        }
    }

    /// Somebody showed what is not right, once more or once too often.
    fn failed(&self, peer: Option<IpAddr>, challenge: Option<&'static str>, reason: &str) -> Denied {
        match self.tries.take(peer, Instant::now()) {
            Ok(()) => {
                tracing::warn!(from = ?peer, "a wrong token was shown to the page");
                Denied::unauthorized(reason, challenge.unwrap_or(BASIC))
            }
            Err(wait) => Denied::too_many(TOO_MANY_LOGINS, wait),
        }
    }
}

/// Whether these tell nothing that is anybody's, or are opened by a key of their own: the signed link of a mail.
fn is_open(path: &str) -> bool {
    matches!(path, "/healthz" | "/readyz") || path.starts_with("/answer/")
}

fn peer(request: &Parts) -> Option<IpAddr> {
    request.extensions.get::<Peer>().and_then(|peer| peer.0)
}

impl Denied {
    fn forbidden(reason: &str) -> Self {
        Denied { status: StatusCode::FORBIDDEN, reason: reason.into(), headers: Vec::new() }
    }

    fn unauthorized(reason: &str, challenge: &'static str) -> Self {
        let challenge = (header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        Denied { status: StatusCode::UNAUTHORIZED, reason: reason.into(), headers: vec![challenge] }
    }

    fn too_many(reason: &str, wait: Duration) -> Self {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        let headers = vec![(header::RETRY_AFTER, seconds.into())];
        Denied { status: StatusCode::TOO_MANY_REQUESTS, reason: reason.into(), headers }
    }

    fn busy() -> Self {
        let headers = vec![(header::RETRY_AFTER, HeaderValue::from_static("5"))];
        let reason = "too many logins are being checked; try again in a moment".into();
        Denied { status: StatusCode::SERVICE_UNAVAILABLE, reason, headers }
    }
}

const CROSS_SITE: &str = "a page of another site asked for this; if it is yours, set web.public_url to where people reach it";
const READ_ONLY: &str =
    "this certvigil is read-only: set web.write_token or web.writers in its configuration to let somebody write";
const NO_PROBER: &str = "the target is no endpoint of the inventory, by name or by host and port: add it under endpoints: in the \
    configuration, or set web.probe_key there to have others visited by who has the key";
const NO_KEY: &str =
    "the target is no endpoint of the inventory; who has others visited shows the key: Authorization: Bearer KEY";
const NO_TOKEN: &str = "who writes shows the write token: Authorization: Bearer TOKEN";
const NO_USER: &str = "this page asks for a user and a password, those of basic_auth_users in web.config_file";
const WRONG_PASSWORD: &str = "the user or the password is wrong";
const TOO_MANY_LOGINS: &str = "too many logins from this address have failed; wait, then try again";
const TOO_MANY_REQUESTS: &str = "too many requests: rate_limit in web.config_file says how many may come";
/// RFC 7617, section 2.
const BASIC: &str = "Basic realm=\"certvigil\", charset=\"UTF-8\"";
/// RFC 6750, section 3.
const BEARER: &str = "Bearer realm=\"certvigil\"";
const INVALID_TOKEN: &str = "Bearer realm=\"certvigil\", error=\"invalid_token\"";
