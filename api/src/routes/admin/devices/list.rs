//! `GET /admin/devices`

use axum::{extract::State, response::Response};
use nexavpn_projections::{ListQuery, Page, devices};

use crate::{
    App,
    error::ApiError,
    moment::AsOf,
    routes::{
        admin::{export::Exported, listing::Listing, past},
        views::DeviceView,
    },
};

/// All devices, revoked ones among them. Sorts: `name`, `created_at`, `due_at`. Filters: `status`, `user`,
/// `gateway`, `platform`, `revoked`, `lacks_gateway_key`, `due_before`, `handshake_since`, `seen_since`. `q`: for each word, how a word of the name begins; or
/// a whole key or address.
#[utoipa::path(
    get,
    path = "/admin/devices",
    operation_id = "devices_list",
    tag = "devices",
    responses((
        status = 200,
        description = "A page of the devices. As CSV or NDJSON: all of them.",
        content((Page<DeviceView> = "application/json"), (String = "text/csv"), (String = "application/x-ndjson")),
    )),
)]
pub(super) async fn handle(State(app): State<App>, listing: Listing) -> Result<Response, ApiError> {
    let mut listing = listing.renamed("user", "owner");
    match listing.at(&app).await? {
        None => listing.answer(app, "devices", page).await,
        Some(at) => {
            listing.answer(app, "devices", move |app, query| past_page(app, at, query)).await
        }
    }
}

pub(in crate::routes) async fn page(
    app: App,
    query: ListQuery,
) -> Result<Page<DeviceView>, ApiError> {
    let (rows, page) = devices::list(&app.pool, &query).await?.take();
    Ok(page.with(DeviceView::all(&app, rows).await?))
}

/// A page of those that there were at a moment.
async fn past_page(app: App, at: AsOf, query: ListQuery) -> Result<Page<DeviceView>, ApiError> {
    let fleet = app.fleet_as_of(at).await?;
    let (ids, page) = past::page::<_, DeviceView>(&past::devices(&fleet, &query)?, &query, at)?;
    Ok(page.with(DeviceView::past(&app, &fleet, &ids).await?))
}

impl Exported for DeviceView {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "user_id",
        "username",
        "name",
        "platform",
        "os_version",
        "app_version",
        "status",
        "public_key",
        "assigned_ip",
        "assigned_ipv6",
        "gateway_id",
        "gateway_name",
        "profile_revision",
        "has_preshared_key",
        "reprovision_required",
        "rotation_deadline",
        "expires_at",
        "last_seen_at",
        "latest_handshake_at",
        "rx_bytes",
        "tx_bytes",
        "created_at",
        "updated_at",
    ];
}
