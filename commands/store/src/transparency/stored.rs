//! Events as they are stored, sealed and unread.

use chrono::{DateTime, Utc};
use nexavpn_proof::{Hash, Leaf, canonical::sha256_of_text, leaf::time};
use sqlx::{PgConnection, Row as _, postgres::PgRow};

/// The columns of [`Stored`], of `events e` and `log_index i`.
macro_rules! columns {
    () => {
        "i.idx AS number, e.gen, e.tx, e.pos, e.aggregate_type, e.aggregate_id, e.sequence, \
         e.event_type, e.event_version, e.recorded_at, e.payload::text AS payload_text, \
         e.metadata::text AS metadata_text"
    };
}

// OFFSET keeps the planner from joining by reading the whole table.
const BY_NUMBER: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM log_index i CROSS JOIN LATERAL (
          SELECT * FROM events e WHERE (e.gen, e.tx, e.pos) = (i.gen, i.tx, i.pos) OFFSET 0
      ) e
      WHERE i.idx > $1 AND i.idx <= $2 ORDER BY i.idx"
);
const IN_ORDER: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM events e LEFT JOIN LATERAL (
          SELECT * FROM log_index i WHERE (i.gen, i.tx, i.pos) = (e.gen, e.tx, e.pos) OFFSET 0
      ) i ON true
      WHERE (e.gen, e.tx, e.pos) > ($1, $2, $3) ORDER BY e.gen, e.tx, e.pos LIMIT $4"
);

/// An event's place in the total order.
pub(crate) type Place = (i16, i64, i64);

/// An event as it is stored.
pub(crate) struct Stored {
    /// None where it has none.
    pub(crate) number: Option<i64>,
    pub(crate) place: Place,
    pub(crate) payload: String,
    pub(crate) metadata: String,
    /// Without the two hashes.
    leaf: Leaf,
}

impl Stored {
    pub(crate) fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        let recorded_at: DateTime<Utc> = row.try_get("recorded_at")?;
        Ok(Self {
            number: row.try_get("number")?,
            place: (row.try_get("gen")?, row.try_get("tx")?, row.try_get("pos")?),
            payload: row.try_get("payload_text")?,
            metadata: row.try_get("metadata_text")?,
            leaf: Leaf {
                aggregate_type: row.try_get("aggregate_type")?,
                aggregate_id: row.try_get("aggregate_id")?,
                sequence: row.try_get("sequence")?,
                event_type: row.try_get("event_type")?,
                event_version: row.try_get("event_version")?,
                recorded_at: time(recorded_at),
                payload_sha256: String::new(),
                metadata_sha256: String::new(),
            },
        })
    }

    /// For people: which event.
    pub(crate) fn name(&self) -> String {
        self.leaf.to_string()
    }

    /// Its leaf.
    ///
    /// # Errors
    /// Where payload or metadata have no canonical form. Nothing of ours is written so.
    pub(crate) fn leaf(&self) -> Result<Leaf, serde_json::Error> {
        Ok(Leaf {
            payload_sha256: sha256_of_text(&self.payload)?,
            metadata_sha256: sha256_of_text(&self.metadata)?,
            ..self.leaf.clone()
        })
    }

    /// The leaf; where it has none, one that was never recorded.
    pub(crate) fn leaf_as_it_is(&self) -> Leaf {
        self.leaf().unwrap_or_else(|_| self.leaf.clone())
    }

    /// The leaf's hash.
    ///
    /// # Errors
    /// As [`leaf`](Self::leaf).
    pub(crate) fn hash(&self) -> Result<Hash, serde_json::Error> {
        self.leaf()?.hash()
    }
}

/// The events after a number, at most `limit`, by number.
pub(crate) async fn read_by_number(
    conn: &mut PgConnection,
    after: i64,
    limit: i64,
) -> Result<Vec<Stored>, sqlx::Error> {
    let rows = sqlx::query(BY_NUMBER)
        .bind(after)
        .bind(after.saturating_add(limit))
        .fetch_all(conn)
        .await?;
    rows.iter().map(Stored::from_row).collect()
}

/// The events after a place, at most `limit`, straight from the table, those without a number too.
pub(crate) async fn read_in_order(
    conn: &mut PgConnection,
    (generation, tx, pos): Place,
    limit: i64,
) -> Result<Vec<Stored>, sqlx::Error> {
    let rows = sqlx::query(IN_ORDER)
        .bind(generation)
        .bind(tx)
        .bind(pos)
        .bind(limit)
        .fetch_all(conn)
        .await?;
    rows.iter().map(Stored::from_row).collect()
}
