//! What operations answer beside their success: errors and headers, and what is said while the
//! read models are behind.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::{
    components, each_operation,
    errors::{REQUEST_ID, conflicts, content, declared, errors, example},
    member,
    schemas::reference,
};
use crate::error::ApiError;

/// The schemas of what has a version. A write answers with its id alone where reads are behind.
const ENTITIES: &[&str] = &["Device", "Gateway", "GroupDetails", "Policy", "User", "Webhook"];

/// The headers of every answer.
const EVERYWHERE: &[&str] =
    &["X-Request-Id", "X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"];

pub(super) fn complete(document: &mut Value) {
    if let Some(schemas) = components(document, "schemas") {
        schemas.extend(pending());
    }
    if let Some(headers) = components(document, "headers") {
        headers.extend(headers_of_answers());
    }
    if let Some(responses) = components(document, "responses") {
        for (status, name, text, error) in errors() {
            let body = content(&[(error.code(), example(error))]);
            responses.insert(name.into(), response(text, status, body));
        }
    }
    each_operation(document, |operation| {
        let declared = declared(&operation);
        let conflicts = conflicts(&operation);
        let keyed = operation.takes_key();
        let writes = operation.writes() && !operation.is_auth() && !operation.previews();
        let browser = operation.is_browser();
        let Some(responses) = member(operation.fields, "responses") else { return };
        for (status, response) in responses.iter_mut() {
            complete_own(status, response, writes, keyed);
            let headers = response.get_mut("headers").and_then(Value::as_object_mut);
            if let Some(headers) = headers.filter(|_| browser && status.starts_with('2')) {
                headers.extend(references(&["Set-Cookie"]));
            }
        }
        for (status, name, _, _) in errors() {
            let number = status.as_str().to_owned();
            if declared.contains(&status) && !responses.contains_key(&number) {
                let target = format!("#/components/responses/{name}");
                responses.insert(number, json!({ "$ref": target }));
            }
        }
        if keyed && !responses.contains_key("422") {
            responses.insert("422".into(), json!({ "$ref": "#/components/responses/KeyReused" }));
        }
        if !conflicts.is_empty() && !responses.contains_key("409") {
            let codes: Vec<String> = conflicts.iter().map(|(c, _)| format!("`{c}`")).collect();
            let text = format!("It contradicts the present state: {}.", codes.join(", "));
            let examples: Vec<_> = conflicts
                .iter()
                .map(|(code, said)| {
                    (*code, example(ApiError::new(StatusCode::CONFLICT, code, *said)))
                })
                .collect();
            let answer = response(&text, StatusCode::CONFLICT, content(&examples));
            responses.insert("409".into(), answer);
        }
    });
}

/// An answer that the handler declares: its headers, and the bodies that it may have besides.
fn complete_own(status: &str, response: &mut Value, writes: bool, keyed: bool) {
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
        names.extend(["X-Consistency-Token", "X-Consistency"]);
    }
    if success && keyed {
        names.push("Idempotency-Replayed");
    }
    if status == "201" && (entity || ["Enrolment", "WebhookSecret"].contains(&name)) {
        names.push("Location");
    }
    let others: &[&str] = match name {
        "Enrolment" if writes => &["EnrolmentPending", "AlreadyShown"],
        "JoinToken" | "WebhookSecret" => &["AlreadyShown"],
        _ if entity && writes => &["Pending"],
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
        fields.insert("content".into(), content(&[(&code, body)]));
    }
    fields.insert("headers".into(), header_references(&names));
    if let Some(schema) = response.pointer_mut("/content/application~1json/schema")
        && !others.is_empty()
    {
        let others = others.iter().map(|name| reference(name));
        *schema = json!({ "oneOf": Value::from_iter([schema.take()].into_iter().chain(others)) });
    }
}

fn response(text: &str, status: StatusCode, content: Value) -> Value {
    let mut names = EVERYWHERE.to_vec();
    match status {
        StatusCode::UNAUTHORIZED => names.push("WWW-Authenticate"),
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
            names.push("Retry-After");
        }
        _ => {}
    }
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
            "`pending` where the change is committed but cannot be read yet.",
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
    let key = "The private key, which is shown this once, where one was made.";
    let properties = json!({
        "device": device, "private_key": { "type": "string", "description": key },
    });
    vec![
        ("AlreadyShown".into(), already_shown()),
        ("Pending".into(), object(text, "id", json!({ "id": id }))),
        ("EnrolmentPending".into(), object(text, "device", properties)),
    ]
}
