//! Believes bundles and applies them.

mod error;
mod names;

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, Utc};
use ed25519_dalek::VerifyingKey;
use nexavpn_bundle::{
    Applied, BundleError, GatewaySecrets, NextKey, PeerStatus, SigningKeyChain, VerifiedBundle,
    is_delta, key_id, verify, verify_delta,
};
use tracing::{error, info, warn};

use crate::desired::Desired;
use crate::firewall::{Firewall, Nftables};
use crate::keys::Keys;
use crate::link;
use crate::secrets::Secrets;
use crate::state::{Identity, StateDir, StateError};
use crate::tunnel::{self, Kind, Tunnel, TunnelError};

pub use error::ApplyError;

/// The interface of the deny base before any bundle has named one.
pub(crate) const DEFAULT_INTERFACE: &str = "wg0";

/// Choices of the node's admin.
#[derive(Debug, Clone)]
pub struct Options {
    /// Interface name instead of the bundle's.
    pub interface: Option<String>,
    /// The nftables table.
    pub table: String,
    /// Which kind of tunnel to make.
    pub kind: Kind,
}

/// The bundle that this node goes by.
#[derive(Debug)]
struct Held {
    bundle: VerifiedBundle,
    /// Whether it is `bundle.json` already.
    promoted: bool,
}

/// What the last complete application made true.
#[derive(Debug)]
struct InForce {
    /// Of which bundle.
    applied: Applied,
    desired: Desired,
    port: u16,
    /// The public half of the node's key.
    key: String,
}

/// The node's state and the means to change it.
#[derive(Debug)]
pub struct Engine {
    state: StateDir,
    gateway_id: String,
    trusted: Vec<VerifyingKey>,
    keys: Keys,
    options: Options,
    firewall: Firewall,
    tunnel: Option<Tunnel>,
    held: Option<Held>,
    secrets: Secrets,
    /// References of the preshared keys that peers wait for.
    missing: BTreeSet<String>,
    in_force: Option<InForce>,
    /// Something on the node is known not to be as it was left.
    disturbed: bool,
}

impl Engine {
    /// Takes the state directory, loads the deny base, and brings the bundle on
    /// disk back into force, unless the control plane has been silent for too
    /// long already.
    ///
    /// # Errors
    /// [`ApplyError`] if not even the deny base can be loaded. A bundle that
    /// cannot be applied is logged and tried again by [`Engine::reconcile`].
    pub async fn start(
        state: StateDir,
        identity: &Identity,
        options: Options,
        now: DateTime<Utc>,
        silence: Duration,
    ) -> Result<Self, ApplyError> {
        let lock = names::take_lock(&state).await?;
        let keys =
            Keys::read(&state)?.ok_or_else(|| StateError::NotJoined(state.path().to_owned()))?;
        let mut engine = Self {
            gateway_id: identity.gateway_id.clone(),
            trusted: identity.trusted(&state)?,
            firewall: Firewall::Nftables(Nftables::new(options.table.clone()).locked_by(lock)),
            state,
            keys,
            options,
            tunnel: None,
            held: None,
            secrets: Secrets::default(),
            missing: BTreeSet::new(),
            in_force: None,
            disturbed: false,
        };
        let bodies = engine.state.bundles()?;
        // The newest and no other: falling back to the one before would give revoked access back.
        engine.held = bodies
            .into_iter()
            .filter_map(|(promoted, body)| match engine.believe_kept(&body) {
                Ok(bundle) => Some(Held { bundle, promoted }),
                Err(error) => {
                    error!(code = error.reason_code(), %error, "a bundle on disk is not usable");
                    None
                }
            })
            .max_by_key(|held| held.bundle.position());

        let first = engine.held.as_ref().map(|held| &held.bundle.payload);
        if let Some(payload) = first {
            engine.secrets.take(&engine.state.secrets(), payload);
        }
        let interface = engine.interface_of(first.map(|payload| payload.interface.name.as_str()));
        // The hooks know one interface: an old one that is still up would be unguarded.
        let earlier = engine.state.runtime()?.and_then(|runtime| runtime.interface);
        if let Some(old) = earlier.filter(|old| *old != interface) {
            engine.remove_old(&old).await?;
        }
        engine.claim_table().await?;
        engine.firewall.load_base(&interface, first).await.map_err(ApplyError::Firewall)?;
        engine.remove_old_tables().await?;
        match engine.held.as_ref().map(|held| held.bundle.position()) {
            None => info!("no bundle yet: everything is denied"),
            Some((epoch, revision)) => {
                if let Err(error) = engine.reconcile(now, engine.is_stale(silence)).await {
                    error!(epoch, revision, %error, "cannot apply the bundle on disk, trying again");
                }
            }
        }
        Ok(engine)
    }

    /// Everything that a body must satisfy, except being newer.
    fn believe(&self, body: &[u8]) -> Result<VerifiedBundle, BundleError> {
        let bundle = match (&self.held, is_delta(body)) {
            (Some(held), true) => verify_delta(body, &held.bundle, &self.trusted)?,
            _ => verify(body, &self.trusted)?,
        };
        bundle.check_gateway(&self.gateway_id)?;
        Ok(bundle)
    }

    /// The same for a body from disk, whose key may have been lost since.
    fn believe_kept(&self, body: &[u8]) -> Result<VerifiedBundle, BundleError> {
        let bundle = self.believe(body)?;
        self.keys.of(&bundle.payload)?;
        Ok(bundle)
    }

    /// Takes a fetched body, of a bundle or of a delta from the one held. It is
    /// only kept here; [`Engine::reconcile`] applies it. After a refusal nothing
    /// has changed.
    ///
    /// # Errors
    /// [`StateError`] if it could not be kept.
    pub fn offer(&mut self, body: &[u8]) -> Result<Offer, StateError> {
        let bundle = match self.believe(body) {
            Ok(bundle) => bundle,
            // Nothing in it can be believed, so nothing of it is reported.
            Err(reason) => return Ok(Offer::Refused { reason, known: None }),
        };
        if let Some(held) = &self.held {
            match bundle.check_newer(&held.bundle) {
                Ok(true) => {}
                Ok(false) => return Ok(Offer::Held),
                Err(reason) => {
                    return Ok(Offer::Refused { reason, known: Some(applied(&bundle)) });
                }
            }
        }
        if let Err(reason) = self.keys.of(&bundle.payload) {
            return Ok(Offer::Refused { reason, known: Some(applied(&bundle)) });
        }
        // The whole, also where a delta led to it: it has to stand by itself after a restart.
        self.state.save_next(&bundle.body())?;
        self.held = Some(Held { bundle, promoted: false });
        Ok(Offer::Accepted)
    }

    /// The ids of the keys whose bundles are believed.
    #[must_use]
    pub fn trusted(&self) -> Vec<String> {
        self.trusted.iter().map(key_id).collect()
    }

    /// Comes to trust the keys that one that is trusted has handed over to.
    /// Answers their ids.
    ///
    /// # Errors
    /// [`StateError`] if that could not be kept; then they are not trusted.
    pub fn follow(&mut self, chain: &SigningKeyChain) -> Result<Vec<String>, StateError> {
        let next = chain.follow(&self.trusted);
        if !next.is_empty() {
            self.state.trust(&next)?;
            self.trusted.extend(&next);
        }
        Ok(next.iter().map(key_id).collect())
    }

    /// References of the preshared keys that peers wait for, as of the last
    /// [`Engine::reconcile`].
    #[must_use]
    pub fn missing_secrets(&self) -> &BTreeSet<String> {
        &self.missing
    }

    /// Takes the preshared keys that are needed and fit their references;
    /// [`Engine::reconcile`] then sets their peers up. Answers how many are
    /// still missing.
    ///
    /// # Errors
    /// [`StateError`] if they could not be kept; they are used until a restart.
    pub fn take_secrets(&mut self, offered: &GatewaySecrets) -> Result<usize, StateError> {
        let Some(held) = &self.held else { return Ok(0) };
        let taken = self.secrets.take(offered, &held.bundle.payload);
        self.missing.retain(|reference| self.secrets.get(reference).is_none());
        if taken {
            self.state.save_secrets(&self.secrets.expose())?;
        }
        Ok(self.missing.len())
    }

    /// Makes the node agree with the bundle it holds, at `now`; does nothing
    /// when it already does.
    ///
    /// # Errors
    /// [`ApplyError`] with the node somewhere between the steps; every step is
    /// idempotent, so the next call goes on.
    pub async fn reconcile(&mut self, now: DateTime<Utc>, stale: bool) -> Result<bool, ApplyError> {
        let Some(held) = &self.held else { return Ok(false) };
        let desired = Desired::new(&held.bundle.payload, now, stale, &self.secrets);
        self.missing.clone_from(&desired.missing);
        let position = applied(&held.bundle);
        let port = held.bundle.payload.interface.listen_port;
        let key = self.keys.of(&held.bundle.payload)?.public_key();
        let same = |InForce { applied, desired: in_force, .. }: &InForce| {
            *applied == position && in_force.maps == desired.maps && in_force.peers == desired.peers
        };
        if !self.disturbed && self.in_force.as_ref().is_some_and(same) {
            return Ok(false);
        }
        // A failure may leave anything: do not take the next request for done.
        let disturbed = std::mem::replace(&mut self.disturbed, true);
        self.apply(&desired, disturbed).await?;

        // Step 4. What is collected here is not referred to any more.
        if let Some(held) = &mut self.held {
            self.keys.follow(&held.bundle.payload, now)?;
            if !held.promoted {
                self.state.promote_next()?;
                held.promoted = true;
                if self.secrets.forget_others(&held.bundle.payload) {
                    self.state.save_secrets(&self.secrets.expose())?;
                }
            }
            if let Err(error) = self.firewall.collect(&held.bundle.payload).await {
                warn!(%error, "cannot collect unused profiles");
            }
        }
        let Applied { epoch, revision, .. } = position;
        let (devices, expected) =
            (desired.maps.v4.len().max(desired.maps.v6.len()), desired.peers.len());
        info!(epoch, revision, devices, peers = expected, stale, "bundle in force");
        self.disturbed = false;
        self.in_force = Some(InForce { applied: position, desired, port, key });
        Ok(true)
    }

    /// Steps 1 to 3.
    async fn apply(&mut self, desired: &Desired, disturbed: bool) -> Result<(), ApplyError> {
        let Some(held) = &self.held else { return Ok(()) };
        let payload = &held.bundle.payload;
        let interface = self.interface_of(Some(&payload.interface.name));
        // The hooks know one interface: an old one would be unguarded.
        if let Some(old) = self.tunnel.take_if(|tunnel| tunnel.interface() != interface) {
            old.remove().await?;
        }
        let ours = self.state.runtime()?.and_then(|runtime| runtime.interface);
        if let Some(old) = ours.as_ref().filter(|old| **old != interface) {
            self.remove_old(old).await?;
        }
        self.firewall
            .apply(&interface, payload, &desired.maps)
            .await
            .map_err(ApplyError::Firewall)?;

        let alive = match &mut self.tunnel {
            Some(tunnel) => tunnel.is_alive().await,
            None => false,
        };
        if !alive {
            self.tunnel = None;
            if ours.as_ref() != Some(&interface)
                && tunnel::exists(&interface).await.map_err(TunnelError::from)?
            {
                return Err(TunnelError::Foreign { interface }.into());
            }
            self.save_interface(&interface)?;
            let (kind, keys) = (self.options.kind, self.keys.public());
            let opened = Tunnel::open(&interface, kind, self.state.path(), &keys).await?;
            self.tunnel = Some(opened);
        }
        if let Some(tunnel) = &self.tunnel {
            let (key, port) = (self.keys.of(payload)?, payload.interface.listen_port);
            let own = (key.public_key(), port);
            match &self.in_force {
                Some(before)
                    if !disturbed && alive && (&before.key, before.port) == (&own.0, own.1) =>
                {
                    tunnel.change(&before.desired.peers, &desired.peers).await?;
                }
                _ => tunnel.apply(key, port, &desired.peers).await?,
            }
        }
        link::apply(&interface, &payload.interface).await.map_err(ApplyError::Link)
    }

    /// Looks whether firewall, device maps, tunnel and peers are as they were
    /// left, so that the next [`Engine::reconcile`] repairs what is not. Answers the peers.
    pub async fn inspect(&mut self, now: DateTime<Utc>) -> Vec<PeerStatus> {
        let Some(InForce { desired, port, key, .. }) = &self.in_force else {
            return Vec::new();
        };
        let mut intact = self.firewall.check().await;
        let mut status = Vec::new();
        if let Some(tunnel) = &self.tunnel {
            match tunnel.read().await {
                Ok(device) => {
                    if !device.drift(key, *port, &desired.peers).is_none() {
                        warn!(interface = tunnel.interface(), "the tunnel is not as it was left");
                        intact = false;
                    }
                    status = device
                        .peers
                        .into_iter()
                        .map(|(public_key, peer)| PeerStatus {
                            public_key,
                            latest_handshake: peer.latest_handshake,
                            rx_bytes: peer.rx_bytes,
                            tx_bytes: peer.tx_bytes,
                        })
                        .collect();
                }
                Err(error) => {
                    warn!(%error, "the tunnel does not answer");
                    intact = false;
                }
            }
        }
        self.disturbed |= !intact;
        if let Some(held) = self.held.as_ref().filter(|held| held.promoted) {
            self.keys.forget_old(&held.bundle.payload, &status, now);
        }
        status
    }

    /// The key that this node has made for a planned rotation.
    #[must_use]
    pub fn next_key(&self) -> Option<NextKey> {
        self.keys.next()
    }

    /// Notices a tunnel that has gone.
    pub async fn check_tunnel(&mut self) {
        if let Some(tunnel) = &mut self.tunnel
            && !tunnel.is_alive().await
        {
            warn!(interface = tunnel.interface(), "the tunnel has gone, bringing it back");
            self.disturbed = true;
        }
    }

    /// The bundle that this node goes by.
    #[must_use]
    pub fn held(&self) -> Option<&VerifiedBundle> {
        self.held.as_ref().map(|held| &held.bundle)
    }

    /// How long the control plane may be silent, where the bundle bounds it.
    #[must_use]
    pub fn max_silence(&self) -> Option<Duration> {
        self.held()?.payload.max_stale_s.map(Duration::from_secs)
    }

    /// Whether a silence of this length ends all access.
    #[must_use]
    pub fn is_stale(&self, silence: Duration) -> bool {
        self.max_silence().is_some_and(|limit| silence >= limit)
    }

    /// Where the node keeps its state.
    #[must_use]
    pub fn state(&self) -> &StateDir {
        &self.state
    }

    /// The bundle in force.
    #[must_use]
    pub fn applied(&self) -> Option<&Applied> {
        self.in_force.as_ref().map(|in_force| &in_force.applied)
    }

    /// When the next device expires.
    #[must_use]
    pub fn next_expiry(&self) -> Option<DateTime<Utc>> {
        self.in_force.as_ref().and_then(|in_force| in_force.desired.next_expiry)
    }

    /// Ends. Firewall and a kernel interface stay, so that the node serves on
    /// without its agent; a wireguard-go stays when asked to.
    pub async fn stop(mut self, keep_tunnel: bool) {
        if keep_tunnel {
            return;
        }
        if let Some(tunnel @ Tunnel::Userspace(_)) = self.tunnel.take()
            && let Err(error) = tunnel.remove().await
        {
            warn!(%error, "cannot stop wireguard-go");
        }
    }
}

/// What became of a fetched body.
#[derive(Debug)]
pub enum Offer {
    /// It is new, and kept.
    Accepted,
    /// It is the bundle held already.
    Held,
    /// It is refused.
    Refused {
        /// Why.
        reason: BundleError,
        /// Which bundle it is, where its signature could be believed.
        known: Option<Applied>,
    },
}

/// A bundle as status reports name it.
#[must_use]
pub fn applied(bundle: &VerifiedBundle) -> Applied {
    let (epoch, revision) = bundle.position();
    Applied { epoch, revision, sha256: bundle.sha256.clone() }
}
