use super::Told;
use crate::{
    ids::UserId,
    security::{FailureKind, SecurityEvent},
};

pub(super) fn told(event: &SecurityEvent) -> Told {
    match event {
        SecurityEvent::Failure { kind, user_id: _, network, code, route } => {
            let what = match kind {
                FailureKind::Login => "Login failed",
                FailureKind::Forbidden => "Request forbidden",
                FailureKind::Refused => "Request refused",
                FailureKind::Token => "Token refused",
                FailureKind::GatewayJoin => "Join of a gateway refused",
            };
            let from = network.as_ref().map(|n| format!(" from {n}")).unwrap_or_default();
            let at = route.as_ref().map(|r| format!(" at {r}")).unwrap_or_default();
            Told::new(format!("{what}: {}{from}{at}", code.replace('_', " ")))
        }
        SecurityEvent::FailuresRepeated { count } => {
            Told::new(format!("The same failure {count} more times"))
        }
        SecurityEvent::SigningKeyIntroduced { key_id, public_key, signed_by_previous: _ } => {
            Told::new(format!("Key {key_id} signs bundles from now on"))
                .set("signing_key_id", key_id)
                .set("signing_key", public_key)
        }
    }
}

pub(super) const fn about(event: &SecurityEvent) -> Option<UserId> {
    match event {
        SecurityEvent::Failure { user_id, .. } => *user_id,
        SecurityEvent::FailuresRepeated { .. } | SecurityEvent::SigningKeyIntroduced { .. } => None,
    }
}
