//! `DELETE /admin/gateways/{id}`

use axum::{extract::State, http::StatusCode, response::Response};
use nexavpn_domain::ids::GatewayId;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    App,
    auth::Caller,
    error::ApiError,
    extract::{Path, Query},
};

/// Whether its devices go with it.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct How {
    /// Whether the devices of the gateway are revoked with it.
    #[serde(default)]
    force: bool,
}

/// Deletes a gateway. 409 `gateway_in_use` while devices are assigned to it, unless `force=true`,
/// which revokes them.
#[utoipa::path(
    delete,
    path = "/admin/gateways/{id}",
    operation_id = "gateways_delete",
    tag = "gateways",
    params(How),
    responses((status = 204, description = "It is gone.")),
)]
pub(super) async fn handle(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<GatewayId>,
    Query(how): Query<How>,
) -> Result<Response, ApiError> {
    let done = app.commands.delete_gateway(&caller.request, id, how.force).await?;
    Ok(app.settle(done.position).await.answer(StatusCode::NO_CONTENT))
}
