//! `GET /admin/groups/{id}/members`

use axum::{extract::State, response::Response};
use nexavpn_domain::ids::GroupId;
use nexavpn_projections::{Page, groups};

use crate::{
    App,
    error::ApiError,
    extract::Path,
    routes::admin::{listing::Listing, users},
};

/// The members of a group, as the list of users shows them and with what it takes. Sorts:
/// `username`, `display_name`, `created_at`. Filters: `role`, `status`. `q`: for each word, how a
/// word of the login name, the shown name or the email begins.
#[utoipa::path(
    get,
    path = "/admin/groups/{id}/members",
    operation_id = "groups_list_members",
    tag = "groups",
    responses((
        status = 200,
        description = "A page of the members. As CSV or NDJSON: all of them.",
        content((Page<users::UserView> = "application/json"), (String = "text/csv"), (String = "application/x-ndjson")),
    )),
)]
pub(super) async fn handle(
    State(app): State<App>,
    Path(id): Path<GroupId>,
    listing: Listing,
) -> Result<Response, ApiError> {
    if groups::get(app.direct(), id).await?.is_none() {
        return Err(ApiError::not_found("group"));
    }
    listing.within("group", id)?.answer(app, "members", users::page).await
}
