//! What becomes of fetched bundles.

use nexavpn_bundle::{Applied, BundleError, Rejected, SigningKeyChain, is_delta};
use rand::Rng;
use tokio::time::Instant;
use tracing::{debug, error, info, warn};

use super::{Agent, Outcome};
use crate::client::{ClientError, Fetched};
use crate::contact::since_boot;
use crate::engine::{ApplyError, Offer, applied};

/// The reason code of a bundle that was believed and could not be applied.
pub(super) const APPLY_FAILED: &str = "apply_failed";

impl<R: Rng> Agent<R> {
    pub(super) fn take(&mut self, fetched: Result<Fetched, ClientError>) -> Outcome {
        let (body, chain) = match fetched {
            Ok(Fetched::NotModified) => {
                self.heard();
                // What cannot be applied is not cured by an answer.
                self.rejected = self.rejected.take().filter(|old| old.reason_code == APPLY_FAILED);
                return Outcome::Content;
            }
            Ok(Fetched::Bundle { body, chain }) => (body, chain),
            Err(error) => {
                self.metrics.fetch_failed();
                if self.fetching.again(&error.kind()) {
                    let (advice, held) = (error.advice(), self.held());
                    warn!(%error, advice, held, "cannot fetch bundles, enforcing the one held");
                } else {
                    debug!(%error, "still cannot fetch");
                }
                return Outcome::Failed;
            }
        };
        if let Some(chain) = chain {
            self.follow(&chain);
        }
        match self.engine.offer(&body) {
            Ok(Offer::Accepted) => {
                self.heard();
                self.rejected = None;
                self.whole = false;
                Outcome::News
            }
            Ok(Offer::Held) => {
                self.heard();
                Outcome::Content
            }
            // Whatever is wrong with a delta, the whole bundle may be right.
            Ok(Offer::Refused { reason, .. }) if is_delta(&body) && !self.whole => {
                info!(%reason, "a delta is of no use here, asking for the whole bundle");
                self.whole = true;
                Outcome::News
            }
            Ok(Offer::Refused { reason, known }) => {
                self.refuse(&reason, known);
                Outcome::Refused
            }
            Err(error) => {
                if self.fetching.again("not kept") {
                    let advice = "make room on the disk, or the directory writable";
                    error!(%error, advice, "cannot keep a new bundle, it is not applied");
                }
                Outcome::Failed
            }
        }
    }

    /// Trusts the signing keys that one that is trusted has handed over to.
    fn follow(&mut self, chain: &SigningKeyChain) {
        match self.engine.follow(chain) {
            Ok(next) => {
                for key in next {
                    info!(key, "trusts a new signing key, which the one before it has signed");
                }
            }
            Err(error) => error!(%error, "cannot keep a new signing key, it is not trusted"),
        }
    }

    /// There was an authenticated answer, and nothing to complain of.
    fn heard(&mut self) {
        self.contact.made(since_boot());
        if let Some(attempts) = self.fetching.over() {
            info!(attempts, "the control plane answers again");
        }
        if let Some(attempts) = self.refusing.over() {
            info!(attempts, "bundles are accepted again");
        }
    }

    fn refuse(&mut self, reason: &BundleError, known: Option<Applied>) {
        let code = reason.reason_code();
        self.metrics.rejected(code);
        if self.refusing.again(&reason.to_string()) {
            let (advice, held) = (advice(reason), self.held());
            warn!(code, %reason, advice, held, "refused a bundle, enforcing the one held");
        } else {
            debug!(code, %reason, "refused again");
        }
        self.reject(Rejected {
            epoch: known.as_ref().map(|known| known.epoch),
            revision: known.as_ref().map(|known| known.revision),
            sha256: known.map(|known| known.sha256),
            reason_code: code.to_owned(),
            reason: reason.to_string(),
        });
    }

    pub(super) fn not_applied(&mut self, error: &ApplyError) {
        self.metrics.apply_failed();
        if self.applying.again(&error.to_string()) {
            let advice = error.advice();
            error!(%error, advice, held = self.held(), "cannot apply the bundle, trying again");
        } else {
            debug!(%error, "still cannot apply");
        }
        let held = self.engine.held().map(applied);
        self.reject(Rejected {
            epoch: held.as_ref().map(|held| held.epoch),
            revision: held.as_ref().map(|held| held.revision),
            sha256: held.map(|held| held.sha256),
            reason_code: APPLY_FAILED.to_owned(),
            reason: error.to_string(),
        });
    }

    /// Reports a new reason at once, the same one again with the next report.
    fn reject(&mut self, rejected: Rejected) {
        if self.rejected.as_ref() != Some(&rejected) {
            self.next_report = Instant::now();
        }
        self.rejected = Some(rejected);
    }

    /// The position of the bundle held, for the log.
    fn held(&self) -> Option<String> {
        let (epoch, revision) = self.engine.held()?.position();
        Some(format!("{epoch}.{revision}"))
    }
}

/// What an operator can do about a refused bundle.
fn advice(reason: &BundleError) -> &'static str {
    match reason {
        BundleError::RolledBack { .. } | BundleError::Conflict { .. } => {
            "the control plane has lost history: see `nexavpn restore accept` there"
        }
        BundleError::UnknownKey(_) => {
            "the control plane signs with a key that this node does not know: `leave`, then `join` again"
        }
        BundleError::UnknownGatewayKey(_) => {
            "the gateway's key was changed to one that this node does not have: `leave`, then `join` again"
        }
        BundleError::WrongGateway(_) => "the control plane mixes gateways up: see its log",
        BundleError::UnsupportedFormat(_) => "upgrade this agent",
        BundleError::OtherBase { .. }
        | BundleError::Malformed(_)
        | BundleError::BadHash
        | BundleError::BadSignature
        | BundleError::NotCanonical
        | BundleError::Invalid(_) => {
            "look at proxies in between, and at the versions of agent and control plane"
        }
    }
}
