//! The `postgres` process and the thread that it lives and dies with.

use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::Pid;
use tokio::sync::{oneshot, watch};

use super::error::{Error, Result};

/// A running `postgres` that we started.
#[derive(Debug)]
pub(super) struct Process {
    pid: Pid,
    /// Held while the process is reaped, so that no signal goes to a reused process id.
    reaped: Arc<Mutex<bool>>,
    status: watch::Receiver<Option<ExitStatus>>,
}

impl Process {
    /// Spawns `command` from a thread of its own, which then waits for it.
    ///
    /// The kernel sends the death signal when the spawning *thread* ends, and a thread of the
    /// async runtime may end at any time.
    pub(super) async fn spawn(mut command: Command) -> Result<Self> {
        let program = PathBuf::from(command.get_program());
        let failed = |source| Error::Spawn { program, source };
        let (started, starting) = oneshot::channel();
        let (ended, status) = watch::channel(None);
        let reaped = Arc::new(Mutex::new(false));
        let reaper = Arc::clone(&reaped);
        let thread = std::thread::Builder::new().name("postgres".to_owned());
        let spawned = thread.spawn(move || match command.spawn() {
            Err(error) => drop(started.send(Err(error))),
            Ok(child) => {
                let pid = Pid::from_raw(child.id().cast_signed());
                // Where nobody waits for the answer any more, the child is reaped all the same.
                drop(started.send(Ok(pid)));
                ended.send_replace(reap(child, pid, &reaper));
            }
        });
        if let Err(error) = spawned {
            return Err(failed(error));
        }
        let gone = || Err(std::io::Error::other("the spawning thread ended"));
        match starting.await.unwrap_or_else(|_| gone()) {
            Ok(pid) => Ok(Self { pid, reaped, status }),
            Err(error) => Err(failed(error)),
        }
    }

    pub(super) fn pid(&self) -> Pid {
        self.pid
    }

    /// The exit status, once it has ended.
    pub(super) fn exit_status(&self) -> Option<ExitStatus> {
        *self.status.borrow()
    }

    /// Completes when it has ended.
    pub(super) async fn exited(&self) {
        let mut status = self.status.clone();
        // An error means that the reaping thread is gone, and the process with it.
        let _ = status.wait_for(Option::is_some).await;
    }

    pub(super) fn signal(&self, signal: Signal) {
        let reaped = self.reaped.lock().unwrap_or_else(PoisonError::into_inner);
        if !*reaped {
            // It can only fail for a process that is already a zombie.
            let _ = kill(self.pid, signal);
        }
    }

    /// Waits without an async runtime, for `Drop`.
    pub(super) fn wait_blocking(&self, bound: Duration) -> bool {
        let step = Duration::from_millis(5);
        let mut waited = Duration::ZERO;
        while self.exit_status().is_none() {
            if waited >= bound {
                return false;
            }
            std::thread::sleep(step);
            waited += step;
        }
        true
    }
}

/// Waits for the child and reaps it under the lock.
fn reap(mut child: Child, pid: Pid, reaped: &Mutex<bool>) -> Option<ExitStatus> {
    let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT;
    while waitid(Id::Pid(pid), flags) == Err(Errno::EINTR) {}
    let mut reaped = reaped.lock().unwrap_or_else(PoisonError::into_inner);
    let status = child.wait().ok();
    *reaped = true;
    status.or(Some(ExitStatus::default()))
}
