//! The PostgreSQL that all tests of a run share.
//!
//! Tests run in several processes (one per test binary, or one per test), so the server belongs
//! to none of them but to a *keeper*, the program `nexavpn-test-postgres`. `./test` starts one
//! and names its directory in `NEXAVPN_TEST_PG`; without that, the first test process that needs
//! it starts one, and it ends by itself when nobody has used it for a while.
//!
//! Three locked files in the keeper's directory say who does what, and the kernel releases them
//! however a process ends: `start` is held while one is being started or stopped, `keeper` while
//! a keeper lives, `users` (shared) by every process that uses the server.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use nexavpn_api::postgres::{EmbeddedPostgres, Options};

/// Names the directory of a running keeper.
const VARIABLE: &str = "NEXAVPN_TEST_PG";
const KEEPER: &str = "nexavpn-test-postgres";
const START_BOUND: Duration = Duration::from_secs(60);
/// What the databases of a run need; `/dev/shm` is only 64 MB in some containers.
const ROOM: u64 = 512 << 20;

/// The shared server as a test process sees it.
#[derive(Debug)]
pub struct SharedServer {
    socket_dir: PathBuf,
    /// Keeps the keeper alive as long as this process lives.
    _users: File,
}

impl SharedServer {
    /// The server of this run, started when there is none.
    ///
    /// # Panics
    /// Where it cannot be had: no test can go on without.
    pub fn get() -> &'static Self {
        static SERVER: OnceLock<SharedServer> = OnceLock::new();
        SERVER.get_or_init(|| {
            let server = Self::find_or_start()
                .unwrap_or_else(|error| panic!("no PostgreSQL for the tests: {error}"));
            super::poll::remember(server.url("postgres", "postgres"));
            server
        })
    }

    /// Connection URL for a role and a database.
    #[must_use]
    pub fn url(&self, role: &str, database: &str) -> String {
        let host = self.socket_dir.display();
        format!("postgres://{role}@localhost/{database}?host={host}&sslmode=disable")
    }

    fn find_or_start() -> io::Result<Self> {
        if let Some(dir) = std::env::var_os(VARIABLE) {
            return Self::enter(Path::new(&dir));
        }
        let dir = default_dir();
        let _start = lock_in(&dir, "start")?;
        if !keeper_lives(&dir)? {
            start_keeper(&dir)?;
        }
        Self::enter(&dir)
    }

    fn enter(dir: &Path) -> io::Result<Self> {
        let users = File::create(dir.join("users"))?;
        users.lock_shared()?;
        let ready = fs::read_to_string(dir.join("ready"))?;
        Ok(Self { socket_dir: PathBuf::from(ready.trim()), _users: users })
    }
}

/// A directory for throw-away databases, in memory where there is room.
pub(super) fn fast_dir() -> PathBuf {
    let memory = Path::new("/dev/shm");
    match nix::sys::statvfs::statvfs(memory) {
        Ok(stat) if stat.blocks_available() * stat.fragment_size() >= ROOM => memory.to_path_buf(),
        _ => std::env::temp_dir(),
    }
}

fn default_dir() -> PathBuf {
    fast_dir().join(format!("nexavpn-test-{}", nix::unistd::geteuid()))
}

/// Locks a file of the keeper's directory, which may be removed while we wait for it.
fn lock_in(dir: &Path, name: &str) -> io::Result<File> {
    let path = dir.join(name);
    loop {
        make_dir(dir)?;
        let file = match File::create(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            other => other?,
        };
        file.lock()?;
        let same = fs::metadata(&path).is_ok_and(|now| {
            file.metadata().is_ok_and(|ours| (ours.dev(), ours.ino()) == (now.dev(), now.ino()))
        });
        if same {
            return Ok(file);
        }
    }
}

/// The keeper's user may be another than root, so the directory can be passed through, while
/// what is in it guards itself.
fn make_dir(dir: &Path) -> io::Result<()> {
    match fs::DirBuilder::new().mode(0o711).create(dir) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}

fn keeper_lives(dir: &Path) -> io::Result<bool> {
    let file = File::create(dir.join("keeper"))?;
    match file.try_lock() {
        Err(fs::TryLockError::WouldBlock) => Ok(true),
        Err(fs::TryLockError::Error(error)) => Err(error),
        Ok(()) => Ok(false),
    }
}

fn start_keeper(dir: &Path) -> io::Result<()> {
    // What a keeper that was killed has left would be taken for the word of the new one.
    match fs::remove_file(dir.join("ready")) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let log = dir.join("keeper.log");
    let mut keeper = Command::new(keeper_program()?)
        .arg(dir)
        // Away from the terminal and from the pipes that a test runner waits for.
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(File::create(&log)?)
        .spawn()?;
    let deadline = Instant::now() + START_BOUND;
    while !dir.join("ready").exists() {
        if keeper.try_wait()?.is_some() || Instant::now() > deadline {
            let said = fs::read_to_string(&log).unwrap_or_default();
            return Err(io::Error::other(format!("{KEEPER} did not start: {said}")));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

/// The keeper lies beside the test binary's directory.
fn keeper_program() -> io::Result<PathBuf> {
    let own = std::env::current_exe()?;
    let candidates = own.ancestors().skip(1).take(2).map(|dir| dir.join(KEEPER));
    candidates.into_iter().find(|path| path.is_file()).ok_or_else(|| {
        io::Error::other(format!("{KEEPER} is not built: cargo build -p nexavpn-tests"))
    })
}

/// The keeper: runs the shared server in a directory until nobody uses it.
#[derive(Debug)]
pub struct Keeper {
    dir: PathBuf,
    server: EmbeddedPostgres,
    _lock: File,
}

impl Keeper {
    /// Starts PostgreSQL and says in the file `ready` where its socket is.
    ///
    /// # Errors
    /// Where another keeper has the directory, or PostgreSQL does not start.
    pub async fn start(dir: &Path) -> Result<Self, Box<dyn std::error::Error>> {
        make_dir(dir)?;
        let lock = File::create(dir.join("keeper"))?;
        lock.try_lock()?;
        // Left behind by a keeper that was killed.
        let ready = dir.join("ready");
        let _ = fs::remove_file(&ready);
        let _ = fs::remove_dir_all(dir.join("pg"));
        let mut options = Options::new(dir.join("pg"));
        options.fsync = false;
        options.extra_settings = vec![("max_connections".to_owned(), "500".to_owned())];
        let server = EmbeddedPostgres::start(options).await?;
        // Made by this user, so that tests of this user and of root can both lock it.
        File::create(dir.join("users"))?;
        let writing = dir.join("ready.new");
        fs::write(&writing, server.socket_dir().display().to_string())?;
        fs::rename(&writing, &ready)?;
        Ok(Self { dir: dir.to_path_buf(), server, _lock: lock })
    }

    /// Completes when nobody has used the server for `patience`, or it has ended. No process can
    /// start to use it between that and [`Keeper::stop`].
    pub async fn until_idle(&self, patience: Duration) -> io::Result<Option<File>> {
        let mut idle_since = Instant::now();
        loop {
            tokio::select! {
                () = self.server.exited() => return Ok(None),
                () = tokio::time::sleep(Duration::from_millis(500)) => {}
            }
            let users = File::create(self.dir.join("users"))?;
            if users.try_lock().is_err() {
                idle_since = Instant::now();
                continue;
            }
            drop(users);
            if idle_since.elapsed() < patience {
                continue;
            }
            let start = lock_in(&self.dir, "start")?;
            let users = File::create(self.dir.join("users"))?;
            if users.try_lock().is_ok() {
                return Ok(Some(start));
            }
        }
    }

    /// Stops the server and removes the directory.
    ///
    /// # Errors
    /// Where the server does not stop or files cannot be removed.
    pub async fn stop(self) -> Result<(), Box<dyn std::error::Error>> {
        let _ = fs::remove_file(self.dir.join("ready"));
        self.server.stop().await?;
        fs::remove_dir_all(&self.dir)?;
        Ok(())
    }
}
