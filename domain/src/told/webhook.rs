use super::Told;
use crate::webhook::{DisabledBecause, WebhookEvent};

pub(super) fn told(event: &WebhookEvent) -> Told {
    match event {
        WebhookEvent::Created { url, description, event_types } => {
            Told::new(format!("Webhook to {url} created"))
                .set("url", url)
                .set("description", description)
                .set("event_types", event_types)
                .set("enabled", true)
        }
        WebhookEvent::Changed { url, description, event_types } => {
            let mut told = Told::new("Webhook changed");
            if let Some(url) = url {
                told = told.set("url", url);
            }
            if let Some(description) = description {
                told = told.set("description", description);
            }
            if let Some(event_types) = event_types {
                told = told.set("event_types", event_types);
            }
            told
        }
        WebhookEvent::SecretRotated { previous_until } => {
            Told::new("Secret of the webhook rotated").set("previous_secret_until", previous_until)
        }
        WebhookEvent::Enabled {} => Told::new("Webhook enabled").turn("enabled", false, true),
        WebhookEvent::Disabled { because: DisabledBecause::Requested } => {
            Told::new("Webhook disabled as requested").turn("enabled", true, false)
        }
        WebhookEvent::Disabled { because: DisabledBecause::Gone } => {
            Told::new("Webhook disabled, its endpoint is gone (410)").turn("enabled", true, false)
        }
        WebhookEvent::Replayed { from } => {
            Told::new(format!("Webhook sends events from {from} on"))
        }
        WebhookEvent::Deleted {} => Told::new("Webhook deleted").ending(),
    }
}
