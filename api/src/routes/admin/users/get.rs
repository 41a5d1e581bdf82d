//! `GET /admin/users/{id}`

use axum::{extract::State, response::Response};
use nexavpn_domain::ids::UserId;

use super::UserView;
use crate::{App, error::ApiError, extract::Path};

/// One user; 404 for a deleted one.
pub(super) async fn handle(
    State(app): State<App>,
    Path(id): Path<UserId>,
) -> Result<Response, ApiError> {
    Ok(UserView::load(&app, id).await?.answer())
}
