//! Preshared keys. A bundle names each by its reference only; the keys travel
//! apart from it, to the gateway that needs them and to nobody else.
//!
//! `GET /api/v1/admin/gateways/{id}/secrets`, with that gateway's own
//! credential (an admin's is refused) → 200 [`GatewaySecrets`] with
//! `Cache-Control: no-store`. It answers the keys of every `psk_ref` in the
//! gateway's newest bundle; more are allowed and ignored.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The preshared keys of one gateway's devices: `{"secrets": {"<psk_ref>": "<key in base64>"}}`.
/// `Debug` hides the keys.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GatewaySecrets {
    /// Keys of 32 bytes in base64, by [`psk_ref`].
    pub secrets: BTreeMap<String, String>,
}

/// The reference of a preshared key: its SHA-256 in hexadecimal. It gives
/// nothing away because the key has 256 random bits.
#[must_use]
pub fn psk_ref(key: &[u8; 32]) -> String {
    hex::encode(Sha256::digest(key))
}

impl GatewaySecrets {
    /// The key of a reference, where there is one and it fits. A key of zeros
    /// is none: to WireGuard it means that there is no preshared key.
    #[must_use]
    pub fn key(&self, reference: &str) -> Option<[u8; 32]> {
        let raw = STANDARD.decode(self.secrets.get(reference)?).ok()?;
        let key: [u8; 32] = raw.try_into().ok()?;
        (key != [0; 32] && psk_ref(&key) == reference).then_some(key)
    }
}

impl fmt::Debug for GatewaySecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GatewaySecrets({})", self.secrets.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_key_that_fits_its_reference_is_one() {
        let key = [7; 32];
        let reference = psk_ref(&key);
        assert_eq!(reference.len(), 64);
        let with = |text: String| GatewaySecrets { secrets: [(reference.clone(), text)].into() };
        let good = with(STANDARD.encode(key));
        assert_eq!(good.key(&reference), Some(key));
        assert_eq!(good.key("another"), None);
        for other in [STANDARD.encode([8; 32]), STANDARD.encode([7; 31]), "?".into(), String::new()]
        {
            assert_eq!(with(other).key(&reference), None);
        }
        let zeros = psk_ref(&[0; 32]);
        let none = GatewaySecrets { secrets: [(zeros.clone(), STANDARD.encode([0; 32]))].into() };
        assert_eq!(none.key(&zeros), None);
    }

    #[test]
    fn the_wire_form_is_fixed_and_debug_hides_it() {
        let secrets =
            GatewaySecrets { secrets: [("ab".to_owned(), STANDARD.encode([7; 32]))].into() };
        let text = r#"{"secrets":{"ab":"BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc="}}"#;
        assert_eq!(serde_json::to_string(&secrets).unwrap(), text);
        assert_eq!(serde_json::from_str::<GatewaySecrets>(text).unwrap(), secrets);
        assert_eq!(format!("{secrets:?}"), "GatewaySecrets(1)");
    }
}
