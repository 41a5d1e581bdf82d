//! `GET /admin/audit-logs/feed`

use std::{sync::Arc, time::Duration};

use axum::{
    extract::State,
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use nexavpn_projections::audit::Entry;
use serde::Serialize;
use tokio::time::Instant;
use utoipa::{IntoParams, ToSchema};

use super::{Filter, reader::Reader};
use crate::{App, auth::Caller, error::ApiError, extract::Query};

/// The longest wait; shorter than any request may take.
const LONGEST_WAIT: Duration = Duration::from_secs(24);
/// The most entries of one answer.
const MOST: u32 = 1000;
/// How many where nothing is said.
const DEFAULT: i64 = 200;

/// Where a reader is.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
struct Asked {
    /// The `next` of the answer before; 0, the default, for the beginning of the log.
    #[param(minimum = 0)]
    after: Option<i64>,
    /// For how many seconds the answer may be held back while there is nothing new; 24 at most.
    #[param(minimum = 0)]
    wait: Option<i64>,
    /// How many entries at most; 200 unless given.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<i64>,
}

/// A part of the log, in its order.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditFeed)]
struct Answer {
    /// The entries, the oldest first.
    #[schema(value_type = Vec<Entry>)]
    items: Vec<Arc<Entry>>,
    /// What to give as `after` the next time.
    next: i64,
}

/// The audit log in the order of its numbers, from a number on. Ask with `after=` the `next` of the
/// answer before: nothing is left out, however long ago that was. With `wait` the answer comes as
/// soon as there is something new.
#[utoipa::path(
    get,
    path = "/admin/audit-logs/feed",
    operation_id = "audit_logs_feed",
    tag = "audit",
    params(Asked, Filter),
    responses(
        (status = 200, description = "The next entries; none where there is nothing new.", body = Answer),
        (status = 409, description = "`past_the_end`: the log ends before `after`, as one does that was restored from a backup"),
    ),
)]
pub(super) async fn handle(
    State(app): State<App>,
    caller: Caller,
    Query(pairs): Query<Vec<(String, String)>>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let (filter, numbers) = Filter::take(pairs, &["after", "wait", "limit"])?;
    let asked = Asked {
        after: numbers.get("after"),
        wait: numbers.get("wait"),
        limit: numbers.get("limit"),
    };
    let limit = asked.limit.unwrap_or(DEFAULT);
    let limit = u32::try_from(limit).ok().filter(|limit| (1..=MOST).contains(limit));
    let limit =
        limit.ok_or_else(|| ApiError::field("limit", format!("must be between 1 and {MOST}")))?;
    app.level_audit_log().await?;
    let wait = Duration::from_secs(asked.wait.unwrap_or(0).unsigned_abs()).min(LONGEST_WAIT);
    let (until, after) = (Instant::now() + wait, asked.after.unwrap_or(0));
    let mut reader = Reader::new(&app, &caller, &headers, filter.wanted()?, after);
    let read = reader.next(limit, until).await?;
    Ok(axum::Json(Answer { items: read.items, next: read.next }).into_response())
}
