//! The preshared keys that this node holds, by their references.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use nexavpn_bundle::{GatewaySecrets, Payload};

/// A WireGuard preshared key. `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct PresharedKey([u8; 32]);

impl PresharedKey {
    /// A key; `None` for zeros, by which WireGuard means that there is none.
    #[must_use]
    pub fn new(raw: [u8; 32]) -> Option<Self> {
        (raw != [0; 32]).then_some(Self(raw))
    }

    /// The key itself.
    #[must_use]
    pub fn bytes(&self) -> [u8; 32] {
        self.0
    }
}

impl fmt::Debug for PresharedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PresharedKey")
    }
}

/// Keys that fit their references.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Secrets(BTreeMap<String, PresharedKey>);

impl Secrets {
    /// The key of a reference.
    #[must_use]
    pub fn get(&self, reference: &str) -> Option<&PresharedKey> {
        self.0.get(reference)
    }

    /// Takes the keys in `offered` that `payload` needs, that fit their
    /// references and are not held yet. Answers whether there were any.
    pub fn take(&mut self, offered: &GatewaySecrets, payload: &Payload) -> bool {
        let before = self.0.len();
        for reference in references(payload) {
            if !self.0.contains_key(reference)
                && let Some(key) = offered.key(reference).and_then(PresharedKey::new)
            {
                self.0.insert(reference.to_owned(), key);
            }
        }
        self.0.len() != before
    }

    /// Forgets what `payload` does not need. Answers whether there was anything.
    pub fn forget_others(&mut self, payload: &Payload) -> bool {
        let before = self.0.len();
        let needed: BTreeSet<&str> = references(payload).collect();
        self.0.retain(|reference, _| needed.contains(reference.as_str()));
        self.0.len() != before
    }

    /// In the form in which they are kept on disk.
    #[must_use]
    pub fn expose(&self) -> GatewaySecrets {
        let encoded = |(reference, key): (&String, &PresharedKey)| {
            (reference.clone(), STANDARD.encode(key.0))
        };
        GatewaySecrets { secrets: self.0.iter().map(encoded).collect() }
    }
}

fn references(payload: &Payload) -> impl Iterator<Item = &str> {
    payload.devices.iter().filter_map(|device| device.psk_ref.as_deref())
}
