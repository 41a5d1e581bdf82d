//! Gateways as they were.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use nexavpn_domain::{
    Event, StoredEvent as _,
    gateway::{Gateway, GatewayEvent},
    ids::GatewayId,
};
use nexavpn_store::Log;
use uuid::Uuid;

use super::{Dates, each_stream, known};
use crate::{ReadError, gateways::GatewayRow};

/// A gateway as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastGateway {
    /// As the read model has it.
    pub row: GatewayRow,
    /// While it was drained: where its devices went, and since when.
    pub drain: Option<(Option<GatewayId>, DateTime<Utc>)>,
}

/// These gateways as they were right after an event; deleted ones as they were last.
///
/// # Errors
/// Where the database fails or an event is unknown.
pub async fn gateways(
    log: &Log,
    ids: &[GatewayId],
    idx: i64,
) -> Result<HashMap<GatewayId, PastGateway>, ReadError> {
    let uuids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let events = log.streams(GatewayEvent::AGGREGATE_TYPE, &uuids, idx).await?;
    let mut rows = HashMap::new();
    for stream in each_stream(&events) {
        let (mut gateway, mut of, mut fields) = (Gateway::default(), None, None);
        let (mut joined_at, mut agent_version, mut drained_at) = (None, None, None);
        for recorded in stream {
            let Event::Gateway(id, event) = known(recorded)? else { continue };
            of = Some(*id);
            gateway.evolve(event);
            if let GatewayEvent::Joined { agent_version: version } = event {
                (joined_at, agent_version) = (Some(recorded.effective_time), Some(version.clone()));
            }
            drained_at = gateway.drain().and(drained_at.or(Some(recorded.effective_time)));
            // A deleted one has none.
            fields = gateway.fields().cloned().or(fields);
        }
        let Some(((id, dates), fields)) = of.zip(Dates::of(stream)).zip(fields) else { continue };
        let row = GatewayRow {
            id,
            fields,
            public_key: gateway.public_key().map(ToString::to_string),
            joined_at,
            agent_version,
            version: dates.version,
            created_at: dates.created_at,
            updated_at: dates.updated_at,
        };
        let drain = gateway.drain().map(|drain| drain.target).zip(drained_at);
        rows.insert(id, PastGateway { row, drain });
    }
    Ok(rows)
}
