//! Signed bundles, ready to be served.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use ed25519_dalek::SigningKey;
use nexavpn_bundle::{BundleError, Contents, SignedBundle};
use nexavpn_domain::{fleet::Fleet, ids::GatewayId};
use nexavpn_store::Guard;
use thiserror::Error;
use tokio::sync::watch;

use crate::{
    Blueprint, FleetHandle, FleetStatus, SigningError, SigningKeys, Timings, line::Line,
    profiles::Profiles, records::Records, render::Rendered,
};

/// A bundle as it is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// The strong entity tag, with its quotes.
    pub etag: String,
    /// The HTTP body.
    pub body: Bytes,
    /// The payload's revision.
    pub revision: i64,
    /// The payload's epoch.
    pub epoch: i64,
    /// SHA-256 of the payload in hexadecimal.
    pub sha256: String,
    /// Which key signed.
    pub key_id: String,
}

/// Why a gateway gets no bundle. It keeps enforcing the one it has.
#[derive(Debug, Error)]
pub enum PublishError {
    /// The fleet has not caught up yet; soon it will have.
    #[error("the event stream is being read, try again in a moment")]
    CatchingUp,
    /// The fleet has stopped.
    #[error("publishing has stopped: {reason}")]
    Stopped {
        /// Why.
        reason: String,
    },
    /// The database was restored or copied, and nobody has accepted that yet.
    #[error("nothing is published until `nexavpn restore accept`: {why}")]
    NotAccepted {
        /// What was found.
        why: String,
    },
    /// There is no such gateway.
    #[error("there is no such gateway")]
    UnknownGateway,
    /// The gateway has applied what is not in our history.
    #[error(
        "this gateway has applied a bundle that is not in this history: \
         run `nexavpn restore accept` if the database was restored"
    )]
    HistoryLost,
    /// No signing key has been introduced yet.
    #[error("no bundle-signing key has been introduced yet")]
    NoSigningKey,
    /// The key in force cannot sign.
    #[error(transparent)]
    Signing(#[from] SigningError),
    /// A node would refuse the payload.
    #[error("the bundle cannot be published: {0}")]
    Invalid(#[from] BundleError),
    /// The events say other bytes than those published before under the same revision.
    #[error("revision {epoch}.{revision} was published before with another content")]
    Contradiction {
        /// The epoch of both.
        epoch: i64,
        /// The revision of both.
        revision: i64,
    },
    /// The database failed.
    #[error("database: {0}")]
    Database(#[from] sqlx::Error),
    /// Rendering was interrupted.
    #[error("rendering was interrupted")]
    Interrupted,
}

/// The answer to a gateway that may have an earlier bundle.
#[derive(Debug, Clone)]
pub struct Served {
    /// The newest bundle.
    pub bundle: Arc<Published>,
    /// The HTTP body of what leads there, where that was asked for, is known and is shorter.
    pub delta: Option<Bytes>,
}

/// One gateway's newest bundle and those before; locked while one is being made, so that it is
/// made once.
type Slot = Arc<tokio::sync::Mutex<Held>>;

#[derive(Default)]
struct Held {
    newest: Option<Arc<Published>>,
    line: Line,
}

/// Publishes the bundles of all gateways, each rendered when it is first asked for. Cheap to clone.
#[derive(Clone)]
pub struct Publisher {
    inner: Arc<Inner>,
}

struct Inner {
    fleet: FleetHandle,
    keys: SigningKeys,
    records: Records,
    profiles: Arc<Profiles>,
    slots: Mutex<HashMap<GatewayId, Slot>>,
    timings: Timings,
}

impl std::fmt::Debug for Publisher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Publisher").field("fleet", &self.inner.fleet).finish_non_exhaustive()
    }
}

/// What tells one bundle of a gateway from another.
struct Wanted {
    epoch: i64,
    revision: i64,
    key_id: String,
}

impl Wanted {
    fn of(fleet: &Fleet, id: GatewayId, epoch: i64) -> Result<Self, PublishError> {
        let revision = fleet.gateway(id).ok_or(PublishError::UnknownGateway)?.revision;
        let key_id = fleet.signing_key().ok_or(PublishError::NoSigningKey)?.to_owned();
        Ok(Self { epoch, revision, key_id })
    }

    fn is(&self, published: &Published) -> bool {
        let Self { epoch, revision, key_id } = self;
        (*epoch, *revision) == (published.epoch, published.revision) && *key_id == published.key_id
    }
}

impl Publisher {
    /// A publisher of what the fleet says, into the fleet's database.
    #[must_use]
    pub fn new(fleet: FleetHandle, keys: SigningKeys) -> Self {
        let inner = Inner {
            records: Records::new(fleet.store().pool()),
            fleet,
            keys,
            profiles: Arc::default(),
            slots: Mutex::default(),
            timings: Timings::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// The newest bundle of a gateway. That it was published is on record before it is returned.
    ///
    /// # Errors
    /// Whatever keeps it from being published; see [`PublishError`].
    pub async fn bundle(
        &self,
        id: GatewayId,
        now: DateTime<Utc>,
    ) -> Result<Arc<Published>, PublishError> {
        Ok(self.serve(id, None, false, now).await?.bundle)
    }

    /// The same for a gateway that has the bundle of revision `since`. Where it `waited` while the
    /// revision rose, the time from the event to the bundle is counted: of one that was away it
    /// would say how long it was.
    ///
    /// # Errors
    /// As [`bundle`](Self::bundle).
    pub async fn serve(
        &self,
        id: GatewayId,
        since: Option<i64>,
        waited: bool,
        now: DateTime<Utc>,
    ) -> Result<Served, PublishError> {
        let inner = &*self.inner;
        let store = inner.fleet.store();
        match inner.fleet.status() {
            FleetStatus::Live => {}
            FleetStatus::CatchingUp => return Err(PublishError::CatchingUp),
            FleetStatus::Stopped { reason } => return Err(PublishError::Stopped { reason }),
        }
        if let Guard::Restored { why } = store.guard() {
            return Err(PublishError::NotAccepted { why });
        }
        let epoch = store.epoch();
        let wanted = inner.fleet.read(|fleet| Wanted::of(fleet, id, epoch));
        if matches!(wanted, Err(PublishError::UnknownGateway)) {
            inner.slots().remove(&id);
        }
        wanted?;
        if inner.records.history_lost(id, epoch).await? {
            return Err(PublishError::HistoryLost);
        }
        let slot = Arc::clone(inner.slots().entry(id).or_default());
        let mut held = slot.lock().await;
        let bundle = inner.renew(id, epoch, &mut held, waited, now).await?;
        let delta = match since {
            Some(revision) => held.line.body_since(revision)?,
            None => None,
        };
        let delta = delta.filter(|delta| delta.len() < bundle.body.len()).map(Bytes::from);
        Ok(Served { bundle, delta })
    }

    /// How long publishing takes.
    #[must_use]
    pub fn timings(&self) -> &Timings {
        &self.inner.timings
    }

    /// The newest revision of a gateway, now and each time it rises: what a request waits for
    /// that has the newest bundle already. `None` for an unknown gateway.
    #[must_use]
    pub fn revisions(&self, id: GatewayId) -> Option<watch::Receiver<i64>> {
        self.inner.fleet.revisions(id)
    }
}

impl Inner {
    fn slots(&self) -> std::sync::MutexGuard<'_, HashMap<GatewayId, Slot>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the newest bundle, unless it is there.
    async fn renew(
        &self,
        id: GatewayId,
        epoch: i64,
        held: &mut Held,
        waited: bool,
        now: DateTime<Utc>,
    ) -> Result<Arc<Published>, PublishError> {
        // Asked again, now that it is our turn: the one before may have made it already.
        let before = held.line.contents(epoch);
        let partial = before.is_some();
        let (wanted, blueprint) = self.fleet.write_folded(|folded| {
            let wanted = Wanted::of(folded.fleet(), id, epoch)?;
            if held.newest.as_ref().is_some_and(|published| wanted.is(published)) {
                return Ok((wanted, None));
            }
            let touched = folded.take_touched(id).filter(|_| partial);
            let blueprint = match touched {
                Some(touched) => Blueprint::of_touched(folded.fleet(), id, touched),
                None => Blueprint::of(folded.fleet(), id),
            };
            Ok::<_, PublishError>((wanted, Some(blueprint.ok_or(PublishError::UnknownGateway)?)))
        })?;
        let blueprint = match (blueprint, &held.newest) {
            (Some(blueprint), _) => blueprint,
            (None, Some(published)) => return Ok(Arc::clone(published)),
            (None, None) => return Err(PublishError::Interrupted),
        };
        // Whatever was touched has been taken: where this ends early, by a failure or because
        // nobody waits any more, the next one has to render everything.
        let mut line = std::mem::take(&mut held.line);
        let (begin, revised_at) = (Instant::now(), blueprint.revised_at());
        let key = self.keys.key(&wanted.key_id).await?;
        // Grows with the number of devices, so not on a thread that serves requests.
        let profiles = Arc::clone(&self.profiles);
        let sign = move || sign(&blueprint, epoch, before.as_deref(), &profiles, &key);
        let (rendered, signed) =
            tokio::task::spawn_blocking(sign).await.map_err(|_| PublishError::Interrupted)??;
        self.timings.rendered.add(begin.elapsed());
        self.record(id, &signed, now).await?;
        if waited {
            let before = (now - revised_at).to_std().unwrap_or_default();
            self.timings.published.add(before + begin.elapsed());
        }
        line.go_on(Arc::new(rendered.contents), rendered.change.as_ref(), &signed);
        let published = Arc::new(Published {
            etag: signed.etag(),
            body: Bytes::from(signed.body()),
            revision: signed.revision,
            epoch: signed.epoch,
            sha256: signed.sha256,
            key_id: signed.key_id,
        });
        *held = Held { newest: Some(Arc::clone(&published)), line };
        Ok(published)
    }

    /// Puts the publication on record, durably: a gateway may apply it the next moment.
    async fn record(
        &self,
        id: GatewayId,
        signed: &SignedBundle,
        now: DateTime<Utc>,
    ) -> Result<(), PublishError> {
        let before = self.records.publish(id, signed, now).await?;
        let SignedBundle { epoch, revision, sha256, .. } = signed;
        if before != *sha256 {
            let (epoch, revision) = (*epoch, *revision);
            tracing::error!(gateway = %id, epoch, revision, "the same events gave other bytes");
            return Err(PublishError::Contradiction { epoch, revision });
        }
        Ok(())
    }
}

/// Renders and signs what a node will accept, and nothing else.
fn sign(
    blueprint: &Blueprint,
    epoch: i64,
    before: Option<&Contents>,
    profiles: &Profiles,
    key: &SigningKey,
) -> Result<(Rendered, SignedBundle), PublishError> {
    let rendered = blueprint.render(epoch, before, profiles)?;
    let signed = nexavpn_bundle::sign_contents(&rendered.contents, key);
    Ok((rendered, signed))
}
