//! The entries of the audit log.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use nexavpn_domain::told::{Before, Told, told};
use nexavpn_store::{EventId, Log, Recorded};
use serde::Serialize;
use serde_json::Value;
use sqlx::{FromRow, PgPool, QueryBuilder};
use uuid::Uuid;

use super::query::{AuditQuery, Conditions};
use crate::{
    ReadError,
    list::{capped, maintained_total},
    page::{COUNTED, Cursor, Limits, ListQuery, Page, SortKey},
};

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
    /// The same in words.
    pub summary: String,
    /// To what kind of thing.
    pub entity_type: String,
    /// To which one.
    pub entity_id: String,
    /// What that is called at present; none where it was erased or has no name.
    pub entity_name: Option<String>,
    /// The event's number among those of the entity.
    pub sequence: i64,
    /// `success` or `failure`.
    pub status: String,
    /// The request that caused it.
    pub request_id: Option<String>,
    /// What the request was part of.
    pub correlation_id: Option<String>,
    /// The event that made this one necessary; none where it was just asked for.
    pub cause: Option<Cause>,
    /// Where the request came from, unless that was erased.
    pub client_address: Option<String>,
    /// The client, as it calls itself, unless that was erased.
    pub user_agent: Option<String>,
    /// How the actor had signed in.
    pub auth_method: Option<String>,
    /// Why, in the actor's words.
    pub reason: Option<String>,
    /// What each field was and is.
    pub changes: Vec<Change>,
    /// The event's fields, as they are stored.
    pub data: Value,
}

/// The event that made another one necessary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = AuditCause)]
pub struct Cause {
    /// Its number in the log.
    pub idx: i64,
    /// What happened.
    pub event_type: String,
    /// The same in words.
    pub summary: String,
    /// To what kind of thing.
    pub entity_type: String,
    /// To which one.
    pub entity_id: String,
}

/// A field that an event changed.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
#[schema(as = AuditChange)]
pub struct Change {
    /// Its name.
    pub field: String,
    /// What it was; null where it was not there, or was erased. What is added to a set was not
    /// there before.
    pub before: Value,
    /// What it is since; null where it is gone, or was erased.
    pub after: Value,
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
    priors: Option<Vec<i64>>,
    entity_name: Option<String>,
}

/// A page of the audit log.
///
/// # Errors
/// `validation_error` for a bad page or search; where the database fails.
pub async fn list(pool: &PgPool, log: &Log, query: &AuditQuery) -> Result<Page<Entry>, ReadError> {
    let limits = query.list.limits()?;
    query.check()?;
    let conditions = query.resolve(pool, log).await?;
    let counted = count(pool, query, &conditions).await?;
    // What a word matches cannot be foretold. Where that is few rows, they are looked up and then
    // sorted; otherwise the planner would often walk the whole log to find them.
    let look_up = query.q.is_some() && counted.is_some_and(|(_, capped)| !capped);
    let mut rows = index_rows(pool, query, &conditions, limits, look_up).await?;
    let more = i64::try_from(rows.len()).is_ok_and(|n| n > limits.size);
    rows.truncate(usize::try_from(limits.size).unwrap_or(usize::MAX));
    let next = rows.last().filter(|_| more).and_then(|row| {
        let key = SortKey::Number(row.idx);
        Cursor { order: query.order().to_owned(), key, id: row.idx }.encode()
    });
    let (total, total_capped) = match counted {
        _ if query.list.uncounted => (0, true),
        Some(counted) => counted,
        None => (maintained_total(pool, "audit_log").await?, false),
    };
    let items = entries(log, rows).await?;
    let (page, page_size) = (query.list.page, query.list.page_size);
    Ok(Page { items, page, page_size, total, total_capped, next })
}

/// The entries of these numbers, the oldest first.
pub(super) async fn numbered(
    pool: &PgPool,
    log: &Log,
    numbers: &[i64],
) -> Result<Vec<Entry>, ReadError> {
    if numbers.is_empty() {
        return Ok(vec![]);
    }
    let sql = format!(
        "{WITH_NAMES} (SELECT * FROM read.audit_log WHERE idx = ANY ($1)) {NAMES} ORDER BY a.idx"
    );
    let rows = sqlx::query_as(&sql).bind(numbers).fetch_all(pool).await?;
    entries(log, rows).await
}

/// Rows of the index, which follow in parentheses, with the names of those who acted and of what
/// it happened to.
const WITH_NAMES: &str = "SELECT a.idx, a.time, a.event_type, a.entity_type, a.entity_id,
            a.actor_type, a.actor_id, a.status, a.request_id, a.priors,
            CASE a.actor_type WHEN 'user' THEN u.username
                              WHEN 'gateway' THEN g.fields->>'name'
                              WHEN 'system' THEN a.actor_id END AS actor_name,
            CASE a.entity_type
                WHEN 'user' THEN (SELECT username FROM read.users WHERE id = a.entity_id::uuid)
                WHEN 'device' THEN (SELECT name FROM read.devices WHERE id = a.entity_id::uuid)
                WHEN 'group' THEN (SELECT name FROM read.groups WHERE id = a.entity_id::uuid)
                WHEN 'policy' THEN
                    (SELECT fields->>'name' FROM read.policies WHERE id = a.entity_id::uuid)
                WHEN 'gateway' THEN
                    (SELECT fields->>'name' FROM read.gateways WHERE id = a.entity_id::uuid)
            END AS entity_name
     FROM ";
/// Where the names of actors are. Ids are compared as uuid, or the primary keys could not be used;
/// a system's name is none.
const NAMES: &str = "a LEFT JOIN read.users u
         ON u.id = CASE WHEN a.actor_type = 'user' THEN a.actor_id::uuid END
     LEFT JOIN read.gateways g
         ON g.id = CASE WHEN a.actor_type = 'gateway' THEN a.actor_id::uuid END";

async fn index_rows(
    pool: &PgPool,
    query: &AuditQuery,
    conditions: &Conditions<'_>,
    limits: Limits,
    look_up: bool,
) -> Result<Vec<IndexRow>, ReadError> {
    let mut sql = QueryBuilder::new("");
    if look_up {
        sql.push("WITH found AS MATERIALIZED (SELECT * FROM read.audit_log");
        conditions.push(&mut sql);
        sql.push(") ");
    }
    sql.push(WITH_NAMES).push("(SELECT * FROM ");
    if look_up {
        sql.push("found WHERE true");
    } else {
        sql.push("read.audit_log");
        conditions.push(&mut sql);
    }
    let (beyond, direction) = if query.oldest_first { (">", "ASC") } else { ("<", "DESC") };
    if let Some(after) = &query.list.after {
        let cursor = Cursor::<i64>::decode(after, query.order())?;
        sql.push(format!(" AND idx {beyond} ")).push_bind(cursor.id);
    }
    sql.push(format!(" ORDER BY idx {direction} LIMIT {}", limits.size + 1));
    if limits.offset > 0 {
        sql.push(" OFFSET ").push_bind(limits.offset);
    }
    sql.push(format!(") {NAMES} ORDER BY a.idx {direction}"));
    // What a filter matches depends on its value: such a statement is planned each time.
    Ok(sql.build_query_as().persistent(!conditions.is_filtered()).fetch_all(pool).await?)
}

/// How many there are and whether counting ended early; none where all of them are asked for, or
/// nobody wants to know.
async fn count(
    pool: &PgPool,
    query: &AuditQuery,
    conditions: &Conditions<'_>,
) -> Result<Option<(i64, bool)>, ReadError> {
    if !conditions.is_filtered() || query.list.uncounted && query.q.is_none() {
        return Ok(None);
    }
    let mut sql = QueryBuilder::new("SELECT count(*) FROM (SELECT 1 FROM read.audit_log");
    conditions.push(&mut sql);
    sql.push(format!(" LIMIT {}) counted", COUNTED + 1));
    Ok(Some(capped(sql.build_query_scalar().persistent(false).fetch_one(pool).await?)))
}

/// The entries of these rows: their events, and those that say what was before.
async fn entries(log: &Log, rows: Vec<IndexRow>) -> Result<Vec<Entry>, ReadError> {
    let earlier = rows.iter().flat_map(|row| row.priors.iter().flatten());
    let numbers: BTreeSet<i64> = rows.iter().map(|row| row.idx).chain(earlier.copied()).collect();
    let events = log.pick(&numbers.into_iter().collect::<Vec<_>>()).await?;
    let events: HashMap<i64, Recorded> = events.into_iter().map(|e| (e.idx, e)).collect();
    let causes = causes(log, rows.iter().filter_map(|row| events.get(&row.idx))).await?;
    Ok(rows.into_iter().map(|row| entry(&events, &causes, row)).collect())
}

fn cause_of(event: &Recorded) -> Option<EventId> {
    event.metadata.get("causation_id")?.parse().ok()
}

/// What caused these events, where something did.
async fn causes(
    log: &Log,
    events: impl Iterator<Item = &Recorded>,
) -> Result<HashMap<EventId, Cause>, ReadError> {
    let ids: BTreeSet<EventId> = events.filter_map(cause_of).collect();
    let numbers = log.numbers(&ids.into_iter().collect::<Vec<_>>()).await?;
    let ids: HashMap<i64, EventId> = numbers.into_iter().map(|(id, idx)| (idx, id)).collect();
    let events = log.pick(&ids.keys().copied().collect::<Vec<_>>()).await?;
    let cause = |event: Recorded| {
        let id = ids.get(&event.idx)?.clone();
        let Recorded { idx, event_type, aggregate_type, aggregate_id, event, .. } = event;
        let summary = event.map_or_else(|_| event_type.clone(), |e| told(&e).words);
        let (entity_type, entity_id) = (aggregate_type, aggregate_id);
        Some((id, Cause { idx, event_type, summary, entity_type, entity_id }))
    };
    Ok(events.into_iter().filter_map(cause).collect())
}

fn entry(
    events: &HashMap<i64, Recorded>,
    causes: &HashMap<EventId, Cause>,
    row: IndexRow,
) -> Entry {
    let event = events.get(&row.idx);
    let told_of = |idx: &i64| Some((*idx, told(events.get(idx)?.event.as_ref().ok()?)));
    let told = told_of(&row.idx).map(|(_, told)| told);
    let earlier: Vec<_> = row.priors.iter().flatten().filter_map(told_of).collect();
    let changes = told.as_ref().map(|t| changes(t, &earlier)).unwrap_or_default();
    let said = |key: &str| event.and_then(|e| e.metadata.get(key).cloned());
    let data = match event.map(|e| e.payload.clone()).unwrap_or_default() {
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
        // An event of a later version has no words here.
        summary: told.map_or_else(|| row.event_type.clone(), |t| t.words),
        event_type: row.event_type,
        entity_type: row.entity_type,
        entity_id: row.entity_id,
        entity_name: row.entity_name,
        sequence: event.map_or(0, |e| e.sequence),
        status: row.status,
        request_id: row.request_id,
        correlation_id: said("correlation_id"),
        cause: event.and_then(cause_of).and_then(|id| causes.get(&id).cloned()),
        client_address: said("client_address"),
        user_agent: said("user_agent"),
        auth_method: said("auth_method"),
        reason: said("reason"),
        changes,
        data,
    }
}

/// What each field was and is. `earlier` are the events that set them before, by number.
fn changes(told: &Told, earlier: &[(i64, Told)]) -> Vec<Change> {
    let before = |name: &str| {
        let set = |(idx, t): &(i64, Told)| {
            Some((*idx, t.fields.iter().find(|f| f.name == name)?.after.clone()))
        };
        earlier.iter().filter_map(set).max_by_key(|(idx, _)| *idx).map(|(_, value)| value)
    };
    let of = |field: String, before: Value, after: Value| Change { field, before, after };
    let mut changes: Vec<Change> = told
        .fields
        .iter()
        .map(|field| {
            let was = match &field.before {
                Before::Known(value) => value.clone(),
                Before::Earlier(first) => before(&field.name).unwrap_or_else(|| first.clone()),
            };
            of(field.name.clone(), was, field.after.clone())
        })
        .collect();
    if told.ends {
        let names: BTreeSet<&str> =
            earlier.iter().flat_map(|(_, t)| &t.fields).map(|f| f.name.as_str()).collect();
        let gone =
            names.into_iter().filter_map(|n| Some(of(n.to_owned(), before(n)?, Value::Null)));
        changes.extend(gone);
    }
    // An event may set again what was so already.
    changes.retain(|c| c.before != c.after);
    changes
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
