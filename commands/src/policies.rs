//! Commands about policies.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use nexavpn_domain::{
    DomainError, Problems,
    access::{Access, Rule, Surroundings},
    device::Device,
    group::Group,
    ids::{DeviceId, GroupId, PolicyId, UserId},
    policy::{Policy, PolicyChange, PolicyCommand, PolicyEvent, PolicyFields},
    user::User,
    values::{self, PolicyEffect, Ports, Protocol, Service, Target},
};
use uuid::Uuid;

use crate::{
    CommandError, Commands, Done, Request,
    rows::Due,
    transact::{Plan, fresh},
};

/// The largest priority.
const MAX_PRIORITY: i64 = 1_000_000;
/// The most destinations, targets or services of one policy, and the most port ranges of all its
/// services together.
const MAX_ELEMENTS: usize = 1000;

/// A target as a request names it.
#[derive(Debug, Clone)]
pub struct TargetInput {
    /// `user`, `group`, `device` or `everyone`.
    pub kind: String,
    /// Which; none for everyone.
    pub id: Option<String>,
}

/// A service as a request names it: a protocol and its ports.
pub type ServiceInput = (String, Vec<String>);

/// What a request says of a policy. Left-out fields keep their value, or take the default when the
/// policy is made: priority 100, enabled, no destinations, targets or services.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "the fields are those of nexavpn_domain::policy::PolicyFields")]
pub struct PolicyPatch {
    pub name: Option<String>,
    pub description: Option<String>,
    pub priority: Option<i64>,
    pub effect: Option<String>,
    pub full_tunnel: Option<bool>,
    pub destinations: Option<Vec<String>>,
    pub targets: Option<Vec<TargetInput>>,
    pub services: Option<Vec<ServiceInput>>,
    pub enabled: Option<bool>,
    pub valid_from: Option<Option<DateTime<Utc>>>,
    pub valid_until: Option<Option<DateTime<Utc>>>,
}

/// A policy to create: `name` and `effect` are required.
pub type PolicyInput = PolicyPatch;

impl Commands {
    /// Creates a policy.
    ///
    /// # Errors
    /// `validation_error` naming each bad field.
    pub async fn create_policy(
        &self,
        request: &Request,
        input: PolicyInput,
    ) -> Result<Done<PolicyId>, CommandError> {
        let mut problems = Problems::default();
        if input.name.is_none() {
            problems.add("name", "is required");
        }
        if input.effect.is_none() {
            problems.add("effect", "is required: allow or deny");
        }
        let change = self.check_policy(input, &mut problems).await?;
        problems.finish()?;
        let fields = PolicyFields {
            name: change.name.unwrap_or_default(),
            description: change.description.unwrap_or_default(),
            priority: change.priority.unwrap_or(100),
            effect: change.effect.unwrap_or(PolicyEffect::Deny),
            full_tunnel: change.full_tunnel.unwrap_or(false),
            destinations: change.destinations.unwrap_or_default(),
            targets: change.targets.unwrap_or_default(),
            services: change.services.unwrap_or_default(),
            enabled: change.enabled.unwrap_or(true),
            valid_from: change.valid_from.flatten(),
            valid_until: change.valid_until.flatten(),
        };
        let id = PolicyId(self.new_id());
        self.transact(request, "policy", || async {
            let mut plan = Plan::new(id);
            let command =
                PolicyCommand::Create { fields: Box::new(fields.clone()), now: self.now() };
            self.plan_policy(&mut plan, id, &fresh(), command)?;
            Ok(plan)
        })
        .await
    }

    /// Changes what the patch names.
    ///
    /// # Errors
    /// `validation_error` naming each bad field, or `not_found`.
    pub async fn change_policy(
        &self,
        request: &Request,
        id: PolicyId,
        patch: PolicyPatch,
    ) -> Result<Done<()>, CommandError> {
        let mut problems = Problems::default();
        let change = self.check_policy(patch, &mut problems).await?;
        problems.finish()?;
        self.transact(request, "policy", || async {
            let policy = self.load_for::<Policy>(request, "policy", id.0).await?;
            let mut plan = Plan::new(());
            let command =
                PolicyCommand::Change { change: Box::new(change.clone()), now: self.now() };
            self.plan_policy(&mut plan, id, &policy, command)?;
            Ok(plan)
        })
        .await
    }

    /// Deletes a policy.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn delete_policy(
        &self,
        request: &Request,
        id: PolicyId,
    ) -> Result<Done<()>, CommandError> {
        self.transact(request, "policy", || async {
            let policy = self.load_for::<Policy>(request, "policy", id.0).await?;
            let mut plan = Plan::new(());
            self.plan_policy(&mut plan, id, &policy, PolicyCommand::Delete)?;
            Ok(plan)
        })
        .await
    }

    /// Decides, and notes when the clock process has to look again.
    pub(crate) fn plan_policy<T>(
        &self,
        plan: &mut Plan<T>,
        id: PolicyId,
        policy: &nexavpn_store::Loaded<Policy>,
        command: PolicyCommand,
    ) -> Result<(), CommandError> {
        let events: Vec<PolicyEvent> = policy.state.decide(command.clone())?;
        let mut after = policy.state.clone();
        for event in &events {
            after.evolve(event);
        }
        if let Some(fields) = after.fields() {
            self.fits_a_firewall(id, policy.state.fields(), fields)?;
        }
        plan.decide(id.0, policy, command)?;
        let at = after.next_tick();
        if at != policy.state.next_tick() {
            plan.row(Due { aggregate_type: "policy", aggregate_id: id.0, at });
        }
        Ok(())
    }

    /// Refuses what is too much for a gateway's firewall by itself. Whom a policy meets there is
    /// for the preview to say.
    fn fits_a_firewall(
        &self,
        id: PolicyId,
        before: Option<&PolicyFields>,
        after: &PolicyFields,
    ) -> Result<(), DomainError> {
        let about = |p: &PolicyFields| (p.full_tunnel, p.destinations.clone(), p.services.clone());
        // One from before the limit can still be renamed or disabled.
        if before.is_some_and(|before| about(before) == about(after)) {
            return Ok(());
        }
        // What a policy denies is cut out of what others allow, in as many boxes.
        let rule = Rule { effect: PolicyEffect::Allow, ..Rule::of(id, after, 0) };
        let boxes = Access::new([Arc::new(rule)], Surroundings::nowhere()).box_count();
        let limit = self.settings.max_profile_boxes;
        let mut problems = Problems::default();
        if boxes > limit {
            let message = format!(
                "destinations and services together come to {boxes} firewall entries, the limit \
                 is {limit}: use larger networks, wider port ranges or fewer of them"
            );
            problems.add("destinations", message.clone());
            problems.add("services", message);
        }
        problems.finish()
    }

    async fn check_policy(
        &self,
        input: PolicyPatch,
        problems: &mut Problems,
    ) -> Result<PolicyChange, CommandError> {
        let mut change = PolicyChange {
            full_tunnel: input.full_tunnel,
            enabled: input.enabled,
            valid_from: input.valid_from,
            valid_until: input.valid_until,
            ..PolicyChange::default()
        };
        change.name = input.name.and_then(|n| problems.check("name", values::label(&n)));
        change.description =
            input.description.and_then(|d| problems.check("description", values::description(&d)));
        change.priority = input.priority.and_then(|p| problems.check("priority", priority(p)));
        change.effect = input.effect.and_then(|e| problems.check("effect", effect(&e)));
        // What is too long is not even looked at.
        if let Some(list) = input.destinations
            && within(problems, "destinations", list.len(), "elements")
        {
            change.destinations = Some(values::parse_networks("destinations", &list, problems));
        }
        if let Some(list) = input.services
            && within(problems, "services", list.len(), "elements")
            && within(problems, "services", list.iter().map(|s| s.1.len()).sum(), "port ranges")
        {
            change.services = Some(services(&list, problems));
        }
        if let Some(list) = input.targets
            && within(problems, "targets", list.len(), "elements")
        {
            change.targets = Some(self.targets(&list, problems).await?);
        }
        Ok(change)
    }

    async fn targets(
        &self,
        list: &[TargetInput],
        problems: &mut Problems,
    ) -> Result<Vec<Target>, CommandError> {
        let mut targets = Vec::with_capacity(list.len());
        for (i, input) in list.iter().enumerate() {
            let field = format!("targets[{i}]");
            let Some(target) = problems.check(&field, target(input)) else { continue };
            let exists = match target {
                Target::User(id) => self.store.load::<User>(id.0).await?.state.exists(),
                Target::Group(id) => self.store.load::<Group>(id.0).await?.state.exists(),
                Target::Device(id) => self.store.load::<Device>(id.0).await?.state.exists(),
                Target::Everyone => true,
            };
            if !exists {
                let id = input.id.as_deref().unwrap_or_default();
                problems.add(format!("{field}.id"), format!("there is no {} {id}", input.kind));
            }
            if !targets.contains(&target) {
                targets.push(target);
            }
        }
        Ok(targets)
    }
}

/// Whether a list is short enough; notes it where it is not.
fn within(problems: &mut Problems, field: &str, n: usize, what: &str) -> bool {
    if n > MAX_ELEMENTS {
        problems.add(field, format!("must have at most {MAX_ELEMENTS} {what}, has {n}"));
    }
    n <= MAX_ELEMENTS
}

fn priority(p: i64) -> Result<u32, String> {
    u32::try_from(p)
        .ok()
        .filter(|_| p <= MAX_PRIORITY)
        .ok_or_else(|| format!("must be between 0 and {MAX_PRIORITY}"))
}

fn effect(e: &str) -> Result<PolicyEffect, String> {
    match e {
        "allow" => Ok(PolicyEffect::Allow),
        "deny" => Ok(PolicyEffect::Deny),
        _ => Err("must be allow or deny".into()),
    }
}

fn target(input: &TargetInput) -> Result<Target, String> {
    let id = || -> Result<Uuid, String> {
        let id = input.id.as_deref().ok_or("needs an id")?;
        id.parse().map_err(|_| "has an id that is no UUID".to_owned())
    };
    match input.kind.as_str() {
        "user" => Ok(Target::User(UserId(id()?))),
        "group" => Ok(Target::Group(GroupId(id()?))),
        "device" => Ok(Target::Device(DeviceId(id()?))),
        "everyone" if input.id.is_some() => Err("of type everyone takes no id".into()),
        "everyone" => Ok(Target::Everyone),
        _ => Err("must have a type of user, group, device or everyone".into()),
    }
}

fn services(list: &[ServiceInput], problems: &mut Problems) -> Vec<Service> {
    let mut services = Vec::with_capacity(list.len());
    for (i, (protocol, ports)) in list.iter().enumerate() {
        let field = format!("services[{i}]");
        let protocol = problems.check(&format!("{field}.protocol"), Protocol::parse(protocol));
        let mut ranges = Vec::with_capacity(ports.len());
        for (j, text) in ports.iter().enumerate() {
            ranges.extend(problems.check(&format!("{field}.ports[{j}]"), Ports::parse(text)));
        }
        let Some(protocol) = protocol else { continue };
        let service = Service { protocol, ports: ranges };
        if problems.check(&field, service.validate()).is_some() && !services.contains(&service) {
            services.push(service);
        }
    }
    services
}
