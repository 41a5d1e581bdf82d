//! What operations take: who may call them, and their parameters in path, query and headers.

use serde_json::{Value, json};

use super::{Operation, components, each_operation, lists, schemas::plain};
use crate::{auth::permissions::Who, routes::COOKIE};

/// What a path's parameters name, by the segment before.
const PATH_IDS: &[(&str, &str)] = &[
    ("users", "The user's id."),
    ("groups", "The group's id."),
    ("members", "The user's id."),
    ("devices", "The device's id."),
    ("policies", "The policy's id."),
    ("gateways", "The gateway's id."),
    ("sessions", "The session's id."),
    ("webhooks", "The webhook's id."),
];

/// Path parameters that are no ids: the name, what it looks like, what it is.
const PATH_TEXTS: &[(&str, &str, &str)] = &[
    ("level", "^([0-7]|entries)$", "The level, 0 for the hashes of events, or `entries`."),
    (
        "place",
        r"^(x[0-9]{3}/)*[0-9]{3}(\.p/[1-9][0-9]{0,2})?$",
        "The tile's place, and how many of its hashes where it is not full.",
    ),
];

/// Headers that requests may carry: the component's name, the header, its schema, what it is for.
fn headers() -> Vec<(&'static str, &'static str, Value, &'static str)> {
    let text = json!({ "type": "string" });
    vec![
        (
            "RequestId",
            "X-Request-Id",
            json!({ "type": "string", "format": "uuid" }),
            "Names the request in the log and in the audit log; made where it is missing.",
        ),
        (
            "ConsistencyToken",
            "X-Consistency-Token",
            text.clone(),
            "The token of an earlier answer: the request waits until that change can be read.",
        ),
        (
            "IdempotencyKey",
            "Idempotency-Key",
            json!({ "type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]+$" }),
            "A key of the caller's own for this request: sent again under the same key within a \
             day, it happens once and is answered as it was the first time.",
        ),
        (
            "Reason",
            "X-Reason",
            json!({ "type": "string", "maxLength": 1000 }),
            "Why, for the audit log.",
        ),
        (
            "IfMatch",
            "If-Match",
            text,
            "The `ETag` of the entity as it was read: 412 where it was changed since.",
        ),
    ]
}

pub(super) fn complete(document: &mut Value) {
    if let Some(schemes) = components(document, "securitySchemes") {
        let scheme = |format: &str, text: &str| {
            json!({
                "type": "http", "scheme": "bearer", "bearerFormat": format, "description": text,
            })
        };
        let user = scheme("JWT", "The access token of a session, for 15 minutes.");
        schemes.insert("session".into(), user);
        let node = scheme("opaque", "A gateway's own credential; it opens that gateway only.");
        schemes.insert("gateway".into(), node);
        let cookie = json!({
            "type": "apiKey", "in": "cookie", "name": COOKIE,
            "description": "The refresh token of a web page's session.",
        });
        schemes.insert("browser".into(), cookie);
    }
    if let Some(parameters) = components(document, "parameters") {
        for (key, name, schema, text) in headers() {
            let parameter =
                json!({ "name": name, "in": "header", "description": text, "schema": schema });
            parameters.insert(key.into(), parameter);
        }
    }
    each_operation(document, |mut operation| {
        describe(&mut operation);
        secure(&mut operation);
        add_parameters(&mut operation);
        if let Some(body) = operation.fields.get_mut("requestBody").and_then(Value::as_object_mut) {
            body.entry("description").or_insert_with(|| json!("The request."));
        }
    });
}

/// The first sentence of the handler's documentation, and all of it.
fn describe(operation: &mut Operation<'_>) {
    let part = |name: &str| operation.fields.get(name).and_then(Value::as_str).unwrap_or_default();
    let text = format!("{}\n\n{}", part("summary"), part("description"));
    let text = plain(text.trim());
    let end = text.find(". ").or_else(|| text.find(".\n")).unwrap_or(text.len());
    let first = text.get(..end).unwrap_or(&text);
    let summary = first.split(": ").next().unwrap_or(first).trim_end_matches('.');
    operation.fields.insert("summary".into(), json!(summary));
    operation.fields.insert("description".into(), json!(text));
}

fn secure(operation: &mut Operation<'_>) {
    let cookie = operation.is_browser() && !operation.has_body();
    let (security, text) = match operation.who() {
        _ if cookie => (json!([{ "browser": [] }]), "For pages of this server."),
        None | Some(Who::Public) => (json!([]), "Open to everybody."),
        Some(Who::SignedIn) => (json!([{ "session": [] }]), "For everybody who is signed in."),
        Some(Who::OwnerOrAdmin) => (json!([{ "session": [] }]), "For the owner and for admins."),
        Some(Who::Reader) => (json!([{ "session": [] }]), "For admins and auditors."),
        Some(Who::Admin) => (json!([{ "session": [] }]), "For admins."),
        Some(Who::OwnGateway) => (json!([{ "gateway": [] }]), "For the gateway itself."),
        Some(Who::OwnGatewayOrAdmin) => (
            json!([{ "session": [] }, { "gateway": [] }]),
            "For the gateway itself and for admins.",
        ),
    };
    operation.fields.insert("security".into(), security);
    if let Some(Value::String(description)) = operation.fields.get_mut("description") {
        description.push_str("\n\n");
        description.push_str(text);
    }
}

fn add_parameters(operation: &mut Operation<'_>) {
    let mut all = path_parameters(operation.path);
    if operation.method == "GET" {
        all.extend(lists::parameters(operation.path));
    }
    let own = operation.fields.remove("parameters");
    all.extend(own.and_then(|p| p.as_array().cloned()).into_iter().flatten().map(described));
    let mut header =
        |key: &str| all.push(json!({ "$ref": format!("#/components/parameters/{key}") }));
    if operation.takes_if_match() {
        header("IfMatch");
    }
    if operation.takes_key() {
        header("IdempotencyKey");
        header("Reason");
    }
    header("ConsistencyToken");
    header("RequestId");
    operation.fields.insert("parameters".into(), all.into());
}

/// A handler's own parameter, its text on one line.
fn described(mut parameter: Value) -> Value {
    if let Some(Value::String(text)) = parameter.get_mut("description") {
        *text = plain(text);
    }
    parameter
}

fn path_parameters(path: &str) -> Vec<Value> {
    let segments: Vec<&str> = path.split('/').collect();
    let pairs = segments.windows(2).filter_map(|pair| match pair {
        [before, named] => {
            let name = named.strip_prefix('{')?.strip_suffix('}')?;
            if let Some((_, pattern, text)) = PATH_TEXTS.iter().find(|(known, ..)| *known == name) {
                return Some(json!({
                    "name": name, "in": "path", "required": true, "description": text,
                    "schema": { "type": "string", "pattern": pattern },
                }));
            }
            let text = PATH_IDS.iter().find(|(segment, _)| segment == before);
            Some(json!({
                "name": name, "in": "path", "required": true,
                "description": text.map_or("Its id.", |(_, text)| text),
                "schema": { "type": "string", "format": "uuid" },
            }))
        }
        _ => None,
    });
    pairs.collect()
}
