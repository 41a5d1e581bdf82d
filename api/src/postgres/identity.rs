//! Who PostgreSQL runs as.
//!
//! PostgreSQL refuses to run as root. Started by root, it runs in a user namespace of its own in
//! which root appears as `nobody`: to the rest of the system its files still belong to root, so
//! the data may lie in a directory that only root can enter. Where such a namespace may not be
//! made (many containers, a chroot), it runs as the user `postgres` or `nobody`.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::Signal;
use nix::sys::stat::Mode;
use nix::unistd::{Gid, Pid, Uid, User, getegid, geteuid, getpid, getppid, write};

/// The user and group ids that root appears as within the namespace.
const NOBODY: u32 = 65534;

/// Under which identity a child process runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Identity {
    /// As ourselves.
    Current,
    /// As root outside, as `nobody` inside a user namespace.
    Namespace,
    /// As another user, because we are root and may not make a namespace.
    Other { uid: Uid, gid: Gid },
}

impl Identity {
    /// Picks the identity for running `program` (which must accept `--version`).
    pub(super) fn choose(program: &Path) -> Self {
        if !geteuid().is_root() {
            return Self::Current;
        }
        let mut probe = Command::new(program);
        probe.arg("--version");
        probe.stdout(std::process::Stdio::null());
        probe.stderr(std::process::Stdio::null());
        Self::Namespace.apply(&mut probe);
        if probe.status().is_ok_and(|status| status.success()) {
            return Self::Namespace;
        }
        match User::from_name("postgres") {
            Ok(Some(user)) => Self::Other { uid: user.uid, gid: user.gid },
            _ => Self::Other { uid: Uid::from_raw(NOBODY), gid: Gid::from_raw(NOBODY) },
        }
    }

    /// Makes `command` run under this identity, and get SIGINT (PostgreSQL's fast shutdown) when
    /// the thread that spawns it ends, however that happens.
    pub(super) fn apply(self, command: &mut Command) {
        if let Self::Other { uid, gid } = self {
            // Also drops the supplementary groups.
            command.uid(uid.as_raw()).gid(gid.as_raw());
        }
        let uid_map = format!("{NOBODY} {} 1\n", geteuid());
        let gid_map = format!("{NOBODY} {} 1\n", getegid());
        let parent = getpid();
        let prepare = move || {
            if self == Self::Namespace {
                enter_namespace(uid_map.as_bytes(), gid_map.as_bytes())?;
            }
            // Last, because a change of credentials clears the death signal.
            die_with(parent)
        };
        #[expect(
            unsafe_code,
            reason = "runs between fork and exec: only system calls, no allocation, no locks"
        )]
        unsafe {
            command.pre_exec(prepare);
        }
    }

    /// The other user, where there is one.
    pub(super) fn other(self) -> Option<(Uid, Gid)> {
        match self {
            Self::Other { uid, gid } => Some((uid, gid)),
            Self::Current | Self::Namespace => None,
        }
    }
}

fn enter_namespace(uid_map: &[u8], gid_map: &[u8]) -> std::io::Result<()> {
    unshare(CloneFlags::CLONE_NEWUSER)?;
    put(c"/proc/self/setgroups", b"deny")?;
    put(c"/proc/self/uid_map", uid_map)?;
    put(c"/proc/self/gid_map", gid_map)?;
    Ok(())
}

fn put(path: &std::ffi::CStr, content: &[u8]) -> nix::Result<()> {
    let file = open(path, OFlag::O_WRONLY | OFlag::O_CLOEXEC, Mode::empty())?;
    let written = write(&file, content)?;
    // The kernel takes a map in one write or not at all.
    if written == content.len() { Ok(()) } else { Err(Errno::EIO) }
}

fn die_with(parent: Pid) -> std::io::Result<()> {
    nix::sys::prctl::set_pdeathsig(Signal::SIGINT)?;
    // The parent may have died before the signal was asked for.
    if getppid() == parent { Ok(()) } else { Err(Errno::ESRCH.into()) }
}
