//! `GET /admin/audit/tile/{level}/…`: the tree in tiles, at the places that C2SP tlog-tiles gives
//! them, so that tools of others read the whole log.

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse as _, Response},
};
use nexavpn_proof::{Tile, TilePath, tree::WIDTH};

use crate::{App, error::ApiError, extract::Path};

/// A tile of the tree: up to 256 hashes of 32 bytes each. `level` is 0 for the hashes of events,
/// or `entries` for the events' leaves themselves, each behind its length in two bytes. `place` is
/// where the tile is, `067`, from a thousand on `x001/067`; one that is not full is asked for with
/// how many of its hashes are wanted, `067.p/12`. Full tiles never change.
#[utoipa::path(
    get,
    path = "/admin/audit/tile/{level}/{*place}",
    operation_id = "audit_tile",
    tag = "proofs",
    responses((
        status = 200,
        description = "The tile.",
        body = Vec<u8>,
        content_type = "application/octet-stream",
    )),
)]
pub(super) async fn handle(
    State(app): State<App>,
    Path((level, place)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let nothing = || ApiError::not_found("tile");
    let TilePath { n, width } = TilePath::parse(&place).ok_or_else(nothing)?;
    let tree = app.commands.store().log_tree();
    let bytes = if level == "entries" {
        let after = n.checked_mul(WIDTH).ok_or_else(nothing)?;
        let leaves = tree.leaves(after, width).await?;
        if leaves.len() as u64 != width {
            return Err(nothing());
        }
        let mut bytes = Vec::new();
        for leaf in leaves {
            let leaf = leaf.bytes().map_err(|e| ApiError::internal(&e))?;
            let length = u16::try_from(leaf.len()).map_err(|e| ApiError::internal(&e))?;
            bytes.extend(length.to_be_bytes());
            bytes.extend(leaf);
        }
        bytes
    } else {
        let number = level.parse::<u8>().ok().filter(|number| number.to_string() == level);
        let level = number.filter(|level| *level < 8).ok_or_else(nothing)?;
        tree.tile(Tile { level, n }, width).await?.ok_or_else(nothing)?
    };
    let kept = if width == WIDTH { "private, max-age=31536000, immutable" } else { "no-cache" };
    let headers =
        [(header::CONTENT_TYPE, "application/octet-stream"), (header::CACHE_CONTROL, kept)];
    Ok((headers, bytes).into_response())
}
