//! The same access, reached by other policies.

use ipnetwork::IpNetwork;
use proptest::{prelude::*, sample::Index};
use uuid::Uuid;

use super::{Case, cases};
use crate::{
    access::{
        Rule,
        interval::{Family, Interval, networks},
    },
    ids::PolicyId,
    values::PolicyEffect,
};

/// Random cases, and each with other policies that come to the same access.
pub fn pairs() -> impl Strategy<Value = (Case, Case)> {
    let picks = prop::collection::vec((any::<Index>(), 0u8..5, any::<u128>()), 0..6);
    (cases(), picks, any::<u64>()).prop_map(|(case, picks, order)| {
        let other = rewritten(&case, &picks, order);
        (case, other)
    })
}

/// The same access in other words.
fn rewritten(case: &Case, picks: &[(Index, u8, u128)], order: u64) -> Case {
    let mut rules = case.rules.clone();
    // First a total order, with room for pieces right behind what they were cut from.
    rules.sort_by_key(Rule::order);
    for (age, rule) in (0..).zip(&mut rules) {
        rule.age = age << 32;
    }
    for (pick, how, id) in picks.iter().filter(|_| !case.rules.is_empty()) {
        let at = pick.index(rules.len());
        let id = PolicyId(Uuid::from_u128(*id));
        let rule = &mut rules[at];
        let mut copy = Rule { id, age: rule.age + 1, ..rule.clone() };
        match how {
            // Said twice.
            0 => {}
            // Half of the destinations elsewhere.
            1 => {
                copy.destinations = rule.destinations.split_off(rule.destinations.len() / 2);
                copy.full_tunnel = false;
            }
            // One network in two halves.
            2 => {
                let Some(network) = rule.destinations.pop() else { continue };
                rule.destinations.extend(halves(network));
                copy.destinations = vec![network];
                copy.full_tunnel = false;
            }
            // Half of the services elsewhere.
            3 if rule.services.len() > 1 => {
                copy.services = rule.services.split_off(rule.services.len() / 2);
            }
            // Behind the one that decides, nothing is left to say.
            _ => {
                copy.priority = u32::MAX;
                copy.effect = match rule.effect {
                    PolicyEffect::Allow => PolicyEffect::Deny,
                    PolicyEffect::Deny => PolicyEffect::Allow,
                };
                copy.full_tunnel = false;
                // A denial behind would be new to what the built-in opens on the gateway itself,
                // which an allow policy does not decide.
                let own: Vec<_> = case.around.gateway_addresses.iter().collect();
                copy.destinations.retain(|network| !own.iter().any(|ip| network.contains(*ip)));
            }
        }
        // Ages must differ, or the ids would order: pieces of pieces move on by one.
        for other in &mut rules {
            if other.age >= copy.age && other.age >> 32 == copy.age >> 32 {
                other.age += 1;
            }
        }
        rules.push(copy);
    }
    let turn = usize::try_from(order % (rules.len().max(1) as u64)).unwrap();
    rules.rotate_left(turn);
    rules.reverse();
    Case { rules, around: case.around.clone() }
}

fn halves(network: IpNetwork) -> Vec<IpNetwork> {
    let Interval { first, last } = Interval::of(network);
    if first == last {
        return vec![network];
    }
    let family = Family::of(network.ip());
    let middle = first + (last - first) / 2;
    let half = |first, last| networks(family, Interval { first, last });
    [half(first, middle), half(middle + 1, last)].concat()
}
