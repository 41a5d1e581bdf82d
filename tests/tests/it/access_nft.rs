//! What policies mean, three times: by the evaluator, by a naive reference, and by what a real
//! kernel does with real packets once it has loaded the rendered ruleset.
//!
//! The random cases are the same in every run. `PROPTEST_RNG_SEED=<number>` makes others,
//! `PROPTEST_CASES=<number>` more of them.

mod bench;
mod netns;
mod random;
mod scenario;
mod wire;

use nexavpn_bundle::Payload;
use nexavpn_domain::{
    Event,
    access::testing::{self, Case},
    fleet::Fleet,
    values::Target,
};
use proptest::{prelude::*, test_runner::RngSeed};
use scenario::{device, enrolled, fold, gateway_created, in_order, payload, policy_created};
use scenario::{user, user_created};

/// So many cases, the same ones unless the environment says otherwise.
fn config(cases: u32) -> ProptestConfig {
    let mut config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = cases;
    }
    if config.rng_seed == RngSeed::Random {
        config.rng_seed = RngSeed::Fixed(20_261_121);
    }
    println!("PROPTEST_RNG_SEED={} PROPTEST_CASES={}", config.rng_seed, config.cases);
    config
}

/// One device for each of the cases, which are at the same gateway.
fn bundle_of(cases: &[&Case]) -> Payload {
    let Event::Gateway(_, nexavpn_domain::gateway::GatewayEvent::Created { fields }) =
        gateway_created(&cases[0].around)
    else {
        unreachable!("that is what it makes");
    };
    let mut events = vec![gateway_created(&cases[0].around)];
    for (n, case) in cases.iter().enumerate() {
        events.push(user_created(n));
        events.push(enrolled(n, n, &fields.pool));
        for (i, rule) in in_order(case.rules.clone()).into_iter().enumerate() {
            // Ids are by order of creation within a case.
            let id = uuid::Uuid::from_u128(((n + 1) as u128) << 32 | i as u128).into();
            let target = if n == 0 { Target::User(user(n)) } else { Target::Device(device(n)) };
            events.push(policy_created(&nexavpn_domain::access::Rule { id, ..rule }, target));
        }
    }
    let mut fleet = Fleet::default();
    fold(&mut fleet, &events);
    payload(&fleet)
}

proptest! {
    #![proptest_config(config(256))]

    #[test]
    fn equal_access_by_other_policies_is_the_same_profile((one, two) in testing::pairs()) {
        let both = bundle_of(&[&one, &two]);
        prop_assert_eq!(&both.devices[0].profile, &both.devices[1].profile);
        prop_assert_eq!(both.profiles.len(), 1);
        let bytes = |bundle: &Payload| serde_json::to_vec(&bundle.profiles).unwrap();
        prop_assert_eq!(bytes(&bundle_of(&[&one])), bytes(&bundle_of(&[&two])));
        prop_assert_eq!(bytes(&bundle_of(&[&one])), bytes(&both));
    }
}
