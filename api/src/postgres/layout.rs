//! Where the embedded server keeps its files, and who may enter.
//!
//! Local connections need no password: reaching the socket is the credential. So every directory
//! on the way is made with mode 0700 and checked.

use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::unistd::{Uid, chown, geteuid};
use sha2::{Digest, Sha256};

use super::error::{Error, Result};
use super::identity::Identity;

/// The kernel's limit for a socket's path is 107 bytes; this is the part that PostgreSQL adds.
const SOCKET_NAME: &str = "/.s.PGSQL.5432";
const SOCKET_PATH_LIMIT: usize = 107;
/// Where the data goes when another user must be able to reach it and cannot reach the directory
/// that was asked for.
const SHARED_HOME: &str = "/var/lib/nexavpn";
/// The log is set aside when it is larger than this at a start.
const LOG_LIMIT: u64 = 10 << 20;

/// The files of one embedded server.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    /// Everything but the socket, in the usual case, is below this.
    pub(super) home: PathBuf,
    /// PostgreSQL's data directory.
    pub(super) cluster: PathBuf,
    pub(super) socket_dir: PathBuf,
    pub(super) log: PathBuf,
    /// Locked by the process that is responsible for the server.
    pub(super) lock: PathBuf,
}

impl Layout {
    /// Makes the directories for a server below `base`.
    pub(super) fn prepare(
        base: &Path,
        socket_dir: Option<&Path>,
        identity: Identity,
    ) -> Result<Self> {
        let base = std::path::absolute(base).map_err(|source| directory(base, source))?;
        let home = match identity.other() {
            Some((uid, _)) if !reachable_by(&base, uid) => moved_home(&base)?,
            _ => base,
        };
        make_private(&home, identity)?;
        let socket_dir = match socket_dir {
            Some(dir) => dir.to_path_buf(),
            None => short_enough(home.join("socket"), &home),
        };
        make_private(&socket_dir, identity)?;
        let layout = Self {
            cluster: home.join("cluster"),
            log: home.join("postgres.log"),
            lock: home.join("lock"),
            socket_dir,
            home,
        };
        layout.set_log_aside()?;
        Ok(layout)
    }

    pub(super) fn is_initialised(&self) -> bool {
        self.cluster.join("PG_VERSION").is_file()
    }

    /// The last lines of the log, for an error.
    pub(super) fn log_tail(&self) -> String {
        let text = std::fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(12)..].join("\n")
    }

    fn set_log_aside(&self) -> Result<()> {
        let size = std::fs::metadata(&self.log).map_or(0, |file| file.len());
        if size > LOG_LIMIT {
            let aside = self.log.with_extension("log.1");
            std::fs::rename(&self.log, &aside).map_err(|source| directory(&self.log, source))?;
        }
        Ok(())
    }
}

/// An error about one path.
pub(super) fn directory(path: &Path, source: std::io::Error) -> Error {
    Error::Directory { path: path.to_path_buf(), source }
}

fn short_hash(path: &Path) -> String {
    use std::os::unix::ffi::OsStrExt;
    let digest = Sha256::digest(path.as_os_str().as_bytes());
    hex::encode(&digest[..6])
}

/// The wanted socket directory, or a short one where its path would be too long for a socket.
fn short_enough(wanted: PathBuf, home: &Path) -> PathBuf {
    if wanted.as_os_str().len() + SOCKET_NAME.len() <= SOCKET_PATH_LIMIT {
        return wanted;
    }
    let name = format!("nexavpn-{}-{}", geteuid(), short_hash(home));
    Path::new("/tmp").join(name)
}

fn moved_home(base: &Path) -> Result<PathBuf> {
    let shared = Path::new(SHARED_HOME);
    std::fs::create_dir_all(shared).map_err(|source| directory(shared, source))?;
    let home = shared.join(format!("postgres-{}", short_hash(base)));
    tracing::warn!(
        asked = %base.display(), used = %home.display(),
        "PostgreSQL may not run as root here, and its user cannot enter the data directory that \
         was asked for: the database is kept elsewhere"
    );
    Ok(home)
}

/// Whether `uid` may pass through every existing directory above `path`.
fn reachable_by(path: &Path, uid: Uid) -> bool {
    path.ancestors().skip(1).all(|dir| match dir.metadata() {
        Ok(meta) => {
            let others = meta.mode() & 0o001 != 0;
            let owner = meta.uid() == uid.as_raw() && meta.mode() & 0o100 != 0;
            others || owner
        }
        // To be made by us, so that it belongs to root and is open to pass through or not by the
        // umask: not to be counted on.
        Err(_) => false,
    })
}

fn make_private(dir: &Path, identity: Identity) -> Result<()> {
    let failed = |source| directory(dir, source);
    if let Some(parent) = dir.parent() {
        std::fs::create_dir_all(parent).map_err(failed)?;
    }
    match std::fs::DirBuilder::new().mode(0o700).create(dir) {
        Ok(()) => {
            if let Some((uid, gid)) = identity.other() {
                chown(dir, Some(uid), Some(gid)).map_err(|errno| failed(errno.into()))?;
            }
            Ok(())
        }
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => check(dir, identity),
        Err(error) => Err(failed(error)),
    }
}

/// An existing directory must be a real one of ours; a mode that is too open is narrowed.
fn check(dir: &Path, identity: Identity) -> Result<()> {
    let failed = |source| directory(dir, source);
    let meta = std::fs::symlink_metadata(dir).map_err(failed)?;
    let owner = identity.other().map_or(geteuid(), |(uid, _)| uid);
    if !meta.is_dir() || (meta.uid() != owner.as_raw() && meta.uid() != geteuid().as_raw()) {
        return Err(Error::NotPrivate { path: dir.to_path_buf() });
    }
    if meta.uid() != owner.as_raw() {
        let (uid, gid) = identity.other().unzip();
        chown(dir, uid, gid).map_err(|errno| failed(errno.into()))?;
    }
    if meta.mode() & 0o077 != 0 {
        let private = std::fs::Permissions::from_mode(0o700);
        std::fs::set_permissions(dir, private).map_err(failed)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_path_gets_a_short_socket() {
        let dir = tempfile::tempdir().unwrap();
        let base = dir.path().join("x".repeat(100)).join("postgres");
        let layout = Layout::prepare(&base, None, Identity::Current).unwrap();
        let socket = format!("{}{SOCKET_NAME}", layout.socket_dir.display());
        assert!(socket.len() <= SOCKET_PATH_LIMIT, "{socket}");
        let mode = layout.socket_dir.metadata().unwrap().mode();
        assert_eq!(mode & 0o777, 0o700);
        std::fs::remove_dir(&layout.socket_dir).unwrap();
    }

    #[test]
    fn a_symbolic_link_is_refused_and_an_open_directory_is_closed() {
        let dir = tempfile::tempdir().unwrap();
        let link = dir.path().join("link");
        std::os::unix::fs::symlink(dir.path(), &link).unwrap();
        let refused = Layout::prepare(&link, None, Identity::Current);
        assert!(matches!(refused, Err(Error::NotPrivate { .. })));

        let open = dir.path().join("open");
        std::fs::create_dir(&open).unwrap();
        std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o755)).unwrap();
        Layout::prepare(&open, None, Identity::Current).unwrap();
        assert_eq!(open.metadata().unwrap().mode() & 0o777, 0o700);
    }
}
