//! The key that signs checkpoints. Its own, not that of the bundles: who may let gateways believe
//! something need not be who vouches for the record.

use ed25519_dalek::SigningKey;
use nexavpn_proof::{NoteError, NoteKey, NoteVerifier};
use sha2::{Digest as _, Sha256};

use super::ProofError;
use crate::{KeyError, Keyring};

/// Under which name the key is sealed: 32 bytes of the key, and the log's name.
const SECRET: &str = "log_signing_key";

/// The key of the transparency log, with the log's name. Both are settled at the first start: to
/// those who keep checkpoints another name or key is another log.
#[derive(Debug)]
pub struct LogKey(NoteKey);

impl LogKey {
    /// The key; the first time it is made of `seed`, 32 random bytes, and the log gets this name.
    /// Of two processes at once both get the same.
    ///
    /// # Errors
    /// Where the name cannot be one, and where the keyring refuses.
    pub async fn open_or_make(
        keyring: &Keyring,
        name: Option<&str>,
        seed: &[u8; 32],
    ) -> Result<Self, ProofError> {
        let name = name.map_or_else(|| default_log_name(seed), ToOwned::to_owned);
        if !nexavpn_proof::note::is_name(&name) {
            let why = "its name holds white space or a plus sign, or is empty";
            return Err(NoteError::Malformed(why).into());
        }
        let fresh = [seed.as_slice(), name.as_bytes()].concat();
        decode(&keyring.secret_or(SECRET, &fresh).await?)
    }

    /// The key that was made.
    ///
    /// # Errors
    /// [`ProofError::NoKey`] where none was, and where the keyring refuses.
    pub async fn open(keyring: &Keyring) -> Result<Self, ProofError> {
        decode(&keyring.open_secret(SECRET).await?.ok_or(ProofError::NoKey)?)
    }

    /// Its public half with the log's name: what others verify with.
    #[must_use]
    pub fn verifier(&self) -> NoteVerifier {
        self.0.verifier()
    }

    pub(super) const fn note_key(&self) -> &NoteKey {
        &self.0
    }
}

/// What a log is called where nobody says otherwise: another name for each installation.
fn default_log_name(seed: &[u8; 32]) -> String {
    let public = SigningKey::from_bytes(seed).verifying_key();
    let digest = hex::encode(Sha256::digest(public.as_bytes()));
    format!("nexavpn/{}", digest.get(..16).unwrap_or_default())
}

fn decode(secret: &[u8]) -> Result<LogKey, ProofError> {
    let damaged = || KeyError::Damaged(SECRET.to_owned());
    let (seed, name) = secret.split_first_chunk::<32>().ok_or_else(damaged)?;
    let name = std::str::from_utf8(name).map_err(|_| damaged())?;
    Ok(LogKey(NoteKey::new(name, SigningKey::from_bytes(seed))?))
}
