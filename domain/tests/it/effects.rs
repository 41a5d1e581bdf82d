//! What events do to claims and address slots.

use nexavpn_domain::{
    Claim, ClaimKind, Effect, Event, Personal,
    device::{DeviceEvent, KeyOrigin},
    event::effects,
    gateway::{GatewayChange, GatewayEvent},
    group::GroupEvent,
    user::UserEvent,
    values::Role,
};

use crate::{
    given::{ID, addresses, alice, bob, gateway, key, other_gateway, other_key, pool},
    golden::files,
    samples,
};

const ROLES: [Role; 3] = [Role::Admin, Role::Auditor, Role::User];

fn take(kind: ClaimKind, key: impl Into<String>) -> Effect {
    Effect::Take(Claim::new(kind, key))
}

fn admin() -> Effect {
    take(ClaimKind::Admin, ID.to_string())
}

fn of_user(event: UserEvent) -> Vec<Effect> {
    effects(&Event::User(ID.into(), event))
}

fn created(role: Role) -> UserEvent {
    UserEvent::Created {
        username: "Alice".into(),
        display_name: "Alice".into(),
        email: None,
        role,
        must_change_password: false,
    }
}

#[test]
fn a_username_is_taken_without_regard_to_case_and_moves_by_rename() {
    let alice = take(ClaimKind::Username, "alice");
    for role in [Role::User, Role::Auditor] {
        assert_eq!(of_user(created(role)), vec![alice.clone()]);
    }
    assert_eq!(of_user(created(Role::Admin)), [alice, admin()]);
    let renamed = UserEvent::Renamed { username: "BOB".into() };
    let moved = [Effect::Release(ClaimKind::Username), take(ClaimKind::Username, "bob")];
    assert_eq!(of_user(renamed), moved);
}

#[test]
fn deletion_and_erasure_release_username_and_admin() {
    let released = [Effect::Release(ClaimKind::Username), Effect::Release(ClaimKind::Admin)];
    assert_eq!(of_user(UserEvent::Deleted {}), released);
    assert_eq!(of_user(UserEvent::Erased {}), released);
}

/// After any change of role or state the user holds the admin claim if and only if it is an
/// enabled admin.
#[test]
fn the_admin_claim_is_held_by_enabled_admins_only() {
    for from in ROLES {
        for to in ROLES {
            for enabled in [true, false] {
                if from == to {
                    continue;
                }
                let effects = of_user(UserEvent::RoleChanged { from, to, enabled });
                let held_before = from == Role::Admin && enabled;
                let held = effects.iter().fold(held_before, |held, e| match e {
                    Effect::Take(c) if c.kind == ClaimKind::Admin => true,
                    Effect::Release(ClaimKind::Admin) => false,
                    _ => held,
                });
                assert_eq!(held, to == Role::Admin && enabled, "{from:?} {to:?} {enabled}");
            }
        }
    }
    assert_eq!(of_user(UserEvent::Disabled {}), [Effect::Release(ClaimKind::Admin)]);
    assert_eq!(of_user(UserEvent::Enabled { role: Role::Admin }), [admin()]);
    assert_eq!(of_user(UserEvent::Enabled { role: Role::Auditor }), []);
    assert_eq!(of_user(UserEvent::Enabled { role: Role::User }), []);
}

fn of_device(event: DeviceEvent) -> Vec<Effect> {
    effects(&Event::Device(ID.into(), event))
}

fn device_name(name: &str) -> Effect {
    take(ClaimKind::DeviceName, format!("{}/{name}", alice()))
}

#[test]
fn a_device_takes_its_name_key_and_slot() {
    let enrolled = DeviceEvent::Enrolled {
        owner: alice(),
        name: "My Laptop".into(),
        platform: "linux".into(),
        os_version: None,
        app_version: None,
        fingerprint: None,
        public_key: key(),
        key_origin: KeyOrigin::Client,
        gateway_id: gateway(),
        slot: 10,
        addresses: addresses(),
    };
    let taken = [
        device_name("my laptop"),
        take(ClaimKind::PublicKey, key().to_string()),
        Effect::HoldSlot { gateway: gateway(), slot: 10 },
    ];
    assert_eq!(of_device(enrolled), taken);
}

#[test]
fn a_device_moves_its_name_and_takes_each_new_key() {
    let renamed = DeviceEvent::Renamed { owner: alice(), name: "Phone".into() };
    let moved = [Effect::Release(ClaimKind::DeviceName), device_name("phone")];
    assert_eq!(of_device(renamed), moved);
    let reprovisioned = DeviceEvent::Reprovisioned {
        owner: alice(),
        public_key: other_key(),
        key_origin: KeyOrigin::Client,
        os_version: None,
        app_version: None,
    };
    let taken = [take(ClaimKind::PublicKey, other_key().to_string())];
    assert_eq!(of_device(reprovisioned), taken);
}

#[test]
fn a_device_that_is_handed_over_has_its_name_among_those_of_its_new_owner() {
    let handed_over = DeviceEvent::OwnerChanged {
        owner: alice(),
        former_owners: vec![bob()],
        name: "Laptop".into(),
        os_version: None,
        fingerprint: None,
    };
    let moved = [Effect::Release(ClaimKind::DeviceName), device_name("laptop")];
    assert_eq!(of_device(handed_over), moved);
}

#[test]
fn a_device_that_moves_lets_its_old_place_rest() {
    let addresses = pool().addresses(11).unwrap();
    let moved = DeviceEvent::AddressChanged { gateway_id: gateway(), slot: 11, addresses };
    let places = [Effect::FreeSlot, Effect::HoldSlot { gateway: gateway(), slot: 11 }];
    assert_eq!(of_device(moved), places);
}

#[test]
fn a_device_that_changes_its_gateway_holds_one_place_only() {
    let addresses = pool().addresses(11).unwrap();
    let moved = DeviceEvent::GatewayChanged { gateway_id: other_gateway(), slot: 11, addresses };
    let places = [Effect::FreeSlot, Effect::HoldSlot { gateway: other_gateway(), slot: 11 }];
    assert_eq!(of_device(moved), places);
}

#[test]
fn a_revoked_device_gives_up_name_and_slot() {
    let revoked = DeviceEvent::Revoked { owner: alice(), reason: None };
    let given_up = [Effect::Release(ClaimKind::DeviceName), Effect::FreeSlot];
    assert_eq!(of_device(revoked), given_up);
}

#[test]
fn groups_take_move_and_release_their_name() {
    let of = |e| effects(&Event::Group(ID.into(), e));
    let finance = take(ClaimKind::GroupName, "finance");
    let created = GroupEvent::Created { name: "Finance".into(), description: String::new() };
    assert_eq!(of(created), vec![finance.clone()]);
    let released = Effect::Release(ClaimKind::GroupName);
    let renamed = GroupEvent::Renamed { name: "FINANCE".into() };
    assert_eq!(of(renamed), [released.clone(), finance.clone()]);
    let restored = GroupEvent::Restored { name: "Finance".into(), description: String::new() };
    assert_eq!(of(restored), [finance]);
    assert_eq!(of(GroupEvent::Deleted {}), [released]);
}

#[test]
fn gateways_take_name_pool_and_keys_and_release_but_the_keys() {
    let of = |e| effects(&Event::Gateway(ID.into(), e));
    let fields = samples::all().into_iter().find_map(|(_, e)| match e {
        Event::Gateway(_, GatewayEvent::Created { fields }) => Some(fields),
        _ => None,
    });
    let created = GatewayEvent::Created { fields: fields.unwrap() };
    let taken = [take(ClaimKind::GatewayName, "primary-gateway"), Effect::TakePool(pool())];
    assert_eq!(of(created), taken);
    let change = GatewayChange { name: Some("Gate".into()), ..Default::default() };
    let moved = [Effect::Release(ClaimKind::GatewayName), take(ClaimKind::GatewayName, "gate")];
    assert_eq!(of(GatewayEvent::Changed { change }), moved);
    let change = GatewayChange { mtu: Some(1280), ..Default::default() };
    assert_eq!(of(GatewayEvent::Changed { change }), []);
    let taken = [take(ClaimKind::PublicKey, key().to_string())];
    assert_eq!(of(GatewayEvent::KeySet { public_key: key() }), taken);
    assert_eq!(of(GatewayEvent::NextKeyAnnounced { public_key: key() }), taken);
    assert_eq!(of(GatewayEvent::KeySwitched { public_key: key() }), []);
    let released = [Effect::Release(ClaimKind::GatewayName), Effect::Release(ClaimKind::Pool)];
    assert_eq!(of(GatewayEvent::Deleted {}), released);
}

/// Of all events, these and no others have effects.
#[test]
fn only_these_events_touch_claims_and_slots() {
    let expected = [
        "device.address_changed",
        "device.enrolled",
        "device.gateway_changed",
        "device.owner_changed",
        "device.renamed",
        "device.reprovisioned",
        "device.revoked",
        "gateway.changed",
        "gateway.created",
        "gateway.deleted",
        "gateway.key_set",
        "gateway.next_key_announced",
        "group.created",
        "group.deleted",
        "group.renamed",
        "group.restored",
        "user.created",
        "user.deleted",
        "user.disabled",
        "user.erased",
        "user.renamed",
        "user.role_changed",
    ];
    let full = files().into_iter().filter(|g| g.variant.is_none());
    let with: Vec<_> =
        full.filter(|g| !effects(&g.event()).is_empty()).map(|g| g.event_type).collect();
    assert_eq!(with, expected);
}

#[test]
fn no_event_ever_releases_a_public_key() {
    for golden in files() {
        let released = effects(&golden.event());
        assert!(!released.contains(&Effect::Release(ClaimKind::PublicKey)), "{}", golden.file);
    }
}

/// Claims are derived again from the stream also after an erasure: without the key of what is gone.
#[test]
fn an_erased_name_claims_nothing_that_could_be_compared() {
    let renamed = UserEvent::Renamed { username: Personal::ERASED };
    let expected = Effect::Take(Claim { kind: ClaimKind::Username, key: None });
    assert_eq!(of_user(renamed)[1], expected);
    let renamed = DeviceEvent::Renamed { owner: alice(), name: Personal::ERASED };
    let expected = Effect::Take(Claim { kind: ClaimKind::DeviceName, key: None });
    assert_eq!(of_device(renamed)[1], expected);
}

#[test]
fn debug_of_a_claim_does_not_show_its_key() {
    let shown = format!("{:?}", Claim::new(ClaimKind::Username, "alice"));
    assert!(!shown.contains("alice"), "{shown}");
}
