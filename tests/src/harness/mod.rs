//! What scenarios stand on: databases, servers of their own, waiting.
//!
//! - [`TestDb`]: a migrated database of one's own on the PostgreSQL that all tests share.
//! - [`OwnServer`]: a PostgreSQL of one's own. Transaction ids are shared by a whole cluster, so
//!   an open transaction in one database hides another database's newest events: a test that
//!   stalls a transaction, runs a write load or kills PostgreSQL takes one of these.
//! - [`TestServer`]: a control plane in this process; [`ServerProcess`]: the real program, to be
//!   killed; [`Client`]: HTTP with either.
//! - [`poll_until`] and [`poll_for`]: waiting for a condition, never for a time.
//! - [`require_root`]: first line of a test that makes network namespaces. Such tests live in
//!   modules whose path contains `netns`, which is how `./test` finds those to run as root.

mod client;
mod database;
mod own_server;
mod poll;
mod process;
mod server;
mod shared;

pub use client::{Answer, Client};
pub use database::TestDb;
pub use own_server::OwnServer;
pub use poll::{WIDE, poll_for, poll_until};
pub use process::{ServerProcess, run_program};
pub use server::{ADMIN, MASTER_KEY, PASSWORD, TestServer, data_dir, request, write_master_key};
pub use shared::{Keeper, SharedServer};

/// Panics, with what to do about it, unless the test runs as root.
///
/// # Panics
/// Where the effective user is not root.
pub fn require_root() {
    assert!(
        nix::unistd::geteuid().is_root(),
        "this test makes network namespaces and needs root: run ./test, which uses sudo for it"
    );
}
