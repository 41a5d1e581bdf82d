//! Finding a PostgreSQL to run.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::error::{Error, Result};

/// Names the directory that holds `postgres` and `initdb`.
const BIN_VARIABLE: &str = "NEXAVPN_PG_BIN";
/// Where Debian and Ubuntu keep one directory for each major version.
const DEBIAN_ROOT: &str = "/usr/lib/postgresql";
/// Below the directory that holds the data: where `./run` puts the npm package.
const BESIDE_DATA: &str = "postgresql/bin";

/// A directory with `postgres` and `initdb`, and the major version they are of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Binaries {
    pub(super) bin_dir: PathBuf,
    pub(super) major: u32,
}

impl Binaries {
    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.bin_dir.join(name)
    }

    fn in_dir(bin_dir: &Path) -> Option<Self> {
        if !bin_dir.join("initdb").is_file() {
            return None;
        }
        let output = Command::new(bin_dir.join("postgres")).arg("--version").output().ok()?;
        let major = major_version(&String::from_utf8_lossy(&output.stdout))?;
        Some(Self { bin_dir: bin_dir.to_path_buf(), major })
    }
}

/// Finds the binaries for `base`, the directory given for the data.
///
/// An existing cluster in `cluster` can only be run by its own major version, so an older
/// installation is preferred where it is the one that fits.
pub(super) fn find(base: &Path, cluster: &Path) -> Result<Binaries> {
    if let Some(named) = std::env::var_os(BIN_VARIABLE).filter(|value| !value.is_empty()) {
        let named = PathBuf::from(named);
        let binaries = Binaries::in_dir(&named).ok_or_else(|| Error::Spawn {
            program: named.join("postgres"),
            source: std::io::Error::new(
                std::io::ErrorKind::NotFound,
                format!("{BIN_VARIABLE} holds no working postgres and initdb"),
            ),
        })?;
        return choose(vec![binaries], base, cluster);
    }
    let mut candidates = debian_versions();
    let beside = base.parent().unwrap_or(base).join(BESIDE_DATA);
    candidates.extend(Binaries::in_dir(&beside));
    if let Some(path) = std::env::var_os("PATH") {
        let on_path = std::env::split_paths(&path).find_map(|dir| Binaries::in_dir(&dir));
        candidates.extend(on_path);
    }
    choose(candidates, base, cluster)
}

/// The installed versions as Debian lays them out, newest first.
fn debian_versions() -> Vec<Binaries> {
    let Ok(entries) = std::fs::read_dir(DEBIAN_ROOT) else {
        return Vec::new();
    };
    let mut found: Vec<Binaries> =
        entries.flatten().filter_map(|entry| Binaries::in_dir(&entry.path().join("bin"))).collect();
    found.sort_by_key(|binaries| std::cmp::Reverse(binaries.major));
    found
}

fn choose(candidates: Vec<Binaries>, base: &Path, cluster: &Path) -> Result<Binaries> {
    let wanted = std::fs::read_to_string(cluster.join("PG_VERSION"))
        .ok()
        .and_then(|text| text.trim().parse::<u32>().ok());
    let found =
        candidates.iter().map(|binaries| binaries.major.to_string()).collect::<Vec<_>>().join(", ");
    let chosen =
        candidates.into_iter().find(|binaries| wanted.is_none_or(|major| binaries.major == major));
    match (chosen, wanted) {
        (Some(binaries), _) => Ok(binaries),
        (None, Some(wanted)) if !found.is_empty() => {
            Err(Error::VersionMismatch { data_dir: cluster.to_path_buf(), wanted, found })
        }
        (None, _) => Err(Error::NotInstalled {
            looked_beside: base.parent().unwrap_or(base).join(BESIDE_DATA).display().to_string(),
        }),
    }
}

/// Reads the major version out of `postgres (PostgreSQL) 15.13 (Debian …)`.
fn major_version(line: &str) -> Option<u32> {
    let after = line.split("(PostgreSQL) ").nth(1)?;
    let digits: String = after.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_versions_as_printed() {
        let debian = "postgres (PostgreSQL) 15.13 (Debian 15.13-0+deb12u1)";
        assert_eq!(major_version(debian), Some(15));
        assert_eq!(major_version("postgres (PostgreSQL) 18beta1"), Some(18));
        assert_eq!(major_version("something else"), None);
    }

    #[test]
    fn data_chooses_its_own_version() {
        let dir = tempfile::tempdir().unwrap();
        let of = |major| Binaries { bin_dir: PathBuf::from(format!("/pg/{major}")), major };
        let pick = || choose(vec![of(17), of(15)], dir.path(), dir.path());
        assert_eq!(pick().unwrap().major, 17);
        std::fs::write(dir.path().join("PG_VERSION"), "15\n").unwrap();
        assert_eq!(pick().unwrap().major, 15);
        std::fs::write(dir.path().join("PG_VERSION"), "14\n").unwrap();
        assert!(matches!(pick(), Err(Error::VersionMismatch { wanted: 14, .. })));
    }

    #[test]
    fn nothing_installed_says_what_to_install() {
        let dir = tempfile::tempdir().unwrap();
        let error = choose(Vec::new(), dir.path(), dir.path()).unwrap_err();
        assert!(error.to_string().contains(super::super::INSTALL_LINE));
    }
}
