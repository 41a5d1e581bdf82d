//! Lists as they were at a moment. Their ids are those that the fleet had then, so that filters and
//! totals are of then too; the rows of a page are folded from their streams.

use std::str::FromStr;

use nexavpn_domain::{
    DomainError,
    fleet::Fleet,
    ids::{DeviceId, GatewayId, GroupId, PolicyId, UserId},
    values::{PolicyEffect, Role, Target},
};
use nexavpn_projections::{ListQuery, Page};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{error::ApiError, moment::AsOf};

/// A page of ids, and the page without its rows.
///
/// # Errors
/// 400 for a bad page, and for an order or a search.
pub(super) fn page<I, T>(
    ids: &[I],
    query: &ListQuery,
    at: AsOf,
) -> Result<(Vec<I>, Page<T>), ApiError>
where
    I: Copy + PartialEq + Serialize + for<'de> Deserialize<'de>,
{
    for (field, given) in [("sort", query.sort.is_some()), ("q", query.q.is_some())] {
        if given {
            let message = "must be left out where at is given: names and orders are of the present";
            return Err(ApiError::field(field, message));
        }
    }
    // A place in the list of one moment is none in that of another.
    Ok(Page::of_known(ids, query, &format!("at {}", at.idx))?)
}

/// Filters that were asked for, until each has been taken.
struct Filters<'a>(Vec<&'a (String, String)>);

impl<'a> Filters<'a> {
    fn of(query: &'a ListQuery) -> Self {
        Self(query.filters.iter().collect())
    }

    fn take<T>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<Option<T>, DomainError> {
        let Some(place) = self.0.iter().position(|(field, _)| field == name) else {
            return Ok(None);
        };
        let (_, value) = self.0.remove(place);
        parse(value).map(Some).map_err(|message| DomainError::field(name, message))
    }

    fn id<I: From<Uuid>>(&mut self, name: &str) -> Result<Option<I>, DomainError> {
        let id =
            self.take(name, |text| Uuid::from_str(text).map_err(|_| "must be a UUID".to_owned()))?;
        Ok(id.map(I::from))
    }

    fn flag(&mut self, name: &str) -> Result<Option<bool>, DomainError> {
        self.take(name, |text| text.parse().map_err(|_| "must be true or false".to_owned()))
    }

    fn word(&mut self, name: &str, words: &[&str]) -> Result<Option<String>, DomainError> {
        self.take(name, |text| {
            let known = words.contains(&text);
            known
                .then(|| text.to_owned())
                .ok_or_else(|| format!("must be one of {}", words.join(", ")))
        })
    }

    /// What is left is not known, or not of the past.
    fn finish(self) -> Result<(), DomainError> {
        match self.0.first() {
            None => Ok(()),
            Some((name, _)) => {
                let message = "is no filter of this list where at is given";
                Err(DomainError::field(name.as_str(), message))
            }
        }
    }
}

/// The users that there were: by id, which is nearly the order in which they were made.
pub(super) fn users(fleet: &Fleet, query: &ListQuery) -> Result<Vec<UserId>, ApiError> {
    let mut filters = Filters::of(query);
    let role = filters.take("role", Role::parse)?;
    let status = filters.word("status", &["active", "disabled"])?;
    let group: Option<GroupId> = filters.id("group")?;
    filters.finish()?;
    let members = group.map(|id| fleet.group(id).map(|group| &group.members));
    let wanted = fleet.users().filter(|(id, user)| {
        role.is_none_or(|role| user.role == role)
            && status.as_deref().is_none_or(|status| user.enabled == (status == "active"))
            && members.is_none_or(|members| members.is_some_and(|all| all.contains(id)))
    });
    let mut ids: Vec<UserId> = wanted.map(|(id, _)| id).collect();
    ids.sort_unstable();
    Ok(ids)
}

/// The groups that there were, by id.
pub(super) fn groups(fleet: &Fleet, query: &ListQuery) -> Result<Vec<GroupId>, ApiError> {
    let mut filters = Filters::of(query);
    let member: Option<UserId> = filters.id("member")?;
    filters.finish()?;
    let wanted = fleet.groups().filter(|(_, group)| {
        member.is_none_or(|id| group.members.contains(&id) && fleet.user(id).is_some())
    });
    let mut ids: Vec<GroupId> = wanted.map(|(id, _)| id).collect();
    ids.sort_unstable();
    Ok(ids)
}

/// The devices that there were, by id, revoked ones among them.
pub(super) fn devices(fleet: &Fleet, query: &ListQuery) -> Result<Vec<DeviceId>, ApiError> {
    let mut filters = Filters::of(query);
    let owner: Option<UserId> = filters.id("owner")?;
    let gateway: Option<GatewayId> = filters.id("gateway")?;
    let revoked = filters.flag("revoked")?;
    let status = filters.word(
        "status",
        &["active", "disabled", "owner_disabled", "expired", "rotation_lapsed", "revoked"],
    )?;
    filters.finish()?;
    let wanted = fleet.devices().filter(|(_, device)| {
        owner.is_none_or(|owner| device.owner == owner)
            && gateway.is_none_or(|gateway| device.gateway_id == gateway)
            && revoked.is_none_or(|revoked| device.revoked == revoked)
            && status.as_deref().is_none_or(|status| device.status().as_str() == status)
    });
    Ok(wanted.map(|(id, _)| id).collect())
}

/// The policies that there were, in the order in which they would be asked.
pub(super) fn policies(fleet: &Fleet, query: &ListQuery) -> Result<Vec<PolicyId>, ApiError> {
    let mut filters = Filters::of(query);
    let in_force = filters.flag("in_force")?;
    let enabled = filters.flag("enabled")?;
    let effect = filters.word("effect", &["allow", "deny"])?;
    let target: Option<UserId> = filters.id("target")?;
    filters.finish()?;
    let targets = |all: &[Target]| {
        target.is_none_or(|UserId(id)| {
            all.iter().any(|target| match target {
                Target::User(user) => user.0 == id,
                Target::Group(group) => group.0 == id,
                Target::Device(device) => device.0 == id,
                Target::Everyone => false,
            })
        })
    };
    let wanted = fleet.policies().filter(|(_, policy)| {
        let Some(fields) = policy.policy.fields() else { return false };
        in_force.is_none_or(|in_force| policy.policy.in_force() == in_force)
            && enabled.is_none_or(|enabled| fields.enabled == enabled)
            && effect
                .as_deref()
                .is_none_or(|effect| (fields.effect == PolicyEffect::Allow) == (effect == "allow"))
            && targets(&fields.targets)
    });
    let mut wanted: Vec<_> = wanted.collect();
    wanted.sort_by_key(|(id, policy)| {
        let rule = &policy.rule;
        (rule.priority, rule.effect == PolicyEffect::Allow, rule.age, *id)
    });
    Ok(wanted.into_iter().map(|(id, _)| id).collect())
}

/// The gateways that there were, by id.
pub(super) fn gateways(fleet: &Fleet, query: &ListQuery) -> Result<Vec<GatewayId>, ApiError> {
    Filters::of(query).finish()?;
    Ok(fleet.gateways().map(|(id, _)| id).collect())
}
