//! `GET /api/wireguard/client/{id}/qrcode.svg`

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse as _, Response},
};

use super::{
    super::{WgEasy, error::DialectError},
    ClientId,
};
use crate::routes::views::Qr;

/// The configuration as an image for a phone.
pub(in super::super) async fn handle(
    State(dialect): State<WgEasy>,
    ClientId(id): ClientId,
) -> Result<Response, DialectError> {
    let device = dialect.device(id).await?;
    let qr = Qr::wanted(&dialect.configuration(&device).await?)?;
    Ok(([(header::CONTENT_TYPE, "image/svg+xml")], qr.svg()).into_response())
}
