//! Webhooks: where events are sent to. Adding one is a change that an auditor must see.

mod events;
mod state;

pub use events::{DisabledBecause, WebhookEvent};
pub use state::{Webhook, WebhookCommand};

crate::aggregate::aggregate!(Webhook, WebhookCommand, WebhookEvent);
