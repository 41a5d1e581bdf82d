//! What the node keeps on disk, under one directory of mode 0700.
//!
//! | file | holds |
//! | --- | --- |
//! | `private.key` | the WireGuard private key, 0600 |
//! | `keys.json` | the next private key of a planned rotation, and the one before, 0600 |
//! | `credential` | the gateway's credential, 0600 |
//! | `gateway.json` | where the control plane is, who this gateway is, the trusted keys |
//! | `bundle.json` | the last bundle in force, as it was received |
//! | `next.json` | a verified bundle while it is being applied |
//! | `secrets.json` | the devices' preshared keys, 0600 |
//! | `runtime.json` | the names in use, for `status` and `leave` |
//! | `contact.json` | when the control plane last answered |
//! | `lock` | held by the agent that runs |
//!
//! A verified bundle is on disk before its first step: a crash between the
//! steps then goes on with it, rather than give access back that was revoked.

use std::fmt;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use ed25519_dalek::VerifyingKey;
use nexavpn_bundle::GatewaySecrets;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use x25519_dalek::{PublicKey, StaticSecret};

use crate::contact::Kept;

const PRIVATE_KEY: &str = "private.key";
const FURTHER_KEYS: &str = "keys.json";
const CREDENTIAL: &str = "credential";
const GATEWAY: &str = "gateway.json";
const BUNDLE: &str = "bundle.json";
const NEXT: &str = "next.json";
const SECRETS: &str = "secrets.json";
const RUNTIME: &str = "runtime.json";
const CONTACT: &str = "contact.json";
const LOCK: &str = "lock";

/// State that cannot be read or written.
#[derive(Debug, Error)]
pub enum StateError {
    /// The file system refused.
    #[error("{path}: {source}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file does not hold what it should.
    #[error("{path} is damaged: {what}")]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong; never the content.
        what: String,
    },
    /// Nobody joined with this directory.
    #[error("{0} holds no gateway; run `nexavpn-gateway join` first")]
    NotJoined(PathBuf),
    /// Another agent runs.
    #[error("another agent runs with {0}")]
    Locked(PathBuf),
}

/// A WireGuard private key. `Debug` hides it.
#[derive(Clone)]
pub struct PrivateKey([u8; 32]);

impl PrivateKey {
    /// A new random key.
    #[must_use]
    pub fn generate() -> Self {
        Self(StaticSecret::from(rand::random::<[u8; 32]>()).to_bytes())
    }

    /// Reads the form that `wg genkey` writes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        STANDARD.decode(text.trim()).ok()?.try_into().ok().map(Self)
    }

    /// The form that `wg` reads.
    #[must_use]
    pub fn expose(&self) -> String {
        STANDARD.encode(self.0)
    }

    /// The key itself.
    #[must_use]
    pub fn bytes(&self) -> [u8; 32] {
        self.0
    }

    /// Its public key in base64.
    #[must_use]
    pub fn public_key(&self) -> String {
        STANDARD.encode(PublicKey::from(&StaticSecret::from(self.0)).as_bytes())
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey(of {})", self.public_key())
    }
}

/// The private keys of a node besides the present one.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct FurtherKeys {
    /// The next one.
    pub next: Option<NextPrivateKey>,
    /// The one before.
    pub old: Option<OldPrivateKey>,
}

/// The key of a planned rotation.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct NextPrivateKey {
    /// The rotation's number.
    pub rotation: u32,
    /// The key.
    #[serde(with = "key_text")]
    pub private_key: PrivateKey,
}

/// A key that is not in force any more.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OldPrivateKey {
    /// The key.
    #[serde(with = "key_text")]
    pub private_key: PrivateKey,
    /// Since when it is not.
    pub since: DateTime<Utc>,
}

/// Private keys are written down where that is meant, and nowhere else.
mod key_text {
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    use super::PrivateKey;

    pub(super) fn serialize<S: Serializer>(key: &PrivateKey, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&key.expose())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<PrivateKey, D::Error> {
        let text = String::deserialize(from)?;
        // The cause must not quote the key.
        PrivateKey::parse(&text).ok_or_else(|| D::Error::custom("not a WireGuard key"))
    }
}

/// Who this gateway is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Base URL of the control plane.
    pub url: String,
    /// The gateway's id.
    pub gateway_id: String,
    /// The gateway's name.
    pub name: String,
    /// Trusted bundle-signing keys, 32 bytes in base64.
    pub signing_keys: Vec<String>,
    /// SHA-256 of the TLS certificate to expect, in base64, where the join
    /// token named one.
    pub tls_cert_sha256: Option<String>,
    /// The admin accepted plain HTTP beyond loopback.
    pub insecure: bool,
}

impl Identity {
    /// The trusted keys.
    ///
    /// # Errors
    /// [`StateError::Damaged`] if one is not a key.
    pub fn trusted(&self, state: &StateDir) -> Result<Vec<VerifyingKey>, StateError> {
        let damaged = || StateError::Damaged {
            path: state.file(GATEWAY),
            what: "a signing key is not a key".to_owned(),
        };
        self.signing_keys.iter().map(|text| verifying_key(text).ok_or_else(damaged)).collect()
    }
}

/// Reads an Ed25519 public key in base64.
#[must_use]
pub fn verifying_key(text: &str) -> Option<VerifyingKey> {
    let raw: [u8; 32] = STANDARD.decode(text).ok()?.try_into().ok()?;
    VerifyingKey::from_bytes(&raw).ok()
}

/// The names in use on this node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Runtime {
    /// The nftables table.
    pub table: String,
    /// Tables of earlier choices that are still to be removed.
    #[serde(default)]
    pub old_tables: Vec<String>,
    /// The WireGuard interface, once there is one.
    pub interface: Option<String>,
}

/// The state directory.
#[derive(Debug, Clone)]
pub struct StateDir(PathBuf);

impl StateDir {
    /// Opens the directory, making it where it is missing.
    ///
    /// # Errors
    /// [`StateError`] if it cannot be made.
    pub fn open(path: &Path) -> Result<Self, StateError> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(|source| StateError::Io { path: path.to_owned(), source })?;
        Ok(Self(path.to_owned()))
    }

    /// The directory as it is, for looking only.
    #[must_use]
    pub fn at(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// The directory itself.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Makes this process the one agent of the directory, as long as the
    /// returned file lives.
    ///
    /// # Errors
    /// [`StateError::Locked`] if another one is.
    pub fn lock(&self) -> Result<File, StateError> {
        let path = self.file(LOCK);
        let io = |source| StateError::Io { path: path.clone(), source };
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(io)?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => Err(StateError::Locked(self.0.clone())),
            Err(TryLockError::Error(source)) => Err(io(source)),
        }
    }

    /// Whether an agent runs, or another command changes the state.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        let file = File::open(self.file(LOCK));
        file.is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }

    /// The files that hold secrets.
    #[must_use]
    pub fn secret_files(&self) -> Vec<PathBuf> {
        [PRIVATE_KEY, FURTHER_KEYS, CREDENTIAL, SECRETS].map(|name| self.file(name)).into()
    }

    /// The private key, if there is one.
    ///
    /// # Errors
    /// [`StateError`] if it cannot be read.
    pub fn private_key(&self) -> Result<Option<PrivateKey>, StateError> {
        let Some(bytes) = self.read(PRIVATE_KEY)? else { return Ok(None) };
        let key = std::str::from_utf8(&bytes).ok().and_then(PrivateKey::parse);
        key.map(Some).ok_or_else(|| StateError::Damaged {
            path: self.file(PRIVATE_KEY),
            what: "not a WireGuard key".to_owned(),
        })
    }

    /// Keeps the private key.
    ///
    /// # Errors
    /// [`StateError`] if it cannot be written.
    pub fn save_private_key(&self, key: &PrivateKey) -> Result<(), StateError> {
        self.write(PRIVATE_KEY, format!("{}\n", key.expose()).as_bytes())
    }

    /// The private keys besides the present one.
    ///
    /// # Errors
    /// [`StateError`] if they cannot be read.
    pub fn further_keys(&self) -> Result<FurtherKeys, StateError> {
        Ok(self.read_json(FURTHER_KEYS)?.unwrap_or_default())
    }

    /// Keeps the private keys besides the present one.
    ///
    /// # Errors
    /// [`StateError`] if they cannot be written.
    pub fn save_further_keys(&self, keys: &FurtherKeys) -> Result<(), StateError> {
        self.write_json(FURTHER_KEYS, keys)
    }

    /// Keeps what a join gave. The identity goes last: with it the directory
    /// counts as joined.
    ///
    /// # Errors
    /// [`StateError`] if it cannot be written.
    pub fn save_identity(&self, identity: &Identity, credential: &str) -> Result<(), StateError> {
        self.write(CREDENTIAL, credential.as_bytes())?;
        self.write_json(GATEWAY, identity)
    }

    /// Keeps further keys to trust.
    ///
    /// # Errors
    /// [`StateError`] without a join, and if they cannot be written.
    pub fn trust(&self, keys: &[VerifyingKey]) -> Result<(), StateError> {
        let (mut identity, _) = self.identity()?;
        let texts = keys.iter().map(|key| STANDARD.encode(key.as_bytes()));
        identity.signing_keys.extend(texts);
        self.write_json(GATEWAY, &identity)
    }

    /// Whether a join has succeeded with this directory.
    #[must_use]
    pub fn is_joined(&self) -> bool {
        self.file(GATEWAY).exists()
    }

    /// Identity and credential.
    ///
    /// # Errors
    /// [`StateError::NotJoined`] without a join.
    pub fn identity(&self) -> Result<(Identity, String), StateError> {
        let not_joined = || StateError::NotJoined(self.0.clone());
        let identity = self.read_json(GATEWAY)?.ok_or_else(not_joined)?;
        let credential = self.read(CREDENTIAL)?.ok_or_else(not_joined)?;
        let credential = String::from_utf8(credential).map_err(|_| StateError::Damaged {
            path: self.file(CREDENTIAL),
            what: "not text".to_owned(),
        })?;
        Ok((identity, credential))
    }

    /// Keeps a verified bundle that is about to be applied.
    ///
    /// # Errors
    /// [`StateError`] if it cannot be written.
    pub fn save_next(&self, body: &[u8]) -> Result<(), StateError> {
        self.write(NEXT, body)
    }

    /// The bundle that was being applied is in force now.
    ///
    /// # Errors
    /// [`StateError`] if it cannot be renamed.
    pub fn promote_next(&self) -> Result<(), StateError> {
        let (from, to) = (self.file(NEXT), self.file(BUNDLE));
        fs::rename(&from, &to).map_err(|source| StateError::Io { path: to, source })?;
        self.sync()
    }

    /// The bundles on disk, the one to try first first.
    ///
    /// # Errors
    /// [`StateError`] if one cannot be read.
    pub fn bundles(&self) -> Result<Vec<(bool, Vec<u8>)>, StateError> {
        let next = self.read(NEXT)?.map(|body| (false, body));
        let applied = self.read(BUNDLE)?.map(|body| (true, body));
        Ok(next.into_iter().chain(applied).collect())
    }

    /// Keeps the preshared keys.
    ///
    /// # Errors
    /// [`StateError`] if they cannot be written.
    pub fn save_secrets(&self, secrets: &GatewaySecrets) -> Result<(), StateError> {
        self.write_json(SECRETS, secrets)
    }

    /// The preshared keys, none where they cannot be read: they are fetched again.
    #[must_use]
    pub fn secrets(&self) -> GatewaySecrets {
        self.read_json(SECRETS).ok().flatten().unwrap_or_default()
    }

    /// Keeps the names in use.
    ///
    /// # Errors
    /// [`StateError`] if they cannot be written.
    pub fn save_runtime(&self, runtime: &Runtime) -> Result<(), StateError> {
        self.write_json(RUNTIME, runtime)
    }

    /// The names in use, if the agent has run.
    ///
    /// # Errors
    /// [`StateError`] if they cannot be read.
    pub fn runtime(&self) -> Result<Option<Runtime>, StateError> {
        self.read_json(RUNTIME)
    }

    /// Keeps when the control plane last answered. Without fsync: it says
    /// nothing after a reboot, and before one the page cache holds it.
    ///
    /// # Errors
    /// [`StateError`] if it cannot be written.
    pub fn save_contact(&self, kept: &Kept) -> Result<(), StateError> {
        let path = self.file(CONTACT);
        let io = |source| StateError::Io { path: path.clone(), source };
        let text = serde_json::to_vec(kept)
            .map_err(|error| StateError::Damaged { path: path.clone(), what: error.to_string() })?;
        let mut temporary = tempfile::NamedTempFile::new_in(&self.0).map_err(io)?;
        temporary.write_all(&text).map_err(io)?;
        temporary.persist(&path).map_err(|error| io(error.error)).map(|_| ())
    }

    /// When the control plane last answered, where that is known. What cannot
    /// be read counts as not known.
    #[must_use]
    pub fn contact(&self) -> Option<Kept> {
        self.read_json(CONTACT).ok().flatten()
    }

    /// Removes everything but the lock.
    ///
    /// # Errors
    /// [`StateError`] if something stays.
    pub fn clear(&self) -> Result<(), StateError> {
        let keys = [PRIVATE_KEY, FURTHER_KEYS, CREDENTIAL, SECRETS];
        let others = [BUNDLE, NEXT, RUNTIME, CONTACT, "wireguard-go.log"];
        for name in std::iter::once(GATEWAY).chain(keys).chain(others) {
            let path = self.file(name);
            match fs::remove_file(&path) {
                Err(source) if source.kind() != io::ErrorKind::NotFound => {
                    return Err(StateError::Io { path, source });
                }
                _ => {}
            }
        }
        self.sync()
    }

    fn read(&self, name: &str) -> Result<Option<Vec<u8>>, StateError> {
        let path = self.file(name);
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(StateError::Io { path, source }),
        }
    }

    fn read_json<T: for<'a> Deserialize<'a>>(&self, name: &str) -> Result<Option<T>, StateError> {
        let Some(bytes) = self.read(name)? else { return Ok(None) };
        serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|error| StateError::Damaged { path: self.file(name), what: error.to_string() })
    }

    fn write_json<T: Serialize>(&self, name: &str, value: &T) -> Result<(), StateError> {
        let damaged = |error: serde_json::Error| StateError::Damaged {
            path: self.file(name),
            what: error.to_string(),
        };
        self.write(name, &serde_json::to_vec_pretty(value).map_err(damaged)?)
    }

    /// Whole or not at all, also over a power cut: temporary file of mode 0600,
    /// fsync, rename, fsync of the directory.
    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), StateError> {
        let path = self.file(name);
        let io = |source| StateError::Io { path: path.clone(), source };
        let mut temporary = tempfile::NamedTempFile::new_in(&self.0).map_err(io)?;
        temporary.write_all(bytes).map_err(io)?;
        temporary.as_file().sync_all().map_err(io)?;
        temporary.persist(&path).map_err(|error| io(error.error))?;
        self.sync()
    }

    fn sync(&self) -> Result<(), StateError> {
        File::open(&self.0)
            .and_then(|directory| directory.sync_all())
            .map_err(|source| StateError::Io { path: self.0.clone(), source })
    }
}
