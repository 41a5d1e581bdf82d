//! The one statement of an append: its events, what they take and give up, and its side rows, as
//! members of one `WITH`.

use std::{fmt, time::Duration};

use nexavpn_domain::ClaimKind;
use sqlx::{Postgres, QueryBuilder};

use super::{numbers, prepare::Prepared, write::by_type};
use crate::{Bystanders, SideRow, SideRowError};

/// What a member of the statement must have given for the append to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Demand {
    /// The member's name.
    pub member: &'static str,
    /// How many rows it gives.
    pub rows: usize,
}

/// The statement as far as it is put together.
pub(super) struct Statement<'a> {
    sql: QueryBuilder<'a, Postgres>,
    demands: Vec<Demand>,
    frees: bool,
}

impl fmt::Debug for Statement<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Statement").field("sql", &self.sql.sql()).finish_non_exhaustive()
    }
}

impl<'a> Statement<'a> {
    /// The events of a batch, which are written to disk.
    pub(super) fn of_events(batch: &[&'a Prepared]) -> Self {
        let rows = || batch.iter().flat_map(|p| &p.rows);
        let mut sql = QueryBuilder::new(
            "WITH durable AS MATERIALIZED (SELECT set_config('synchronous_commit', 'on', true)), \
             e AS (INSERT INTO events (aggregate_type, aggregate_id, sequence, event_type, \
                                       event_version, payload, metadata) \
                   SELECT t.a, t.b, t.c, t.d, t.e, t.f::json, t.g::json FROM unnest(",
        );
        sql.push_bind(rows().map(|r| r.aggregate_type).collect::<Vec<_>>())
            .push("::text[], ")
            .push_bind(rows().map(|r| r.aggregate_id.as_str()).collect::<Vec<_>>())
            .push("::text[], ")
            .push_bind(rows().map(|r| r.sequence).collect::<Vec<_>>())
            .push("::bigint[], ")
            .push_bind(rows().map(|r| r.event_type.as_str()).collect::<Vec<_>>())
            .push("::text[], ")
            .push_bind(rows().map(|r| r.event_version.as_str()).collect::<Vec<_>>())
            .push("::text[], ")
            .push_bind(rows().map(|r| r.payload.as_str()).collect::<Vec<_>>())
            .push("::text[], ")
            .push_bind(rows().map(|r| r.metadata.as_str()).collect::<Vec<_>>())
            .push(
                "::text[]) AS t (a, b, c, d, e, f, g) RETURNING gen, tx, pos, aggregate_type, \
                 aggregate_id, sequence, recorded_at)",
            );
        Self { sql, demands: Vec::new(), frees: false }
    }

    /// With the new data keys of a batch.
    pub(super) fn and_data_keys(mut self, batch: &[&'a Prepared]) -> Self {
        let keys = || batch.iter().flat_map(|p| &p.data_keys);
        if keys().next().is_some() {
            self.sql
                .push(", keys AS (INSERT INTO data_key (user_id, wrapped) SELECT * FROM unnest(")
                .push_bind(keys().map(|(user, _)| user.0).collect::<Vec<_>>())
                .push("::uuid[], ")
                .push_bind(keys().map(|(_, wrapped)| wrapped.as_slice()).collect::<Vec<_>>())
                .push("::bytea[]))");
        }
        self
    }

    /// With the claims that a batch takes.
    pub(super) fn and_claims(mut self, batch: &[&'a Prepared]) -> Self {
        // A batch is sorted as a whole, for the same reason as one append's takes.
        let mut takes: Vec<_> = batch.iter().flat_map(|p| &p.effects.takes).collect();
        takes.sort();
        if !takes.is_empty() {
            self.sql
                .push(
                    ", claimed AS (INSERT INTO claims (kind, key, aggregate_type, aggregate_id) \
                     SELECT * FROM unnest(",
                )
                .push_bind(takes.iter().map(|t| t.kind.as_str()).collect::<Vec<_>>())
                .push("::text[], ")
                .push_bind(takes.iter().map(|t| t.key.as_str()).collect::<Vec<_>>())
                .push("::text[], ")
                .push_bind(takes.iter().map(|t| t.aggregate_type).collect::<Vec<_>>())
                .push("::text[], ")
                .push_bind(takes.iter().map(|t| t.aggregate_id.as_str()).collect::<Vec<_>>())
                .push("::text[]) RETURNING 1)");
            // So that it comes before what follows, in the order in which every append takes locks.
            self.demands.push(Demand { member: "claimed", rows: takes.len() });
        }
        self
    }

    /// With all the rest of a batch; `None` where that needs statements after one another: what is
    /// given up and taken again, networks, the last admin, data keys that are destroyed, addresses
    /// that were not reserved, and side rows that do not join.
    pub(super) fn and_all_else(
        mut self,
        batch: &[&'a Prepared],
        rest: Duration,
    ) -> Result<Option<Self>, SideRowError> {
        let apart = |p: &&Prepared| {
            let effects = &p.effects;
            let hard = |kind| matches!(kind, ClaimKind::Admin | ClaimKind::Pool);
            !effects.pools.is_empty()
                || !p.append.forget.is_empty()
                || effects.releases.iter().any(|(kind, ..)| hard(*kind))
                || !effects.releases.is_empty() && !effects.takes.is_empty()
                || !effects.frees.is_empty() && !effects.holds.is_empty()
                || effects.holds.iter().any(|hold| hold.token.is_none())
        };
        if batch.iter().any(apart) {
            return Ok(None);
        }
        self.releases(batch);
        self.frees(batch, rest);
        self.holds(batch);
        for rows in by_type(batch) {
            let Some((first, more)) = rows.split_first() else { continue };
            let Some(demand) = first.join(more, &mut self.sql)? else { return Ok(None) };
            self.demands.push(demand);
        }
        Ok(Some(self))
    }

    fn releases(&mut self, batch: &[&'a Prepared]) {
        let releases = || batch.iter().flat_map(|p| &p.effects.releases);
        if releases().next().is_none() {
            return;
        }
        self.sql
            .push(", released AS (DELETE FROM claims c USING unnest(")
            .push_bind(releases().map(|(kind, ..)| kind.as_str()).collect::<Vec<_>>())
            .push("::text[], ")
            .push_bind(releases().map(|(_, of, _)| *of).collect::<Vec<_>>())
            .push("::text[], ")
            .push_bind(releases().map(|(_, _, id)| id.as_str()).collect::<Vec<_>>())
            .push(
                "::text[]) AS r (kind, aggregate_type, aggregate_id) \
                 WHERE c.kind = r.kind AND c.aggregate_id = r.aggregate_id \
                   AND c.aggregate_type = r.aggregate_type)",
            );
    }

    fn frees(&mut self, batch: &[&'a Prepared], rest: Duration) {
        let devices: Vec<_> =
            batch.iter().flat_map(|p| &p.effects.frees).map(|device| device.0).collect();
        if devices.is_empty() {
            return;
        }
        self.sql
            .push(
                ", freed AS (UPDATE ip_slot SET held_by = NULL, \
                 free_after = clock_timestamp() + make_interval(secs => ",
            )
            .push_bind(rest.as_secs_f64())
            .push(") WHERE held_by = ANY (")
            .push_bind(devices)
            .push(") RETURNING 1)");
        self.frees = true;
    }

    fn holds(&mut self, batch: &[&'a Prepared]) {
        let holds = || batch.iter().flat_map(|p| &p.effects.holds);
        let rows = holds().count();
        if rows == 0 {
            return;
        }
        self.sql
            .push(
                ", held AS (UPDATE ip_slot s SET held_by = h.device, reservation = NULL, \
                 reserved_until = NULL, free_after = NULL FROM unnest(",
            )
            .push_bind(holds().map(|h| h.token).collect::<Vec<_>>())
            .push("::uuid[], ")
            .push_bind(holds().map(|h| h.gateway.0).collect::<Vec<_>>())
            .push("::uuid[], ")
            .push_bind(holds().map(|h| i64::from(h.slot)).collect::<Vec<_>>())
            .push("::bigint[], ")
            .push_bind(holds().map(|h| h.device.0).collect::<Vec<_>>())
            .push(
                "::uuid[]) AS h (token, gateway_id, slot, device) \
                 WHERE s.reservation = h.token AND s.gateway_id = h.gateway_id AND s.slot = h.slot \
                 RETURNING 1)",
            );
        self.demands.push(Demand { member: "held", rows });
    }

    /// The whole: gives `gen` and `tx` of the events, and how many addresses were `freed`.
    pub(super) fn end(mut self) -> QueryBuilder<'a, Postgres> {
        self.outcome();
        self.sql
    }

    /// The whole, with numbers for the events if that can be: gives the same with a row for each
    /// event, in their order.
    pub(super) fn end_numbered(
        mut self,
        batch: &[&'a Prepared],
        bystanders: &Bystanders,
    ) -> QueryBuilder<'a, Postgres> {
        numbers::number(&mut self.sql, bystanders);
        self.sql.push(", outcome AS MATERIALIZED (");
        self.outcome();
        self.sql.push(") SELECT outcome.*");
        numbers::select(&mut self.sql, batch);
        self.sql.push(
            " FROM outcome CROSS JOIN e LEFT JOIN numbered n ON n.pos = e.pos ORDER BY e.pos",
        );
        self.sql
    }

    fn outcome(&mut self) {
        // All events are written before the demands are looked at, in their order.
        self.sql.push(" SELECT min(e.gen) AS gen, min(e.tx) AS tx");
        for (n, Demand { member, rows }) in self.demands.iter().enumerate() {
            self.sql
                .push(format_args!(", demand((SELECT count(*) FROM {member}) = "))
                .push_bind(i64::try_from(*rows).unwrap_or(i64::MAX))
                .push(format_args!(") AS holds_{n}"));
        }
        let freed = if self.frees { "(SELECT count(*) FROM freed)" } else { "0::bigint" };
        self.sql.push(format_args!(", {freed} AS freed FROM e, durable"));
    }
}

/// Writes rows by the statement that [`SideRow::join`] makes of them, in a transaction that is open.
/// Answers whether it gave as many rows as it has to.
///
/// # Errors
/// Where the database fails; where the rows need more than one statement.
pub async fn write_joined(
    first: &dyn SideRow,
    more: &[&dyn SideRow],
    conn: &mut sqlx::PgConnection,
) -> Result<bool, SideRowError> {
    let mut sql = QueryBuilder::new("WITH start AS (SELECT)");
    let Some(Demand { member, rows }) = first.join(more, &mut sql)? else {
        return Err(
            sqlx::Error::Protocol("the rows are not written by one statement".into()).into()
        );
    };
    sql.push(format_args!(" SELECT count(*) FROM {member}"));
    let written: i64 = sql.build_query_scalar().fetch_one(conn).await?;
    Ok(usize::try_from(written) == Ok(rows))
}
