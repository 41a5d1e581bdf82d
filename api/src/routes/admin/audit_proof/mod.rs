//! `/admin/audit/…`: what proves that nobody edited the record.
//!
//! | file | path |
//! | --- | --- |
//! | `log.rs` | `/admin/audit/log` |
//! | `checkpoint.rs` | `/admin/audit/checkpoint` |
//! | `tile.rs` | `/admin/audit/tile/…` |
//! | `inclusion.rs` | `/admin/audit/inclusion` |
//! | `consistency.rs` | `/admin/audit/consistency` |
//! | `pins.rs` | `/admin/audit/pins` |
//! | `archive.rs` | `/admin/audit/archive` |

mod archive;
mod checkpoint;
mod consistency;
mod inclusion;
mod log;
mod pins;
mod tile;

use std::time::Duration;

use axum::http::StatusCode;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use nexavpn_proof::Hash;
use nexavpn_store::{ProofError, TreeState};
use serde::Serialize;
use tokio::time::{Instant, sleep};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{App, error::ApiError};

/// How often the tree is looked at by a request that waits for it.
const LOOK: Duration = Duration::from_millis(25);

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(log::handle))
        .routes(routes!(checkpoint::handle))
        .routes(routes!(tile::handle))
        .routes(routes!(inclusion::handle))
        .routes(routes!(consistency::handle))
        .routes(routes!(pins::list, pins::pin))
        .routes(routes!(archive::handle))
}

/// A tree: how many events it is over, and its root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct TreeView {
    /// How many events.
    size: u64,
    /// The root's hash, in base64 as in checkpoints.
    root: String,
}

impl TreeView {
    fn new(size: u64, root: Hash) -> Self {
        Self { size, root: base64(root) }
    }
}

impl From<TreeState> for TreeView {
    fn from(state: TreeState) -> Self {
        Self::new(state.size, state.root)
    }
}

fn base64(hash: Hash) -> String {
    BASE64_STANDARD.encode(hash.0)
}

fn all_base64(hashes: &[Hash]) -> Vec<String> {
    hashes.iter().map(|hash| base64(*hash)).collect()
}

/// The present checkpoint, signed.
async fn present(app: &App) -> Result<(TreeState, String), ApiError> {
    let tree = app.commands.store().log_tree();
    Ok(tree.checkpoint(&app.log_key, app.commands.now()).await?)
}

/// The tree of a size and the checkpoint that was signed of it, if any; without a size all that
/// the log has, whose checkpoint is signed now.
async fn of_size(app: &App, size: Option<u64>) -> Result<(TreeView, Option<String>), ApiError> {
    let tree = app.commands.store().log_tree();
    Ok(match size {
        None => {
            let (state, note) = present(app).await?;
            (TreeView::from(state), Some(note))
        }
        Some(size) => (TreeView::new(size, tree.root(size).await?), tree.signed(size).await?),
    })
}

/// Waits, within the bound of reads, until the tree holds so many events. It follows the log a few
/// times a second, so an event that was just acknowledged is not in it at once.
async fn reached(app: &App, size: u64) -> Result<TreeState, ApiError> {
    let store = app.commands.store();
    let tree = store.log_tree();
    let deadline = Instant::now() + app.http.consistency_wait;
    loop {
        let state = tree.state().await?;
        let known = u64::try_from(store.head().borrow().idx).unwrap_or(0);
        if size <= state.size {
            return Ok(state);
        }
        if size > known {
            return Err(ProofError::Beyond { size: state.size }.into());
        }
        if Instant::now() >= deadline {
            return Err(ProofError::Behind.into());
        }
        sleep(LOOK).await;
    }
}

impl From<ProofError> for ApiError {
    fn from(e: ProofError) -> Self {
        let message = e.to_string();
        match e {
            ProofError::Beyond { .. } => Self::new(StatusCode::NOT_FOUND, "not_in_log", message),
            ProofError::Behind => Self::unavailable("log_behind", message, 1),
            ProofError::Contradicted { .. } => {
                tracing::error!("{message}");
                Self::new(StatusCode::CONFLICT, "history_changed", message)
            }
            ProofError::Damaged(_) => {
                tracing::error!("{message}");
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "log_damaged", message)
            }
            ProofError::NoKey | ProofError::Note(_) => Self::internal(&message),
            ProofError::Store(nexavpn_store::StoreError::Database(e)) => e.into(),
            ProofError::Store(e) => Self::internal(&e),
        }
    }
}
