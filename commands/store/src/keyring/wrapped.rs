//! Keys of an installation that are kept wrapped by the master key, one for each kind of thing.

use tokio::sync::OnceCell;

use super::{Key, Keyring};
use crate::KeyError;

/// The key of kept states: they hold nothing personal, but must be nobody's else.
const STATES: &str = "fleet_snapshots";
const PRESHARED_KEYS: &str = "preshared_keys";
const PRIVATE_KEYS: &str = "private_keys";
const WEBHOOK_SECRETS: &str = "webhook_secrets";

/// Seals and opens what belongs to an installation.
#[derive(Clone)]
pub struct WrappedKey(Key);

impl std::fmt::Debug for WrappedKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("WrappedKey(..)")
    }
}

impl WrappedKey {
    /// Seals some bytes; they open in the same context only.
    ///
    /// # Errors
    /// Where the cryptographic library fails.
    pub fn seal(&self, context: &str, plain: &[u8]) -> Result<Vec<u8>, KeyError> {
        self.0.seal(context.as_bytes(), plain)
    }

    /// `None` where it was sealed with a key that is gone, or elsewhere.
    #[must_use]
    pub fn open(&self, context: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        self.0.open(context.as_bytes(), sealed)
    }
}

/// Those that seal what a command writes, once they were asked for. Another master key wraps them
/// anew, and they stay the same.
#[derive(Default)]
pub(super) struct Sealers {
    preshared_keys: OnceCell<WrappedKey>,
    private_keys: OnceCell<WrappedKey>,
}

impl Keyring {
    /// The key with which folded states are sealed: whoever can write to the database cannot make
    /// one up, as little as an event that opens a door.
    ///
    /// # Errors
    /// Where the database fails or the key was wrapped by another master key.
    pub async fn state_key(&self) -> Result<WrappedKey, KeyError> {
        self.wrapped_key(STATES).await
    }

    /// The key with which the preshared keys of devices are sealed.
    ///
    /// # Errors
    /// Where the database fails or the key was wrapped by another master key.
    pub async fn preshared_key_sealer(&self) -> Result<WrappedKey, KeyError> {
        let key = || self.wrapped_key(PRESHARED_KEYS);
        self.sealers.preshared_keys.get_or_try_init(key).await.cloned()
    }

    /// The key with which those private keys of devices are sealed that are kept.
    ///
    /// # Errors
    /// Where the database fails or the key was wrapped by another master key.
    pub async fn private_key_sealer(&self) -> Result<WrappedKey, KeyError> {
        let key = || self.wrapped_key(PRIVATE_KEYS);
        self.sealers.private_keys.get_or_try_init(key).await.cloned()
    }

    /// The key with which the secrets of webhooks are sealed.
    ///
    /// # Errors
    /// Where the database fails or the key was wrapped by another master key.
    pub async fn webhook_secret_sealer(&self) -> Result<WrappedKey, KeyError> {
        self.wrapped_key(WEBHOOK_SECRETS).await
    }

    /// The key of this name, made when it is first asked for.
    pub(super) async fn wrapped_key(&self, name: &str) -> Result<WrappedKey, KeyError> {
        let fresh = Key::random()?;
        let bytes = self.secret_or(name, fresh.bytes()).await?;
        let bytes = bytes.try_into().map_err(|_| KeyError::Damaged(name.to_owned()))?;
        Ok(WrappedKey(Key::from_bytes(bytes)))
    }
}
