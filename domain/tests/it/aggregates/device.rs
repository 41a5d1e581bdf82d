use nexavpn_domain::device::{
    Device, DeviceCommand as C, DeviceEvent as E, Enrolment, KeyOrigin, Reprovision,
};

use super::{decide, once, refusal, state};
use crate::given::{addresses, alice, gateway, key, minute, other_gateway, other_key};

fn enrol() -> C {
    C::Enrol(Box::new(Enrolment {
        owner: alice(),
        name: "Laptop".into(),
        platform: "macos".into(),
        os_version: Some("14.4".into()),
        app_version: Some("0.1.0".into()),
        fingerprint: Some("sha256:ab".into()),
        public_key: key(),
        key_origin: KeyOrigin::Client,
        gateway_id: gateway(),
        slot: 10,
        addresses: addresses(),
    }))
}

fn enrolled() -> E {
    E::Enrolled {
        owner: alice(),
        name: "Laptop".into(),
        platform: "macos".into(),
        os_version: Some("14.4".into()),
        app_version: Some("0.1.0".into()),
        fingerprint: Some("sha256:ab".into()),
        public_key: key(),
        key_origin: KeyOrigin::Client,
        gateway_id: gateway(),
        slot: 10,
        addresses: addresses(),
    }
}

fn reprovision(public_key: nexavpn_domain::values::PublicKey) -> C {
    C::Reprovision(Reprovision {
        public_key,
        key_origin: KeyOrigin::Server,
        os_version: Some("15.0".into()),
        app_version: None,
    })
}

fn reprovisioned() -> E {
    E::Reprovisioned {
        owner: alice(),
        public_key: other_key(),
        key_origin: KeyOrigin::Server,
        os_version: Some("15.0".into()),
        app_version: None,
    }
}

fn revoked() -> E {
    E::Revoked { owner: alice(), reason: None }
}

fn rotation(deadline: i64) -> E {
    E::RotationRequested { deadline: minute(deadline) }
}

fn rotate(deadline: i64) -> C {
    C::Rotate { deadline: minute(deadline) }
}

fn lapse(now: i64) -> C {
    C::LapseRotation { now: minute(now) }
}

fn set_expiry(at: Option<i64>, now: i64) -> C {
    C::SetExpiry { expires_at: at.map(minute), now: minute(now) }
}

fn expiry(at: Option<i64>) -> E {
    E::ExpiryChanged { expires_at: at.map(minute) }
}

fn expire(now: i64) -> C {
    C::Expire { now: minute(now) }
}

#[test]
fn enrol_makes_a_device() {
    assert_eq!(decide::<Device>(&[], enrol()), Ok(vec![enrolled()]));
    let device: Device = state(&[enrolled()]);
    assert!(device.exists());
    assert_eq!(device.owner(), Some(alice()));
    assert_eq!(device.public_key(), Some(&key()));
}

#[test]
fn enrol_is_refused_for_an_id_that_was_ever_used() {
    assert_eq!(refusal::<Device>(&[enrolled()], enrol()), "device_exists");
    assert_eq!(refusal::<Device>(&[enrolled(), revoked()], enrol()), "device_exists");
}

#[test]
fn a_new_key_replaces_the_old_and_the_same_key_changes_nothing() {
    let given = [enrolled()];
    assert_eq!(decide::<Device>(&given, reprovision(key())), Ok(vec![]));
    once::<Device>(&given, reprovision(other_key()), vec![reprovisioned()]);
    let device: Device = state(&[enrolled(), reprovisioned()]);
    assert_eq!(device.public_key(), Some(&other_key()));
}

#[test]
fn rename_happens_once() {
    assert_eq!(decide::<Device>(&[enrolled()], C::Rename("Laptop".into())), Ok(vec![]));
    let renamed = E::Renamed { owner: alice(), name: "Old laptop".into() };
    once::<Device>(&[enrolled()], C::Rename("Old laptop".into()), vec![renamed]);
}

#[test]
fn a_device_changes_its_gateway_once_and_is_given_places_of_the_new_one() {
    let (slot, addresses) = (11, addresses());
    let to = |gateway_id| C::ChangeGateway { gateway_id, slot, addresses };
    assert_eq!(decide::<Device>(&[enrolled()], to(gateway())), Ok(vec![]));
    let changed = E::GatewayChanged { gateway_id: other_gateway(), slot, addresses };
    once::<Device>(&[enrolled()], to(other_gateway()), vec![changed.clone()]);
    let device: Device = state(&[enrolled(), changed.clone()]);
    assert_eq!((device.gateway_id(), device.slot()), (Some(other_gateway()), Some(slot)));
    let moved = E::AddressChanged { gateway_id: other_gateway(), slot: 12, addresses };
    let command = C::Move { slot: 12, addresses };
    assert_eq!(decide::<Device>(&[enrolled(), changed], command), Ok(vec![moved]));
    assert_eq!(refusal::<Device>(&[enrolled(), revoked()], to(other_gateway())), "device_revoked");
}

#[test]
fn every_rotation_is_an_event() {
    assert_eq!(decide::<Device>(&[enrolled()], rotate(60)), Ok(vec![rotation(60)]));
    let given = [enrolled(), rotation(60)];
    assert_eq!(decide::<Device>(&given, rotate(60)), Ok(vec![rotation(60)]));
}

#[test]
fn a_rotation_may_shorten_the_deadline_but_not_postpone_it() {
    let given = [enrolled(), rotation(60)];
    assert_eq!(decide::<Device>(&given, rotate(30)), Ok(vec![rotation(30)]));
    assert_eq!(decide::<Device>(&given, rotate(90)), Ok(vec![rotation(60)]));
    let done = [enrolled(), rotation(60), reprovisioned()];
    assert_eq!(decide::<Device>(&done, rotate(90)), Ok(vec![rotation(90)]));
}

#[test]
fn the_old_key_lapses_at_the_deadline_and_once() {
    let given = [enrolled(), rotation(60)];
    assert_eq!(decide::<Device>(&given, lapse(59)), Ok(vec![]));
    once::<Device>(&given, lapse(60), vec![E::RotationLapsed {}]);
    assert_eq!(decide::<Device>(&[enrolled()], lapse(60)), Ok(vec![]));
}

#[test]
fn a_rotation_does_not_bring_a_lapsed_key_back() {
    let given = [enrolled(), rotation(60), E::RotationLapsed {}];
    let events = vec![rotation(60), E::RotationLapsed {}];
    assert_eq!(decide::<Device>(&given, rotate(600)), Ok(events.clone()));
    let after = [given.to_vec(), events].concat();
    assert_eq!(decide::<Device>(&after, lapse(700)), Ok(vec![]), "it has lapsed already");
}

#[test]
fn a_new_key_ends_the_rotation() {
    for pending in [vec![rotation(60)], vec![rotation(60), E::RotationLapsed {}]] {
        let given = [vec![enrolled()], pending].concat();
        assert_eq!(decide::<Device>(&given, reprovision(key())), Ok(vec![]), "the old key");
        assert_eq!(decide::<Device>(&given, reprovision(other_key())), Ok(vec![reprovisioned()]));
        let after = [given, vec![reprovisioned()]].concat();
        assert_eq!(decide::<Device>(&after, lapse(60)), Ok(vec![]));
    }
}

#[test]
fn disable_and_enable_happen_once() {
    once::<Device>(&[enrolled()], C::Disable, vec![E::Disabled {}]);
    assert_eq!(decide::<Device>(&[enrolled()], C::Enable), Ok(vec![]));
    once::<Device>(&[enrolled(), E::Disabled {}], C::Enable, vec![E::Enabled {}]);
}

#[test]
fn expiry_is_set_changed_and_taken_away() {
    let given = [enrolled()];
    assert_eq!(decide::<Device>(&given, set_expiry(None, 0)), Ok(vec![]));
    once::<Device>(&given, set_expiry(Some(60), 0), vec![expiry(Some(60))]);
    let given = [enrolled(), expiry(Some(60))];
    once::<Device>(&given, set_expiry(Some(90), 0), vec![expiry(Some(90))]);
    once::<Device>(&given, set_expiry(None, 0), vec![expiry(None)]);
}

#[test]
fn an_expiry_that_has_come_takes_effect_at_once() {
    for now in [60, 61] {
        let events = vec![expiry(Some(60)), E::Expired {}];
        once::<Device>(&[enrolled()], set_expiry(Some(60), now), events);
    }
}

#[test]
fn a_device_expires_at_its_date_and_once() {
    let given = [enrolled(), expiry(Some(60))];
    assert_eq!(decide::<Device>(&given, expire(59)), Ok(vec![]));
    once::<Device>(&given, expire(60), vec![E::Expired {}]);
    assert_eq!(decide::<Device>(&[enrolled()], expire(60)), Ok(vec![]));
}

#[test]
fn a_later_date_brings_an_expired_device_back_until_then() {
    let given = [enrolled(), expiry(Some(60)), E::Expired {}];
    once::<Device>(&given, set_expiry(Some(120), 70), vec![expiry(Some(120))]);
    let given = [enrolled(), expiry(Some(60)), E::Expired {}, expiry(Some(120))];
    once::<Device>(&given, expire(120), vec![E::Expired {}]);
}

#[test]
fn revoke_is_for_good_and_happens_once() {
    let reason = || Some("stolen".to_owned());
    let event = E::Revoked { owner: alice(), reason: Some("stolen".into()) };
    once::<Device>(&[enrolled()], C::Revoke { reason: reason() }, vec![event.clone()]);
    let given = [enrolled(), expiry(Some(60)), rotation(60), event];
    assert!(!state::<Device>(&given).exists());
    assert_eq!(state::<Device>(&given).owner(), Some(alice()));
    for refused in [
        reprovision(other_key()),
        C::Rename("Other".into()),
        rotate(60),
        C::Disable,
        C::Enable,
        set_expiry(None, 0),
    ] {
        assert_eq!(refusal::<Device>(&given, refused), "device_revoked");
    }
    for nothing in [C::Revoke { reason: None }, expire(60), lapse(60)] {
        assert_eq!(decide::<Device>(&given, nothing), Ok(vec![]));
    }
}

#[test]
fn a_disabled_expired_or_lapsed_device_can_be_revoked() {
    for before in [E::Disabled {}, E::Expired {}, E::RotationLapsed {}] {
        let given = [enrolled(), before];
        assert_eq!(decide::<Device>(&given, C::Revoke { reason: None }), Ok(vec![revoked()]));
    }
}

#[test]
fn an_unknown_device_is_not_found() {
    for command in [
        reprovision(key()),
        C::Rename("Other".into()),
        rotate(60),
        lapse(60),
        C::Disable,
        C::Enable,
        set_expiry(None, 0),
        expire(60),
        C::Revoke { reason: None },
    ] {
        assert_eq!(refusal::<Device>(&[], command), "not_found");
    }
    assert!(!Device::default().exists());
}
