//! NexaVPN's HTTP API, and the parts of the `nexavpn` binary.
//!
//! To add an endpoint: a file in `routes/` for the resource and verb whose handler carries
//! `#[utoipa::path]`, a line `.routes(routes!(…))` in its `mod.rs`, and a row in the permission table
//! (`auth/permissions.rs`). What all operations have in common is added by `openapi/`.

mod app;
pub mod auth;
mod cells;
pub mod cli;
pub mod config;
mod consistency;
pub mod dialects;
pub mod error;
mod extract;
mod http;
mod idempotency;
mod moment;
pub mod openapi;
pub mod postgres;
pub mod routes;
pub mod serve;
mod webhooks;

pub use app::{App, HttpOptions, Parts};
pub use http::{CorsOrigin, Rates, router};
pub use webhooks::Sender as WebhookSender;

/// Requests are many small allocations, with which this one is quicker than the system's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Below it is the native API.
pub const BASE_PATH: &str = "/api/v1";
