//! The scenarios: NexaVPN on real parts, each test on a database of its own.

mod arrows;
mod embedded_postgres;
mod gateway;
mod harness;
mod store;
