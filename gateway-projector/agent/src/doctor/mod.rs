//! `doctor`: looks whether this node can be a gateway, or why it is none. It
//! changes nothing, and works before a join too.

mod control;
mod firewalls;
mod network;
mod node;

use std::fmt::Write;
use std::path::Path;

use serde::Serialize;

use crate::engine::Options;
use crate::state::StateDir;

/// What a check came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// The node works, but not as well or as surely as it could.
    Warning,
    /// The node cannot work like this.
    Failure,
}

/// One line of the result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was looked at. Names are stable.
    pub name: &'static str,
    /// What it came to.
    pub verdict: Verdict,
    /// What was found.
    pub found: String,
    /// What to do about it; empty where nothing is to be done.
    pub advice: String,
}

impl Check {
    fn ok(name: &'static str, found: impl Into<String>) -> Self {
        Self { name, verdict: Verdict::Ok, found: found.into(), advice: String::new() }
    }

    fn warning(name: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { name, verdict: Verdict::Warning, found: found.into(), advice: advice.into() }
    }

    fn failure(name: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { name, verdict: Verdict::Failure, found: found.into(), advice: advice.into() }
    }
}

/// Runs every check, with the options that `run` would have.
pub async fn examine(directory: &Path, options: &Options) -> Vec<Check> {
    let state = StateDir::at(directory);
    let known = control::Known::read(&state);
    let names = network::Names::of(&state, options, known.payload());
    let mut checks = vec![
        node::privileges(),
        node::nft().await,
        node::wireguard(options.kind).await,
        node::ip().await,
        node::forwarding("ip_forward", node::FORWARD_V4, true),
        node::forwarding("ip6_forward", node::FORWARD_V6, names.has_v6()),
        control::state(&state, &known),
        control::agent(&state, &known),
    ];
    checks.extend(control::plane_and_clock(&known).await);
    checks.push(network::mtu(&names).await);
    checks.push(network::interface(&names).await);
    checks.push(network::port(&names).await);
    checks.extend(firewalls::tables(&names).await);
    checks
}

/// The checks as lines for people, failures last so that they stay in sight.
#[must_use]
pub fn render(checks: &[Check]) -> String {
    let mut sorted: Vec<&Check> = checks.iter().collect();
    sorted.sort_by_key(|check| check.verdict);
    let mut text = String::new();
    for Check { name, verdict, found, advice } in sorted {
        let verdict = match verdict {
            Verdict::Ok => "ok",
            Verdict::Warning => "warning",
            Verdict::Failure => "FAILURE",
        };
        let _ = write!(text, "{verdict:<8} {name:<14} {found}");
        if !advice.is_empty() {
            let _ = write!(text, "; {advice}");
        }
        text.push('\n');
    }
    text
}

/// Whether anything failed.
#[must_use]
pub fn fails(checks: &[Check]) -> bool {
    checks.iter().any(|check| check.verdict == Verdict::Failure)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_check_is_one_line_and_failures_come_last() {
        let checks = [
            Check::failure("nft", "not found", "install nftables"),
            Check::ok("ip_forward", "on"),
            Check::warning("clock", "cannot tell", "run chrony"),
        ];
        let text = render(&checks);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 3);
        assert_eq!(lines[0], "ok       ip_forward     on");
        assert_eq!(lines[2], "FAILURE  nft            not found; install nftables");
        assert!(fails(&checks) && !fails(&checks[1..]));
    }
}
