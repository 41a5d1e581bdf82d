//! Rebuilds the crate when the web UI was built anew: `rust-embed` embeds the folder. Debug builds
//! read it from the disk, and need no other build for it.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if std::env::var_os("PROFILE").is_some_and(|profile| profile == "release") {
        println!("cargo:rerun-if-changed=../web/dist");
    }
}
