//! PostgreSQL, embedded: NexaVPN runs a server of its own where it is given none.
//!
//! It starts `postgres` itself on a private data directory and a private unix socket, without
//! TCP, and takes it down with itself: cleanly on [`EmbeddedPostgres::stop`], and through the
//! kernel's parent-death signal when the process is killed.
//!
//! One process at a time is responsible for a data directory. Another one that starts on it (an
//! administrative command beside a running server) uses the same PostgreSQL and leaves it alone.

mod binaries;
mod bootstrap;
mod command;
mod error;
mod identity;
mod layout;
mod process;
mod survivor;

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sqlx::{Connection, PgConnection};
use tokio::time::{Instant, sleep};

use binaries::Binaries;
pub use error::{Error, Result};
use identity::Identity;
use layout::{Layout, directory};
use process::Process;
use survivor::PostmasterFile;

/// Owns the database and migrates it.
pub const OWNER_ROLE: &str = "nexavpn_owner";
/// What the server works as: no DDL.
pub const SERVER_ROLE: &str = "nexavpn_server";
/// The database of an ordinary installation.
pub const DATABASE: &str = "nexavpn";
/// What to type on Debian; the first part keeps Debian from starting a server of its own.
pub const INSTALL_LINE: &str = "sudo sh -c 'mkdir -p /etc/postgresql-common && \
     echo create_main_cluster = false >> /etc/postgresql-common/createcluster.conf && \
     apt-get update && apt-get install -y --no-install-recommends postgresql'";

const SUPERUSER: &str = "postgres";
/// How long a start is retried while an earlier server lets go of the directory.
const LET_GO: Duration = Duration::from_secs(5);
/// Crash recovery after a long outage may take a while; past this something is wrong.
const READY_BOUND: Duration = Duration::from_secs(600);
/// How long a fast shutdown (which writes a checkpoint) may take before it is forced.
const STOP_BOUND: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(20);

/// How to run the server.
#[derive(Debug, Clone)]
pub struct Options {
    /// Directory for everything the server keeps; made when missing, mode 0700.
    pub data_dir: PathBuf,
    /// Directory for the socket; by default within `data_dir`, or a short one below `/tmp`.
    pub socket_dir: Option<PathBuf>,
    /// Whether commits survive a crash of the machine. Off is for tests only.
    pub fsync: bool,
    /// PostgreSQL settings that override ours.
    pub extra_settings: Vec<(String, String)>,
}

impl Options {
    /// A durable server below `data_dir`.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            socket_dir: None,
            fsync: true,
            extra_settings: Vec::new(),
        }
    }
}

/// What we are to the server that runs.
#[derive(Debug)]
enum Tie {
    /// We started it.
    Started(Process),
    /// It outlived whoever started it; it is ours to stop.
    Adopted(Pid),
    /// Another live process is responsible for it.
    Attached(Pid),
}

/// A running embedded PostgreSQL. Dropping it stops the server at once, without a checkpoint.
#[derive(Debug)]
pub struct EmbeddedPostgres {
    layout: Layout,
    socket_dir: PathBuf,
    tie: Tie,
    /// Held as long as we are responsible for the server.
    _lock: Option<File>,
}

impl EmbeddedPostgres {
    /// Starts the server, adopts one that survived its parent, or attaches to one that another
    /// process runs. Returns when it takes connections, with roles and database in place.
    pub async fn start(options: Options) -> Result<Self> {
        let prepared = tokio::task::spawn_blocking(move || prepare(options)).await;
        let plan = prepared.map_err(|error| Error::Directory {
            path: PathBuf::new(),
            source: std::io::Error::other(error),
        })??;
        let lock = File::create(&plan.layout.lock).map_err(|e| directory(&plan.layout.lock, e))?;
        let server = match lock.try_lock() {
            Ok(()) => plan.take_charge(lock).await?,
            Err(TryLockError::WouldBlock) => plan.attach(lock).await?,
            Err(TryLockError::Error(error)) => return Err(directory(&plan.layout.lock, error)),
        };
        if !matches!(server.tie, Tie::Attached(_)) {
            bootstrap::run(&server.superuser_url("postgres")).await?;
        }
        Ok(server)
    }

    /// Connection URL of the role that owns and migrates `database`.
    #[must_use]
    pub fn owner_url(&self, database: &str) -> String {
        url(&self.socket_dir, OWNER_ROLE, database)
    }

    /// Connection URL of the role that the server works as.
    #[must_use]
    pub fn server_url(&self, database: &str) -> String {
        url(&self.socket_dir, SERVER_ROLE, database)
    }

    /// Connection URL of the cluster's superuser, for making and copying databases.
    #[must_use]
    pub fn superuser_url(&self, database: &str) -> String {
        url(&self.socket_dir, SUPERUSER, database)
    }

    /// The directory of the server's socket.
    #[must_use]
    pub fn socket_dir(&self) -> &Path {
        &self.socket_dir
    }

    /// The process id of the server.
    #[must_use]
    pub fn pid(&self) -> i32 {
        self.process_id().as_raw()
    }

    /// Whether this process is the one that stops the server.
    #[must_use]
    pub fn is_responsible(&self) -> bool {
        !matches!(self.tie, Tie::Attached(_))
    }

    /// The log file of the server.
    #[must_use]
    pub fn log_file(&self) -> &Path {
        &self.layout.log
    }

    /// Completes when the server has ended, whoever ended it.
    pub async fn exited(&self) {
        match &self.tie {
            Tie::Started(process) => process.exited().await,
            Tie::Adopted(pid) | Tie::Attached(pid) => {
                while survivor::runs(*pid) {
                    sleep(POLL).await;
                }
            }
        }
    }

    /// Shuts the server down cleanly, with a checkpoint. Does nothing where another process is
    /// responsible for it.
    pub async fn stop(self) -> Result<()> {
        if !self.is_responsible() {
            return Ok(());
        }
        // Fast shutdown first, immediate next; both leave the data intact.
        for signal in [Signal::SIGINT, Signal::SIGQUIT, Signal::SIGKILL] {
            self.signal(signal);
            if tokio::time::timeout(STOP_BOUND, self.exited()).await.is_ok() {
                tracing::debug!(pid = self.pid(), "the embedded PostgreSQL has stopped");
                return Ok(());
            }
            tracing::warn!(pid = self.pid(), %signal, "the embedded PostgreSQL does not stop");
        }
        Err(Error::NotStopped { pid: self.pid() })
    }

    fn process_id(&self) -> Pid {
        match &self.tie {
            Tie::Started(process) => process.pid(),
            Tie::Adopted(pid) | Tie::Attached(pid) => *pid,
        }
    }

    fn signal(&self, signal: Signal) {
        match &self.tie {
            Tie::Started(process) => process.signal(signal),
            Tie::Adopted(pid) if survivor::runs(*pid) => {
                // It can only fail for a process that ended in between.
                let _ = kill(*pid, signal);
            }
            Tie::Adopted(_) | Tie::Attached(_) => {}
        }
    }
}

impl Drop for EmbeddedPostgres {
    fn drop(&mut self) {
        self.signal(Signal::SIGQUIT);
        if let Tie::Started(process) = &self.tie
            && !process.wait_blocking(LET_GO)
        {
            process.signal(Signal::SIGKILL);
        }
    }
}

/// Everything that is settled before the first process starts.
struct Plan {
    layout: Layout,
    options: Options,
    binaries: Binaries,
    identity: Identity,
}

fn prepare(options: Options) -> Result<Plan> {
    let cluster = options.data_dir.join("cluster");
    let any = binaries::find(&options.data_dir, &cluster)?;
    let identity = Identity::choose(&any.program("postgres"));
    let layout = Layout::prepare(&options.data_dir, options.socket_dir.as_deref(), identity)?;
    // Asked again, because the cluster may have been moved.
    let binaries = binaries::find(&options.data_dir, &layout.cluster)?;
    Ok(Plan { layout, options, binaries, identity })
}

impl Plan {
    /// Nobody else is responsible: adopt what runs, or start it.
    async fn take_charge(self, lock: File) -> Result<EmbeddedPostgres> {
        let (socket_dir, tie) = match self.survivor().await {
            Some(file) => {
                tracing::info!(pid = file.pid.as_raw(), "took over the running PostgreSQL");
                (file.socket_dir, Tie::Adopted(file.pid))
            }
            None => (self.layout.socket_dir.clone(), Tie::Started(self.launch().await?)),
        };
        Ok(EmbeddedPostgres { layout: self.layout, socket_dir, tie, _lock: Some(lock) })
    }

    /// A server that runs without its parent and stays. One whose parent was just killed has
    /// been told to stop by the kernel; that one is waited for.
    async fn survivor(&self) -> Option<PostmasterFile> {
        let cluster = &self.layout.cluster;
        let deadline = Instant::now() + STOP_BOUND;
        let mut first = true;
        while Instant::now() < deadline {
            let file = PostmasterFile::read(cluster).filter(|file| file.is_running(cluster))?;
            if std::mem::take(&mut first) {
                // The death signal may be on its way still.
                sleep(Duration::from_millis(200)).await;
            } else if file.ready && connects(&file.socket_dir).await {
                return Some(file);
            } else {
                sleep(POLL).await;
            }
        }
        None
    }

    /// Another process is responsible: wait until its server takes connections.
    ///
    /// That process may also be on its way out, and then the server is ours to start after all.
    async fn attach(self, lock: File) -> Result<EmbeddedPostgres> {
        let deadline = Instant::now() + READY_BOUND;
        while Instant::now() < deadline {
            if lock.try_lock().is_ok() {
                return self.take_charge(lock).await;
            }
            let file = PostmasterFile::read(&self.layout.cluster);
            if let Some(file) = file.filter(|file| file.ready)
                && connects(&file.socket_dir).await
            {
                return Ok(EmbeddedPostgres {
                    layout: self.layout,
                    socket_dir: file.socket_dir,
                    tie: Tie::Attached(file.pid),
                    _lock: None,
                });
            }
            sleep(POLL).await;
        }
        Err(self.not_ready())
    }

    async fn launch(&self) -> Result<Process> {
        if !self.layout.is_initialised() {
            command::init_cluster(self).await?;
        }
        let deadline = Instant::now() + LET_GO;
        loop {
            let process = Process::spawn(command::server(self)?).await?;
            match self.until_ready(&process).await {
                Err(Error::Exited { tail, .. })
                    if is_still_held(&tail) && Instant::now() < deadline =>
                {
                    sleep(Duration::from_millis(100)).await;
                }
                Err(error) => {
                    process.signal(Signal::SIGQUIT);
                    return Err(error);
                }
                Ok(()) => return Ok(process),
            }
        }
    }

    async fn until_ready(&self, process: &Process) -> Result<()> {
        let deadline = Instant::now() + READY_BOUND;
        while Instant::now() < deadline {
            if let Some(status) = process.exit_status() {
                return Err(Error::Exited {
                    status: status.to_string(),
                    log: self.layout.log.clone(),
                    tail: self.layout.log_tail(),
                });
            }
            // Asked first, because each refused connection during a recovery is a line in the log.
            let said = PostmasterFile::read(&self.layout.cluster);
            if said.is_some_and(|file| file.ready && file.pid == process.pid())
                && connects(&self.layout.socket_dir).await
            {
                return Ok(());
            }
            sleep(POLL).await;
        }
        Err(self.not_ready())
    }

    fn not_ready(&self) -> Error {
        Error::NotReady {
            data_dir: self.layout.home.clone(),
            seconds: READY_BOUND.as_secs(),
            log: self.layout.log.clone(),
        }
    }
}

/// Whether PostgreSQL gave up because an earlier server still holds the directory: its zombie
/// the lock file, or its last backends the shared memory.
fn is_still_held(log_tail: &str) -> bool {
    let last = log_tail.lines().rev().take(4).collect::<Vec<_>>().join("\n");
    last.contains("already exists") || last.contains("still in use")
}

async fn connects(socket_dir: &Path) -> bool {
    match PgConnection::connect(&url(socket_dir, SUPERUSER, "postgres")).await {
        // A connection that fails to say goodbye was a connection all the same.
        Ok(connection) => connection.close().await.is_ok(),
        Err(_) => false,
    }
}

fn url(socket_dir: &Path, role: &str, database: &str) -> String {
    use std::fmt::Write;
    use std::os::unix::ffi::OsStrExt;
    let mut host = String::new();
    for byte in socket_dir.as_os_str().as_bytes() {
        match byte {
            b'/' | b'-' | b'_' | b'.' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => {
                host.push(char::from(*byte));
            }
            // Writing to a string cannot fail.
            other => drop(write!(host, "%{other:02X}")),
        }
    }
    format!("postgres://{role}@localhost/{database}?host={host}&sslmode=disable")
}
