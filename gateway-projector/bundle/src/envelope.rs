//! The envelope around a payload: `{"payload", "sha256", "signature"}`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use crate::{BundleError, Contents, FORMAT, Payload, canonical};

/// Keeps a bundle's signature from being one of anything else.
const CONTEXT: &[u8] = b"nexavpn-bundle-v1\0";

/// A signed payload, ready to be served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedBundle {
    /// The payload's epoch.
    pub epoch: i64,
    /// The payload's revision.
    pub revision: i64,
    /// The payload's canonical bytes.
    pub bytes: Vec<u8>,
    /// SHA-256 of [`SignedBundle::bytes`] in hexadecimal.
    pub sha256: String,
    /// Which key signed.
    pub key_id: String,
    /// The Ed25519 signature in base64.
    pub signature: String,
}

/// What vouches for a payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seal {
    /// SHA-256 of the payload's bytes in hexadecimal.
    pub sha256: String,
    /// Which key signed.
    pub key_id: String,
    /// The Ed25519 signature in base64.
    pub signature: String,
}

impl Seal {
    fn envelope(&self, payload: &[u8]) -> Vec<u8> {
        [b"{\"payload\":", payload, self.tail().as_bytes()].concat()
    }

    /// What follows payload or delta in an envelope.
    pub(crate) fn tail(&self) -> String {
        // Hash, key id and base64 hold no character that JSON would escape.
        format!(
            ",\"sha256\":\"{}\",\"signature\":{{\"key_id\":\"{}\",\"ed25519\":\"{}\"}}}}",
            self.sha256, self.key_id, self.signature
        )
    }
}

/// A payload whose bytes, signature, form and rules have all been checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedBundle {
    /// The payload.
    pub payload: Payload,
    /// The same, for deltas that begin here.
    pub contents: Contents,
    /// The bytes that were signed.
    pub bytes: Vec<u8>,
    /// SHA-256 of [`VerifiedBundle::bytes`] in hexadecimal.
    pub sha256: String,
    /// Which key signed.
    pub key_id: String,
    /// The Ed25519 signature in base64.
    pub signature: String,
}

/// A signed bundle as it is served.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = SignedBundle))]
pub struct Envelope<'a> {
    /// What the gateway enforces. The signature is over its canonical bytes (RFC 8785).
    #[serde(borrow)]
    #[cfg_attr(feature = "openapi", schema(value_type = Payload))]
    payload: &'a RawValue,
    /// SHA-256 of the payload's bytes in hexadecimal.
    sha256: String,
    /// Who signed.
    signature: EnvelopeSignature,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = BundleSignature))]
pub(crate) struct EnvelopeSignature {
    /// Which key signed.
    key_id: String,
    /// The Ed25519 signature in base64.
    pub(crate) ed25519: String,
}

impl EnvelopeSignature {
    /// The key that made this signature of a payload.
    pub(crate) fn check(
        &self,
        payload: &[u8],
        trusted: &[VerifyingKey],
    ) -> Result<String, BundleError> {
        let key = trusted
            .iter()
            .find(|key| key_id(key) == self.key_id)
            .ok_or_else(|| BundleError::UnknownKey(shortened(&self.key_id)))?;
        let signature = STANDARD
            .decode(&self.ed25519)
            .ok()
            .and_then(|raw| Signature::from_slice(&raw).ok())
            .ok_or(BundleError::BadSignature)?;
        key.verify_strict(&signed_bytes(payload), &signature)
            .map_err(|_| BundleError::BadSignature)?;
        Ok(key_id(key))
    }
}

/// The id of a signing key: the first 16 hexadecimal digits of the SHA-256 of
/// its 32 bytes.
#[must_use]
pub fn key_id(key: &VerifyingKey) -> String {
    let digest = hex::encode(Sha256::digest(key.as_bytes()));
    digest[..16].to_owned()
}

/// The strong entity tag of a full bundle, with its quotes.
#[must_use]
pub fn etag(epoch: i64, revision: i64, key_id: &str) -> String {
    format!("\"{epoch}.{revision}.{key_id}\"")
}

fn signed_bytes(payload: &[u8]) -> Vec<u8> {
    [CONTEXT, payload].concat()
}

/// Signs a payload's canonical bytes, whether it keeps the rules or not.
///
/// # Errors
/// [`BundleError::Malformed`] if the payload cannot be written as JSON.
pub fn sign(payload: &Payload, key: &SigningKey) -> Result<SignedBundle, BundleError> {
    let bytes = canonical(payload)?;
    Ok(signed(payload.epoch, payload.revision, bytes, key))
}

/// Signs contents, which keep the rules.
#[must_use]
pub fn sign_contents(contents: &Contents, key: &SigningKey) -> SignedBundle {
    let frame = contents.frame();
    signed(frame.epoch, frame.revision, contents.bytes(), key)
}

fn signed(epoch: i64, revision: i64, bytes: Vec<u8>, key: &SigningKey) -> SignedBundle {
    let signature = key.sign(&signed_bytes(&bytes));
    SignedBundle {
        epoch,
        revision,
        sha256: hex::encode(Sha256::digest(&bytes)),
        key_id: key_id(&key.verifying_key()),
        signature: STANDARD.encode(signature.to_bytes()),
        bytes,
    }
}

impl SignedBundle {
    /// The HTTP body. The payload goes in byte for byte as it was signed.
    #[must_use]
    pub fn body(&self) -> Vec<u8> {
        self.seal().envelope(&self.bytes)
    }

    /// What vouches for the payload.
    #[must_use]
    pub fn seal(&self) -> Seal {
        let Self { sha256, key_id, signature, .. } = self;
        Seal { sha256: sha256.clone(), key_id: key_id.clone(), signature: signature.clone() }
    }

    /// The strong entity tag of this bundle, with its quotes.
    #[must_use]
    pub fn etag(&self) -> String {
        etag(self.epoch, self.revision, &self.key_id)
    }
}

impl VerifiedBundle {
    /// The body of the full bundle, also where a delta led here.
    #[must_use]
    pub fn body(&self) -> Vec<u8> {
        let Self { sha256, key_id, signature, .. } = self;
        let seal =
            Seal { sha256: sha256.clone(), key_id: key_id.clone(), signature: signature.clone() };
        seal.envelope(&self.bytes)
    }

    /// The strong entity tag of this bundle, with its quotes.
    #[must_use]
    pub fn etag(&self) -> String {
        etag(self.payload.epoch, self.payload.revision, &self.key_id)
    }

    /// What orders bundles of one gateway.
    #[must_use]
    pub fn position(&self) -> (i64, i64) {
        (self.payload.epoch, self.payload.revision)
    }

    /// Refuses another gateway's bundle.
    ///
    /// # Errors
    /// [`BundleError::WrongGateway`].
    pub fn check_gateway(&self, gateway_id: &str) -> Result<(), BundleError> {
        if self.payload.gateway_id == gateway_id {
            Ok(())
        } else {
            Err(BundleError::WrongGateway(self.payload.gateway_id.clone()))
        }
    }

    /// Whether this bundle replaces the one held: `Ok(false)` when it is the
    /// very same.
    ///
    /// # Errors
    /// [`BundleError::RolledBack`] for an older one and
    /// [`BundleError::Conflict`] for another content at the same position.
    pub fn check_newer(&self, held: &VerifiedBundle) -> Result<bool, BundleError> {
        let (epoch, revision) = self.position();
        let (held_epoch, held_revision) = held.position();
        match self.position().cmp(&held.position()) {
            std::cmp::Ordering::Greater => Ok(true),
            std::cmp::Ordering::Equal if self.sha256 == held.sha256 => Ok(false),
            std::cmp::Ordering::Equal => Err(BundleError::Conflict { epoch, revision }),
            std::cmp::Ordering::Less => {
                Err(BundleError::RolledBack { epoch, revision, held_epoch, held_revision })
            }
        }
    }
}

/// Checks a received body: hash and signature first, over the bytes as they
/// came; only then is the payload parsed, and it must be canonical and valid.
///
/// Whether it is meant for this gateway and newer than what is held are
/// [`VerifiedBundle::check_gateway`] and [`VerifiedBundle::check_newer`].
///
/// # Errors
/// The first check that fails, as a [`BundleError`].
pub fn verify(body: &[u8], trusted: &[VerifyingKey]) -> Result<VerifiedBundle, BundleError> {
    let malformed = |error: serde_json::Error| BundleError::Malformed(error.to_string());
    let envelope: Envelope<'_> = serde_json::from_slice(body).map_err(malformed)?;
    let bytes = envelope.payload.get().as_bytes();

    let sha256 = hex::encode(Sha256::digest(bytes));
    if sha256 != envelope.sha256 {
        return Err(BundleError::BadHash);
    }
    let key_id = envelope.signature.check(bytes, trusted)?;

    let payload = match serde_json::from_slice::<Payload>(bytes) {
        Ok(payload) => payload,
        Err(error) => return Err(other_format(bytes).unwrap_or_else(|| malformed(error))),
    };
    if payload.format != FORMAT {
        return Err(BundleError::UnsupportedFormat(payload.format));
    }
    let contents = Contents::new(payload.clone())?;
    if contents.bytes() != bytes {
        return Err(BundleError::NotCanonical);
    }
    let signature = envelope.signature.ed25519;
    Ok(VerifiedBundle { payload, contents, bytes: bytes.to_vec(), sha256, key_id, signature })
}

/// A later format may have other fields: name the format, not the field.
fn other_format(payload: &[u8]) -> Option<BundleError> {
    #[derive(Deserialize)]
    struct Format {
        format: u32,
    }
    let Format { format } = serde_json::from_slice(payload).ok()?;
    (format != FORMAT).then_some(BundleError::UnsupportedFormat(format))
}

/// The id of the key that a body, full bundle or delta, says it was signed with. Nothing is
/// believed by this.
#[must_use]
pub fn signer(body: &[u8]) -> Option<String> {
    const NAME: &str = "\"key_id\":\"";
    // An envelope ends with its signature, of which all parts are short.
    let tail = String::from_utf8_lossy(&body[body.len().saturating_sub(256)..]);
    let (_, rest) = tail.rsplit_once(NAME)?;
    rest.split_once('"').map(|(id, _)| shortened(id))
}

/// The envelope is not authenticated yet: do not carry a novel into the logs.
fn shortened(text: &str) -> String {
    text.chars().filter(char::is_ascii_alphanumeric).take(32).collect()
}
