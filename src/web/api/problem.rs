//! What went wrong with a request, for a program and for a person (RFC 9457).

use std::time::Duration;

use hyper::{
    StatusCode,
    header::{self, HeaderName, HeaderValue},
};
use schemars::JsonSchema;
use serde::Serialize;

use crate::web::Denied;

/// A request that cannot be answered as it was put.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) status: StatusCode,
    /// What, where, and what to do.
    pub(super) detail: String,
    /// What the answer says besides: `Allow`, `Retry-After`.
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
}

/// A problem as it is sent.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Problem")]
pub(super) struct ProblemLine<'a> {
    /// The status code alone says which kind it is.
    r#type: &'static str,
    /// The words of the status code.
    title: &'a str,
    /// The status code.
    status: u16,
    /// What is wrong, and what to do.
    detail: &'a str,
}

impl Problem {
    fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Problem { status, detail: detail.into(), headers: Vec::new() }
    }

    /// 400: what is asked for cannot be understood.
    pub(super) fn bad(detail: impl Into<String>) -> Self {
        Problem::new(StatusCode::BAD_REQUEST, detail)
    }

    /// 404: there is no such thing.
    pub(super) fn missing(detail: impl Into<String>) -> Self {
        Problem::new(StatusCode::NOT_FOUND, detail)
    }

    /// 405: the place is there, and takes only these.
    pub(super) fn not_allowed(allow: &str) -> Self {
        Problem::new(StatusCode::METHOD_NOT_ALLOWED, format!("only {allow} here")).with(header::ALLOW, allow)
    }

    /// 503: what is needed for the answer is out of reach.
    pub(super) fn unavailable(detail: impl Into<String>) -> Self {
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail)
    }

    /// 429: not so often.
    pub(super) fn too_many(wait: Duration) -> Self {
        let seconds = wait.as_secs_f64().ceil();
        let detail = format!("so many visits were asked for that this one has to wait; try again in {seconds} seconds");
        Problem::new(StatusCode::TOO_MANY_REQUESTS, detail).with(header::RETRY_AFTER, &seconds.to_string())
    }

    /// 507: it holds until the next start only.
    pub(super) fn unsaved() -> Self {
        Problem::new(StatusCode::INSUFFICIENT_STORAGE, "it is done, and could not be written to the disk; the log says why")
    }

    fn with(mut self, name: HeaderName, value: &str) -> Self {
        self.headers.extend(HeaderValue::from_str(value).ok().map(|value| (name, value)));
        self
    }

    pub(super) fn line(&self) -> ProblemLine<'_> {
        let title = self.status.canonical_reason().unwrap_or_default();
        ProblemLine { r#type: "about:blank", title, status: self.status.as_u16(), detail: &self.detail }
    }
}

impl From<Denied> for Problem {
    fn from(denied: Denied) -> Self {
        Problem { status: denied.status, detail: denied.reason, headers: denied.headers }
    }
}
