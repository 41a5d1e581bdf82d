//! Authenticated encryption, and nothing else.

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey},
    rand,
};

use crate::KeyError;

/// 32 secret bytes.
#[derive(Clone)]
pub(crate) struct Key([u8; 32]);

impl Key {
    pub(crate) fn random() -> Result<Self, KeyError> {
        let mut bytes = [0; 32];
        rand::fill(&mut bytes).map_err(|_| KeyError::Crypto)?;
        Ok(Self(bytes))
    }

    pub(crate) const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub(crate) const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Nonce, ciphertext and tag, bound to `context`.
    pub(crate) fn seal(&self, context: &[u8], plain: &[u8]) -> Result<Vec<u8>, KeyError> {
        let key = self.cipher()?;
        let mut sealed = plain.to_vec();
        let nonce = key
            .seal_in_place_append_tag(Aad::from(context), &mut sealed)
            .map_err(|_| KeyError::Crypto)?;
        let mut out = nonce.as_ref().to_vec();
        out.append(&mut sealed);
        Ok(out)
    }

    /// `None` where the bytes were not sealed with this key and context.
    pub(crate) fn open(&self, context: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, rest) = sealed.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut rest = rest.to_vec();
        let plain = self.cipher().ok()?.open_in_place(nonce, Aad::from(context), &mut rest).ok()?;
        Some(plain.to_vec())
    }

    fn cipher(&self) -> Result<RandomizedNonceKey, KeyError> {
        RandomizedNonceKey::new(&AES_256_GCM, &self.0).map_err(|_| KeyError::Crypto)
    }
}

#[cfg(test)]
mod tests {
    use super::Key;

    #[test]
    fn opens_only_with_the_same_key_context_and_bytes() {
        let key = Key::random().unwrap();
        let sealed = key.seal(b"here", b"secret").unwrap();
        assert_eq!(key.open(b"here", &sealed).as_deref(), Some(&b"secret"[..]));
        assert!(key.open(b"there", &sealed).is_none());
        assert!(Key::random().unwrap().open(b"here", &sealed).is_none());
        let mut flipped = sealed.clone();
        flipped[15] ^= 1;
        assert!(key.open(b"here", &flipped).is_none());
        assert!(key.open(b"here", &sealed[..5]).is_none());
        assert_ne!(sealed, key.seal(b"here", b"secret").unwrap(), "nonces are random");
    }
}
