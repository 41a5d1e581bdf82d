//! WireGuard public keys.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};

/// A WireGuard public key: 32 bytes in base64, not a point of low order.
///
/// A low-order point makes every Diffie-Hellman result zero (RFC 7748, section 6.1), so a peer with
/// such a key would have no secret.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// Parses the standard base64 text that `wg pubkey` prints.
    ///
    /// # Errors
    /// What is wrong, in words; the key itself is not repeated.
    pub fn parse(input: &str) -> Result<Self, String> {
        let bytes = STANDARD
            .decode(input.trim())
            .map_err(|_| "must be a WireGuard key: 44 characters of base64".to_owned())?;
        let bytes: [u8; 32] = bytes.try_into().map_err(|b: Vec<u8>| {
            format!("must be a WireGuard key of 32 bytes, this one has {}", b.len())
        })?;
        Self::from_bytes(bytes)
    }

    /// Takes raw bytes.
    ///
    /// # Errors
    /// Where the point is of low order or not in canonical form.
    pub fn from_bytes(mut bytes: [u8; 32]) -> Result<Self, String> {
        // X25519 ignores the highest bit and reduces modulo 2^255 - 19 (RFC 7748, section 5): clear
        // the one and refuse what is not reduced, or one key has two texts.
        bytes[31] &= 0x7f;
        if bytes[0] >= 0xed && bytes[1..31] == [0xff; 30] && bytes[31] == 0x7f {
            return Err("is not a usable key: it is not in canonical form".into());
        }
        let probe = x25519_dalek::x25519([0x55; 32], bytes);
        if probe == [0; 32] {
            return Err("is not a usable key: it is a low-order point".into());
        }
        Ok(Self(bytes))
    }

    /// The raw bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

impl TryFrom<String> for PublicKey {
    type Error = String;
    fn try_from(s: String) -> Result<Self, String> {
        Self::parse(&s)
    }
}

impl From<PublicKey> for String {
    fn from(key: PublicKey) -> Self {
        key.to_string()
    }
}
