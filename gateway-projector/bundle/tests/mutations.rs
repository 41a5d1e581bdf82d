//! A million bodies that are not what the control plane has signed: none is believed, and none
//! brings the reader down.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use ed25519_dalek::{SigningKey, VerifyingKey};
use nexavpn_bundle::{
    Base, Change, Delta, Device, Frame, Input, Interface, Nat, Payload, PortBox, Profile,
    VerifiedBundle, is_delta, sign, verify, verify_delta,
};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use sha2::{Digest, Sha256};

const THREADS: u64 = 4;
const EACH: u64 = 250_000;

fn below(dice: &mut StdRng, bound: usize) -> usize {
    dice.random_range(0..bound.max(1))
}

fn key(n: u8) -> SigningKey {
    SigningKey::from_bytes(&[n; 32])
}

fn payload(revision: i64, devices: &[u8]) -> Payload {
    let profile = |n: u8| Profile {
        v4: vec![format!("172.16.{n}.0-172.16.{n}.255")],
        v4_ports: vec![PortBox {
            dst: "10.0.0.1-10.0.0.9".into(),
            proto: "6".into(),
            ports: "443-443".into(),
        }],
        ..Profile::default()
    };
    let profiles: BTreeMap<String, Profile> =
        devices.iter().map(|_| (profile(1).name().unwrap(), profile(1))).collect();
    let device = |n: &u8| Device {
        id: format!("00000000-0000-4000-8000-0000000000{n:02x}"),
        public_key: STANDARD.encode([*n; 32]),
        ips: vec![format!("100.96.0.{n}/32")],
        profile: profile(1).name().unwrap(),
        not_after: None,
        psk_ref: None,
    };
    let frame = Frame {
        format: 1,
        gateway_id: "3f1c8a52-0000-4000-8000-0123456789ab".into(),
        epoch: 5,
        revision,
        issued_at: "2026-11-21T02:30:00.000000Z".into(),
        max_stale_s: None,
        interface: Interface {
            name: "wg0".into(),
            listen_port: 51820,
            mtu: 1420,
            addresses: vec!["100.96.0.1/16".into()],
            public_key: Some(STANDARD.encode([u8::try_from(revision).unwrap(); 32])),
            key_rotation: Some(1),
        },
        input: Input { dns: true, icmp_echo: true },
        nat: Nat::default(),
    };
    Payload::from_parts(frame, devices.iter().map(device).collect(), profiles)
}

/// One of many ways in which a body can be wrong.
fn mutate(body: &mut Vec<u8>, other: &[u8], dice: &mut StdRng) {
    const TOKENS: [&[u8]; 12] = [
        b"null",
        b"{}",
        b"[]",
        b"\"\"",
        b"-1",
        b"1e999",
        b"9007199254740993",
        b"\\u0000",
        b",",
        b"{\"delta\":",
        b"\xff\xfe",
        b"0.0.0.0-255.255.255.255",
    ];
    let at = below(dice, body.len());
    let length = below(dice, 40) + 1;
    let end = (at + length).min(body.len());
    match below(dice, 7) {
        0 => body[at] ^= 1 << below(dice, 8),
        1 => drop(body.drain(at..end)),
        2 => {
            let copy = body[at..end].to_vec();
            let to = below(dice, body.len());
            drop(body.splice(to..to, copy));
        }
        3 => {
            let token = TOKENS[below(dice, TOKENS.len())];
            drop(body.splice(at..end, token.iter().copied()));
        }
        4 => {
            let from = below(dice, other.len());
            let to = (from + length).min(other.len());
            drop(body.splice(at..end, other[from..to].iter().copied()));
        }
        5 => body.truncate(at),
        // A digit of a number, an address, a hash or a name.
        _ => {
            let digit = body[at..].iter().position(u8::is_ascii_digit);
            if let Some(found) = digit {
                body[at + found] = b'0' + u8::try_from(below(dice, 10)).unwrap();
            }
        }
    }
}

/// Makes the stated hash that of the payload, so that the signature is what is left to refuse it.
fn rehash(body: &mut [u8]) {
    const START: &[u8] = b"{\"payload\":";
    const HASH: &[u8] = b",\"sha256\":\"";
    let Some(end) = body.windows(HASH.len()).rposition(|window| window == HASH) else { return };
    if end < START.len() || body.len() < end + HASH.len() + 64 {
        return;
    }
    let hash = hex::encode(Sha256::digest(&body[START.len()..end]));
    body[end + HASH.len()..][..64].copy_from_slice(hash.as_bytes());
}

#[test]
fn no_mutated_bundle_is_ever_believed() {
    let (old, new) = (payload(7, &[10, 11]), payload(8, &[10, 13]));
    let trusted: [VerifyingKey; 1] = [key(1).verifying_key()];
    let held = verify(&sign(&old, &key(1)).unwrap().body(), &trusted).unwrap();
    let right = sign(&new, &key(1)).unwrap();
    let delta = Delta::new(
        Base { epoch: 5, revision: 7, sha256: held.sha256.clone() },
        new.clone().into_parts().0,
        Change {
            put_devices: new.devices[1..].to_vec(),
            removed_devices: vec![old.devices[1].id.clone()],
            ..Change::default()
        },
    );
    let delta = delta.body(&right.seal()).unwrap();
    let genuine = [sign(&old, &key(1)).unwrap().bytes, right.bytes.clone()];
    assert_eq!(verify_delta(&delta, &held, &trusted).unwrap().bytes, right.bytes);
    let bodies = [right.body(), delta, sign(&new, &key(2)).unwrap().body()];

    // As a node takes them.
    let read = |body: &[u8]| -> Option<VerifiedBundle> {
        let read = if is_delta(body) {
            verify_delta(body, &held, &trusted)
        } else {
            verify(body, &trusted)
        };
        read.ok()
    };
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (bodies, genuine, read) = (&bodies, &genuine, &read);
            scope.spawn(move || {
                let dice = &mut StdRng::seed_from_u64(thread);
                for n in 0..EACH {
                    let mut body = bodies[below(dice, bodies.len())].clone();
                    let other = &bodies[below(dice, bodies.len())];
                    for _ in 0..=below(dice, 3) {
                        if !body.is_empty() {
                            mutate(&mut body, other, dice);
                        }
                    }
                    // Checking a signature takes long in a build for tests.
                    if below(dice, 16) == 0 {
                        rehash(&mut body);
                    }
                    // Some mutations change nothing, or nothing that is content.
                    if let Some(believed) = read(&body) {
                        assert!(
                            genuine.contains(&believed.bytes),
                            "number {n} of thread {thread} was believed: {}",
                            String::from_utf8_lossy(&body)
                        );
                    }
                }
            });
        }
    });
}
