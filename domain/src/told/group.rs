use serde_json::Value;

use super::Told;
use crate::{group::GroupEvent, ids::UserId};

pub(super) fn told(event: &GroupEvent) -> Told {
    match event {
        GroupEvent::Created { name, description } => Told::new(format!("Group “{name}” created"))
            .set("name", name)
            .set("description", description),
        GroupEvent::Renamed { name } => {
            Told::new(format!("Group renamed to “{name}”")).set("name", name)
        }
        GroupEvent::DescriptionChanged { description } => {
            Told::new("Description of the group changed").set("description", description)
        }
        GroupEvent::MemberAdded { user_id } => {
            Told::new("Member added to the group").turn("members", Value::Null, user_id)
        }
        GroupEvent::MemberRemoved { user_id } => {
            Told::new("Member removed from the group").turn("members", user_id, Value::Null)
        }
        GroupEvent::Deleted {} => Told::new("Group deleted").ending(),
        GroupEvent::Restored { name, description } => {
            Told::new(format!("Group “{name}” restored after its deletion"))
                .set("name", name)
                .set("description", description)
        }
    }
}

pub(super) const fn about(event: &GroupEvent) -> Option<UserId> {
    match event {
        GroupEvent::MemberAdded { user_id } | GroupEvent::MemberRemoved { user_id } => {
            Some(*user_id)
        }
        GroupEvent::Created { .. }
        | GroupEvent::Renamed { .. }
        | GroupEvent::DescriptionChanged { .. }
        | GroupEvent::Deleted {}
        | GroupEvent::Restored { .. } => None,
    }
}
