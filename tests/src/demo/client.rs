//! The two clients' machines.

use std::{fs, os::unix::fs::PermissionsExt, process::Command};

use nexavpn_netns::Namespace;
use serde_json::{Value, json};

use super::{Outcome, api::Api, until, world::World};

/// A WireGuard client in its namespace.
pub(super) struct Client<'a> {
    world: &'a World,
    ns: &'a Namespace,
    name: &'static str,
    interface: String,
}

impl<'a> Client<'a> {
    pub(super) fn new(world: &'a World, number: usize, name: &'static str) -> Outcome<Self> {
        let ns = &world.clients[number];
        // `ip netns exec` shows this file as /etc/resolv.conf inside the namespace.
        fs::create_dir_all(format!("/etc/netns/{}", ns.name))?;
        fs::write(format!("/etc/netns/{}/resolv.conf", ns.name), "")?;
        let interface = format!("nx{}c{number}", world.tag);
        Ok(Self { world, ns, name, interface })
    }

    /// Makes a key pair as a person would; gives the public half.
    fn make_key(&self) -> Outcome<String> {
        let private = run(Command::new("wg").arg("genkey"), None)?;
        self.write("key", &private)?;
        Ok(run(Command::new("wg").arg("pubkey"), Some(&private))?.trim().to_owned())
    }

    /// Enrols as a client's app does, with a key of the client's own.
    pub(super) fn enrol(&self, user: &Api, name: &str) -> Outcome<Value> {
        let enrolment = json!({
            "name": name, "platform": "linux", "os_version": "12", "app_version": "0.1.0",
            "device_fingerprint": "sha256:demo", "public_key": self.make_key()?,
        });
        user.post("/devices/enroll", &enrolment)
    }

    /// Connects with the profile as it came and a key of the client's own: `wg setconf` takes it,
    /// and the key is set afterwards.
    pub(super) fn connect_with_own_key(&self, profile: &str) -> Outcome {
        let file = self.write("conf", profile)?;
        let stripped = run(Command::new("wg-quick").arg("strip").arg(&file), None)?;
        let stripped = self.write("stripped", &stripped)?;
        let exists = self.ns.command("ip").args(["link", "show", &self.interface]).output()?;
        if !exists.status.success() {
            run(self.ns.command("wireguard-go").arg(&self.interface), None)?;
        }
        let (wg, key) = (|| self.ns.command("wg"), self.path("key"));
        run(wg().arg("setconf").arg(&self.interface).arg(&stripped), None)?;
        run(wg().args(["set", &self.interface, "private-key", &key]), None)?;
        let (mut addresses, mut dns) = (vec![], vec![]);
        for line in profile.lines() {
            if let Some((key, value)) = line.split_once(" = ") {
                let values = value.split(", ").map(str::to_owned);
                match key {
                    "Address" => addresses.extend(values),
                    "DNS" => dns.extend(values),
                    _ => {}
                }
            }
        }
        for address in addresses {
            self.ip(&["address", "replace", &address, "dev", &self.interface])?;
        }
        self.ip(&["link", "set", &self.interface, "up"])?;
        self.route(&routes(profile))?;
        let resolvers = dns.iter().filter(|d| d.parse::<std::net::IpAddr>().is_ok());
        let lines: String = resolvers.map(|d| format!("nameserver {d}\n")).collect();
        Ok(fs::write(format!("/etc/netns/{}/resolv.conf", self.ns.name), lines)?)
    }

    /// Sends more into the tunnel than the profile says, as a client that means to cheat would.
    pub(super) fn widen(&self, gateway_key: &str, networks: &[&str]) -> Outcome {
        let list = networks.join(",");
        let args = ["set", &self.interface, "peer", gateway_key, "allowed-ips", &list];
        run(self.ns.command("wg").args(args), None)?;
        self.route(&networks.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>())
    }

    /// Changes the gateway's key for the one of a profile, and nothing else.
    pub(super) fn change_gateway(&self, old: &str, profile: &str) -> Outcome {
        let value = |key: &str| {
            let start = format!("{key} = ");
            let line = profile.lines().find_map(|line| line.strip_prefix(&start));
            line.ok_or_else(|| format!("no {key} in {profile}"))
        };
        let remove = ["peer", old, "remove", "peer", value("PublicKey")?];
        let routes = value("AllowedIPs")?.replace(' ', "");
        let add = ["endpoint", value("Endpoint")?, "allowed-ips", &routes];
        let mut set = self.ns.command("wg");
        set.args(["set", &self.interface]).args(remove).args(add);
        run(&mut set, None).map(drop)
    }

    /// Connects with a complete profile exactly as it came, by `wg-quick up`.
    pub(super) fn quick_up(&self, profile: &str) -> Outcome {
        let directory = self.world.file(self.name);
        fs::create_dir_all(&directory)?;
        // wg-quick hands DNS to resolvconf, which a bare machine has not: this one suffices.
        let resolvconf = directory.join("resolvconf");
        let script =
            "#!/bin/sh\n[ \"$1\" = -a ] && grep '^nameserver' > /etc/resolv.conf\nexit 0\n";
        fs::write(&resolvconf, script)?;
        fs::set_permissions(&resolvconf, fs::Permissions::from_mode(0o755))?;
        let file = directory.join(format!("{}.conf", self.interface));
        fs::write(&file, profile)?;
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600))?;
        let path = format!("{}:{}", directory.display(), std::env::var("PATH")?);
        let mut up = self.ns.command("wg-quick");
        up.arg("up").arg(&file).env("PATH", path);
        up.env("WG_QUICK_USERSPACE_IMPLEMENTATION", "wireguard-go");
        run(&mut up, None).map(drop)
    }

    /// Connects anew with another profile.
    pub(super) fn quick_again(&self, profile: &str) -> Outcome {
        let file = self.world.file(self.name).join(format!("{}.conf", self.interface));
        run(self.ns.command("wg-quick").arg("down").arg(&file), None)?;
        self.quick_up(profile)
    }

    /// Whether the name resolves to the address.
    pub(super) fn resolves(&self, name: &str, address: &str) -> Outcome<bool> {
        let found = self.ns.command("getent").args(["ahostsv4", name]).output()?;
        Ok(String::from_utf8_lossy(&found.stdout).starts_with(address))
    }

    /// Whether a host answers over TCP.
    pub(super) fn reaches(&self, host: &str, port: u16) -> bool {
        self.ns.reaches(host, port)
    }

    /// Waits until a host answers, or does not any more.
    pub(super) fn until_reaches(&self, host: &str, port: u16, wanted: bool) -> Outcome {
        let state = if wanted { "reaches" } else { "does not reach" };
        until(&format!("{} {state} {host}", self.name), || Ok(self.reaches(host, port) == wanted))
    }

    /// An open stream to a host.
    pub(super) fn stream(&self, host: &str, port: u16) -> Outcome<std::net::TcpStream> {
        Ok(self.ns.connect(host, port)?)
    }

    fn route(&self, networks: &[String]) -> Outcome {
        for network in networks {
            self.ip(&["route", "replace", network, "dev", &self.interface])?;
        }
        Ok(())
    }

    fn ip(&self, args: &[&str]) -> Outcome {
        run(self.ns.command("ip").args(args), None).map(drop)
    }

    fn path(&self, kind: &str) -> String {
        self.world.file(&format!("{}.{kind}", self.interface)).to_string_lossy().into_owned()
    }

    fn write(&self, kind: &str, text: &str) -> Outcome<String> {
        let path = self.path(kind);
        fs::write(&path, text)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
        Ok(path)
    }
}

impl Drop for Client<'_> {
    fn drop(&mut self) {
        // Deleting its interface ends a wireguard-go.
        let mut delete = self.ns.command("ip");
        let _ = delete.args(["link", "del", &self.interface]).output();
        let _ = fs::remove_dir_all(format!("/etc/netns/{}", self.ns.name));
    }
}

/// The AllowedIPs of a profile.
pub(super) fn routes(profile: &str) -> Vec<String> {
    let line = profile.lines().find_map(|l| l.strip_prefix("AllowedIPs = ")).unwrap_or_default();
    line.split(", ").map(str::to_owned).collect()
}

/// Runs a program and gives what it wrote.
fn run(command: &mut Command, input: Option<&str>) -> Outcome<String> {
    use std::{io::Write, process::Stdio};
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|e| format!("{command:?}: {e}"))?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input.unwrap_or_default().as_bytes())?;
    }
    let output = child.wait_with_output()?;
    if output.status.success() {
        return Ok(String::from_utf8(output.stdout)?);
    }
    Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr)).into())
}
