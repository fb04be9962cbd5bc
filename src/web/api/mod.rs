//! `/api/v1`: what the pages show, for programs. One table says which answers there are; it routes, and it is the OpenAPI document.
//!
//! The shapes are those of `certvigil check --json` and of the webhook. Within the version fields are only added.

mod asked;
mod desk;
mod endpoints;
mod findings;
mod incidents;
mod lines;
mod openapi;
mod paging;
mod problem;
mod render;
mod routes;
mod status;
#[cfg(test)]
mod tests;
mod writes;

use aws_lc_rs::digest;
use http_body_util::{Either, Full};
use hyper::{
    HeaderMap, Method, Response, StatusCode,
    body::Body,
    header::{self, HeaderName, HeaderValue},
    http::request::Parts,
};

use super::{
    Denied, State,
    body::{Answer, Stream},
    negotiate,
    page::decode,
};
use crate::monitor::{Chapter, Snapshot};
use asked::Asked;
use problem::Problem;
use routes::{Does, ROUTES, Route};
use writes::{Author, Change};

pub use desk::{Desk, Wish};
pub use lines::{ChapterLine, SilenceLine};

/// Whether the path is one of the API's, whatever is to be had there.
pub(super) fn is_api(path: &str) -> bool {
    path.strip_prefix("/api").is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// A request as its route sees it.
struct Call<'a> {
    snapshot: &'a Snapshot,
    /// What the path has in the places of the route's names.
    names: Vec<String>,
    asked: Asked,
    /// Of the endpoint that is asked for, the latest first, where the route wants it; why it cannot be read.
    history: &'a Result<Vec<Chapter>, String>,
}

/// What a route has to say.
struct Reply {
    kind: &'static str,
    body: String,
    /// Where the list goes on.
    next: Option<String>,
    status: StatusCode,
    /// Where that is which was made.
    location: Option<String>,
}

impl Reply {
    /// It is done.
    fn nothing() -> Self {
        Reply { kind: "", body: String::new(), next: None, status: StatusCode::NO_CONTENT, location: None }
    }
}

/// Answers one request. The body is read where something is to be made of it, by somebody who may.
pub(super) async fn answer<B>(state: &State, request: &Parts, body: B) -> Response<Answer>
where
    B: Body,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let answered = match find(request.uri.path(), &request.method) {
        Ok(Found::Options(allow)) => return options(&allow),
        Ok(Found::Route(Route { does: Does::Write(change, _), .. }, names)) => {
            let name = names.first().map(String::as_str).unwrap_or_default();
            return write(state, request, *change, name, body).await.map_or_else(|problem| refused(&problem), made);
        }
        Ok(Found::Route(route, names)) => look(state, request, route, names).await,
        Err(problem) => Err(problem),
    };
    answered.map_or_else(|problem| refused(&problem), |reply| sent(&request.headers, reply))
}

/// What is answered to a reader of this path and query who asks no daemon: the document, or what is wrong.
pub fn look_at(snapshot: &Snapshot, path_and_query: &str) -> Result<String, String> {
    let (path, query) = path_and_query.split_once('?').unwrap_or((path_and_query, ""));
    let answered = find(path, &Method::GET).and_then(|found| match found {
        Found::Route(route, names) => {
            let asked = Asked::parse(query, route.parameters)?;
            route.reply(&Call { snapshot, names, asked, history: &Ok(Vec::new()) }, &HeaderMap::new())
        }
        Found::Options(_) => Ok(Reply::nothing()),
    });
    answered.map(|reply| reply.body).map_err(|problem| problem.detail)
}

/// What there is at a path for a method.
enum Found {
    Route(&'static Route, Vec<String>),
    /// Only the methods are asked for.
    Options(String),
}

fn find(path: &str, method: &Method) -> Result<Found, Problem> {
    let here: Vec<_> = ROUTES.iter().filter_map(|route| Some((route, names(route.path, path)?))).collect();
    if here.is_empty() {
        return Err(Problem::missing("there is nothing at this path; /api/v1/openapi.json tells what there is"));
    }
    let mut methods = vec!["OPTIONS"];
    for (route, _) in &here {
        methods.push(route.method);
        methods.extend((route.method == "GET").then_some("HEAD"));
    }
    methods.sort_unstable();
    let wanted = if *method == Method::HEAD { "GET" } else { method.as_str() };
    if wanted == "OPTIONS" {
        return Ok(Found::Options(methods.join(", ")));
    }
    let found = here.into_iter().find(|(route, _)| route.method == wanted);
    found.map(|(route, names)| Found::Route(route, names)).ok_or_else(|| Problem::not_allowed(&methods.join(", ")))
}

/// What `path` has where `template` has a name; `None`: it is another path.
fn names(template: &str, path: &str) -> Option<Vec<String>> {
    let path = path.strip_prefix(BASE)?;
    let (mut wanted, mut given) = (template.split('/'), path.split('/'));
    let mut names = Vec::new();
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return Some(names),
            (Some(name), Some(value)) if name.starts_with('{') && !value.is_empty() => names.push(decode(value, false)),
            (Some(wanted), Some(given)) if wanted == given => {}
            _ => return None,
        }
    }
}

async fn write<B>(state: &State, request: &Parts, change: Change, name: &str, body: B) -> Result<Reply, Problem>
where
    B: Body,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let writer = state.locks.may_write(request)?;
    Asked::parse(request.uri.query().unwrap_or_default(), &[])?;
    let body = writes::body_of(body).await?;
    let snapshot = state.snapshots.borrow().clone();
    Author { writer, desk: &state.desk, snapshot: &snapshot }.write(change, name, &body).await
}

async fn look(state: &State, request: &Parts, route: &'static Route, names: Vec<String>) -> Result<Reply, Problem> {
    let asked = Asked::parse(request.uri.query().unwrap_or_default(), route.parameters)?;
    let history = match (&route.does, &state.archive, names.first()) {
        (Does::Remember(_), Some(archive), Some(name)) => archive.history(name).await.map_err(|problem| problem.to_string()),
        _ => Ok(Vec::new()),
    };
    let snapshot = state.snapshots.borrow().clone();
    let call = Call { snapshot: &snapshot, names, asked, history: &history };
    route.reply(&call, &request.headers)
}

impl Route {
    fn reply(&self, call: &Call<'_>, headers: &HeaderMap) -> Result<Reply, Problem> {
        match self.does {
            Does::Look(look) | Does::Remember(look) | Does::Pem(look) => look(call),
            // Of two forms the one that is wanted.
            Does::Chain(_, as_pem) if negotiate::prefers(headers, PEM, JSON) => as_pem(call),
            Does::Chain(as_json, _) => as_json(call),
            Does::Write(..) => Err(Problem::not_allowed(self.method)),
        }
    }
}

/// Whoever asks may not look.
pub(super) fn denied(denied: Denied) -> Response<Answer> {
    refused(&denied.into())
}

fn options(allow: &str) -> Response<Answer> {
    let mut response = Response::new(Either::Left(Full::default()));
    *response.status_mut() = StatusCode::NO_CONTENT;
    set(&mut response, header::ALLOW, allow);
    response
}

fn refused(problem: &Problem) -> Response<Answer> {
    let mut response = Response::new(Either::Left(Full::from(render::render(&problem.line()))));
    *response.status_mut() = problem.status;
    set(&mut response, header::CONTENT_TYPE, "application/problem+json");
    response.headers_mut().extend(problem.headers.iter().cloned());
    response
}

/// Something was changed.
fn made(reply: Reply) -> Response<Answer> {
    let mut response = Response::new(Either::Left(Full::from(reply.body)));
    *response.status_mut() = reply.status;
    if !reply.kind.is_empty() {
        set(&mut response, header::CONTENT_TYPE, reply.kind);
    }
    if let Some(location) = &reply.location {
        set(&mut response, header::LOCATION, location);
    }
    response
}

/// The reply, or that the reader has it already (RFC 9110, section 13.1.2). The tag is one of the content: at a large fleet
/// something changes all the time, and most pieces of it stay as they are.
fn sent(headers: &HeaderMap, reply: Reply) -> Response<Answer> {
    let digest = digest::digest(&digest::SHA256, reply.body.as_bytes());
    let tag = format!("W/\"{}\"", &crate::certificate::hex(digest.as_ref())[..32]);
    let known = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let is_known = known.flat_map(|tags| tags.split(',')).any(|known| ["*", &tag].contains(&known.trim()));
    let is_gzip = !is_known && negotiate::takes_gzip(headers);
    let mut response = Response::new(match (is_known, is_gzip) {
        (true, _) => Either::Left(Full::default()),
        (false, true) => Either::Right(Stream::of(reply.body).gzip()),
        (false, false) => Either::Left(Full::from(reply.body)),
    });
    set(&mut response, header::ETAG, &tag);
    set(&mut response, header::VARY, "Accept, Accept-Encoding");
    if is_known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return response;
    }
    set(&mut response, header::CONTENT_TYPE, reply.kind);
    if is_gzip {
        set(&mut response, header::CONTENT_ENCODING, "gzip");
    }
    if let Some(next) = &reply.next {
        set(&mut response, header::LINK, &format!("<{next}>; rel=\"next\""));
    }
    response
}

fn set(response: &mut Response<Answer>, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

const BASE: &str = "/api/v1";
const JSON: &str = "application/json";
const PEM: &str = "application/x-pem-file";
