//! A gateway between two clients and a server, in network namespaces of their
//! own, and a control plane that serves whatever bundle a test signs.

#![allow(dead_code, reason = "every test binary uses its own part")]

pub use nexavpn_netns as net;
pub mod plane;

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::SigningKey;
use net::{Namespace, ip, sh};
use nexavpn_bundle::{
    Base, Change, Delta, Device, Input, Interface, JoinToken, Nat, Payload, PortBox, Profile, sign,
};
use nexavpn_gateway::state::PrivateKey;
use plane::Plane;
use sha2::{Digest, Sha256};

pub const GATEWAY: &str = "3f1c8a52-0000-4000-8000-0123456789ab";
pub const SERVER: &str = "172.16.10.2";
pub const SERVER6: &str = "fd10::2";

/// Waits until `condition` holds.
pub fn wait_for(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

pub struct Client {
    pub namespace: Namespace,
    pub interface: String,
    pub key: PrivateKey,
    pub v4: String,
    pub v6: String,
}

/// Everything goes when it is dropped.
pub struct World {
    pub gateway: Namespace,
    pub server: Namespace,
    pub clients: Vec<Client>,
    pub interface: String,
    pub signing: SigningKey,
    pub plane: Plane,
    pub state: tempfile::TempDir,
    agent: Mutex<Option<Child>>,
}

impl World {
    /// Builds the network and the control plane; nothing has joined yet.
    pub fn new(clients: u8) -> Self {
        net::require_root();
        let id = format!("{:06x}", rand::random::<u32>() & 0x00ff_ffff);
        let gateway = Namespace::new(&format!("nxt{id}g"));
        let server = Namespace::new(&format!("nxt{id}s"));
        gateway.link("eth1", "172.16.10.1/24", &server, "eth0", "172.16.10.2/24");
        gateway.ip(&["addr", "add", "fd10::1/64", "dev", "eth1", "nodad"]);
        server.ip(&["addr", "add", "fd10::2/64", "dev", "eth0", "nodad"]);
        // The way back for what the gateway does not masquerade.
        server.ip(&["route", "add", "100.96.0.0/16", "via", "172.16.10.1"]);
        server.ip(&["route", "add", "fd00::/64", "via", "fd10::1"]);

        let clients = (0..clients)
            .map(|n| {
                let namespace = Namespace::new(&format!("nxt{id}c{n}"));
                let near = format!("10.9.{n}.1/24");
                gateway.link(
                    &format!("up{n}"),
                    &near,
                    &namespace,
                    "eth0",
                    &format!("10.9.{n}.2/24"),
                );
                let interface = format!("nx{id}c{n}");
                let number = 10 + n;
                Client {
                    namespace,
                    interface,
                    key: PrivateKey::generate(),
                    v4: format!("100.96.0.{number}"),
                    v6: format!("fd00::{number:x}"),
                }
            })
            .collect();
        let signing = SigningKey::from_bytes(&rand::random());
        let plane = Plane::start(&gateway, &signing);
        let state = tempfile::tempdir().unwrap();
        let interface = format!("nx{id}g");
        Self { gateway, server, clients, interface, signing, plane, state, agent: Mutex::new(None) }
    }

    pub fn token(&self) -> JoinToken {
        JoinToken {
            gateway_id: GATEWAY.to_owned(),
            secret: plane::SECRET,
            signing_key_sha256: Sha256::digest(self.signing.verifying_key().as_bytes()).into(),
            tls_cert_sha256: None,
        }
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = self.gateway.command(env!("CARGO_BIN_EXE_nexavpn-gateway"));
        command.args(args).arg("--state-dir").arg(self.state.path());
        command
    }

    /// Runs a subcommand that ends by itself.
    pub fn cli(&self, args: &[&str]) -> std::process::Output {
        self.command(args).output().unwrap()
    }

    pub fn join(&self) {
        let output = self.cli(&["join", &self.plane.url, &self.token().expose()]);
        assert!(output.status.success(), "{output:?}");
    }

    pub fn log(&self) -> PathBuf {
        self.state.path().join("agent.log")
    }

    /// Starts `run`, with a userspace tunnel.
    pub fn start(&self, extra: &[&str]) {
        self.start_with(extra, &[]);
    }

    /// The same, with environment variables.
    pub fn start_with(&self, extra: &[&str], variables: &[(&str, &str)]) {
        let log = File::options().create(true).append(true).open(self.log()).unwrap();
        let mut command = self.command(&["run", "--tunnel", "userspace"]);
        command.args(["--poll-interval", "0.1", "--report-interval", "0.3"]).args(extra);
        command.stdout(Stdio::null()).stderr(log).env("RUST_LOG", "debug,hyper_util=info");
        command.envs(variables.iter().copied());
        *self.agent.lock().unwrap() = Some(command.spawn().unwrap());
    }

    /// `kill -9`, as a crash would.
    pub fn crash(&self) {
        if let Some(mut agent) = self.agent.lock().unwrap().take() {
            agent.kill().unwrap();
            agent.wait().unwrap();
        }
    }

    /// SIGTERM, and waits for the end.
    pub fn stop(&self) {
        if let Some(ended) = self.terminate() {
            assert!(ended.success());
        }
    }

    /// The same, however it ends: one that has hardly begun does not listen yet.
    pub fn terminate(&self) -> Option<ExitStatus> {
        let mut agent = self.agent.lock().unwrap().take()?;
        sh("kill", &["-TERM", &agent.id().to_string()]);
        Some(agent.wait().unwrap())
    }

    /// A payload in which every client has access by `profile`.
    pub fn payload(&self, revision: i64, profile: &Profile) -> Payload {
        let everybody: Vec<(usize, &Profile)> =
            (0..self.clients.len()).map(|n| (n, profile)).collect();
        self.payload_of(revision, &everybody)
    }

    /// A payload of some clients.
    pub fn payload_of(&self, revision: i64, devices: &[(usize, &Profile)]) -> Payload {
        let mut profiles = BTreeMap::new();
        let devices = devices
            .iter()
            .map(|(n, profile)| {
                let name = profile.name().unwrap();
                profiles.insert(name.clone(), (*profile).clone());
                let client = &self.clients[*n];
                Device {
                    id: format!("00000000-0000-4000-8000-{n:012x}"),
                    public_key: client.key.public_key(),
                    ips: vec![format!("{}/32", client.v4), format!("{}/128", client.v6)],
                    profile: name,
                    not_after: None,
                    psk_ref: None,
                }
            })
            .collect();
        Payload {
            devices,
            profiles,
            interface: Interface { name: self.interface.clone(), ..empty_payload().interface },
            revision,
            ..empty_payload()
        }
    }

    /// Publishes and waits until the node has applied it.
    pub fn publish(&self, payload: &Payload) {
        self.plane.publish(&self.signing, payload);
        self.applied(payload.revision);
    }

    pub fn applied(&self, revision: i64) {
        wait_for("the report of an applied revision", || {
            let report = self.plane.last_report();
            report.and_then(|report| report.applied).is_some_and(|at| at.revision == revision)
        });
    }

    /// Brings the clients' tunnels up.
    pub fn connect_clients(&self) {
        for n in 0..self.clients.len() {
            self.connect_client(n);
        }
    }

    /// Brings a client's tunnel up.
    pub fn connect_client(&self, n: usize) {
        let key = self.state.path().join("private.key");
        let public =
            PrivateKey::parse(&std::fs::read_to_string(key).unwrap()).unwrap().public_key();
        self.clients[n].connect(&public, &format!("10.9.{n}.1:51820"));
    }

    /// The delta from one payload to another.
    pub fn delta(&self, from: &Payload, to: &Payload) -> Vec<u8> {
        let base = sign(from, &self.signing).unwrap();
        let base = Base { epoch: base.epoch, revision: base.revision, sha256: base.sha256 };
        let stays = |id: &String| to.devices.iter().any(|device| device.id == *id);
        let ids = from.devices.iter().map(|device| device.id.clone());
        let new = to.profiles.iter().filter(|(name, _)| !from.profiles.contains_key(*name));
        let gone = from.profiles.keys().filter(|name| !to.profiles.contains_key(*name));
        let change = Change {
            put_devices: to.devices.iter().filter(|d| !from.devices.contains(d)).cloned().collect(),
            removed_devices: ids.filter(|id| !stays(id)).collect(),
            put_profiles: new.map(|(name, profile)| (name.clone(), profile.clone())).collect(),
            removed_profiles: gone.cloned().collect(),
        };
        let delta = Delta::new(base, to.clone().into_parts().0, change);
        delta.body(&sign(to, &self.signing).unwrap().seal()).unwrap()
    }

    /// The table without its counters; its objects in an order of their own,
    /// since nft lists them in the order in which they were made.
    pub fn ruleset(&self) -> String {
        let text = self.gateway.run("nft", &["-s", "list", "table", "inet", "nexavpn"]);
        let text = text.replace("table inet nexavpn {\n", "");
        let mut objects: Vec<&str> = text.strip_suffix("}\n").unwrap().split("\n\n").collect();
        objects.iter_mut().for_each(|object| *object = object.trim());
        objects.sort_unstable();
        objects.join("\n")
    }

    pub fn peers(&self) -> Vec<String> {
        let text = sh("wg", &["show", &self.interface, "allowed-ips"]);
        let mut lines: Vec<String> = text.lines().map(ToOwned::to_owned).collect();
        lines.sort();
        lines
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(mut agent) = self.agent.lock().unwrap_or_else(PoisonError::into_inner).take() {
            let _ = agent.kill();
            let _ = agent.wait();
        }
        if std::thread::panicking() {
            for name in ["agent.log", "wireguard-go.log"] {
                let text = std::fs::read_to_string(self.state.path().join(name));
                eprintln!("--- {name}\n{}", text.unwrap_or_default());
            }
        }
        for client in &self.clients {
            client.namespace.quietly(&["link", "del", "dev", &client.interface]);
        }
        self.gateway.quietly(&["link", "del", "dev", &self.interface]);
    }
}

impl Client {
    fn connect(&self, gateway: &str, endpoint: &str) {
        let mut command = self.namespace.command("wireguard-go");
        command.arg(&self.interface).stdout(Stdio::null()).stderr(Stdio::null());
        assert!(command.status().unwrap().success());
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), self.key.expose()).unwrap();
        let path = file.path().to_string_lossy().into_owned();
        sh(
            "wg",
            &[
                "set",
                &self.interface,
                "private-key",
                &path,
                "peer",
                gateway,
                "endpoint",
                endpoint,
                "allowed-ips",
                "0.0.0.0/0,::/0",
                "persistent-keepalive",
                "1",
            ],
        );
        let namespace = &self.namespace;
        namespace.ip(&["addr", "add", &format!("{}/32", self.v4), "dev", &self.interface]);
        namespace.ip(&[
            "addr",
            "add",
            &format!("{}/128", self.v6),
            "dev",
            &self.interface,
            "nodad",
        ]);
        namespace.ip(&["link", "set", &self.interface, "mtu", "1380", "up"]);
        for route in ["172.16.10.0/24", "100.96.0.0/16", "fd10::/64", "fd00::/64"] {
            namespace.ip(&["route", "add", route, "dev", &self.interface]);
        }
    }
}

/// No devices, no access.
pub fn empty_payload() -> Payload {
    Payload {
        format: 1,
        gateway_id: GATEWAY.to_owned(),
        epoch: 7,
        revision: 1,
        issued_at: "2026-11-21T02:30:00Z".into(),
        max_stale_s: None,
        interface: Interface {
            name: "wg0".into(),
            listen_port: 51820,
            mtu: 1380,
            addresses: vec!["100.96.0.1/16".into(), "fd00::1/64".into()],
            public_key: None,
            key_rotation: None,
        },
        input: Input { dns: true, icmp_echo: true },
        devices: vec![],
        profiles: BTreeMap::new(),
        nat: Nat::default(),
    }
}

pub fn port_box(dst: &str, proto: &str, ports: &str) -> PortBox {
    PortBox { dst: dst.into(), proto: proto.into(), ports: ports.into() }
}

/// The server on some TCP ports, in both families.
pub fn tcp_ports(ports: &[&str]) -> Profile {
    let boxes = |dst: &str| ports.iter().map(|port| port_box(dst, "6", port)).collect();
    Profile {
        v4_ports: boxes("172.16.10.2-172.16.10.2"),
        v6_ports: boxes("fd10::2-fd10::2"),
        ..Profile::default()
    }
}

/// The server's networks, whole.
pub fn open() -> Profile {
    Profile {
        v4: vec!["172.16.10.0-172.16.10.255".into()],
        v6: vec!["fd10::-fd10::ffff:ffff:ffff:ffff".into()],
        ..Profile::default()
    }
}

pub fn key_of(number: u8) -> String {
    STANDARD.encode([number; 32])
}

pub fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap()
}

pub fn namespace(prefix: &str) -> Namespace {
    net::require_root();
    let made = Namespace::new(&format!("{prefix}{:06x}", rand::random::<u32>() & 0x00ff_ffff));
    ip(&["-n", &made.name, "link", "set", "lo", "up"]);
    made
}
