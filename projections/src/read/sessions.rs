//! Login sessions.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use nexavpn_domain::{
    Event, StoredEvent,
    ids::{SessionId, UserId},
    session::{EndReason, SessionEvent},
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
pub struct Sessions;

#[async_trait]
impl Projection for Sessions {
    fn name(&self) -> &'static str {
        "sessions"
    }

    fn version(&self) -> i32 {
        1
    }

    fn tables(&self) -> &'static [&'static str] {
        &["sessions"]
    }

    fn reads(&self) -> &'static [&'static str] {
        &[SessionEvent::AGGREGATE_TYPE]
    }

    async fn apply(&self, conn: &mut PgConnection, event: &Recorded) -> Result<i64, ApplyError> {
        match known(event)? {
            Event::Session(id, e) => fold(conn, event, id.0, e).await,
            _ => Ok(0),
        }
    }
}

async fn fold(
    conn: &mut PgConnection,
    event: &Recorded,
    id: Uuid,
    e: &SessionEvent,
) -> Result<i64, ApplyError> {
    let (grown, query) = match e {
        SessionEvent::Started { user_id, method } => {
            let query = update(
                "INSERT INTO sessions (id, user_id, method, token_reused, version, created_at,
                                       updated_at)
                 VALUES ($1, $4, $5, false, $2, $3, $3)",
                id,
                event,
            );
            (1, query.bind(user_id.0).bind(method))
        }
        SessionEvent::DeviceBound { device_id } => {
            let query = update(
                "UPDATE sessions SET device_id = $4, version = $2, updated_at = $3 WHERE id = $1",
                id,
                event,
            );
            (0, query.bind(device_id.0))
        }
        SessionEvent::TokenReused {} => {
            let query = update(
                "UPDATE sessions SET token_reused = true, version = $2, updated_at = $3
                 WHERE id = $1",
                id,
                event,
            );
            (0, query)
        }
        SessionEvent::Ended { reason } => {
            let query = update(
                "UPDATE sessions SET ended_at = $3, end_reason = $4, version = $2, updated_at = $3
                 WHERE id = $1",
                id,
                event,
            );
            (0, query.bind(word(*reason)))
        }
    };
    one(&query.execute(conn).await?, event)?;
    Ok(grown)
}

const fn word(reason: EndReason) -> &'static str {
    match reason {
        EndReason::Logout => "logout",
        EndReason::Revoked => "revoked",
        EndReason::TokenReuse => "token_reuse",
        EndReason::PasswordChanged => "password_changed",
        EndReason::UserDisabled => "user_disabled",
        EndReason::UserDeleted => "user_deleted",
        EndReason::DeviceOwnerChanged => "device_owner_changed",
        EndReason::RoleChanged => "role_changed",
    }
}

/// A session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, FromRow)]
pub struct SessionRow {
    /// Its id.
    #[sqlx(try_from = "Id")]
    pub id: SessionId,
    /// Whose session it is.
    #[sqlx(try_from = "Id")]
    pub user_id: UserId,
    /// The device it is bound to.
    pub device_id: Option<Uuid>,
    /// How the user signed in.
    pub method: String,
    /// When it ended. A session that merely ran out has not ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// Why it ended.
    pub end_reason: Option<String>,
    /// Whether a refresh token was used twice.
    pub token_reused: bool,
    /// The aggregate's sequence.
    pub version: i64,
    /// When it started.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

const COLUMNS: &str = "t.id, t.user_id, t.device_id, t.method, t.ended_at, t.end_reason,
    t.token_reused, t.version, t.created_at, t.updated_at";

const LIST: ListSpec = ListSpec {
    projection: "sessions",
    columns: COLUMNS,
    from: "read.sessions t",
    listed: None,
    sorts: &[Sort::time("created_at", "t.created_at")],
    default_sort: "-created_at",
    texts: &[],
    exact: &[],
    filters: &[
        Filter::id("user", "t.user_id = "),
        Filter::flag("ended", "(t.ended_at IS NOT NULL) = "),
    ],
};

/// A session, also one that has ended.
///
/// # Errors
/// Where the database fails.
pub async fn get(db: impl PgExecutor<'_>, id: SessionId) -> Result<Option<SessionRow>, ReadError> {
    let sql = format!("SELECT {COLUMNS} FROM read.sessions t WHERE t.id = $1");
    Ok(sqlx::query_as(&sql).bind(id.0).fetch_optional(db).await?)
}

/// All sessions. Sorts: `created_at`. Filters: `user`, `ended`.
///
/// # Errors
/// `validation_error` for an unknown sort or filter; where the database fails.
pub async fn list(pool: &PgPool, query: &ListQuery) -> Result<Page<SessionRow>, ReadError> {
    LIST.page(pool, query).await
}

/// What the list takes.
#[must_use]
pub fn list_options() -> ListOptions {
    LIST.options()
}
