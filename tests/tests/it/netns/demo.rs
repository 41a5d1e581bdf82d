//! The demo is a promise to newcomers, so it is a test too.

#[test]
fn the_whole_path_works_with_real_packets() {
    let binaries = super::binaries();
    let tell = |line: &str| println!("{line}");
    if let Err(error) = nexavpn_tests::demo::run(binaries, &tell) {
        panic!("{error}");
    }
}
