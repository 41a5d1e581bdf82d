use nexavpn_domain::{
    DomainError,
    policy::{Policy, PolicyChange, PolicyCommand as C, PolicyEvent as E, PolicyFields, Validity},
    values::{PolicyEffect, Protocol, Service, Target},
};

use super::{decide, once, refusal, state};
use crate::given::{alice, minute};

fn fields() -> PolicyFields {
    PolicyFields {
        name: "Finance".into(),
        description: String::new(),
        priority: 100,
        effect: PolicyEffect::Allow,
        full_tunnel: false,
        destinations: vec!["172.16.20.0/24".parse().unwrap()],
        targets: vec![Target::User(alice())],
        services: vec![],
        enabled: true,
        valid_from: None,
        valid_until: None,
    }
}

fn valid(from: Option<i64>, until: Option<i64>) -> PolicyFields {
    PolicyFields { valid_from: from.map(minute), valid_until: until.map(minute), ..fields() }
}

fn create(fields: PolicyFields, now: i64) -> C {
    C::Create { fields: Box::new(fields), now: minute(now) }
}

fn created(fields: PolicyFields) -> E {
    E::Created { fields }
}

fn change(change: PolicyChange, now: i64) -> C {
    C::Change { change: Box::new(change), now: minute(now) }
}

fn tick(now: i64) -> C {
    C::Tick { now: minute(now) }
}

fn changed() -> E {
    E::Changed {
        name: None,
        description: None,
        priority: None,
        effect: None,
        full_tunnel: None,
        destinations: None,
        targets: None,
        services: None,
        enabled: None,
        validity: None,
    }
}

fn with_validity(from: Option<i64>, until: Option<i64>) -> E {
    let mut event = changed();
    if let E::Changed { validity, .. } = &mut event {
        *validity = Some(Validity { from: from.map(minute), until: until.map(minute) });
    }
    event
}

fn bad_fields(given: &[E], command: C) -> Vec<String> {
    match decide::<Policy>(given, command) {
        Err(DomainError::Validation(errors)) => errors.into_iter().map(|e| e.field).collect(),
        other => panic!("expected a validation error, got {other:?}"),
    }
}

#[test]
fn create_without_validity_is_in_force_at_once() {
    assert_eq!(decide::<Policy>(&[], create(fields(), 0)), Ok(vec![created(fields())]));
    let policy: Policy = state(&[created(fields())]);
    assert!(policy.in_force() && policy.is_activated() && !policy.is_expired());
    assert_eq!(policy.next_tick(), None);
}

#[test]
fn create_disabled_is_not_in_force() {
    let off = PolicyFields { enabled: false, ..fields() };
    assert!(!state::<Policy>(&[created(off)]).in_force());
}

#[test]
fn create_waits_for_its_beginning() {
    let f = valid(Some(60), None);
    assert_eq!(decide::<Policy>(&[], create(f.clone(), 59)), Ok(vec![created(f.clone())]));
    let policy: Policy = state(&[created(f.clone())]);
    assert!(!policy.in_force());
    assert_eq!(policy.next_tick(), Some(minute(60)));
    let events = vec![created(f.clone()), E::Activated {}];
    assert_eq!(decide::<Policy>(&[], create(f, 60)), Ok(events.clone()));
    assert!(state::<Policy>(&events).in_force());
}

#[test]
fn create_with_an_end_in_the_past_is_never_in_force() {
    let f = valid(Some(10), Some(20));
    let events = vec![created(f.clone()), E::Activated {}, E::Expired {}];
    assert_eq!(decide::<Policy>(&[], create(f, 20)), Ok(events.clone()));
    let policy: Policy = state(&events);
    assert!(!policy.in_force() && policy.is_expired());
    assert_eq!(policy.next_tick(), None);
}

#[test]
fn ticks_activate_and_expire_when_due_and_once() {
    let given = [created(valid(Some(60), Some(120)))];
    assert_eq!(decide::<Policy>(&given, tick(59)), Ok(vec![]));
    once::<Policy>(&given, tick(60), vec![E::Activated {}]);
    once::<Policy>(&given, tick(120), vec![E::Activated {}, E::Expired {}]);
    let given = [created(valid(Some(60), Some(120))), E::Activated {}];
    assert_eq!(state::<Policy>(&given).next_tick(), Some(minute(120)));
    assert_eq!(decide::<Policy>(&given, tick(119)), Ok(vec![]));
    once::<Policy>(&given, tick(120), vec![E::Expired {}]);
    assert_eq!(decide::<Policy>(&[created(fields())], tick(1_000_000)), Ok(vec![]));
}

#[test]
fn a_disabled_policy_still_begins_and_ends() {
    let f = PolicyFields { enabled: false, ..valid(Some(60), None) };
    let given = [created(f)];
    once::<Policy>(&given, tick(60), vec![E::Activated {}]);
    let mut on = changed();
    if let E::Changed { enabled, .. } = &mut on {
        *enabled = Some(true);
    }
    assert!(state::<Policy>(&[given.to_vec(), vec![E::Activated {}, on]].concat()).in_force());
}

#[test]
fn create_is_refused_for_an_id_that_was_ever_used() {
    let given = [created(fields())];
    assert_eq!(refusal::<Policy>(&given, create(fields(), 0)), "policy_exists");
    let given = [created(fields()), E::Deleted {}];
    assert_eq!(refusal::<Policy>(&given, create(fields(), 0)), "policy_exists");
}

#[test]
fn only_an_allow_policy_is_a_full_tunnel() {
    let full = PolicyFields { full_tunnel: true, ..fields() };
    let deny = PolicyFields { effect: PolicyEffect::Deny, ..fields() };
    let both = PolicyFields { full_tunnel: true, ..deny.clone() };
    assert!(decide::<Policy>(&[], create(full.clone(), 0)).is_ok());
    assert_eq!(bad_fields(&[], create(both, 0)), ["full_tunnel"]);
    // Each half of the contradiction may come later.
    let to_deny = PolicyChange { effect: Some(PolicyEffect::Deny), ..Default::default() };
    assert_eq!(bad_fields(&[created(full.clone())], change(to_deny, 0)), ["full_tunnel"]);
    let to_full = PolicyChange { full_tunnel: Some(true), ..Default::default() };
    assert_eq!(bad_fields(&[created(deny)], change(to_full, 0)), ["full_tunnel"]);
    let swap = PolicyChange {
        effect: Some(PolicyEffect::Deny),
        full_tunnel: Some(false),
        ..Default::default()
    };
    assert!(decide::<Policy>(&[created(full)], change(swap, 0)).is_ok());
}

#[test]
fn validity_ends_after_it_begins() {
    for until in [60, 59] {
        let f = valid(Some(60), Some(until));
        assert_eq!(bad_fields(&[], create(f, 0)), ["valid_until"]);
    }
    let given = [created(valid(None, Some(60)))];
    let from = PolicyChange { valid_from: Some(Some(minute(60))), ..Default::default() };
    assert_eq!(bad_fields(&given, change(from, 0)), ["valid_until"]);
    let both =
        PolicyFields { full_tunnel: true, effect: PolicyEffect::Deny, ..valid(Some(2), Some(1)) };
    assert_eq!(bad_fields(&[], create(both, 0)), ["full_tunnel", "valid_until"]);
}

#[test]
fn change_records_every_field_that_differs() {
    let destination = "10.0.0.0/8".parse().unwrap();
    let service = Service { protocol: Protocol::TCP, ports: vec![] };
    let wish = PolicyChange {
        name: Some("Billing".into()),
        description: Some("for them".into()),
        priority: Some(5),
        effect: Some(PolicyEffect::Deny),
        full_tunnel: Some(true),
        destinations: Some(vec![destination]),
        targets: Some(vec![Target::Everyone]),
        services: Some(vec![service.clone()]),
        enabled: Some(false),
        valid_from: Some(Some(minute(1))),
        valid_until: Some(Some(minute(2))),
    };
    let wish = PolicyChange { full_tunnel: Some(false), ..wish };
    let event = E::Changed {
        name: Some("Billing".into()),
        description: Some("for them".into()),
        priority: Some(5),
        effect: Some(PolicyEffect::Deny),
        full_tunnel: None,
        destinations: Some(vec![destination]),
        targets: Some(vec![Target::Everyone]),
        services: Some(vec![service.clone()]),
        enabled: Some(false),
        validity: Some(Validity { from: Some(minute(1)), until: Some(minute(2)) }),
    };
    once::<Policy>(&[created(fields())], change(wish, 0), vec![event.clone()]);
    let after = PolicyFields {
        name: "Billing".into(),
        description: "for them".into(),
        priority: 5,
        effect: PolicyEffect::Deny,
        full_tunnel: false,
        destinations: vec![destination],
        targets: vec![Target::Everyone],
        services: vec![service],
        enabled: false,
        valid_from: Some(minute(1)),
        valid_until: Some(minute(2)),
    };
    assert_eq!(state::<Policy>(&[created(fields()), event]).fields(), Some(&after));
}

#[test]
fn change_to_what_is_already_gives_nothing() {
    let f = valid(Some(1), Some(100));
    let given = [created(f.clone()), E::Activated {}];
    let same = PolicyChange {
        name: Some(f.name.clone()),
        description: Some(f.description.clone()),
        priority: Some(f.priority),
        effect: Some(f.effect),
        full_tunnel: Some(f.full_tunnel),
        destinations: Some(f.destinations.clone()),
        targets: Some(f.targets.clone()),
        services: Some(f.services.clone()),
        enabled: Some(f.enabled),
        valid_from: Some(f.valid_from),
        valid_until: Some(f.valid_until),
    };
    assert_eq!(decide::<Policy>(&given, change(same, 5)), Ok(vec![]));
    assert_eq!(decide::<Policy>(&given, change(PolicyChange::default(), 5)), Ok(vec![]));
}

#[test]
fn an_unrelated_change_leaves_validity_alone() {
    let given = [created(valid(Some(1), Some(10))), E::Activated {}, E::Expired {}];
    let wish = PolicyChange { priority: Some(1), ..Default::default() };
    let events = decide::<Policy>(&given, change(wish, 20)).unwrap();
    assert_eq!(events.len(), 1);
    assert!(state::<Policy>(&[given.to_vec(), events].concat()).is_expired());
}

#[test]
fn a_later_end_brings_an_expired_policy_back() {
    let given = [created(valid(Some(1), Some(10))), E::Activated {}, E::Expired {}];
    let wish = PolicyChange { valid_until: Some(Some(minute(30))), ..Default::default() };
    let events = vec![with_validity(Some(1), Some(30)), E::Activated {}];
    once::<Policy>(&given, change(wish, 20), events.clone());
    let policy: Policy = state(&[given.to_vec(), events].concat());
    assert!(policy.in_force());
    assert_eq!(policy.next_tick(), Some(minute(30)));
}

#[test]
fn a_later_beginning_takes_a_policy_out_of_force_until_then() {
    let given = [created(fields())];
    let wish = PolicyChange { valid_from: Some(Some(minute(30))), ..Default::default() };
    let events = vec![with_validity(Some(30), None)];
    once::<Policy>(&given, change(wish, 20), events.clone());
    let given = [given.to_vec(), events].concat();
    assert!(!state::<Policy>(&given).in_force());
    let at_once = PolicyChange { valid_from: Some(None), ..Default::default() };
    once::<Policy>(&given, change(at_once, 20), vec![with_validity(None, None)]);
    assert!(state::<Policy>(&[given, vec![with_validity(None, None)]].concat()).in_force());
}

#[test]
fn an_end_set_in_the_past_takes_effect_at_once() {
    let wish = PolicyChange { valid_until: Some(Some(minute(10))), ..Default::default() };
    let events = vec![with_validity(None, Some(10)), E::Expired {}];
    once::<Policy>(&[created(fields())], change(wish, 20), events);
}

#[test]
fn a_refused_change_changes_nothing_else() {
    let wish = PolicyChange {
        name: Some("Other".into()),
        effect: Some(PolicyEffect::Deny),
        full_tunnel: Some(true),
        ..Default::default()
    };
    assert_eq!(bad_fields(&[created(fields())], change(wish, 0)), ["full_tunnel"]);
}

#[test]
fn nothing_can_be_done_to_a_deleted_or_unknown_policy() {
    assert_eq!(decide::<Policy>(&[created(fields())], C::Delete), Ok(vec![E::Deleted {}]));
    let deleted = [created(valid(Some(60), None)), E::Deleted {}];
    let policy: Policy = state(&deleted);
    assert!(policy.fields().is_none() && !policy.in_force() && policy.next_tick().is_none());
    for given in [&deleted[..], &[]] {
        let wish = PolicyChange { priority: Some(1), ..Default::default() };
        for command in [change(wish, 0), tick(60), C::Delete] {
            assert_eq!(refusal::<Policy>(given, command), "not_found");
        }
    }
}
