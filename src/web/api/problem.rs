//! What went wrong with a request, for a program and for a person (RFC 9457).

use hyper::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;

/// A request that cannot be answered as it was put.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) status: StatusCode,
    /// What, where, and what to do.
    pub(super) detail: String,
    /// `Allow` (RFC 9110, section 10.2.1), where another method would do.
    pub(super) allow: Option<String>,
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
        Problem { status, detail: detail.into(), allow: None }
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
        let allow = allow.to_owned();
        Problem { allow: Some(allow.clone()), ..Problem::new(StatusCode::METHOD_NOT_ALLOWED, format!("only {allow} here")) }
    }

    /// 503: what is needed for the answer is out of reach.
    pub(super) fn unavailable(detail: impl Into<String>) -> Self {
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail)
    }

    pub(super) fn line(&self) -> ProblemLine<'_> {
        let title = self.status.canonical_reason().unwrap_or_default();
        ProblemLine { r#type: "about:blank", title, status: self.status.as_u16(), detail: &self.detail }
    }
}
