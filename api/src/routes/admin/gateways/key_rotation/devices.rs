//! `GET /admin/gateways/{id}/key-rotation/devices`

use axum::{extract::State, response::Response};
use nexavpn_domain::ids::GatewayId;
use nexavpn_projections::Page;

use super::rotated;
use crate::{
    App,
    error::ApiError,
    extract::Path,
    routes::{
        admin::{devices, listing::Listing},
        views::DeviceView,
    },
};

/// The devices whose clients have not fetched a profile with the gateway's next key, or, after the
/// switch, with the new one; all of them until the node has announced it. As the list of devices
/// shows them and with what it takes. Sorts: `name`, `created_at`. Filters: `status`, `user`,
/// `platform`. `q`: for each word, how a word of the name begins; or a whole key or address.
#[utoipa::path(
    get,
    path = "/admin/gateways/{id}/key-rotation/devices",
    operation_id = "gateways_list_key_rotation_devices",
    tag = "gateways",
    responses((
        status = 200,
        description = "A page of the devices. As CSV or NDJSON: all of them.",
        content((Page<DeviceView> = "application/json"), (String = "text/csv"), (String = "application/x-ndjson")),
    )),
)]
pub(in super::super) async fn handle(
    State(app): State<App>,
    Path(id): Path<GatewayId>,
    listing: Listing,
) -> Result<Response, ApiError> {
    let (_, key) = rotated(&app, id)?;
    // Nobody has a key that is not there yet.
    let key = key.map(|key| key.to_string()).unwrap_or_default();
    let listing = listing.renamed("user", "owner").within("gateway", id)?;
    let listing = listing.within("revoked", false)?.within("lacks_gateway_key", key)?;
    listing.answer(app, "devices", devices::page).await
}
