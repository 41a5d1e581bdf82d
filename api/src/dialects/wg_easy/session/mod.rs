//! Signing in and out.

pub(super) mod create;
pub(super) mod delete;
pub(super) mod get;
