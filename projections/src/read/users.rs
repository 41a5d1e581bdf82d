//! Users.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use nexavpn_domain::{Event, StoredEvent, ids::UserId, user::UserEvent, values::Role};
use nexavpn_store::Recorded;
use serde::Serialize;
use sqlx::{FromRow, PgConnection, PgExecutor, PgPool};
use uuid::Uuid;

use crate::{
    ApplyError, ListQuery, Page, Projection, ReadError,
    list::{Filter, ListOptions, ListSpec, Sort},
    projection::{each, known, one, update},
    words::{Id, Word},
};

/// The writer.
#[derive(Debug)]
pub struct Users;

#[async_trait]
impl Projection for Users {
    fn name(&self) -> &'static str {
        "users"
    }

    fn version(&self) -> i32 {
        1
    }

    fn tables(&self) -> &'static [&'static str] {
        &["users"]
    }

    fn reads(&self) -> &'static [&'static str] {
        &[UserEvent::AGGREGATE_TYPE]
    }

    async fn apply(&self, conn: &mut PgConnection, event: &Recorded) -> Result<i64, ApplyError> {
        match known(event)? {
            Event::User(_, UserEvent::Created { .. }) => created(conn, &[event]).await,
            Event::User(id, e) => fold(conn, event, id.0, e).await,
            _ => Ok(0),
        }
    }

    async fn apply_all(
        &self,
        conn: &mut PgConnection,
        events: &[&Recorded],
    ) -> Result<i64, ApplyError> {
        let mut grown = 0;
        // Many are often created at once, by an import.
        for run in events.chunk_by(|a, b| is_created(a) && is_created(b)) {
            grown += match run {
                [event] => self.apply(conn, event).await?,
                run => created(conn, run).await?,
            };
        }
        Ok(grown)
    }
}

fn is_created(event: &Recorded) -> bool {
    matches!(event.event, Ok(Event::User(_, UserEvent::Created { .. })))
}

async fn created(conn: &mut PgConnection, events: &[&Recorded]) -> Result<i64, ApplyError> {
    let mut ids = Vec::with_capacity(events.len());
    let mut names = Vec::with_capacity(events.len());
    let mut shown = Vec::with_capacity(events.len());
    let mut emails = Vec::with_capacity(events.len());
    let mut roles = Vec::with_capacity(events.len());
    let mut due = Vec::with_capacity(events.len());
    for event in events {
        let Event::User(
            id,
            UserEvent::Created { username, display_name, email, role, must_change_password },
        ) = known(event)?
        else {
            continue;
        };
        ids.push(id.0);
        names.push(username.get());
        shown.push(display_name.get());
        emails.push(email.as_ref().and_then(|e| e.get()));
        roles.push(role.as_str());
        due.push(*must_change_password);
    }
    let result = sqlx::query(
        "INSERT INTO users (id, version, created_at, updated_at, username, display_name, email,
                            role, enabled, must_change_password)
         SELECT t.id, t.version, t.at, t.at, t.username, t.shown, t.email, t.role, true, t.due
         FROM unnest($1::uuid[], $2::bigint[], $3::timestamptz[], $4::text[], $5::text[],
                     $6::text[], $7::text[], $8::bool[])
              AS t (id, version, at, username, shown, email, role, due)",
    )
    .bind(ids)
    .bind(events.iter().map(|e| e.sequence).collect::<Vec<_>>())
    .bind(events.iter().map(|e| e.effective_time).collect::<Vec<_>>())
    .bind(names)
    .bind(shown)
    .bind(emails)
    .bind(roles)
    .bind(due)
    .execute(conn)
    .await?;
    each(&result, events)
}

async fn fold(
    conn: &mut PgConnection,
    event: &Recorded,
    id: Uuid,
    e: &UserEvent,
) -> Result<i64, ApplyError> {
    let query = match e {
        UserEvent::Created { .. } => return Ok(0),
        UserEvent::Renamed { username } => update(
            "UPDATE users SET username = $4, version = $2, updated_at = $3 WHERE id = $1",
            id,
            event,
        )
        .bind(username.get()),
        UserEvent::DisplayNameChanged { display_name } => update(
            "UPDATE users SET display_name = $4, version = $2, updated_at = $3 WHERE id = $1",
            id,
            event,
        )
        .bind(display_name.get()),
        UserEvent::EmailChanged { email } => update(
            "UPDATE users SET email = $4, version = $2, updated_at = $3 WHERE id = $1",
            id,
            event,
        )
        .bind(email.as_ref().and_then(|e| e.get())),
        UserEvent::RoleChanged { to, .. } => update(
            "UPDATE users SET role = $4, version = $2, updated_at = $3 WHERE id = $1",
            id,
            event,
        )
        .bind(to.as_str()),
        UserEvent::Disabled {} => update(
            "UPDATE users SET enabled = false, version = $2, updated_at = $3 WHERE id = $1",
            id,
            event,
        ),
        UserEvent::Enabled { .. } => update(
            "UPDATE users SET enabled = true, version = $2, updated_at = $3 WHERE id = $1",
            id,
            event,
        ),
        UserEvent::PasswordChanged { must_change_password } => update(
            "UPDATE users SET must_change_password = $4, version = $2, updated_at = $3
             WHERE id = $1",
            id,
            event,
        )
        .bind(must_change_password),
        UserEvent::Deleted {} => {
            let result = update(
                "UPDATE users SET deleted_at = $3, version = $2, updated_at = $3 WHERE id = $1",
                id,
                event,
            )
            .execute(conn)
            .await?;
            one(&result, event)?;
            return Ok(-1);
        }
        UserEvent::Erased {} => return erase(conn, event, id).await,
    };
    one(&query.execute(conn).await?, event)?;
    Ok(0)
}

/// Blanks what is personal. Erasing deletes too, where that has not happened before.
async fn erase(conn: &mut PgConnection, event: &Recorded, id: Uuid) -> Result<i64, ApplyError> {
    let was_listed: Option<bool> =
        sqlx::query_scalar("SELECT deleted_at IS NULL FROM users WHERE id = $1")
            .bind(id)
            .fetch_optional(&mut *conn)
            .await?;
    let result = update(
        "UPDATE users SET username = NULL, display_name = NULL, email = NULL, enabled = false,
                must_change_password = false, deleted_at = coalesce(deleted_at, $3),
                erased_at = $3, version = $2, updated_at = $3
         WHERE id = $1",
        id,
        event,
    )
    .execute(conn)
    .await?;
    one(&result, event)?;
    Ok(if was_listed == Some(true) { -1 } else { 0 })
}

/// A user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, FromRow)]
pub struct UserRow {
    /// Its id.
    #[sqlx(try_from = "Id")]
    pub id: UserId,
    /// Login name; none once erased.
    pub username: Option<String>,
    /// Name as shown; none once erased.
    pub display_name: Option<String>,
    /// Where mail goes.
    pub email: Option<String>,
    /// What the user may do.
    #[sqlx(try_from = "Word")]
    pub role: Role,
    /// Whether the user may sign in.
    pub enabled: bool,
    /// Whether a new password is due.
    pub must_change_password: bool,
    /// `active`, `disabled`, `deleted` or `erased`.
    pub status: String,
    /// The aggregate's sequence, for the ETag.
    pub version: i64,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

const COLUMNS: &str = "t.id, t.username, t.display_name, t.email, t.role, t.enabled,
    t.must_change_password, t.status, t.version, t.created_at, t.updated_at";

const LIST: ListSpec = ListSpec {
    projection: "users",
    columns: COLUMNS,
    from: "read.users t",
    listed: Some("t.deleted_at IS NULL"),
    sorts: &[
        Sort::text("username", "t.username_key"),
        Sort::text("display_name", "t.display_name_key"),
        Sort::time("created_at", "t.created_at"),
    ],
    default_sort: "username",
    texts: &["t.username_key", "t.display_name_key", "t.email_key"],
    exact: &[],
    filters: &[
        Filter::word("role", "t.role = ", &["admin", "auditor", "user"]),
        Filter::word("status", "t.status = ", &["active", "disabled"]),
        Filter::id(
            "group",
            "t.id IN (SELECT m.user_id FROM read.group_members m WHERE m.group_id = ",
        )
        .closed(")"),
    ],
};

/// A user, also a deleted one.
///
/// # Errors
/// Where the database fails.
pub async fn get(db: impl PgExecutor<'_>, id: UserId) -> Result<Option<UserRow>, ReadError> {
    let sql = format!("SELECT {COLUMNS} FROM read.users t WHERE t.id = $1");
    Ok(sqlx::query_as(&sql).bind(id.0).fetch_optional(db).await?)
}

/// The users that were not deleted. Sorts: `username`, `display_name`, `created_at`. Filters:
/// `role`, `status`, `group`.
///
/// # Errors
/// `validation_error` for an unknown sort or filter; where the database fails.
pub async fn list(pool: &PgPool, query: &ListQuery) -> Result<Page<UserRow>, ReadError> {
    LIST.page(pool, query).await
}

/// What the list takes.
#[must_use]
pub fn list_options() -> ListOptions {
    LIST.options()
}
