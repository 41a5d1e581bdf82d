//! The HTTP APIs of other programs, over the same commands and read models.

use axum::response::Response;

use crate::error::ApiError;

pub mod wg_easy;

/// How a dialect says what does not come from its own handlers.
#[derive(Debug, Clone)]
pub(crate) struct Shape {
    /// What is below these is the dialect's.
    pub(crate) paths: Vec<&'static str>,
    /// An error of ours as its clients know errors.
    pub(crate) error: fn(ApiError) -> Response,
}
