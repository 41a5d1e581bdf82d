//! What operations answer beside their success: errors and headers, and what is said while the
//! read models are behind.

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use super::{
    Operation, components, each_operation,
    errors::{Errors, REQUEST_ID, content, examples, given},
    member,
    schemas::reference,
};
use crate::auth::permissions::{self, Who};

/// The schemas of what has a version. A write answers with its id alone where reads are behind.
const ENTITIES: &[&str] = &["Device", "Gateway", "GroupDetails", "Policy", "User", "Webhook"];

/// The schemas of what a gateway is about to do. As the entities, with the gateway's id.
const OF_GATEWAYS: &[&str] = &["Drain", "KeyRotationProgress"];

/// The headers of every answer.
const EVERYWHERE: &[&str] =
    &["X-Request-Id", "X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"];

/// What is answered before a request gets to where reads are waited for, or never there.
const UNREAD: &[StatusCode] = &[
    StatusCode::UNAUTHORIZED,
    StatusCode::NOT_FOUND,
    StatusCode::URI_TOO_LONG,
    StatusCode::TOO_MANY_REQUESTS,
    StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
];

pub(super) fn complete(document: &mut Value) {
    if let Some(schemas) = components(document, "schemas") {
        schemas.extend(pending());
    }
    if let Some(headers) = components(document, "headers") {
        headers.extend(headers_of_answers());
    }
    let mut shared = Map::new();
    each_operation(document, |operation| {
        let given = given(&operation);
        let kind = Kind::of(&operation);
        let Some(responses) = member(operation.fields, "responses") else { return };
        for (status, response) in responses.iter_mut() {
            complete_own(status, response, kind);
        }
        for errors in given {
            let status = errors.status.as_str().to_owned();
            // Some of a status may be declared by the handler.
            let declared = responses.get_mut(&status);
            let examples_of = "/content/application~1json/examples";
            let declared = declared.and_then(|r| r.pointer_mut(examples_of)?.as_object_mut());
            if let Some(declared) = declared {
                for (code, example) in examples(errors.errors) {
                    declared.entry(code).or_insert(example);
                }
                continue;
            }
            let response = match errors.component.clone() {
                Some(name) => {
                    let target = format!("#/components/responses/{name}");
                    shared.entry(name).or_insert_with(|| refusal(errors));
                    json!({ "$ref": target })
                }
                None => refusal(errors),
            };
            responses.insert(status, response);
        }
    });
    if let Some(responses) = components(document, "responses") {
        responses.extend(shared);
    }
}

/// What matters of an operation to its answers.
#[derive(Clone, Copy)]
struct Kind {
    /// Its success may be a change.
    writes: bool,
    /// It waits for what was acknowledged before.
    reads: bool,
    keyed: bool,
    browser: bool,
}

impl Kind {
    fn of(operation: &Operation<'_>) -> Self {
        let permission = permissions::find(&operation.method, operation.path);
        let waits = |who| !matches!(who, Who::Public | Who::OwnGateway);
        Self {
            writes: operation.writes() && !operation.previews(),
            reads: permission.is_some_and(|p| waits(p.who) && !permissions::reads_nothing(p)),
            keyed: operation.takes_key(),
            browser: operation.is_browser(),
        }
    }
}

/// An answer that the handler declares: its headers, and the bodies that it may have besides.
fn complete_own(status: &str, response: &mut Value, kind: Kind) {
    let Kind { writes, reads, keyed, browser } = kind;
    let success = status.starts_with('2');
    let pointer = "/content/application~1json/schema/$ref";
    let schema = response.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let name = schema.rsplit('/').next().unwrap_or_default();
    let entity = ENTITIES.contains(&name);
    let mut names = EVERYWHERE.to_vec();
    if entity || status == "304" || name == "SignedBundle" {
        names.push("ETag");
    }
    if success && writes {
        names.push("X-Consistency-Token");
    }
    if reads || (success && writes) {
        names.push("X-Consistency");
    }
    if success && keyed {
        names.push("Idempotency-Replayed");
    }
    if success && browser {
        names.push("Set-Cookie");
    }
    if status == "201" && (entity || ["Enrolment", "WebhookSecret"].contains(&name)) {
        names.push("Location");
    }
    let others: &[&str] = match name {
        "Enrolment" if writes => &["EnrolmentPending", "AlreadyShown"],
        "JoinToken" | "WebhookSecret" => &["AlreadyShown"],
        _ if entity && writes => &["Pending"],
        _ if OF_GATEWAYS.contains(&name) && writes => &["GatewayPending"],
        _ => &[],
    };
    let Some(fields) = response.as_object_mut() else { return };
    if !success && status != "304" && !fields.contains_key("content") {
        let text = fields.get("description").and_then(Value::as_str).unwrap_or_default();
        let parts: Vec<&str> = text.splitn(3, '`').collect();
        let (code, said) = match parts[..] {
            [_, code, said] => (code.to_owned(), said.trim_start_matches(':').trim().to_owned()),
            _ => ("conflict".to_owned(), text.to_owned()),
        };
        let body = json!({ "error": { "code": code, "message": said, "request_id": REQUEST_ID } });
        let examples = [(code, json!({ "value": body }))].into_iter().collect();
        fields.insert("content".into(), content(examples));
    }
    fields.insert("headers".into(), header_references(&names));
    if let Some(schema) = response.pointer_mut("/content/application~1json/schema")
        && !others.is_empty()
    {
        let others = others.iter().map(|name| reference(name));
        *schema = json!({ "oneOf": Value::from_iter([schema.take()].into_iter().chain(others)) });
    }
}

/// The answer with errors of a status.
fn refusal(Errors { status, text, errors, .. }: Errors) -> Value {
    let mut names = EVERYWHERE.to_vec();
    if !UNREAD.contains(&status) {
        names.push("X-Consistency");
    }
    if status == StatusCode::UNAUTHORIZED {
        names.push("WWW-Authenticate");
    }
    if errors.iter().any(|error| error.seconds_to_wait().is_some()) {
        names.push("Retry-After");
    }
    let content = content(examples(errors));
    json!({ "description": text, "headers": header_references(&names), "content": content })
}

fn header_references(names: &[&str]) -> Value {
    Value::Object(references(names).collect())
}

fn references(names: &[&str]) -> impl Iterator<Item = (String, Value)> {
    names
        .iter()
        .map(|name| ((*name).to_owned(), json!({ "$ref": format!("#/components/headers/{name}") })))
}

fn headers_of_answers() -> Vec<(String, Value)> {
    let text = json!({ "type": "string" });
    let count = json!({ "type": "integer", "minimum": 0 });
    let header = |name: &str, text: &str, schema: &Value| {
        (name.to_owned(), json!({ "description": text, "schema": schema }))
    };
    vec![
        header(
            "X-Request-Id",
            "Names the request in the log and in the audit log.",
            &json!({ "type": "string", "format": "uuid" }),
        ),
        header("ETag", "The entity's version, for `If-Match`; a bundle's exact bytes.", &text),
        header("Location", "Where the new entity is.", &text),
        header(
            "X-Consistency-Token",
            "The place of the change in the log: a read that sends it back sees the change.",
            &text,
        ),
        header(
            "X-Consistency",
            "`pending` where the change is committed but cannot be read yet; on a read where the \
             newest changes may be missing from it.",
            &json!({ "type": "string", "enum": ["pending"] }),
        ),
        header("X-RateLimit-Limit", "How many requests a minute are taken.", &count),
        header("X-RateLimit-Remaining", "How many of them are left.", &count),
        header("X-RateLimit-Reset", "In how many seconds all of them are left again.", &count),
        header("Retry-After", "Seconds to wait.", &count),
        header(
            "Idempotency-Replayed",
            "`true` where the request had happened before under the same `Idempotency-Key`.",
            &json!({ "type": "string", "enum": ["true"] }),
        ),
        header("WWW-Authenticate", "How to sign in.", &text),
        header("Set-Cookie", "The session's next refresh token, or none any more.", &text),
    ]
}

/// The answer to a repeat under the same `Idempotency-Key`, where the first one has shown a secret.
fn already_shown() -> Value {
    let text = "The answer to a request that was sent before under the same `Idempotency-Key`: as \
                the first one, with null in the place of each secret.";
    json!({
        "type": "object", "description": text, "required": ["secret_already_shown"],
        "properties": { "secret_already_shown": { "type": "boolean", "enum": [true] } },
    })
}

/// Bodies of answers to writes whose result cannot be read yet.
fn pending() -> Vec<(String, Value)> {
    let id = json!({ "type": "string", "format": "uuid" });
    let object = |text: &str, required: &str, properties: Value| {
        json!({
            "type": "object", "description": text, "required": [required],
            "properties": properties, "additionalProperties": false,
        })
    };
    let text = "The change is committed but cannot be read yet (`X-Consistency: pending`).";
    let device = object("The device.", "id", json!({ "id": id }));
    let key = |text: &str| json!({ "type": "string", "description": text });
    let private = "The private key, which is shown this once, where one was made.";
    let preshared = "The preshared key, which is shown this once, where the gateway wants one.";
    let properties = json!({
        "device": device, "private_key": key(private), "preshared_key": key(preshared),
    });
    vec![
        ("AlreadyShown".into(), already_shown()),
        ("Pending".into(), object(text, "id", json!({ "id": id }))),
        ("GatewayPending".into(), object(text, "gateway_id", json!({ "gateway_id": id }))),
        ("EnrolmentPending".into(), object(text, "device", properties)),
    ]
}
