//! What holds for all routes alike.

mod compression;
mod connections;
mod hanging;
mod headers;
mod idempotency;
mod rates;
mod tls;
mod ui;
