//! Why a command was refused.

use std::fmt;

use serde::Serialize;

/// One field of a request that is wrong, in words for its sender.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FieldError {
    /// The field's name as the sender wrote it, for example `destinations[1]`.
    pub field: String,
    /// What is wrong with it and what to do.
    pub message: String,
}

impl FieldError {
    /// An error about `field`.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }
}

/// A refusal by the domain. Every variant has a stable [`code`](DomainError::code).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DomainError {
    /// The input breaks rules; every bad field is listed.
    Validation(Vec<FieldError>),
    /// The entity does not exist, or not any more.
    NotFound {
        /// `user`, `device`, …
        entity: &'static str,
    },
    /// The command contradicts the present state.
    Conflict {
        /// Stable, for machines: `username_taken`, `last_admin`, …
        code: &'static str,
        /// For people.
        message: String,
        /// The request's field at fault, if there is one.
        field: Option<&'static str>,
    },
    /// The actor may not do this.
    Forbidden(String),
}

impl DomainError {
    /// A validation error about one field.
    pub fn field(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Validation(vec![FieldError::new(field, message)])
    }

    /// A conflict that no single field causes.
    pub fn conflict(code: &'static str, message: impl Into<String>) -> Self {
        Self::Conflict { code, message: message.into(), field: None }
    }

    /// A conflict that `field` causes.
    pub fn conflict_on(
        field: &'static str,
        code: &'static str,
        message: impl Into<String>,
    ) -> Self {
        Self::Conflict { code, message: message.into(), field: Some(field) }
    }

    /// The entity is unknown.
    #[must_use]
    pub const fn not_found(entity: &'static str) -> Self {
        Self::NotFound { entity }
    }

    /// The stable code of this refusal.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Validation(_) => "validation_error",
            Self::NotFound { .. } => "not_found",
            Self::Conflict { code, .. } => code,
            Self::Forbidden(_) => "forbidden",
        }
    }
}

impl fmt::Display for DomainError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Validation(errors) => {
                for (i, e) in errors.iter().enumerate() {
                    if i > 0 {
                        f.write_str("; ")?;
                    }
                    write!(f, "{}: {}", e.field, e.message)?;
                }
                Ok(())
            }
            Self::NotFound { entity } => write!(f, "{entity} not found"),
            Self::Conflict { message, .. } | Self::Forbidden(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for DomainError {}

/// Collects every bad field of a request before refusing it, so that a person corrects them once.
#[derive(Debug, Clone, Default)]
pub struct Problems(Vec<FieldError>);

impl Problems {
    /// Keeps the value, or notes what is wrong with `field` and gives `None`.
    pub fn check<T>(&mut self, field: &str, result: Result<T, String>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(message) => {
                self.add(field, message);
                None
            }
        }
    }

    /// Notes a bad field.
    pub fn add(&mut self, field: impl Into<String>, message: impl Into<String>) {
        self.0.push(FieldError::new(field, message));
    }

    /// Notes everything that others have noted.
    pub fn add_all(&mut self, others: &Self) {
        self.0.extend_from_slice(&others.0);
    }

    /// `Ok` when nothing was noted.
    ///
    /// # Errors
    /// [`DomainError::Validation`] with everything noted.
    pub fn finish(self) -> Result<(), DomainError> {
        if self.0.is_empty() { Ok(()) } else { Err(DomainError::Validation(self.0)) }
    }
}
