//! A client of wg-easy goes on with its old profile.

#[test]
fn a_client_of_wg_easy_goes_on_with_the_profile_that_it_has() {
    let tell = |line: &str| println!("{line}");
    if let Err(error) = nexavpn_tests::demo::move_over(super::binaries(), &tell) {
        panic!("{error}");
    }
}
