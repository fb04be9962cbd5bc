//! Every answer that there is: where, to what, and what of. Requests are routed by it, and the OpenAPI document is made of it.

use hyper::StatusCode;
use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings};
use serde::Serialize;

use super::{
    Call, JSON, PEM, Reply,
    asked::{Kind, Parameter},
    endpoints::{self, AddressLine, ChainLine, EndpointLine},
    findings::{self, FindingLine},
    incidents::{self, IncidentLine, OneLine},
    lines::{ChapterLine, SilenceLine},
    openapi,
    paging::{LIMIT, List, OFFSET},
    problem::Problem,
    render::render,
    status::{self, StatusLine, WaitingLine},
    writes::{Change, Draft, NewLine, Seen, VisitLine},
};
use crate::{
    diagnosis::{Fault, Finding, Severity, Status},
    web::page::Sort,
};

/// A method at a path.
pub(super) struct Route {
    pub(super) method: &'static str,
    /// Below `/api/v1`; a segment in braces stands for any.
    pub(super) path: &'static str,
    /// Unique; a name for programs.
    pub(super) id: &'static str,
    pub(super) summary: &'static str,
    pub(super) parameters: &'static [Parameter],
    /// What the answer looks like.
    pub(super) schema: fn(&mut SchemaGenerator) -> Schema,
    pub(super) does: Does,
}

type Look = fn(&Call<'_>) -> Result<Reply, Problem>;

/// What a route does.
pub(super) enum Does {
    /// Looks at the snapshot.
    Look(Look),
    /// The same, and at the history of the endpoint that is named.
    Remember(Look),
    /// Changes something; what its body has to be.
    Write(Change, Option<fn() -> Schema>),
    /// As PEM.
    Pem(Look),
    /// In JSON, or as PEM.
    Chain(Look, Look),
}

/// All of them.
pub(super) const ROUTES: &[Route] = &[
    Route {
        method: "GET",
        path: "/status",
        id: "status",
        summary: "The fleet in numbers, and how certvigil itself does",
        parameters: &[],
        schema: schema::<StatusLine<'static>>,
        does: Does::Look(|call| Ok(json(&status::status(call)))),
    },
    Route {
        method: "GET",
        path: "/endpoints",
        id: "endpoints",
        summary: "The endpoints, the most urgent first unless asked otherwise",
        parameters: &[STATUS, FAULT, FINDING, OWNER, LABEL, SEARCH, SORT, LIMIT, OFFSET],
        schema: schema::<List<EndpointLine<'static>>>,
        does: Does::Look(|call| Ok(listed(&endpoints::list(call)))),
    },
    Route {
        method: "GET",
        path: "/endpoints/{name}",
        id: "endpoint",
        summary: "One endpoint",
        parameters: &[],
        schema: schema::<EndpointLine<'static>>,
        does: Does::Look(|call| Ok(json(&endpoints::one(call)?))),
    },
    Route {
        method: "GET",
        path: "/endpoints/{name}/addresses",
        id: "addresses",
        summary: "Each address of an endpoint, with its last visit in full",
        parameters: &[LIMIT, OFFSET],
        schema: schema::<List<AddressLine<'static>>>,
        does: Does::Look(|call| Ok(listed(&endpoints::addresses(call)?))),
    },
    Route {
        method: "GET",
        path: "/endpoints/{name}/chain",
        id: "chain",
        summary: "The chain that an endpoint serves: its facts, or as PEM where that is preferred",
        parameters: &[ADDRESS],
        schema: schema::<ChainLine<'static>>,
        does: Does::Chain(|call| Ok(json(&endpoints::chain(call)?)), pem),
    },
    Route {
        method: "GET",
        path: "/endpoints/{name}/chain.pem",
        id: "chainPem",
        summary: "The chain that an endpoint serves, as PEM",
        parameters: &[ADDRESS],
        schema: schema::<String>,
        does: Does::Pem(pem),
    },
    Route {
        method: "GET",
        path: "/endpoints/{name}/history",
        id: "history",
        summary: "What an endpoint has shown, change by change, the latest first",
        parameters: &[LIMIT, OFFSET],
        schema: schema::<List<ChapterLine<'static>>>,
        does: Does::Remember(|call| Ok(listed(&endpoints::history(call)?))),
    },
    Route {
        method: "GET",
        path: "/findings",
        id: "findings",
        summary: "The findings at all endpoints, in the order of the inventory",
        parameters: &[CODE, SEVERITY, FAULT, ENDPOINT, LIMIT, OFFSET],
        schema: schema::<List<FindingLine<'static>>>,
        does: Does::Look(|call| Ok(listed(&findings::list(call)))),
    },
    Route {
        method: "GET",
        path: "/incidents",
        id: "incidents",
        summary: "The incidents that stand: open ones first, of those the worst, of those the oldest",
        parameters: &[STATE, CODE, SEVERITY, ENDPOINT, LIMIT, OFFSET],
        schema: schema::<List<IncidentLine<'static>>>,
        does: Does::Look(|call| Ok(listed(&incidents::list(call)))),
    },
    Route {
        method: "GET",
        path: "/incidents/{id}",
        id: "incident",
        summary: "One incident, with the endpoints where it holds",
        parameters: &[LIMIT, OFFSET],
        schema: schema::<OneLine<'static>>,
        does: Does::Look(|call| {
            let one = incidents::one(call)?;
            Ok(Reply { next: one.members.next.clone(), ..json(&one) })
        }),
    },
    Route {
        method: "GET",
        path: "/silences",
        id: "silences",
        summary: "The silences that are not over, the one that ends first first",
        parameters: &[LIMIT, OFFSET],
        schema: schema::<List<SilenceLine<'static>>>,
        does: Does::Look(|call| Ok(listed(&status::silences(call)))),
    },
    Route {
        method: "POST",
        path: "/silences",
        id: "silence",
        summary: "Hear nothing of something for a while",
        parameters: &[],
        schema: schema::<NewLine<'static>>,
        does: Does::Write(Change::Silence, Some(body::<Draft>)),
    },
    Route {
        method: "GET",
        path: "/silences/{id}",
        id: "oneSilence",
        summary: "One silence",
        parameters: &[],
        schema: schema::<SilenceLine<'static>>,
        does: Does::Look(|call| Ok(json(&status::silence(call)?))),
    },
    Route {
        method: "DELETE",
        path: "/silences/{id}",
        id: "unsilence",
        summary: "Take a silence back: what still holds is told",
        parameters: &[],
        schema: schema::<()>,
        does: Does::Write(Change::Unsilence, None),
    },
    Route {
        method: "POST",
        path: "/endpoints/{name}/check",
        id: "check",
        summary: "Visit an endpoint now; each at most once in 10 seconds, and 60 of them",
        parameters: &[],
        schema: schema::<VisitLine<'static>>,
        does: Does::Write(Change::Check, None),
    },
    Route {
        method: "POST",
        path: "/incidents/{id}/acknowledge",
        id: "acknowledge",
        summary: "See to an incident: nobody is reminded of it until it gets worse",
        parameters: &[],
        schema: schema::<()>,
        does: Does::Write(Change::Acknowledge, Some(body::<Seen>)),
    },
    Route {
        method: "GET",
        path: "/outbox",
        id: "outbox",
        summary: "The mails and notices that wait, the oldest first; of many the oldest alone",
        parameters: &[LIMIT, OFFSET],
        schema: schema::<List<WaitingLine>>,
        does: Does::Look(|call| Ok(listed(&status::outbox(call)))),
    },
    Route {
        method: "GET",
        path: "/openapi.json",
        id: "openapi",
        summary: "This document",
        parameters: &[],
        schema: schema::<serde_json::Map<String, serde_json::Value>>,
        does: Does::Look(|_| Ok(document())),
    },
];

fn schema<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

/// A body, whole: what may be left out of it is not required.
fn body<T: JsonSchema>() -> Schema {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    settings.into_generator().into_root_schema_for::<T>()
}

fn document() -> Reply {
    Reply { kind: JSON, body: openapi::document().to_owned(), status: StatusCode::OK, ..Reply::nothing() }
}

fn json(facts: &impl Serialize) -> Reply {
    Reply { kind: JSON, body: render(facts), status: StatusCode::OK, ..Reply::nothing() }
}

fn listed<T: Serialize>(list: &List<T>) -> Reply {
    Reply { next: list.next.clone(), ..json(list) }
}

fn pem(call: &Call<'_>) -> Result<Reply, Problem> {
    Ok(Reply { kind: PEM, body: endpoints::chain_pem(call)?, status: StatusCode::OK, ..Reply::nothing() })
}

const STATUS: Parameter = Parameter {
    name: "status",
    about: "Only those with this headline.",
    kind: Kind::Word(|| Status::ALL.map(Status::name).into()),
};
const FAULT: Parameter = Parameter {
    name: "fault",
    about: "Only those for which this one must act.",
    kind: Kind::Word(|| Fault::ALL.map(Fault::name).into()),
};
const FINDING: Parameter =
    Parameter { name: "finding", about: "Only those with a finding of this code.", kind: Kind::Word(|| Finding::CODES.to_vec()) };
const CODE: Parameter =
    Parameter { name: "code", about: "Only those of this code.", kind: Kind::Word(|| Finding::CODES.to_vec()) };
const SEVERITY: Parameter = Parameter {
    name: "severity",
    about: "Only those of this severity.",
    kind: Kind::Word(|| Severity::ALL.map(Severity::name).into()),
};
const OWNER: Parameter =
    Parameter { name: "owner", about: "Only those of this owner, by what stands before the @.", kind: Kind::Text(100) };
const LABEL: Parameter = Parameter { name: "label", about: "Only those with this label, `name:value`.", kind: Kind::Text(100) };
const SEARCH: Parameter = Parameter {
    name: "q",
    about: "Only those that have this in their names, addresses or certificates, in any case.",
    kind: Kind::Text(100),
};
const SORT: Parameter = Parameter {
    name: "sort",
    about: "`urgency`; `name`; `ends`, the certificate that ends first first; `visit`, the longest unvisited first.",
    kind: Kind::Word(|| Sort::ALL.map(Sort::name).into()),
};
const ENDPOINT: Parameter =
    Parameter { name: "endpoint", about: "Only those at the endpoint of this name.", kind: Kind::Text(300) };
const STATE: Parameter = Parameter {
    name: "state",
    about: "Only those that are open, or only suspected.",
    kind: Kind::Word(|| vec!["open", "suspected"]),
};
const ADDRESS: Parameter = Parameter {
    name: "address",
    about: "Of this address; of the one that makes the headline where nothing is said.",
    kind: Kind::Text(45),
};
