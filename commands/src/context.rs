//! What all commands share.

use std::{collections::HashMap, net::IpAddr, sync::Arc};

use chrono::{DateTime, TimeDelta, Utc};
use nexavpn_domain::{
    event::{Claim, ClaimKind},
    ids::{GatewayId, UserId},
};
use nexavpn_store::{Actor, Metadata, Store};
use sqlx::PgPool;
use uuid::Uuid;

use crate::{
    Clock, CommandError, Foresight, Once, PasswordHasher, Random,
    credentials::{Credentials, credentials},
    devices::Gateways,
    rehearse::Rehearsal,
    secrets::{self, Secret},
    security::Incidents,
    sessions::{LiveSessions, live_sessions},
    throttle::Throttle,
    webhooks::WebhookRules,
};

/// Limits that an operator may set.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Devices that a user may have at once.
    pub devices_per_user: u32,
    /// How long a session lasts without a login.
    pub session_lifetime: TimeDelta,
    /// How long a gateway's join token works.
    pub join_token_lifetime: TimeDelta,
    /// How long a device may keep its old key after `rotate`.
    pub rotation_period: TimeDelta,
    /// How long a reserved address waits for its enrolment.
    pub reservation_lifetime: std::time::Duration,
    /// The most firewall boxes (addresses × protocols × ports) that one policy, or all policies of
    /// one device together, may come to.
    pub max_profile_boxes: usize,
    /// Where webhooks may lead to.
    pub webhooks: WebhookRules,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            devices_per_user: 10,
            session_lifetime: TimeDelta::days(30),
            join_token_lifetime: TimeDelta::hours(1),
            rotation_period: TimeDelta::days(7),
            reservation_lifetime: std::time::Duration::from_secs(30),
            max_profile_boxes: 10_000,
            webhooks: WebhookRules::default(),
        }
    }
}

/// Who asks, from where, and under which name the log finds it again.
#[derive(Debug, Clone)]
pub struct Request {
    /// Who.
    pub actor: Actor,
    /// The request's id.
    pub request_id: Uuid,
    /// What it belongs to; the request itself unless it follows from another one.
    pub correlation_id: Uuid,
    /// Where it came from.
    pub client_address: Option<IpAddr>,
    /// With what.
    pub user_agent: Option<String>,
    /// How the actor proved who it is.
    pub auth_method: Option<String>,
    /// Why, in the actor's words.
    pub reason: Option<String>,
    /// The last event of the log when it came, where that was looked at.
    pub log_end: Option<i64>,
    /// The version that an `If-Match` named.
    pub if_match: Option<u64>,
    /// What makes it happen once only, where it has an `Idempotency-Key`.
    pub once: Option<Once>,
    /// Keeps its events from being stored; see [`Commands::rehearse`].
    pub rehearsal: Option<Rehearsal>,
}

impl Request {
    /// A request by the system itself.
    #[must_use]
    pub fn system(name: &'static str, id: Uuid) -> Self {
        Self {
            actor: Actor::System(name),
            request_id: id,
            correlation_id: id,
            client_address: None,
            user_agent: None,
            auth_method: None,
            reason: None,
            log_end: None,
            if_match: None,
            once: None,
            rehearsal: None,
        }
    }

    /// A request by a user.
    #[must_use]
    pub fn user(user: UserId, id: Uuid) -> Self {
        Self { actor: Actor::User(user), ..Self::system("", id) }
    }

    /// A request by a gateway.
    #[must_use]
    pub fn gateway(gateway: GatewayId, id: Uuid) -> Self {
        Self { actor: Actor::Gateway(gateway), ..Self::system("", id) }
    }

    pub(crate) fn metadata(&self) -> Metadata {
        Metadata {
            actor: self.actor,
            request_id: self.request_id,
            correlation_id: self.correlation_id,
            client_address: self.client_address,
            user_agent: self.user_agent.clone(),
            auth_method: self.auth_method.clone(),
            reason: self.reason.clone(),
        }
    }
}

/// The write side. Cheap to clone.
#[derive(Clone)]
pub struct Commands {
    pub(crate) store: Store,
    pub(crate) pool: PgPool,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) hasher: PasswordHasher,
    pub(crate) settings: Arc<Settings>,
    pub(crate) throttle: Arc<Throttle>,
    pub(crate) incidents: Arc<Incidents>,
    pub(crate) foresight: Option<Arc<dyn Foresight>>,
    pub(crate) live_sessions: LiveSessions,
    pub(crate) credentials: Credentials,
    pub(crate) gateways: Arc<Gateways>,
}

impl Commands {
    /// Puts the write side together.
    #[must_use]
    pub fn new(
        store: Store,
        pool: PgPool,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        hasher: PasswordHasher,
        settings: Settings,
    ) -> Self {
        Self {
            live_sessions: live_sessions(store.direct().clone()),
            credentials: credentials(store.direct().clone()),
            gateways: Arc::new(Gateways::new(store.direct())),
            store,
            pool,
            clock,
            random,
            hasher,
            settings: Arc::new(settings),
            throttle: Arc::default(),
            incidents: Arc::default(),
            foresight: None,
        }
    }

    /// With somebody who knows the devices of all, and what events would do to them: what is too much
    /// for one of them is refused.
    #[must_use]
    pub fn with_foresight(self, foresight: impl Foresight + 'static) -> Self {
        Self { foresight: Some(Arc::new(foresight)), ..self }
    }

    /// The event store beneath.
    #[must_use]
    pub const fn store(&self) -> &Store {
        &self.store
    }

    /// The limits that an operator has set.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The aggregate that holds a claim.
    pub(crate) async fn claim_holder(&self, claim: &Claim) -> Result<Option<Uuid>, CommandError> {
        let Some(key) = self.claim_key(claim) else { return Ok(None) };
        let holder: Option<String> =
            sqlx::query_scalar("SELECT aggregate_id FROM claims WHERE kind = $1 AND key = $2")
                .bind(claim.kind.as_str())
                .bind(key)
                .fetch_optional(self.store.direct())
                .await?;
        Ok(holder.and_then(|id| id.parse().ok()))
    }

    /// A claim's key as it is stored.
    pub(crate) fn claim_key(&self, claim: &Claim) -> Option<String> {
        let key = claim.key.as_ref()?;
        Some(if claim.kind.is_personal() {
            self.store.keyring().claims_hmac(claim.kind, key)
        } else {
            key.clone()
        })
    }

    /// The aggregates that hold claims of one kind, by the claims' stored keys.
    pub(crate) async fn claim_holders(
        &self,
        kind: ClaimKind,
        keys: &[String],
    ) -> Result<HashMap<String, Uuid>, CommandError> {
        let rows: Vec<(String, String)> = sqlx::query_as(
            "SELECT key, aggregate_id FROM claims WHERE kind = $1 AND key = ANY($2)",
        )
        .bind(kind.as_str())
        .bind(keys)
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().filter_map(|(key, id)| Some((key, id.parse().ok()?))).collect())
    }

    /// The present.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// A new id.
    #[must_use]
    pub fn new_id(&self) -> Uuid {
        secrets::uuid(&*self.random)
    }

    /// The id that follows from a name, for whoever has the keys of this installation.
    pub(crate) fn derived_id(&self, domain: &str, name: &str) -> Uuid {
        let hash = self.store.keyring().lookup_hmac(domain, name);
        let mut bytes = [0; 16];
        match hash.get(..32).map(|half| hex::decode_to_slice(half, &mut bytes)) {
            Some(Ok(())) => uuid::Builder::from_random_bytes(bytes).into_uuid(),
            _ => self.new_id(),
        }
    }

    pub(crate) fn new_token(&self) -> Secret {
        Secret::token(&*self.random)
    }
}
