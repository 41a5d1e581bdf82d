//! `PATCH /admin/gateways/{id}`

use axum::{extract::State, response::Response};
use nexavpn_commands::GatewayPatch;
use nexavpn_domain::ids::GatewayId;
use serde::Deserialize;
use utoipa::ToSchema;

use super::GatewayView;
use crate::{
    App,
    auth::Caller,
    error::ApiError,
    extract::{Json, Path},
    routes::admin::entity::changed,
};

/// The request: what is left out stays. The pools never change.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = GatewayPatch)]
pub(super) struct Patch {
    name: Option<String>,
    endpoint: Option<String>,
    public_key: Option<String>,
    dns_servers: Option<Vec<String>>,
    dns_search: Option<Vec<String>>,
    listen_port: Option<i64>,
    mtu: Option<i64>,
    persistent_keepalive: Option<i64>,
    masquerade_interfaces: Option<Vec<String>>,
    internal_networks: Option<Vec<String>>,
    /// Whether devices get a preshared key with their next key, and use it besides.
    preshared_keys: Option<bool>,
    /// After how many seconds without the control plane the gateway lets nothing pass any more; 0
    /// (the default) means that it goes on with what it has.
    max_stale_s: Option<i64>,
}

impl From<Patch> for GatewayPatch {
    fn from(patch: Patch) -> Self {
        Self {
            name: patch.name,
            endpoint: patch.endpoint,
            public_key: patch.public_key,
            listen_port: patch.listen_port,
            dns_servers: patch.dns_servers,
            dns_search: patch.dns_search,
            mtu: patch.mtu,
            persistent_keepalive: patch.persistent_keepalive,
            masquerade_interfaces: patch.masquerade_interfaces,
            internal_networks: patch.internal_networks,
            preshared_keys: patch.preshared_keys,
            max_stale_s: patch.max_stale_s,
        }
    }
}

/// Changes a gateway. Devices whose profiles change with it get a new profile revision.
#[utoipa::path(
    patch,
    path = "/admin/gateways/{id}",
    operation_id = "gateways_change",
    tag = "gateways",
    request_body = Patch,
    responses((status = 200, description = "The gateway as it is now.", body = GatewayView)),
)]
pub(super) async fn handle(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<GatewayId>,
    Json(patch): Json<Patch>,
) -> Result<Response, ApiError> {
    let done = app.commands.change_gateway(&caller.request, id, patch.into()).await?;
    let settled = app.settle(done.position).await;
    changed(settled, id, GatewayView::load(&app, id).await)
}
