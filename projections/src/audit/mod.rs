//! The audit log: the event log as people read it.
//!
//! Its index holds who, what and when of every event, without personal data; the entries are the
//! events themselves, opened when they are read, so that an erased person is gone from them too.

mod entries;
mod feed;

use async_trait::async_trait;
use nexavpn_domain::{StoredEvent, security::SecurityEvent};
use nexavpn_store::Recorded;
use sqlx::PgConnection;

use crate::{ApplyError, Projection, projection::each};

pub use entries::{Actor, AuditQuery, Entry, list, list_options, of_entity};
pub use feed::{Feed, NAME, Stretch, Wanted, entries_after};

/// The index's writer.
#[derive(Debug)]
pub struct AuditLog;

#[async_trait]
impl Projection for AuditLog {
    fn name(&self) -> &'static str {
        NAME
    }

    fn version(&self) -> i32 {
        1
    }

    fn tables(&self) -> &'static [&'static str] {
        &["audit_log"]
    }

    /// Everything, also what this version does not know.
    fn reads(&self) -> &'static [&'static str] {
        &[]
    }

    async fn apply(&self, conn: &mut PgConnection, event: &Recorded) -> Result<i64, ApplyError> {
        self.apply_all(conn, &[event]).await
    }

    async fn apply_all(
        &self,
        conn: &mut PgConnection,
        events: &[&Recorded],
    ) -> Result<i64, ApplyError> {
        let meta = |key: &'static str| -> Vec<Option<&str>> {
            events.iter().map(|e| e.metadata.get(key).map(String::as_str)).collect()
        };
        let actor_types: Vec<&str> =
            meta("actor_type").into_iter().map(|t| t.unwrap_or("unknown")).collect();
        let result = sqlx::query(
            "INSERT INTO audit_log (idx, time, event_type, entity_type, entity_id, actor_type,
                                    actor_id, status, request_id)
             SELECT * FROM unnest($1::bigint[], $2::timestamptz[], $3::text[], $4::text[],
                                  $5::text[], $6::text[], $7::text[], $8::text[], $9::text[])",
        )
        .bind(events.iter().map(|e| e.idx).collect::<Vec<_>>())
        .bind(events.iter().map(|e| e.effective_time).collect::<Vec<_>>())
        .bind(events.iter().map(|e| e.event_type.as_str()).collect::<Vec<_>>())
        .bind(events.iter().map(|e| e.aggregate_type.as_str()).collect::<Vec<_>>())
        .bind(events.iter().map(|e| e.aggregate_id.as_str()).collect::<Vec<_>>())
        .bind(actor_types)
        .bind(meta("actor_id"))
        .bind(events.iter().map(|e| status(e)).collect::<Vec<_>>())
        .bind(meta("request_id"))
        .execute(conn)
        .await?;
        each(&result, events)
    }
}

/// Whether the event tells of a success. By its stored name, so that the log can be folded by a
/// version that does not know the event.
fn status(event: &Recorded) -> &'static str {
    let failed = event.aggregate_type == SecurityEvent::AGGREGATE_TYPE
        && event.event_type.starts_with("security.failure");
    if failed { "failure" } else { "success" }
}
