//! What holds for all routes alike.

mod idempotency;
