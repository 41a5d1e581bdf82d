//! Rebuilds the crate when the web UI was built anew: `rust-embed` embeds the folder. Debug builds
//! read it from the disk, and need no other build for it.

use std::{env, fs};

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    // A debug build resolves the folder's path as it is compiled, and finds nothing in it later
    // where it was not there then.
    if let Err(error) = fs::create_dir_all("../web/dist") {
        println!("cargo:warning=web/dist cannot be made: {error}");
    }
    if env::var_os("PROFILE").is_some_and(|profile| profile == "release") {
        println!("cargo:rerun-if-changed=../web/dist");
    }
}
