//! What can happen to a group.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    aggregate::wire_names,
    event::{Claim, ClaimKind, Effect, StoredEvent},
    ids::UserId,
};

/// An event of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum GroupEvent {
    /// The group exists from now on.
    #[serde(rename = "group.created")]
    Created {
        /// Unique without regard to case.
        name: String,
        /// What it is for.
        description: String,
    },
    /// Another name.
    #[serde(rename = "group.renamed")]
    Renamed {
        /// The new one.
        name: String,
    },
    /// Another description.
    #[serde(rename = "group.description_changed")]
    DescriptionChanged {
        /// The new one.
        description: String,
    },
    /// A user belongs to it from now on.
    #[serde(rename = "group.member_added")]
    MemberAdded {
        /// Who.
        user_id: UserId,
    },
    /// A user does not belong to it any more.
    #[serde(rename = "group.member_removed")]
    MemberRemoved {
        /// Who.
        user_id: UserId,
    },
    /// Gone: policies that target it match nobody through it.
    #[serde(rename = "group.deleted")]
    Deleted {},
    /// It exists again after it was deleted, without members at first.
    #[serde(rename = "group.restored")]
    Restored {
        /// Unique without regard to case.
        name: String,
        /// What it is for.
        description: String,
    },
}

wire_names!(GroupEvent {
    Created => "group.created",
    Renamed => "group.renamed",
    DescriptionChanged => "group.description_changed",
    MemberAdded => "group.member_added",
    MemberRemoved => "group.member_removed",
    Deleted => "group.deleted",
    Restored => "group.restored",
});

impl StoredEvent for GroupEvent {
    const AGGREGATE_TYPE: &'static str = "group";

    fn personal_fields(&self) -> &'static [&'static str] {
        &[]
    }

    fn subject(&self, _: Uuid) -> Option<UserId> {
        None
    }

    fn effects(&self, _: Uuid) -> Vec<Effect> {
        let take = |name: &str| Effect::Take(Claim::folded(ClaimKind::GroupName, Some(name)));
        match self {
            Self::Created { name, .. } | Self::Restored { name, .. } => vec![take(name)],
            Self::Renamed { name } => vec![Effect::Release(ClaimKind::GroupName), take(name)],
            Self::Deleted {} => vec![Effect::Release(ClaimKind::GroupName)],
            Self::DescriptionChanged { .. }
            | Self::MemberAdded { .. }
            | Self::MemberRemoved { .. } => vec![],
        }
    }
}
