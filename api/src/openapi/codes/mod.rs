//! The codes of errors, and which operations can give them: one table. What only one handler knows
//! of is declared beside it. The tests hold every answer that they get against this.
//!
//! | file | holds |
//! | --- | --- |
//! | `mod.rs` | what nearly all operations give, and what passes |
//! | `conflicts.rs` | what contradicts the present state |
//! | `names.rs` | operations that have errors in common |

mod conflicts;
mod names;

use axum::http::StatusCode;
use nexavpn_commands::CommandError;
use nexavpn_domain::DomainError;

use super::Operation;
use crate::{auth::permissions::Who, error::ApiError, extract, idempotency, routes::PREVIEWS};
use conflicts::CONFLICTS;
use names::{JOIN, LOGIN, Names, OWN_PASSWORD, PROOFS_OF, REFRESH, SYNC};

/// An error as it is answered, and who gives it.
pub(super) struct Known {
    pub(super) error: ApiError,
    pub(super) by: By,
}

/// Which operations give an error.
#[derive(Debug, Clone, Copy)]
pub(super) enum By {
    /// All of them.
    All,
    /// Those that are not open to everybody.
    Guarded,
    /// Those that are about something that the request names.
    Named,
    /// Those that read a body.
    Reading,
    /// Those whose body is of a media type.
    Typed,
    /// Those that compare versions.
    Compared,
    /// Those that happen once under a key.
    Keyed,
    /// Those below a path.
    Below(&'static str),
    /// These, by method and path; a preview is refused as the real thing is.
    These(&'static [Names]),
}

impl By {
    /// Whether the error belongs to operations of a kind, which share one list of errors.
    pub(super) const fn is_shared(self) -> bool {
        !matches!(self, Self::Below(_) | Self::These(_))
    }

    pub(super) fn gives(self, operation: &Operation<'_>) -> bool {
        match self {
            Self::All => true,
            Self::Guarded => operation.who().is_some_and(|who| who != Who::Public),
            Self::Named => operation.has_id() || LOOK_UP.contains(&operation.name().as_str()),
            Self::Reading => operation.has_body() || operation.takes_key(),
            Self::Typed => operation.has_body(),
            Self::Compared => operation.takes_if_match(),
            Self::Keyed => operation.takes_key(),
            Self::Below(path) => operation.path.starts_with(path),
            Self::These(names) => {
                let name = operation.name();
                let real = name.replace(PREVIEWS, "/admin/");
                names.iter().copied().flatten().any(|known| *known == name || *known == real)
            }
        }
    }
}

/// Where what proves the record is.
const PROOFS: &str = "/admin/audit/";

/// Operations without an id in their path that answer 404: for what their query or their session
/// names, or because who asks was deleted in this very moment.
const LOOK_UP: &[&str] = &[
    "GET /auth/me",
    "POST /auth/logout-all",
    "GET /me/profile",
    "GET /me/sessions",
    "POST /me/devices",
    "POST /me/password",
    "GET /connection/status",
    "POST /devices/enroll",
    "GET /admin/access",
    "GET /admin/access/explain",
    "GET /admin/audit/archive",
    "GET /admin/audit/consistency",
    "GET /admin/audit/inclusion",
];

/// Every error that is not declared by a handler.
pub(super) fn all() -> Vec<Known> {
    let conflicts = CONFLICTS.iter().map(|(code, said, names)| {
        let by = By::These(names);
        Known { error: DomainError::conflict(code, *said).into(), by }
    });
    requests().into_iter().chain(callers()).chain(conflicts).chain(moments()).collect()
}

/// What can be wrong with the request itself.
fn requests() -> Vec<Known> {
    let new = |status, code, said: &str, by| Known { error: ApiError::new(status, code, said), by };
    let known = |error, by| Known { error, by };
    vec![
        // The consistency token and the credentials are looked at everywhere.
        known(extract::required("public_key"), By::All),
        known(ApiError::not_found("user"), By::Named),
        new(
            StatusCode::NOT_FOUND,
            "no_active_device",
            "you have no active device: enrol one with POST /devices/enroll",
            By::These(&[&["GET /me/profile", "GET /connection/status"]]),
        ),
        new(
            StatusCode::NOT_FOUND,
            "not_in_log",
            "the transparency log holds 1842 events so far",
            By::These(&[PROOFS_OF, &["GET /admin/audit/tile/{level}/{place}"]]),
        ),
        new(
            StatusCode::REQUEST_TIMEOUT,
            "body_too_slow",
            "the body did not arrive in time",
            By::Reading,
        ),
        known(idempotency::still_running(), By::Keyed),
        known(CommandError::PreconditionFailed { entity: "user" }.into(), By::Compared),
        known(extract::body_too_large(), By::All),
        new(
            StatusCode::URI_TOO_LONG,
            "uri_too_long",
            "the address is longer than 8192 bytes",
            By::All,
        ),
        new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            "send the body as application/json",
            By::Typed,
        ),
        known(idempotency::key_reused(), By::Keyed),
        new(
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            "headers_too_large",
            "the headers are larger than 32768 bytes",
            By::All,
        ),
    ]
}

/// Why a caller may not.
fn callers() -> Vec<Known> {
    let unknown = |code, said: &str, by| Known { error: ApiError::unauthenticated(code, said), by };
    let new = |status, code, said: &str, by| Known { error: ApiError::new(status, code, said), by };
    vec![
        unknown("unauthenticated", "sign in first", By::All),
        unknown("invalid_token", "the access token is unknown, expired or revoked", By::All),
        unknown(
            "invalid_credentials",
            "the username or the password is wrong",
            By::These(&[LOGIN, REFRESH]),
        ),
        Known { error: ApiError::forbidden("this needs the role admin"), by: By::Guarded },
        new(
            StatusCode::FORBIDDEN,
            "password_change_required",
            "choose a new password first: POST /api/v1/me/password",
            By::Guarded,
        ),
        new(
            StatusCode::TOO_MANY_REQUESTS,
            "rate_limited",
            "too many requests: wait as long as Retry-After says",
            By::All,
        ),
        Known {
            error: CommandError::Throttled { retry_after: 30 }.into(),
            by: By::These(&[LOGIN, OWN_PASSWORD]),
        },
    ]
}

/// What another try may not meet again.
fn moments() -> Vec<Known> {
    let command = |error: CommandError, by| Known { error: error.into(), by };
    let fault = |code, said: &str, by| {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        Known { error: ApiError::new(status, code, said), by }
    };
    let later = |code, said: &str, seconds, by| Known {
        error: ApiError::unavailable(code, said, seconds),
        by,
    };
    vec![
        fault(
            "internal_error",
            "something went wrong here; the log has the details under the request id",
            By::All,
        ),
        fault(
            "log_damaged",
            "the transparency log is damaged: event 1842 is missing",
            By::Below(PROOFS),
        ),
        later(
            "timeout",
            "the request took too long; whether it happened is not known yet",
            1,
            By::All,
        ),
        later("database_unavailable", "the database does not answer: try again", 5, By::All),
        later("not_live", "the control plane is still reading its events: try again", 1, By::All),
        later(
            "not_yet_consistent",
            "the newest changes are not readable yet: try again",
            1,
            By::All,
        ),
        command(CommandError::Busy { entity: "user" }, By::All),
        command(CommandError::NotAccepted, By::All),
        command(
            CommandError::Overloaded,
            By::These(&[
                LOGIN,
                OWN_PASSWORD,
                &["POST /admin/users", "POST /admin/users/{id}/password"],
            ]),
        ),
        later(
            "log_behind",
            "the transparency log is being built again: try again",
            1,
            By::Below(PROOFS),
        ),
        later(
            "catching_up",
            "the event stream is being read, try again in a moment",
            1,
            By::These(&[SYNC]),
        ),
        later(
            "not_ready",
            "there is no bundle-signing key yet: try again",
            5,
            By::These(&[JOIN, SYNC, &["POST /admin/gateways/{id}/join-token"]]),
        ),
        later(
            "not_tried",
            "the request took too long before this one's turn: send it again",
            1,
            By::These(&[&[
                "POST /admin/preview/users/bulk",
                "POST /admin/preview/devices/bulk",
                "POST /admin/preview/policies/bulk",
            ]]),
        ),
    ]
}

/// Every operation that the table names.
#[cfg(test)]
pub(super) fn named() -> Vec<&'static str> {
    let names = |by| match by {
        By::These(names) => names.concat(),
        _ => vec![],
    };
    let of_all = all().into_iter().flat_map(|known| names(known.by));
    of_all.chain(LOOK_UP.iter().copied()).collect()
}
