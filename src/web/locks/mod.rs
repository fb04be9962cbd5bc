//! Who may do what on the web port. Everybody who reaches it may look; who writes shows that they may, each time anew: there are no
//! cookies, so that a browser sends nothing by itself but what a page of ours asked it to.

mod origin;
#[cfg(test)]
mod tests;
mod token;

use std::sync::Arc;

use hyper::{
    StatusCode,
    header::{self, HeaderName, HeaderValue},
    http::request::Parts,
};
use tokio::sync::watch;

use super::Settings;
pub use token::Token;

/// What the configuration says of who may write.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// Whoever has it may write.
    pub write_token: Option<Token>,
}

/// The locks as they are now: a new configuration changes them while we serve.
#[derive(Debug)]
pub struct Locks(watch::Sender<Arc<Settings>>);

/// Somebody who may write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Writer {
    /// What a log calls them.
    pub name: Arc<str>,
}

/// Why a request is not answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denied {
    /// 401: show who you are. 403: that would not help.
    pub status: StatusCode,
    /// What is wrong and what to do, a sentence without its full stop.
    pub reason: String,
    /// What the answer says besides.
    pub headers: Vec<(HeaderName, HeaderValue)>,
}

impl Locks {
    /// As this configuration has them.
    pub fn new(settings: &Settings) -> Self {
        Locks(watch::Sender::new(Arc::new(settings.clone())))
    }

    /// From now on as this one has them.
    pub fn change(&self, settings: &Settings) {
        self.0.send_replace(Arc::new(settings.clone()));
    }

    /// Asked for every request that would change something.
    pub fn may_write(&self, request: &Parts) -> Result<Writer, Denied> {
        let settings = Arc::clone(&self.0.borrow());
        if origin::is_cross_site(&request.headers, settings.public_url.as_deref()) {
            return Err(Denied::forbidden(CROSS_SITE));
        }
        let Some(token) = &settings.rules.write_token else { return Err(Denied::forbidden(READ_ONLY)) };
        match token::credentials(&request.headers, "Bearer") {
            Some(shown) if token.is(shown) => Ok(Writer { name: "token".into() }),
            Some(_) => Err(Denied::unauthorized("this is not the write token", INVALID_TOKEN)),
            None => Err(Denied::unauthorized(NO_TOKEN, BEARER)),
        }
    }
}

impl Denied {
    fn forbidden(reason: &str) -> Self {
        Denied { status: StatusCode::FORBIDDEN, reason: reason.into(), headers: Vec::new() }
    }

    fn unauthorized(reason: &str, challenge: &'static str) -> Self {
        let challenge = (header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        Denied { status: StatusCode::UNAUTHORIZED, reason: reason.into(), headers: vec![challenge] }
    }
}

const CROSS_SITE: &str = "a page of another site asked for this; if it is yours, set web.public_url to where people reach it";
const READ_ONLY: &str =
    "this certvigil is read-only: set web.write_token in its configuration to let those write who have the token";
const NO_TOKEN: &str = "who writes shows the write token: Authorization: Bearer TOKEN";
/// RFC 6750, section 3.
const BEARER: &str = "Bearer realm=\"certvigil\"";
const INVALID_TOKEN: &str = "Bearer realm=\"certvigil\", error=\"invalid_token\"";
