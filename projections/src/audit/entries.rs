//! The entries of the audit log.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use nexavpn_domain::DomainError;
use nexavpn_store::{Log, Recorded};
use serde::Serialize;
use serde_json::Value;
use sqlx::{FromRow, PgPool, Postgres, QueryBuilder};
use uuid::Uuid;

use crate::{
    ReadError,
    list::{FilterValue, ListOptions, capped, maintained_total},
    page::{COUNTED, Cursor, ListQuery, Page, SortKey},
};

/// What of the audit log is asked for: the newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditQuery {
    /// Page, size and `after`; sort, `q` and filters are of no effect.
    pub list: ListQuery,
    /// `device.enrolled`, …
    pub event_type: Option<String>,
    /// `user`, `device`, …
    pub entity_type: Option<String>,
    /// Whose events.
    pub entity_id: Option<String>,
    /// Who acted.
    pub actor_id: Option<String>,
    /// `success` or `failure`.
    pub status: Option<String>,
    /// The first number.
    pub from: Option<i64>,
    /// The last number.
    pub to: Option<i64>,
}

impl AuditQuery {
    const fn is_filtered(&self) -> bool {
        self.from.is_some()
            || self.to.is_some()
            || self.event_type.is_some()
            || self.entity_type.is_some()
            || self.entity_id.is_some()
            || self.actor_id.is_some()
            || self.status.is_some()
    }

    pub(super) fn check(&self) -> Result<(), DomainError> {
        match self.status.as_deref() {
            None | Some("success" | "failure") => Ok(()),
            Some(_) => Err(DomainError::field("status", "must be success or failure")),
        }
    }

    pub(super) fn conditions<'q>(&'q self, sql: &mut QueryBuilder<'q, Postgres>) {
        sql.push(" WHERE true");
        for (column, value) in [
            ("event_type", &self.event_type),
            ("entity_type", &self.entity_type),
            ("entity_id", &self.entity_id),
            ("actor_id", &self.actor_id),
            ("status", &self.status),
        ] {
            if let Some(value) = value {
                sql.push(" AND ").push(column).push(" = ").push_bind(value.as_str());
            }
        }
        for (comparison, number) in [(" AND idx >= ", self.from), (" AND idx <= ", self.to)] {
            if let Some(number) = number {
                sql.push(comparison).push_bind(number);
            }
        }
    }
}

/// Who acted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = AuditActor)]
pub struct Actor {
    /// `user`, `gateway`, `system` or `anonymous`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Which one.
    pub id: Option<String>,
    /// The present name; none where it was erased.
    pub name: Option<String>,
}

/// An entry of the audit log.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
#[schema(as = AuditEntry)]
pub struct Entry {
    /// Its number in the log: dense, from 1.
    pub idx: i64,
    /// When it took effect.
    pub time: DateTime<Utc>,
    /// Who acted.
    pub actor: Actor,
    /// What happened.
    pub event_type: String,
    /// To what kind of thing.
    pub entity_type: String,
    /// To which one.
    pub entity_id: String,
    /// The event's number among those of the entity.
    pub sequence: i64,
    /// `success` or `failure`.
    pub status: String,
    /// The request that caused it.
    pub request_id: Option<String>,
    /// What the request was part of.
    pub correlation_id: Option<String>,
    /// Where the request came from, unless that was erased.
    pub client_address: Option<String>,
    /// The client, as it calls itself, unless that was erased.
    pub user_agent: Option<String>,
    /// How the actor had signed in.
    pub auth_method: Option<String>,
    /// Why, in the actor's words.
    pub reason: Option<String>,
    /// The event's fields, as they are stored.
    pub data: Value,
}

#[derive(FromRow)]
struct IndexRow {
    idx: i64,
    time: DateTime<Utc>,
    event_type: String,
    entity_type: String,
    entity_id: String,
    actor_type: String,
    actor_id: Option<String>,
    actor_name: Option<String>,
    status: String,
    request_id: Option<String>,
}

/// What the log takes.
#[must_use]
pub fn list_options() -> ListOptions {
    let text = |name| (name, FilterValue::Text);
    ListOptions {
        sorts: vec![],
        default_sort: "",
        searchable: false,
        filters: vec![
            text("event_type"),
            text("entity_type"),
            text("entity_id"),
            text("actor_id"),
            ("status", FilterValue::Word(&["success", "failure"])),
            text("from"),
            text("to"),
        ],
    }
}

/// The order's name in cursors.
const ORDER: &str = "audit";

/// A page of the audit log, the newest entry first.
///
/// # Errors
/// `validation_error` for a bad page or status; where the database fails.
pub async fn list(pool: &PgPool, log: &Log, query: &AuditQuery) -> Result<Page<Entry>, ReadError> {
    let limits = query.list.limits()?;
    query.check()?;
    let mut rows = index_rows(pool, query, limits.size, limits.offset).await?;
    let more = i64::try_from(rows.len()).is_ok_and(|n| n > limits.size);
    rows.truncate(usize::try_from(limits.size).unwrap_or(usize::MAX));
    let next = rows.last().filter(|_| more).and_then(|row| {
        let key = SortKey::Number(row.idx);
        Cursor { order: ORDER.to_owned(), key, id: row.idx }.encode()
    });
    let (total, total_capped) = total(pool, query).await?;
    let numbers: Vec<i64> = rows.iter().map(|r| r.idx).collect();
    let mut events = events_at(log, &numbers).await?;
    let items = rows.into_iter().map(|row| entry(events.remove(&row.idx), row)).collect();
    let (page, page_size) = (query.list.page, query.list.page_size);
    Ok(Page { items, page, page_size, total, total_capped, next })
}

/// The entries of these numbers, which rise.
pub(super) async fn numbered(
    pool: &PgPool,
    log: &Log,
    numbers: &[i64],
) -> Result<Vec<Entry>, ReadError> {
    let sql = format!(
        "{WITH_NAMES} (SELECT * FROM read.audit_log WHERE idx = ANY ($1)) {NAMES} ORDER BY a.idx"
    );
    let rows: Vec<IndexRow> = sqlx::query_as(&sql).bind(numbers).fetch_all(pool).await?;
    let falling: Vec<i64> = numbers.iter().rev().copied().collect();
    let mut events = events_at(log, &falling).await?;
    Ok(rows.into_iter().map(|row| entry(events.remove(&row.idx), row)).collect())
}

/// Rows of the index, which follow in parentheses, with the names of those who acted.
const WITH_NAMES: &str = "SELECT a.*, CASE a.actor_type WHEN 'user' THEN u.username
                                       WHEN 'gateway' THEN g.fields->>'name'
                                       WHEN 'system' THEN a.actor_id END AS actor_name
     FROM";
/// Where the names are. Ids are compared as uuid, or the primary keys could not be used; a
/// system's name is none.
const NAMES: &str = "a LEFT JOIN read.users u
         ON u.id = CASE WHEN a.actor_type = 'user' THEN a.actor_id::uuid END
     LEFT JOIN read.gateways g
         ON g.id = CASE WHEN a.actor_type = 'gateway' THEN a.actor_id::uuid END";

async fn index_rows(
    pool: &PgPool,
    query: &AuditQuery,
    size: i64,
    offset: i64,
) -> Result<Vec<IndexRow>, ReadError> {
    let mut sql = QueryBuilder::new(format!("{WITH_NAMES} (SELECT * FROM read.audit_log"));
    query.conditions(&mut sql);
    if let Some(after) = &query.list.after {
        let cursor = Cursor::<i64>::decode(after, ORDER)?;
        sql.push(" AND idx < ").push_bind(cursor.id);
    }
    sql.push(format!(" ORDER BY idx DESC LIMIT {}", size + 1));
    if offset > 0 {
        sql.push(" OFFSET ").push_bind(offset);
    }
    sql.push(format!(") {NAMES} ORDER BY a.idx DESC"));
    // What a filter matches depends on its value: such a statement is planned each time.
    Ok(sql.build_query_as().persistent(!query.is_filtered()).fetch_all(pool).await?)
}

async fn total(pool: &PgPool, query: &AuditQuery) -> Result<(i64, bool), ReadError> {
    if query.list.uncounted {
        return Ok((0, true));
    }
    if !query.is_filtered() {
        return Ok((maintained_total(pool, "audit_log").await?, false));
    }
    let mut sql = QueryBuilder::new("SELECT count(*) FROM (SELECT 1 FROM read.audit_log");
    query.conditions(&mut sql);
    sql.push(format!(" LIMIT {}) counted", COUNTED + 1));
    Ok(capped(sql.build_query_scalar().persistent(false).fetch_one(pool).await?))
}

/// The events of these numbers, which fall. Neighbours are read together.
async fn events_at(log: &Log, numbers: &[i64]) -> Result<HashMap<i64, Recorded>, ReadError> {
    let mut events = HashMap::with_capacity(numbers.len());
    for run in numbers.chunk_by(|newer, older| newer - older <= NEIGHBOURS) {
        let (Some(newest), Some(oldest)) = (run.first(), run.last()) else {
            continue;
        };
        let span = usize::try_from(newest - oldest + 1).unwrap_or(usize::MAX);
        for event in log.read(oldest - 1, span).await? {
            events.insert(event.idx, event);
        }
    }
    let wanted: HashSet<i64> = numbers.iter().copied().collect();
    events.retain(|idx, _| wanted.contains(idx));
    Ok(events)
}

/// Reading so many events too much costs less than another query.
const NEIGHBOURS: i64 = 20;

fn entry(event: Option<Recorded>, row: IndexRow) -> Entry {
    let (mut metadata, payload, sequence) = event
        .map_or_else(|| (HashMap::new(), Value::Null, 0), |e| (e.metadata, e.payload, e.sequence));
    let data = match payload {
        Value::Object(mut fields) => {
            fields.remove("type");
            Value::Object(fields)
        }
        other => other,
    };
    Entry {
        idx: row.idx,
        time: row.time,
        actor: Actor { kind: row.actor_type, id: row.actor_id, name: row.actor_name },
        event_type: row.event_type,
        entity_type: row.entity_type,
        entity_id: row.entity_id,
        sequence,
        status: row.status,
        request_id: row.request_id,
        correlation_id: metadata.remove("correlation_id"),
        client_address: metadata.remove("client_address"),
        user_agent: metadata.remove("user_agent"),
        auth_method: metadata.remove("auth_method"),
        reason: metadata.remove("reason"),
        data,
    }
}

/// The newest entries about one entity, for its page.
///
/// # Errors
/// Where the database fails.
pub async fn of_entity(
    pool: &PgPool,
    log: &Log,
    entity_id: Uuid,
    list: ListQuery,
) -> Result<Page<Entry>, ReadError> {
    let query =
        AuditQuery { list, entity_id: Some(entity_id.to_string()), ..AuditQuery::default() };
    self::list(pool, log, &query).await
}
