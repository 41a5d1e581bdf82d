//! `GET /admin/audit-logs`

use std::sync::Arc;

use axum::{extract::State, response::Response};
use chrono::TimeDelta;
use nexavpn_projections::{
    ListQuery, Page,
    audit::{self, AuditQuery, Entry, Wanted},
};

use super::{
    export::{self, Exported},
    listing::Listing,
};
use crate::{App, error::ApiError, moment::Moment};

/// How many entries of a file are read at a time.
const AT_A_TIME: u32 = 1000;
/// The same where a filter may make them lie far apart.
const AT_A_TIME_FILTERED: u32 = 200;

/// What happened: the events themselves, the newest first, or with `sort=idx` the oldest. Each says
/// in words what it is, and of each field what it was and is.
///
/// `q` looks for words of the entries, and for the present names of those who acted or to whom it
/// happened. `from` and `to` are each the number of an entry or a time, and belong to the range. A
/// file with `from` or `to` has the oldest entry first.
#[utoipa::path(
    get,
    path = "/admin/audit-logs",
    operation_id = "audit_logs_list",
    tag = "audit",
    responses((
        status = 200,
        description = "A page of the audit log. As CSV or NDJSON: all of it.",
        content(
            (Page<Entry> = "application/json"), (String = "text/csv"),
            (String = "application/x-ndjson"),
        ),
    )),
)]
pub(super) async fn handle(
    State(app): State<App>,
    mut listing: Listing,
) -> Result<Response, ApiError> {
    app.level_audit_log().await?;
    let ranged = number_range(&app, &mut listing).await?;
    match listing.file().filter(|_| ranged) {
        Some(format) => {
            export::answer(app, format, NAME, listing.into_query()?, oldest_first).await
        }
        None => listing.answer(app, NAME, page).await,
    }
}

const NAME: &str = "audit-logs";

/// Turns the times of a range into numbers. Answers whether there is a range.
///
/// # Errors
/// 400 naming what is neither a time nor a number.
pub(in crate::routes) async fn number_range(
    app: &App,
    listing: &mut Listing,
) -> Result<bool, ApiError> {
    let mut ranged = false;
    for (bound, name) in [(Bound::First, "from"), (Bound::Last, "to")] {
        if let Some(value) = listing.filter(name) {
            let number = bound.number(app, name, value).await?;
            listing.set(name, number);
            ranged = true;
        }
    }
    Ok(ranged)
}

/// An end of a range.
#[derive(Clone, Copy)]
enum Bound {
    First,
    Last,
}

impl Bound {
    /// The number of the entry at this end.
    async fn number(self, app: &App, name: &str, value: &str) -> Result<i64, ApiError> {
        let time = match Moment::parse(name, Some(value))? {
            None => return Err(ApiError::field(name, "must be a time or the number of an event")),
            Some(Moment::Idx(number)) => return Ok(number),
            Some(Moment::Time(time)) => time,
        };
        let log = app.commands.store().log();
        Ok(match self {
            // The database knows microseconds.
            Self::First => log.idx_at(time - TimeDelta::microseconds(1)).await.map_err(unread)? + 1,
            Self::Last => log.idx_at(time).await.map_err(unread)?,
        })
    }
}

fn unread(error: nexavpn_store::StoreError) -> ApiError {
    nexavpn_projections::ReadError::from(error).into()
}

/// The entries after the one whose number is `after`, the oldest first.
async fn oldest_first(app: App, query: ListQuery) -> Result<Page<Entry>, ApiError> {
    let after = query.after.as_deref().map(str::parse);
    let after = after.transpose().map_err(|_| ApiError::field("after", "must be a number"))?;
    let (page, page_size) = (query.page, query.page_size);
    let filters =
        query.q.is_some() || query.filters.iter().any(|(name, _)| name != "from" && name != "to");
    let limit = if filters { AT_A_TIME_FILTERED } else { AT_A_TIME };
    let query = AuditQuery::of(ListQuery { after: None, ..query })?;
    let after = after.or(query.from.map(|from| from.saturating_sub(1))).unwrap_or(0);
    let last = query.to;
    let wanted = Wanted { query, types: vec![] };
    let log = app.commands.store().log();
    let read = audit::entries_after(&app.pool, &log, &wanted, after, limit).await?;
    let ended = read.items.len() < limit as usize || last.is_some_and(|last| read.next >= last);
    let next = (!ended).then(|| read.next.to_string());
    let items = read.items.into_iter().map(Arc::unwrap_or_clone).collect();
    Ok(Page { items, page, page_size, total: 0, total_capped: true, next })
}

async fn page(app: App, query: ListQuery) -> Result<Page<Entry>, ApiError> {
    let log = app.commands.store().log();
    Ok(audit::list(&app.pool, &log, &AuditQuery::of(query)?).await?)
}

impl Exported for Entry {
    const COLUMNS: &'static [&'static str] = &[
        "idx",
        "time",
        "actor.type",
        "actor.id",
        "actor.name",
        "event_type",
        "entity_type",
        "entity_id",
        "sequence",
        "status",
        "request_id",
        "correlation_id",
        "client_address",
        "user_agent",
        "auth_method",
        "reason",
        "data",
        "summary",
        "entity_name",
        "cause.idx",
        "cause.event_type",
        "changes",
    ];
}
