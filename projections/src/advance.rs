//! One batch of events into the tables of some projections, with their checkpoints.

use nexavpn_store::{Bystander, Bystanders, Recorded, by_index};
use sqlx::{
    Connection as _, Executor as _, PgConnection, PgPool, Row as _, postgres::PgConnectOptions,
};

use crate::{ApplyError, Projection};

/// How many events one transaction folds. Bounded, since an open write transaction holds back the
/// order of everybody's newer events.
pub(crate) const BATCH: usize = 200;

/// What became of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Advanced {
    /// Rows and checkpoints are written.
    Done,
    /// Somebody else moved a checkpoint first. Nothing was written.
    Lost,
}

/// The schema that a fold writes to. The name is ours, never a request's.
#[derive(Debug, Clone)]
pub(crate) struct Schema(pub(crate) String);

impl Schema {
    /// Where queries read.
    pub(crate) fn live() -> Self {
        Self("read".to_owned())
    }
}

/// A connection of a task's own, made when it is needed. One on which a batch failed, or was given up,
/// is closed instead of being used again: its transaction ends with it.
#[derive(Debug)]
pub(crate) struct Own {
    connection: Option<PgConnection>,
    bystanders: Bystanders,
}

impl Own {
    /// Nothing connected yet. The order of events does not wait for its transactions.
    pub(crate) const fn new(bystanders: Bystanders) -> Self {
        Self { connection: None, bystanders }
    }

    /// Folds the events after `from` and moves the checkpoints from there to the last event, all in
    /// one transaction. Every process may try: the checkpoints are compared and moved first, so
    /// exactly one succeeds. The pool says where the database is.
    pub(crate) async fn advance(
        &mut self,
        pool: &PgPool,
        schema: &Schema,
        projections: &[&'static dyn Projection],
        from: i64,
        events: &[Recorded],
    ) -> Result<Advanced, ApplyError> {
        let mut conn = match self.connection.take() {
            Some(conn) => conn,
            None => connect(pool, schema).await?,
        };
        let advanced = advance(&mut conn, &self.bystanders, projections, from, events).await?;
        self.connection = Some(conn);
        Ok(advanced)
    }
}

/// A connection for folding into one schema.
async fn connect(pool: &PgPool, schema: &Schema) -> Result<PgConnection, sqlx::Error> {
    let options = by_index(PgConnectOptions::clone(&pool.connect_options())).options([
        ("search_path", schema.0.as_str()),
        // A lost commit is folded again from the checkpoint that was lost with it.
        ("synchronous_commit", "off"),
    ]);
    PgConnection::connect_with(&options).await
}

async fn advance(
    conn: &mut PgConnection,
    bystanders: &Bystanders,
    projections: &[&'static dyn Projection],
    from: i64,
    events: &[Recorded],
) -> Result<Advanced, ApplyError> {
    let Some(last) = events.last() else {
        return Ok(Advanced::Done);
    };
    let (_bystander, taken) = begin(conn, bystanders, projections, from, last.idx).await?;
    if !taken {
        conn.execute("ROLLBACK").await?;
        return Ok(Advanced::Lost);
    }
    let mut grown = Vec::with_capacity(projections.len());
    for projection in projections {
        let reads = projection.reads();
        let own: Vec<&Recorded> = events
            .iter()
            .filter(|e| reads.is_empty() || reads.contains(&e.aggregate_type.as_str()))
            .collect();
        if !own.is_empty() {
            grown.push((projection.name(), projection.apply_all(conn, &own).await?));
        }
    }
    grown.retain(|(_, n)| *n != 0);
    commit(conn, &grown).await
}

/// Begins the transaction and takes the checkpoints: one journey to the database. Answers whether they
/// were where we believe them to be.
async fn begin(
    conn: &mut PgConnection,
    bystanders: &Bystanders,
    projections: &[&'static dyn Projection],
    from: i64,
    to: i64,
) -> Result<(Bystander, bool), ApplyError> {
    let names = list(projections.iter().map(|p| quoted(p.name())));
    let versions = list(projections.iter().map(|p| p.version()));
    let sql = format!(
        "BEGIN; SELECT public.take_checkpoints(ARRAY[{names}], ARRAY[{versions}], {from}, {to}),
                        pg_current_xact_id()::text::bigint"
    );
    let rows = conn.fetch_all(&*sql).await?;
    let row = rows.first().ok_or(sqlx::Error::RowNotFound)?;
    let (taken, tx): (i64, i64) = (row.try_get_unchecked(0)?, row.try_get_unchecked(1)?);
    Ok((bystanders.add(tx), usize::try_from(taken) == Ok(projections.len())))
}

/// Counts what the lists have grown by, and commits.
async fn commit(
    conn: &mut PgConnection,
    grown: &[(&'static str, i64)],
) -> Result<Advanced, ApplyError> {
    let count = if grown.is_empty() {
        String::new()
    } else {
        let names = list(grown.iter().map(|(name, _)| quoted(name)));
        let growth = list(grown.iter().map(|(_, n)| n));
        format!("SELECT public.count_growth(ARRAY[{names}], ARRAY[{growth}]::bigint[]); ")
    };
    conn.execute(&*format!("{count}COMMIT")).await?;
    Ok(Advanced::Done)
}

/// A projection's name as a literal. It is ours, never a request's.
fn quoted(name: &'static str) -> String {
    debug_assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{name}");
    format!("'{name}'")
}

fn list(items: impl Iterator<Item = impl std::fmt::Display>) -> String {
    items.map(|item| item.to_string()).collect::<Vec<_>>().join(", ")
}
