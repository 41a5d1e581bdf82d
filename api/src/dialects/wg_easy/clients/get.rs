//! `GET /api/wireguard/client/{id}`

use axum::{Json, extract::State};

use super::{
    super::{WgEasy, error::DialectError, view::WholeClient},
    ClientId,
};

/// One client with its use and its configuration.
pub(in super::super) async fn handle(
    State(dialect): State<WgEasy>,
    ClientId(id): ClientId,
) -> Result<Json<WholeClient>, DialectError> {
    Ok(Json(dialect.with_configuration(id).await?))
}
