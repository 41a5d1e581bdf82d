//! An append numbers its own events where it can, which saves the sequencer a transaction.
//!
//! It can where the sequencer, asked after the commit, would give the next numbers to just these
//! events: no event is committed without a number, and no transaction that is not a bystander's and
//! came before is open. The numbers of transactions are given out one by one: of those before ours,
//! the ones from the snapshot's `xmax` on are open, or ended after the snapshot was taken; below it
//! those in `xip` are open. Whoever comes later waits for us, since ours is open until the numbers
//! are there. Where any of that is in doubt nothing is numbered, and the sequencer does it.

use std::collections::HashSet;

use nexavpn_domain::ids::UserId;
use sqlx::{Postgres, QueryBuilder, Row as _, postgres::PgRow};
use uuid::Uuid;

use super::prepare::Prepared;
use crate::{Bystanders, Head, fresh::Numbered};

/// The numbers that an append gave its events.
pub(crate) struct Numbers {
    /// Where the log ends with them.
    pub(crate) head: Head,
    pub(crate) events: Vec<Numbered>,
    /// Who of those that the events were sealed for had a data key then.
    pub(crate) alive: HashSet<UserId>,
}

/// Adds the members that number the events `e`. Whoever numbers holds the log's head until its
/// commit: another one does not wait for that, and leaves its events to the sequencer.
pub(super) fn number(sql: &mut QueryBuilder<'_, Postgres>, bystanders: &Bystanders) {
    let bystanders = bystanders.list();
    sql.push(
        ", head AS MATERIALIZED (SELECT h.idx, h.effective_time FROM log_head h, store_meta m, \
         (SELECT min(e.gen) AS gen, min(e.tx) AS tx FROM e) own, \
         (SELECT pg_current_snapshot() AS present, ",
    )
    .push_bind(bystanders)
    .push(
        "::bigint[] AS bystanders) s \
         WHERE own.gen = m.gen AND (own.gen, own.tx) > (h.gen, h.tx) \
           AND own.tx - pg_snapshot_xmax(s.present)::text::bigint = ( \
               SELECT count(*) FROM unnest(s.bystanders) b (tx) \
               WHERE b.tx >= pg_snapshot_xmax(s.present)::text::bigint AND b.tx < own.tx) \
           AND NOT EXISTS (SELECT FROM pg_snapshot_xip(s.present) AS open (tx) \
               WHERE open.tx::text::bigint <> ALL (s.bystanders)) \
           AND NOT EXISTS (SELECT FROM events o \
               WHERE (o.gen, o.tx, o.pos) > (h.gen, h.tx, h.pos)) \
         FOR UPDATE OF h SKIP LOCKED), \
         numbered AS (INSERT INTO log_index (idx, gen, tx, pos, effective_time) \
         SELECT h.idx + row_number() OVER o, e.gen, e.tx, e.pos, \
                greatest(h.effective_time, max(e.recorded_at) OVER o) \
         FROM e CROSS JOIN head h WINDOW o AS (ORDER BY e.pos) \
         RETURNING idx, gen, tx, pos, effective_time), \
         moved AS (UPDATE log_head h SET idx = l.idx, gen = l.gen, tx = l.tx, pos = l.pos, \
                                         effective_time = l.effective_time \
         FROM (SELECT * FROM numbered ORDER BY idx DESC LIMIT 1) l)",
    );
}

/// What [`Numbers`] are read from, of the events `e` and their numbers `n`; and who has a key.
pub(super) fn select(sql: &mut QueryBuilder<'_, Postgres>, batch: &[&Prepared]) {
    let owners: HashSet<Uuid> = batch.iter().flat_map(|p| p.keys.keys()).map(|u| u.0).collect();
    sql.push(
        ", n.idx AS event_idx, e.gen AS event_gen, e.tx AS event_tx, e.pos AS event_pos, \
         e.aggregate_type, e.aggregate_id, e.sequence, e.recorded_at, n.effective_time, \
         ARRAY(SELECT k.user_id FROM data_key k WHERE k.user_id = ANY (",
    )
    .push_bind(owners.into_iter().collect::<Vec<_>>())
    .push(")) AS alive");
}

impl Numbers {
    /// The numbers; none where the events got none.
    pub(super) fn from_rows(
        rows: &[PgRow],
        batch: &[&Prepared],
    ) -> Result<Option<Self>, sqlx::Error> {
        let Some(last) = rows.last() else { return Ok(None) };
        let Some(idx) = last.try_get::<Option<i64>, _>("event_idx")? else { return Ok(None) };
        let head = Head {
            idx,
            generation: last.try_get("event_gen")?,
            tx: last.try_get("event_tx")?,
            pos: last.try_get("event_pos")?,
        };
        let events = rows.iter().map(Numbered::from_row).collect::<Result<_, _>>()?;
        let had: Vec<Uuid> = last.try_get("alive")?;
        let got = batch.iter().flat_map(|p| &p.data_keys).map(|(user, _)| *user);
        let alive = had.into_iter().map(UserId).chain(got).collect();
        Ok(Some(Self { head, events, alive }))
    }
}
