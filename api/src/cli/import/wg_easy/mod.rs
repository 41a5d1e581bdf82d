//! `nexavpn import wg-easy`

mod json;
mod report;
mod sqlite;

use std::{
    fs::File,
    io::{self, Read as _},
    net::Ipv4Addr,
    path::{Path, PathBuf},
};

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use nexavpn_commands::{
    AdoptedClient, Adoption, CommandError, GatewayInput, GatewayPatch, Request,
};
use nexavpn_domain::DomainError;
use nexavpn_store::Guard;

use super::super::{
    CliError, Context,
    output::{err, out},
    session::Session,
};

/// How every SQLite database begins.
const SQLITE: &[u8] = b"SQLite format 3\0";
/// The port that clients of wg-easy expect where nobody has changed it.
const PORT: u16 = 51820;
/// What version 14 tells its clients where nobody has changed it; its file does not say.
const DEFAULT_DNS: &str = "1.1.1.1";
/// The interface of its container on which wg-easy masquerades.
const DEFAULT_DEVICE: &str = "eth0";

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// The file: wg0.json of version 14, wg-easy.db of version 15
    file: PathBuf,
    /// The user who gets the devices: the login name of an enabled one
    #[arg(long, value_name = "USERNAME")]
    owner: String,
    /// The gateway's name: a new one is made, or one that exists and has the server's pool is
    /// taken with its settings
    #[arg(long, value_name = "NAME", default_value = "wg-easy")]
    gateway: String,
    /// Where clients reach the server, as their profiles say; version 15 knows it
    #[arg(long, value_name = "HOST:PORT")]
    endpoint: Option<String>,
    /// The port that the node listens on; that of the endpoint otherwise
    #[arg(long, value_name = "PORT")]
    listen_port: Option<u16>,
    /// The resolvers of new profiles, instead of those that version 15 knows, or 1.1.1.1
    #[arg(long, value_name = "ADDRESS", value_delimiter = ',')]
    dns: Option<Vec<String>>,
    /// The MTU of tunnel and new profiles, instead of the one that version 15 knows
    #[arg(long, value_name = "BYTES")]
    mtu: Option<u16>,
    /// The keepalive of new profiles, instead of the one that version 15 knows, or none
    #[arg(long, value_name = "SECONDS")]
    persistent_keepalive: Option<u16>,
    /// The node's interface on which the clients' addresses are masqueraded: wg-easy says what it
    /// is called in its container
    #[arg(long, value_name = "INTERFACE", value_delimiter = ',')]
    masquerade: Option<Vec<String>>,
    /// Leave version 15's IPv6 addresses out
    #[arg(long)]
    no_ipv6: bool,
    /// Also make a policy by which the owner's devices reach everything, as with wg-easy; without
    /// one they reach nothing
    #[arg(long)]
    allow_all: bool,
    /// Say what would happen, and change nothing
    #[arg(long)]
    dry_run: bool,
}

/// What a file of wg-easy tells. The server's private key is not among it.
struct Exported {
    /// `wg-easy 14`
    version: &'static str,
    server: Server,
    clients: Vec<Client>,
    /// What it tells and NexaVPN does not do.
    left_out: Vec<String>,
}

#[derive(Default)]
struct Server {
    public_key: String,
    pool_v4: String,
    pool_v6: Option<String>,
    /// Version 14 has these in its environment.
    host: Option<String>,
    port: Option<u16>,
    dns: Option<Vec<String>>,
    mtu: Option<u16>,
    persistent_keepalive: Option<u16>,
    device: Option<String>,
}

struct Client {
    adopted: AdoptedClient,
    /// Tells their order.
    created_at: Option<DateTime<Utc>>,
}

/// Why a file was not read. Never with a value out of it, which could be a key.
#[derive(Debug, thiserror::Error)]
enum FileError {
    #[error("cannot read {file}: {why}")]
    Io { file: String, why: io::Error },
    #[error(
        "{0} is the configuration of a WireGuard interface, which names nobody: give wg0.json \
         (wg-easy 14) or wg-easy.db (wg-easy 15), which lie beside it"
    )]
    Configuration(String),
    #[error("{file} is not what wg-easy 14 writes: {why}")]
    Json { file: String, why: String },
    #[error("{file} is not what wg-easy 15 writes: {why}")]
    Database { file: String, why: String },
}

impl From<FileError> for CliError {
    fn from(error: FileError) -> Self {
        // The file's own names may be in it, and are for no terminal to obey.
        Self::Said(error.to_string().replace(char::is_control, "\u{fffd}"))
    }
}

pub(super) async fn run(context: Context, args: Args) -> Result<(), CliError> {
    let mut exported = read(&args.file)?;
    // Devices are listed in the order in which they were enrolled.
    exported.clients.sort_by_cached_key(|client| {
        let address: Option<Ipv4Addr> = client.adopted.address_v4.trim().parse().ok();
        (client.created_at.is_none(), client.created_at, address)
    });
    let session = Session::open_existing(context).await?;
    let done = import(&session, &args, exported).await;
    session.close(done).await
}

async fn import(session: &Session, args: &Args, exported: Exported) -> Result<(), CliError> {
    let commands = session.commands().await?;
    if let Guard::Restored { why } = commands.store().guard() {
        return Err(CliError::Said(format!(
            "{why}: run `nexavpn restore accept` first, if this is the history to go on from"
        )));
    }
    let mut request = Request::system("terminal", commands.new_id());
    request.reason = Some(format!("moved over from {}", exported.version));
    let Exported { version, server, clients, left_out } = exported;
    let adoption = adoption(args, server, clients);
    match commands.adopt_server(&request, adoption, args.dry_run).await {
        Ok(done) => {
            report::lines(args, version, &done.value, &left_out).iter().for_each(|line| out(line));
            Ok(())
        }
        Err(CommandError::Domain(DomainError::Validation(problems))) => {
            err(&format!(
                "nexavpn: nothing was changed, because of {}:",
                report::things(&problems)
            ));
            for problem in &problems {
                err(&format!("  {}: {}", report::field(&problem.field), problem.message));
            }
            Err(CliError::Problems)
        }
        Err(error) => Err(error.into()),
    }
}

/// What is asked of the control plane.
fn adoption(args: &Args, server: Server, clients: Vec<Client>) -> Adoption {
    let host = server.host.filter(|host| !host.trim().is_empty());
    let known = host.map(|host| {
        let port = server.port.unwrap_or(PORT);
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
    });
    let dns = server.dns.unwrap_or_else(|| vec![DEFAULT_DNS.to_owned()]);
    let device = server.device.unwrap_or_else(|| DEFAULT_DEVICE.to_owned());
    let preshared = clients.iter().any(|client| client.adopted.preshared_key.is_some());
    let rest = GatewayPatch {
        listen_port: args.listen_port.map(i64::from),
        dns_servers: Some(args.dns.clone().unwrap_or(dns)),
        mtu: args.mtu.or(server.mtu).map(i64::from),
        persistent_keepalive: Some(
            args.persistent_keepalive.or(server.persistent_keepalive).unwrap_or(0).into(),
        ),
        masquerade_interfaces: Some(args.masquerade.clone().unwrap_or_else(|| vec![device])),
        preshared_keys: Some(preshared),
        ..GatewayPatch::default()
    };
    let clients = clients.into_iter().map(|client| {
        let mut client = client.adopted;
        client.address_v6 = client.address_v6.filter(|_| !args.no_ipv6);
        client
    });
    Adoption {
        owner: args.owner.clone(),
        gateway: GatewayInput {
            name: args.gateway.clone(),
            endpoint: args.endpoint.clone().or(known).unwrap_or_default(),
            public_key: Some(server.public_key),
            address_pool_v4: server.pool_v4,
            address_pool_v6: server.pool_v6.filter(|_| !args.no_ipv6),
            rest,
        },
        clients: clients.collect(),
        allow_all: args.allow_all,
    }
}

/// Reads the file of either version.
fn read(path: &Path) -> Result<Exported, FileError> {
    let file = path.display().to_string();
    let io = |why| FileError::Io { file: file.clone(), why };
    let mut begin = Vec::new();
    let opened = File::open(path).map_err(io)?;
    opened.take(1024).read_to_end(&mut begin).map_err(io)?;
    if begin.starts_with(SQLITE) {
        return sqlite::read(path).map_err(|why| FileError::Database { file, why });
    }
    let text = String::from_utf8_lossy(&begin);
    if text.lines().any(|line| line.trim().eq_ignore_ascii_case("[interface]")) {
        return Err(FileError::Configuration(file));
    }
    let opened = File::open(path).map_err(io)?;
    json::read(io::BufReader::new(opened)).map_err(|why| FileError::Json { file, why })
}

/// A time as either version writes it: RFC 3339, or as SQLite's CURRENT_TIMESTAMP, which is in UTC;
/// a day alone lasts to its end.
fn time(text: &str) -> Option<DateTime<Utc>> {
    let text = text.trim();
    let zoned = DateTime::parse_from_rfc3339(text).ok().map(|t| t.with_timezone(&Utc));
    let plain = || NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S").ok();
    let day = || {
        let end = NaiveTime::from_hms_opt(23, 59, 59)?;
        Some(NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?.and_time(end))
    };
    zoned.or_else(|| plain().or_else(day).map(|t| t.and_utc()))
}

/// Empty text is what is not there.
fn present(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.trim().is_empty())
}
