//! `GET /admin/audit/checkpoint`

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse as _, Response},
};

use super::present;
use crate::{App, error::ApiError};

/// The newest checkpoint: how many events the log holds and the root over them, signed (C2SP
/// tlog-checkpoint). Whoever keeps it can tell later whether the history was edited.
#[utoipa::path(
    get,
    path = "/admin/audit/checkpoint",
    operation_id = "audit_checkpoint",
    tag = "proofs",
    responses(
        (
            status = 200,
            description = "The signed note.",
            body = String,
            content_type = "text/plain",
            example = "vpn.example.com/log\n1842\nV2hhdCBpcyBoZXJlIGlzIHdoYXQgaGFwcGVuZWQuLi4=\n\n— vpn.example.com/log c2lnbmF0dXJl\n",
        ),
        (status = 409, description = "`history_changed`: the log does not continue a checkpoint that was signed before: `nexavpn verify` names the place"),
    ),
)]
pub(super) async fn handle(State(app): State<App>) -> Result<Response, ApiError> {
    let (_, note) = present(&app).await?;
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], note).into_response())
}
