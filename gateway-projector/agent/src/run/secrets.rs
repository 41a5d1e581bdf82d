//! Preshared keys that peers wait for.

use nexavpn_bundle::GatewaySecrets;
use rand::Rng;
use tokio::time::Instant;
use tracing::{debug, error, info, warn};

use super::Agent;
use crate::client::ClientError;

impl<R: Rng> Agent<R> {
    /// Asks at once for preshared keys that were not asked for yet.
    pub(super) fn notice_missing_secrets(&mut self) {
        let missing = self.engine.missing_secrets();
        if missing.is_empty() {
            if let Some(attempts) = self.asking.over() {
                info!(attempts, "all preshared keys are here");
            }
        } else if *missing != self.wanted_secrets {
            self.next_secrets = Instant::now();
        }
        if *missing != self.wanted_secrets {
            self.wanted_secrets.clone_from(missing);
        }
    }

    pub(super) fn take_secrets(&mut self, answer: Result<GatewaySecrets, ClientError>) {
        self.next_secrets = Instant::now() + self.secrets_backoff.failed(&mut self.random);
        let taken = match answer {
            Ok(offered) => self.engine.take_secrets(&offered),
            Err(error) => {
                if self.asking.again(&error.kind()) {
                    let (advice, missing) = (error.advice(), self.wanted_secrets.len());
                    warn!(%error, advice, missing, "cannot fetch preshared keys, their peers are not set up");
                }
                return;
            }
        };
        match taken {
            Ok(0) => {
                self.secrets_backoff.succeeded();
            }
            Ok(missing) if self.asking.again("incomplete") => warn!(
                missing,
                advice = "see the control plane's log; rotating the keys of these devices ends it",
                "the control plane lacks preshared keys, or they do not fit; their peers are not set up"
            ),
            Ok(missing) => debug!(missing, "preshared keys are still missing"),
            Err(error) => {
                if self.asking.again("not kept") {
                    let advice = "make room on the disk, or the directory writable";
                    error!(%error, advice, "cannot keep preshared keys, a restart forgets them");
                }
            }
        }
    }
}
