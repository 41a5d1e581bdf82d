//! `GET /admin/policies/{id}`

use axum::{extract::State, response::Response};
use nexavpn_domain::ids::PolicyId;

use super::PolicyView;
use crate::{App, error::ApiError, extract::Path, routes::admin::entity::entity};

/// One policy.
pub(super) async fn handle(
    State(app): State<App>,
    Path(id): Path<PolicyId>,
) -> Result<Response, ApiError> {
    Ok(entity(&PolicyView::load(&app, id).await?))
}
