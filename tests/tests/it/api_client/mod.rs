//! The routes for everybody: signing in, one's own devices, a gateway's node.

mod auth;
mod browser;
mod causes;
mod devices;
mod expiry;
mod node;
mod passwords;
mod profiles;
mod sessions;
mod time;
mod token_keys;

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use nexavpn_commands::Clock;
pub(crate) use profiles::read_svg;

/// A clock that a test can turn forward.
#[derive(Debug, Clone, Default)]
pub(crate) struct TurnableClock(Arc<AtomicI64>);

impl TurnableClock {
    pub(crate) fn forward(&self, by: TimeDelta) {
        self.0.fetch_add(by.num_seconds(), Ordering::SeqCst);
    }
}

impl Clock for TurnableClock {
    fn now(&self) -> DateTime<Utc> {
        let ahead = TimeDelta::seconds(self.0.load(Ordering::SeqCst));
        (Utc::now() + ahead).trunc_subsecs(6)
    }
}
