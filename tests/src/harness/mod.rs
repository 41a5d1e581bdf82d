//! What scenarios stand on: databases, servers of their own, waiting.
//!
//! - [`TestDb`]: a migrated database of one's own on the PostgreSQL that all tests share.
//! - [`OwnServer`]: a PostgreSQL of one's own. Transaction ids are shared by a whole cluster, so
//!   an open transaction in one database hides another database's newest events: a test that
//!   stalls a transaction, runs a write load or kills PostgreSQL takes one of these.
//! - [`TestServer`]: a control plane in this process; [`ServerProcess`]: the real program, to be
//!   killed; [`Client`]: HTTP with either, held against the API's document.
//! - [`poll_until`] and [`poll_for`]: waiting for a condition, never for a time.
//!
//! Tests with network namespaces (`nexavpn_netns`) need root and lie in `tests/it/netns/` or
//! `tests/it/access_nft/`: there `./test` finds those that it runs through sudo.

mod client;
mod database;
mod document;
mod own_server;
mod poll;
mod process;
mod server;
mod shared;

pub use client::{Answer, Client};
pub use database::TestDb;
pub use document::resolved;
pub use own_server::OwnServer;
pub use poll::{WIDE, poll_for, poll_until};
pub use process::{ServerProcess, run_program, start_program};
pub use server::{ADMIN, MASTER_KEY, PASSWORD, TestServer, data_dir, request, write_master_key};
pub use shared::{Keeper, SharedServer};
