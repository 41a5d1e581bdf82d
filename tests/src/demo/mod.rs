//! The whole path with real packets, as a story that `./run demo` tells and `./test` checks.
//!
//! ```text
//!   control plane  198.51.100.1 ─┐
//!   alice (c1)    198.51.100.11 ─┤ "internet"      gateway 198.51.100.2 ── protected networks
//!   bob   (c2)    198.51.100.12 ─┘ (a bridge)               wg 100.96.0.1     172.16.20.0/24 (.53 DNS)
//!                                                                             172.16.21.0/24
//! ```
//! Each box is a network namespace; everything is removed at the end, also after a failure.

mod api;
mod client;
mod moving_over;
mod rotation;
mod story;
mod wg_easy;
mod world;

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use world::World;

/// A step that did not come out as it should.
pub type DemoError = Box<dyn std::error::Error + Send + Sync>;
type Outcome<T = ()> = Result<T, DemoError>;

/// How long anything may take before the demo has failed.
const PATIENCE: Duration = Duration::from_secs(20);
const STEP: Duration = Duration::from_millis(50);

/// Runs the demo with the binaries of a target directory (`target/debug`).
///
/// # Errors
/// The first step that did not come out as it should.
pub fn run(binaries: PathBuf, tell: &dyn Fn(&str)) -> Outcome {
    tell("Building the world: six network namespaces, a DNS server, web servers");
    let world = World::build(binaries)?;
    story::tell(world, tell)
}

/// Tells in the same world how a gateway's key is rotated.
///
/// # Errors
/// The first step that did not come out as it should.
pub fn rotate(binaries: PathBuf, tell: &dyn Fn(&str)) -> Outcome {
    rotation::tell(World::build(binaries)?, tell)
}

/// Tells in the same world how a wg-easy server moves over.
///
/// # Errors
/// The first step that did not come out as it should.
pub fn move_over(binaries: PathBuf, tell: &dyn Fn(&str)) -> Outcome {
    moving_over::tell(World::build(binaries)?, tell)
}

/// Tells in the same world how a client of wg-easy's API gets and loses its access.
///
/// # Errors
/// The first step that did not come out as it should.
pub fn speak_wg_easy(binaries: PathBuf, tell: &dyn Fn(&str)) -> Outcome {
    let variables = wg_easy::variables(&binaries)?;
    wg_easy::tell(World::build_with(binaries, &variables)?, tell)
}

/// Waits until the condition holds.
fn until(what: &str, holds: impl FnMut() -> Outcome<bool>) -> Outcome {
    until_within(what, PATIENCE, holds)
}

/// The same, for what takes its time.
fn until_within(
    what: &str,
    patience: Duration,
    mut holds: impl FnMut() -> Outcome<bool>,
) -> Outcome {
    let deadline = Instant::now() + patience;
    while !holds()? {
        if Instant::now() >= deadline {
            return Err(format!("{what}: not within {patience:?}").into());
        }
        std::thread::sleep(STEP);
    }
    Ok(())
}

/// Fails with `what` unless it holds.
fn check(what: &str, holds: bool) -> Outcome {
    if holds { Ok(()) } else { Err(format!("not so: {what}").into()) }
}
