//! The join token: what an admin carries from the control plane to a new node.
//!
//! `nxg1.<gateway id>.<secret>.<SHA-256 of the signing key>[.<SHA-256 of the
//! TLS certificate>]`, the last three base64url without padding. The hashes
//! let the node recognise the real control plane, so that whoever sits between
//! them cannot answer the join with keys of his own.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::VerifyingKey;
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::is_uuid;

const PREFIX: &str = "nxg1";

/// A join token. [`JoinToken::expose`] writes it out; `Debug` does not.
#[derive(Clone, PartialEq, Eq)]
pub struct JoinToken {
    /// The gateway that the token admits.
    pub gateway_id: String,
    /// The secret itself; the control plane stores its hash only.
    pub secret: [u8; 32],
    /// SHA-256 of the 32 bytes of the bundle-signing public key.
    pub signing_key_sha256: [u8; 32],
    /// SHA-256 of the control plane's TLS certificate when it is self-signed.
    pub tls_cert_sha256: Option<[u8; 32]>,
}

/// A text that is not a join token. It never quotes the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("this is not a join token (nxg1.…); copy it again, whole")]
pub struct TokenError;

impl JoinToken {
    /// The token as text.
    #[must_use]
    pub fn expose(&self) -> String {
        let mut text = format!(
            "{PREFIX}.{}.{}.{}",
            self.gateway_id,
            URL_SAFE_NO_PAD.encode(self.secret),
            URL_SAFE_NO_PAD.encode(self.signing_key_sha256)
        );
        if let Some(hash) = self.tls_cert_sha256 {
            text.push('.');
            text.push_str(&URL_SAFE_NO_PAD.encode(hash));
        }
        text
    }

    /// SHA-256 of the secret in hexadecimal: what the control plane stores.
    #[must_use]
    pub fn secret_hash(&self) -> String {
        hex::encode(Sha256::digest(self.secret))
    }

    /// Whether `key` is the signing key that the token names.
    #[must_use]
    pub fn names_signing_key(&self, key: &VerifyingKey) -> bool {
        Sha256::digest(key.as_bytes()).as_slice() == self.signing_key_sha256
    }
}

impl FromStr for JoinToken {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        let parts: Vec<&str> = text.trim().split('.').collect();
        let (gateway_id, secret, key, cert) = match parts.as_slice() {
            [PREFIX, gateway_id, secret, key] => (gateway_id, secret, key, None),
            [PREFIX, gateway_id, secret, key, cert] => (gateway_id, secret, key, Some(cert)),
            _ => return Err(TokenError),
        };
        if !is_uuid(gateway_id) {
            return Err(TokenError);
        }
        Ok(Self {
            gateway_id: (*gateway_id).to_owned(),
            secret: bytes(secret)?,
            signing_key_sha256: bytes(key)?,
            tls_cert_sha256: cert.map(|text| bytes(text)).transpose()?,
        })
    }
}

fn bytes(text: &str) -> Result<[u8; 32], TokenError> {
    let raw = URL_SAFE_NO_PAD.decode(text).map_err(|_| TokenError)?;
    raw.try_into().map_err(|_| TokenError)
}

impl fmt::Debug for JoinToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinToken")
            .field("gateway_id", &self.gateway_id)
            .field("secret", &"redacted")
            .finish_non_exhaustive()
    }
}
