//! The OpenAPI document (version 3.1.0), made of the routes.

use std::sync::LazyLock;

use schemars::{Schema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

use super::{
    JSON, PEM,
    problem::ProblemLine,
    routes::{Does, ROUTES, Route},
    writes::Change,
};

/// The document as it is served.
pub(super) fn document() -> &'static str {
    static DOCUMENT: LazyLock<String> = LazyLock::new(|| format!("{:#}\n", build()));
    &DOCUMENT
}

fn build() -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    let mut generator = settings.into_generator();
    let problem = generator.subschema_for::<ProblemLine<'_>>();
    let mut paths: Map<String, Value> = Map::new();
    for route in ROUTES {
        let operation = operation(route, &mut generator, &problem);
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        path[route.method.to_ascii_lowercase()] = operation;
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "certvigil",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "What certvigil knows of the TLS certificates that it watches",
            "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
        },
        "servers": [{"url": super::BASE}],
        "paths": paths,
        "components": {
            "schemas": generator.take_definitions(true),
            "securitySchemes": {"writeToken": {"type": "http", "scheme": "bearer"}},
        },
    })
}

/// What is answered when it is done.
fn done(change: Change) -> (&'static str, &'static str) {
    match change {
        Change::Silence => ("201", "It is silenced; Location says where the silence is"),
        Change::Unsilence => ("204", "It is taken back"),
        Change::Check => ("202", "It is visited as soon as there is room for it, mostly within a second"),
        Change::Acknowledge => ("204", "Nobody is reminded of it until it gets worse"),
    }
}

fn operation(route: &Route, generator: &mut SchemaGenerator, problem: &Schema) -> Value {
    let names = route.path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'));
    let in_path =
        names.map(|name| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string", "minLength": 1}}));
    let in_query = route.parameters.iter().map(
        |parameter| json!({"name": parameter.name, "in": "query", "description": parameter.about, "schema": parameter.schema()}),
    );
    let has_name = route.path.contains('{');
    let parameters: Vec<_> = in_path.chain(in_query).collect();
    let refused = |about: &str| json!({"description": about, "content": {"application/problem+json": {"schema": problem}}});
    let tag = json!({"description": "Changes when the answer does; send it back in If-None-Match", "schema": {"type": "string"}});
    let found = (route.schema)(generator);
    let pem = json!({"schema": {"type": "string"}});
    let content = match route.does {
        Does::Chain(..) => json!({JSON: {"schema": found}, PEM: pem}),
        Does::Pem(_) => json!({PEM: pem}),
        Does::Look(_) | Does::Remember(_) | Does::Write(..) => json!({JSON: {"schema": found}}),
    };
    if let Does::Write(change, body) = &route.does {
        let (status, about) = done(*change);
        let mut done = json!({"description": about});
        if status != "204" {
            done["content"] = content;
        }
        let mut operation = json!({
            "operationId": route.id,
            "summary": route.summary,
            "parameters": parameters,
            "security": [{"writeToken": []}],
            "responses": {
                status: done,
                "400": refused("A body that cannot be used"),
                "401": refused("Who writes shows the write token"),
                "403": refused("certvigil is read-only, or a page of another site asks"),
                "404": refused("There is no such thing"),
                "429": refused("Not so often; Retry-After says when"),
                "default": refused("Anything else"),
            },
        });
        if let Some(body) = body {
            operation["requestBody"] = json!({"required": true, "content": {JSON: {"schema": body()}}});
        }
        return operation;
    }
    let mut responses = json!({
        "200": {"description": "What is asked for", "headers": {"ETag": tag}, "content": content},
        "304": {"description": "The same as what If-None-Match names"},
        "400": refused("A parameter that does not exist, or cannot be what it is"),
        "default": refused("Anything else"),
    });
    if has_name {
        responses["404"] = refused("There is no such thing");
    }
    json!({"operationId": route.id, "summary": route.summary, "parameters": parameters, "responses": responses})
}
