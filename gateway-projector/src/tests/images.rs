//! A fleet that goes on from a kept image, beside one that has folded everything.

use nexavpn_domain::fleet::Fleet;
use proptest::prelude::*;

use super::{
    histories::{history, time, wishes},
    rendering::bytes,
};
use crate::folded::{Folded, Image};

fn kept(folded: &Folded) -> Folded {
    let text = serde_json::to_vec(&folded.image()).unwrap();
    let image: Image = serde_json::from_slice(&text).unwrap();
    assert_eq!(image.idx(), folded.fleet().idx());
    image.restore()
}

/// Everything that a fleet says about itself.
fn told(fleet: &Fleet) -> Vec<String> {
    let bundles = fleet
        .gateways()
        .map(|(id, g)| format!("{id} {g:?} {}", String::from_utf8(bytes(fleet, id)).unwrap()));
    let devices = fleet.gateways().flat_map(|(id, _)| fleet.devices_of_gateway(id));
    let devices = devices.map(|(id, device)| {
        let access = fleet.compiled(id).map(|c| {
            let reach = (c.allowed_ips().to_vec(), c.resources().to_vec());
            (c.profile().clone(), c.routes().to_vec(), reach)
        });
        let (status, outdated) = (device.status(), device.is_outdated(Some(2)));
        format!("{id} {status:?} {outdated} {:?} {access:?}", fleet.client_profile(id))
    });
    let keys = fleet.signing_keys().iter().map(|key| format!("{key:?}"));
    bundles.chain(devices).chain(keys).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn whoever_goes_on_from_an_image_says_the_same(
        wishes in wishes(120), at in proptest::collection::vec(any::<u8>(), 120),
    ) {
        let mut whole = Folded::default();
        let mut other = Folded::default();
        for ((idx, event), at) in (1..).zip(history(&wishes)).zip(at) {
            // Now and then, as after a start.
            if at < 32 {
                other = kept(&other);
            }
            let changes = whole.apply(idx, time(idx), Ok(event.clone())).unwrap();
            prop_assert_eq!(&other.apply(idx, time(idx), Ok(event)).unwrap(), &changes);
            let image = |folded: &Folded| serde_json::to_string(&folded.image()).unwrap();
            prop_assert_eq!(image(&other), image(&whole));
            prop_assert_eq!(told(other.fleet()), told(whole.fleet()));
            for (id, gateway) in whole.fleet().gateways() {
                for applied in [0, 1, gateway.revision - 1, gateway.revision] {
                    prop_assert_eq!(other.lag(id, applied), whole.lag(id, applied));
                }
            }
        }
    }
}
