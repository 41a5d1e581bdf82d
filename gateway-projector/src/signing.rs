//! The key that signs bundles.

use std::sync::{Arc, Mutex, PoisonError};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use ed25519_dalek::{SigningKey, VerifyingKey};
use nexavpn_domain::security::SecurityCommand;
use nexavpn_store::{KeyError, Keyring};
use thiserror::Error;

/// Under which name the private half of the first key is sealed; of each later one it is this name,
/// a slash and the key's id.
const SECRET: &str = "bundle_signing_key";

/// Why nothing can be signed.
#[derive(Debug, Error)]
pub enum SigningError {
    /// The private half of the key in force is not here.
    #[error(
        "the private half of bundle-signing key {key_id} is missing: restore the database row \
         of its sealed secret ({SECRET}/{key_id}, or {SECRET} where it was the first key); until \
         then no gateway gets a bundle"
    )]
    Missing {
        /// The key that the events name.
        key_id: String,
    },
    /// What is sealed under the key's name is not a key.
    #[error("the sealed secret {SECRET} does not hold an Ed25519 key")]
    Damaged,
    /// The keyring refused.
    #[error(transparent)]
    Keyring(#[from] KeyError),
}

/// The private half of the bundle-signing key, kept as a sealed secret. Cheap to clone.
#[derive(Clone)]
pub struct SigningKeys {
    keyring: Keyring,
    /// The key that was used last.
    opened: Arc<Mutex<Option<SigningKey>>>,
}

impl std::fmt::Debug for SigningKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SigningKeys(..)")
    }
}

impl SigningKeys {
    /// Keys sealed in this keyring.
    #[must_use]
    pub fn new(keyring: Keyring) -> Self {
        Self { keyring, opened: Arc::default() }
    }

    /// Makes sure that there is a key that can sign. `named` is [`Fleet::signing_key`] of a fleet
    /// that has caught up, `seed` 32 random bytes.
    ///
    /// At the first start it seals a new key and returns the command that makes it known; the
    /// caller runs it. A start that was cut short between the two finds the same key again, and
    /// so do two processes at once.
    ///
    /// # Errors
    /// [`SigningError::Missing`] where the key in force is not here.
    ///
    /// [`Fleet::signing_key`]: nexavpn_domain::fleet::Fleet::signing_key
    pub async fn ensure(
        &self,
        named: Option<&str>,
        seed: &[u8; 32],
    ) -> Result<Option<SecurityCommand>, SigningError> {
        if let Some(key_id) = named {
            self.key(key_id).await?;
            return Ok(None);
        }
        let key = decode(&self.keyring.secret_or(SECRET, seed).await?)?;
        let public = key.verifying_key();
        Ok(Some(SecurityCommand::IntroduceSigningKey {
            key_id: nexavpn_bundle::key_id(&public),
            public_key: BASE64_STANDARD.encode(public.as_bytes()),
            previous: None,
            signed_by_previous: None,
        }))
    }

    /// Makes the next key from 32 random bytes, and seals it. Returns the command that makes it
    /// known, signed by the key in force; the caller runs it.
    ///
    /// # Errors
    /// [`SigningError::Missing`] where the key in force is not here.
    pub async fn next(
        &self,
        in_force: &str,
        seed: &[u8; 32],
    ) -> Result<SecurityCommand, SigningError> {
        let signer = self.key(in_force).await?;
        let public = SigningKey::from_bytes(seed).verifying_key();
        let key_id = nexavpn_bundle::key_id(&public);
        self.keyring.seal_secret(&secret_of(&key_id), seed).await?;
        Ok(SecurityCommand::IntroduceSigningKey {
            key_id,
            public_key: BASE64_STANDARD.encode(public.as_bytes()),
            previous: Some(in_force.to_owned()),
            signed_by_previous: Some(nexavpn_bundle::sign_key(&public, &signer)),
        })
    }

    /// The public half of the key with this id.
    ///
    /// # Errors
    /// As [`ensure`](Self::ensure).
    pub async fn verifying_key(&self, key_id: &str) -> Result<VerifyingKey, SigningError> {
        Ok(self.key(key_id).await?.verifying_key())
    }

    /// The key with this id, and never another one.
    pub(crate) async fn key(&self, key_id: &str) -> Result<SigningKey, SigningError> {
        let fits = |key: &SigningKey| nexavpn_bundle::key_id(&key.verifying_key()) == key_id;
        let opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(key) = opened.filter(fits) {
            return Ok(key);
        }
        let missing = || SigningError::Missing { key_id: key_id.to_owned() };
        let sealed = match self.keyring.open_secret(&secret_of(key_id)).await? {
            Some(sealed) => sealed,
            None => self.keyring.open_secret(SECRET).await?.ok_or_else(missing)?,
        };
        let key = Some(decode(&sealed)?).filter(fits).ok_or_else(missing)?;
        *self.opened.lock().unwrap_or_else(PoisonError::into_inner) = Some(key.clone());
        Ok(key)
    }
}

fn secret_of(key_id: &str) -> String {
    format!("{SECRET}/{key_id}")
}

fn decode(sealed: &[u8]) -> Result<SigningKey, SigningError> {
    sealed.try_into().map(SigningKey::from_bytes).map_err(|_| SigningError::Damaged)
}
