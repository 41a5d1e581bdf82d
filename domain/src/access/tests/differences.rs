//! What is gained and lost, packet by packet against the decisions themselves.

use ipnetwork::IpNetwork;
use proptest::{prelude::*, sample::Index};

use super::random::{config, fewest};
use crate::access::{
    Access, DecidedBy, Difference, Direction, Packet, Part,
    testing::{self, Case},
};

/// A case, and what became of it: some policies taken away, some added, perhaps elsewhere.
fn changed() -> impl Strategy<Value = (Case, Case)> {
    let taken = prop::collection::vec(any::<Index>(), 0..3);
    (testing::cases(), testing::cases(), taken, 0u8..8).prop_map(|(before, other, taken, how)| {
        let mut after = before.clone();
        for index in taken.iter().filter(|_| !before.rules.is_empty()) {
            if !after.rules.is_empty() {
                after.rules.remove(index.index(after.rules.len()));
            }
        }
        after.rules.extend(other.rules.into_iter().take(usize::from(how % 4)));
        if how >= 6 {
            after.around = other.around;
        }
        (before, after)
    })
}

fn probed() -> impl Strategy<Value = (Case, Case, Vec<Packet>, u8)> {
    changed().prop_flat_map(|(before, after)| {
        let probes = (testing::probes(&before, 60), testing::probes(&after, 60));
        let probes = probes.prop_map(|(one, two)| [one, two].concat());
        (Just(before), Just(after), probes, 0u8..8)
    })
}

/// The one part that a packet is in.
fn part_of<'a>(parts: &'a [Part], packet: &Packet) -> Option<&'a Part> {
    let mut found = parts.iter().filter(|part| part.contains(packet));
    let part = found.next();
    assert_eq!(found.next(), None, "{packet:?} is in two parts");
    part
}

fn decided(access: Option<&Access>, packet: &Packet) -> (bool, Option<DecidedBy>) {
    let decision = access.map(|access| access.decide(packet));
    (decision.is_some_and(|d| d.allowed), decision.map(|d| d.by))
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_difference_is_what_decisions_differ_in((before, after, packets, peer) in probed()) {
        let (before, after) = (before.access(), after.access());
        // Sometimes the device is no peer, before or afterwards.
        let (before, after) = ((peer != 0).then_some(&before), (peer != 1).then_some(&after));
        let difference = Difference::between(before, after);
        let direction = Direction::between(before, after);
        prop_assert_eq!(direction.gains, !difference.gained.is_empty());
        prop_assert_eq!(direction.loses, !difference.lost.is_empty());
        for packet in packets {
            let ((was, before), (is, after)) = (decided(before, &packet), decided(after, &packet));
            // The gateway answers echo by itself: nothing comes or goes with policies.
            if [before, after].contains(&Some(DecidedBy::BuiltInEcho)) {
                continue;
            }
            let gained = part_of(&difference.gained, &packet);
            let lost = part_of(&difference.lost, &packet);
            prop_assert_eq!((gained.is_some(), lost.is_some()), (is && !was, was && !is), "{:?}", packet);
            for part in gained.into_iter().chain(lost) {
                prop_assert_eq!((part.before, part.after), (before, after), "{:?}", packet);
            }
        }
    }

    #[test]
    fn a_difference_is_in_the_fewest_networks((before, after) in changed()) {
        let (before, after) = (before.access(), after.access());
        let Difference { gained, lost } = Difference::between(Some(&before), Some(&after));
        for list in [gained, lost] {
            for one in &list {
                let same = |part: &&Part| {
                    (&part.services, part.before, part.after)
                        == (&one.services, one.before, one.after)
                };
                let mut alike: Vec<IpNetwork> =
                    list.iter().filter(same).map(|part| part.network).collect();
                alike.sort_by_key(|network| (network.is_ipv6(), network.ip()));
                prop_assert!(fewest(&alike), "{:?}", alike);
                prop_assert!(!one.services.is_empty());
            }
        }
    }

    #[test]
    fn nothing_changes_between_equal_accesses((one, two) in testing::pairs()) {
        let (one, two) = (one.access(), two.access());
        let difference = Difference::between(Some(&one), Some(&two));
        prop_assert_eq!(difference, Difference::default());
    }
}
