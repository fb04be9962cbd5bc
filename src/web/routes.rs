//! From a request to its answer.

use http_body_util::{Either, Full};
use hyper::{
    Method, Request, Response, StatusCode,
    header::{self, HeaderName, HeaderValue},
};

use super::{
    State,
    body::{Answer, Stream},
    metrics::{self, Probe, Refusal},
    negotiate::exposition,
    page,
};

/// Answers one request; the request's body is never read.
pub(super) fn answer<B>(state: &State, request: &Request<B>) -> Response<Answer> {
    let mut response = match request.uri().path() {
        path if !matches!(path, "/style.css" | "/icon.svg" | "/metrics" | "/probe" | "/healthz" | "/readyz")
            && !page::is_page(path) =>
        {
            text(StatusCode::NOT_FOUND, "not found\n".into())
        }
        _ if !matches!(*request.method(), Method::GET | Method::HEAD) => {
            let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n".into());
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
            response
        }
        "/metrics" => exposition(request.headers(), |format| {
            let snapshot = state.snapshots.borrow().clone();
            metrics::scrape(snapshot, &state.own, format)
        }),
        "/probe" => probe(state, request),
        "/healthz" => text(StatusCode::OK, "alive\n".into()),
        "/readyz" => match state.pulse.check() {
            Ok(()) => text(StatusCode::OK, "ready\n".into()),
            Err(reason) => text(StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {reason}\n")),
        },
        "/style.css" => whole(StatusCode::OK, CSS, page::STYLE.into()),
        "/icon.svg" => whole(StatusCode::OK, SVG, page::ICON.into()),
        path => {
            let snapshot = state.snapshots.borrow().clone();
            paged(page::answer(&snapshot, path, request.uri().query().unwrap_or_default()))
        }
    };
    let cache = if matches!(request.uri().path(), "/style.css" | "/icon.svg") { "max-age=300" } else { "no-store" };
    for (name, value) in SAFETY.into_iter().chain([(header::CACHE_CONTROL, cache)]) {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// What is known of one endpoint, in the names of another exporter.
fn probe<B>(state: &State, request: &Request<B>) -> Response<Answer> {
    let found = Probe::find(&state.snapshots.borrow().clone(), request.uri().query().unwrap_or_default());
    match found {
        Ok(probe) => exposition(request.headers(), |format| Stream::of(probe.render(format))),
        Err(Refusal::Unclear(words)) => text(StatusCode::BAD_REQUEST, words),
        Err(Refusal::Stranger) => text(StatusCode::FORBIDDEN, NO_PROBER.into()),
        Err(Refusal::NotYet) => text(StatusCode::SERVICE_UNAVAILABLE, "this endpoint has not been visited yet\n".into()),
    }
}

const NO_PROBER: &str = "the target is no endpoint of the inventory, by name or by host and port, and nothing else is visited: \
    add it under endpoints: in the configuration\n";

fn paged(page: page::Answer) -> Response<Answer> {
    match page {
        page::Answer::Page(html) => whole(StatusCode::OK, HTML, html),
        page::Answer::File { kind, disposition, text } => {
            let mut response = whole(StatusCode::OK, kind, text);
            response.headers_mut().insert(header::CONTENT_DISPOSITION, HeaderValue::from_static(disposition));
            response
        }
        page::Answer::Missing(html) => whole(StatusCode::NOT_FOUND, HTML, html),
    }
}

fn text(status: StatusCode, body: String) -> Response<Answer> {
    whole(status, PLAIN, body)
}

fn whole(status: StatusCode, kind: &'static str, body: String) -> Response<Answer> {
    let mut response = Response::new(Either::Left(Full::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

const PLAIN: &str = "text/plain; charset=utf-8";
const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SVG: &str = "image/svg+xml";

/// The pages ask nobody for anything but their own style sheet and icon, run no script and stand in no frame.
const SAFETY: [(HeaderName, &str); 3] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
];
