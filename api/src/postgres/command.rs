//! The command lines of `initdb` and `postgres`.

use std::fs::OpenOptions;
use std::path::Path;
use std::process::{Command, Stdio};

use super::Plan;
use super::error::{Error, Result};
use super::layout::directory;

/// Settings of every server; those given last win.
const SETTINGS: &[(&str, &str)] = &[
    ("listen_addresses", ""),
    ("unix_socket_permissions", "0700"),
    ("logging_collector", "off"),
    ("log_checkpoints", "off"),
    ("timezone", "UTC"),
    ("log_timezone", "UTC"),
    ("max_connections", "200"),
    // Short queries on rows by key: compiling them costs more than it saves.
    ("jit", "off"),
    // A forgotten transaction would hold back every reader of the log.
    ("idle_in_transaction_session_timeout", "30s"),
];

const DURABLE: &[(&str, &str)] = &[("fsync", "on"), ("wal_level", "replica")];

const THROW_AWAY: &[(&str, &str)] = &[
    ("fsync", "off"),
    ("full_page_writes", "off"),
    ("wal_level", "minimal"),
    ("max_wal_senders", "0"),
    ("shared_buffers", "64MB"),
    // In the data directory, so that it goes with it also after a kill.
    ("dynamic_shared_memory_type", "mmap"),
];

/// Makes the cluster beside its place and moves it there, so that an interrupted `initdb` leaves
/// nothing that looks like a cluster.
pub(super) async fn init_cluster(plan: &Plan) -> Result<()> {
    tracing::info!(data = %plan.layout.home.display(), "creating the database");
    let cluster = plan.layout.cluster.clone();
    let making = cluster.with_extension("new");
    if making.exists() {
        std::fs::remove_dir_all(&making).map_err(|error| directory(&making, error))?;
    }
    let command = initdb(plan, &making);
    let program = plan.binaries.program("initdb");
    let failed = |source| Error::Spawn { program, source };
    let output = tokio::task::spawn_blocking(move || {
        let mut command = command;
        command.output()
    })
    .await
    .unwrap_or_else(|error| Err(std::io::Error::other(error)))
    .map_err(failed)?;
    if !output.status.success() {
        return Err(Error::InitDb { output: String::from_utf8_lossy(&output.stderr).into_owned() });
    }
    std::fs::rename(&making, &cluster).map_err(|error| directory(&cluster, error))
}

fn initdb(plan: &Plan, target: &Path) -> Command {
    let mut command = base(plan, "initdb");
    command.arg("-D").arg(target);
    command.args(["-U", "postgres", "--encoding=UTF8", "--locale=C.UTF-8"]);
    // The socket's directory is the guard; nothing listens on a network.
    command.args(["--auth-local=trust", "--auth-host=reject", "--no-instructions"]);
    if plan.options.fsync {
        command.arg("--data-checksums");
    } else {
        command.arg("--no-sync");
    }
    command
}

/// The server itself, writing to its log file.
pub(super) fn server(plan: &Plan) -> Result<Command> {
    let layout = &plan.layout;
    let log = OpenOptions::new()
        .create(true)
        .append(true)
        .open(&layout.log)
        .map_err(|error| directory(&layout.log, error))?;
    let mut command = base(plan, "postgres");
    command.arg("-D").arg(&layout.cluster);
    command.arg("-k").arg(&layout.socket_dir);
    let kind = if plan.options.fsync { DURABLE } else { THROW_AWAY };
    let extra = plan.options.extra_settings.iter();
    let settings = SETTINGS.iter().chain(kind).copied();
    let settings = settings.chain(extra.map(|(name, value)| (name.as_str(), value.as_str())));
    for (name, value) in settings {
        command.arg("-c").arg(format!("{name}={value}"));
    }
    let copy = log.try_clone().map_err(|error| directory(&layout.log, error))?;
    command.stdout(copy).stderr(log);
    Ok(command)
}

/// A program of PostgreSQL's under the right identity and away from the terminal's signals: on
/// Ctrl-C we stop first, and the database after us.
fn base(plan: &Plan, program: &str) -> Command {
    use std::os::unix::process::CommandExt;
    let mut command = Command::new(plan.binaries.program(program));
    // Nothing of ours (secrets, PG* variables) belongs in the database's environment.
    command.env_clear();
    command.env("PATH", "/usr/local/bin:/usr/bin:/bin");
    command.env("LC_ALL", "C.UTF-8");
    command.current_dir(&plan.layout.home);
    command.stdin(Stdio::null());
    command.process_group(0);
    plan.identity.apply(&mut command);
    command
}
