//! Groups as they were.

use std::collections::HashMap;

use nexavpn_domain::{
    Event, StoredEvent as _,
    fleet::Fleet,
    group::GroupEvent,
    ids::{GroupId, UserId},
};
use nexavpn_store::Log;
use uuid::Uuid;

use super::{each_stream, known};
use crate::{ReadError, groups::GroupRow};

/// What says what a group is called and is for. Its members the fleet knows.
const DESCRIBING: &[&str] =
    &["group.created", "group.renamed", "group.description_changed", "group.restored"];

/// These groups as they were where the fleet is.
///
/// # Errors
/// Where the database fails or an event is unknown.
pub async fn groups(
    log: &Log,
    fleet: &Fleet,
    ids: &[GroupId],
) -> Result<HashMap<GroupId, GroupRow>, ReadError> {
    let uuids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let kind = GroupEvent::AGGREGATE_TYPE;
    let newest = log.newest_of(kind, &uuids, fleet.idx()).await?;
    let events = log.streams_of(kind, &uuids, fleet.idx(), DESCRIBING).await?;
    let mut rows = HashMap::new();
    for stream in each_stream(&events) {
        let (mut of, mut name, mut described) = (None, String::new(), String::new());
        for recorded in stream {
            let Event::Group(id, event) = known(recorded)? else { continue };
            of = Some(*id);
            match event {
                GroupEvent::Created { name: given, description }
                | GroupEvent::Restored { name: given, description } => {
                    name.clone_from(given);
                    described.clone_from(description);
                }
                GroupEvent::Renamed { name: other } => name.clone_from(other),
                GroupEvent::DescriptionChanged { description } => described.clone_from(description),
                GroupEvent::MemberAdded { .. }
                | GroupEvent::MemberRemoved { .. }
                | GroupEvent::Deleted {} => {}
            }
        }
        let created_at = stream.first().map(|event| event.effective_time);
        let Some((id, created_at)) = of.zip(created_at) else { continue };
        let Some((version, updated_at)) = newest.get(&id.0).copied() else { continue };
        let members = members(fleet, id).len();
        let row = GroupRow {
            id,
            name,
            description: described,
            member_count: i64::try_from(members).unwrap_or(i64::MAX),
            version,
            created_at,
            updated_at,
        };
        rows.insert(id, row);
    }
    Ok(rows)
}

/// The members of a group, by id: those that had not been deleted.
#[must_use]
pub fn members(fleet: &Fleet, id: GroupId) -> Vec<UserId> {
    let members = fleet.group(id).into_iter().flat_map(|group| &group.members);
    members.copied().filter(|user| fleet.user(*user).is_some()).collect()
}
