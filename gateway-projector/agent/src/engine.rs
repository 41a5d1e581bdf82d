//! Believes bundles and applies them.

use std::collections::BTreeSet;
use std::fs::File;
use std::time::Duration;

use chrono::{DateTime, Utc};
use ed25519_dalek::VerifyingKey;
use nexavpn_bundle::{
    Applied, BundleError, GatewaySecrets, PeerStatus, SigningKeyChain, VerifiedBundle, is_delta,
    key_id, verify, verify_delta,
};
use thiserror::Error;
use tokio::time::{Instant, sleep};
use tracing::{error, info, warn};

use crate::command::CommandError;
use crate::desired::Desired;
use crate::firewall::{Firewall, Nftables};
use crate::link;
use crate::secrets::Secrets;
use crate::state::{Identity, PrivateKey, Runtime, StateDir, StateError};
use crate::tunnel::{self, Kind, Tunnel, TunnelError};

/// The interface of the deny base before any bundle has named one.
pub(crate) const DEFAULT_INTERFACE: &str = "wg0";

/// How long a start waits for what an agent that was killed has left under way.
const LEFT_UNDER_WAY: Duration = Duration::from_secs(10);

/// A bundle that could not be brought into force. The next attempt goes on
/// from whatever it finds.
#[derive(Debug, Error)]
pub enum ApplyError {
    /// The firewall.
    #[error("firewall: {0}")]
    Firewall(CommandError),
    /// Somebody else's table has the name.
    #[error(
        "the table inet {0} is there and not of this agent; remove it if nobody needs it, or choose another --table"
    )]
    ForeignTable(String),
    /// The tunnel.
    #[error("tunnel: {0}")]
    Tunnel(#[from] TunnelError),
    /// The interface's addresses.
    #[error("interface: {0}")]
    Link(CommandError),
    /// The state directory.
    #[error("state: {0}")]
    State(#[from] StateError),
}

impl ApplyError {
    /// What an operator of the node can do about it.
    #[must_use]
    pub fn advice(&self) -> &'static str {
        match self {
            Self::Firewall(_) => {
                "see that nft 1.0.6 or newer is there and the agent may use it (CAP_NET_ADMIN)"
            }
            Self::ForeignTable(_) => {
                "remove that table if nobody needs it, or run with another --table"
            }
            Self::Tunnel(TunnelError::Foreign { .. }) => {
                "remove that interface if nobody needs it, or run with another --interface"
            }
            Self::Tunnel(_) => "see that the UDP port is free and WireGuard is there",
            Self::Link(_) => "see that the addresses of the gateway are on no other interface",
            Self::State(_) => "make room on the disk, or the directory writable",
        }
    }
}

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
}

/// The node's state and the means to change it.
#[derive(Debug)]
pub struct Engine {
    state: StateDir,
    gateway_id: String,
    trusted: Vec<VerifyingKey>,
    private_key: PrivateKey,
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
        let lock = take_lock(&state).await?;
        let private_key =
            state.private_key()?.ok_or_else(|| StateError::NotJoined(state.path().to_owned()))?;
        let mut engine = Self {
            gateway_id: identity.gateway_id.clone(),
            trusted: identity.trusted(&state)?,
            firewall: Firewall::Nftables(Nftables::new(options.table.clone()).locked_by(lock)),
            state,
            private_key,
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
            .filter_map(|(promoted, body)| match engine.believe(&body) {
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
        self.in_force = Some(InForce { applied: position, desired, port });
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
            let opened =
                Tunnel::open(&interface, self.options.kind, self.state.path(), &self.private_key)
                    .await?;
            self.tunnel = Some(opened);
        }
        if let Some(tunnel) = &self.tunnel {
            let port = payload.interface.listen_port;
            match &self.in_force {
                Some(before) if !disturbed && alive && before.port == port => {
                    tunnel.change(&before.desired.peers, &desired.peers).await?;
                }
                _ => tunnel.apply(&self.private_key, port, &desired.peers).await?,
            }
        }
        link::apply(&interface, &payload.interface).await.map_err(ApplyError::Link)
    }

    /// Looks whether firewall, device maps, tunnel and peers are as they were
    /// left, so that the next [`Engine::reconcile`] repairs what is not. Answers the peers.
    pub async fn inspect(&mut self) -> Vec<PeerStatus> {
        let Some(InForce { desired, port, .. }) = &self.in_force else {
            return Vec::new();
        };
        let mut intact = self.firewall.check().await;
        let mut status = Vec::new();
        if let Some(tunnel) = &self.tunnel {
            match tunnel.read().await {
                Ok(device) => {
                    let own_key = self.private_key.public_key();
                    if !device.drift(&own_key, *port, &desired.peers).is_none() {
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
        status
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

    /// Takes note of the table before it is made, so that a crash cannot make
    /// it look like somebody else's. Refuses one that is.
    async fn claim_table(&self) -> Result<(), ApplyError> {
        let earlier = self.state.runtime()?;
        let table = &self.options.table;
        let mut old_tables = earlier.as_ref().map(|old| old.old_tables.clone()).unwrap_or_default();
        let is_ours =
            earlier.as_ref().is_some_and(|old| old.table == *table) || old_tables.contains(table);
        if !is_ours && self.firewall.exists().await.map_err(ApplyError::Firewall)? {
            return Err(ApplyError::ForeignTable(table.clone()));
        }
        old_tables.extend(earlier.as_ref().map(|old| old.table.clone()));
        old_tables.retain(|old| old != table);
        let interface = earlier.and_then(|old| old.interface);
        Ok(self.state.save_runtime(&Runtime { table: table.clone(), old_tables, interface })?)
    }

    /// Removes the tables of earlier choices, now that another one guards the interface.
    async fn remove_old_tables(&self) -> Result<(), ApplyError> {
        let Some(mut runtime) = self.state.runtime()? else { return Ok(()) };
        if runtime.old_tables.is_empty() {
            return Ok(());
        }
        for old in std::mem::take(&mut runtime.old_tables) {
            let mut old = Firewall::Nftables(Nftables::new(old));
            old.remove().await.map_err(ApplyError::Firewall)?;
        }
        Ok(self.state.save_runtime(&runtime)?)
    }

    /// Removes an interface of an earlier choice. One that has become somebody
    /// else's is no longer our concern.
    async fn remove_old(&self, interface: &str) -> Result<(), TunnelError> {
        match tunnel::remove_own(interface, &self.private_key).await {
            Err(TunnelError::Foreign { .. }) => {
                warn!(
                    interface,
                    "an interface of an earlier run is somebody else's now, left alone"
                );
                Ok(())
            }
            done => done,
        }
    }

    fn interface_of(&self, named: Option<&str>) -> String {
        let chosen = self.options.interface.as_deref().or(named);
        chosen.unwrap_or(DEFAULT_INTERFACE).to_owned()
    }

    fn save_interface(&self, interface: &str) -> Result<(), StateError> {
        let interface = Some(interface.to_owned());
        let table = self.options.table.clone();
        self.state.save_runtime(&Runtime { table, old_tables: Vec::new(), interface })
    }
}

/// Becomes the one agent of the state directory. What one that was killed has
/// left `nft` at may still be under way: it must not come after what this one
/// loads, and so holds the lock.
async fn take_lock(state: &StateDir) -> Result<File, StateError> {
    let deadline = Instant::now() + LEFT_UNDER_WAY;
    loop {
        match state.lock() {
            Err(StateError::Locked(_)) if Instant::now() < deadline => {
                sleep(Duration::from_millis(10)).await;
            }
            taken => return taken,
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
