//! `GET /admin/audit/log`

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::TreeView;
use crate::{App, error::ApiError};

/// The transparency log over the events.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TransparencyLog)]
pub(super) struct View {
    /// What the log is called: the first line of its checkpoints.
    origin: String,
    /// Its public key, as tools for signed notes take it. Keep it where whoever runs this server
    /// cannot change it.
    verifier: String,
    /// The events that are in it.
    tree: TreeView,
    /// How many events have happened that are not in it yet.
    behind: u64,
}

/// The transparency log over the events: what it is called, its public key, how far it reaches.
#[utoipa::path(
    get,
    path = "/admin/audit/log",
    operation_id = "audit_log",
    tag = "proofs",
    responses((status = 200, description = "The log.", body = View)),
)]
pub(super) async fn handle(State(app): State<App>) -> Result<axum::Json<View>, ApiError> {
    let tree = app.commands.store().log_tree();
    let verifier = app.log_key.verifier();
    Ok(axum::Json(View {
        origin: verifier.name().to_owned(),
        verifier: verifier.to_string(),
        tree: tree.state().await?.into(),
        behind: tree.behind().await.map_err(nexavpn_store::ProofError::from)?,
    }))
}
