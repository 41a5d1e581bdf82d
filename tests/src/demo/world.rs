//! The machines of the demo.

use std::{
    cell::RefCell,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use nexavpn_netns::Namespace;
use tempfile::TempDir;

use super::{Outcome, api::Api, until};

/// The admin's password in the demo.
pub(super) const PASSWORD: &str = "correct horse battery staple";
/// Where the web servers answer.
pub(super) const WEB: u16 = 8080;
/// A host that the first policy opens.
pub(super) const APP: &str = "172.16.20.10";
/// A host that it does not.
pub(super) const VAULT: &str = "172.16.21.10";
const DNS: &str = "172.16.20.53";
const CONTROL_PLANE: &str = "198.51.100.1";

/// A program that ends with the demo.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        use nix::{
            sys::signal::{Signal, kill},
            unistd::Pid,
        };
        // Asked to stop first: a control plane shuts its database down.
        if let Ok(pid) = i32::try_from(self.0.id()) {
            let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
        }
        let _ = self.0.wait();
    }
}

/// All machines. The programs stop before the namespaces and files go.
pub(super) struct World {
    programs: RefCell<Vec<Program>>,
    pub(super) control_plane: Namespace,
    pub(super) gateway: Namespace,
    pub(super) clients: [Namespace; 2],
    _servers: Namespace,
    _internet: Namespace,
    pub(super) files: TempDir,
    /// Different in every run, because sockets of wireguard-go are global.
    pub(super) tag: String,
    pub(super) base_url: String,
    binaries: PathBuf,
}

impl World {
    pub(super) fn build(binaries: PathBuf) -> Outcome<Self> {
        Self::build_with(binaries, &[])
    }

    /// The same with further settings of the control plane.
    pub(super) fn build_with(binaries: PathBuf, variables: &[(&str, String)]) -> Outcome<Self> {
        nexavpn_netns::require_root();
        let tag = format!("{:04x}", rand::random::<u16>());
        let ns = |name: &str| Namespace::new(&format!("nx{tag}{name}"));
        let internet = ns("net");
        internet.ip(&["link", "add", "br0", "type", "bridge"]);
        internet.ip(&["link", "set", "br0", "up"]);
        let control_plane = ns("cp");
        let gateway = ns("gw");
        let clients = [ns("c1"), ns("c2")];
        let servers = ns("srv");
        plug(&internet, &control_plane, "cp", &format!("{CONTROL_PLANE}/24"));
        plug(&internet, &gateway, "gw", "198.51.100.2/24");
        plug(&internet, &clients[0], "c1", "198.51.100.11/24");
        plug(&internet, &clients[1], "c2", "198.51.100.12/24");
        gateway.link("lan0", "172.16.20.1/24", &servers, "lan0", &format!("{APP}/24"));
        gateway.ip(&["addr", "add", "172.16.21.1/24", "dev", "lan0"]);
        servers.ip(&["addr", "add", &format!("{DNS}/24"), "dev", "lan0"]);
        servers.ip(&["addr", "add", &format!("{VAULT}/24"), "dev", "lan0"]);
        servers.ip(&["route", "add", "default", "via", "172.16.20.1"]);
        servers.echo(WEB);
        let world = Self {
            programs: RefCell::default(),
            control_plane,
            gateway,
            clients,
            _servers: servers,
            _internet: internet,
            files: tempfile::Builder::new().prefix("nexavpn-demo-").tempdir()?,
            tag,
            base_url: format!("http://{CONTROL_PLANE}:8080"),
            binaries,
        };
        world.start_dns()?;
        world.start_control_plane(variables)?;
        Ok(world)
    }

    fn start_dns(&self) -> Outcome {
        let mut dns = self._servers.command("dnsmasq");
        dns.args(["--keep-in-foreground", "--no-resolv", "--no-hosts", "--user=root"])
            .args(["--pid-file=", "--bind-interfaces", "--conf-file=/dev/null"])
            .arg(format!("--listen-address={DNS}"))
            .arg(format!("--address=/app.demo.test/{APP}"))
            .arg(format!("--address=/vault.demo.test/{VAULT}"));
        self.start(dns, "dns")
    }

    fn start_control_plane(&self, variables: &[(&str, String)]) -> Outcome {
        let mut serve = self.control_plane.command(&self.binary("nexavpn"));
        serve
            .arg("serve")
            .arg("--data-dir")
            .arg(self.files.path().join("data"))
            .args(["--listen", &format!("{CONTROL_PLANE}:8080"), "--insecure-http"])
            .env("NEXAVPN_ADMIN_USERNAME", "admin")
            .env("NEXAVPN_ADMIN_PASSWORD", PASSWORD)
            .env_remove("DATABASE_URL")
            .envs(variables.iter().map(|(name, value)| (*name, value)));
        self.start(serve, "control-plane")?;
        let api = Api::anonymous(self);
        until("the control plane is ready", || Ok(api.is_ready()))
    }

    /// Joins and starts the gateway's agent.
    pub(super) fn start_gateway(&self, token: &str) -> Outcome {
        self.join_gateway(token, None)?;
        self.run_gateway()
    }

    /// Joins the gateway's node, with the key in a file or one of its own.
    pub(super) fn join_gateway(&self, token: &str, key_file: Option<&Path>) -> Outcome {
        let mut join = self.gateway.command(&self.binary("nexavpn-gateway"));
        join.args(["join", &self.base_url, token, "--insecure", "--state-dir"]);
        join.arg(self.files.path().join("gateway"));
        if let Some(file) = key_file {
            join.arg("--private-key-file").arg(file);
        }
        succeeded(&mut join).map(drop)
    }

    /// Starts the agent of a node that has joined.
    pub(super) fn run_gateway(&self) -> Outcome {
        let state = self.files.path().join("gateway");
        let mut run = self.gateway.command(&self.binary("nexavpn-gateway"));
        run.args(["run", "--poll-interval", "0.2", "--report-interval", "1"])
            .args(["--interface", &format!("nx{}g", self.tag), "--state-dir"])
            .arg(&state);
        self.start(run, "gateway")
    }

    /// Runs a subcommand of the control plane beside it, and gives what it wrote.
    pub(super) fn control(&self, arguments: &[&str]) -> Outcome<String> {
        let mut command = self.control_plane.command(&self.binary("nexavpn"));
        command.args(arguments).env("NEXAVPN_DATA_DIR", self.files.path().join("data"));
        succeeded(command.env_remove("DATABASE_URL"))
    }

    /// Serves the gateway's node by plain WireGuard with this configuration, as a server does that
    /// is no gateway yet; gives the interface.
    pub(super) fn start_wireguard(&self, configuration: &Path) -> Outcome<String> {
        let interface = format!("nx{}w", self.tag);
        let node = |program: &str| self.gateway.command(program);
        succeeded(node("wireguard-go").arg(&interface))?;
        let stripped = succeeded(Command::new("wg-quick").arg("strip").arg(configuration))?;
        let file = self.file("stripped.conf");
        std::fs::write(&file, stripped)?;
        succeeded(node("wg").args(["setconf", &interface]).arg(&file))?;
        succeeded(node("ip").args(["address", "add", "10.8.0.1/24", "dev", &interface]))?;
        succeeded(node("ip").args(["link", "set", &interface, "up"]))?;
        succeeded(node("sysctl").args(["-qw", "net.ipv4.ip_forward=1"]))?;
        Ok(interface)
    }

    /// Ends what serves the interface, by deleting it.
    pub(super) fn stop_wireguard(&self, interface: &str) {
        self.gateway.ip(&["link", "del", interface]);
    }

    /// Starts a program whose output goes to a file of the demo.
    pub(super) fn start(&self, mut command: Command, name: &str) -> Outcome {
        let log = std::fs::File::create(self.files.path().join(format!("{name}.log")))?;
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::from(log.try_clone()?))
            .stderr(Stdio::from(log))
            .spawn()?;
        // The newest stops first.
        self.programs.borrow_mut().insert(0, Program(child));
        Ok(())
    }

    /// What the programs wrote: shown where a step fails.
    pub(super) fn logs(&self) -> String {
        let read = |name: &str| {
            let path = self.files.path().join(format!("{name}.log"));
            let text = std::fs::read_to_string(path).unwrap_or_default();
            let lines: Vec<&str> = text.lines().rev().take(30).collect();
            let lines: Vec<&str> = lines.into_iter().rev().collect();
            format!("--- {name}\n{}\n", lines.join("\n"))
        };
        ["control-plane", "gateway", "dns"].map(read).concat()
    }

    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.files.path().join(name)
    }

    fn binary(&self, name: &str) -> String {
        let path: &Path = &self.binaries;
        path.join(name).to_string_lossy().into_owned()
    }
}

/// Runs a program to its end, and gives what it wrote.
fn succeeded(command: &mut Command) -> Outcome<String> {
    let output = command.stdin(Stdio::null()).output()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{:?} failed: {said}", command.get_program()).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// Connects a machine to the "internet".
fn plug(internet: &Namespace, machine: &Namespace, port: &str, address: &str) {
    let name = &machine.name;
    internet.ip(&["link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", name]);
    internet.ip(&["link", "set", port, "master", "br0", "up"]);
    machine.ip(&["addr", "add", address, "dev", "eth0"]);
    machine.ip(&["link", "set", "eth0", "up"]);
}
