//! `GET /admin/audit/inclusion`

use axum::extract::State;
use nexavpn_proof::Leaf;
use nexavpn_store::ProofError;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{TreeView, all_base64, base64, of_size, reached};
use crate::{App, error::ApiError, extract::Query};

/// Which event, in which tree.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Question {
    /// The event's number.
    idx: u64,
    /// How many events the log had; all that it has where this is left out.
    size: Option<u64>,
}

/// What the log says of an event. Nothing in it is personal.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Leaf)]
pub(super) struct LeafView {
    /// To what kind of thing it happened: `user`, `device`, …
    aggregate_type: String,
    /// To which one.
    aggregate_id: String,
    /// Its number among the events of that one.
    sequence: i64,
    /// What happened.
    event_type: String,
    /// The version of the event's shape.
    event_version: String,
    /// When the database took it down, to the microsecond.
    recorded_at: String,
    /// SHA-256 of the payload as it is stored, with personal data sealed, in canonical form.
    payload_sha256: String,
    /// The same of the metadata.
    metadata_sha256: String,
}

impl From<Leaf> for LeafView {
    fn from(leaf: Leaf) -> Self {
        Self {
            aggregate_type: leaf.aggregate_type,
            aggregate_id: leaf.aggregate_id,
            sequence: leaf.sequence,
            event_type: leaf.event_type,
            event_version: leaf.event_version,
            recorded_at: leaf.recorded_at,
            payload_sha256: leaf.payload_sha256,
            metadata_sha256: leaf.metadata_sha256,
        }
    }
}

/// That an event is in the log.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Inclusion)]
pub(super) struct View {
    /// The event's number; its leaf's index in the tree is one less.
    idx: u64,
    /// The leaf: its canonical JSON (RFC 8785) is what is hashed.
    leaf: LeafView,
    /// SHA-256 of a zero byte and the leaf, in base64.
    leaf_hash: String,
    /// The tree that it is in.
    tree: TreeView,
    /// The hashes that lead from the leaf to the root (RFC 9162, section 2.1.3.1), in base64.
    hashes: Vec<String>,
    /// The signed checkpoint of that tree, where one was signed.
    checkpoint: Option<String>,
}

/// That an event is in the log, as it is stored now: its leaf, and the hashes that lead from it to
/// the root of the tree.
#[utoipa::path(
    get,
    path = "/admin/audit/inclusion",
    operation_id = "audit_inclusion",
    tag = "proofs",
    params(Question),
    responses(
        (status = 200, description = "The proof.", body = View),
        (status = 409, description = "`history_changed`: the log does not continue a checkpoint that was signed before: `nexavpn verify` names the place"),
    ),
)]
pub(super) async fn handle(
    State(app): State<App>,
    Query(Question { idx, size }): Query<Question>,
) -> Result<axum::Json<View>, ApiError> {
    let place = idx.checked_sub(1).ok_or_else(|| ApiError::field("idx", "counts from 1"))?;
    reached(&app, size.unwrap_or(idx).max(idx)).await?;
    let tree = app.commands.store().log_tree();
    let (in_tree, checkpoint) = of_size(&app, size).await?;
    let hashes = all_base64(&tree.inclusion(idx, in_tree.size).await?);
    let leaf = tree.leaves(place, 1).await?.pop();
    let leaf = leaf.ok_or(ProofError::Beyond { size: in_tree.size })?;
    let leaf_hash = base64(leaf.hash().map_err(|e| ApiError::internal(&e))?);
    Ok(axum::Json(View { idx, leaf: leaf.into(), leaf_hash, tree: in_tree, hashes, checkpoint }))
}
