//! Policies as they were.

use std::collections::HashMap;

use nexavpn_domain::{
    Event, StoredEvent as _,
    ids::PolicyId,
    policy::{Policy, PolicyEvent},
};
use nexavpn_store::{Log, Recorded};
use uuid::Uuid;

use super::{Dates, begins, each_stream, known};
use crate::{ReadError, policies::PolicyRow};

/// These policies as they were right after an event, without those that were deleted by then.
///
/// # Errors
/// Where the database fails or an event is unknown.
pub async fn policies(
    log: &Log,
    ids: &[PolicyId],
    idx: i64,
) -> Result<HashMap<PolicyId, PolicyRow>, ReadError> {
    let uuids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let events = log.streams(PolicyEvent::AGGREGATE_TYPE, &uuids, idx).await?;
    let rows = each_stream(&events).filter_map(|stream| policy(stream).transpose());
    rows.map(|row| row.map(|row| (row.id, row))).collect()
}

/// The policy that these events made, if they are the first ones of a policy.
///
/// # Errors
/// Where an event is unknown.
pub fn new_policy(events: &[Recorded]) -> Result<Option<PolicyRow>, ReadError> {
    if begins(events) { policy(events) } else { Ok(None) }
}

fn policy(stream: &[Recorded]) -> Result<Option<PolicyRow>, ReadError> {
    let (mut policy, mut of, mut created_idx) = (Policy::default(), None, 0);
    for recorded in stream {
        let Event::Policy(id, event) = known(recorded)? else { continue };
        of = Some(*id);
        policy.evolve(event);
        // Its age begins anew where it comes back.
        if let PolicyEvent::Created { .. } | PolicyEvent::Restored { .. } = event {
            created_idx = recorded.idx;
        }
    }
    let Some((id, dates)) = of.zip(Dates::of(stream)) else { return Ok(None) };
    let Some(fields) = policy.fields().cloned() else { return Ok(None) };
    Ok(Some(PolicyRow {
        id,
        fields,
        in_force: policy.in_force(),
        created_idx,
        version: dates.version,
        created_at: dates.created_at,
        updated_at: dates.updated_at,
    }))
}
