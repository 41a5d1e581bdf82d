//! Derives again what is kept beside the events and compares.

mod device_keys;
mod holdings;
mod tree;

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use nexavpn_domain::event::effects;
use sqlx::{Error, PgConnection, PgPool, Row as _};

use crate::{
    Head, Keyring, Recorded, StoreError,
    log::{from_damaged_row, from_row, open_events},
    transparency::Stored,
};
use holdings::Holdings;
use tree::TreeCheck;

const BATCH: i64 = 1000;

/// What [`verify`] found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// How many events were read.
    pub events: u64,
    /// Every difference, in words without personal data.
    pub problems: Vec<String>,
}

impl Report {
    /// Whether nothing differs.
    #[must_use]
    pub const fn is_clean(&self) -> bool {
        self.problems.is_empty()
    }
}

/// Reads every event in order and compares with what it gives: the numbering and effective times,
/// the order within each aggregate, claims, pools and address slots, the transparency log and every
/// checkpoint of it on record; and sealed keys with the devices whose they are. In one snapshot, so a
/// running server does no harm.
///
/// # Errors
/// Where the database fails or keys are damaged.
pub async fn verify(pool: &PgPool, keyring: &Keyring) -> Result<Report, StoreError> {
    let mut tx = pool.begin().await?;
    sqlx::query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        .execute(&mut *tx)
        .await?;
    let mut check = Check::default();
    let mut proofs = TreeCheck::begin(&mut tx).await?;
    loop {
        let (mut batch, as_stored) = read(&mut tx, check.at).await?;
        open_events(keyring, &mut batch).await?;
        let Some(last) = batch.last() else { break };
        check.at = (last.generation, last.tx, last.pos);
        for (event, (stored, number)) in batch.iter().zip(&as_stored) {
            check.event(event, *number, keyring);
            proofs.event(&mut tx, stored).await?;
        }
    }
    check.end_of_log(&mut tx).await?;
    proofs.end(&mut tx, &mut check.report.problems).await?;
    let Check { mut report, holdings, .. } = check;
    holdings.compare(&mut tx, &mut report.problems).await?;
    device_keys::compare(&mut tx, &mut report.problems).await?;
    tx.commit().await?;
    Ok(report)
}

/// The stored number and effective time.
type Number = Option<(i64, DateTime<Utc>)>;

/// The next events in their total order, straight from the table.
async fn read(
    conn: &mut PgConnection,
    (generation, tx, pos): (i16, i64, i64),
) -> Result<(Vec<Recorded>, Vec<(Stored, Number)>), StoreError> {
    let rows = sqlx::query(
        "SELECT i.idx AS number, i.effective_time AS numbered_at,
                coalesce(i.idx, 0) AS idx, e.recorded_at AS effective_time,
                e.gen, e.tx, e.pos, e.aggregate_type, e.aggregate_id, e.sequence, e.event_type,
                e.event_version, e.recorded_at, e.metadata, e.payload,
                e.metadata::text AS metadata_text, e.payload::text AS payload_text
         FROM events e LEFT JOIN LATERAL (
             SELECT * FROM log_index i WHERE (i.gen, i.tx, i.pos) = (e.gen, e.tx, e.pos) OFFSET 0
         ) i ON true
         WHERE (e.gen, e.tx, e.pos) > ($1, $2, $3) ORDER BY e.gen, e.tx, e.pos LIMIT $4",
    )
    .bind(generation)
    .bind(tx)
    .bind(pos)
    .bind(BATCH)
    .fetch_all(conn)
    .await?;
    let mut events = Vec::with_capacity(rows.len());
    let mut as_stored = Vec::with_capacity(rows.len());
    for row in &rows {
        events.push(match from_row(row) {
            // It is named with what else is wrong.
            Err(StoreError::Unreadable(_) | StoreError::Database(Error::ColumnDecode { .. })) => {
                from_damaged_row(row)?
            }
            read => read?,
        });
        let number: Option<i64> = row.try_get("number")?;
        let numbered_at: Option<DateTime<Utc>> = row.try_get("numbered_at")?;
        as_stored.push((Stored::from_row(row)?, number.zip(numbered_at)));
    }
    Ok((events, as_stored))
}

#[derive(Default)]
struct Check {
    at: (i16, i64, i64),
    report: Report,
    holdings: Holdings,
    sequences: HashMap<(String, String), i64>,
    effective: Option<DateTime<Utc>>,
    /// The last numbered event so far.
    head: Head,
    /// The first event without a number, after which none may have one.
    unnumbered: Option<String>,
}

impl Check {
    fn event(&mut self, event: &Recorded, number: Number, keyring: &Keyring) {
        self.report.events += 1;
        let Recorded { aggregate_type, aggregate_id, sequence, event_type, .. } = event;
        let name = format!("{event_type} {sequence} of {aggregate_id}");
        let key = (aggregate_type.clone(), aggregate_id.clone());
        let before = self.sequences.insert(key, *sequence).unwrap_or(0);
        if *sequence != before + 1 {
            self.problem(format!("{name} follows {before} of its aggregate"));
        }
        let effective = self.effective.map_or(event.recorded_at, |t| t.max(event.recorded_at));
        self.effective = Some(effective);
        match number {
            None => {
                self.unnumbered.get_or_insert_with(|| name.clone());
            }
            Some((idx, at)) => {
                // One of them stands for all.
                if let Some(unnumbered) = self.unnumbered.take() {
                    self.problem(format!("{unnumbered} has no number, though {idx} is after it"));
                }
                if idx != self.head.idx + 1 {
                    self.problem(format!("{name} has number {idx} after {}", self.head.idx));
                }
                if at != effective {
                    self.problem(format!("{name} takes effect at {at}, not at {effective}"));
                }
                let (generation, tx, pos) = (event.generation, event.tx, event.pos);
                self.head = Head { idx, generation, tx, pos };
            }
        }
        match &event.event {
            Ok(known) => {
                for effect in effects(known) {
                    self.holdings.apply(&effect, aggregate_type, aggregate_id, keyring);
                }
            }
            Err(unknown) => self.problem(format!("{name}: {unknown}")),
        }
    }

    async fn end_of_log(&mut self, conn: &mut PgConnection) -> Result<(), StoreError> {
        let row =
            sqlx::query("SELECT idx, gen, tx, pos FROM log_head").fetch_one(&mut *conn).await?;
        let stored = Head::from_row(&row)?;
        if stored != self.head {
            let found = self.head.idx;
            self.problem(format!("the log ends at {}, its events at {found}", stored.idx));
        }
        let numbered: i64 =
            sqlx::query_scalar("SELECT count(*) FROM log_index").fetch_one(conn).await?;
        if numbered != self.head.idx {
            self.problem(format!("{numbered} numbers were given for {} events", self.head.idx));
        }
        Ok(())
    }

    fn problem(&mut self, text: String) {
        self.report.problems.push(text);
    }
}
