//! How a node comes to trust the next signing key: the one before it has signed it.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};

use crate::envelope::key_id;

/// Keeps a key's signature from being one of anything else.
const CONTEXT: &[u8] = b"nexavpn-signing-key-v1\0";

/// `GET /api/v1/admin/gateways/{id}/signing-keys`: all keys that have signed bundles.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SigningKeyChain {
    /// The oldest first.
    pub keys: Vec<ChainedKey>,
}

/// A key that signs bundles, or has signed them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = BundleSigningKey))]
pub struct ChainedKey {
    /// Its id.
    pub key_id: String,
    /// 32 bytes in base64.
    pub public_key: String,
    /// Its signature by the key before it, in base64; none of the first.
    pub signed_by_previous: Option<String>,
}

fn statement(key: &VerifyingKey) -> Vec<u8> {
    [CONTEXT, key.as_bytes()].concat()
}

/// The signature with which `signer` hands over to `next`, in base64.
#[must_use]
pub fn sign_key(next: &VerifyingKey, signer: &SigningKey) -> String {
    STANDARD.encode(signer.sign(&statement(next)).to_bytes())
}

impl SigningKeyChain {
    /// The keys that whoever trusts these may trust too: each was signed by one that is trusted.
    #[must_use]
    pub fn follow(&self, trusted: &[VerifyingKey]) -> Vec<VerifyingKey> {
        let mut all = trusted.to_vec();
        for (before, next) in self.keys.iter().zip(self.keys.iter().skip(1)) {
            let Some(signer) = all.iter().find(|key| key_id(key) == before.key_id) else {
                continue;
            };
            let key = decode(&next.public_key).and_then(|raw| VerifyingKey::from_bytes(&raw).ok());
            let signature = next.signed_by_previous.as_deref().and_then(decode::<64>);
            let (Some(key), Some(signature)) = (key, signature) else { continue };
            let signature = Signature::from_bytes(&signature);
            let signed = signer.verify_strict(&statement(&key), &signature).is_ok();
            if signed && key_id(&key) == next.key_id && !all.contains(&key) {
                all.push(key);
            }
        }
        all.split_off(trusted.len())
    }
}

fn decode<const N: usize>(text: &str) -> Option<[u8; N]> {
    STANDARD.decode(text).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: u8) -> SigningKey {
        SigningKey::from_bytes(&[n; 32])
    }

    fn chained(n: u8, signer: Option<u8>) -> ChainedKey {
        let public = key(n).verifying_key();
        ChainedKey {
            key_id: key_id(&public),
            public_key: STANDARD.encode(public.as_bytes()),
            signed_by_previous: signer.map(|n| sign_key(&public, &key(n))),
        }
    }

    fn followed(keys: Vec<ChainedKey>, trusted: &[u8]) -> Vec<VerifyingKey> {
        let trusted: Vec<_> = trusted.iter().map(|n| key(*n).verifying_key()).collect();
        SigningKeyChain { keys }.follow(&trusted)
    }

    #[test]
    fn trust_goes_from_key_to_key_and_never_back() {
        let chain = || vec![chained(1, None), chained(2, Some(1)), chained(3, Some(2))];
        let [two, three] = [2, 3].map(|n| key(n).verifying_key());
        assert_eq!(followed(chain(), &[1]), [two, three]);
        assert_eq!(followed(chain(), &[2]), [three]);
        assert_eq!(followed(chain(), &[3]), []);
        assert_eq!(followed(chain(), &[9]), []);
    }

    #[test]
    fn a_key_that_nobody_trusted_has_signed_is_not_trusted() {
        assert_eq!(followed(vec![chained(1, None), chained(2, None)], &[1]), []);
        assert_eq!(followed(vec![chained(1, None), chained(2, Some(3))], &[1]), []);
        assert_eq!(followed(vec![chained(1, None), chained(2, Some(2))], &[1]), []);
        // The signature of another key, and another key under this one's name.
        let mut stolen = chained(3, None);
        stolen.signed_by_previous = chained(2, Some(1)).signed_by_previous;
        assert_eq!(followed(vec![chained(1, None), stolen], &[1]), []);
        let mut renamed = chained(2, Some(1));
        renamed.key_id = chained(3, None).key_id;
        assert_eq!(followed(vec![chained(1, None), renamed], &[1]), []);
    }
}
