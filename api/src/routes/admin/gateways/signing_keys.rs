//! `GET /admin/gateways/{id}/signing-keys`

use axum::extract::State;
use nexavpn_bundle::{ChainedKey, SigningKeyChain};
use nexavpn_domain::{fleet::Fleet, ids::GatewayId};

use crate::{App, error::ApiError, extract::Path};

/// All keys that have signed bundles, the oldest first, each signed by the one before it: so a
/// gateway that trusts one of them comes to trust those after it.
#[utoipa::path(
    get,
    path = "/admin/gateways/{id}/signing-keys",
    operation_id = "gateways_signing_keys",
    tag = "gateways",
    responses((status = 200, description = "The keys.", body = SigningKeyChain)),
)]
pub(super) async fn handle(
    State(app): State<App>,
    Path(id): Path<GatewayId>,
) -> Result<axum::Json<SigningKeyChain>, ApiError> {
    let keys = app.fleet.read(|fleet| fleet.gateway(id).map(|_| chain(fleet)));
    Ok(axum::Json(keys.ok_or_else(|| ApiError::not_found("gateway"))?))
}

fn chain(fleet: &Fleet) -> SigningKeyChain {
    let key = |key: &nexavpn_domain::fleet::SigningKey| ChainedKey {
        key_id: key.id.clone(),
        public_key: key.public_key.clone(),
        signed_by_previous: key.signed_by_previous.clone(),
    };
    SigningKeyChain { keys: fleet.signing_keys().iter().map(key).collect() }
}
