//! The fleet behind the bundles, and what is done to it.

use std::collections::BTreeMap;
use std::net::UdpSocket;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use nexavpn_bundle::{Device, Interface, Masquerade, Payload, Profile};
use rand::rngs::StdRng;
use rand::{Rng as _, RngExt as _};

use super::support::net::Namespace;
use super::support::{World, empty_payload, port_box};

/// How many devices there are besides those that send.
const OTHERS: u16 = 300;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Update {
    /// The first device gets another profile, with the same flows.
    EditA,
    /// The second one, still without them.
    EditB,
    /// A policy of all others is edited.
    EditOthers,
    /// Nothing changes but the revision.
    Rename,
    AddDevices,
    RemoveDevice,
    BulkRevoke,
    RotateKeys,
    /// What the gateway itself does: the hooks are written anew.
    Frame,
    /// The third device's flows are opened or closed.
    TurnC,
    RevokeD,
    EnrolD,
}

struct Other {
    key: String,
    profile: u8,
}

/// What is known of the devices.
pub struct Fleet {
    revision: i64,
    /// Makes profiles differ.
    a: u8,
    b: u8,
    others: BTreeMap<u16, Other>,
    edition: u8,
    b_is_open: bool,
    masquerades: bool,
    echo: bool,
    /// Whether the third device's flows are open.
    pub c: bool,
    d: bool,
}

impl Fleet {
    pub fn new(rng: &mut StdRng) -> Self {
        let mut fleet = Self {
            revision: 1,
            a: 0,
            b: 0,
            others: BTreeMap::new(),
            edition: 0,
            b_is_open: false,
            masquerades: false,
            echo: true,
            c: false,
            d: true,
        };
        fleet.add(rng, OTHERS);
        fleet
    }

    fn add(&mut self, rng: &mut StdRng, count: u16) {
        let free: Vec<u16> = (0..OTHERS).filter(|n| !self.others.contains_key(n)).collect();
        for n in free.into_iter().take(count.into()) {
            let other = Other { key: key(rng), profile: rng.random_range(0..8) };
            self.others.insert(n, other);
        }
    }

    /// Does one thing or another.
    pub fn change(&mut self, rng: &mut StdRng) -> Update {
        self.revision += rng.random_range(1..=3);
        let update = match rng.random_range(0..100) {
            0..18 => Update::EditA,
            18..28 => Update::EditB,
            28..36 => Update::EditOthers,
            36..46 => Update::Rename,
            46..58 => Update::AddDevices,
            58..68 => Update::RemoveDevice,
            68..76 => Update::BulkRevoke,
            76..82 => Update::RotateKeys,
            82..89 => Update::Frame,
            89..96 => Update::TurnC,
            _ if self.d => Update::RevokeD,
            _ => Update::EnrolD,
        };
        match update {
            Update::EditA => self.a = self.a.wrapping_add(1),
            Update::EditB => self.b = self.b.wrapping_add(1),
            Update::EditOthers => self.edition = self.edition.wrapping_add(1),
            Update::Rename => {}
            Update::AddDevices => {
                let count = rng.random_range(1..=60);
                self.add(rng, count);
            }
            Update::RemoveDevice => {
                self.others.pop_first();
            }
            Update::BulkRevoke => {
                let gone = rng.random_range(0..8);
                self.others.retain(|_, other| other.profile != gone);
            }
            Update::RotateKeys => {
                for other in self.others.values_mut().take(5) {
                    other.key = key(rng);
                }
            }
            Update::Frame if rng.random_bool(0.5) => self.masquerades = !self.masquerades,
            Update::Frame => self.echo = !self.echo,
            Update::TurnC => self.c = !self.c,
            Update::RevokeD | Update::EnrolD => self.d = !self.d,
        }
        update
    }

    /// Lets the second device reach everything that it tried to reach.
    pub fn open_b(&mut self) {
        self.revision += 1;
        self.b_is_open = true;
    }

    pub fn payload(&self, world: &World) -> Payload {
        let clients = &world.clients;
        let mut payload = Payload {
            revision: self.revision,
            interface: Interface { name: world.interface.clone(), ..empty_payload().interface },
            ..empty_payload()
        };
        payload.input.icmp_echo = self.echo;
        if self.masquerades {
            payload.nat.v4_masquerade =
                vec![Masquerade { src: "100.96.0.0/16".into(), oif: "eth1".into() }];
        }
        let mut put = |n: u16, key: String, ips: Vec<String>, profile: Profile| {
            let name = profile.name().unwrap();
            payload.profiles.insert(name.clone(), profile);
            payload.devices.push(Device {
                id: format!("00000000-0000-4000-8000-{n:012x}"),
                public_key: key,
                ips,
                profile: name,
                not_after: None,
                psk_ref: None,
            });
        };
        let mut open_b = everything();
        open_b.v4.push(range(&clients[0].v4));
        let b = if self.b_is_open { open_b } else { nothing_much(self.b) };
        let c = if self.c { everything() } else { nothing_much(100) };
        let profiles =
            [Some(with_more(everything(), self.a)), Some(b), Some(c), self.d.then(everything)];
        for (n, (client, profile)) in clients.iter().zip(profiles).enumerate() {
            let ips = vec![format!("{}/32", client.v4), format!("{}/128", client.v6)];
            if let Some(profile) = profile {
                put(u16::try_from(n).unwrap(), client.key.public_key(), ips, profile);
            }
        }
        for (n, Other { key, profile }) in &self.others {
            let ips = vec![
                format!("100.96.{}.{}/32", 1 + n / 200, 1 + n % 200),
                format!("fd00::1:{n:x}/128"),
            ];
            put(16 + n, key.clone(), ips, group(*profile, self.edition));
        }
        payload
    }
}

fn key(rng: &mut StdRng) -> String {
    let mut key = [0; 32];
    rng.fill_bytes(&mut key);
    STANDARD.encode(key)
}

/// All that the flood is about.
fn everything() -> Profile {
    let mut profile = Profile {
        v4: vec![range("172.16.10.3")],
        v6: vec!["fd10::3-fd10::3".into()],
        v4_ports: vec![
            port_box("100.96.0.1-100.96.0.1", "17", "53-53"),
            port_box("172.16.10.2-172.16.10.2", "17", "5002-5002"),
            port_box("172.16.10.2-172.16.10.2", "17", "5009-5009"),
        ],
        v6_ports: vec![port_box("fd10::2-fd10::2", "17", "5002-5002")],
    };
    profile.v4.push("172.20.0.0-172.20.0.255".into());
    profile
}

/// The same and something else.
fn with_more(mut profile: Profile, n: u8) -> Profile {
    profile.v4.push(format!("172.21.{n}.0-172.21.{n}.255"));
    profile.v4_ports.push(port_box(&range("172.16.10.9"), "6", &format!("{n}-{n}")));
    profile
}

/// One port of the server, and other things.
fn nothing_much(n: u8) -> Profile {
    Profile {
        v4: vec![format!("172.22.{n}.0-172.22.{n}.255")],
        v4_ports: vec![port_box(&range("172.16.10.2"), "17", "5009-5009")],
        ..Profile::default()
    }
}

fn group(n: u8, edition: u8) -> Profile {
    let mut profile = with_more(nothing_much(101 + n), edition);
    profile.v6 = vec![format!("fd20:{0}::-fd20:{0}::ffff", n + 1)];
    profile
}

fn range(address: &str) -> String {
    format!("{address}-{address}")
}

/// Whether a datagram is answered.
pub fn reaches_udp6(namespace: &Namespace, host: &str, port: u16) -> bool {
    namespace.inside(|| {
        let socket = UdpSocket::bind("[::]:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(900))).unwrap();
        socket.send_to(b"hello", (host, port)).unwrap();
        socket.recv_from(&mut [0; 16]).is_ok()
    })
}

/// What every namespace says of packets that it had no room for.
pub fn buffers(world: &World) -> String {
    let mut text = "packets without room:".to_owned();
    let clients = world.clients.iter().map(|client| &client.namespace);
    for namespace in clients.chain([&world.gateway, &world.server]) {
        let snmp = namespace.run("cat", &["/proc/net/snmp", "/proc/net/snmp6"]);
        let mut udp = snmp.lines().filter(|line| line.starts_with("Udp: "));
        let (names, values) = (udp.next().unwrap_or_default(), udp.next().unwrap_or_default());
        let full =
            names.split(' ').zip(values.split(' ')).find(|(name, _)| *name == "RcvbufErrors");
        let full6 = snmp.lines().find(|line| line.starts_with("Udp6RcvbufErrors"));
        let links: serde_json::Value =
            serde_json::from_str(&namespace.ip(&["-s", "-j", "link"])).unwrap();
        let dropped: Vec<String> = links
            .as_array()
            .into_iter()
            .flatten()
            .map(|link| {
                let of = |way: &str| link["stats64"][way]["dropped"].as_u64().unwrap_or_default();
                format!("{} {}+{}", link["ifname"], of("rx"), of("tx"))
            })
            .collect();
        text += &format!("\n{}: {full:?} {full6:?} {}", namespace.name, dropped.join(", "));
    }
    let listed = world.gateway.run("nft", &["list", "table", "inet", "nexavpn"]);
    let drops = listed.lines().map(str::trim).scan("", |chain, line| {
        if let Some(name) = line.strip_prefix("chain ") {
            *chain = name.trim_end_matches(" {");
        }
        Some((*chain, line))
    });
    let counted = drops.filter(|(_, line)| line.contains("counter packets"));
    let counted = counted.filter(|(_, line)| !line.contains("packets 0 "));
    text += "\nnft dropped:";
    counted.for_each(|(chain, line)| text += &format!("\n{chain}: {line}"));
    text
}
