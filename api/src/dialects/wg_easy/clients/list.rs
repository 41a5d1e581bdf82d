//! `GET /api/wireguard/client`

use axum::{Json, extract::State};

use super::super::{WgEasy, error::DialectError, view::ClientView};

/// All clients, the oldest first, without what only they may know.
pub(in super::super) async fn handle(
    State(dialect): State<WgEasy>,
) -> Result<Json<Vec<ClientView>>, DialectError> {
    Ok(Json(dialect.all_clients().await?))
}
