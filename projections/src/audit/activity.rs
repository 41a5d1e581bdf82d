//! What a person may see of themselves in the audit log: what they did, and what was done to them,
//! their devices and sessions. Who else acted is said by kind, and from where is not said.

use chrono::{DateTime, Utc};
use nexavpn_domain::{DomainError, ids::UserId};
use nexavpn_store::Log;
use serde::Serialize;
use sqlx::PgPool;

use super::{
    entries::{Change, Entry, list},
    query::{AuditQuery, list_options},
};
use crate::{
    ReadError,
    list::ListOptions,
    page::{ListQuery, Page},
};

/// An entry about oneself.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Activity {
    /// Its number in the audit log.
    pub idx: i64,
    /// When it took effect.
    pub time: DateTime<Utc>,
    /// Who acted: `you`, `user` for somebody else, `gateway`, `system` or `anonymous`.
    pub by: String,
    /// What happened.
    pub event_type: String,
    /// The same in words.
    pub summary: String,
    /// To what kind of thing.
    pub entity_type: String,
    /// To which one.
    pub entity_id: String,
    /// What that is called at present.
    pub entity_name: Option<String>,
    /// `success` or `failure`.
    pub status: String,
    /// What each field was and is.
    pub changes: Vec<Change>,
    /// Where the request came from, where it was one's own.
    pub client_address: Option<String>,
    /// The client that sent it, where it was one's own.
    pub user_agent: Option<String>,
}

impl Activity {
    fn of(me: UserId, entry: Entry) -> Self {
        let mine = entry.actor.kind == "user" && entry.actor.id == Some(me.to_string());
        Self {
            idx: entry.idx,
            time: entry.time,
            by: if mine { "you".to_owned() } else { entry.actor.kind },
            event_type: entry.event_type,
            summary: entry.summary,
            entity_type: entry.entity_type,
            entity_id: entry.entity_id,
            entity_name: entry.entity_name,
            status: entry.status,
            changes: entry.changes,
            client_address: entry.client_address.filter(|_| mine),
            user_agent: entry.user_agent.filter(|_| mine),
        }
    }
}

/// What can be asked of it: nothing that would tell by the number of answers what is not shown.
const FILTERS: &[&str] = &["event_type", "entity_type", "entity_id", "status", "from", "to"];

/// What the list takes.
#[must_use]
pub fn activity_options() -> ListOptions {
    let mut options = list_options();
    options.filters.retain(|(name, _)| FILTERS.contains(name));
    options.searchable = false;
    options
}

/// A page of what a person did and of what was done to them, the newest first.
///
/// # Errors
/// `validation_error` for a bad page; where the database fails.
pub async fn activity(
    pool: &PgPool,
    log: &Log,
    me: UserId,
    asked: ListQuery,
) -> Result<Page<Activity>, ReadError> {
    let refused = asked.filters.iter().map(|(name, _)| name.as_str());
    let refused = refused.chain(asked.q.is_some().then_some("q"));
    if let Some(name) = refused.into_iter().find(|name| !FILTERS.contains(name)) {
        return Err(DomainError::field(name, "is no filter of this list").into());
    }
    let query = AuditQuery { involves: Some(me), ..AuditQuery::of(asked)? };
    Ok(list(pool, log, &query).await?.map(|entry| Activity::of(me, entry)))
}
