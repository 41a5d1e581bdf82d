//! Derives again what is kept beside the events and compares.

mod holdings;
mod loads;

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use nexavpn_domain::event::effects;
use sqlx::{PgConnection, PgPool, Row as _};

use crate::{
    Head, Keyring, Recorded, StoreError,
    log::{from_row, open_events},
};
use holdings::Holdings;

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
/// the order within each aggregate, claims, pools and address slots; and the numbers of devices with
/// the devices. In one snapshot, so a running server does no harm.
///
/// # Errors
/// Where the database fails or keys are damaged.
pub async fn verify(pool: &PgPool, keyring: &Keyring) -> Result<Report, StoreError> {
    let mut tx = pool.begin().await?;
    sqlx::query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        .execute(&mut *tx)
        .await?;
    let mut check = Check::default();
    loop {
        let (mut batch, numbers) = read(&mut tx, check.at).await?;
        open_events(keyring, &mut batch).await?;
        let Some(last) = batch.last() else { break };
        check.at = (last.generation, last.tx, last.pos);
        for (event, number) in batch.iter().zip(numbers) {
            check.event(event, number, keyring);
        }
    }
    check.end_of_log(&mut tx).await?;
    let Check { mut report, holdings, .. } = check;
    holdings.compare(&mut tx, &mut report.problems).await?;
    loads::compare(&mut tx, &mut report.problems).await?;
    tx.commit().await?;
    Ok(report)
}

/// The stored number and effective time.
type Number = Option<(i64, DateTime<Utc>)>;

/// The next events in their total order, straight from the table.
async fn read(
    conn: &mut PgConnection,
    (generation, tx, pos): (i16, i64, i64),
) -> Result<(Vec<Recorded>, Vec<Number>), StoreError> {
    let rows = sqlx::query(
        "SELECT i.idx AS number, i.effective_time AS numbered_at,
                coalesce(i.idx, 0) AS idx, e.recorded_at AS effective_time,
                e.gen, e.tx, e.pos, e.aggregate_type, e.aggregate_id, e.sequence, e.event_type,
                e.event_version, e.recorded_at, e.metadata, e.payload
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
    let mut numbers = Vec::with_capacity(rows.len());
    for row in &rows {
        events.push(from_row(row)?);
        let number: Option<i64> = row.try_get("number")?;
        let numbered_at: Option<DateTime<Utc>> = row.try_get("numbered_at")?;
        numbers.push(number.zip(numbered_at));
    }
    Ok((events, numbers))
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
    unnumbered: bool,
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
            None => self.unnumbered = true,
            Some((idx, at)) => {
                if self.unnumbered {
                    self.problem(format!("{name} has number {idx}, an event before it has none"));
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
