//! Gateways that wait for what is new, and verify it as their agents do.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use nexavpn_bundle::{VerifiedBundle, is_delta, key_id, verify, verify_delta};
use nexavpn_domain::ids::{DeviceId, GatewayId};
use nexavpn_gateway::{
    client::{Fetched, HeldBundle, LONGEST_WAIT, Question, Session},
    join::join,
    state::StateDir,
};
use serde_json::json;
use tokio::{sync::watch, task::JoinHandle};

use super::super::{Outcome, report::micros};
use crate::harness::{Client, TestServer};

/// What a change was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    /// Of one device.
    Device,
    /// Of a policy for one user.
    Few,
    /// Of a policy for everyone.
    Everyone,
}

/// What a bundle has to say before it holds a change.
#[derive(Debug, Clone)]
pub(super) enum Sign {
    /// Whether the device is in it.
    Device(DeviceId, bool),
    /// The device may reach this range.
    Range(DeviceId, Arc<str>),
}

/// A change that a gateway does not have yet.
#[derive(Debug, Clone)]
pub(super) struct Pending {
    pub(super) kind: Kind,
    pub(super) sent: Instant,
    pub(super) sign: Sign,
}

/// What a gateway waits for, and how long everything before has taken.
#[derive(Debug, Default)]
pub(super) struct Book {
    pending: Vec<Pending>,
    /// Microseconds.
    took: HashMap<Kind, Vec<u32>>,
    /// How many bundles and deltas came.
    pub(super) bundles: usize,
    pub(super) deltas: usize,
}

/// A gateway whose agent waits.
pub(super) struct Waiting {
    book: Arc<Mutex<Book>>,
    task: JoinHandle<Outcome<()>>,
    held: watch::Receiver<bool>,
}

impl Waiting {
    /// Joins as this gateway, and asks for what is new from then on.
    pub(super) async fn start(server: &TestServer, admin: &Client, id: GatewayId) -> Outcome<Self> {
        let path = format!("/admin/gateways/{id}/join-token");
        let (status, issued) = admin.post(&path, json!({})).await;
        let token = issued["token"].as_str().ok_or(format!("{path}: {status} {issued}"))?;
        let dir = tempfile::tempdir()?;
        let state = StateDir::open(dir.path())?;
        let identity = join(&state, &server.base_url, token, None, false).await?;
        let trusted = identity.trusted(&state)?;
        let (identity, credential) = state.identity()?;
        let session = Session::new(&identity, credential)?;
        let book = Arc::new(Mutex::new(Book::default()));
        let (tell, held) = watch::channel(false);
        let known: Vec<String> = trusted.iter().map(key_id).collect();
        let kept = Arc::clone(&book);
        let task = tokio::spawn(async move {
            let mut bundle: Option<VerifiedBundle> = None;
            loop {
                let held = bundle
                    .as_ref()
                    .map(|held| HeldBundle { etag: held.etag(), revision: held.payload.revision });
                let question = Question { held, wait: LONGEST_WAIT, known: known.clone() };
                let Fetched::Bundle { body, .. } = session.sync(&question).await? else { continue };
                let new = match &bundle {
                    Some(held) if is_delta(&body) => verify_delta(&body, held, &trusted)?,
                    _ => verify(&body, &trusted)?,
                };
                let now = Instant::now();
                let mut book = kept.lock().unwrap_or_else(PoisonError::into_inner);
                book.received(&new, is_delta(&body), now);
                drop(book);
                bundle = Some(new);
                tell.send_replace(true);
            }
        });
        Ok(Self { book, task, held })
    }

    /// Returns once it has its first bundle.
    pub(super) async fn ready(&mut self) -> Outcome<()> {
        Ok(self.held.wait_for(|held| *held).await.map(drop)?)
    }

    /// From now on it waits for this.
    pub(super) fn expect(&self, pending: Pending) {
        self.book.lock().unwrap_or_else(PoisonError::into_inner).pending.push(pending);
    }

    /// What it still waits for.
    pub(super) fn pending(&self) -> usize {
        self.book.lock().unwrap_or_else(PoisonError::into_inner).pending.len()
    }

    /// What was measured up to now.
    pub(super) fn take(&self) -> HashMap<Kind, Vec<u32>> {
        std::mem::take(&mut self.book.lock().unwrap_or_else(PoisonError::into_inner).took)
    }

    /// Ends, and says what came.
    pub(super) async fn stop(self) -> Outcome<Book> {
        if self.task.is_finished() {
            self.task.await??;
            return Err("a gateway does not wait any more".into());
        }
        self.task.abort();
        Ok(std::mem::take(&mut *self.book.lock().unwrap_or_else(PoisonError::into_inner)))
    }
}

impl Book {
    fn received(&mut self, bundle: &VerifiedBundle, delta: bool, now: Instant) {
        *(if delta { &mut self.deltas } else { &mut self.bundles }) += 1;
        let took = &mut self.took;
        self.pending.retain(|pending| {
            let waits = !pending.sign.is_in(bundle);
            if !waits {
                let time = now.duration_since(pending.sent);
                took.entry(pending.kind).or_default().push(micros(time));
            }
            waits
        });
    }
}

impl Sign {
    fn is_in(&self, bundle: &VerifiedBundle) -> bool {
        let device = |id: &DeviceId| bundle.contents.device(&id.to_string());
        match self {
            Self::Device(id, there) => device(id).is_some() == *there,
            Self::Range(id, range) => device(id)
                .and_then(|device| bundle.contents.profile(&device.profile))
                .is_some_and(|(profile, _)| profile.v4.iter().any(|v4| **v4 == **range)),
        }
    }
}
