//! What holds for all routes alike.

mod connections;
mod headers;
mod idempotency;
mod rates;
mod tls;
mod ui;
