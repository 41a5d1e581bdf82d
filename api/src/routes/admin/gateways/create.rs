//! `POST /admin/gateways`

use axum::{extract::State, response::Response};
use nexavpn_commands::{GatewayInput, GatewayPatch};
use serde::Deserialize;
use utoipa::ToSchema;

use super::GatewayView;
use crate::{App, auth::Caller, error::ApiError, extract::Json, routes::admin::entity::created};

/// The request. The tunnel's networks can be set here only.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = GatewayCreate)]
pub(super) struct Create {
    name: String,
    endpoint: String,
    public_key: Option<String>,
    address_pool_v4: String,
    address_pool_v6: Option<String>,
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

impl From<Create> for GatewayInput {
    fn from(new: Create) -> Self {
        Self {
            name: new.name,
            endpoint: new.endpoint,
            public_key: new.public_key,
            address_pool_v4: new.address_pool_v4,
            address_pool_v6: new.address_pool_v6,
            rest: GatewayPatch {
                listen_port: new.listen_port,
                dns_servers: new.dns_servers,
                dns_search: new.dns_search,
                mtu: new.mtu,
                persistent_keepalive: new.persistent_keepalive,
                masquerade_interfaces: new.masquerade_interfaces,
                internal_networks: new.internal_networks,
                preshared_keys: new.preshared_keys,
                max_stale_s: new.max_stale_s,
                ..GatewayPatch::default()
            },
        }
    }
}

/// Creates a gateway. Its node joins with a join token, or its key is given.
#[utoipa::path(
    post,
    path = "/admin/gateways",
    operation_id = "gateways_create",
    tag = "gateways",
    request_body = Create,
    responses((status = 201, description = "The new gateway.", body = GatewayView)),
)]
pub(super) async fn handle(
    State(app): State<App>,
    caller: Caller,
    Json(new): Json<Create>,
) -> Result<Response, ApiError> {
    let done = app.commands.create_gateway(&caller.request, new.into()).await?;
    let settled = app.settle(done.position).await;
    created(settled, "gateways", done.value, GatewayView::load(&app, done.value).await)
}
