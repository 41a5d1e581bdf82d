use nexavpn_domain::{
    gateway::{
        Drain, Gateway, GatewayChange, GatewayCommand as C, GatewayEvent as E, GatewayFields,
    },
    values::{Endpoint, PublicKey},
};

use super::{decide, once, refusal, state};
use crate::given::{key, minute, other_gateway, other_key, pool};

fn fields() -> GatewayFields {
    GatewayFields {
        name: "primary".into(),
        endpoint: Endpoint::parse("vpn.example.com:51820").unwrap(),
        listen_port: 51820,
        pool: pool(),
        dns_servers: vec!["10.20.0.53".parse().unwrap()],
        dns_search: vec!["example.com".into()],
        mtu: 1420,
        persistent_keepalive: 25,
        masquerade_interfaces: vec!["eth1".into()],
        internal_networks: vec![],
        preshared_keys: false,
        max_stale_s: 0,
    }
}

pub(super) fn created() -> E {
    E::Created { fields: fields() }
}

fn create(public_key: Option<PublicKey>) -> C {
    C::Create { fields: Box::new(fields()), public_key }
}

pub(super) fn change(change: GatewayChange, public_key: Option<PublicKey>) -> C {
    C::Change { change: Box::new(change), public_key }
}

pub(super) fn key_set(public_key: PublicKey) -> E {
    E::KeySet { public_key }
}

pub(super) fn join(public_key: PublicKey) -> C {
    C::Join { public_key, agent_version: "0.1.0".into() }
}

pub(super) fn joined() -> E {
    E::Joined { agent_version: "0.1.0".into() }
}

#[test]
fn create_with_and_without_a_key() {
    assert_eq!(decide::<Gateway>(&[], create(None)), Ok(vec![created()]));
    let events = vec![created(), key_set(key())];
    assert_eq!(decide::<Gateway>(&[], create(Some(key()))), Ok(events.clone()));
    let gateway: Gateway = state(&events);
    assert_eq!(gateway.fields(), Some(&fields()));
    assert_eq!(gateway.public_key(), Some(&key()));
    assert_eq!(state::<Gateway>(&[created()]).public_key(), None);
}

#[test]
fn create_is_refused_for_an_id_that_was_ever_used() {
    assert_eq!(refusal::<Gateway>(&[created()], create(None)), "gateway_exists");
    let deleted = [created(), E::Deleted {}];
    assert_eq!(refusal::<Gateway>(&deleted, create(None)), "gateway_exists");
}

#[test]
fn change_records_every_field_that_differs() {
    let wish = GatewayChange {
        name: Some("secondary".into()),
        endpoint: Some(Endpoint::parse("[2001:db8::1]:443").unwrap()),
        listen_port: Some(443),
        dns_servers: Some(vec![]),
        dns_search: Some(vec![]),
        mtu: Some(1280),
        persistent_keepalive: Some(0),
        masquerade_interfaces: Some(vec![]),
        internal_networks: Some(vec!["203.0.113.0/24".parse().unwrap()]),
        preshared_keys: Some(true),
        max_stale_s: Some(3_600),
    };
    let events = vec![E::Changed { change: wish.clone() }, key_set(key())];
    once::<Gateway>(&[created()], change(wish.clone(), Some(key())), events.clone());
    let after = GatewayFields {
        name: "secondary".into(),
        endpoint: Endpoint::parse("[2001:db8::1]:443").unwrap(),
        listen_port: 443,
        pool: pool(),
        dns_servers: vec![],
        dns_search: vec![],
        mtu: 1280,
        persistent_keepalive: 0,
        masquerade_interfaces: vec![],
        internal_networks: vec!["203.0.113.0/24".parse().unwrap()],
        preshared_keys: true,
        max_stale_s: 3_600,
    };
    let given = [vec![created()], events].concat();
    assert_eq!(state::<Gateway>(&given).fields(), Some(&after));
}

#[test]
fn change_drops_what_is_already_so() {
    let f = fields();
    let same = GatewayChange {
        name: Some(f.name),
        endpoint: Some(f.endpoint),
        listen_port: Some(f.listen_port),
        dns_servers: Some(f.dns_servers),
        dns_search: Some(f.dns_search),
        mtu: Some(f.mtu),
        persistent_keepalive: Some(f.persistent_keepalive),
        masquerade_interfaces: Some(f.masquerade_interfaces),
        internal_networks: Some(f.internal_networks),
        preshared_keys: Some(f.preshared_keys),
        max_stale_s: Some(f.max_stale_s),
    };
    let given = [created(), key_set(key())];
    assert_eq!(decide::<Gateway>(&given, change(same.clone(), Some(key()))), Ok(vec![]));
    assert_eq!(decide::<Gateway>(&given, change(GatewayChange::default(), None)), Ok(vec![]));
    let wish = GatewayChange { mtu: Some(1280), ..same };
    let only = GatewayChange { mtu: Some(1280), ..Default::default() };
    once::<Gateway>(&given, change(wish, None), vec![E::Changed { change: only }]);
}

#[test]
fn change_may_replace_the_key_alone() {
    let given = [created(), key_set(key())];
    let wish = change(GatewayChange::default(), Some(other_key()));
    once::<Gateway>(&given, wish, vec![key_set(other_key())]);
}

#[test]
fn every_join_token_is_recorded() {
    let given = [created()];
    let issue = C::IssueJoinToken { expires_at: minute(60) };
    let issued = E::JoinTokenIssued { expires_at: minute(60) };
    assert_eq!(decide::<Gateway>(&given, issue.clone()), Ok(vec![issued.clone()]));
    assert_eq!(decide::<Gateway>(&[created(), issued.clone()], issue), Ok(vec![issued]));
}

#[test]
fn every_join_is_recorded_and_a_new_key_with_it() {
    let given = [created()];
    let events = vec![key_set(key()), joined()];
    assert_eq!(decide::<Gateway>(&given, join(key())), Ok(events));
    let given = [created(), key_set(key()), joined()];
    assert_eq!(decide::<Gateway>(&given, join(key())), Ok(vec![joined()]));
    let other = vec![key_set(other_key()), joined()];
    assert_eq!(decide::<Gateway>(&given, join(other_key())), Ok(other));
}

/// Clients know the key that a gateway was made with; that of a node that was lost may be gone.
#[test]
fn a_key_from_before_the_first_join_binds_the_first_node() {
    let made = [created(), key_set(key())];
    assert_eq!(refusal::<Gateway>(&made, join(other_key())), "gateway_key_mismatch");
    let message = decide::<Gateway>(&made, join(other_key())).unwrap_err().to_string();
    assert!(message.contains(&key().to_string()), "{message}");
    assert_eq!(decide::<Gateway>(&made, join(key())), Ok(vec![joined()]));
    let replaced = [key_set(other_key()), joined()];
    let known = [&made[..], &[joined()]].concat();
    assert_eq!(decide::<Gateway>(&known, join(other_key())), Ok(replaced.to_vec()));
}

#[test]
fn a_drain_begins_changes_its_target_and_ends() {
    let start = |target| C::StartDrain(Drain { target });
    let started = |target| E::DrainStarted { target };
    let there = Some(other_gateway());
    once::<Gateway>(&[created()], start(None), vec![started(None)]);
    once::<Gateway>(&[created(), started(None)], start(there), vec![started(there)]);
    let given = [created(), started(None), started(there)];
    assert_eq!(state::<Gateway>(&given).drain(), Some(Drain { target: there }));
    once::<Gateway>(&given, C::EndDrain, vec![E::DrainEnded {}]);
    let ended = [&given[..], &[E::DrainEnded {}]].concat();
    assert_eq!(state::<Gateway>(&ended).drain(), None);
    assert_eq!(decide::<Gateway>(&[created()], C::EndDrain), Ok(vec![]));
}

#[test]
fn nothing_can_be_done_to_a_deleted_or_unknown_gateway() {
    assert_eq!(decide::<Gateway>(&[created()], C::Delete), Ok(vec![E::Deleted {}]));
    let deleted = [created(), key_set(key()), E::Deleted {}];
    assert_eq!(state::<Gateway>(&deleted).fields(), None);
    for given in [&deleted[..], &[]] {
        for command in [
            change(GatewayChange::default(), Some(key())),
            C::IssueJoinToken { expires_at: minute(60) },
            join(key()),
            C::StartDrain(Drain { target: None }),
            C::EndDrain,
            C::Delete,
        ] {
            assert_eq!(refusal::<Gateway>(given, command), "not_found");
        }
    }
}
