//! Policies.

use std::collections::HashSet;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use nexavpn_domain::{
    Event, StoredEvent,
    ids::PolicyId,
    policy::{PolicyEvent, PolicyFields},
};
use nexavpn_store::Recorded;
use serde::Serialize;
use serde_json::{Map, Value};
use sqlx::{FromRow, PgConnection, PgExecutor, PgPool};
use uuid::Uuid;

use crate::{
    ApplyError, ListQuery, Page, Projection, ReadError,
    list::{Filter, ListOptions, ListSpec, Sort},
    projection::{each, known, one, to_json, update},
    words::Id,
};

/// The writer.
#[derive(Debug)]
pub struct Policies;

#[async_trait]
impl Projection for Policies {
    fn name(&self) -> &'static str {
        "policies"
    }

    fn version(&self) -> i32 {
        1
    }

    fn tables(&self) -> &'static [&'static str] {
        &["policies"]
    }

    fn reads(&self) -> &'static [&'static str] {
        &[PolicyEvent::AGGREGATE_TYPE]
    }

    async fn apply(&self, conn: &mut PgConnection, event: &Recorded) -> Result<i64, ApplyError> {
        match known(event)? {
            Event::Policy(id, e) => fold(conn, event, id.0, e).await,
            _ => Ok(0),
        }
    }

    async fn apply_all(
        &self,
        conn: &mut PgConnection,
        events: &[&Recorded],
    ) -> Result<i64, ApplyError> {
        let mut grown = 0;
        let mut rest = events;
        while !rest.is_empty() {
            let (run, others) = rest.split_at(changes(rest).len().max(1));
            rest = others;
            match run {
                [event] => grown += self.apply(conn, event).await?,
                run => change(conn, run, &changes(run)).await?,
            }
        }
        Ok(grown)
    }
}

/// What the next events change, as long as each is about another policy.
fn changes<'a>(events: &[&'a Recorded]) -> Vec<(PolicyId, &'a PolicyEvent)> {
    let mut ids = HashSet::new();
    let change = |event: &&'a Recorded| match &event.event {
        Ok(Event::Policy(id, e @ PolicyEvent::Changed { .. })) => {
            ids.insert(*id).then_some((*id, e))
        }
        _ => None,
    };
    events.iter().map_while(change).collect()
}

/// Folds changes of different policies by one statement.
async fn change(
    conn: &mut PgConnection,
    events: &[&Recorded],
    changes: &[(PolicyId, &PolicyEvent)],
) -> Result<(), ApplyError> {
    let mut fields = Vec::with_capacity(changes.len());
    let mut activated = Vec::with_capacity(changes.len());
    for ((_, e), event) in changes.iter().zip(events) {
        fields.push(Value::Object(changed_fields(e, event)?));
        activated.push(begins_at_once(e));
    }
    let written = sqlx::query(
        "UPDATE policies p SET fields = p.fields || c.fields,
                activated = coalesce(c.activated, p.activated),
                expired = p.expired AND c.activated IS NULL, version = c.version,
                updated_at = c.at
         FROM unnest($1::uuid[], $2::bigint[], $3::timestamptz[], $4::jsonb[], $5::boolean[])
              AS c (id, version, at, fields, activated)
         WHERE p.id = c.id",
    )
    .bind(changes.iter().map(|(id, _)| id.0).collect::<Vec<_>>())
    .bind(events.iter().map(|event| event.sequence).collect::<Vec<_>>())
    .bind(events.iter().map(|event| event.effective_time).collect::<Vec<_>>())
    .bind(fields)
    .bind(activated)
    .execute(conn)
    .await?;
    each(&written, events).map(|_| ())
}

/// Whether it counts from now on, where the change says when it does.
fn begins_at_once(e: &PolicyEvent) -> Option<bool> {
    let PolicyEvent::Changed { validity, .. } = e else { return None };
    validity.as_ref().map(|validity| validity.from.is_none())
}

async fn fold(
    conn: &mut PgConnection,
    event: &Recorded,
    id: Uuid,
    e: &PolicyEvent,
) -> Result<i64, ApplyError> {
    let (grown, query) = match e {
        PolicyEvent::Created { fields } => {
            let query = update(
                "INSERT INTO policies (id, fields, activated, expired, created_idx, version,
                                       created_at, updated_at)
                 VALUES ($1, $4, $5, false, $6, $2, $3, $3)",
                id,
                event,
            )
            .bind(to_json(fields, event)?)
            .bind(fields.valid_from.is_none())
            .bind(event.idx);
            (1, query)
        }
        PolicyEvent::Changed { .. } => {
            let query = update(
                "UPDATE policies SET fields = fields || $4, activated = coalesce($5, activated),
                        expired = expired AND $5 IS NULL, version = $2, updated_at = $3
                 WHERE id = $1",
                id,
                event,
            )
            .bind(Value::Object(changed_fields(e, event)?))
            .bind(begins_at_once(e));
            (0, query)
        }
        PolicyEvent::Activated {} => (
            0,
            update(
                "UPDATE policies SET activated = true, version = $2, updated_at = $3
                 WHERE id = $1",
                id,
                event,
            ),
        ),
        PolicyEvent::Expired {} => (
            0,
            update(
                "UPDATE policies SET expired = true, version = $2, updated_at = $3 WHERE id = $1",
                id,
                event,
            ),
        ),
        // It is as old as if it had been made now.
        PolicyEvent::Restored { fields } => {
            let query = update(
                "UPDATE policies SET fields = $4, activated = $5, expired = false,
                        created_idx = $6, deleted_at = NULL, version = $2, updated_at = $3
                 WHERE id = $1 AND deleted_at IS NOT NULL",
                id,
                event,
            )
            .bind(to_json(fields, event)?)
            .bind(fields.valid_from.is_none())
            .bind(event.idx);
            (1, query)
        }
        PolicyEvent::Deleted {} => (
            -1,
            update(
                "UPDATE policies SET deleted_at = $3, version = $2, updated_at = $3
                 WHERE id = $1",
                id,
                event,
            ),
        ),
    };
    one(&query.execute(conn).await?, event)?;
    Ok(grown)
}

/// The event's fields under the names that [`PolicyFields`] gives them.
fn changed_fields(e: &PolicyEvent, event: &Recorded) -> Result<Map<String, Value>, ApplyError> {
    let Value::Object(mut fields) = to_json(e, event)? else {
        return Ok(Map::new());
    };
    fields.remove("type");
    if let Some(Value::Object(mut validity)) = fields.remove("validity") {
        for (name, field) in [("from", "valid_from"), ("until", "valid_until")] {
            fields.insert(field.into(), validity.remove(name).unwrap_or(Value::Null));
        }
    }
    Ok(fields)
}

/// A policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, FromRow)]
pub struct PolicyRow {
    /// Its id.
    #[sqlx(try_from = "Id")]
    pub id: PolicyId,
    /// What an admin has set.
    #[sqlx(json)]
    #[serde(flatten)]
    pub fields: PolicyFields,
    /// Whether it counts: enabled, begun and not over.
    pub in_force: bool,
    /// Its age among policies of equal priority and effect: the lowest is the oldest.
    pub created_idx: i64,
    /// The aggregate's sequence, for the ETag.
    pub version: i64,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

const COLUMNS: &str =
    "t.id, t.fields, t.in_force, t.created_idx, t.version, t.created_at, t.updated_at";

const LIST: ListSpec = ListSpec {
    projection: "policies",
    columns: COLUMNS,
    from: "read.policies t",
    listed: Some("t.deleted_at IS NULL"),
    sorts: &[
        Sort::number("priority", "t.evaluation_order"),
        Sort::text("name", "t.name_key"),
        Sort::time("created_at", "t.created_at"),
    ],
    default_sort: "priority",
    texts: &["t.name_key"],
    exact: &[],
    filters: &[
        Filter::flag("in_force", "t.in_force = "),
        Filter::flag("enabled", "t.enabled = "),
        Filter::word("effect", "t.effect = ", &["allow", "deny"]),
        Filter::id("target", "t.fields->'targets' @> jsonb_build_array(jsonb_build_object('id', ")
            .closed("))"),
    ],
};

/// A policy that was not deleted.
///
/// # Errors
/// Where the database fails.
pub async fn get(db: impl PgExecutor<'_>, id: PolicyId) -> Result<Option<PolicyRow>, ReadError> {
    let sql =
        format!("SELECT {COLUMNS} FROM read.policies t WHERE t.id = $1 AND deleted_at IS NULL");
    Ok(sqlx::query_as(&sql).bind(id.0).fetch_optional(db).await?)
}

/// The policies that were not deleted. Sorts: `priority` (the order in which they are asked: by
/// priority, deny before allow, then by age), `name`, `created_at`. Filters:
/// `in_force`, `enabled`, `effect`, `target` (the id of a user, group or device).
///
/// # Errors
/// `validation_error` for an unknown sort or filter; where the database fails.
pub async fn list(pool: &PgPool, query: &ListQuery) -> Result<Page<PolicyRow>, ReadError> {
    LIST.page(pool, query).await
}

/// What the list takes.
#[must_use]
pub fn list_options() -> ListOptions {
    LIST.options()
}
