//! What happens by itself as time passes: the control plane's silence, and expiries.

use chrono::Utc;
use rand::Rng;
use tokio::time::Instant;
use tracing::{error, info};

use super::{Agent, LOOK_AGAIN};
use crate::contact::since_boot;

impl<R: Rng> Agent<R> {
    pub(super) fn stale_from(&self) -> Option<Instant> {
        let left = self.engine.max_silence()?.saturating_sub(self.contact.silence(since_boot()));
        // Timers stand still while the machine sleeps: look again now and then.
        (!self.stale).then(|| Instant::now() + left.min(LOOK_AGAIN))
    }

    pub(super) fn notice_staleness(&mut self) {
        if self.engine.max_silence().is_some() {
            self.contact.keep(self.engine.state());
        }
        let silence = self.contact.silence(since_boot());
        let stale = self.engine.is_stale(silence);
        if stale && !self.stale {
            let silent_s = silence.as_secs();
            error!(
                silent_s,
                "the control plane has been silent for max_stale_s: all access is closed until it answers"
            );
        } else if self.stale && !stale {
            info!("max_stale_s is over: access is open again");
        }
        self.stale = stale;
    }

    pub(super) fn next_expiry(&self) -> Option<Instant> {
        // What failed is tried again with the next look.
        if self.applying.is_there() {
            return None;
        }
        let left = (self.engine.next_expiry()? - Utc::now()).to_std().unwrap_or_default();
        // The clock may be set: look again now and then.
        Some(Instant::now() + left.min(LOOK_AGAIN))
    }
}
