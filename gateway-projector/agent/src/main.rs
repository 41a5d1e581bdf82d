//! The gateway agent.

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use nexavpn_bundle::is_interface_name;
use nexavpn_gateway::engine::Options;
use nexavpn_gateway::run::Settings;
use nexavpn_gateway::state::StateDir;
use nexavpn_gateway::tunnel::Kind;
use nexavpn_gateway::{doctor, join, local, prompt, run};
use tracing_subscriber::EnvFilter;

/// What `unit` prints.
const UNIT: &str = include_str!("../nexavpn-gateway.service");

/// NexaVPN gateway agent: applies the signed bundles of a control plane to
/// nftables and WireGuard on this node.
///
/// Join once with the token that an admin made for this gateway, then keep
/// `run` going. Without the control plane the node keeps enforcing the last
/// bundle; before the first bundle it denies everything.
#[derive(Debug, Parser)]
#[command(name = "nexavpn-gateway", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Become a gateway with a join token.
    Join(Join),
    /// Fetch, verify and apply bundles until stopped.
    ///
    /// On SIGTERM and Ctrl-C the firewall stays, and so does a kernel
    /// interface: the node serves on. A wireguard-go that serves the interface
    /// is stopped unless --keep-tunnel is given; with it (or after a crash) the
    /// next start adopts it and no packet is lost.
    Run(Run),
    /// Show who this gateway is and what is in force.
    Status(Place),
    /// Look whether this node can be a gateway, before a join and after.
    ///
    /// One line for each check: ok, a warning, or a failure with what to do.
    /// Ends with status 1 where something fails. Changes nothing.
    Doctor(Doctor),
    /// Print a systemd unit for `run`.
    Unit,
    /// Give the gateway up on this node: tunnel, firewall, keys and state.
    Leave(Place),
}

#[derive(Debug, Args)]
struct Place {
    /// Where keys, credential and bundles are kept.
    #[arg(long, env = "NEXAVPN_GATEWAY_STATE_DIR", default_value = "/var/lib/nexavpn-gateway")]
    state_dir: PathBuf,
}

#[derive(Debug, Args)]
struct Join {
    /// Base URL of the control plane, such as https://vpn.example.com.
    url: String,
    /// The join token. Without it, or with `-`, it is read from standard input,
    /// out of sight of `ps`.
    token: Option<String>,
    /// Use the WireGuard private key in this file instead of making one: the key
    /// alone, as `wg genkey` prints it, the wg0.conf of a WireGuard server that
    /// this gateway replaces, or the wg0.json of wg-easy. It stays on this node.
    #[arg(long, value_name = "FILE")]
    private_key_file: Option<PathBuf>,
    /// Accept plain HTTP to another machine: the credential travels in the clear.
    #[arg(long)]
    insecure: bool,
    #[command(flatten)]
    place: Place,
}

/// How the agent uses the node.
#[derive(Debug, Args)]
struct Node {
    /// Name of the WireGuard interface, instead of the bundle's.
    #[arg(long, env = "NEXAVPN_GATEWAY_INTERFACE", value_parser = name)]
    interface: Option<String>,
    /// The nftables table of family inet that the agent owns.
    #[arg(long, env = "NEXAVPN_GATEWAY_TABLE", default_value = "nexavpn", value_parser = table)]
    table: String,
    /// Which WireGuard to use.
    #[arg(long, env = "NEXAVPN_GATEWAY_TUNNEL", value_enum, default_value_t = Kind::Auto)]
    tunnel: Kind,
}

impl From<Node> for Options {
    fn from(node: Node) -> Self {
        Self { interface: node.interface, table: node.table, kind: node.tunnel }
    }
}

#[derive(Debug, Args)]
struct Doctor {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    node: Node,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct Run {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    node: Node,
    /// Seconds between two questions for a newer bundle, where the control plane
    /// does not hold them until there is one.
    #[arg(long, env = "NEXAVPN_GATEWAY_POLL_INTERVAL", default_value = "2", value_parser = seconds)]
    poll_interval: Duration,
    /// Seconds between two status reports without news.
    #[arg(long, env = "NEXAVPN_GATEWAY_REPORT_INTERVAL", default_value = "15", value_parser = seconds)]
    report_interval: Duration,
    /// Answer Prometheus on this address, under /metrics. Without an address:
    /// 127.0.0.1:9586. Not given, nothing listens.
    #[arg(
        long,
        env = "NEXAVPN_GATEWAY_METRICS",
        value_name = "ADDRESS",
        num_args = 0..=1,
        default_missing_value = "127.0.0.1:9586"
    )]
    metrics: Option<SocketAddr>,
    /// Leave wireguard-go running at the end.
    #[arg(long, env = "NEXAVPN_GATEWAY_KEEP_TUNNEL")]
    keep_tunnel: bool,
}

fn name(text: &str) -> Result<String, String> {
    let usable = is_interface_name(text);
    usable.then(|| text.to_owned()).ok_or_else(|| "use 1 to 15 of a-z, 0-9, _ . -".to_owned())
}

fn table(text: &str) -> Result<String, String> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let usable = text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.len() <= 31
        && text.chars().all(allowed);
    usable
        .then(|| text.to_owned())
        .ok_or_else(|| "use up to 31 of a-z, 0-9 and _, a letter first".to_owned())
}

fn seconds(text: &str) -> Result<Duration, String> {
    let number = text.parse::<f64>().ok().filter(|number| (0.05..=86_400.0).contains(number));
    number.map(Duration::from_secs_f64).ok_or_else(|| "use 0.05 to 86400 seconds".to_owned())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    match execute(cli.command).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("nexavpn-gateway: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn execute(command: Command) -> Result<ExitCode, Box<dyn std::error::Error>> {
    match command {
        Command::Join(Join { url, token, private_key_file, insecure, place }) => {
            let state = StateDir::open(&place.state_dir)?;
            let token = match token {
                Some(token) if token != "-" => token,
                _ => prompt::secret("Join token: ")?,
            };
            let key_file = private_key_file.as_deref();
            let identity = join::join(&state, &url, &token, key_file, insecure).await?;
            println!("This node is the gateway {} ({}).", identity.name, identity.gateway_id);
            println!("Start it with: nexavpn-gateway run");
        }
        Command::Run(options) => {
            let state = StateDir::open(&options.place.state_dir)?;
            let settings = Settings {
                options: options.node.into(),
                poll: options.poll_interval,
                report: options.report_interval,
                metrics: options.metrics,
                keep_tunnel: options.keep_tunnel,
            };
            run::run(state, settings, rand::rng()).await?;
        }
        Command::Status(place) => {
            let state = StateDir::open(&place.state_dir)?;
            println!("{}", serde_json::to_string_pretty(&local::status(&state).await?)?);
        }
        Command::Doctor(Doctor { place, node, json }) => {
            let checks = doctor::examine(&place.state_dir, &node.into()).await;
            if json {
                println!(
                    "{}",
                    serde_json::to_string_pretty(&serde_json::json!({ "checks": checks }))?
                );
            } else {
                print!("{}", doctor::render(&checks));
            }
            if doctor::fails(&checks) {
                return Ok(ExitCode::FAILURE);
            }
        }
        Command::Unit => print!("{UNIT}"),
        Command::Leave(place) => {
            local::leave(&StateDir::open(&place.state_dir)?).await?;
            println!("This node is no gateway any more. Delete it in the control plane too.");
            println!("Forwarding (net.ipv4.ip_forward) is left as it is: others may rely on it.");
        }
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values of a setting of the unit.
    fn setting(name: &str) -> Vec<&'static str> {
        UNIT.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix('=')).collect()
    }

    #[test]
    fn the_unit_starts_what_there_is_and_keeps_it_in_its_place() {
        let start = setting("ExecStart");
        let parsed = Cli::try_parse_from(start[0].split(' ')).unwrap();
        let Command::Run(run) = parsed.command else { panic!("{start:?}") };
        assert!(run.keep_tunnel && setting("KillMode") == ["process"]);
        let kept = run.place.state_dir.to_string_lossy().into_owned();
        assert_eq!(kept, format!("/var/lib/{}", setting("StateDirectory")[0]));
        assert!(setting("ConditionPathExists")[0].starts_with(&kept));
        assert_eq!(setting("CapabilityBoundingSet"), ["CAP_NET_ADMIN CAP_NET_BIND_SERVICE"]);
        assert_eq!(setting("NoNewPrivileges"), ["yes"]);
    }

    #[test]
    fn the_variables_that_the_unit_speaks_of_exist() {
        for variable in UNIT.split(|c: char| !c.is_ascii_uppercase() && c != '_') {
            if variable.starts_with("NEXAVPN_") {
                let known = <Cli as clap::CommandFactory>::command();
                let run = known.find_subcommand("run").unwrap();
                assert!(run.get_arguments().any(|arg| arg.get_env() == Some(variable.as_ref())));
            }
        }
    }
}
