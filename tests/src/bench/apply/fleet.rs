//! The bundles of one gateway, from the key that signs them.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ed25519_dalek::SigningKey;
use nexavpn_bundle::{
    Base, Change, Contents, Delta, Device, Frame, Input, Interface, Nat, Payload, PortBox, Profile,
    SignedBundle, sign_contents,
};

use super::super::Outcome;

pub(super) const GATEWAY: &str = "3f1c8a52-0000-4000-8000-0123456789ab";
/// How many policies decide for one device.
const POLICIES_EACH: usize = 10;

/// A gateway's devices, as its control plane knows them.
pub(super) struct Fleet {
    pub(super) signing: SigningKey,
    contents: Contents,
    signed: SignedBundle,
}

impl Fleet {
    /// So many devices, each under ten of so many policies.
    pub(super) fn new(interface: &str, devices: usize, policies: usize) -> Outcome<Self> {
        let signing = SigningKey::from_bytes(&rand::random());
        let contents = Contents::new(payload(interface, devices, policies)?)?;
        let signed = sign_contents(&contents, &signing);
        Ok(Self { signing, contents, signed })
    }

    pub(super) fn payload(&self) -> Payload {
        self.contents.payload()
    }

    /// The whole bundle as it is served.
    pub(super) fn body(&self) -> Vec<u8> {
        self.signed.body()
    }

    /// Makes a change, and gives the delta to it as it is served.
    pub(super) fn change(&mut self, change: Change) -> Outcome<Vec<u8>> {
        let SignedBundle { epoch, revision, sha256, .. } = &self.signed;
        let base = Base { epoch: *epoch, revision: *revision, sha256: sha256.clone() };
        let frame = Frame { revision: revision + 1, ..self.contents.frame().clone() };
        self.contents = self.contents.changed(frame.clone(), change.clone())?;
        self.signed = sign_contents(&self.contents, &self.signing);
        Ok(Delta::new(base, frame, change).body(&self.signed.seal())?)
    }
}

/// The payload of a gateway with so many devices and policies.
fn payload(interface: &str, devices: usize, policies: usize) -> Outcome<Payload> {
    let profiles: Vec<Profile> = (0..policies).map(|n| profile(n, policies)).collect();
    let names: Vec<String> = profiles.iter().map(Profile::name).collect::<Result<_, _>>()?;
    let device = |n: usize| {
        let profile = names.get(n % policies.max(1)).ok_or("there are no policies")?;
        Outcome::Ok(device(n, profile.clone()))
    };
    Ok(Payload {
        format: 1,
        gateway_id: GATEWAY.to_owned(),
        epoch: 7,
        revision: 1,
        issued_at: "2026-11-21T02:30:00Z".into(),
        max_stale_s: None,
        interface: Interface {
            name: interface.to_owned(),
            listen_port: 51820,
            mtu: 1380,
            addresses: vec!["100.96.0.1/16".into(), "fd00::1/64".into()],
            public_key: None,
            key_rotation: None,
        },
        input: Input { dns: true, icmp_echo: true },
        devices: (0..devices).map(device).collect::<Outcome<_>>()?,
        profiles: names.into_iter().zip(profiles).collect::<BTreeMap<_, _>>(),
        nat: Nat::default(),
    })
}

/// A device with a new key.
pub(super) fn device(n: usize, profile: String) -> Device {
    Device {
        id: format!("00000000-0000-4000-8000-{n:012x}"),
        public_key: STANDARD.encode(rand::random::<[u8; 32]>()),
        ips: vec![format!("{}/32", address(n)), format!("fd00::1:{n:x}/128")],
        profile,
        not_after: None,
        psk_ref: None,
    }
}

/// A device's address.
pub(super) fn address(n: usize) -> String {
    format!("100.96.{}.{}", 1 + n / 250, 2 + n % 250)
}

/// What the n-th policy and those after it open: a network whole, or some ports of one.
pub(super) fn profile(n: usize, policies: usize) -> Profile {
    let mut profile = Profile::default();
    for policy in (0..POLICIES_EACH.min(policies)).map(|more| (n + more) % policies) {
        let (v4, v6) = (
            format!("10.{policy}.0.0-10.{policy}.0.255"),
            format!("fd10:{0:x}::-fd10:{0:x}::ffff", policy + 1),
        );
        if policy % 2 == 0 {
            profile.v4.push(v4);
            profile.v6.push(v6);
        } else {
            let ports = |dst: String| {
                ["6", "17"].map(|proto| PortBox {
                    dst: dst.clone(),
                    proto: proto.into(),
                    ports: "443-443".into(),
                })
            };
            profile.v4_ports.extend(ports(v4));
            profile.v6_ports.extend(ports(v6));
        }
    }
    profile
}
