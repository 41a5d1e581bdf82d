//! `GET /admin/gateways`

use axum::{extract::State, response::Response};
use nexavpn_projections::{ListQuery, Page, gateways};

use super::GatewayView;
use crate::{
    App,
    error::ApiError,
    moment::AsOf,
    routes::admin::{export::Exported, listing::Listing, past},
};

/// The gateways. Sorts: `name`, `created_at`. Filter: `joined`. `q`: for each word, how a word
/// of the name begins; or a whole key.
#[utoipa::path(
    get,
    path = "/admin/gateways",
    operation_id = "gateways_list",
    tag = "gateways",
    responses((
        status = 200,
        description = "A page of the gateways. As CSV or NDJSON: all of them.",
        content((Page<GatewayView> = "application/json"), (String = "text/csv"), (String = "application/x-ndjson")),
    )),
)]
pub(super) async fn handle(
    State(app): State<App>,
    mut listing: Listing,
) -> Result<Response, ApiError> {
    match listing.at(&app).await? {
        None => listing.answer(app, "gateways", page).await,
        Some(at) => {
            listing.answer(app, "gateways", move |app, query| past_page(app, at, query)).await
        }
    }
}

async fn page(app: App, query: ListQuery) -> Result<Page<GatewayView>, ApiError> {
    let (rows, page) = gateways::list(&app.pool, &query).await?.take();
    Ok(page.with(GatewayView::all(&app, rows).await?))
}

/// A page of those that there were at a moment.
async fn past_page(app: App, at: AsOf, query: ListQuery) -> Result<Page<GatewayView>, ApiError> {
    let fleet = app.fleet_as_of(at).await?;
    let (ids, page) = past::page::<_, GatewayView>(&past::gateways(&fleet, &query)?, &query, at)?;
    Ok(page.with(GatewayView::past(&app, at, &fleet, &ids).await?))
}

impl Exported for GatewayView {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "name",
        "endpoint",
        "public_key",
        "listen_port",
        "address_pool_v4",
        "address_pool_v6",
        "tunnel_addresses",
        "dns_servers",
        "dns_search",
        "mtu",
        "persistent_keepalive",
        "masquerade_interfaces",
        "internal_networks",
        "preshared_keys",
        "max_stale_s",
        "device_count",
        "joined_at",
        "agent_version",
        "convergence.status",
        "convergence.revision",
        "convergence.applied.revision",
        "convergence.last_report_at",
        "created_at",
        "updated_at",
        "drain.status",
        "drain.devices_left",
        "key_rotation.status",
        "key_rotation.switch_at",
    ];
}
