//! `status` and `leave`: what concerns this node alone.

use nexavpn_bundle::verify;
use serde::Serialize;
use thiserror::Error;
use tracing::warn;

use crate::command::CommandError;
use crate::engine::applied;
use crate::firewall::{Firewall, Nftables};
use crate::keys::Keys;
use crate::state::{PrivateKey, StateDir, StateError};
use crate::tunnel::{self, TunnelError};

/// A local command that failed.
#[derive(Debug, Error)]
pub enum LocalError {
    /// The state directory.
    #[error(transparent)]
    State(#[from] StateError),
    /// The tunnel.
    #[error(transparent)]
    Tunnel(#[from] TunnelError),
    /// A tool.
    #[error(transparent)]
    Command(#[from] CommandError),
}

/// What `status` shows.
#[derive(Debug, Serialize)]
pub struct Status {
    /// The gateway's id.
    pub gateway_id: String,
    /// The gateway's name.
    pub name: String,
    /// Base URL of the control plane.
    pub url: String,
    /// The node's public key.
    pub public_key: Option<String>,
    /// The one that a planned rotation leads to.
    pub next_public_key: Option<String>,
    /// Whether an agent runs.
    pub running: bool,
    /// The bundle in force.
    pub applied: Option<nexavpn_bundle::Applied>,
    /// When it was issued.
    pub issued_at: Option<String>,
    /// Its number of devices.
    pub devices: usize,
    /// The WireGuard interface.
    pub interface: Option<String>,
    /// Whether the interface is there.
    pub interface_present: bool,
}

/// Reads the node's state.
///
/// # Errors
/// [`LocalError`] if nobody has joined, or the state cannot be read.
pub async fn status(state: &StateDir) -> Result<Status, LocalError> {
    let (identity, _) = state.identity()?;
    let trusted = identity.trusted(state)?;
    let applied_body = state.bundles()?.into_iter().find(|(promoted, _)| *promoted);
    let bundle = applied_body.and_then(|(_, body)| verify(&body, &trusted).ok());
    let interface = state.runtime()?.and_then(|runtime| runtime.interface);
    let interface_present = match &interface {
        Some(interface) => tunnel::exists(interface).await?,
        None => false,
    };
    let keys = Keys::read(state)?;
    let in_force = keys.as_ref().map(|keys| match &bundle {
        Some(bundle) => keys.of(&bundle.payload),
        None => Ok(keys.present()),
    });
    Ok(Status {
        gateway_id: identity.gateway_id,
        name: identity.name,
        url: identity.url,
        public_key: in_force.and_then(Result::ok).map(PrivateKey::public_key),
        next_public_key: keys.as_ref().and_then(Keys::next).map(|next| next.public_key),
        running: state.is_locked(),
        applied: bundle.as_ref().map(applied),
        issued_at: bundle.as_ref().map(|bundle| bundle.payload.issued_at.clone()),
        devices: bundle.map_or(0, |bundle| bundle.payload.devices.len()),
        interface,
        interface_present,
    })
}

/// Gives the gateway up on this node: the tunnel first, then the firewall, then
/// key, credential and bundles.
///
/// # Errors
/// [`LocalError`] if an agent runs, or something cannot be removed.
pub async fn leave(state: &StateDir) -> Result<(), LocalError> {
    let _lock = state.lock()?;
    if let Some(runtime) = state.runtime()? {
        if let (Some(interface), Some(keys)) = (&runtime.interface, Keys::read(state)?) {
            match tunnel::remove_own(interface, &keys.public()).await {
                Err(TunnelError::Foreign { .. }) => {
                    warn!(interface, "the interface is not of this agent any more, left alone");
                }
                removed => removed?,
            }
        }
        for table in runtime.old_tables.into_iter().chain([runtime.table]) {
            Firewall::Nftables(Nftables::new(table)).remove().await?;
        }
    }
    Ok(state.clear()?)
}
