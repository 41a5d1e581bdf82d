//! Errors as HTTP: the one place where they get their status.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use nexavpn_commands::CommandError;
use nexavpn_domain::{DomainError, FieldError};
use nexavpn_gateway_projector::{FleetAtError, ReportError};
use nexavpn_projections::ReadError;
use nexavpn_store::{KeyError, StoreError};
use serde::Serialize;
use utoipa::ToSchema;

use crate::auth::JwtError;

/// What a client is told.
#[derive(Debug)]
pub struct ApiError {
    status: StatusCode,
    code: &'static str,
    message: String,
    details: Vec<FieldError>,
    retry_after: Option<u64>,
}

/// On an answer about several things: the codes of those that were refused, each once.
#[derive(Debug, Clone)]
pub(crate) struct RefusedCodes(pub(crate) Vec<&'static str>);

/// The body: `{"error": {"code", "message", "details", "request_id"}}`.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Error)]
pub(crate) struct ErrorBody {
    /// What is wrong.
    pub(crate) error: ErrorFields,
}

/// What is wrong, for programs and for people.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = ErrorDetails)]
pub(crate) struct ErrorFields {
    /// Stable: what programs decide on.
    pub(crate) code: &'static str,
    /// For people: what is wrong and what to do.
    pub(crate) message: String,
    /// Each field that is wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub(crate) details: Vec<FieldError>,
    #[serde(skip_serializing_if = "Option::is_none")]
    /// Names the request in the server's log.
    pub(crate) request_id: Option<String>,
}

impl ApiError {
    /// An error without details.
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), details: vec![], retry_after: None }
    }

    /// 400 about one field.
    pub fn field(field: impl Into<String>, message: impl Into<String>) -> Self {
        DomainError::field(field, message).into()
    }

    /// 400 about many fields, with a message of its own instead of all of theirs.
    pub(crate) fn invalid(message: impl Into<String>, details: Vec<FieldError>) -> Self {
        let status = StatusCode::BAD_REQUEST;
        Self { details, ..Self::new(status, "validation_error", message) }
    }

    /// 404, also where the entity exists but is somebody else's.
    #[must_use]
    pub fn not_found(entity: &'static str) -> Self {
        DomainError::not_found(entity).into()
    }

    /// 401.
    pub fn unauthenticated(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, code, message)
    }

    /// 403.
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", message)
    }

    /// 503 with the seconds after which another try makes sense.
    pub fn unavailable(code: &'static str, message: impl Into<String>, retry_after: u64) -> Self {
        let retry_after = Some(retry_after);
        Self { retry_after, ..Self::new(StatusCode::SERVICE_UNAVAILABLE, code, message) }
    }

    /// The same error with the seconds after which another try makes sense.
    #[must_use]
    pub fn retry_after(self, seconds: u64) -> Self {
        Self { retry_after: Some(seconds), ..self }
    }

    /// What went wrong inside; the client only learns that something did.
    pub fn internal(error: &dyn std::fmt::Display) -> Self {
        tracing::error!(%error, "a request failed");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal_error",
            "something went wrong here; the log has the details under the request id",
        )
    }

    /// Takes the error out of an answer that is one.
    pub(crate) fn take_from(response: &mut Response) -> Option<Self> {
        let ErrorFields { code, message, details, .. } =
            response.extensions_mut().remove::<ErrorBody>()?.error;
        let wait = response.headers().get(header::RETRY_AFTER);
        let retry_after = wait.and_then(|seconds| seconds.to_str().ok()?.parse().ok());
        Some(Self { status: response.status(), code, message, details, retry_after })
    }

    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.code
    }

    /// After how many seconds another try makes sense, where that is known.
    pub(crate) const fn seconds_to_wait(&self) -> Option<u64> {
        self.retry_after
    }

    /// What is told of it apart from the status, for an answer about several things.
    pub(crate) fn into_fields(self) -> ErrorFields {
        ErrorFields {
            code: self.code,
            message: self.message,
            details: self.details,
            request_id: None,
        }
    }

    /// The status.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.status
    }
}

impl From<DomainError> for ApiError {
    fn from(e: DomainError) -> Self {
        let code = e.code();
        let message = e.to_string();
        match e {
            DomainError::Validation(details) => {
                let sentences: Vec<String> = details.iter().map(sentence).collect();
                Self { details, ..Self::new(StatusCode::BAD_REQUEST, code, sentences.join("; ")) }
            }
            DomainError::NotFound { .. } => Self::new(StatusCode::NOT_FOUND, code, message),
            DomainError::Conflict { field, .. } => Self {
                details: field.map(|f| FieldError::new(f, message.clone())).into_iter().collect(),
                ..Self::new(StatusCode::CONFLICT, code, message)
            },
            DomainError::Forbidden(_) => Self::new(StatusCode::FORBIDDEN, code, message),
        }
    }
}

impl From<CommandError> for ApiError {
    fn from(e: CommandError) -> Self {
        let message = e.to_string();
        match e {
            CommandError::Domain(e) => e.into(),
            CommandError::PreconditionFailed { .. } => {
                Self::new(StatusCode::PRECONDITION_FAILED, "precondition_failed", message)
            }
            CommandError::Unauthenticated { code, .. } => Self::unauthenticated(code, message),
            CommandError::Throttled { retry_after } => Self {
                retry_after: Some(retry_after),
                ..Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_attempts", message)
            },
            CommandError::Busy { .. } => Self::unavailable("busy", message, 1),
            CommandError::Overloaded => Self::unavailable("overloaded", message, 2),
            CommandError::NotAccepted => Self::unavailable("restore_not_accepted", message, 60),
            CommandError::Database(_) | CommandError::Store(_) => unreachable_database(&message),
            CommandError::Hashing => Self::internal(&message),
        }
    }
}

impl From<ReadError> for ApiError {
    fn from(e: ReadError) -> Self {
        match e {
            ReadError::Invalid(e) => e.into(),
            ReadError::Database(_) | ReadError::Store(_) => unreachable_database(&e),
        }
    }
}

impl From<ReportError> for ApiError {
    fn from(e: ReportError) -> Self {
        match e {
            ReportError::Invalid { field, problem } => Self::field(field, problem),
            ReportError::UnknownGateway => Self::not_found("gateway"),
            ReportError::NotLive => Self::unavailable("not_live", e.to_string(), 1),
            ReportError::Database(e) => e.into(),
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(e: StoreError) -> Self {
        match e {
            StoreError::Database(e) | StoreError::Key(KeyError::Database(e)) => e.into(),
            StoreError::Migration(_)
            | StoreError::Unreadable(_)
            | StoreError::Encode(_)
            | StoreError::Key(_) => Self::internal(&e),
        }
    }
}

impl From<FleetAtError> for ApiError {
    fn from(e: FleetAtError) -> Self {
        match e {
            FleetAtError::Store(e) => e.into(),
            FleetAtError::Fold(e) => Self::internal(&e),
            // After a crash of the database the order is derived again.
            FleetAtError::Beyond { .. } => Self::unavailable("not_live", e.to_string(), 1),
        }
    }
}

impl From<JwtError> for ApiError {
    fn from(e: JwtError) -> Self {
        match e {
            JwtError::Key(KeyError::Database(e)) => e.into(),
            JwtError::Key(_) | JwtError::Token(_) => Self::internal(&e),
        }
    }
}

impl From<sqlx::Error> for ApiError {
    fn from(e: sqlx::Error) -> Self {
        unreachable_database(&e)
    }
}

/// What is wrong with a field, in the contract's words: `public_key is required`.
fn sentence(error: &FieldError) -> String {
    let FieldError { field, message } = error;
    let goes_on = ["is ", "must ", "has ", "may ", "needs "].iter().any(|v| message.starts_with(v));
    let colon = if goes_on { "" } else { ":" };
    format!("{field}{colon} {message}")
}

fn unreachable_database(error: &dyn std::fmt::Display) -> ApiError {
    tracing::error!(%error, "the database failed");
    ApiError::unavailable("database_unavailable", "the database does not answer: try again", 5)
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (status, retry_after) = (self.status, self.retry_after);
        let body = ErrorBody { error: self.into_fields() };
        let mut response = (status, axum::Json(&body)).into_response();
        // The request id is known to the outermost layer only, which completes the body.
        response.extensions_mut().insert(body);
        if let Some(seconds) = retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if status == StatusCode::UNAUTHORIZED {
            let scheme = HeaderValue::from_static("Bearer");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
        }
        response
    }
}
