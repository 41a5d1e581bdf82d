//! `GET /me/devices`

use axum::{extract::State, response::Response};
use nexavpn_projections::Page;

use crate::{
    App,
    auth::Caller,
    error::ApiError,
    routes::{
        admin::{Listing, devices_page},
        views::DeviceView,
    },
};

/// The caller's own devices, revoked ones left out. Sorts: `name`, `created_at`, `due_at`. Filters:
/// `status`, `gateway`, `platform`, `lacks_gateway_key`, `due_before`, `handshake_since`,
/// `seen_since`. `q`: for each word, how a word of the name begins; or a whole key or address.
#[utoipa::path(
    get,
    path = "/me/devices",
    operation_id = "me_devices",
    tag = "me",
    responses((
        status = 200,
        description = "A page of one's own devices. As CSV or NDJSON: all of them.",
        content(
            (Page<DeviceView> = "application/json"), (String = "text/csv"),
            (String = "application/x-ndjson"),
        ),
    )),
)]
pub(super) async fn handle(
    State(app): State<App>,
    caller: Caller,
    listing: Listing,
) -> Result<Response, ApiError> {
    let listing = listing.within("owner", caller.user()?.user_id)?.within("revoked", false)?;
    listing.answer(app, "devices", devices_page).await
}
