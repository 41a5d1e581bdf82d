//! A gateway's key is rotated under real clients.

#[test]
fn clients_that_know_the_next_key_go_on_and_others_after_they_have_fetched_it() {
    let tell = |line: &str| println!("{line}");
    if let Err(error) = nexavpn_tests::demo::rotate(super::binaries(), &tell) {
        panic!("{error}");
    }
}
