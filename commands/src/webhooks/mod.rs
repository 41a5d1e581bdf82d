//! Commands about webhooks: where events are sent to.
//!
//! | file | holds |
//! | --- | --- |
//! | `mod.rs` | the commands |
//! | `deliveries.rs` | how far each has come, and which process sends |

mod deliveries;

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, TimeDelta, Utc};
use ipnetwork::IpNetwork;
use nexavpn_domain::{
    DomainError, Problems,
    ids::WebhookId,
    values,
    webhook::{DisabledBecause, Webhook, WebhookCommand},
};
use nexavpn_store::{Recorded, WrappedKey};

pub use deliveries::{Attempt, Claimed, Deliveries};

use crate::{
    CommandError, Commands, Done, Request, Secret,
    rows::{BeginDeliveries, KeepWebhookSecret, RemoveWebhook, SetDeliveries},
    transact::{Plan, fresh},
};

/// What a secret begins with, by the Standard Webhooks specification.
const PREFIX: &str = "whsec_";
/// The longest time for which the secret before signs as well.
const LONGEST_OVERLAP: TimeDelta = TimeDelta::days(30);

/// Where webhooks may lead to.
#[derive(Debug, Clone, Default)]
pub struct WebhookRules {
    /// Whether `http://` is allowed.
    pub plain_http: bool,
    /// Networks that may be reached although they are not of the public internet.
    pub networks: Vec<IpNetwork>,
}

/// A webhook to create.
#[derive(Debug, Clone)]
pub struct WebhookInput {
    /// Where to.
    pub url: String,
    /// What it is for.
    pub description: Option<String>,
    /// Which events; all where there is none.
    pub event_types: Vec<String>,
}

/// What to change of a webhook.
#[derive(Debug, Clone, Default)]
pub struct WebhookPatch {
    /// Another address.
    pub url: Option<String>,
    /// Another description.
    pub description: Option<String>,
    /// Exactly these types.
    pub event_types: Option<Vec<String>>,
    /// Whether events are sent.
    pub enabled: Option<bool>,
}

/// A webhook's new secret.
#[derive(Debug, Clone)]
pub struct WebhookIssued {
    /// Whose.
    pub id: WebhookId,
    /// `whsec_…`, to be shown once.
    pub secret: Secret,
}

impl Commands {
    /// Creates a webhook: it is sent what happens from now on.
    ///
    /// # Errors
    /// `validation_error`.
    pub async fn create_webhook(
        &self,
        request: &Request,
        input: WebhookInput,
    ) -> Result<Done<WebhookIssued>, CommandError> {
        let mut problems = Problems::default();
        let url = problems.check("url", self.webhook_url(&input.url));
        let description = input.description.unwrap_or_default();
        let description = problems.check("description", values::description(&description));
        let types = problems.check("event_types", values::event_types(&input.event_types));
        problems.finish()?;
        let (Some(url), Some(description), Some(event_types)) = (url, description, types) else {
            return Err(DomainError::field("url", "is required").into());
        };
        let id = WebhookId(self.new_id());
        let (secret, sealed) = self.new_webhook_secret(id).await?;
        self.transact(request, "webhook", || async {
            let mut plan = Plan::new(WebhookIssued { id, secret: secret.clone() });
            let command = WebhookCommand::Create {
                url: url.clone(),
                description: description.clone(),
                event_types: event_types.clone(),
            };
            plan.decide::<Webhook>(id.0, &fresh(), command)?;
            let now = self.now();
            plan.row(BeginDeliveries { webhook_id: id, after: self.store.head().borrow().idx });
            let sealed = sealed.clone();
            plan.row(KeepWebhookSecret { webhook_id: id, sealed, previous_until: now, now });
            Ok(plan)
        })
        .await
    }

    /// Changes what the patch names. An endpoint that has failed is tried again at once.
    ///
    /// # Errors
    /// `validation_error` or `not_found`.
    pub async fn change_webhook(
        &self,
        request: &Request,
        id: WebhookId,
        patch: WebhookPatch,
    ) -> Result<Done<()>, CommandError> {
        let mut problems = Problems::default();
        let url = patch.url.and_then(|u| problems.check("url", self.webhook_url(&u)));
        let description =
            patch.description.and_then(|d| problems.check("description", values::description(&d)));
        let event_types =
            patch.event_types.and_then(|t| problems.check("event_types", values::event_types(&t)));
        problems.finish()?;
        self.transact(request, "webhook", || async {
            let webhook = self.load_for::<Webhook>(request, "webhook", id.0).await?;
            let change = WebhookCommand::Change {
                url: url.clone(),
                description: description.clone(),
                event_types: event_types.clone(),
            };
            let switch = patch.enabled.map(|enabled| match enabled {
                true => WebhookCommand::Enable,
                false => WebhookCommand::Disable(DisabledBecause::Requested),
            });
            let mut plan = Plan::new(());
            let commands = std::iter::once(change).chain(switch).collect();
            let (after, any) = plan.decide_all(id.0, &webhook, commands)?;
            if any {
                let enabled = Some(after.is_enabled());
                plan.row(SetDeliveries { webhook_id: id, enabled, after: None });
            }
            Ok(plan)
        })
        .await
    }

    /// Sends nothing any more to an endpoint that does not want it, as it answered to the event of
    /// this number.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn webhook_is_gone(&self, id: WebhookId, idx: i64) -> Result<Done<()>, CommandError> {
        let request = Request::system("webhooks", self.new_id());
        let refused = self.store.log().pick(&[idx]).await?.first().map(Recorded::id);
        self.transact(&request, "webhook", || async {
            let webhook = self.store.load::<Webhook>(id.0).await?;
            let mut plan = Plan::new(());
            plan.because_of(refused.clone());
            let command = WebhookCommand::Disable(DisabledBecause::Gone);
            if plan.decide(id.0, &webhook, command)? {
                plan.row(SetDeliveries { webhook_id: id, enabled: Some(false), after: None });
            }
            Ok(plan)
        })
        .await
    }

    /// Lets another secret sign; the one before signs as well for a while.
    ///
    /// # Errors
    /// `validation_error` or `not_found`.
    pub async fn rotate_webhook_secret(
        &self,
        request: &Request,
        id: WebhookId,
        overlap: TimeDelta,
    ) -> Result<Done<(WebhookIssued, DateTime<Utc>)>, CommandError> {
        if overlap < TimeDelta::zero() || overlap > LONGEST_OVERLAP {
            let message = "must be between 0 and 2592000 (30 days)";
            return Err(DomainError::field("keep_previous_s", message).into());
        }
        let (secret, sealed) = self.new_webhook_secret(id).await?;
        self.transact(request, "webhook", || async {
            let webhook = self.load_for::<Webhook>(request, "webhook", id.0).await?;
            let now = self.now();
            let previous_until = now + overlap;
            let issued = WebhookIssued { id, secret: secret.clone() };
            let mut plan = Plan::new((issued, previous_until));
            plan.decide(id.0, &webhook, WebhookCommand::RotateSecret { previous_until })?;
            let sealed = sealed.clone();
            plan.row(KeepWebhookSecret { webhook_id: id, sealed, previous_until, now });
            Ok(plan)
        })
        .await
    }

    /// Sends the events from this number on, once more or for the first time.
    ///
    /// # Errors
    /// `validation_error` for a number that no event has or will have next; `not_found`.
    pub async fn replay_webhook(
        &self,
        request: &Request,
        id: WebhookId,
        from: i64,
    ) -> Result<Done<()>, CommandError> {
        let next = self.store.log().head().await?.idx + 1;
        let first = u64::try_from(from).ok().filter(|_| (1..=next).contains(&from));
        let message = format!("must be the number of an event, or {next} for what happens next");
        let first = first.ok_or_else(|| DomainError::field("from", message))?;
        self.transact(request, "webhook", || async {
            let webhook = self.load_for::<Webhook>(request, "webhook", id.0).await?;
            let mut plan = Plan::new(());
            plan.decide(id.0, &webhook, WebhookCommand::Replay { from: first })?;
            plan.row(SetDeliveries { webhook_id: id, enabled: None, after: Some(from - 1) });
            Ok(plan)
        })
        .await
    }

    /// Deletes a webhook; its secrets are destroyed.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn delete_webhook(
        &self,
        request: &Request,
        id: WebhookId,
    ) -> Result<Done<()>, CommandError> {
        self.transact(request, "webhook", || async {
            let webhook = self.load_for::<Webhook>(request, "webhook", id.0).await?;
            let mut plan = Plan::new(());
            plan.decide(id.0, &webhook, WebhookCommand::Delete)?;
            plan.row(RemoveWebhook(id));
            Ok(plan)
        })
        .await
    }

    /// The keys that sign what is sent now, the newest first.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn webhook_keys(&self, id: WebhookId) -> Result<Vec<Vec<u8>>, CommandError> {
        let rows: Vec<Vec<u8>> = sqlx::query_scalar(
            "SELECT sealed FROM webhook_secret
             WHERE webhook_id = $1 AND (valid_until IS NULL OR valid_until > $2)
             ORDER BY id DESC",
        )
        .bind(id.0)
        .bind(self.now())
        .fetch_all(&self.pool)
        .await?;
        let sealer = self.webhook_secret_sealer().await?;
        let keys: Vec<_> =
            rows.iter().filter_map(|sealed| sealer.open(&context(id), sealed)).collect();
        if keys.len() < rows.len() {
            tracing::error!(webhook = %id, "a secret cannot be opened: rotate it");
        }
        Ok(keys)
    }

    /// An address that events may be sent to. What a name leads to is looked at when it is sent.
    fn webhook_url(&self, url: &str) -> Result<String, String> {
        let rules = &self.settings.webhooks;
        let url = values::webhook_url(url, rules.plain_http)?;
        match values::literal_address(&url) {
            Some(address) if !values::may_reach(address, &rules.networks) => Err(format!(
                "{address} is not an address of the public internet: --webhook-networks allows \
                 others"
            )),
            _ => Ok(url),
        }
    }

    /// A new secret as it is shown, and as it is kept.
    async fn new_webhook_secret(&self, id: WebhookId) -> Result<(Secret, Vec<u8>), CommandError> {
        let mut key = [0; 32];
        self.random.fill(&mut key);
        let sealed = self.webhook_secret_sealer().await?.seal(&context(id), &key);
        let sealed = sealed.map_err(|e| CommandError::Store(e.into()))?;
        Ok((Secret::new(format!("{PREFIX}{}", STANDARD.encode(key))), sealed))
    }

    async fn webhook_secret_sealer(&self) -> Result<WrappedKey, CommandError> {
        let sealer = self.store.keyring().webhook_secret_sealer().await;
        sealer.map_err(|e| CommandError::Store(e.into()))
    }
}

fn context(id: WebhookId) -> String {
    format!("webhook_secret {id}")
}
