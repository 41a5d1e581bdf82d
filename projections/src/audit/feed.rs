//! The audit log in the order of events, for machines that follow it.
//!
//! The index is folded in that order, rows and checkpoint together: whoever has read up to a number
//! at or below the checkpoint has missed nothing, and never will have.

use std::{collections::VecDeque, sync::Arc};

use nexavpn_domain::DomainError;
use nexavpn_store::Log;
use sqlx::{PgPool, Postgres, QueryBuilder};
use tokio::sync::Mutex;

use super::{
    entries::{Entry, numbered},
    query::{AuditQuery, Conditions},
};
use crate::ReadError;

/// The name of the audit log's projection.
pub const NAME: &str = "audit_log";
/// The event that takes personal data out of earlier ones.
const ERASED: &str = "user.erased";
/// More entries than this are not kept in memory: whoever is that far behind reads alone.
const KEPT: usize = 512;

/// Which entries are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Those of this query; its page is of no effect.
    pub query: AuditQuery,
    /// Those whose type is one of these or begins with what stands before `*`; all where there is
    /// none.
    pub types: Vec<String>,
}

impl Wanted {
    /// Refuses what no entry can ever match.
    ///
    /// # Errors
    /// `validation_error`.
    pub fn check(&self) -> Result<(), DomainError> {
        self.query.check()
    }

    fn is_all(&self) -> bool {
        *self == Self::default()
    }

    fn push<'q>(&self, of_query: &'q Conditions<'q>, sql: &mut QueryBuilder<'q, Postgres>) {
        of_query.push(sql);
        if !self.types.is_empty() {
            let patterns: Vec<String> = self.types.iter().map(|t| pattern(t)).collect();
            sql.push(" AND event_type LIKE ANY (").push_bind(patterns).push(")");
        }
    }
}

/// The type as SQL's LIKE has it.
fn pattern(event_type: &str) -> String {
    let escaped = event_type.replace('\\', r"\\").replace('%', r"\%").replace('_', r"\_");
    escaped.replace('*', "%")
}

/// Entries in their order.
#[derive(Debug, Clone, PartialEq)]
pub struct Stretch {
    /// The wanted ones among those that were looked at.
    pub items: Vec<Arc<Entry>>,
    /// The last number that was looked at: where to go on.
    pub next: i64,
    /// The last number that there was.
    pub end: i64,
}

/// At most `limit` wanted entries after a number, the oldest first.
///
/// # Errors
/// `validation_error` for a query that matches nothing ever; where the database fails.
pub async fn entries_after(
    pool: &PgPool,
    log: &Log,
    wanted: &Wanted,
    after: i64,
    limit: u32,
) -> Result<Stretch, ReadError> {
    wanted.check()?;
    let conditions = wanted.query.resolve(pool, log).await?;
    // One statement, so that rows and checkpoint are of the same moment.
    let mut sql = QueryBuilder::new(
        "SELECT h.idx, a.idx
         FROM (SELECT idx FROM read.projection_checkpoint WHERE name = ",
    );
    sql.push_bind(NAME);
    sql.push(") h LEFT JOIN LATERAL (SELECT idx FROM read.audit_log");
    wanted.push(&conditions, &mut sql);
    sql.push(" AND idx > ").push_bind(after).push(" AND idx <= h.idx");
    sql.push(format!(" ORDER BY idx LIMIT {limit}) a ON true ORDER BY a.idx"));
    // What a filter matches depends on its value: such a statement is planned each time.
    let query = sql.build_query_as().persistent(wanted.is_all());
    let rows: Vec<(i64, Option<i64>)> = query.fetch_all(pool).await?;
    let end = rows.first().map_or(0, |(end, _)| *end);
    let numbers: Vec<i64> = rows.iter().filter_map(|(_, idx)| *idx).collect();
    let full = u32::try_from(numbers.len()).is_ok_and(|found| found >= limit);
    let next = match numbers.last() {
        Some(last) if full => *last,
        _ => end.max(after),
    };
    let items = numbered(pool, log, &numbers).await?.into_iter().map(Arc::new).collect();
    Ok(Stretch { items, next, end })
}

/// The end of the audit log, read once for all who follow it in this process.
#[derive(Debug)]
pub struct Feed {
    pool: PgPool,
    log: Log,
    kept: Mutex<VecDeque<Arc<Entry>>>,
}

impl Feed {
    /// Nothing read yet.
    #[must_use]
    pub fn new(pool: PgPool, log: Log) -> Self {
        Self { pool, log, kept: Mutex::default() }
    }

    /// At most `limit` wanted entries after a number, the oldest first. `folded` is how far the
    /// audit log is known to be: what is in memory is never older than that, so that nothing
    /// survives there that was erased.
    ///
    /// # Errors
    /// As [`entries_after`].
    pub async fn after(
        &self,
        wanted: &Wanted,
        after: i64,
        limit: u32,
        folded: i64,
    ) -> Result<Stretch, ReadError> {
        if wanted.is_all() && folded > after && folded - after <= KEPT as i64 {
            // Whoever comes meanwhile waits: the same entries are about to be there.
            let mut kept = self.kept.lock().await;
            self.bring_up(&mut kept, folded).await?;
            if let Some(stretch) = among(&kept, after, limit) {
                return Ok(stretch);
            }
        }
        entries_after(&self.pool, &self.log, wanted, after, limit).await
    }

    async fn bring_up(
        &self,
        kept: &mut VecDeque<Arc<Entry>>,
        folded: i64,
    ) -> Result<(), ReadError> {
        // A log that ends earlier than it did may be another one, restored.
        if kept.back().is_some_and(|last| last.idx > folded) {
            kept.clear();
        }
        let from = (folded - KEPT as i64 / 2).max(0);
        let last = kept.back().map_or(from, |last| last.idx);
        if last >= folded {
            return Ok(());
        }
        let last = if last < from { from } else { last };
        let limit = KEPT as u32;
        let read = entries_after(&self.pool, &self.log, &Wanted::default(), last, limit).await?;
        for entry in read.items {
            let follows = kept.back().is_none_or(|last| last.idx + 1 == entry.idx);
            if !follows || entry.event_type == ERASED {
                kept.clear();
            }
            if kept.len() == KEPT {
                kept.pop_front();
            }
            kept.push_back(entry);
        }
        Ok(())
    }
}

fn among(kept: &VecDeque<Arc<Entry>>, after: i64, limit: u32) -> Option<Stretch> {
    let end = kept.back()?.idx;
    let skipped = usize::try_from(after + 1 - kept.front()?.idx).ok()?;
    let items: Vec<_> = kept.iter().skip(skipped).take(limit as usize).cloned().collect();
    let next = items.last()?.idx;
    Some(Stretch { items, next, end })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_taken_as_it_is_but_for_the_star() {
        assert_eq!(pattern("user.created"), "user.created");
        assert_eq!(pattern("device.*"), "device.%");
        assert_eq!(pattern(r"key_set%\"), r"key\_set\%\\");
        assert_eq!(pattern("*"), "%");
    }
}
