//! Records about security: failures, and the keys that sign bundles.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
};

use chrono::{DateTime, TimeDelta, Utc};
use ipnetwork::IpNetwork;
use nexavpn_domain::{
    ids::UserId,
    security::{FailureKind, Security, SecurityCommand},
};
use uuid::Uuid;

use crate::{
    CommandError, Commands, Done, Request, secrets,
    transact::{Plan, fresh},
};

/// The aggregate that knows the keys which sign bundles.
pub const SIGNING_KEYS: Uuid = Uuid::from_u128(0x6e65_7861_7670_4e73_8967_6b65_7973_0001);

/// After the first failure of an incident the others are counted, and recorded this often.
const SUMMARY: TimeDelta = TimeDelta::minutes(1);
/// Incidents open at once; more are counted together as one.
const OPEN: usize = 1000;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct IncidentKey {
    kind: FailureKind,
    user: Option<UserId>,
    network: Option<String>,
    /// The error's code and the route, of which there are few: so that each is told.
    what: Option<(String, Option<String>)>,
}

#[derive(Debug)]
struct Incident {
    id: Uuid,
    recorded_at: DateTime<Utc>,
    unrecorded: u64,
}

/// The incidents of the last minute or so.
#[derive(Debug, Default)]
pub(crate) struct Incidents(Mutex<HashMap<IncidentKey, Incident>>);

impl Incidents {
    /// The new incident's id where this failure opens one; otherwise it is counted.
    fn open(
        &self,
        key: IncidentKey,
        now: DateTime<Utc>,
        id: impl FnOnce() -> Uuid,
    ) -> Option<Uuid> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Over the cap everything of a kind is one incident, so that a flood cannot fill the log.
        let key = if open.len() >= OPEN && !open.contains_key(&key) {
            IncidentKey { kind: key.kind, user: None, network: None, what: None }
        } else {
            key
        };
        if let Some(incident) = open.get_mut(&key) {
            incident.unrecorded += 1;
            return None;
        }
        let id = id();
        open.insert(key, Incident { id, recorded_at: now, unrecorded: 0 });
        Some(id)
    }

    /// The counts that are due, and closes incidents that have been quiet.
    fn due(&self, now: DateTime<Utc>) -> Vec<(Uuid, u64)> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut due = Vec::new();
        open.retain(|_, incident| {
            if incident.recorded_at + SUMMARY > now {
                return true;
            }
            if incident.unrecorded == 0 {
                return false;
            }
            due.push((incident.id, incident.unrecorded));
            incident.unrecorded = 0;
            incident.recorded_at = now;
            true
        });
        due
    }
}

impl Incidents {
    fn put_back(&self, id: Uuid, count: u64) {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(incident) = open.values_mut().find(|incident| incident.id == id) {
            incident.unrecorded += count;
        }
    }
}

/// The network that an address belongs to, coarse enough not to be personal data.
fn network(address: IpAddr) -> Option<String> {
    let prefix = if address.is_ipv4() { 24 } else { 48 };
    let net = IpNetwork::new(address, prefix).ok()?;
    IpNetwork::new(net.network(), prefix).ok().map(|n| n.to_string())
}

impl Commands {
    /// Records a failure: the first of an incident at once, then a count a minute. A failure to
    /// record is logged; the request it belongs to is answered all the same.
    async fn record_failure(
        &self,
        request: &Request,
        kind: FailureKind,
        user: Option<UserId>,
        code: &str,
        route: Option<&str>,
    ) {
        let network = request.client_address.and_then(network);
        let what = Some((code.to_owned(), route.map(ToOwned::to_owned)));
        let key = IncidentKey { kind, user, network: network.clone(), what };
        let Some(id) = self.incidents.open(key, self.now(), || secrets::uuid(&*self.random)) else {
            return;
        };
        // The record of a failure is not what the request was to do.
        let request = &Request { once: None, ..request.clone() };
        let recorded = self
            .transact(request, "security record", || async {
                let mut plan = Plan::new(());
                let command = SecurityCommand::RecordFailure {
                    kind,
                    user_id: user,
                    network: network.clone(),
                    code: code.to_owned(),
                    route: route.map(ToOwned::to_owned),
                };
                plan.decide::<Security>(id, &fresh(), command)?;
                Ok(plan)
            })
            .await;
        if let Err(error) = recorded {
            tracing::error!(%error, ?kind, "a failure could not be recorded");
        }
    }

    /// Records a failure beside the answer, so that the answer's time tells nothing.
    pub fn record_failure_later(
        &self,
        request: &Request,
        kind: FailureKind,
        user: Option<UserId>,
        code: &'static str,
        route: Option<String>,
    ) {
        let (commands, request) = (self.clone(), request.clone());
        let record = async move {
            commands.record_failure(&request, kind, user, code, route.as_deref()).await;
        };
        tokio::spawn(tracing::Instrument::in_current_span(record));
    }

    /// Records the counts of incidents that go on.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn record_counts(&self) -> Result<(), CommandError> {
        let mut outcome = Ok(());
        for (id, count) in self.incidents.due(self.now()) {
            let request = Request::system("security", self.new_id());
            let recorded = self.transact(&request, "security record", || async {
                let incident = self.store.load::<Security>(id).await?;
                let mut plan = Plan::new(());
                plan.decide(id, &incident, SecurityCommand::CountFailures(count))?;
                Ok(plan)
            });
            if let Err(error) = recorded.await {
                // Counted again with what comes until the next time.
                self.incidents.put_back(id, count);
                outcome = Err(error);
            }
        }
        outcome
    }

    /// Makes a key the one that signs bundles; `introduce` is a
    /// [`SecurityCommand::IntroduceSigningKey`]. Changes nothing where it already is.
    ///
    /// # Errors
    /// `unsigned_key` and `another_key` where the key in use has not signed this one.
    pub async fn introduce_signing_key(
        &self,
        request: &Request,
        introduce: SecurityCommand,
    ) -> Result<Done<()>, CommandError> {
        let introduce = &introduce;
        self.transact(request, "signing key", || async {
            let keys = self.store.load::<Security>(SIGNING_KEYS).await?;
            let mut plan = Plan::new(());
            plan.decide(SIGNING_KEYS, &keys, introduce.clone())?;
            Ok(plan)
        })
        .await
    }
}
