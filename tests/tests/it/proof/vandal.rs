//! Somebody with a superuser's rights in PostgreSQL, who knows how everything is stored.

use nexavpn_tests::harness::TestDb;
use sqlx::{Connection as _, PgConnection, Row as _};
use uuid::Uuid;

/// What the vandal does to the events, named by their numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deed {
    /// Adds a field to the payload.
    Payload(i64),
    /// Adds a field to the metadata.
    Metadata(i64),
    /// Has metadata that no event of ours has.
    StrangeMetadata(i64),
    /// Has it be something else that happened.
    Type(i64),
    /// A second earlier.
    Time(i64),
    /// Of something else.
    Owner(i64),
    /// Has it be a later one of the same thing.
    Sequence(i64),
    /// Has it be of another shape.
    Version(i64),
    /// Removes it.
    Delete(i64),
    /// Removes it and numbers the others anew.
    DeleteAndRenumber(i64),
    /// Puts one in after it.
    Insert(i64),
    /// Puts one in after it and numbers the others anew.
    InsertAndRenumber(i64),
    /// Has two change places.
    Swap(i64, i64),
    /// Has two change payloads.
    SwapPayloads(i64, i64),
    /// Has two change metadata.
    SwapMetadata(i64, i64),
}

impl Deed {
    /// How many kinds there are.
    pub(super) const KINDS: i64 = 15;

    /// The first place that does not fit any more.
    pub(super) const fn place(self) -> i64 {
        match self {
            Self::Payload(idx)
            | Self::Metadata(idx)
            | Self::StrangeMetadata(idx)
            | Self::Type(idx)
            | Self::Time(idx)
            | Self::Owner(idx)
            | Self::Sequence(idx)
            | Self::Version(idx)
            | Self::Delete(idx)
            | Self::DeleteAndRenumber(idx) => idx,
            Self::Insert(after) | Self::InsertAndRenumber(after) => after + 1,
            Self::Swap(a, b) | Self::SwapPayloads(a, b) | Self::SwapMetadata(a, b) => {
                if a < b {
                    a
                } else {
                    b
                }
            }
        }
    }

    /// Every deed, among so many events.
    pub(super) fn all(n: i64, a: i64, b: i64) -> Self {
        match n.rem_euclid(Self::KINDS) {
            0 => Self::Payload(a),
            1 => Self::Metadata(a),
            2 => Self::StrangeMetadata(a),
            3 => Self::Type(a),
            4 => Self::Time(a),
            5 => Self::Owner(a),
            6 => Self::Delete(a),
            7 => Self::DeleteAndRenumber(a),
            8 => Self::Insert(a),
            9 => Self::InsertAndRenumber(a),
            10 => Self::Swap(a, b),
            11 => Self::SwapPayloads(a, b),
            12 => Self::Sequence(a),
            13 => Self::Version(a),
            _ => Self::SwapMetadata(a, b),
        }
    }
}

/// The vandal, with a copy of how it was.
pub(super) struct Vandal(PgConnection);

const KEPT: [&str; 6] =
    ["events", "log_index", "log_head", "log_tile", "log_tree", "log_checkpoint"];

impl Vandal {
    /// Copies everything and switches off what forbids changes. Nothing can be appended after it.
    pub(super) async fn at(db: &TestDb) -> Self {
        let mut vandal = Self(db.superuser().await);
        vandal.run("ALTER TABLE events ALTER COLUMN pos DROP IDENTITY").await;
        for table in KEPT {
            let keep = format!(
                "ALTER TABLE {table} DISABLE TRIGGER ALL; CREATE TABLE kept_{table} AS TABLE {table}"
            );
            vandal.run(&keep).await;
        }
        vandal
    }

    pub(super) async fn run(&mut self, sql: &str) {
        sqlx::raw_sql(sql)
            .execute(&mut self.0)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// Puts everything back.
    pub(super) async fn undo(&mut self) {
        for table in KEPT {
            self.run(&format!("DELETE FROM {table}; INSERT INTO {table} TABLE kept_{table}")).await;
        }
    }

    /// Does it. Answers whose event was put in, where one was.
    pub(super) async fn does(&mut self, deed: Deed) -> Option<Uuid> {
        let at = |idx: i64| {
            format!("(gen, tx, pos) = (SELECT gen, tx, pos FROM log_index WHERE idx = {idx})")
        };
        let set = |what: &str, idx: i64| format!("UPDATE events SET {what} WHERE {}", at(idx));
        let field =
            |column: &str| format!("{column} = ({column}::jsonb || '{{\"x\": \"1\"}}')::json");
        match deed {
            Deed::Payload(idx) => self.run(&set(&field("payload"), idx)).await,
            Deed::Metadata(idx) => self.run(&set(&field("metadata"), idx)).await,
            Deed::StrangeMetadata(idx) => self.run(&set("metadata = '[1e400]'", idx)).await,
            Deed::Type(idx) => self.run(&set("event_type = 'group.deleted'", idx)).await,
            Deed::Time(idx) => {
                self.run(&set("recorded_at = recorded_at - interval '1 second'", idx)).await;
            }
            Deed::Owner(idx) => {
                self.run(&set("aggregate_id = gen_random_uuid()::text", idx)).await;
            }
            Deed::Sequence(idx) => self.run(&set("sequence = sequence + 1000000", idx)).await,
            Deed::Version(idx) => self.run(&set("event_version = '1.1'", idx)).await,
            Deed::Delete(idx) => self.run(&format!("DELETE FROM events WHERE {}", at(idx))).await,
            Deed::DeleteAndRenumber(idx) => {
                self.run(&format!("DELETE FROM events WHERE {}", at(idx))).await;
                self.renumber().await;
            }
            Deed::Insert(idx) => return Some(self.insert(idx).await),
            Deed::InsertAndRenumber(idx) => {
                let inserted = self.insert(idx).await;
                self.renumber().await;
                return Some(inserted);
            }
            Deed::Swap(a, b) => {
                for (from, to) in [(a, -1), (b, a), (-1, b)] {
                    self.move_to(from, to).await;
                }
            }
            Deed::SwapPayloads(a, b) => self.swap("payload", a, b).await,
            Deed::SwapMetadata(a, b) => self.swap("metadata", a, b).await,
        }
        None
    }

    /// Moves the event at a place to that of another number; -1 is nowhere.
    async fn move_to(&mut self, from: i64, to: i64) {
        let place = |idx: i64| match idx {
            -1 => "0::smallint AS gen, 0::bigint AS tx, -1::bigint AS pos".to_owned(),
            idx => format!("gen, tx, pos FROM log_index WHERE idx = {idx}"),
        };
        let (from, to) = (place(from), place(to));
        self.run(&format!(
            "UPDATE events e SET gen = t.gen, tx = t.tx, pos = t.pos
             FROM (SELECT {from}) f, (SELECT {to}) t
             WHERE (e.gen, e.tx, e.pos) = (f.gen, f.tx, f.pos)"
        ))
        .await;
    }

    async fn swap(&mut self, column: &str, a: i64, b: i64) {
        self.run(&format!(
            "UPDATE events e SET {column} = o.{column}
             FROM log_index i, log_index j, events o
             WHERE (e.gen, e.tx, e.pos) = (i.gen, i.tx, i.pos)
               AND (o.gen, o.tx, o.pos) = (j.gen, j.tx, j.pos)
               AND (i.idx, j.idx) IN (({a}, {b}), ({b}, {a}))"
        ))
        .await;
    }

    /// A well-formed event right after this one.
    async fn insert(&mut self, after: i64) -> Uuid {
        let id = super::id();
        self.run(&format!(
            "INSERT INTO events (aggregate_type, aggregate_id, sequence, event_type, event_version,
                                 payload, metadata, pos, gen, tx, recorded_at)
             SELECT 'group', '{id}', 1, 'group.created', e.event_version,
                    '{{\"Created\": {{\"name\": \"x\"}}}}', e.metadata, i.pos + 1000000, i.gen, i.tx,
                    e.recorded_at
             FROM log_index i JOIN events e ON (e.gen, e.tx, e.pos) = (i.gen, i.tx, i.pos)
             WHERE i.idx = {after}"
        ))
        .await;
        id
    }

    /// Derives the numbers again from what the table holds now.
    pub(super) async fn renumber(&mut self) {
        self.run(
            "DELETE FROM log_index;
             INSERT INTO log_index (idx, gen, tx, pos, effective_time)
             SELECT row_number() OVER o, gen, tx, pos, max(recorded_at) OVER o
             FROM events WINDOW o AS (ORDER BY gen, tx, pos);
             UPDATE log_head h
             SET idx = l.idx, gen = l.gen, tx = l.tx, pos = l.pos, effective_time = l.effective_time
             FROM (SELECT * FROM log_index ORDER BY idx DESC LIMIT 1) l",
        )
        .await;
    }

    /// Forgets the tree and all that was signed.
    pub(super) async fn forget_tree(&mut self) {
        self.run(
            "DELETE FROM log_tile; DELETE FROM log_checkpoint;
             UPDATE log_tree SET size = 0, root = sha256('')",
        )
        .await;
    }

    /// Whose event has this number.
    pub(super) async fn owner(&mut self, idx: i64) -> Option<String> {
        let row = sqlx::query(
            "SELECT e.aggregate_id FROM log_index i
             JOIN events e ON (e.gen, e.tx, e.pos) = (i.gen, i.tx, i.pos) WHERE i.idx = $1",
        )
        .bind(idx)
        .fetch_optional(&mut self.0)
        .await
        .unwrap();
        row.map(|row| row.get(0))
    }

    pub(super) async fn leaves(self) {
        self.0.close().await.unwrap();
    }
}
