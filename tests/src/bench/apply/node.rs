//! A gateway's node: this process, in a network namespace of its own.

use std::{
    fs::File,
    io::{Read as _, Write as _},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::Utc;
use nexavpn_bundle::Payload;
use nexavpn_gateway::{
    engine::{Engine, Offer, Options},
    nft::{self, NftNames},
    state::{Identity, PrivateKey, Runtime, StateDir},
    tunnel::Kind,
};
use nexavpn_netns::sh;

use super::super::Outcome;
use super::fleet::{Fleet, GATEWAY};

const TABLE: &str = "nexavpn";
const PATIENCE: Duration = Duration::from_secs(10);

/// The node, and the name of its WireGuard interface.
pub(super) struct Node {
    pub(super) interface: String,
}

impl Node {
    /// Starts the interface, which nobody has told anything yet.
    pub(super) fn start_tunnel(&self) -> Outcome<()> {
        let mut command = Command::new("wireguard-go");
        command.arg(&self.interface).env("LOG_LEVEL", "silent");
        let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
        if !status?.success() {
            return Err("wireguard-go does not start".into());
        }
        self.wait_for_socket(true)
    }

    /// Removes interface and table.
    pub(super) fn clear(&self) -> Outcome<()> {
        sh("ip", &["link", "del", "dev", &self.interface]);
        self.wait_for_socket(false)?;
        nft(&format!("add table inet {TABLE}\ndelete table inet {TABLE}\n"))
    }

    fn wait_for_socket(&self, there: bool) -> Outcome<()> {
        let deadline = Instant::now() + PATIENCE;
        while UnixStream::connect(self.socket()).is_ok() != there {
            if Instant::now() > deadline {
                return Err("wireguard-go does not do as it is told".into());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    fn socket(&self) -> PathBuf {
        PathBuf::from(format!("/var/run/wireguard/{}.sock", self.interface))
    }

    /// What has to be done at least: one script, one request.
    pub(super) fn load_bare(&self, payload: &Payload) -> Outcome<[Duration; 2]> {
        let names = NftNames { table: TABLE.to_owned(), interface: payload.interface.name.clone() };
        let script = nft::render_full(payload, &names);
        let key = PrivateKey::generate();
        let mut request = format!("set=1\nprivate_key={}\n", hex(&key.bytes()));
        request += &format!("listen_port={}\n", payload.interface.listen_port);
        for device in &payload.devices {
            let key = hex(&STANDARD.decode(&device.public_key)?);
            request += &format!("public_key={key}\nreplace_allowed_ips=true\n");
            device.ips.iter().for_each(|ip| request += &format!("allowed_ip={ip}\n"));
        }
        request.push('\n');
        let begin = Instant::now();
        nft(&script)?;
        let loaded = Instant::now();
        self.ask(&request)?;
        Ok([loaded - begin, loaded.elapsed()])
    }

    fn ask(&self, request: &str) -> Outcome<()> {
        let mut stream = UnixStream::connect(self.socket())?;
        stream.write_all(request.as_bytes())?;
        let mut answer = [0; 64];
        let length = stream.read(&mut answer)?;
        match answer.get(..length) {
            Some(b"errno=0\n\n") => Ok(()),
            other => Err(format!("WireGuard answers {other:?}").into()),
        }
    }
}

/// Loads a script as it is.
pub(super) fn nft(script: &str) -> Outcome<()> {
    let mut file = tempfile::tempfile()?;
    file.write_all(script.as_bytes())?;
    std::io::Seek::rewind(&mut file)?;
    let output = Command::new("nft").args(["-f", "-"]).stdin(file).output()?;
    match output.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&output.stderr).into()),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An agent's engine on the node, as it is after a join, with the tunnel taken for its own.
pub(super) async fn engine(node: &Node, fleet: &Fleet, dir: &Path) -> Outcome<Engine> {
    let state = StateDir::open(dir)?;
    state.save_private_key(&PrivateKey::generate())?;
    let identity = Identity {
        url: "http://127.0.0.1".into(),
        gateway_id: GATEWAY.into(),
        name: "bench".into(),
        signing_keys: vec![STANDARD.encode(fleet.signing.verifying_key().as_bytes())],
        tls_cert_sha256: None,
        insecure: false,
    };
    state.save_identity(&identity, "none")?;
    state.save_runtime(&Runtime {
        table: TABLE.to_owned(),
        old_tables: Vec::new(),
        interface: Some(node.interface.clone()),
    })?;
    let options = Options {
        interface: Some(node.interface.clone()),
        table: TABLE.to_owned(),
        kind: Kind::Userspace,
    };
    Ok(Engine::start(state, &identity, options, Utc::now(), Duration::ZERO).await?)
}

/// Lets the engine take a body, then bring it into force; how long each took.
pub(super) async fn apply(engine: &mut Engine, body: &[u8]) -> Outcome<[Duration; 2]> {
    let begin = Instant::now();
    match engine.offer(body)? {
        Offer::Accepted => {}
        other => return Err(format!("{other:?}").into()),
    }
    let taken = Instant::now();
    engine.reconcile(Utc::now(), false).await?;
    Ok([taken - begin, taken.elapsed()])
}

/// What the kernel has in a device map for an address.
pub(super) fn in_force(address: &str) -> Outcome<String> {
    let element = format!("{{ {address} }}");
    let output = Command::new("nft")
        .args(["get", "element", "inet", TABLE, "dev4", &element])
        .stderr(File::open("/dev/null")?)
        .output()?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
