//! The OpenAPI 3.1 document: what the handlers say of themselves (`#[utoipa::path]`, `ToSchema`),
//! and what follows from the permission table and the conventions and so is said once.
//!
//! | file | adds |
//! | --- | --- |
//! | `operations.rs` | summaries, security, parameters of paths, lists and headers |
//! | `lists.rs` | what each list takes |
//! | `answers.rs` | headers of answers, the answer while reads are behind |
//! | `errors.rs` | the errors that an operation can give |
//! | `codes/` | the table of their codes |
//! | `schemas.rs` | names and texts of schemas |
//! | `examples.rs` | an example for every body and parameter |

mod answers;
mod codes;
mod errors;
mod examples;
mod lists;
mod operations;
mod schemas;

use std::{mem, sync::OnceLock};

use serde_json::{Map, Value, json};

use crate::{
    BASE_PATH,
    auth::permissions::{self, Who},
    error::ErrorBody,
    routes::{self, PREVIEWS, REPEATABLE},
};

/// What the tags stand for, in the order in which they are shown.
const TAGS: &[(&str, &str)] = &[
    ("auth", "Signing in and out."),
    ("me", "About oneself, for everybody who is signed in."),
    ("clients", "For the clients on devices, and for the devices' owners."),
    ("connection", "What a client shows about its connection."),
    ("users", "Users, for admins; auditors read."),
    ("groups", "Groups of users, which policies can target."),
    ("devices", "Devices of all users."),
    ("policies", "Who may reach what."),
    ("gateways", "WireGuard gateways and their signed bundles."),
    ("nodes", "For the gateways' nodes."),
    ("previews", "What a change would do: the same request, with `/preview` behind `/admin`."),
    ("access", "Why a packet passes or not."),
    ("audit", "What happened: the events themselves."),
    ("proofs", "What proves that nobody edited the record."),
    ("webhooks", "Where events are sent to, signed by the Standard Webhooks specification."),
    ("document", "This document."),
];

const DESCRIPTION: &str = "\
NexaVPN decides who may reach what over a WireGuard VPN.

Sign in with `POST /auth/login` and send the access token as `Authorization: Bearer …`; it lasts 15 \
minutes and is renewed with `POST /auth/refresh`. Web pages of the same origin use `/auth/browser/…`, \
where the refresh token is in a cookie that no script can read. Errors are \
`{\"error\": {\"code\", \"message\", \"details\", \"request_id\"}}`; programs decide on `code`. Times \
are RFC 3339 in UTC, ids are UUIDs.

A read after a write sees the write. Where the read models are late, the answer to a write says \
`X-Consistency: pending`, and a read that sends its `X-Consistency-Token` waits for it. Where they \
are late for longer than a read waits, its answer says `X-Consistency: pending` too: the newest \
changes may be missing from it, and what is not there yet is answered with 503 `not_yet_consistent`, \
not with 404.";

/// The document.
#[must_use]
pub fn document() -> &'static Value {
    static DOCUMENT: OnceLock<Value> = OnceLock::new();
    DOCUMENT.get_or_init(assemble)
}

/// The document as it is served and kept in `api/openapi.json`.
#[must_use]
pub fn text() -> &'static str {
    static TEXT: OnceLock<String> = OnceLock::new();
    TEXT.get_or_init(|| format!("{:#}\n", document()))
}

fn assemble() -> Value {
    let handlers = routes::native().into_openapi();
    // Schemas of ours always serialise; an empty document would fail every test.
    let mut document = serde_json::to_value(&handlers).unwrap_or_default();
    if let Some(Value::Object(paths)) = document.get_mut("paths") {
        // The rest of a path is a parameter like any other to readers of the document.
        *paths = mem::take(paths)
            .into_iter()
            .map(|(path, methods)| (permissions::as_documented(&path), methods))
            .collect();
    }
    schemas::register::<ErrorBody>(&mut document);
    if let Some(root) = document.as_object_mut() {
        root.insert("info".into(), info());
        root.insert("servers".into(), json!([{ "url": BASE_PATH }]));
        let tag = |(name, text): &(&str, &str)| json!({ "name": name, "description": text });
        root.insert("tags".into(), TAGS.iter().map(tag).collect());
    }
    schemas::complete(&mut document);
    operations::complete(&mut document);
    answers::complete(&mut document);
    examples::complete(&mut document);
    document
}

fn info() -> Value {
    json!({
        "title": "NexaVPN",
        "version": env!("CARGO_PKG_VERSION"),
        "description": DESCRIPTION,
        "license": { "name": env!("CARGO_PKG_LICENSE"), "identifier": env!("CARGO_PKG_LICENSE") },
    })
}

/// An operation of the document.
struct Operation<'a> {
    /// `GET`, …
    method: String,
    path: &'a str,
    fields: &'a mut Map<String, Value>,
}

impl Operation<'_> {
    /// Method and path.
    fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    fn has_body(&self) -> bool {
        self.fields.contains_key("requestBody")
    }

    fn has_id(&self) -> bool {
        self.path.contains('{')
    }

    fn writes(&self) -> bool {
        self.method != "GET"
    }

    fn is_auth(&self) -> bool {
        self.path.starts_with("/auth/")
    }

    fn who(&self) -> Option<Who> {
        permissions::find(&self.method, self.path).map(|p| p.who)
    }

    /// Whether it is about a session whose refresh token is in a cookie.
    fn is_browser(&self) -> bool {
        self.path.starts_with("/auth/browser/")
    }

    /// Whether it only says what another one would do.
    fn previews(&self) -> bool {
        self.path.starts_with(PREVIEWS)
    }

    /// Whether users may send it under a key of their own, to have it happen once.
    fn takes_key(&self) -> bool {
        let users = !matches!(self.who(), None | Some(Who::Public | Who::OwnGateway));
        let again = self.previews() || REPEATABLE.contains(&self.path);
        self.writes() && users && !self.is_auth() && !again
    }

    /// Whether it changes one entity, which has a version.
    fn takes_if_match(&self) -> bool {
        let adds = self.method == "POST" && self.path.ends_with("/devices");
        let reports = self.path.ends_with("/heartbeat") || self.path.ends_with("/status");
        // A session has no version that anybody could know.
        let sessions = self.path.contains("/sessions");
        let tries = self.path.ends_with("/test");
        self.writes() && self.has_id() && !adds && !reports && !sessions && !tries
    }
}

/// Calls back for every operation.
fn each_operation(document: &mut Value, mut f: impl FnMut(Operation<'_>)) {
    let Some(paths) = document.get_mut("paths").and_then(Value::as_object_mut) else { return };
    for (path, methods) in paths {
        for (method, fields) in methods.as_object_mut().into_iter().flatten() {
            if let Some(fields) = fields.as_object_mut() {
                f(Operation { method: method.to_uppercase(), path, fields });
            }
        }
    }
}

/// An object's member, made where it is missing.
fn member<'a>(
    object: &'a mut Map<String, Value>,
    name: &str,
) -> Option<&'a mut Map<String, Value>> {
    object.entry(name).or_insert_with(|| json!({})).as_object_mut()
}

/// The components of a kind.
fn components<'a>(document: &'a mut Value, kind: &str) -> Option<&'a mut Map<String, Value>> {
    member(member(document.as_object_mut()?, "components")?, kind)
}
