//! The record of what was published to a gateway and what became of it, the newest first.

use std::{fmt, str::FromStr};

use chrono::{DateTime, Utc};
use nexavpn_domain::ids::GatewayId;
use sqlx::{FromRow, Row as _, postgres::PgRow};

use super::{ReportError, Reports};

/// What happened to a bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BundleOutcome {
    /// It was there for the gateway to fetch.
    Published,
    /// The gateway said that it is in force.
    Applied,
    /// The gateway said that it refused it, or could not apply it.
    Rejected {
        /// The reason's stable code.
        code: String,
        /// The reason, for people.
        reason: String,
    },
}

/// One entry of the record. The bundle is unknown where nothing in a refused one could be believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundleRecord {
    /// When, by our clock.
    pub at: DateTime<Utc>,
    /// What.
    pub outcome: BundleOutcome,
    /// The bundle's epoch.
    pub epoch: Option<i64>,
    /// The bundle's revision.
    pub revision: Option<i64>,
    /// SHA-256 of its payload in hexadecimal.
    pub sha256: Option<String>,
    /// Where it is in the record.
    pub cursor: RecordCursor,
}

/// A place in the record: what comes after it is older.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordCursor {
    micros: i64,
    /// 1 for what a gateway said, which comes before what was published at the same time.
    source: i32,
    first: i64,
    second: i64,
}

impl fmt::Display for RecordCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { micros, source, first, second } = self;
        write!(f, "{micros}.{source}.{first}.{second}")
    }
}

/// The text is no place in a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoCursor;

impl FromStr for RecordCursor {
    type Err = NoCursor;

    fn from_str(text: &str) -> Result<Self, NoCursor> {
        let mut parts = text.split('.').map(|part| part.parse::<i64>().map_err(|_| NoCursor));
        let mut next = || parts.next().unwrap_or(Err(NoCursor));
        let (micros, source, first, second) = (next()?, next()?, next()?, next()?);
        let source = i32::try_from(source).map_err(|_| NoCursor)?;
        let cursor = Self { micros, source, first, second };
        (parts.next().is_none() && cursor.time().is_some()).then_some(cursor).ok_or(NoCursor)
    }
}

impl RecordCursor {
    fn time(self) -> Option<DateTime<Utc>> {
        DateTime::from_timestamp_micros(self.micros)
    }
}

impl FromRow<'_, PgRow> for BundleRecord {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        let at: DateTime<Utc> = row.try_get("at")?;
        let source = row.try_get("source")?;
        let code: Option<String> = row.try_get("rejected_code")?;
        let reason: Option<String> = row.try_get("rejected_reason")?;
        let outcome = match code.zip(reason) {
            Some((code, reason)) => BundleOutcome::Rejected { code, reason },
            None if source == 0 => BundleOutcome::Published,
            None => BundleOutcome::Applied,
        };
        let cursor = RecordCursor {
            micros: at.timestamp_micros(),
            source,
            first: row.try_get("first")?,
            second: row.try_get("second")?,
        };
        Ok(Self {
            at,
            outcome,
            epoch: row.try_get("epoch")?,
            revision: row.try_get("revision")?,
            sha256: row.try_get("sha256")?,
            cursor,
        })
    }
}

/// Both halves are read along their indexes, no further than the page needs.
const RECORD: &str = "
    (SELECT published_at AS at, 0 AS source, epoch AS first, revision AS second,
            epoch, revision, sha256, NULL::text AS rejected_code, NULL::text AS rejected_reason
     FROM bundle_publication
     WHERE gateway_id = $1 AND published_at <= $2
       AND (published_at, 0, epoch, revision) < ($2, $3, $4, $5)
     ORDER BY published_at DESC, epoch DESC, revision DESC LIMIT $6)
    UNION ALL
    (SELECT coalesce(applied_at, rejected_at), 1, id, 0::bigint,
            epoch, revision, sha256, rejected_code, rejected_reason
     FROM bundle_application
     WHERE gateway_id = $1 AND coalesce(applied_at, rejected_at) <= $2
       AND (coalesce(applied_at, rejected_at), 1, id, 0::bigint) < ($2, $3, $4, $5)
     ORDER BY coalesce(applied_at, rejected_at) DESC, id DESC LIMIT $6)
    ORDER BY at DESC, source DESC, first DESC, second DESC LIMIT $6";

impl Reports {
    /// The record of a gateway from the newest entry on, or from after a place in it.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn record(
        &self,
        id: GatewayId,
        after: Option<RecordCursor>,
        limit: u32,
    ) -> Result<Vec<BundleRecord>, ReportError> {
        let place = after.and_then(|cursor| Some((cursor.time()?, cursor)));
        let (at, source, first, second) = match place {
            Some((at, cursor)) => (at, cursor.source, cursor.first, cursor.second),
            None => (DateTime::<Utc>::MAX_UTC, i32::MAX, i64::MAX, i64::MAX),
        };
        // The latest time that PostgreSQL and chrono both know is beyond every record.
        let at = at.min(LATEST);
        let rows = sqlx::query_as(RECORD)
            .bind(id.0)
            .bind(at)
            .bind(source)
            .bind(first)
            .bind(second)
            .bind(i64::from(limit))
            .fetch_all(self.pool())
            .await?;
        Ok(rows)
    }
}

/// The year 9999.
const LATEST: DateTime<Utc> = match DateTime::from_timestamp(253_402_300_799, 0) {
    Some(at) => at,
    None => DateTime::<Utc>::UNIX_EPOCH,
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_it_is_written() {
        let place = RecordCursor { micros: 1_800_000_000_000_001, source: 1, first: 7, second: 0 };
        assert_eq!(place.to_string().parse(), Ok(place));
        for wrong in
            ["", "1.2.3", "1.2.3.4.5", "a.1.2.3", "1.99999999999.1.1", "9223372036854775807.0.0.0"]
        {
            assert_eq!(wrong.parse::<RecordCursor>(), Err(NoCursor), "{wrong}");
        }
    }
}
