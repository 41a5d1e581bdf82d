//! NexaVPN's read side: read models folded from the event log, and the queries on them.
//!
//! - [`Runner`] keeps the read models up to date; its [`Handle`] waits for them (reading after
//!   writing) and says how they are (`/readyz`).
//! - One module per read model, each with `get` and `list`.
//! - [`audit`]: the log as people read it.
//! - [`past`]: what the read models said at an event.
//! - [`rebuild`] and [`compare`]: folding a read model anew.

mod advance;
mod checkpoint;
pub mod concerning;
mod error;
mod handle;
mod list;
mod page;
mod projection;
mod read;
mod rebuild;
mod registry;
mod runner;
mod search;
mod words;

pub mod audit;
pub mod past;

pub use error::ReadError;
pub use handle::{Behind, Handle, ProjectionStatus, State};
pub use list::{FilterValue, ListOptions};
pub use page::{ListQuery, MAX_PAGE_SIZE, Page};
pub use projection::{ApplyError, Projection};
pub use read::{
    device_queries as devices, devices::Devices, gateways, groups, owned_devices, policies,
    sessions, users, webhooks,
};
pub use rebuild::{Difference, RebuildError, Rebuilt, Side, compare, rebuild};
pub use registry::{REGISTRY, find};
pub use runner::Runner;
