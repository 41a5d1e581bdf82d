//! What every handler has at hand.

use std::{ops::Deref, sync::Arc, time::Duration};

use nexavpn_commands::{Commands, Random};
use nexavpn_gateway_projector::{FleetHandle, Publisher, Reports, SigningKeys};
use nexavpn_projections::{Handle as Projections, audit::Feed};
use nexavpn_store::{Direct, LogKey};
use sqlx::PgPool;
use tokio::sync::watch;

use crate::{
    auth::AccessTokens,
    consistency::{Stalled, Unread},
    http::{CorsOrigin, Rates},
    idempotency::Turns,
    serve::Tls,
    webhooks::Sender as WebhookSender,
};

/// The parts of a running control plane.
pub struct Parts {
    /// The write side.
    pub commands: Commands,
    /// The read models.
    pub projections: Projections,
    /// The folded state of the whole.
    pub fleet: FleetHandle,
    /// The gateways' bundles.
    pub publisher: Publisher,
    /// The keys that sign bundles.
    pub keys: SigningKeys,
    /// The transparency log's key.
    pub log_key: LogKey,
    /// What gateways and devices report.
    pub reports: Reports,
    /// Makes and checks access tokens.
    pub tokens: AccessTokens,
    /// The end of the audit log, for those who follow it.
    pub feed: Feed,
    /// Sends to webhooks.
    pub webhooks: WebhookSender,
    /// For reads.
    pub pool: PgPool,
    /// How HTTP is spoken.
    pub http: HttpOptions,
    /// How many requests each client may make.
    pub rates: Rates,
    /// The certificate, where TLS is spoken.
    pub tls: Option<Tls>,
    /// Gives what nobody can guess.
    pub random: Arc<dyn Random>,
    /// Requests with the same `Idempotency-Key`.
    pub turns: Turns,
    /// What was acknowledged before it could be read.
    pub unread: Unread,
    /// Since when reads have been waiting for read models that do not move.
    pub stalled: Stalled,
    /// Turns true when the server stops: nobody should wait any longer.
    pub closing: watch::Receiver<bool>,
}

/// How HTTP is spoken.
#[derive(Debug, Clone)]
pub struct HttpOptions {
    /// Proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed.
    pub trusted_proxies: Vec<ipnetwork::IpNetwork>,
    /// Who sees `/metrics`, besides this machine.
    pub metrics_networks: Vec<ipnetwork::IpNetwork>,
    /// Origins of web pages that may call us.
    pub cors_origins: Vec<CorsOrigin>,
    /// Requests a minute of an address where nobody is signed in; 0 means any number.
    pub rate_per_address: u32,
    /// Requests a minute of a user or a gateway; 0 means any number.
    pub rate_per_principal: u32,
    /// The largest body in bytes.
    pub body_limit: usize,
    /// How long a request may take.
    pub timeout: Duration,
    /// How long a command waits for the read models before it answers `X-Consistency: pending`.
    pub consistency_wait: Duration,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            trusted_proxies: vec![],
            metrics_networks: vec![],
            cors_origins: vec![],
            rate_per_address: 600,
            rate_per_principal: 12_000,
            body_limit: 256 * 1024,
            timeout: Duration::from_secs(30),
            consistency_wait: Duration::from_secs(2),
        }
    }
}

/// The parts, shared by all handlers.
#[derive(Clone)]
pub struct App(Arc<Parts>);

impl App {
    /// Shares the parts.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// For reads that many requests make: see [`Direct`].
    #[must_use]
    pub fn direct(&self) -> &Direct {
        self.commands.store().direct()
    }
}

impl Deref for App {
    type Target = Parts;
    fn deref(&self) -> &Parts {
        &self.0
    }
}
