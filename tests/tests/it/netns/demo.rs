//! The demo is a promise to newcomers, so it is a test too.

#[test]
fn the_whole_path_works_with_real_packets() {
    // Test binaries lie in `deps/`, below the programs that `./test` builds.
    let exe = std::env::current_exe().unwrap();
    let binaries = exe.parent().and_then(|deps| deps.parent()).unwrap().to_owned();
    let tell = |line: &str| println!("{line}");
    if let Err(error) = nexavpn_tests::demo::run(binaries, &tell) {
        panic!("{error}");
    }
}
