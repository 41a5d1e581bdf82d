//! What leads from one bundle to a later one, so that a change of one device does not cost a
//! gateway the whole bundle. It is only believed for what comes out: the bytes of the bundle that
//! it leads to, whose hash and signature it carries.

use std::collections::BTreeMap;

use ed25519_dalek::VerifyingKey;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    BundleError, Change, Device, FORMAT, Frame, Profile, Seal, VerifiedBundle,
    envelope::EnvelopeSignature,
};

/// What a delta begins at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = BundleBase))]
pub struct Base {
    /// The epoch of that bundle.
    pub epoch: i64,
    /// Its revision.
    pub revision: i64,
    /// SHA-256 of its payload's bytes in hexadecimal.
    pub sha256: String,
}

/// What leads from one bundle to a later one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = BundleDelta))]
pub struct Delta {
    /// What it begins at.
    pub base: Base,
    /// All of the later bundle besides devices and profiles.
    pub frame: Frame,
    /// Devices that are new or other than before.
    pub put_devices: Vec<Device>,
    /// The ids of devices that are gone.
    pub removed_devices: Vec<String>,
    /// Profiles that are new.
    pub put_profiles: BTreeMap<String, Profile>,
    /// The names of profiles that are gone.
    pub removed_profiles: Vec<String>,
}

/// A delta as it is served.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = SignedDelta))]
pub struct DeltaEnvelope {
    delta: Delta,
    /// SHA-256 in hexadecimal of the payload that it leads to.
    sha256: String,
    /// The signature of that payload.
    signature: EnvelopeSignature,
}

impl Delta {
    /// The delta that makes a change of what it begins at.
    #[must_use]
    pub fn new(base: Base, frame: Frame, change: Change) -> Self {
        let Change { put_devices, removed_devices, put_profiles, removed_profiles } = change;
        Self { base, frame, put_devices, removed_devices, put_profiles, removed_profiles }
    }

    /// The HTTP body, with what vouches for the payload that it leads to.
    ///
    /// # Errors
    /// [`BundleError::Malformed`] if it cannot be written as JSON.
    pub fn body(&self, to: &Seal) -> Result<Vec<u8>, BundleError> {
        let delta = serde_json::to_vec(self).map_err(|e| BundleError::Malformed(e.to_string()))?;
        Ok([b"{\"delta\":", delta.as_slice(), to.tail().as_bytes()].concat())
    }
}

/// Whether a body is a delta's and not a full bundle's.
#[must_use]
pub fn is_delta(body: &[u8]) -> bool {
    body.starts_with(b"{\"delta\":")
}

/// Applies a received delta to the bundle that it begins at, and checks what comes out as
/// [`verify`](crate::verify()) checks a full bundle.
///
/// # Errors
/// The first check that fails, as a [`BundleError`]; [`BundleError::OtherBase`] where the full
/// bundle has to be asked for.
pub fn verify_delta(
    body: &[u8],
    held: &VerifiedBundle,
    trusted: &[VerifyingKey],
) -> Result<VerifiedBundle, BundleError> {
    let malformed = |error: serde_json::Error| BundleError::Malformed(error.to_string());
    let DeltaEnvelope { delta, sha256, signature } =
        serde_json::from_slice(body).map_err(malformed)?;
    let Delta { base, frame, .. } = &delta;
    if (base.epoch, base.revision) != held.position() || base.sha256 != held.sha256 {
        return Err(BundleError::OtherBase { epoch: base.epoch, revision: base.revision });
    }
    if frame.format != FORMAT {
        return Err(BundleError::UnsupportedFormat(frame.format));
    }
    let Delta { frame, put_devices, removed_devices, put_profiles, removed_profiles, .. } = delta;
    let change = Change { put_devices, removed_devices, put_profiles, removed_profiles };
    let contents = held.contents.changed(frame, change)?;
    let bytes = contents.bytes();
    if hex::encode(Sha256::digest(&bytes)) != sha256 {
        return Err(BundleError::BadHash);
    }
    let key_id = signature.check(&bytes, trusted)?;
    let (payload, signature) = (contents.payload(), signature.ed25519);
    Ok(VerifiedBundle { payload, contents, bytes, sha256, key_id, signature })
}
