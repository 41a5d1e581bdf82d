//! The real program as a child process, for tests that kill it.

use std::{
    io,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, BufReader},
    process::{Child, Command},
};

use super::{Client, PASSWORD, WIDE, poll_for};

const PROGRAM: &str = "nexavpn";
/// What `serve` prints before its URL.
const ANSWERS: &str = "answers at";

/// A running `nexavpn serve`; killed with this value.
#[derive(Debug)]
pub struct ServerProcess {
    /// Where it answers.
    pub base_url: String,
    child: Child,
    output: Arc<Mutex<String>>,
}

impl ServerProcess {
    /// Starts the program on its embedded PostgreSQL in this directory, on a free port, with
    /// [`PASSWORD`] as the first admin's one-time password.
    ///
    /// # Panics
    /// Where it does not answer.
    pub async fn start(data_dir: &Path) -> Self {
        let dir = data_dir.display().to_string();
        Self::start_with(&["--data-dir", &dir], &[("NEXAVPN_ADMIN_PASSWORD", PASSWORD)]).await
    }

    /// The same with arguments of `serve` and variables of the test's choice.
    ///
    /// # Panics
    /// Where it does not answer.
    pub async fn start_with(arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut command = program();
        command.args(["serve", "--listen", "127.0.0.1:0"]).args(arguments);
        command.envs(variables.iter().copied());
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{PROGRAM}: {error}"));
        let output = Arc::default();
        keep(child.stdout.take(), &output);
        keep(child.stderr.take(), &output);
        let mut this = Self { base_url: String::new(), child, output };
        this.base_url = this.await_url().await;
        this
    }

    /// What it has written so far.
    #[must_use]
    pub fn output(&self) -> String {
        self.output.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How much memory it has in use, in bytes.
    ///
    /// # Panics
    /// Where it has ended.
    #[must_use]
    pub fn resident(&self) -> u64 {
        self.memory("VmRSS:")
    }

    /// The most memory that it has had in use since its start, in bytes.
    ///
    /// # Panics
    /// Where it has ended.
    #[must_use]
    pub fn most_resident(&self) -> u64 {
        self.memory("VmHWM:")
    }

    fn memory(&self, what: &str) -> u64 {
        let pid = self.pid();
        let status = std::fs::read_to_string(format!("/proc/{pid}/status"));
        let status = status.unwrap_or_else(|error| panic!("process {pid}: {error}"));
        let line = status.lines().find_map(|line| line.strip_prefix(what));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        kib.unwrap_or_else(|| panic!("no {what} of {pid}: {status}")) * 1024
    }

    fn pid(&self) -> u32 {
        self.child.id().unwrap_or_else(|| panic!("it has ended: {}", self.output()))
    }

    /// A client that has not signed in.
    #[must_use]
    pub fn client(&self) -> Client {
        Client::new(&self.base_url)
    }

    /// Kills it, as a crash would, and waits until it is gone.
    ///
    /// # Panics
    /// Where it has ended before.
    pub async fn kill(self) {
        self.end(Signal::SIGKILL).await;
    }

    /// Tells it to stop, and waits until it has.
    ///
    /// # Panics
    /// Where it has ended before, or does not end.
    pub async fn stop(self) -> ExitStatus {
        self.end(Signal::SIGTERM).await
    }

    /// Sends it a signal.
    ///
    /// # Panics
    /// Where it has ended.
    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.pid().cast_signed()), signal)
            .unwrap_or_else(|error| panic!("cannot send {signal}: {error}"));
    }

    async fn end(self, signal: Signal) -> ExitStatus {
        self.signal(signal);
        self.ended().await
    }

    /// Waits until it has ended, which it was told to.
    ///
    /// # Panics
    /// Where it does not.
    pub async fn ended(mut self) -> ExitStatus {
        match tokio::time::timeout(WIDE, self.child.wait()).await {
            Ok(Ok(status)) => status,
            other => panic!("it does not end: {other:?}\n{}", self.output()),
        }
    }

    async fn await_url(&mut self) -> String {
        let output = Arc::clone(&self.output);
        let Self { child, .. } = self;
        let child = Mutex::new(child);
        poll_for(WIDE, || {
            let text = output.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let mut child = child.lock().unwrap_or_else(PoisonError::into_inner);
            if let Ok(Some(status)) = child.try_wait() {
                panic!("{PROGRAM} did not start ({status}):\n{text}");
            }
            let line = text.lines().find_map(|line| line.split_once(ANSWERS));
            let url = line.map(|(_, url)| url.trim().to_owned());
            async move { url }
        })
        .await
    }
}

/// Runs a subcommand to its end: whether it succeeded, and what it wrote on both outputs.
///
/// # Panics
/// Where the program cannot be run.
pub async fn run_program(arguments: &[&str], variables: &[(&str, &str)]) -> (bool, String) {
    let mut command = program();
    command.args(arguments).envs(variables.iter().copied()).stdin(Stdio::null());
    let output = command.output().await.unwrap_or_else(|error| panic!("{PROGRAM}: {error}"));
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}

/// Starts a subcommand, to be killed.
///
/// # Panics
/// Where the program cannot be run.
#[must_use]
pub fn start_program(arguments: &[&str], variables: &[(&str, &str)]) -> Child {
    let mut command = program();
    command.args(arguments).envs(variables.iter().copied()).kill_on_drop(true);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap_or_else(|error| panic!("{PROGRAM}: {error}"))
}

/// The program without the settings of whoever runs the tests.
fn program() -> Command {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    let path = PATH.get_or_init(|| {
        find_program().unwrap_or_else(|error| panic!("no program to test: {error}"))
    });
    let mut command = Command::new(path);
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        let ours = text.starts_with("NEXAVPN_") && text != "NEXAVPN_PG_BIN";
        if ours || text == "DATABASE_URL" {
            command.env_remove(name);
        }
    }
    command.stdin(Stdio::null());
    command
}

/// The program lies beside the test binary's directory. `./test` has built it; a lone
/// `cargo test` builds it here, so that it is never an old one.
fn find_program() -> io::Result<PathBuf> {
    let own = std::env::current_exe()?;
    let mut dirs = own.ancestors().skip(1).take(2);
    let target = dirs.find(|dir| dir.file_name().is_some_and(|name| name != "deps"));
    let target = target.ok_or_else(|| io::Error::other("no target directory"))?;
    let path = target.join(PROGRAM);
    let prepared = std::env::var_os("NEXAVPN_TEST_PG").is_some() && path.is_file();
    if prepared {
        return Ok(path);
    }
    let Some(cargo) = std::env::var_os("CARGO") else {
        let found = path.is_file().then_some(path);
        return found.ok_or_else(|| io::Error::other("build it: cargo build -p nexavpn-api"));
    };
    let profile = match target.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(other) => other,
    };
    let mut build = std::process::Command::new(cargo);
    build.args(["build", "--quiet", "-p", "nexavpn-api", "--bin", PROGRAM, "--profile", profile]);
    build.current_dir(env!("CARGO_MANIFEST_DIR"));
    if build.status()?.success() { Ok(path) } else { Err(io::Error::other("cargo build failed")) }
}

/// Collects what a child writes, so that it never waits for a reader.
fn keep(stream: Option<impl AsyncRead + Unpin + Send + 'static>, output: &Arc<Mutex<String>>) {
    let Some(stream) = stream else { return };
    let output = Arc::clone(output);
    tokio::spawn(async move {
        let mut lines = BufReader::new(stream).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            let mut output = output.lock().unwrap_or_else(PoisonError::into_inner);
            output.push_str(&line);
            output.push('\n');
        }
    });
}
