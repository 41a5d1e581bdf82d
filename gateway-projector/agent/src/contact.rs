//! How long the control plane has been silent, for `max_stale_s`.
//!
//! Time is counted since the machine's boot: nobody can set that clock, and it
//! goes on while the machine sleeps. The last contact is kept on disk with the
//! id of the boot, so that restarting the agent does not make old news fresh.
//! After a reboot the start counts as a contact: a node could not come back by
//! itself in an outage otherwise.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};
use tracing::debug;

use crate::state::StateDir;

/// The last contact is written at most this often; so much of the silence may
/// be forgotten over a restart.
const WRITE_EVERY: Duration = Duration::from_secs(1);

/// The time since the machine's boot, sleep included. It never goes back.
#[must_use]
pub fn since_boot() -> Duration {
    // The clock is there on every Linux; without it no silence is counted.
    clock_gettime(ClockId::CLOCK_BOOTTIME).map(Duration::from).unwrap_or_default()
}

/// What tells one boot of the machine from another.
#[must_use]
pub fn boot_id() -> String {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    text.trim().to_owned()
}

/// The last contact as it is kept on disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// The boot in which it was.
    pub boot_id: String,
    /// When, in milliseconds since that boot.
    pub since_boot_ms: u64,
}

/// The last authenticated 200 or 304.
#[derive(Debug)]
pub struct Contact {
    boot_id: String,
    last: Duration,
    written: Option<Duration>,
}

impl Contact {
    /// Goes on from what was kept in the same boot; otherwise `now` counts as a contact.
    #[must_use]
    pub fn resume(kept: Option<Kept>, boot_id: String, now: Duration) -> Self {
        let last = kept
            .filter(|kept| kept.boot_id == boot_id && !boot_id.is_empty())
            .map(|kept| Duration::from_millis(kept.since_boot_ms))
            // A time to come is none.
            .filter(|last| *last <= now);
        Self { boot_id, last: last.unwrap_or(now), written: None }
    }

    /// The control plane has answered at `now`.
    pub fn made(&mut self, now: Duration) {
        self.last = now;
    }

    /// When it last answered, since boot.
    #[must_use]
    pub fn last(&self) -> Duration {
        self.last
    }

    /// How long it has been silent.
    #[must_use]
    pub fn silence(&self, now: Duration) -> Duration {
        now.saturating_sub(self.last)
    }

    /// Keeps the last contact on disk. Failing at that is not worth more than
    /// a line: a restart then counts from itself.
    pub fn keep(&mut self, state: &StateDir) {
        let due = |written| self.last.saturating_sub(written) >= WRITE_EVERY;
        if !self.written.is_none_or(due) {
            return;
        }
        self.written = Some(self.last);
        let since_boot_ms = u64::try_from(self.last.as_millis()).unwrap_or(u64::MAX);
        let kept = Kept { boot_id: self.boot_id.clone(), since_boot_ms };
        if let Err(error) = state.save_contact(&kept) {
            debug!(%error, "cannot keep the time of the last contact");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_restart_goes_on_counting_and_a_reboot_starts_anew() {
        let kept =
            |boot: &str, at: u64| Some(Kept { boot_id: boot.to_owned(), since_boot_ms: at * 1000 });
        for (kept, boot, silence) in [
            (kept("a", 40), "a", 60),
            (kept("b", 40), "a", 0),
            (kept("a", 101), "a", 0),
            (kept("", 40), "", 0),
            (None, "a", 0),
        ] {
            let contact = Contact::resume(kept.clone(), boot.to_owned(), s(100));
            assert_eq!(contact.silence(s(100)), s(silence), "{kept:?} in {boot}");
        }
    }

    #[test]
    fn an_answer_ends_the_silence() {
        let mut contact = Contact::resume(None, "a".to_owned(), s(5));
        assert_eq!(contact.silence(s(9)), s(4));
        contact.made(s(9));
        assert_eq!(contact.silence(s(9)), s(0));
        assert_eq!(contact.silence(s(8)), s(0));
    }

    #[test]
    fn the_clock_of_the_boot_runs() {
        assert!(since_boot() > s(0) && !boot_id().is_empty());
    }
}
