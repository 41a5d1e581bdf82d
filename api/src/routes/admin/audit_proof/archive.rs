//! `GET /admin/audit/archive`

use std::io;

use axum::{
    body::Body,
    extract::State,
    http::header,
    response::{IntoResponse as _, Response},
};
use futures::{Stream, stream};
use nexavpn_store::{Archive, ArchiveRange};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{present, reached};
use crate::{App, error::ApiError, extract::Query};

/// What a line of an archive looks like.
const EXAMPLE: &str = "{\"header\":{\"format\":\"nexavpn-archive/1\",\"from\":1,\"to\":1842}}\n";

/// Which events.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Range {
    /// The number of the first event.
    #[param(minimum = 1, default = 1)]
    from: Option<u64>,
    /// The number of the last event; the newest where this is left out.
    to: Option<u64>,
    /// The size of a checkpoint that was kept, where it is not within the range: the archive then
    /// holds what shows that the log continues it.
    kept: Option<u64>,
}

/// A range of events as they are stored, personal data sealed, with what proves them against the
/// newest checkpoint: lines of JSON. `nexavpn audit verify` verifies it without this server, and
/// names the first event that does not fit.
#[utoipa::path(
    get,
    path = "/admin/audit/archive",
    operation_id = "audit_archive",
    tag = "proofs",
    params(Range),
    responses(
        (
            status = 200,
            description = "The archive, as long as it is.",
            body = String,
            content_type = "application/x-ndjson",
            example = json!(EXAMPLE),
        ),
        (status = 409, description = "`history_changed`: the log does not continue a checkpoint that was signed before: `nexavpn verify` names the place"),
    ),
)]
pub(super) async fn handle(
    State(app): State<App>,
    Query(Range { from, to, kept }): Query<Range>,
) -> Result<Response, ApiError> {
    let from = from.unwrap_or(1);
    if from == 0 {
        return Err(ApiError::field("from", "counts from 1"));
    }
    if to.is_some_and(|to| to < from) {
        return Err(ApiError::field("to", "must not be less than from"));
    }
    reached(&app, to.unwrap_or(from).max(kept.unwrap_or(0))).await?;
    let checkpoint = present(&app).await?;
    let to = to.unwrap_or(checkpoint.0.size);
    let range = ArchiveRange { from, to, kept: kept.into_iter().collect(), checkpoint };
    let mut archive = Archive::begin(app.commands.store().log_tree(), range).await?;
    // Before the answer begins, so that what is wrong is told.
    let first = archive.lines().await?;
    let name = format!("attachment; filename=\"nexavpn-{from}-{to}.ndjson\"");
    let headers = [
        (header::CONTENT_TYPE, "application/x-ndjson".to_owned()),
        (header::CONTENT_DISPOSITION, name),
    ];
    Ok((headers, Body::from_stream(lines(first, archive))).into_response())
}

/// An error cuts the answer off: the archive lacks its trailer then and does not verify.
fn lines(first: Option<String>, archive: Archive) -> impl Stream<Item = io::Result<String>> {
    stream::try_unfold((first, archive), |(first, mut archive)| async move {
        let text = match first {
            Some(text) => Some(text),
            None => archive.lines().await.map_err(|error| {
                tracing::error!(%error, "an archive was cut off");
                io::Error::other("the archive was cut off")
            })?,
        };
        Ok(text.map(|text| (text, (None, archive))))
    })
}
