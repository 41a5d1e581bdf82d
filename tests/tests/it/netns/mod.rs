//! Scenarios in network namespaces, which need root.

mod demo;
mod moving_over;
mod rotation;
mod wg_easy;

use std::path::PathBuf;

/// Where `./test` builds the programs: test binaries lie in `deps/` below.
fn binaries() -> PathBuf {
    let exe = std::env::current_exe().unwrap();
    exe.parent().and_then(|deps| deps.parent()).unwrap().to_owned()
}
