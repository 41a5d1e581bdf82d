//! WireGuard public keys.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};

/// The points of low order, on the curve and on its twist, in canonical form: 0, 1, -1 and two of
/// order 8 (D. J. Bernstein, "How do I validate Curve25519 public keys?"). A key is checked each
/// time that an event with one is read, and a multiplication takes a thousand times as long.
const LOW_ORDER: [[u8; 32]; 5] = [
    [0; 32],
    {
        let mut one = [0; 32];
        one[0] = 1;
        one
    },
    {
        let mut minus_one = [0xff; 32];
        minus_one[0] = 0xec;
        minus_one[31] = 0x7f;
        minus_one
    },
    [
        0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4,
        0x6a, 0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49,
        0xb8, 0x00,
    ],
    [
        0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1, 0x55, 0x9c, 0x83, 0xef,
        0x5b, 0x04, 0x44, 0x5c, 0xc4, 0x58, 0x1c, 0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f,
        0x11, 0x57,
    ],
];

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
        if LOW_ORDER.contains(&bytes) {
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What RFC 7748, section 6.1 lets implementations look for: the shared secret is all zero.
    fn contributes(bytes: [u8; 32]) -> bool {
        x25519_dalek::x25519([0x55; 32], bytes) != [0; 32]
    }

    #[test]
    fn points_of_low_order_are_refused() {
        for mut point in LOW_ORDER {
            assert!(!contributes(point));
            assert!(PublicKey::from_bytes(point).is_err(), "{point:02x?}");
            point[31] |= 0x80;
            assert!(PublicKey::from_bytes(point).is_err(), "{point:02x?}");
        }
        // Small numbers and those just below the prime.
        for n in 0..=255 {
            for fill in [0, 0xff] {
                let mut point = [fill; 32];
                (point[0], point[31]) = (n, fill & 0x7f);
                let reduced = fill == 0 || n < 0xed;
                assert_eq!(PublicKey::from_bytes(point).is_ok(), reduced && contributes(point));
            }
        }
    }

    proptest! {
        #[test]
        fn other_points_are_taken(mut bytes: [u8; 32]) {
            bytes[31] &= 0x7f;
            prop_assume!(bytes[31] != 0x7f);
            prop_assert_eq!(PublicKey::from_bytes(bytes).is_ok(), contributes(bytes));
        }
    }
}
