use nexavpn_domain::{
    gateway::{Gateway, GatewayChange, GatewayCommand as C, GatewayEvent as E},
    values::PublicKey,
};

use super::{
    decide,
    gateway::{change, created, join, joined, key_set},
    once, refusal, state,
};
use crate::given::{key, minute, other_key};

fn third_key() -> PublicKey {
    PublicKey::from_bytes([77; 32]).unwrap()
}

fn requested(minutes: i64) -> E {
    E::KeyRotationRequested { switch_at: minute(minutes) }
}

fn announce(rotation: u32, public_key: PublicKey) -> C {
    C::AnnounceNextKey { rotation, public_key }
}

fn announced(public_key: PublicKey) -> E {
    E::NextKeyAnnounced { public_key }
}

fn switched(public_key: PublicKey) -> E {
    E::KeySwitched { public_key }
}

/// Joined, and asked for another key.
fn asked() -> Vec<E> {
    vec![created(), key_set(key()), joined(), requested(60)]
}

/// The same, and the other one is known.
fn ready() -> Vec<E> {
    [asked(), vec![announced(other_key())]].concat()
}

#[test]
fn a_rotation_is_asked_for_and_put_off() {
    let joined = [created(), key_set(key())];
    let ask = |minutes| C::RequestKeyRotation { switch_at: minute(minutes) };
    once::<Gateway>(&joined, ask(60), vec![requested(60)]);
    once::<Gateway>(&ready(), ask(90), vec![requested(90)]);
    // Putting it off is no other rotation: the key that is announced stays.
    let put_off: Gateway = state(&[ready(), vec![requested(90)]].concat());
    let rotation = put_off.keys().rotation().unwrap();
    assert_eq!((rotation.number, rotation.switch_at), (1, minute(90)));
    assert_eq!(rotation.next_key, Some(other_key()));
    assert_eq!(refusal::<Gateway>(&[created()], ask(60)), "gateway_not_ready");
}

#[test]
fn only_what_is_asked_for_is_announced() {
    once::<Gateway>(&asked(), announce(1, other_key()), vec![announced(other_key())]);
    // A node that has lost its key makes another one.
    once::<Gateway>(&ready(), announce(1, third_key()), vec![announced(third_key())]);
    let nothing = |given: &[E], rotation, key| {
        assert_eq!(decide::<Gateway>(given, announce(rotation, key)), Ok(vec![]));
    };
    nothing(&[created(), key_set(key())], 1, other_key());
    nothing(&asked(), 2, other_key());
    nothing(&asked(), 1, key());
    // What was said for a rotation that was called off is not for the next one.
    let again = [ready(), vec![E::KeyRotationCalledOff {}, requested(90)]].concat();
    nothing(&again, 1, other_key());
    once::<Gateway>(&again, announce(2, third_key()), vec![announced(third_key())]);
}

#[test]
fn the_switch_comes_at_its_time_or_at_once() {
    let tick = |minutes| C::Tick { now: minute(minutes) };
    assert_eq!(decide::<Gateway>(&ready(), tick(59)), Ok(vec![]));
    once::<Gateway>(&ready(), tick(60), vec![switched(other_key())]);
    assert_eq!(decide::<Gateway>(&ready(), C::SwitchKey), Ok(vec![switched(other_key())]));
    assert_eq!(refusal::<Gateway>(&asked(), C::SwitchKey), "next_key_missing");
    assert_eq!(refusal::<Gateway>(&[created(), key_set(key())], C::SwitchKey), "not_found");
    // There is nothing to switch to.
    once::<Gateway>(&asked(), tick(60), vec![E::KeyRotationCalledOff {}]);
    assert_eq!(decide::<Gateway>(&[], tick(60)), Ok(vec![]));

    let before: Gateway = state(&ready());
    assert_eq!((before.next_tick(), before.keys().in_force()), (Some(minute(60)), Some(&key())));
    let after: Gateway = state(&[ready(), vec![switched(other_key())]].concat());
    assert_eq!((after.next_tick(), after.keys().in_force()), (None, Some(&other_key())));
    assert!(after.keys().switched() && after.keys().rotation().is_none());
    let deleted: Gateway = state(&[ready(), vec![E::Deleted {}]].concat());
    assert_eq!(deleted.next_tick(), None);
}

#[test]
fn a_rotation_is_called_off() {
    once::<Gateway>(&ready(), C::CallOffKeyRotation, vec![E::KeyRotationCalledOff {}]);
    let after: Gateway = state(&[ready(), vec![E::KeyRotationCalledOff {}]].concat());
    assert_eq!((after.keys().in_force(), after.keys().rotation()), (Some(&key()), None));
    assert!(!after.keys().switched());
}

#[test]
fn another_node_or_another_key_ends_it() {
    let off = E::KeyRotationCalledOff {};
    let by_hand = change(GatewayChange::default(), Some(third_key()));
    once::<Gateway>(&ready(), by_hand, vec![off.clone(), key_set(third_key())]);
    let same = change(GatewayChange::default(), Some(key()));
    assert_eq!(decide::<Gateway>(&ready(), same), Ok(vec![]));
    let rejoined = decide::<Gateway>(&ready(), join(third_key()));
    assert_eq!(rejoined, Ok(vec![off.clone(), key_set(third_key()), joined()]));
    assert_eq!(decide::<Gateway>(&ready(), join(key())), Ok(vec![off, joined()]));
}

#[test]
fn the_key_is_named_to_nodes_that_may_have_several() {
    let named = |events: &[E]| state::<Gateway>(events).keys().named().cloned();
    assert_eq!(named(&[created(), key_set(key())]), None);
    assert_eq!(named(&asked()), Some(key()));
    let switched = [ready(), vec![switched(other_key())]].concat();
    assert_eq!(named(&switched), Some(other_key()));
    let off = [asked(), vec![E::KeyRotationCalledOff {}]].concat();
    assert_eq!(named(&off), Some(key()));
    assert_eq!(named(&[switched.clone(), vec![joined()]].concat()), None);
    assert_eq!(named(&[switched, vec![key_set(third_key())]].concat()), None);
}
