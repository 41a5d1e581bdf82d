//! Errors in the shape of the contract, and of version 14 besides.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use nexavpn_commands::CommandError;
use nexavpn_domain::DomainError;
use nexavpn_gateway_projector::ReportError;
use nexavpn_projections::ReadError;
use serde::Serialize;

use crate::error::ApiError;

pub(super) const INVALID_REQUEST: &str = "INVALID_REQUEST";
pub(super) const UNAUTHORIZED: &str = "UNAUTHORIZED";
const NOT_FOUND: &str = "NOT_FOUND";
const CONFLICT: &str = "CONFLICT";
const INTERNAL_ERROR: &str = "INTERNAL_ERROR";
const RATE_LIMITED: &str = "RATE_LIMITED";

/// What a client is told.
#[derive(Debug)]
pub(super) struct DialectError {
    status: StatusCode,
    code: &'static str,
    message: String,
    retry_after: Option<u64>,
    /// Our own code for it, which is recorded.
    cause: &'static str,
}

/// The code of what was refused, for the record.
#[derive(Debug, Clone, Copy)]
pub(super) struct Refused(pub(super) &'static str);

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    /// The contract's, and what version 14 says to who is not signed in.
    error: &'a str,
    code: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
    /// Version 14's.
    status_code: u16,
    status_message: &'a str,
    message: &'a str,
}

impl DialectError {
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), retry_after: None, cause: code }
    }

    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, INVALID_REQUEST, message)
    }

    pub(super) fn unauthorized(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, UNAUTHORIZED, message)
    }

    pub(super) const fn status(&self) -> StatusCode {
        self.status
    }

    /// Our own code for it.
    pub(super) const fn cause(&self) -> &'static str {
        self.cause
    }

    pub(super) fn is_unauthorized(&self) -> bool {
        self.status == StatusCode::UNAUTHORIZED
    }

    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, NOT_FOUND, message)
    }

    pub(super) fn no_such_client() -> Self {
        Self::not_found("there is no such client")
    }

    pub(super) fn too_many(seconds: u64) -> Self {
        let status = StatusCode::TOO_MANY_REQUESTS;
        let error = Self::new(status, RATE_LIMITED, "Rate limit exceeded");
        Self { retry_after: Some(seconds), cause: "rate_limited", ..error }
    }
}

/// Every error of ours as one of the six that the contract knows.
impl From<ApiError> for DialectError {
    fn from(error: ApiError) -> Self {
        let (cause, retry_after) = (error.code(), error.seconds_to_wait());
        let (status, code) = match (error.status(), cause) {
            (StatusCode::TOO_MANY_REQUESTS, _) => return Self::too_many(retry_after.unwrap_or(60)),
            // Deleted since it was looked for.
            (StatusCode::NOT_FOUND, _) | (_, "device_revoked") => {
                (StatusCode::NOT_FOUND, NOT_FOUND)
            }
            (StatusCode::CONFLICT, "device_name_taken" | "address_taken") => {
                (StatusCode::CONFLICT, CONFLICT)
            }
            // Another name would not help: there is no gateway, or it is full.
            (StatusCode::CONFLICT, _) => (StatusCode::INTERNAL_SERVER_ERROR, INTERNAL_ERROR),
            (status @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN), _) => {
                (status, UNAUTHORIZED)
            }
            (status, _) if status.is_client_error() => (status, INVALID_REQUEST),
            (status, _) => (status, INTERNAL_ERROR),
        };
        let message = error.into_fields().message;
        Self { status, code, message, retry_after, cause }
    }
}

impl From<CommandError> for DialectError {
    fn from(error: CommandError) -> Self {
        match error {
            CommandError::Domain(DomainError::NotFound { entity: "device" }) => {
                Self::no_such_client()
            }
            error => ApiError::from(error).into(),
        }
    }
}

impl From<ReadError> for DialectError {
    fn from(error: ReadError) -> Self {
        ApiError::from(error).into()
    }
}

impl From<ReportError> for DialectError {
    fn from(error: ReportError) -> Self {
        ApiError::from(error).into()
    }
}

impl From<crate::auth::JwtError> for DialectError {
    fn from(error: crate::auth::JwtError) -> Self {
        ApiError::from(error).into()
    }
}

impl IntoResponse for DialectError {
    fn into_response(self) -> Response {
        let body = Body {
            error: &self.message,
            code: self.code,
            retry_after: self.retry_after,
            status_code: self.status.as_u16(),
            status_message: self.status.canonical_reason().unwrap_or_default(),
            message: &self.message,
        };
        let mut response = (self.status, axum::Json(body)).into_response();
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response.extensions_mut().insert(Refused(self.cause));
        response
    }
}
