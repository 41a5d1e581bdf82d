//! References of preshared keys.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Names a WireGuard preshared key without telling it: the SHA-256 of its 32 random bytes, in
/// hexadecimal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PskRef([u8; 32]);

impl PskRef {
    /// The reference of a key.
    #[must_use]
    pub fn of(key: &[u8; 32]) -> Self {
        Self(Sha256::digest(key).into())
    }
}

impl fmt::Display for PskRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for PskRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PskRef({self})")
    }
}

impl TryFrom<String> for PskRef {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let digit = |c: &u8| (c.is_ascii_digit() || (b'a'..=b'f').contains(c)).then_some(*c);
        let value = |pair: &[u8]| {
            let [high, low] = pair else { return None };
            let pair = [digit(high)?, digit(low)?];
            u8::from_str_radix(std::str::from_utf8(&pair).ok()?, 16).ok()
        };
        let bytes: Option<Vec<u8>> = text.as_bytes().chunks(2).map(value).collect();
        let bytes = bytes.and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or_else(|| "must be a SHA-256 in hexadecimal".to_owned())
    }
}

impl From<PskRef> for String {
    fn from(psk_ref: PskRef) -> Self {
        psk_ref.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_text_of_a_reference_is_one() {
        let one = PskRef::of(&[7; 32]);
        let text = one.to_string();
        assert_eq!(PskRef::try_from(text.clone()), Ok(one));
        let umlaut = format!("{}\u{e4}", &text[..62]);
        for bad in [&text[..62], &format!("{text}00"), &text.to_uppercase(), &umlaut, ""] {
            assert!(PskRef::try_from(bad.to_owned()).is_err(), "{bad}");
        }
    }
}
