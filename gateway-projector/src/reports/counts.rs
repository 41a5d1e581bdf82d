//! How many reports came, since this process started.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use nexavpn_domain::ids::GatewayId;

use super::{Outcome, ReportError};

/// How many reports came, since this process started.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReportCounts {
    /// Those that were stored.
    pub accepted: u64,
    /// Those of a gateway that has applied what is not in our history.
    pub history_lost: u64,
    /// Those that cannot be right.
    pub invalid: u64,
    /// Those that could not be stored.
    pub failed: u64,
    /// How often each gateway said anew that it refused a bundle or could not apply it.
    pub rejections: HashMap<GatewayId, u64>,
}

#[derive(Debug, Default)]
pub(super) struct Counts(Mutex<ReportCounts>);

impl Counts {
    /// Plain numbers stay usable whoever panicked.
    fn with<T>(&self, f: impl FnOnce(&mut ReportCounts) -> T) -> T {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn report(&self, outcome: &Result<Outcome, ReportError>) {
        self.with(|counts| match outcome {
            Ok(Outcome::Accepted) => counts.accepted += 1,
            Ok(Outcome::HistoryLost) => counts.history_lost += 1,
            Err(ReportError::Invalid { .. } | ReportError::UnknownGateway) => counts.invalid += 1,
            Err(ReportError::NotLive | ReportError::Database(_)) => counts.failed += 1,
        });
    }

    pub(super) fn rejection(&self, id: GatewayId) {
        self.with(|counts| *counts.rejections.entry(id).or_default() += 1);
    }

    /// The counts, without the gateways that are gone, which are forgotten.
    pub(super) fn of(&self, is_there: impl Fn(GatewayId) -> bool) -> ReportCounts {
        self.with(|counts| {
            counts.rejections.retain(|id, _| is_there(*id));
            counts.clone()
        })
    }
}
