//! Becoming a gateway.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use nexavpn_bundle::{JoinRequest, JoinToken, TokenError};
use thiserror::Error;

use crate::VERSION;
use crate::client::{ClientError, ControlPlane};
use crate::key_file::{self, KeyFileError};
use crate::state::{Identity, PrivateKey, StateDir, StateError, verifying_key};

/// A join that did not happen.
#[derive(Debug, Error)]
pub enum JoinError {
    /// The token is none.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The control plane refused, or was not reached.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The state directory.
    #[error(transparent)]
    State(#[from] StateError),
    /// The directory is taken.
    #[error("{0} holds a gateway already; `nexavpn-gateway leave` gives it up")]
    AlreadyJoined(String),
    /// The given file has no private key.
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    /// Somebody else answered.
    #[error("the answer does not come from the control plane that made the token: {0}")]
    Impostor(&'static str),
}

/// Joins and keeps the result in `state`. The private key is made here, or read
/// from a file, and never leaves the node.
///
/// # Errors
/// [`JoinError`]; nothing but the private key is kept then.
pub async fn join(
    state: &StateDir,
    url: &str,
    token: &str,
    key_file: Option<&Path>,
    insecure: bool,
) -> Result<Identity, JoinError> {
    let _lock = state.lock()?;
    if state.is_joined() {
        return Err(JoinError::AlreadyJoined(state.path().display().to_string()));
    }
    let token: JoinToken = token.parse()?;
    let control_plane = ControlPlane::new(url, token.tls_cert_sha256, insecure)?;
    let key = match key_file {
        Some(path) => key_file::read(path)?,
        // A key from an attempt that failed is as good as a new one.
        None => state.private_key()?.unwrap_or_else(PrivateKey::generate),
    };
    state.save_private_key(&key)?;

    let request = JoinRequest {
        token: token.expose(),
        public_key: key.public_key(),
        agent_version: VERSION.to_owned(),
    };
    let answer = control_plane.join(&request).await?;
    if answer.gateway_id != token.gateway_id {
        return Err(JoinError::Impostor("it names another gateway"));
    }
    // The token vouches for one key. Others may be in the answer, but only a
    // statement signed with this one could introduce them.
    let signing_keys: Vec<String> = answer
        .signing_keys
        .into_iter()
        .filter(|text| verifying_key(text).is_some_and(|key| token.names_signing_key(&key)))
        .collect();
    if signing_keys.is_empty() {
        return Err(JoinError::Impostor("its signing key is not the one in the token"));
    }
    let identity = Identity {
        url: url.trim_end_matches('/').to_owned(),
        gateway_id: answer.gateway_id,
        name: answer.name,
        signing_keys,
        tls_cert_sha256: token.tls_cert_sha256.map(|hash| STANDARD.encode(hash)),
        insecure,
    };
    state.save_identity(&identity, &answer.credential)?;
    Ok(identity)
}
