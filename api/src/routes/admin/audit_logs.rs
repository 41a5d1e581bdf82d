//! `GET /admin/audit-logs`

use axum::{extract::State, response::Response};
use nexavpn_domain::DomainError;
use nexavpn_projections::{
    ListQuery, Page,
    audit::{self, AuditQuery, Entry},
};

use super::{export::Exported, listing::Listing};
use crate::{App, error::ApiError};

/// What happened, the newest first: the events themselves. Filters: `event_type`, `entity_type`,
/// `status` (`success` or `failure`), `entity_id`, `actor_id`.
#[utoipa::path(
    get,
    path = "/admin/audit-logs",
    operation_id = "audit_logs_list",
    tag = "audit",
    responses((
        status = 200,
        description = "A page of the audit log. As CSV: all of it.",
        content((Page<Entry> = "application/json"), (String = "text/csv")),
    )),
)]
pub(super) async fn handle(State(app): State<App>, listing: Listing) -> Result<Response, ApiError> {
    listing.answer(app, "audit-logs", page).await
}

async fn page(app: App, query: ListQuery) -> Result<Page<Entry>, ApiError> {
    let log = app.commands.store().log();
    Ok(audit::list(&app.pool, &log, &audit_query(query)?).await?)
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
    ];
}

fn audit_query(mut list: ListQuery) -> Result<AuditQuery, DomainError> {
    if list.sort.is_some() {
        return Err(DomainError::field("sort", "this list is always in the order of events"));
    }
    if list.q.is_some() {
        return Err(DomainError::field("q", "this list cannot be searched, only filtered"));
    }
    let filters = std::mem::take(&mut list.filters);
    let mut query = AuditQuery { list, ..AuditQuery::default() };
    for (name, value) in filters {
        let filter = match name.as_str() {
            "event_type" => &mut query.event_type,
            "entity_type" => &mut query.entity_type,
            "entity_id" => &mut query.entity_id,
            "actor_id" => &mut query.actor_id,
            "status" => &mut query.status,
            _ => return Err(DomainError::field(name, "is no filter of this list")),
        };
        *filter = Some(value);
    }
    Ok(query)
}
