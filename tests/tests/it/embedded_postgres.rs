//! The embedded PostgreSQL: starts, stops, and what happens when somebody is killed.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nexavpn_api::postgres::{DATABASE, EmbeddedPostgres, Options};
use nexavpn_tests::harness::{WIDE, poll_for, poll_until};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sqlx::{Connection, PgConnection};
use tempfile::TempDir;

fn directory() -> TempDir {
    use std::os::unix::fs::PermissionsExt;
    let mut builder = tempfile::Builder::new();
    let passable = std::fs::Permissions::from_mode(0o711);
    builder.prefix("nexavpn-pg-").permissions(passable).tempdir().unwrap()
}

/// Not durable only to be quick; nothing here depends on it.
fn options(dir: &Path) -> Options {
    Options { fsync: false, ..Options::new(dir.join("pg")) }
}

async fn one_value<T>(url: &str, query: &str) -> sqlx::Result<T>
where
    T: Send + Unpin + sqlx::Type<sqlx::Postgres>,
    for<'row> T: sqlx::Decode<'row, sqlx::Postgres>,
{
    let mut connection = PgConnection::connect(url).await?;
    sqlx::query_scalar(query).fetch_one(&mut connection).await
}

fn runs(pid: i32) -> bool {
    // A zombie has ended, but has no working directory any more.
    std::fs::read_link(format!("/proc/{pid}/cwd")).is_ok()
}

/// Another process that runs an embedded server, to be killed.
struct Parent {
    process: Child,
    server: i32,
}

impl Parent {
    async fn start(dir: &Path) -> Self {
        let process = Command::new(env!("CARGO_BIN_EXE_nexavpn-test-postgres"))
            .arg(dir)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let ready = dir.join("ready");
        poll_until(WIDE, || async { ready.exists() }).await;
        let server = postmaster(dir).unwrap();
        Self { process, server }
    }

    fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

fn postmaster(dir: &Path) -> Option<i32> {
    let file = std::fs::read_to_string(dir.join("pg/cluster/postmaster.pid")).ok()?;
    file.lines().next()?.trim().parse().ok()
}

#[tokio::test]
async fn starts_with_both_roles_and_stops_cleanly() {
    let dir = directory();
    let server = EmbeddedPostgres::start(options(dir.path())).await.unwrap();
    let pid = server.pid();
    let who = "SELECT current_user::text";
    let owner: String = one_value(&server.owner_url(DATABASE), who).await.unwrap();
    let user: String = one_value(&server.server_url(DATABASE), who).await.unwrap();
    assert_eq!((owner.as_str(), user.as_str()), ("nexavpn_owner", "nexavpn_server"));
    let listens: String =
        one_value(&server.server_url(DATABASE), "SHOW listen_addresses").await.unwrap();
    assert_eq!(listens, "", "nothing listens on a network");
    let make = "SELECT has_schema_privilege('public', 'CREATE')";
    assert!(!one_value::<bool>(&server.server_url(DATABASE), make).await.unwrap());
    assert!(one_value::<bool>(&server.owner_url(DATABASE), make).await.unwrap());

    let log = server.log_file().to_path_buf();
    server.stop().await.unwrap();
    assert!(!runs(pid));
    assert!(std::fs::read_to_string(log).unwrap().contains("database system is shut down"));

    let begin = Instant::now();
    let server = EmbeddedPostgres::start(options(dir.path())).await.unwrap();
    assert!(begin.elapsed() < Duration::from_secs(5), "a second start makes nothing anew");
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_dropped_server_is_gone() {
    let dir = directory();
    let server = EmbeddedPostgres::start(options(dir.path())).await.unwrap();
    let pid = server.pid();
    drop(server);
    assert!(!runs(pid));
}

#[tokio::test]
async fn two_servers_run_beside_each_other() {
    let (one, other) = (directory(), directory());
    let one = EmbeddedPostgres::start(options(one.path())).await.unwrap();
    let other = EmbeddedPostgres::start(options(other.path())).await.unwrap();
    assert_ne!(one.pid(), other.pid());
}

#[tokio::test]
async fn a_second_process_uses_the_same_server_and_leaves_it_running() {
    let dir = directory();
    let mut parent = Parent::start(dir.path()).await;
    let guest = EmbeddedPostgres::start(options(dir.path())).await.unwrap();
    assert!(!guest.is_responsible());
    assert_eq!(guest.pid(), parent.server);
    let url = guest.server_url(DATABASE);
    guest.stop().await.unwrap();
    assert_eq!(one_value::<i32>(&url, "SELECT 1").await.unwrap(), 1);
    parent.kill();
}

#[tokio::test]
async fn the_server_follows_a_killed_parent_and_starts_again() {
    let dir = directory();
    let mut parent = Parent::start(dir.path()).await;
    parent.kill();
    // At once, while the old one is still on its way out.
    let server = EmbeddedPostgres::start(options(dir.path())).await.unwrap();
    assert!(!runs(parent.server), "the orphan ended");
    assert!(server.is_responsible());
    assert_ne!(server.pid(), parent.server);
    assert_eq!(one_value::<i32>(&server.server_url(DATABASE), "SELECT 1").await.unwrap(), 1);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn the_server_of_a_killed_parent_ends_by_itself() {
    let dir = directory();
    let mut parent = Parent::start(dir.path()).await;
    parent.kill();
    let pid = parent.server;
    poll_until(Duration::from_secs(5), || async { !runs(pid) }).await;
}

#[tokio::test]
async fn a_killed_server_starts_again_at_once() {
    let dir = directory();
    let server = EmbeddedPostgres::start(options(dir.path())).await.unwrap();
    kill(Pid::from_raw(server.pid()), Signal::SIGKILL).unwrap();
    server.exited().await;
    drop(server);
    let server = EmbeddedPostgres::start(options(dir.path())).await.unwrap();
    assert_eq!(one_value::<i32>(&server.server_url(DATABASE), "SELECT 1").await.unwrap(), 1);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_survivor_is_adopted_and_stopped() {
    let dir = directory();
    let server = EmbeddedPostgres::start(options(dir.path())).await.unwrap();
    let binary = std::fs::read_link(format!("/proc/{}/exe", server.pid())).unwrap();
    let socket_dir = server.socket_dir().to_path_buf();
    server.stop().await.unwrap();

    // One that nobody takes down: started without us, as if its parent's death had gone unnoticed.
    let cluster = dir.path().join("pg/cluster");
    let mut stray = as_the_clusters_owner(&cluster, &binary)
        .arg("-D")
        .arg(&cluster)
        .arg("-k")
        .arg(&socket_dir)
        .args(["-c", "listen_addresses=", "-c", "fsync=off"])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let pid = poll_for(WIDE, || async { postmaster(dir.path()) }).await;

    let server = EmbeddedPostgres::start(options(dir.path())).await.unwrap();
    assert_eq!(server.pid(), pid, "adopted, not started anew");
    assert!(server.is_responsible());
    // Whoever reaps it in life (init) is this test here.
    let reaped = std::thread::spawn(move || stray.wait().unwrap());
    server.stop().await.unwrap();
    assert!(!runs(pid));
    assert!(reaped.join().unwrap().success());
}

/// PostgreSQL does not run as root; whom it ran as can be seen from the cluster's owner.
fn as_the_clusters_owner(cluster: &Path, binary: &Path) -> Command {
    use std::os::unix::fs::MetadataExt;
    let owner = cluster.metadata().unwrap().uid();
    let mut command = Command::new(if owner == 0 { "unshare" } else { "setpriv" });
    if owner == 0 {
        command.args(["--user", "--map-user=65534", "--map-group=65534", "--"]);
    } else if nix::unistd::geteuid().is_root() {
        command.arg(format!("--reuid={owner}")).args(["--clear-groups", "--"]);
    } else {
        command = Command::new(binary);
        return command;
    }
    command.arg(binary);
    command
}

#[tokio::test]
async fn a_missing_installation_names_the_line_to_type() {
    let dir = directory();
    let message = Command::new(env!("CARGO_BIN_EXE_nexavpn-test-postgres"))
        .arg(dir.path())
        .env("NEXAVPN_PG_BIN", PathBuf::from("/nonexistent"))
        .output()
        .unwrap();
    assert!(!message.status.success());
    let said = String::from_utf8_lossy(&message.stderr);
    assert!(said.contains("NEXAVPN_PG_BIN"), "{said}");
}
