//! From a request to its answer.

use http_body_util::{Either, Full};
use hyper::{
    Method, Request, Response, StatusCode,
    body::Body,
    header::{self, HeaderName, HeaderValue},
    http::request::Parts,
};

use super::{
    Answers, Denied, State, answer, api,
    body::{Answer, Stream},
    metrics::{self, Asked, Refusal},
    negotiate::exposition,
    page,
    strangers::{self, Unvisited},
};

/// Answers one request; the body is read by the API alone.
pub(super) async fn answer<B>(state: &State, request: Request<B>) -> Response<Answer>
where
    B: Body,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let (mut request, body) = request.into_parts();
    let mut response = match state.locks.enter(&mut request).await {
        Ok(()) => inside(state, &request, body).await,
        Err(denied) if api::is_api(request.uri.path()) => api::denied(denied),
        Err(denied) => refused(denied),
    };
    let is_fixed = matches!(request.uri.path(), "/style.css" | "/answer/style.css" | "/icon.svg");
    let cache = match request.uri.path() {
        _ if is_fixed => "max-age=300",
        path if api::is_api(path) => "private, no-cache",
        _ => "no-store",
    };
    for (name, value) in SAFETY.into_iter().chain([(header::CACHE_CONTROL, cache)]) {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    for (name, value) in state.locks.headers() {
        response.headers_mut().insert(name, value);
    }
    response
}

/// Whoever asks may look.
async fn inside<B>(state: &State, request: &Parts, body: B) -> Response<Answer>
where
    B: Body,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    match (&state.answers, request.uri.path().strip_prefix("/answer/")) {
        (Some(answers), Some(link)) if link != "style.css" => to_mail(state, answers, &request.method, link).await,
        _ if api::is_api(request.uri.path()) => api::answer(state, request, body).await,
        _ => look(state, request).await,
    }
}

/// Whoever asks may not.
fn refused(denied: Denied) -> Response<Answer> {
    let mut response = text(denied.status, format!("{}\n", denied.reason));
    response.headers_mut().extend(denied.headers);
    response
}

/// Somebody answers a mail.
async fn to_mail(state: &State, answers: &Answers, method: &Method, link: &str) -> Response<Answer> {
    if !matches!(*method, Method::GET | Method::HEAD | Method::POST) {
        return not_allowed("GET, HEAD, POST");
    }
    let snapshot = state.snapshots.borrow().clone();
    let (status, page) = answers.respond(method, link, &snapshot).await;
    whole(status, HTML, page)
}

/// Somebody looks at what there is; nothing is changed by that.
async fn look(state: &State, request: &Parts) -> Response<Answer> {
    match request.uri.path() {
        path if !matches!(
            path,
            "/style.css" | "/answer/style.css" | "/icon.svg" | "/metrics" | "/probe" | "/healthz" | "/readyz"
        ) && !page::is_page(path) =>
        {
            text(StatusCode::NOT_FOUND, "not found\n".into())
        }
        _ if !matches!(request.method, Method::GET | Method::HEAD) => not_allowed("GET, HEAD"),
        "/answer/style.css" => whole(StatusCode::OK, CSS, answer::STYLE.into()),
        "/metrics" => exposition(&request.headers, |format| {
            let snapshot = state.snapshots.borrow().clone();
            state.own.web_certificate(state.locks.tls().is_none_or(|tls| tls.is_fresh()));
            metrics::scrape(snapshot, &state.own, format)
        }),
        "/probe" => probe(state, request).await,
        "/healthz" => text(StatusCode::OK, "alive\n".into()),
        "/readyz" => match state.pulse.check() {
            Ok(()) => text(StatusCode::OK, "ready\n".into()),
            Err(reason) => text(StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {reason}\n")),
        },
        "/style.css" => whole(StatusCode::OK, CSS, page::STYLE.into()),
        "/icon.svg" => whole(StatusCode::OK, SVG, page::ICON.into()),
        path => paged(page(state, path, request.uri.query().unwrap_or_default()).await),
    }
}

fn not_allowed(allowed: &'static str) -> Response<Answer> {
    let mut response = text(StatusCode::METHOD_NOT_ALLOWED, format!("only {allowed}\n"));
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allowed));
    response
}

/// What is known of one endpoint, in the names of another exporter; or what a visit sees of a target that is none.
async fn probe(state: &State, request: &Parts) -> Response<Answer> {
    let asked = match Asked::read(request.uri.query().unwrap_or_default()) {
        Ok(asked) => asked,
        Err(refusal) => return unprobed(refusal),
    };
    let known = asked.known(&state.snapshots.borrow().clone());
    match known {
        Ok(probe) => exposition(&request.headers, |format| Stream::of(probe.render(format))),
        Err(Refusal::Stranger) => stranger(state, request, &asked).await,
        Err(refusal) => unprobed(refusal),
    }
}

/// Whoever has the key has it visited.
async fn stranger(state: &State, request: &Parts, asked: &Asked) -> Response<Answer> {
    if let Err(denied) = state.locks.may_probe(request) {
        return refused(denied);
    }
    let (target, name) = match asked.place() {
        Ok(place) => place,
        Err(refusal) => return unprobed(refusal),
    };
    let visited = match &state.strangers {
        Some(strangers) => strangers.visit(target, name, strangers::patience(&request.headers)).await,
        None => Err(Unvisited::Busy),
    };
    match visited {
        Ok(view) => exposition(&request.headers, |format| Stream::of(asked.seen(view).render(format))),
        Err(Unvisited::Busy) => text(StatusCode::SERVICE_UNAVAILABLE, "too many visits are under way; try again later\n".into()),
        Err(Unvisited::Late) => text(StatusCode::GATEWAY_TIMEOUT, "the visit took longer than the scrape may\n".into()),
    }
}

fn unprobed(refusal: Refusal) -> Response<Answer> {
    match refusal {
        Refusal::Unclear(words) => text(StatusCode::BAD_REQUEST, words),
        Refusal::Stranger => text(StatusCode::NOT_FOUND, "not found\n".into()),
        Refusal::NotYet => text(StatusCode::SERVICE_UNAVAILABLE, "this endpoint has not been visited yet\n".into()),
    }
}

async fn page(state: &State, path: &str, query: &str) -> page::Answer {
    let history = match (page::remembered(path), &state.archive) {
        (Some(endpoint), Some(archive)) => archive.history(&endpoint).await.map_err(|error| error.to_string()),
        _ => Ok(Vec::new()),
    };
    let (snapshot, mail) = (state.snapshots.borrow().clone(), state.mail.borrow().clone());
    page::answer(&snapshot, &page::Beside { history, mail }, path, query)
}

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
