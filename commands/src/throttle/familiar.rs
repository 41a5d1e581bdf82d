//! The networks from which somebody has signed in to an account lately.

use std::{collections::HashMap, net::IpAddr};

use chrono::{DateTime, TimeDelta, Utc};

use super::make_room;

/// How long a network stays familiar without another login: as long as a session does.
const LATELY: TimeDelta = TimeDelta::days(30);
/// Networks remembered of one account: those of the latest logins.
pub(super) const NETWORKS: usize = 8;
/// Accounts remembered at once; beyond it those with the oldest logins are forgotten. Nobody gets
/// in here without a password, so no stranger can fill it.
pub(super) const ACCOUNTS: usize = 10_000;

/// The networks of each account, the latest login last.
#[derive(Debug, Default)]
pub(super) struct Familiar(HashMap<String, Vec<Seen>>);

#[derive(Debug)]
struct Seen {
    network: IpAddr,
    at: DateTime<Utc>,
}

impl Familiar {
    /// Whether somebody has signed in to the account from there lately.
    pub(super) fn knows(&self, account: &str, network: IpAddr, now: DateTime<Utc>) -> bool {
        let mut seen = self.0.get(account).into_iter().flatten();
        seen.any(|seen| seen.network == network && seen.at + LATELY > now)
    }

    /// Notes that somebody has signed in to the account from there.
    pub(super) fn note(&mut self, account: &str, network: IpAddr, now: DateTime<Utc>) {
        if self.0.len() >= ACCOUNTS && !self.0.contains_key(account) {
            make_room(&mut self.0, |networks| networks.last().map(|seen| seen.at));
        }
        let networks = self.0.entry(account.to_owned()).or_default();
        networks.retain(|seen| seen.network != network && seen.at + LATELY > now);
        if networks.len() >= NETWORKS {
            networks.remove(0);
        }
        networks.push(Seen { network, at: now });
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}
