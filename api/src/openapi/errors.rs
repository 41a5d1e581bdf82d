//! The errors that operations can give, put together from the table of their codes. The examples
//! are errors of ours, as they are answered.

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use super::{Operation, codes, schemas::reference};
use crate::error::{ApiError, ErrorBody};

/// What a status stands for: the component that operations share, and what is said of it.
const STATUSES: &[(StatusCode, &str, &str)] = &[
    (
        StatusCode::BAD_REQUEST,
        "BadRequest",
        "The request is not valid; `details` names each bad field",
    ),
    (
        StatusCode::UNAUTHORIZED,
        "Unauthenticated",
        "Nobody is signed in, the token is not valid any more, or the credentials are wrong",
    ),
    (
        StatusCode::FORBIDDEN,
        "Forbidden",
        "The role does not suffice, or a new password is due (`password_change_required`)",
    ),
    (StatusCode::NOT_FOUND, "NotFound", "It does not exist, or it is somebody else's"),
    (StatusCode::REQUEST_TIMEOUT, "TooSlow", "The body did not arrive in time"),
    (StatusCode::CONFLICT, "KeyInUse", "It contradicts the present state"),
    (
        StatusCode::PRECONDITION_FAILED,
        "PreconditionFailed",
        "The entity is not the version that `If-Match` names",
    ),
    (StatusCode::PAYLOAD_TOO_LARGE, "TooLarge", "The body is larger than the route takes"),
    (
        StatusCode::URI_TOO_LONG,
        "UriTooLong",
        "The address is too long, and where it is so by far, nothing more is said",
    ),
    (
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "UnsupportedMediaType",
        "The body is not of a media type that the route takes",
    ),
    (
        StatusCode::UNPROCESSABLE_ENTITY,
        "KeyReused",
        "The `Idempotency-Key` was used for another request",
    ),
    (
        StatusCode::TOO_MANY_REQUESTS,
        "TooManyRequests",
        "Too many attempts or requests; `Retry-After` says when to try again",
    ),
    (
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        "HeadersTooLarge",
        "The headers are too large or too many, and where they are so by far, nothing more is said",
    ),
    (
        StatusCode::INTERNAL_SERVER_ERROR,
        "Internal",
        "A fault of ours; the log has the details under the request id",
    ),
    (
        StatusCode::SERVICE_UNAVAILABLE,
        "Unavailable",
        "Not now; `Retry-After` says when to try again",
    ),
];

/// The most codes in a component's name besides that of what nearly all operations share.
const NAMED: usize = 2;

/// The errors of one status that an operation can give.
pub(super) struct Errors {
    pub(super) status: StatusCode,
    /// What is said of them.
    pub(super) text: String,
    pub(super) errors: Vec<ApiError>,
    /// The component for all operations that can give the same.
    pub(super) component: Option<String>,
}

/// The errors that an operation can give, by status.
pub(super) fn given(operation: &Operation<'_>) -> Vec<Errors> {
    let mut known = codes::all();
    known.retain(|known| known.by.gives(operation));
    let mut given = Vec::new();
    for (status, name, text) in STATUSES {
        let of_status = |known: &mut codes::Known| known.error.status() == *status;
        let own: Vec<_> = known.extract_if(.., of_status).collect();
        if own.is_empty() {
            continue;
        }
        let (shared, peculiar): (Vec<_>, Vec<_>) = own.iter().partition(|k| k.by.is_shared());
        let shared = (!shared.is_empty()).then(|| (*name).to_owned());
        let parts = shared.into_iter().chain(peculiar.iter().map(|k| spoken(k.error.code())));
        let component = parts.collect::<Vec<_>>().join("Or");
        let component = (peculiar.len() <= NAMED).then_some(component);
        let text = match *status {
            StatusCode::CONFLICT => {
                let codes: Vec<_> = own.iter().map(|k| format!("`{}`", k.error.code())).collect();
                format!("{text}: {}.", codes.join(", "))
            }
            _ => format!("{text}."),
        };
        let errors = own.into_iter().map(|known| known.error).collect();
        given.push(Errors { status: *status, text, errors, component });
    }
    given
}

/// A code as names of components are written.
fn spoken(code: &str) -> String {
    let capital = |word: &str| {
        let mut letters = word.chars();
        letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect::<String>()
    };
    code.split('_').map(capital).collect()
}

/// The request id of examples.
pub(super) const REQUEST_ID: &str = "0198c2a4-5c1e-7d53-9a58-3f2b6c1d0e9f";

/// An error as it is answered.
fn example(error: ApiError) -> Value {
    let mut fields = error.into_fields();
    fields.request_id = Some(REQUEST_ID.to_owned());
    serde_json::to_value(ErrorBody { error: fields }).unwrap_or_default()
}

/// Examples of these errors by their codes.
pub(super) fn examples(errors: Vec<ApiError>) -> Map<String, Value> {
    let named = |error: ApiError| (error.code().to_owned(), json!({ "value": example(error) }));
    errors.into_iter().map(named).collect()
}

/// The body of errors with these examples.
pub(super) fn content(examples: Map<String, Value>) -> Value {
    json!({ "application/json": { "schema": reference("Error"), "examples": examples } })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::auth::permissions::TABLE;

    #[test]
    fn every_error_of_the_table_has_a_status_that_is_explained() {
        for known in codes::all() {
            let status = known.error.status();
            assert!(STATUSES.iter().any(|(s, ..)| *s == status), "{}", known.error.code());
        }
    }

    #[test]
    fn every_operation_that_the_table_names_is_there() {
        let operations: BTreeSet<String> = TABLE.iter().map(|row| row.name()).collect();
        for name in codes::named() {
            assert!(operations.contains(name), "{name}");
        }
    }

    #[test]
    fn components_are_named_after_codes() {
        assert_eq!(spoken("log_behind"), "LogBehind");
    }
}
