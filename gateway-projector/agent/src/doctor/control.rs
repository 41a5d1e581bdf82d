//! The node's state, its agent, and the control plane.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use nexavpn_bundle::{Payload, VerifiedBundle, verify};

use super::Check;
use crate::client::{ClientError, Session};
use crate::keys::Keys;
use crate::state::{Identity, StateDir, StateError};

/// Beyond this the clocks differ enough to be looked at. The control plane's
/// header tells whole seconds, and the answer takes its time.
const CLOCK_WARNS: i64 = 3;
/// Beyond this, expiries and certificates are judged wrongly.
const CLOCK_FAILS: i64 = 60;

/// What the state directory says.
#[derive(Debug)]
pub(super) struct Known {
    identity: Result<(Identity, String), StateError>,
    bundle: Option<VerifiedBundle>,
}

impl Known {
    pub(super) fn read(state: &StateDir) -> Self {
        let identity = state.identity();
        let trusted = match &identity {
            Ok((identity, _)) => identity.trusted(state).unwrap_or_default(),
            Err(_) => Vec::new(),
        };
        let bodies = state.bundles().unwrap_or_default();
        let bundle = bodies.into_iter().find_map(|(_, body)| verify(&body, &trusted).ok());
        Self { identity, bundle }
    }

    pub(super) fn payload(&self) -> Option<&Payload> {
        self.bundle.as_ref().map(|bundle| &bundle.payload)
    }
}

pub(super) fn state(state: &StateDir, known: &Known) -> Check {
    let name = "state";
    let directory = state.path().display();
    let (identity, _) = match &known.identity {
        Ok(joined) => joined,
        Err(StateError::NotJoined(_)) => {
            return Check::warning(
                name,
                format!("{directory} holds no gateway yet"),
                "run `nexavpn-gateway join <url> <token>`",
            );
        }
        Err(error) => {
            return Check::failure(
                name,
                error.to_string(),
                "`leave`, then `join` with a new token",
            );
        }
    };
    for secret in state.secret_files() {
        let mode = secret.metadata().map(|meta| meta.permissions().mode() & 0o777);
        if let Ok(mode) = mode
            && mode & 0o077 != 0
        {
            let path = secret.display();
            return Check::failure(
                name,
                format!("{path} has mode {mode:04o}: others may have read it"),
                "`leave`, then `join` with a new token",
            );
        }
    }
    if let Some(payload) = known.payload() {
        let in_force = match Keys::read(state) {
            Ok(Some(keys)) => keys.of(payload).map(drop).map_err(|error| error.to_string()),
            Ok(None) => Err(format!("{directory} holds no private key")),
            Err(error) => Err(error.to_string()),
        };
        if let Err(why) = in_force {
            return Check::failure(name, why, "`leave`, then `join` with a new token");
        }
    }
    match &known.bundle {
        Some(bundle) => {
            let (epoch, revision) = bundle.position();
            Check::ok(name, format!("gateway {}, bundle {epoch}.{revision}", identity.name))
        }
        None => Check::warning(
            name,
            format!("gateway {} without a bundle: everything is denied", identity.name),
            "start the agent and see its log",
        ),
    }
}

pub(super) fn agent(state: &StateDir, known: &Known) -> Check {
    let name = "agent";
    if known.identity.is_err() {
        return Check::ok(name, "not needed before a join");
    }
    if state.is_locked() {
        Check::ok(name, "runs")
    } else {
        Check::warning(
            name,
            "does not run: the node stays as it is, revocations do not arrive",
            "systemctl start nexavpn-gateway, or `nexavpn-gateway run`",
        )
    }
}

/// Asks the control plane, as the agent does, and compares the clocks.
pub(super) async fn plane_and_clock(known: &Known) -> Vec<Check> {
    let name = "control_plane";
    let Ok((identity, credential)) = &known.identity else {
        return vec![Check::ok(name, "not known before a join"), clock_alone()];
    };
    let session = match Session::new(identity, credential.clone()) {
        Ok(session) => session,
        Err(error) => {
            return vec![Check::failure(name, error.to_string(), error.advice()), clock_alone()];
        }
    };
    let held = known.bundle.as_ref().map(VerifiedBundle::etag);
    let start = std::time::Instant::now();
    match session.probe(held.as_deref()).await {
        Ok(theirs) => {
            let took = start.elapsed();
            let found = format!("{} answers in {} ms", identity.url, took.as_millis());
            let clock = theirs.map_or_else(clock_alone, |theirs| compare(Utc::now(), theirs, took));
            vec![Check::ok(name, found), clock]
        }
        Err(error @ ClientError::Refused { status: 404, .. }) => {
            vec![Check::warning(name, error.to_string(), error.advice()), clock_alone()]
        }
        Err(error) => vec![Check::failure(name, error.to_string(), error.advice()), clock_alone()],
    }
}

fn compare(ours: DateTime<Utc>, theirs: DateTime<Utc>, took: Duration) -> Check {
    let name = "clock";
    let off = (ours - theirs).num_seconds();
    let slack = i64::try_from(took.as_secs()).unwrap_or(i64::MAX);
    let found = format!("{off:+} s against the control plane");
    let advice =
        "keep the clock with chrony or systemd-timesyncd: expiries and certificates go by it";
    let beyond = off.saturating_abs().saturating_sub(slack);
    if beyond <= CLOCK_WARNS {
        Check::ok(name, "agrees with the control plane")
    } else if beyond <= CLOCK_FAILS {
        Check::warning(name, found, advice)
    } else {
        Check::failure(name, found, advice)
    }
}

/// Where nobody can be asked: whether the machine itself trusts its clock.
fn clock_alone() -> Check {
    let now = Utc::now().to_rfc3339_opts(SecondsFormat::Secs, true);
    if std::path::Path::new("/run/systemd/timesync/synchronized").exists() {
        return Check::ok("clock", format!("{now}, synchronised by systemd-timesyncd"));
    }
    Check::warning(
        "clock",
        format!("{now}, compared with nobody"),
        "see that the time is right; after a join it is compared with the control plane's",
    )
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    #[test]
    fn clocks_may_differ_by_as_much_as_an_answer_takes() {
        let now = Utc::now();
        let verdict = |off, took| {
            let theirs = now + chrono::Duration::seconds(off);
            compare(now, theirs, Duration::from_secs(took)).verdict
        };
        assert_eq!(verdict(0, 0), Verdict::Ok);
        assert_eq!(verdict(3, 0), Verdict::Ok);
        assert_eq!(verdict(-4, 0), Verdict::Warning);
        assert_eq!(verdict(-4, 1), Verdict::Ok);
        assert_eq!(verdict(61, 0), Verdict::Failure);
        assert_eq!(verdict(-3600, 0), Verdict::Failure);
    }
}
