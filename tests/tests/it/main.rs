//! The scenarios: NexaVPN on real parts, each test on a database of its own.

mod embedded_postgres;
mod harness;
