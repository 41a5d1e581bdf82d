//! The master key and its file.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
};

use base64::{Engine as _, prelude::BASE64_STANDARD};

use super::crypto::Key;
use crate::KeyError;

/// The key that wraps all others. It is never in the database.
#[derive(Clone)]
pub struct MasterKey(pub(super) Key);

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MasterKey(..)")
    }
}

impl MasterKey {
    /// A new random key.
    ///
    /// # Errors
    /// Where the system has no randomness.
    pub fn generate() -> Result<Self, KeyError> {
        Key::random().map(Self)
    }

    /// A key from its bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Key::from_bytes(bytes))
    }

    /// Reads 32 bytes in hexadecimal or base64 from a file that only its owner can read.
    ///
    /// # Errors
    /// Where the file is missing, readable by others, or holds something else.
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        let fail = |reason: String| KeyError::File { path: path.display().to_string(), reason };
        let mode = fs::metadata(path).map_err(|e| fail(e.to_string()))?.permissions().mode();
        if mode & 0o077 != 0 {
            return Err(fail("others may read it: set its mode to 0600".into()));
        }
        let text = fs::read_to_string(path).map_err(|e| fail(e.kind().to_string()))?;
        let text = text.trim();
        let bytes = hex::decode(text).ok().or_else(|| BASE64_STANDARD.decode(text).ok());
        bytes
            .and_then(|b| <[u8; 32]>::try_from(b).ok())
            .map(Self::from_bytes)
            .ok_or_else(|| fail("must hold 32 bytes in hexadecimal or base64".into()))
    }

    /// Reads the file, or makes it with a new key where there is none.
    ///
    /// # Errors
    /// As [`read`](Self::read), and where the file cannot be written.
    pub fn read_or_create(path: &Path) -> Result<Self, KeyError> {
        match Self::create(path) {
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Self::read(path),
            Err(e) => {
                Err(KeyError::File { path: path.display().to_string(), reason: e.to_string() })
            }
            Ok(key) => Ok(key),
        }
    }

    /// Written beside its place and linked there, so that a crash leaves no half of a key.
    fn create(path: &Path) -> io::Result<Self> {
        if path.exists() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let key = Self::generate().map_err(io::Error::other)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let part = path.with_file_name(format!(".{name}.{}", std::process::id()));
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&part)?;
        let linked = writeln!(file, "{}", hex::encode(key.0.bytes()))
            .and_then(|()| file.sync_all())
            .and_then(|()| fs::hard_link(&part, path));
        fs::remove_file(&part)?;
        linked?;
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty());
        fs::File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
        Ok(key)
    }
}
