//! NexaVPN's domain: what users, groups, devices, policies, gateways and sessions are, what may be
//! done to them, and what policies mean. Pure: no I/O, no clock, no randomness.
//!
//! To add an event: a variant in the aggregate's `events.rs`, its wire name in the list below it,
//! an arm wherever the compiler then asks for one (its words for the audit log among them), and a
//! golden file under `domain/tests/golden/`.

mod aggregate;
mod patch;

pub mod access;
pub mod device;
pub mod error;
pub mod event;
pub mod fleet;
pub mod gateway;
pub mod group;
pub mod ids;
pub mod occasion;
pub mod personal;
pub mod policy;
pub mod security;
pub mod session;
pub mod told;
pub mod user;
pub mod values;
pub mod webhook;

pub use aggregate::Decider;
pub use error::{DomainError, FieldError, Problems};
pub use event::{Claim, ClaimKind, Effect, Event, StoredEvent, UnknownEvent};
pub use personal::Personal;
