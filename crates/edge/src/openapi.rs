//! The OpenAPI 3.1 document, made from the route table and the shapes that the handlers read and write. The committed
//! `openapi.json` beside the crate is its last output; a test says when it is stale.

use std::sync::OnceLock;

use schemars::{SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

use crate::{
    http::{
        route::{Access, Route},
        table,
    },
    problem,
};

/// The document as text, made once.
pub(crate) fn text() -> &'static str {
    static TEXT: OnceLock<String> = OnceLock::new();
    TEXT.get_or_init(|| serde_json::to_string_pretty(&document(&table())).unwrap_or_default())
}

fn document(routes: &[Route]) -> Value {
    let settings = SchemaSettings::draft2020_12().with(|s| s.definitions_path = "/components/schemas".into());
    let mut shapes = settings.into_generator();
    let problem = shapes.subschema_for::<problem::Body<'_>>();
    let problem = json!({
        "description": "A refusal (RFC 9457). `code` is one of a closed list.",
        "content": { "application/problem+json": { "schema": problem } },
    });
    let mut paths = Map::new();
    for route in routes {
        let item = paths.entry(route.path).or_insert_with(|| json!({}));
        item[route.method.as_str().to_ascii_lowercase()] = operation(route, &mut shapes);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Visavis",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Sign-in, accounts and safety. Calls are made over Socket.IO at `/socket.io/`.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "paths": paths,
        "components": {
            "schemas": shapes.take_definitions(true),
            "responses": { "Problem": problem },
            "securitySchemes": {
                "token": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT" },
                "cookie": { "type": "apiKey", "in": "cookie", "name": "refresh" },
            },
        },
    })
}

fn operation(route: &Route, shapes: &mut SchemaGenerator) -> Value {
    let content = |schema: schemars::Schema| json!({ "application/json": { "schema": schema } });
    let mut answer =
        json!({ "description": if route.answer.is_some() { "Done." } else { "Done; no body." } });
    if let Some(shape) = route.answer {
        answer["content"] = content(shape(shapes));
    }
    let mut operation = json!({
        "operationId": operation_id(route),
        "summary": route.summary,
        "responses": {
            route.status.to_string(): answer,
            "default": { "$ref": "#/components/responses/Problem" },
        },
    });
    if let Some(shape) = route.body {
        operation["requestBody"] = json!({ "required": true, "content": content(shape(shapes)) });
    }
    let parameters: Vec<_> = parameters(route.path)
        .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }))
        .collect();
    if !parameters.is_empty() {
        operation["parameters"] = parameters.into();
    }
    match route.access {
        Access::Public => {}
        Access::Cookie => operation["security"] = json!([{ "cookie": [] }]),
        Access::Signed => operation["security"] = json!([{ "token": [] }]),
    }
    operation
}

/// The names in braces.
fn parameters(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
}

/// `GET /api/users/{id}` → `getUsersId`.
fn operation_id(route: &Route) -> String {
    let mut id = route.method.as_str().to_ascii_lowercase();
    let words = route.path.trim_start_matches("/api").split(|c: char| !c.is_ascii_alphanumeric());
    for word in words.filter(|word| !word.is_empty()) {
        id.push_str(&word[..1].to_ascii_uppercase());
        id.push_str(&word[1..]);
    }
    id
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, env, fs, path::Path};

    use super::*;

    /// The rows of protocol section 2 that this release has, and the place's own.
    const PROTOCOL: &str = "POST /api/auth/login, POST /api/auth/verify, POST /api/auth/magic/peek, \
        POST /api/auth/magic, POST /api/auth/refresh, POST /api/auth/logout, GET /api/auth/sessions, \
        DELETE /api/auth/sessions/{id}, GET /.well-known/jwks.json, GET /api/users/me, PATCH /api/users/me, \
        PUT /api/users/me/age, PUT /api/users/me/avatar, DELETE /api/users/me/avatar, GET /api/avatars/{name}, POST /api/users/me/private-id, GET /api/friends, DELETE /api/friends/{userId}, \
        GET /api/friends/lookup/{privateId}, GET /api/friends/requests, POST /api/friends/requests, \
        POST /api/friends/requests/{id}/accept, POST /api/friends/requests/{id}/decline, \
        DELETE /api/friends/requests/{id}, GET /api/users/me/reputation, GET /api/users/me/decisions, GET /api/users/me/export, DELETE /api/users/me, GET /api/users/me/calls, POST /api/calls/{roomId}/rating, \
        GET /api/users/{id}, GET /api/blocks, \
        PUT /api/blocks/{userId}, DELETE /api/blocks/{userId}, POST /api/reports, POST /api/rooms, GET /api/rooms/{id}, \
        DELETE /api/rooms/{id}, GET /api/openapi.json, \
        GET /api/moderation/cases, GET /api/moderation/cases/{id}, GET /api/moderation/cases/{id}/snapshot, \
        GET /api/moderation/cases/{id}/transcript, POST /api/moderation/cases/{id}/decision, \
        DELETE /api/moderation/cases/{id}/lease, POST /api/moderation/cases/{id}/decision/preview, POST /api/moderation/cases/{id}/decision/undo, \
        POST /api/moderation/exposure, GET /api/moderation/appeals, POST /api/moderation/appeals/{id}/decision, \
        POST /api/appeals, GET /api/analytics/summary, GET /api/analytics/series, \
        POST /api/admin/users/find, PUT /api/admin/users/{id}/role, \
        GET /api/info, GET /healthz, GET /readyz";

    #[test]
    fn the_document_lists_exactly_the_routes_of_the_protocol() {
        let document: Value = serde_json::from_str(text()).unwrap();
        let mut listed = BTreeSet::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for method in item.as_object().unwrap().keys() {
                listed.insert(format!("{} {path}", method.to_ascii_uppercase()));
            }
        }
        let expected: BTreeSet<_> = PROTOCOL.split(',').map(|row| row.trim().to_owned()).collect();
        assert_eq!(listed, expected);
    }

    #[test]
    fn every_reference_of_the_document_leads_somewhere_and_ids_are_unique() {
        fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
            match value {
                Value::Object(members) => {
                    for (name, member) in members {
                        if let ("$ref", Some(to)) = (name.as_str(), member.as_str()) {
                            found.push(to);
                        }
                        references(member, found);
                    }
                }
                Value::Array(items) => items.iter().for_each(|item| references(item, found)),
                _ => {}
            }
        }
        let document: Value = serde_json::from_str(text()).unwrap();
        let mut found = Vec::new();
        references(&document, &mut found);
        assert!(found.len() > 20);
        for to in found {
            assert!(document.pointer(to.trim_start_matches('#')).is_some(), "{to}");
        }
        let ids: Vec<_> = table().iter().map(operation_id).collect();
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "{ids:?}");
    }

    #[test]
    fn the_committed_document_is_up_to_date() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.json");
        let now = format!("{}\n", text());
        if env::var_os("VISAVIS_BLESS").is_some() {
            fs::write(&file, &now).unwrap();
        }
        let committed = fs::read_to_string(&file).unwrap_or_default();
        assert!(committed == now, "stale: VISAVIS_BLESS=1 cargo test -p visavis-edge openapi");
    }
}
