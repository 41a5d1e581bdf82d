//! What a node relies on when it believes a bundle.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::SigningKey;
use nexavpn_bundle::{
    BundleError, Device, Input, Interface, JoinToken, Masquerade, Nat, Payload, PortBox, Profile,
    canonical, key_id, sign, validate, verify,
};
use proptest::prelude::*;

fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

fn port_box(dst: &str, proto: &str, ports: &str) -> PortBox {
    PortBox { dst: dst.into(), proto: proto.into(), ports: ports.into() }
}

fn device(number: u8, profile: &str) -> Device {
    Device {
        id: format!("00000000-0000-4000-8000-0000000000{number:02x}"),
        public_key: STANDARD.encode([number; 32]),
        ips: vec![format!("100.96.0.{number}/32"), format!("fd00::{number:x}/128")],
        profile: profile.to_owned(),
        not_after: None,
        psk_ref: None,
    }
}

fn payload() -> Payload {
    let open = Profile {
        v4: vec!["172.16.10.0-172.16.10.255".into(), "10.0.0.1-10.0.0.1".into()],
        v6: vec!["2001:db8::-2001:db8::ff".into()],
        v4_ports: vec![
            port_box("172.16.11.0-172.16.11.255", "6", "443-443"),
            port_box("172.16.11.0-172.16.11.255", "6", "80-80"),
            port_box("172.16.11.0-172.16.11.255", "0-5", "0-65535"),
        ],
        v6_ports: vec![],
    };
    let closed = Profile::default();
    let (open_name, closed_name) = (open.name().unwrap(), closed.name().unwrap());
    Payload {
        format: 1,
        gateway_id: "3f1c8a52-0000-4000-8000-0123456789ab".into(),
        epoch: 1_795_219_200,
        revision: 1842,
        issued_at: "2026-11-21T02:30:00.123456Z".into(),
        max_stale_s: None,
        interface: Interface {
            name: "wg0".into(),
            listen_port: 51820,
            mtu: 1420,
            addresses: vec!["100.96.0.1/16".into(), "fd00::1/64".into()],
            public_key: None,
            key_rotation: None,
        },
        input: Input { dns: true, icmp_echo: true },
        devices: vec![device(10, &open_name), device(11, &open_name), device(12, &closed_name)],
        profiles: BTreeMap::from([(open_name, open), (closed_name, closed)]),
        nat: Nat {
            v4_masquerade: vec![Masquerade { src: "100.96.0.0/16".into(), oif: "eth1".into() }],
            v6_masquerade: vec![],
        },
    }
}

#[test]
fn a_signed_bundle_verifies_and_keeps_its_bytes() {
    let signed = sign(&payload(), &key(1)).unwrap();
    let trusted = [key(2).verifying_key(), key(1).verifying_key()];
    let verified = verify(&signed.body(), &trusted).unwrap();
    assert_eq!(verified.bytes, signed.bytes);
    assert_eq!(verified.sha256, signed.sha256);
    assert_eq!(verified.etag(), signed.etag());
    let id = key_id(&key(1).verifying_key());
    assert_eq!(verified.etag(), format!("\"1795219200.1842.{id}\""));
}

#[test]
fn the_canonical_bytes_are_frozen() {
    let text = String::from_utf8(canonical(&payload()).unwrap()).unwrap();
    assert!(text.starts_with(r#"{"devices":[{"id":"00000000-0000-4000-8000-00000000000a","#));
    assert!(text.contains(r#""v4":["10.0.0.1-10.0.0.1","172.16.10.0-172.16.10.255"]"#));
    assert!(text.ends_with(r#""max_stale_s":null,"nat":{"v4_masquerade":[{"oif":"eth1","src":"100.96.0.0/16"}],"v6_masquerade":[]},"profiles":{"p_22eff5e874a3ba87":{"v4":["10.0.0.1-10.0.0.1","172.16.10.0-172.16.10.255"],"v4_ports":[{"dst":"172.16.11.0-172.16.11.255","ports":"0-65535","proto":"0-5"},{"dst":"172.16.11.0-172.16.11.255","ports":"443-443","proto":"6"},{"dst":"172.16.11.0-172.16.11.255","ports":"80-80","proto":"6"}],"v6":["2001:db8::-2001:db8::ff"],"v6_ports":[]},"p_253abcd1c20a1844":{"v4":[],"v4_ports":[],"v6":[],"v6_ports":[]}},"revision":1842}"#), "{text}");
}

/// Of a gateway whose key is being rotated.
fn with_keys() -> Payload {
    let mut payload = payload();
    payload.interface.public_key = Some(STANDARD.encode([9; 32]));
    payload.interface.key_rotation = Some(3);
    payload
}

/// Agents that do not know the fields refuse them: they are there for gateways that need them.
#[test]
fn what_a_gateways_keys_are_is_said_where_it_matters() {
    let plain = String::from_utf8(canonical(&payload()).unwrap()).unwrap();
    let expected = r#""interface":{"addresses":["100.96.0.1/16","fd00::1/64"],"listen_port":51820,"mtu":1420,"name":"wg0"}"#;
    assert!(plain.contains(expected), "{plain}");
    let signed = sign(&with_keys(), &key(1)).unwrap();
    let text = String::from_utf8(signed.bytes.clone()).unwrap();
    let expected = r#""interface":{"addresses":["100.96.0.1/16","fd00::1/64"],"key_rotation":3,"listen_port":51820,"mtu":1420,"name":"wg0","public_key":"CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk="}"#;
    assert!(text.contains(expected), "{text}");
    let verified = verify(&signed.body(), &[key(1).verifying_key()]).unwrap();
    assert_eq!(verified.payload.interface, with_keys().interface);
    assert_eq!(verified.bytes, signed.bytes);
}

#[test]
fn another_key_is_refused_by_name_and_by_signature() {
    let signed = sign(&payload(), &key(1)).unwrap();
    let error = verify(&signed.body(), &[key(2).verifying_key()]).unwrap_err();
    assert_eq!(error.reason_code(), "unknown_key");

    // The right name over the wrong signature.
    let mut forged = sign(&payload(), &key(2)).unwrap();
    forged.key_id = signed.key_id;
    let error = verify(&forged.body(), &[key(1).verifying_key()]).unwrap_err();
    assert_eq!(error, BundleError::BadSignature);
}

#[test]
fn signed_bytes_that_are_not_canonical_are_refused() {
    use ed25519_dalek::Signer;
    use sha2::{Digest, Sha256};
    let mut signed = sign(&payload(), &key(1)).unwrap();
    let text = String::from_utf8(signed.bytes).unwrap().replace("\"format\":1", "\"format\": 1");
    signed.bytes = text.into_bytes();
    signed.sha256 = hex::encode(Sha256::digest(&signed.bytes));
    let message = [b"nexavpn-bundle-v1\0", signed.bytes.as_slice()].concat();
    signed.signature = STANDARD.encode(key(1).sign(&message).to_bytes());
    let error = verify(&signed.body(), &[key(1).verifying_key()]).unwrap_err();
    assert_eq!(error, BundleError::NotCanonical);
}

#[test]
fn positions_order_bundles() {
    let trusted = [key(1).verifying_key()];
    let at = |epoch, revision, mtu| {
        let mut payload = payload();
        (payload.epoch, payload.revision, payload.interface.mtu) = (epoch, revision, mtu);
        verify(&sign(&payload, &key(1)).unwrap().body(), &trusted).unwrap()
    };
    let held = at(5, 10, 1420);
    assert_eq!(at(5, 11, 1420).check_newer(&held), Ok(true));
    assert_eq!(at(6, 1, 1420).check_newer(&held), Ok(true));
    assert_eq!(at(5, 10, 1420).check_newer(&held), Ok(false));
    assert_eq!(at(5, 10, 1280).check_newer(&held).unwrap_err().reason_code(), "conflict");
    assert_eq!(at(5, 9, 1420).check_newer(&held).unwrap_err().reason_code(), "rolled_back");
    assert_eq!(at(4, 99, 1420).check_newer(&held).unwrap_err().reason_code(), "rolled_back");
    let other = "3f1c8a52-0000-4000-8000-0123456789ac";
    assert_eq!(held.check_gateway(other).unwrap_err().reason_code(), "wrong_gateway");
}

#[test]
fn a_payload_that_breaks_a_rule_is_refused() {
    fn rename(payload: &mut Payload, change: impl Fn(&mut Profile)) {
        payload.profiles = std::mem::take(&mut payload.profiles)
            .into_values()
            .map(|mut profile| {
                change(&mut profile);
                (profile.name().unwrap(), profile)
            })
            .collect();
        let name = payload.profiles.keys().next().unwrap().clone();
        for device in &mut payload.devices {
            device.profile.clone_from(&name);
        }
    }
    type Change = Box<dyn Fn(&mut Payload)>;
    let cases: Vec<(&str, Change)> = vec![
        ("device id twice", Box::new(|p| p.devices[1].id = p.devices[0].id.clone())),
        ("key twice", Box::new(|p| p.devices[1].public_key = p.devices[0].public_key.clone())),
        ("address twice", Box::new(|p| p.devices[1].ips = p.devices[0].ips.clone())),
        ("short key", Box::new(|p| p.devices[0].public_key = STANDARD.encode([1; 31]))),
        ("a network as address", Box::new(|p| p.devices[0].ips = vec!["100.96.1.0/24".into()])),
        ("the gateway's address", Box::new(|p| p.devices[0].ips = vec!["100.96.0.1/32".into()])),
        ("unknown profile", Box::new(|p| p.devices[0].profile = "p_0".into())),
        ("time", Box::new(|p| p.devices[0].not_after = Some("tomorrow".into()))),
        ("psk", Box::new(|p| p.devices[0].psk_ref = Some("x".into()))),
        ("interface", Box::new(|p| p.interface.name = "wg0; reboot".into())),
        ("interface length", Box::new(|p| p.interface.name = "abcdefghijklmnop".into())),
        ("masquerade oif", Box::new(|p| p.nat.v4_masquerade[0].oif = "eth\"1".into())),
        ("masquerade family", Box::new(|p| p.nat.v6_masquerade = p.nat.v4_masquerade.clone())),
        ("masquerade bits", Box::new(|p| p.nat.v4_masquerade[0].src = "100.96.0.1/16".into())),
        ("gateway id", Box::new(|p| p.gateway_id = "../x".into())),
        ("issued_at", Box::new(|p| p.issued_at = "2026-11-21T02:30:00+01:00".into())),
        ("revision", Box::new(|p| p.revision = -1)),
        ("a short key", Box::new(|p| p.interface.public_key = Some(STANDARD.encode([1; 31])))),
        ("rotation 0", Box::new(|p| p.interface.key_rotation = Some(0))),
        ("port 0", Box::new(|p| p.interface.listen_port = 0)),
        (
            "profile name",
            Box::new(|p| {
                let content = Profile { v4: vec!["1.1.1.1-1.1.1.2".into()], ..Profile::default() };
                p.profiles.insert("p_0123456789abcdef".into(), content);
            }),
        ),
        (
            "overlap",
            Box::new(|p| {
                rename(p, |profile| {
                    profile.v4 = vec!["10.0.0.0-10.0.0.9".into(), "10.0.0.9-10.0.0.10".into()];
                })
            }),
        ),
        (
            "range backwards",
            Box::new(|p| {
                rename(p, |profile| {
                    profile.v4 = vec!["10.0.0.9-10.0.0.0".into()];
                })
            }),
        ),
        (
            "box over an open range",
            Box::new(|p| {
                rename(p, |profile| {
                    profile.v4 = vec!["10.0.0.0-10.0.0.9".into()];
                    profile.v4_ports = vec![port_box("10.0.0.5-10.0.0.5", "6", "1-1")];
                })
            }),
        ),
        (
            "boxes that overlap",
            Box::new(|p| {
                rename(p, |profile| {
                    profile.v4_ports = vec![
                        port_box("11.0.0.0-11.0.0.9", "0-20", "1-100"),
                        port_box("11.0.0.5-11.0.0.7", "6", "100-200"),
                    ];
                })
            }),
        ),
        (
            "a single protocol as range",
            Box::new(|p| {
                rename(p, |profile| {
                    profile.v4_ports = vec![port_box("11.0.0.0-11.0.0.9", "6-6", "1-1")];
                })
            }),
        ),
        (
            "another family",
            Box::new(|p| {
                rename(p, |profile| {
                    profile.v6_ports = vec![port_box("11.0.0.0-11.0.0.9", "6", "1-1")];
                })
            }),
        ),
    ];
    validate(&payload()).unwrap();
    for (name, change) in cases {
        let mut broken = payload();
        change(&mut broken);
        let error = validate(&broken).unwrap_err();
        assert_eq!(error.reason_code(), "invalid", "{name}: {error}");
        let signed = sign(&broken, &key(1)).unwrap();
        assert!(verify(&signed.body(), &[key(1).verifying_key()]).is_err(), "{name}");
    }
    let mut later = payload();
    later.format = 2;
    assert_eq!(validate(&later).unwrap_err().reason_code(), "unsupported_format");
}

#[test]
fn a_join_token_survives_its_text_and_hides_its_secret() {
    let token = JoinToken {
        gateway_id: "3f1c8a52-0000-4000-8000-0123456789ab".into(),
        secret: [7; 32],
        signing_key_sha256: [8; 32],
        tls_cert_sha256: None,
    };
    let with_cert = JoinToken { tls_cert_sha256: Some([9; 32]), ..token.clone() };
    for token in [token, with_cert] {
        assert_eq!(token.expose().parse::<JoinToken>().unwrap(), token);
        let secret = token.expose().split('.').nth(2).unwrap().to_owned();
        assert!(!format!("{token:?}").contains(&secret));
        let request = nexavpn_bundle::JoinRequest {
            token: token.expose(),
            public_key: String::new(),
            agent_version: String::new(),
        };
        assert!(!format!("{request:?}").contains(&secret));
    }
    for text in ["", "nxg1", "nxg2.a.b.c", "nxg1.3f1c8a52-0000-4000-8000-0123456789ab.AA.AA"] {
        assert!(text.parse::<JoinToken>().is_err());
    }
}

proptest! {
    #[test]
    fn one_flipped_bit_never_verifies(place in any::<prop::sample::Index>(), bit in 0_u8..8) {
        let mut body = sign(&payload(), &key(1)).unwrap().body();
        let index = place.index(body.len());
        body[index] ^= 1 << bit;
        prop_assert!(verify(&body, &[key(1).verifying_key()]).is_err());
    }

    #[test]
    fn arrays_in_any_order_give_the_same_bytes(
        devices in Just((0_usize..3).collect::<Vec<_>>()).prop_shuffle(),
        boxes in Just((0_usize..3).collect::<Vec<_>>()).prop_shuffle(),
        swap in any::<bool>(),
    ) {
        let original = payload();
        let mut shuffled = original.clone();
        shuffled.devices = devices.iter().map(|i| original.devices[*i].clone()).collect();
        for profile in shuffled.profiles.values_mut() {
            if profile.v4_ports.len() == 3 {
                profile.v4_ports = boxes.iter().map(|i| profile.v4_ports[*i].clone()).collect();
                if swap {
                    profile.v4.reverse();
                }
            }
        }
        if swap {
            shuffled.interface.addresses.reverse();
            shuffled.devices.iter_mut().for_each(|device| device.ips.reverse());
        }
        prop_assert_eq!(canonical(&shuffled).unwrap(), canonical(&original).unwrap());
        prop_assert!(validate(&shuffled).is_ok());
    }
}

#[test]
fn every_single_bit_of_a_whole_body_matters() {
    let small = Payload { devices: vec![], profiles: BTreeMap::new(), ..with_keys() };
    let body = sign(&small, &key(1)).unwrap().body();
    let trusted = [key(1).verifying_key()];
    for index in 0..body.len() {
        for bit in 0..8 {
            let mut flipped = body.clone();
            flipped[index] ^= 1 << bit;
            assert!(verify(&flipped, &trusted).is_err(), "byte {index} bit {bit}");
        }
    }
}
