//! A server that outlived the process that started it.

use std::path::{Path, PathBuf};

use nix::sys::signal::kill;
use nix::unistd::Pid;

/// What `postmaster.pid` says of a running server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PostmasterFile {
    pub(super) pid: Pid,
    pub(super) socket_dir: PathBuf,
    pub(super) ready: bool,
}

impl PostmasterFile {
    /// Reads the file of a cluster; `None` where there is none or it is still being written.
    pub(super) fn read(cluster: &Path) -> Option<Self> {
        let text = std::fs::read_to_string(cluster.join("postmaster.pid")).ok()?;
        Self::parse(&text)
    }

    /// The lines are: pid, data directory, start time, port, socket directory, listen address,
    /// shared memory key, status.
    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines().map(str::trim);
        let pid = lines.next()?.parse().ok().filter(|pid| *pid > 1)?;
        let socket_dir = PathBuf::from(lines.nth(3)?);
        let status = lines.nth(2).unwrap_or_default();
        Some(Self { pid: Pid::from_raw(pid), socket_dir, ready: status == "ready" })
    }

    /// Whether that process runs and is this cluster's server, not a stranger that got the same
    /// process id after a reboot.
    pub(super) fn is_running(&self, cluster: &Path) -> bool {
        runs(self.pid) && works_in(self.pid, cluster)
    }
}

/// Whether a process exists and is more than a zombie.
pub(super) fn runs(pid: Pid) -> bool {
    if kill(pid, None) == Err(nix::errno::Errno::ESRCH) {
        return false;
    }
    let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else {
        return false;
    };
    // The command name, in parentheses, may itself hold spaces and parentheses.
    let state = stat.rsplit_once(')').and_then(|(_, rest)| rest.trim_start().chars().next());
    !matches!(state, None | Some('Z' | 'X'))
}

/// A postmaster's working directory is its cluster.
fn works_in(pid: Pid, cluster: &Path) -> bool {
    let cwd = std::fs::read_link(format!("/proc/{pid}/cwd"));
    match (cwd, cluster.canonicalize()) {
        (Ok(cwd), Ok(cluster)) => cwd == cluster,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_file_as_postgres_writes_it() {
        let text = "812\n/data/cluster\n1790000000\n5432\n/data/socket\n\n  8200 3\nready   \n";
        let file = PostmasterFile::parse(text).unwrap();
        assert_eq!(file.pid.as_raw(), 812);
        assert_eq!(file.socket_dir, PathBuf::from("/data/socket"));
        assert!(file.ready);
        let stopping = PostmasterFile::parse(&text.replace("ready   ", "stopping")).unwrap();
        assert!(!stopping.ready);
        assert_eq!(PostmasterFile::parse("812\n/data"), None);
        assert_eq!(PostmasterFile::parse(""), None);
    }

    #[test]
    fn knows_its_own_process_and_not_a_foreign_one() {
        let own = nix::unistd::getpid();
        assert!(runs(own));
        assert!(works_in(own, &std::env::current_dir().unwrap()));
        assert!(!works_in(own, Path::new("/")));
        assert!(!runs(Pid::from_raw(i32::MAX)));
    }
}
