//! What is asked of an enrolment, checked.

use std::net::IpAddr;

use nexavpn_domain::{
    DomainError, Problems,
    device::KeyOrigin,
    values::{self, PublicKey},
};
use x25519_dalek::{PublicKey as X25519Public, StaticSecret};

use super::{EnrolRequest, NewKey};
use crate::{CommandError, Commands, Secret};

/// A checked request.
pub(super) struct Checked {
    pub(super) name: String,
    pub(super) platform: String,
    pub(super) os_version: Option<String>,
    pub(super) app_version: Option<String>,
    pub(super) fingerprint: Option<String>,
    pub(super) key: KeyPair,
    pub(super) address: Option<IpAddr>,
}

/// A device's key.
#[derive(Clone)]
pub(super) struct KeyPair {
    pub(super) public: PublicKey,
    pub(super) origin: KeyOrigin,
    /// Where the control plane made it.
    pub(super) private: Option<Secret>,
    /// Whether the private half is kept.
    pub(super) kept: bool,
}

impl KeyPair {
    /// The private half, where it is kept.
    pub(super) fn to_keep(&self) -> Option<&Secret> {
        self.private.as_ref().filter(|_| self.kept)
    }
}

/// One address, as answers show it (`100.96.0.10/32`) or alone.
pub(super) fn one_address(text: &str) -> Result<IpAddr, String> {
    let (address, prefix) = text.trim().split_once('/').unwrap_or((text.trim(), ""));
    let address: Option<IpAddr> = address.parse().ok();
    match (address, prefix) {
        (Some(ip), "") => Ok(ip),
        (Some(ip @ IpAddr::V4(_)), "32") | (Some(ip @ IpAddr::V6(_)), "128") => Ok(ip),
        _ => Err("must be one address, for example 100.96.0.10".into()),
    }
}

impl Commands {
    pub(super) fn check(&self, input: EnrolRequest) -> Result<Checked, CommandError> {
        let mut problems = Problems::default();
        let name = problems.check("name", values::label(&input.name));
        let platform = input.platform.as_deref().unwrap_or("unknown");
        let platform = problems.check("platform", values::label(platform));
        let mut text = |field: &str, value: Option<String>, max: usize| {
            let value = value.filter(|v| !v.trim().is_empty())?;
            let short = if value.chars().count() > max {
                Err(format!("must have at most {max} characters"))
            } else {
                values::display_name(&value)
            };
            problems.check(field, short)
        };
        let os_version = text("os_version", input.os_version, 64);
        let app_version = text("app_version", input.app_version, 64);
        let fingerprint = text("device_fingerprint", input.fingerprint, 128);
        let address = input.address.and_then(|a| problems.check("assigned_ip", one_address(&a)));
        let key = match self.key(input.key) {
            Ok(key) => Some(key),
            Err(DomainError::Validation(errors)) => {
                errors.into_iter().for_each(|e| problems.add(e.field, e.message));
                None
            }
            Err(e) => return Err(e.into()),
        };
        problems.finish()?;
        let (Some(name), Some(platform), Some(key)) = (name, platform, key) else {
            return Err(DomainError::field("name", "is required").into());
        };
        Ok(Checked { name, platform, os_version, app_version, fingerprint, key, address })
    }

    pub(super) fn key(&self, key: NewKey) -> Result<KeyPair, DomainError> {
        use base64::{Engine, engine::general_purpose::STANDARD};
        let bad = |why| DomainError::field("public_key", why);
        let kept = matches!(key, NewKey::GenerateKept);
        match key {
            NewKey::Client(text) => Ok(KeyPair {
                public: PublicKey::parse(&text).map_err(bad)?,
                origin: KeyOrigin::Client,
                private: None,
                kept,
            }),
            NewKey::Generate | NewKey::GenerateKept => {
                let mut bytes = [0; 32];
                self.random.fill(&mut bytes);
                let private = StaticSecret::from(bytes);
                let public = X25519Public::from(&private);
                Ok(KeyPair {
                    public: PublicKey::from_bytes(public.to_bytes()).map_err(bad)?,
                    origin: KeyOrigin::Server,
                    private: Some(Secret::new(STANDARD.encode(private.to_bytes()))),
                    kept,
                })
            }
        }
    }
}
