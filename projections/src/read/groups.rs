//! Groups and their members.

use std::collections::HashMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use nexavpn_domain::{
    Event, StoredEvent,
    group::GroupEvent,
    ids::{GroupId, UserId},
    user::UserEvent,
};
use nexavpn_store::Recorded;
use serde::Serialize;
use sqlx::{FromRow, PgConnection, PgExecutor, PgPool};
use uuid::Uuid;

use crate::{
    ApplyError, ListQuery, Page, Projection, ReadError,
    list::{Filter, ListOptions, ListSpec, Sort},
    projection::{known, one, update},
    words::Id,
};

/// The writer.
#[derive(Debug)]
pub struct Groups;

#[async_trait]
impl Projection for Groups {
    fn name(&self) -> &'static str {
        "groups"
    }

    fn version(&self) -> i32 {
        1
    }

    fn tables(&self) -> &'static [&'static str] {
        &["groups", "group_members", "group_departed"]
    }

    fn reads(&self) -> &'static [&'static str] {
        &[GroupEvent::AGGREGATE_TYPE, UserEvent::AGGREGATE_TYPE]
    }

    async fn apply(&self, conn: &mut PgConnection, event: &Recorded) -> Result<i64, ApplyError> {
        match known(event)? {
            Event::Group(id, e) => fold(conn, event, id.0, e).await,
            Event::User(id, e) => match e {
                UserEvent::Deleted {} | UserEvent::Erased {} => forget_user(conn, id.0).await,
                UserEvent::Created { .. }
                | UserEvent::Renamed { .. }
                | UserEvent::DisplayNameChanged { .. }
                | UserEvent::EmailChanged { .. }
                | UserEvent::RoleChanged { .. }
                | UserEvent::Disabled {}
                | UserEvent::Enabled { .. }
                | UserEvent::PasswordChanged { .. } => Ok(0),
            },
            _ => Ok(0),
        }
    }
}

async fn fold(
    conn: &mut PgConnection,
    event: &Recorded,
    id: Uuid,
    e: &GroupEvent,
) -> Result<i64, ApplyError> {
    let (grown, result) = match e {
        GroupEvent::Created { name, description } => {
            let result = sqlx::query(
                "INSERT INTO groups (id, name, description, member_count, version, created_at,
                                     updated_at)
                 VALUES ($1, $4, $5, 0, $2, $3, $3)",
            )
            .bind(id)
            .bind(event.sequence)
            .bind(event.effective_time)
            .bind(name)
            .bind(description)
            .execute(conn)
            .await?;
            (1, result)
        }
        GroupEvent::Renamed { name } => {
            let query = update(
                "UPDATE groups SET name = $4, version = $2, updated_at = $3 WHERE id = $1",
                id,
                event,
            );
            (0, query.bind(name).execute(conn).await?)
        }
        GroupEvent::DescriptionChanged { description } => {
            let query = update(
                "UPDATE groups SET description = $4, version = $2, updated_at = $3 WHERE id = $1",
                id,
                event,
            );
            (0, query.bind(description).execute(conn).await?)
        }
        GroupEvent::MemberAdded { user_id } => {
            let query = update(
                "WITH added AS (
                     INSERT INTO group_members (group_id, user_id, added_at)
                     SELECT $1, $4, $3
                     WHERE NOT EXISTS (SELECT FROM group_departed d WHERE d.user_id = $4)
                     RETURNING 1)
                 UPDATE groups SET member_count = member_count + (SELECT count(*) FROM added),
                        version = $2, updated_at = $3
                 WHERE id = $1",
                id,
                event,
            );
            (0, query.bind(user_id.0).execute(conn).await?)
        }
        // A deleted user is no member here any more, but still one to the group's aggregate.
        GroupEvent::MemberRemoved { user_id } => {
            let query = update(
                "WITH removed AS (
                     DELETE FROM group_members WHERE group_id = $1 AND user_id = $4 RETURNING 1)
                 UPDATE groups SET member_count = member_count - (SELECT count(*) FROM removed),
                        version = $2, updated_at = $3
                 WHERE id = $1",
                id,
                event,
            );
            (0, query.bind(user_id.0).execute(conn).await?)
        }
        GroupEvent::Restored { name, description } => {
            let query = update(
                "UPDATE groups SET name = $4, description = $5, deleted_at = NULL, version = $2,
                        updated_at = $3
                 WHERE id = $1 AND deleted_at IS NOT NULL",
                id,
                event,
            );
            (1, query.bind(name).bind(description).execute(conn).await?)
        }
        GroupEvent::Deleted {} => {
            sqlx::query("DELETE FROM group_members WHERE group_id = $1")
                .bind(id)
                .execute(&mut *conn)
                .await?;
            let query = update(
                "UPDATE groups SET deleted_at = $3, member_count = 0, version = $2,
                        updated_at = $3
                 WHERE id = $1",
                id,
                event,
            );
            (-1, query.execute(conn).await?)
        }
    };
    one(&result, event)?;
    Ok(grown)
}

/// Nobody is shown as a member who is not there any more.
async fn forget_user(conn: &mut PgConnection, id: Uuid) -> Result<i64, ApplyError> {
    // Deleted users may be erased later.
    sqlx::query("INSERT INTO group_departed (user_id) VALUES ($1) ON CONFLICT DO NOTHING")
        .bind(id)
        .execute(&mut *conn)
        .await?;
    sqlx::query(
        "WITH gone AS (DELETE FROM group_members WHERE user_id = $1 RETURNING group_id)
         UPDATE groups SET member_count = member_count - 1
         WHERE id IN (SELECT group_id FROM gone)",
    )
    .bind(id)
    .execute(conn)
    .await?;
    Ok(0)
}

/// A group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, FromRow)]
pub struct GroupRow {
    /// Its id.
    #[sqlx(try_from = "Id")]
    pub id: GroupId,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// How many members it has.
    pub member_count: i64,
    /// The aggregate's sequence, for the ETag.
    pub version: i64,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

const COLUMNS: &str =
    "t.id, t.name, t.description, t.member_count, t.version, t.created_at, t.updated_at";

const LIST: ListSpec = ListSpec {
    projection: "groups",
    columns: COLUMNS,
    from: "read.groups t",
    listed: Some("t.deleted_at IS NULL"),
    sorts: &[Sort::text("name", "t.name_key"), Sort::time("created_at", "t.created_at")],
    default_sort: "name",
    texts: &["t.name_key"],
    exact: &[],
    filters: &[Filter::id(
        "member",
        "t.id IN (SELECT m.group_id FROM read.group_members m WHERE m.user_id = ",
    )
    .closed(")")],
};

/// A group that was not deleted.
///
/// # Errors
/// Where the database fails.
pub async fn get(db: impl PgExecutor<'_>, id: GroupId) -> Result<Option<GroupRow>, ReadError> {
    let sql = format!("SELECT {COLUMNS} FROM read.groups t WHERE t.id = $1 AND deleted_at IS NULL");
    Ok(sqlx::query_as(&sql).bind(id.0).fetch_optional(db).await?)
}

/// The ids of at most so many of a group's members, deleted users excepted. Their rows:
/// [`users::list`] with the filter `group`.
///
/// # Errors
/// Where the database fails.
///
/// [`users::list`]: crate::users::list
pub async fn members(pool: &PgPool, id: GroupId, at_most: u16) -> Result<Vec<UserId>, ReadError> {
    let ids: Vec<Uuid> = sqlx::query_scalar(
        "SELECT user_id FROM read.group_members WHERE group_id = $1 ORDER BY user_id LIMIT $2",
    )
    .bind(id.0)
    .bind(i64::from(at_most))
    .fetch_all(pool)
    .await?;
    Ok(ids.into_iter().map(UserId).collect())
}

/// The names of the groups that each of these users belongs to, in order; nothing for who belongs
/// to none.
///
/// # Errors
/// Where the database fails.
pub async fn names_of(
    pool: &PgPool,
    users: &[UserId],
) -> Result<HashMap<UserId, Vec<String>>, ReadError> {
    let rows: Vec<(Uuid, String)> = sqlx::query_as(
        "SELECT m.user_id, g.name FROM read.group_members m
         JOIN read.groups g ON g.id = m.group_id
         WHERE m.user_id = ANY($1) ORDER BY g.name_key",
    )
    .bind(users.iter().map(|user| user.0).collect::<Vec<_>>())
    .fetch_all(pool)
    .await?;
    let mut names: HashMap<UserId, Vec<String>> = HashMap::new();
    for (user, name) in rows {
        names.entry(UserId(user)).or_default().push(name);
    }
    Ok(names)
}

/// The groups that were not deleted. Sorts: `name`, `created_at`. Filters: `member` (a user's id).
///
/// # Errors
/// `validation_error` for an unknown sort or filter; where the database fails.
pub async fn list(pool: &PgPool, query: &ListQuery) -> Result<Page<GroupRow>, ReadError> {
    LIST.page(pool, query).await
}

/// What the list takes.
#[must_use]
pub fn list_options() -> ListOptions {
    LIST.options()
}
