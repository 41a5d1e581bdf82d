//! `GET /admin/audit/consistency`

use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{TreeView, all_base64, of_size, reached};
use crate::{App, error::ApiError, extract::Query};

/// Which trees.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Question {
    /// The size of the older tree.
    from: u64,
    /// The size of the newer one; all that the log has where this is left out.
    to: Option<u64>,
}

/// That the log only grew between two sizes.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Consistency)]
pub(super) struct View {
    /// The older tree.
    from: TreeView,
    /// The newer tree.
    to: TreeView,
    /// The hashes that show that the newer tree begins with the older one (RFC 9162, section
    /// 2.1.4.1), in base64.
    hashes: Vec<String>,
    /// The signed checkpoint of the newer tree, where one was signed.
    checkpoint: Option<String>,
}

/// That the log only grew between two sizes: nothing that was in the older tree was changed,
/// removed or moved.
#[utoipa::path(
    get,
    path = "/admin/audit/consistency",
    operation_id = "audit_consistency",
    tag = "proofs",
    params(Question),
    responses(
        (status = 200, description = "The proof.", body = View),
        (status = 409, description = "`history_changed`: the log does not continue a checkpoint that was signed before: `nexavpn verify` names the place"),
    ),
)]
pub(super) async fn handle(
    State(app): State<App>,
    Query(Question { from, to }): Query<Question>,
) -> Result<axum::Json<View>, ApiError> {
    if to.is_some_and(|to| to < from) {
        return Err(ApiError::field("to", "must not be less than from"));
    }
    reached(&app, to.unwrap_or(from)).await?;
    let tree = app.commands.store().log_tree();
    let (newer, checkpoint) = of_size(&app, to).await?;
    let hashes = all_base64(&tree.consistency(from, newer.size).await?);
    let from = TreeView::new(from, tree.root(from).await?);
    Ok(axum::Json(View { from, to: newer, hashes, checkpoint }))
}
