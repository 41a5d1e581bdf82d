//! Going back leads to the very state that was named, whatever happened since.

use nexavpn_domain::{
    Decider,
    group::{Group, GroupCommand},
    ids::UserId,
    policy::{Policy, PolicyChange, PolicyCommand, PolicyFields},
    values::{PolicyEffect, Target},
};
use proptest::prelude::*;
use uuid::Uuid;

use super::{decide, refusal};
use crate::given::minute;

fn user(n: u128) -> UserId {
    UserId(Uuid::from_u128(n))
}

/// Decides and folds; refusals change nothing.
fn run<A: Decider>(state: &mut A, command: A::Command) {
    for event in state.decide(command).unwrap_or_default() {
        state.apply(event);
    }
}

fn change() -> impl Strategy<Value = PolicyChange> {
    (
        proptest::option::of("[a-c]"),
        proptest::option::of(0..3_u32),
        proptest::option::of(prop_oneof![Just(PolicyEffect::Allow), Just(PolicyEffect::Deny)]),
        proptest::option::of(proptest::collection::vec(1..4_u128, 0..3)),
        proptest::option::of(any::<bool>()),
        proptest::option::of(proptest::option::of(0..9_i64)),
        proptest::option::of(proptest::option::of(9..20_i64)),
    )
        .prop_map(|(name, priority, effect, targets, enabled, from, until)| PolicyChange {
            name,
            priority,
            effect,
            targets: targets.map(|ids| ids.into_iter().map(|n| Target::User(user(n))).collect()),
            enabled,
            valid_from: from.map(|at| at.map(minute)),
            valid_until: until.map(|at| at.map(minute)),
            ..PolicyChange::default()
        })
}

fn group_command() -> impl Strategy<Value = GroupCommand> {
    let member = || (1..5_u128).prop_map(user);
    prop_oneof![
        ("[a-c]", proptest::option::of("[x-z]")).prop_map(|(name, description)| {
            GroupCommand::Change { name: Some(name), description, members: None }
        }),
        member().prop_map(GroupCommand::AddMember),
        member().prop_map(GroupCommand::AddMember),
        member().prop_map(GroupCommand::RemoveMember),
        Just(GroupCommand::Delete),
    ]
}

proptest! {
    #[test]
    fn a_policy_is_again_what_it_was(
        changes in proptest::collection::vec((proptest::option::weighted(0.8, change()), 0..15_i64), 1..8),
    ) {
        let fields = PolicyFields {
            name: "a".into(),
            description: String::new(),
            priority: 1,
            effect: PolicyEffect::Allow,
            full_tunnel: false,
            destinations: vec!["10.0.0.0/8".parse().unwrap()],
            targets: vec![],
            services: vec![],
            enabled: true,
            valid_from: None,
            valid_until: None,
        };
        let mut policy = Policy::default();
        run(&mut policy, PolicyCommand::Create { fields: Box::new(fields), now: minute(0) });
        let mut past: Vec<PolicyFields> = vec![];
        for (change, at) in changes {
            past.extend(policy.fields().cloned());
            let now = minute(at);
            run(&mut policy, match change {
                Some(change) => PolicyCommand::Change { change: Box::new(change), now },
                None => PolicyCommand::Delete,
            });
            for then in &past {
                let mut restored = policy.clone();
                let fields = Box::new(then.clone());
                run(&mut restored, PolicyCommand::Restore { fields, now: minute(30) });
                prop_assert_eq!(restored.fields(), Some(then));
                // When all that can fall due has, it counts as it should.
                run(&mut restored, PolicyCommand::Tick { now: minute(30) });
                prop_assert_eq!(restored.in_force(), then.enabled && then.valid_until.is_none());
            }
        }
    }

    #[test]
    fn a_group_is_again_what_it_was(
        commands in proptest::collection::vec(group_command(), 1..12),
    ) {
        let mut group = Group::default();
        let (name, description) = (String::from("a"), String::new());
        run(&mut group, GroupCommand::Create { name, description, members: vec![user(1)] });
        let mut past = vec![];
        for command in commands {
            past.extend(group.exists().then(|| group.clone()));
            run(&mut group, command);
            for then in &past {
                let mut restored = group.clone();
                run(&mut restored, GroupCommand::Restore {
                    name: then.name().to_owned(),
                    description: then.description().to_owned(),
                    members: then.members().iter().copied().collect(),
                });
                prop_assert_eq!(&restored, then);
            }
        }
    }
}

#[test]
fn what_never_was_is_not_restored() {
    let (name, description) = (String::from("a"), String::new());
    let restore = GroupCommand::Restore { name, description, members: vec![] };
    assert_eq!(refusal::<Group>(&[], restore.clone()), "not_found");
    assert!(decide::<Group>(&[], restore).is_err());
}
