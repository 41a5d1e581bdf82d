//! `GET /admin/users`

use axum::extract::State;
use nexavpn_projections::{Page, users};

use super::UserView;
use crate::{App, error::ApiError, routes::admin::listing::Listing};

/// The users. Sorts: `username`, `display_name`, `created_at`. Filters: `role`, `status`, `group`.
/// `q`: what the login name, the shown name or the email begins with.
#[utoipa::path(
    get,
    path = "/admin/users",
    operation_id = "users_list",
    tag = "users",
    responses((status = 200, description = "A page of the users.", body = Page<UserView>)),
)]
pub(super) async fn handle(
    State(app): State<App>,
    Listing(query): Listing,
) -> Result<axum::Json<Page<UserView>>, ApiError> {
    let page = users::list(&app.pool, &query).await?;
    Ok(axum::Json(page.map(UserView::from)))
}
