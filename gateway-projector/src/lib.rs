//! The gateways' side of the read model: what every gateway should enforce, folded from the
//! events, rendered, signed and published; and what the gateways report back.
//!
//! | file | holds |
//! | --- | --- |
//! | `follow.rs` | [`FleetHandle`]: one in-memory fleet that follows the stream |
//! | `folded.rs` | the fleet with the recent revisions of each gateway |
//! | `past.rs` | fleets of past moments, the last few kept |
//! | `snapshots.rs` | folded states that are kept in the database |
//! | `render.rs` | [`render()`]: from folded state to a payload |
//! | `profiles.rs` | profiles as bundles hold them, each written once |
//! | `line.rs` | what a gateway was given, one bundle after the other, and deltas between them |
//! | `signing.rs` | [`SigningKeys`]: the key that signs |
//! | `publisher.rs` | [`Publisher`]: signed bundles, on record before they are served |
//! | `records.rs` | what publishing reads and writes in the database |
//! | `timings.rs` | [`Timings`]: how long publishing takes |
//! | `reports/` | [`Reports`]: status, convergence and telemetry |

mod folded;
mod follow;
mod line;
mod past;
mod profiles;
mod publisher;
mod records;
mod render;
pub mod reports;
mod signing;
mod snapshots;
#[cfg(test)]
mod tests;
mod timings;

pub use folded::{FoldError, Lag};
pub use follow::{FleetAtError, FleetHandle, FleetStatus, Waited};
pub use publisher::{PublishError, Published, Publisher, Served};
pub use render::{Blueprint, render};
pub use reports::{Convergence, GatewayReport, Outcome, ReportError, Reports, TELEMETRY_DAYS};
pub use signing::{SigningError, SigningKeys};
pub use snapshots::compare_states;
pub use timings::{Histogram, HistogramReading, Timings};

/// A write that should have touched one row did.
fn one_row(done: &sqlx::postgres::PgQueryResult) -> Result<(), sqlx::Error> {
    if done.rows_affected() == 1 { Ok(()) } else { Err(sqlx::Error::RowNotFound) }
}
