//! A request happens once under its `Idempotency-Key`.
//!
//! The record that it happened is written in the transaction of its events
//! ([`Happened`]), so that neither a crash nor another process can make it happen again; the
//! answer is added when it is known. Whoever repeats the request gets that answer, or, where it
//! was lost, what the record itself says.

use chrono::{DateTime, TimeDelta, Utc};
use nexavpn_store::WrappedKey;
use uuid::Uuid;

use crate::{CommandError, Commands, Request, rows::Happened};

/// A request that is to happen once.
#[derive(Debug, Clone)]
pub struct Once {
    pub(crate) principal: String,
    pub(crate) route: String,
    /// A keyed hash: a client may have made its key from a name.
    pub(crate) key: String,
    /// Keyed too: a body may hold a password.
    pub(crate) request_hash: Vec<u8>,
    /// This run of the request.
    pub(crate) execution: Uuid,
    /// The status of an answer that is lost.
    pub(crate) status: u16,
}

/// What is known of a request that happened.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// Whether it was the same request; another one used the same key where not.
    pub same: bool,
    /// Whether this run of it wrote the record.
    pub own: bool,
    /// The status of its answer.
    pub status: u16,
    /// Its answer, where that was kept and can be opened.
    pub answer: Option<Vec<u8>>,
    /// Whether its answer may still come.
    pub unanswered: bool,
    /// What it made or changed.
    pub entity_id: Option<Uuid>,
    /// When it happened.
    pub recorded_at: DateTime<Utc>,
}

impl Once {
    /// How long a request is remembered.
    pub const KEPT: TimeDelta = TimeDelta::hours(24);

    /// A name of the request for locks: nothing in it is anybody's text.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{} {} {}", self.principal, self.route, self.key)
    }

    /// The part of a request that carries several commands: what one of them did is recorded for
    /// itself, so that a repeat after a crash goes on with the others.
    #[must_use]
    pub fn part(&self, name: impl std::fmt::Display) -> Self {
        Self { route: format!("{} #{name}", self.route), ..self.clone() }
    }
}

impl Request {
    /// The request of one of several commands; see [`Once::part`].
    #[must_use]
    pub fn part(&self, name: impl std::fmt::Display) -> Self {
        let once = self.once.as_ref().map(|once| once.part(name));
        Self { once, ..self.clone() }
    }
}

impl Commands {
    /// A request of a principal to a route (with its ids) under a key. `fingerprint` stands for
    /// all that makes it the same request; `status` is that of its answer.
    #[must_use]
    pub fn once(
        &self,
        principal: String,
        route: String,
        key: &str,
        fingerprint: &str,
        status: u16,
    ) -> Once {
        let keyring = self.store.keyring();
        let request_hash = keyring.lookup_hmac("idempotency_request", fingerprint).into_bytes();
        let key = keyring.lookup_hmac("idempotency_key", key);
        Once { principal, route, key, request_hash, execution: self.new_id(), status }
    }

    /// The key with which the answer to a request is sealed, taken before the request runs.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn answer_key(&self) -> Result<WrappedKey, CommandError> {
        let key = self.store.keyring().answer_key().await;
        key.map_err(|e| CommandError::Store(e.into()))
    }

    /// What is known of a request, where it happened.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn recorded(
        &self,
        once: &Once,
        key: &WrappedKey,
    ) -> Result<Option<Recorded>, CommandError> {
        type Row = (Vec<u8>, i16, Vec<u8>, Uuid, DateTime<Utc>, Option<Uuid>);
        let row: Option<Row> = sqlx::query_as(
            "SELECT request_hash, status, body, execution, recorded_at, entity_id
             FROM idempotency
             WHERE principal = $1 AND route = $2 AND key = $3 AND expires_at > $4",
        )
        .bind(&once.principal)
        .bind(&once.route)
        .bind(&once.key)
        .bind(self.now())
        .fetch_optional(&self.pool)
        .await?;
        let recorded =
            |(request_hash, status, body, execution, recorded_at, entity_id): Row| Recorded {
                same: request_hash == once.request_hash,
                own: execution == once.execution,
                status: u16::try_from(status).unwrap_or_default(),
                answer: key.open(&once.name(), &body),
                unanswered: body.is_empty(),
                entity_id,
                recorded_at,
            };
        Ok(row.map(recorded))
    }

    /// Keeps the answer to a request, also to one that needed no events. False where another run
    /// of it was first.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn keep_answer(
        &self,
        once: &Once,
        key: &WrappedKey,
        status: u16,
        answer: Option<&[u8]>,
    ) -> Result<bool, CommandError> {
        let sealed = answer.map(|answer| key.seal(&once.name(), answer)).transpose();
        let answer = sealed.map_err(|e| CommandError::Store(e.into()))?.unwrap_or_default();
        let (once, now) = (once.clone(), self.now());
        let happened = Happened { once, entity_id: None, status, answer, now };
        let mut tx = self.pool.begin().await?;
        // The request has happened; an answer that a crash takes away is not worth a wait.
        sqlx::query("SET LOCAL synchronous_commit = off").execute(&mut *tx).await?;
        let first = happened.put(&mut tx).await?;
        tx.commit().await?;
        Ok(first)
    }

    /// Whether one of a request's commands happened before, under the request's key.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn part_happened(&self, part: &Request) -> Result<bool, CommandError> {
        let Some(once) = &part.once else { return Ok(false) };
        let happened: bool = sqlx::query_scalar(
            "SELECT EXISTS (SELECT FROM idempotency
                            WHERE principal = $1 AND route = $2 AND key = $3
                              AND request_hash = $4 AND expires_at > $5)",
        )
        .bind(&once.principal)
        .bind(&once.route)
        .bind(&once.key)
        .bind(&once.request_hash)
        .bind(self.now())
        .fetch_one(&self.pool)
        .await?;
        Ok(happened)
    }

    /// Makes kept answers unreadable; see [`nexavpn_store::ForgetAnswers`].
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn forget_answers(&self) -> Result<(), CommandError> {
        use nexavpn_store::{SideRow as _, SideRowError};
        let forget = self.store.keyring().forget_answers();
        let forget = forget.map_err(|e| CommandError::Store(e.into()))?;
        let mut conn = self.pool.acquire().await?;
        forget.write(&mut conn).await.map_err(|e| match e {
            SideRowError::Database(e) => CommandError::Database(e),
            SideRowError::Refused(e) => CommandError::Domain(e),
            SideRowError::Stale => CommandError::Busy { entity: "answer" },
        })
    }
}
