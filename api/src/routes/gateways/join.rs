//! `POST /gateways/join`

use axum::{extract::State, http::StatusCode, response::Response};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use nexavpn_bundle::{JoinRequest, JoinResponse, JoinToken};
use nexavpn_commands::Secret;
use nexavpn_domain::ids::GatewayId;

use crate::{App, auth::Caller, error::ApiError, extract::Json};

/// Makes a node the gateway that its join token names. The token works once; the answer's
/// credential opens that gateway's own resources and nothing else.
#[utoipa::path(
    post,
    path = "/gateways/join",
    operation_id = "nodes_join",
    tag = "nodes",
    request_body = JoinRequest,
    responses(
        (status = 201, description = "The node is the gateway now.", body = JoinResponse),
        (status = 403, description = "`forbidden`: the join token is unknown, used or expired: ask for another one"),
    ),
)]
pub(super) async fn handle(
    State(app): State<App>,
    caller: Caller,
    Json(join): Json<JoinRequest>,
) -> Result<Response, ApiError> {
    let token: JoinToken = join.token.parse().map_err(|_| {
        ApiError::field("token", "is not a join token (nxg1.…): copy it again, whole")
    })?;
    let id: GatewayId = token
        .gateway_id
        .parse()
        .map_err(|_| ApiError::field("token", "names no gateway: copy it again, whole"))?;
    // The newest first. A token that was made before a rotation names an older one.
    let signing_keys: Vec<String> = app.fleet.read(|fleet| {
        fleet.signing_keys().iter().rev().map(|key| key.public_key.clone()).collect()
    });
    if signing_keys.is_empty() {
        let message = "there is no bundle-signing key yet: try again";
        return Err(ApiError::unavailable("not_ready", message, 5));
    }
    let secret = Secret::new(URL_SAFE_NO_PAD.encode(token.secret));
    let joined = app
        .commands
        .join_gateway(&caller.request, id, secret, &join.public_key, &join.agent_version)
        .await;
    let done = joined?;
    let settled = app.settle(done.position).await;
    let answer = JoinResponse {
        gateway_id: id.to_string(),
        name: done.value.name,
        credential: done.value.credential.expose().to_owned(),
        signing_keys,
    };
    Ok(settled.answer((StatusCode::CREATED, axum::Json(answer))))
}
