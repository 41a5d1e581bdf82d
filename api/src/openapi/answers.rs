//! What operations answer beside their success: errors and headers, and what is said while the
//! read models are behind. The examples are errors of ours, as they are answered.

use axum::http::StatusCode;
use nexavpn_commands::{CommandError, rows::KEY_IN_USE};
use serde_json::{Map, Value, json};

use super::{Operation, components, each_operation, member, schemas::reference};
use crate::{
    auth::permissions::Who,
    error::{ApiError, ErrorBody},
    routes::PREVIEWS,
};

/// The schemas of what has a version. A write answers with its id alone where reads are behind.
const ENTITIES: &[&str] = &["Device", "Gateway", "GroupDetails", "Policy", "User"];

/// The conflicts of a tag's operations: the code and what is said.
const CONFLICTS: &[(&str, &[(&str, &str)])] = &[
    (
        "users",
        &[
            ("username_taken", "this username is taken"),
            ("last_admin", "somebody must stay who can administer"),
        ],
    ),
    (
        "groups",
        &[
            ("group_name_taken", "this name is taken"),
            (TOO_LARGE, "all policies of device … together would come to 12000 firewall entries"),
        ],
    ),
    (
        "policies",
        &[(TOO_LARGE, "all policies of device … together would come to 12000 firewall entries")],
    ),
    (
        "devices",
        &[
            ("device_name_taken", "the user has a device of this name already"),
            ("device_revoked", "the device is revoked: enrol it again"),
            ("device_limit", "the user has 10 devices already: revoke one first"),
            ("user_disabled", "the user is disabled: enable the user first"),
            (
                "address_taken",
                "this address is in use or rests after a revocation: choose another one",
            ),
            ("public_key_taken", "this key belongs to another device"),
            (TOO_LARGE, "all policies of the device together come to too many firewall entries"),
        ],
    ),
    (
        "gateways",
        &[
            ("gateway_name_taken", "this name is taken"),
            ("gateway_in_use", "2 devices are assigned to this gateway"),
        ],
    ),
    ("nodes", &[("public_key_taken", "this key belongs to somebody else")]),
];

/// The conflicts of operations that add a device.
const ENROLMENT_CONFLICTS: &[(&str, &str)] = &[
    ("device_limit", "the user has 10 devices already: revoke one first"),
    ("device_name_taken", "the user has a device of this name already"),
    ("public_key_taken", "this key belongs to another device"),
    ("pool_exhausted", "the gateway's address pool has no free address"),
    ("address_taken", "this address is in use or rests after a revocation: choose another one"),
    (TOO_LARGE, "all policies of the device together come to too many firewall entries"),
];

/// Policies that are too much for a gateway's firewall where they meet.
const TOO_LARGE: &str = "profile_too_large";

/// Operations that answer 404 for what their query or their session names.
const LOOK_UP: &[&str] = &["/me/profile", "/connection/status", "/admin/access"];

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
        let Some(responses) = member(operation.fields, "responses") else { return };
        for (status, response) in responses.iter_mut() {
            complete_own(status, response, writes, keyed);
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

/// The standard errors: status, component, description, and one as it is answered.
fn errors() -> Vec<(StatusCode, &'static str, &'static str, ApiError)> {
    let precondition = CommandError::PreconditionFailed { entity: "user" };
    let unknown = "something went wrong here; the log has the details under the request id";
    vec![
        (
            StatusCode::BAD_REQUEST,
            "BadRequest",
            "The request is not valid; `details` names each bad field.",
            crate::extract::required("public_key"),
        ),
        (
            StatusCode::UNAUTHORIZED,
            "Unauthenticated",
            "Nobody is signed in, the token is not valid any more, or the credentials are wrong.",
            ApiError::unauthenticated("unauthenticated", "sign in first"),
        ),
        (
            StatusCode::FORBIDDEN,
            "Forbidden",
            "The role does not suffice, or a new password is due (`password_change_required`).",
            ApiError::forbidden("this needs the role admin"),
        ),
        (
            StatusCode::NOT_FOUND,
            "NotFound",
            "It does not exist, or it is somebody else's.",
            ApiError::not_found("user"),
        ),
        (
            StatusCode::PRECONDITION_FAILED,
            "PreconditionFailed",
            "The entity is not the version that `If-Match` names.",
            precondition.into(),
        ),
        (
            StatusCode::PAYLOAD_TOO_LARGE,
            "TooLarge",
            "The body is larger than the route takes.",
            ApiError::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "body_too_large",
                "the body is larger than this route takes",
            ),
        ),
        (
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "UnsupportedMediaType",
            "The body is not sent as JSON.",
            ApiError::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                "send the body as application/json",
            ),
        ),
        (
            StatusCode::UNPROCESSABLE_ENTITY,
            "KeyReused",
            "The `Idempotency-Key` was used for another request.",
            crate::idempotency::key_reused(),
        ),
        (
            StatusCode::TOO_MANY_REQUESTS,
            "TooManyRequests",
            "Too many attempts or requests; `Retry-After` says when to try again.",
            CommandError::Throttled { retry_after: 30 }.into(),
        ),
        (
            StatusCode::INTERNAL_SERVER_ERROR,
            "Internal",
            "A fault of ours; the log has the details under the request id.",
            ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", unknown),
        ),
        (
            StatusCode::SERVICE_UNAVAILABLE,
            "Unavailable",
            "Not now; `Retry-After` says when to try again.",
            CommandError::Busy { entity: "user" }.into(),
        ),
    ]
}

/// The standard errors that an operation can give.
fn declared(operation: &Operation<'_>) -> Vec<StatusCode> {
    let mut all = vec![
        // The consistency token and the credentials are looked at everywhere.
        StatusCode::BAD_REQUEST,
        StatusCode::UNAUTHORIZED,
        StatusCode::TOO_MANY_REQUESTS,
        StatusCode::INTERNAL_SERVER_ERROR,
        StatusCode::SERVICE_UNAVAILABLE,
    ];
    if operation.who().is_some_and(|who| who != Who::Public) {
        all.push(StatusCode::FORBIDDEN);
    }
    if operation.has_id() || LOOK_UP.contains(&operation.path) {
        all.push(StatusCode::NOT_FOUND);
    }
    if operation.takes_if_match() {
        all.push(StatusCode::PRECONDITION_FAILED);
    }
    if operation.has_body() {
        all.extend([StatusCode::PAYLOAD_TOO_LARGE, StatusCode::UNSUPPORTED_MEDIA_TYPE]);
    }
    all
}

fn conflicts(operation: &Operation<'_>) -> Vec<(&'static str, &'static str)> {
    let mut all = entity_conflicts(operation).to_vec();
    if operation.takes_key() {
        all.push((KEY_IN_USE, "a request with this Idempotency-Key still runs"));
    }
    all
}

fn entity_conflicts(operation: &Operation<'_>) -> &'static [(&'static str, &'static str)] {
    if !operation.writes() {
        return &[];
    }
    if operation.path.ends_with("/devices") || operation.path == "/devices/enroll" {
        return ENROLMENT_CONFLICTS;
    }
    let tag = operation.fields.get("tags").and_then(|t| t.get(0)).and_then(Value::as_str);
    let own = operation.path.starts_with("/me/devices/");
    let tag = match tag.unwrap_or_default() {
        _ if own => "devices",
        "clients" => "devices",
        "previews" => previewed(operation.path),
        tag => tag,
    };
    if operation.path.ends_with("/heartbeat") || operation.path.ends_with("/status") {
        return &[];
    }
    CONFLICTS.iter().find(|(name, _)| *name == tag).map_or(&[], |(_, conflicts)| conflicts)
}

/// What a preview is about: it is refused as the real thing is.
fn previewed(path: &str) -> &str {
    let rest = path.strip_prefix(PREVIEWS).unwrap_or_default();
    rest.split('/').next().unwrap_or_default()
}

/// An answer that the handler declares: its headers, and the bodies that it may have besides.
fn complete_own(status: &str, response: &mut Value, writes: bool, keyed: bool) {
    let success = status.starts_with('2');
    let pointer = "/content/application~1json/schema/$ref";
    let schema = response.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let name = schema.rsplit('/').next().unwrap_or_default();
    let entity = ENTITIES.contains(&name);
    let mut names = vec!["X-Request-Id"];
    if entity || status == "304" || name == "SignedBundle" {
        names.push("ETag");
    }
    if success && writes {
        names.extend(["X-Consistency-Token", "X-Consistency"]);
    }
    if success && keyed {
        names.push("Idempotency-Replayed");
    }
    if status == "201" && (entity || name == "Enrolment") {
        names.push("Location");
    }
    let others: &[&str] = match name {
        "Enrolment" if writes => &["EnrolmentPending", "AlreadyShown"],
        "JoinToken" => &["AlreadyShown"],
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

/// The request id of examples.
const REQUEST_ID: &str = "0198c2a4-5c1e-7d53-9a58-3f2b6c1d0e9f";

fn example(error: ApiError) -> Value {
    let mut fields = error.into_fields();
    fields.request_id = Some(REQUEST_ID.to_owned());
    serde_json::to_value(ErrorBody { error: fields }).unwrap_or_default()
}

fn content(examples: &[(&str, Value)]) -> Value {
    let named = |(name, value): &(&str, Value)| ((*name).to_owned(), json!({ "value": value }));
    let examples: Map<String, Value> = examples.iter().map(named).collect();
    json!({ "application/json": { "schema": reference("Error"), "examples": examples } })
}

fn response(text: &str, status: StatusCode, content: Value) -> Value {
    let mut names = vec!["X-Request-Id"];
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
    let reference = |name: &&str| {
        ((*name).to_owned(), json!({ "$ref": format!("#/components/headers/{name}") }))
    };
    Value::Object(names.iter().map(reference).collect())
}

fn headers_of_answers() -> Vec<(String, Value)> {
    let text = json!({ "type": "string" });
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
        header("Retry-After", "Seconds to wait.", &json!({ "type": "integer", "minimum": 0 })),
        header(
            "Idempotency-Replayed",
            "`true` where the request had happened before under the same `Idempotency-Key`.",
            &json!({ "type": "string", "enum": ["true"] }),
        ),
        header("WWW-Authenticate", "How to sign in.", &text),
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
