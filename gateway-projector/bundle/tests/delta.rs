//! Deltas: a chain of them leads to the very bytes of the full bundle, and nothing else is believed.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use ed25519_dalek::{SigningKey, VerifyingKey};
use nexavpn_bundle::{
    Base, BundleError, Change, Contents, Delta, Device, Frame, Input, Interface, Nat, Payload,
    Profile, VerifiedBundle, canonical, is_delta, sign, sign_contents, verify, verify_delta,
};
use proptest::prelude::*;

fn key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

fn trusted() -> [VerifyingKey; 1] {
    [key().verifying_key()]
}

fn profile(number: u8) -> Profile {
    let range = format!("172.16.{number}.0-172.16.{number}.255");
    Profile { v4: vec![range], ..Profile::default() }
}

/// What a device is made of: the number of its key and of its profile.
type World = BTreeMap<u8, (u8, u8)>;

fn payload(revision: i64, world: &World) -> Payload {
    let mut profiles = BTreeMap::new();
    let devices = world.iter().map(|(number, (key, of))| {
        let profile = profile(*of);
        let name = profile.name().unwrap();
        profiles.insert(name.clone(), profile);
        Device {
            id: format!("00000000-0000-4000-8000-0000000000{number:02x}"),
            public_key: STANDARD.encode([*key; 32]),
            ips: vec![format!("100.96.0.{number}/32"), format!("fd00::{number:x}/128")],
            profile: name,
            not_after: None,
            psk_ref: None,
        }
    });
    let devices = devices.collect();
    let frame = Frame {
        format: 1,
        gateway_id: "3f1c8a52-0000-4000-8000-0123456789ab".into(),
        epoch: 5,
        revision,
        issued_at: format!("2026-11-21T02:30:00.{revision:06}Z"),
        max_stale_s: None,
        interface: Interface {
            name: "wg0".into(),
            listen_port: 51820,
            mtu: 1280 + u16::try_from(revision).unwrap(),
            addresses: vec!["100.96.0.1/16".into(), "fd00::1/64".into()],
            // A rotation of the gateway's key begins and ends on the way.
            public_key: (revision % 4 > 1).then(|| STANDARD.encode([200; 32])),
            key_rotation: (revision % 4 > 2).then(|| u32::try_from(revision).unwrap()),
        },
        input: Input { dns: true, icmp_echo: true },
        nat: Nat::default(),
    };
    Payload::from_parts(frame, devices, profiles)
}

/// The change between two payloads, from scratch.
fn change(from: &Payload, to: &Payload) -> Change {
    let gone = from.devices.iter().filter(|d| to.devices.iter().all(|other| other.id != d.id));
    let new = |(name, _): &(&String, &Profile)| !from.profiles.contains_key(*name);
    let put_profiles = to.profiles.iter().filter(new);
    Change {
        put_devices: to.devices.iter().filter(|d| !from.devices.contains(d)).cloned().collect(),
        removed_devices: gone.map(|d| d.id.clone()).collect(),
        put_profiles: put_profiles.map(|(name, p)| (name.clone(), p.clone())).collect(),
        removed_profiles: from
            .profiles
            .keys()
            .filter(|name| !to.profiles.contains_key(*name))
            .cloned()
            .collect(),
    }
}

fn held(payload: &Payload) -> VerifiedBundle {
    verify(&sign(payload, &key()).unwrap().body(), &trusted()).unwrap()
}

fn delta(from: &Payload, to: &Payload) -> (Delta, Vec<u8>) {
    let signed = sign(to, &key()).unwrap();
    let base = Base { epoch: from.epoch, revision: from.revision, sha256: held(from).sha256 };
    let delta = Delta::new(base, to.clone().into_parts().0, change(from, to));
    let body = delta.body(&signed.seal()).unwrap();
    (delta, body)
}

fn worlds() -> impl Strategy<Value = Vec<World>> {
    // The key belongs to the device and its state, so that two never have the same.
    let device = (2_u8..40, 0_u8..4, 0_u8..6);
    let world = proptest::collection::vec(device, 0..20);
    let world = world.prop_map(|devices| {
        devices.into_iter().map(|(n, k, of)| (n, (n + 50 * k, of))).collect::<World>()
    });
    proptest::collection::vec(world, 2..8)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn contents_have_the_bytes_of_their_payload(worlds in worlds()) {
        for world in worlds {
            let payload = payload(3, &world);
            let contents = Contents::new(payload.clone()).unwrap();
            prop_assert_eq!(contents.bytes(), canonical(&payload).unwrap());
            prop_assert_eq!(sign_contents(&contents, &key()), sign(&payload, &key()).unwrap());
            prop_assert_eq!(&contents.payload(), &held(&payload).payload);
        }
    }

    #[test]
    fn a_chain_of_deltas_leads_to_the_full_bundle(worlds in worlds()) {
        let payloads: Vec<Payload> = worlds.iter().zip(1..).map(|(w, n)| payload(n, w)).collect();
        let mut bundle = held(&payloads[0]);
        for to in &payloads[1..] {
            let (_, body) = delta(&bundle.payload, to);
            prop_assert!(is_delta(&body));
            bundle = verify_delta(&body, &bundle, &trusted()).unwrap();
            prop_assert_eq!(&bundle, &held(to));
            prop_assert_eq!(bundle.body(), sign(to, &key()).unwrap().body());
        }
    }

    #[test]
    fn a_mutilated_delta_is_refused(
        worlds in worlds(), place in any::<prop::sample::Index>(), bit in 0..8_u8,
    ) {
        let (from, to) = (payload(1, &worlds[0]), payload(2, &worlds[1]));
        let (_, mut body) = delta(&from, &to);
        let at = place.index(body.len());
        body[at] ^= 1 << bit;
        let result = verify_delta(&body, &held(&from), &trusted());
        // White space around JSON is no content; whatever is believed is what was signed.
        if let Ok(bundle) = result {
            prop_assert_eq!(bundle, held(&to));
        }
    }
}

#[test]
fn a_delta_from_something_else_is_refused() {
    let world = |n: u8| World::from([(2, (2, n))]);
    let (from, to) = (payload(1, &world(1)), payload(2, &world(2)));
    let (_, body) = delta(&from, &to);
    let other = held(&payload(1, &world(3)));
    let refused = verify_delta(&body, &other, &trusted()).unwrap_err();
    assert_eq!(refused, BundleError::OtherBase { epoch: 5, revision: 1 });
    let earlier = held(&payload(0, &world(1)));
    assert_eq!(verify_delta(&body, &earlier, &trusted()).unwrap_err(), refused);
    let stranger = SigningKey::from_bytes(&[8; 32]).verifying_key();
    let refused = verify_delta(&body, &held(&from), &[stranger]).unwrap_err();
    assert!(matches!(refused, BundleError::UnknownKey(_)), "{refused:?}");
}

#[test]
fn a_change_that_does_not_fit_is_refused() {
    let from = payload(1, &World::from([(2, (2, 1)), (3, (3, 1))]));
    let contents = Contents::new(from.clone()).unwrap();
    let frame = contents.frame().clone();
    let name = |n: u8| profile(n).name().unwrap();
    let [two, three] = [&from.devices[0], &from.devices[1]];
    let put = |device: Device| Change { put_devices: vec![device], ..Change::default() };
    let changes = [
        (Change { removed_devices: vec!["x".into()], ..Change::default() }, "was not there"),
        (Change { removed_profiles: vec![name(1)], ..Change::default() }, "in use"),
        (Change { removed_profiles: vec![name(2)], ..Change::default() }, "was not there"),
        (
            Change { put_profiles: BTreeMap::from([(name(1), profile(1))]), ..Change::default() },
            "there already",
        ),
        (
            Change { put_profiles: BTreeMap::from([(name(1), profile(2))]), ..Change::default() },
            "there already",
        ),
        (put(Device { profile: name(2), ..two.clone() }), "unknown profile"),
        (put(Device { public_key: three.public_key.clone(), ..two.clone() }), "public key"),
        (put(Device { ips: three.ips.clone(), ..two.clone() }), "twice"),
        (put(Device { ips: vec!["100.96.0.1/32".into()], ..two.clone() }), "gateway's own"),
    ];
    for (change, why) in changes {
        let refused = contents.changed(frame.clone(), change.clone()).unwrap_err();
        assert!(refused.to_string().contains(why), "{change:?}: {refused}");
    }
    // Two devices may change places.
    let swapped: Change = Change {
        put_devices: vec![
            Device { ips: three.ips.clone(), ..two.clone() },
            Device { ips: two.ips.clone(), ..three.clone() },
        ],
        ..Change::default()
    };
    assert!(contents.changed(frame.clone(), swapped).is_ok());
    // The gateway takes a device's address, which goes with the same change or not.
    let mut taken = frame;
    taken.interface.addresses = vec!["100.96.0.2/16".into()];
    assert!(contents.changed(taken.clone(), <Change>::default()).is_err());
    let gone: Change = Change { removed_devices: vec![two.id.clone()], ..Change::default() };
    assert!(contents.changed(taken, gone).is_ok());
}
