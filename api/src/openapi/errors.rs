//! The errors that operations can give. The examples are errors of ours, as they are answered.

use axum::http::StatusCode;
use nexavpn_commands::{CommandError, rows::KEY_IN_USE};
use serde_json::{Map, Value, json};

use super::{Operation, schemas::reference};
use crate::{
    auth::permissions::Who,
    error::{ApiError, ErrorBody},
    routes::PREVIEWS,
};

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
            NO_SUCH_STATE,
            (TOO_LARGE, "all policies of device … together would come to 12000 firewall entries"),
        ],
    ),
    (
        "policies",
        &[
            NO_SUCH_STATE,
            (TOO_LARGE, "all policies of device … together would come to 12000 firewall entries"),
        ],
    ),
    (
        "devices",
        &[
            ("device_name_taken", "the user has a device of this name already"),
            ("device_revoked", "the device is revoked: enrol it again"),
            NO_SUCH_STATE,
            ("device_limit", "the user has 10 devices already: revoke one first"),
            ("user_disabled", "the user is disabled: enable the user first"),
            (
                "address_taken",
                "this address is in use or rests after a revocation: choose another one",
            ),
            ("public_key_taken", "this key belongs to another device"),
            ("pool_exhausted", "the gateway's address pool has no free address"),
            DRAINING,
            (TOO_LARGE, "all policies of the device together come to too many firewall entries"),
        ],
    ),
    (
        "gateways",
        &[
            ("gateway_name_taken", "this name is taken"),
            ("gateway_in_use", "2 devices are assigned to this gateway"),
            (
                "gateway_draining",
                "the gateway to move to is being drained itself: name another one",
            ),
            ("gateway_not_ready", "the gateway has no WireGuard key yet: let its node join first"),
            ("agent_too_old", "the agent of the gateway's node cannot rotate its key: upgrade it"),
            ("next_key_missing", "the gateway's node has not announced its next key yet"),
        ],
    ),
    (
        "nodes",
        &[
            ("public_key_taken", "this key belongs to somebody else"),
            (
                "gateway_key_mismatch",
                "this gateway was made for another WireGuard key: join with its private key",
            ),
        ],
    ),
];

/// The conflicts of operations that add a device.
const ENROLMENT_CONFLICTS: &[(&str, &str)] = &[
    ("device_limit", "the user has 10 devices already: revoke one first"),
    ("device_name_taken", "the user has a device of this name already"),
    ("public_key_taken", "this key belongs to another device"),
    ("pool_exhausted", "the gateway's address pool has no free address"),
    DRAINING,
    ("address_taken", "this address is in use or rests after a revocation: choose another one"),
    (TOO_LARGE, "all policies of the device together come to too many firewall entries"),
];

/// What cannot be gone back to.
const NO_SUCH_STATE: (&str, &str) =
    ("no_such_state", "there was no such policy then: choose a moment at which it existed");

/// A gateway that gets no new devices.
const DRAINING: (&str, &str) =
    ("gateway_draining", "the gateway is being drained: choose another one, or end the drain");

/// Policies that are too much for a gateway's firewall where they meet.
const TOO_LARGE: &str = "profile_too_large";

/// Operations that answer 404 for what their query or their session names.
const LOOK_UP: &[&str] = &[
    "/me/profile",
    "/connection/status",
    "/admin/access",
    "/admin/access/explain",
    "/admin/audit/archive",
    "/admin/audit/consistency",
    "/admin/audit/inclusion",
];

/// The standard errors: status, component, description, and one as it is answered.
pub(super) fn errors() -> Vec<(StatusCode, &'static str, &'static str, ApiError)> {
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
pub(super) fn declared(operation: &Operation<'_>) -> Vec<StatusCode> {
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

pub(super) fn conflicts(operation: &Operation<'_>) -> Vec<(&'static str, &'static str)> {
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

/// The request id of examples.
pub(super) const REQUEST_ID: &str = "0198c2a4-5c1e-7d53-9a58-3f2b6c1d0e9f";

pub(super) fn example(error: ApiError) -> Value {
    let mut fields = error.into_fields();
    fields.request_id = Some(REQUEST_ID.to_owned());
    serde_json::to_value(ErrorBody { error: fields }).unwrap_or_default()
}

pub(super) fn content(examples: &[(&str, Value)]) -> Value {
    let named = |(name, value): &(&str, Value)| ((*name).to_owned(), json!({ "value": value }));
    let examples: Map<String, Value> = examples.iter().map(named).collect();
    json!({ "application/json": { "schema": reference("Error"), "examples": examples } })
}
