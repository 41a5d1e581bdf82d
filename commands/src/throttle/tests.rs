use proptest::{collection::vec, prelude::*};

use super::*;

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).unwrap()
}

/// The networks of those who guess.
fn there(n: u32) -> Option<IpAddr> {
    Some(IpAddr::from((0x0a00_0000 + n).to_be_bytes()))
}

fn v6(text: &str) -> Option<IpAddr> {
    Some(text.parse().unwrap())
}

const HERE: Option<IpAddr> = Some(IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1)));
const ALICE: &str = "alice";

/// Attempts that fail, from so many networks in turn; how many were let through.
fn guess(throttle: &Throttle, attempts: u32, networks: u32, now: DateTime<Utc>) -> u32 {
    let tried = (0..attempts).map(|n| throttle.attempt(ALICE.into(), there(n % networks), now));
    u32::try_from(tried.filter(Result::is_ok).count()).unwrap()
}

#[test]
fn what_could_not_be_looked_up_does_not_count() {
    let throttle = Throttle::default();
    for _ in 0..=PER_ADDRESS {
        let attempt = throttle.attempt(ALICE.into(), HERE, at(0));
        throttle.withdraw(&attempt.unwrap());
    }
    assert!(throttle.memory().counts.is_empty());
}

#[test]
fn attempts_count_from_their_beginning() {
    let throttle = Throttle::default();
    for _ in 0..PER_NETWORK {
        assert!(throttle.attempt(ALICE.into(), HERE, at(0)).is_ok());
    }
    assert_eq!(throttle.attempt(ALICE.into(), HERE, at(60)).unwrap_err(), 840);
    assert!(throttle.attempt("bob".into(), HERE, at(60)).is_ok());
    assert!(throttle.attempt(ALICE.into(), HERE, at(900)).is_ok());
}

#[test]
fn the_longest_wait_is_told() {
    let throttle = Throttle::default();
    for n in 0..PER_ADDRESS - PER_NETWORK {
        assert!(throttle.attempt(format!("user {n}"), HERE, at(0)).is_ok());
    }
    for _ in 0..PER_NETWORK {
        assert!(throttle.attempt(ALICE.into(), HERE, at(300)).is_ok());
    }
    assert_eq!(throttle.attempt("bob".into(), HERE, at(600)).unwrap_err(), 300);
    assert_eq!(throttle.attempt(ALICE.into(), HERE, at(600)).unwrap_err(), 600);
}

#[test]
fn success_forgives_its_network_and_costs_nothing() {
    let throttle = Throttle::default();
    assert_eq!(guess(&throttle, 50, 50, at(0)), 50);
    for _ in 0..PER_ACCOUNT * 2 {
        let attempt = throttle.attempt(ALICE.into(), HERE, at(0)).unwrap();
        throttle.succeeded(&attempt, at(0));
    }
    let counts = &throttle.memory().counts;
    let attempts = |key: &Key| counts.get(key).map(|count| count.attempts);
    assert_eq!(attempts(&Key::Network(ALICE.into(), HERE)), None);
    assert_eq!(attempts(&Key::Address(HERE.unwrap())), None);
    assert_eq!(
        attempts(&Key::Account(ALICE.into())),
        Some(50),
        "others' failures are not forgiven"
    );
    assert_eq!(attempts(&Key::Network(ALICE.into(), there(7))), Some(1));
}

#[test]
fn guesses_from_one_network_keep_out_that_network_only() {
    let throttle = Throttle::default();
    assert_eq!(guess(&throttle, 10_000, 1, at(0)), PER_NETWORK);
    assert!(throttle.attempt(ALICE.into(), there(0), at(1)).is_err());
    // Also somebody of whom nothing is known.
    assert!(throttle.attempt(ALICE.into(), HERE, at(1)).is_ok());
}

#[test]
fn guesses_from_many_networks_have_a_limit_that_familiar_ones_do_not_have() {
    let throttle = Throttle::default();
    let attempt = throttle.attempt(ALICE.into(), HERE, at(0)).unwrap();
    throttle.succeeded(&attempt, at(0));
    assert_eq!(guess(&throttle, 20_000, 2000, at(1)), PER_ACCOUNT);
    let stranger = throttle.attempt(ALICE.into(), there(5000), at(2));
    assert_eq!(stranger.unwrap_err(), 899);
    for _ in 0..PER_NETWORK {
        assert!(throttle.attempt(ALICE.into(), HERE, at(2)).is_ok());
    }
    assert_eq!(throttle.attempt(ALICE.into(), HERE, at(2)).unwrap_err(), 900, "it has a limit too");
    // Another's home is nobody else's.
    let bob = throttle.attempt("bob".into(), there(5000), at(2)).unwrap();
    throttle.succeeded(&bob, at(2));
    assert!(throttle.attempt(ALICE.into(), there(5000), at(3)).is_err());
    assert!(throttle.attempt(ALICE.into(), there(5000), at(901)).is_ok());
}

#[test]
fn the_latest_networks_of_a_month_are_familiar() {
    let mut familiar = Familiar::default();
    let knows = |familiar: &Familiar, n, now| familiar.knows(ALICE, there(n).unwrap(), now);
    for n in [0, 1, 0, 2, 3, 4, 5, 6, 7, 8] {
        familiar.note(ALICE, there(n).unwrap(), at(i64::from(n)));
    }
    let known: Vec<u32> = (0..20).filter(|n| knows(&familiar, *n, at(10))).collect();
    assert_eq!(known, [0, 2, 3, 4, 5, 6, 7, 8], "without the one not seen for the longest time");
    let month = 30 * 24 * 3600;
    let known: Vec<u32> = (0..20).filter(|n| knows(&familiar, *n, at(month + 6))).collect();
    assert_eq!(known, [7, 8]);
}

#[test]
fn an_ipv6_network_is_one() {
    let throttle = Throttle::default();
    // Of an account the /48, whatever its /64.
    for n in 0..PER_NETWORK {
        assert!(throttle.attempt(ALICE.into(), v6(&format!("2001:db8:0:{n:x}::1")), at(0)).is_ok());
    }
    assert!(throttle.attempt(ALICE.into(), v6("2001:db8:0:ffff::1"), at(0)).is_err());
    assert!(throttle.attempt(ALICE.into(), v6("2001:db8:1::1"), at(0)).is_ok());
    // Of all accounts together the /64.
    for n in 0..PER_ADDRESS {
        let address = v6(&format!("2001:db8:7::{n:x}"));
        assert!(throttle.attempt(format!("user {n}"), address, at(0)).is_ok());
    }
    assert!(throttle.attempt("one more".into(), v6("2001:db8:7::ffff"), at(0)).is_err());
    assert!(throttle.attempt("one more".into(), v6("2001:db8:7:1::1"), at(0)).is_ok());
    // An IPv4 address in the clothes of IPv6 is one of IPv4.
    assert_eq!(network(v6("::ffff:192.0.2.1").unwrap(), SITE), HERE.unwrap());
}

#[test]
fn a_flood_of_names_does_not_forgive_the_one_under_attack_and_stays_bounded() {
    let throttle = Throttle::default();
    for _ in 0..PER_NETWORK {
        assert!(throttle.attempt(ALICE.into(), HERE, at(0)).is_ok());
    }
    for n in 0..u32::try_from(REMEMBERED).unwrap() {
        assert!(throttle.attempt(format!("nobody {n}"), there(n), at(1)).is_ok());
        assert!(throttle.memory().counts.len() <= REMEMBERED);
    }
    assert!(throttle.attempt(ALICE.into(), HERE, at(2)).is_err());
}

#[test]
fn what_is_familiar_stays_bounded() {
    let mut familiar = Familiar::default();
    for n in 0..familiar::ACCOUNTS * 2 {
        familiar.note(&format!("user {n}"), HERE.unwrap(), at(i64::try_from(n).unwrap()));
        assert!(familiar.len() <= familiar::ACCOUNTS);
    }
    let newest = format!("user {}", familiar::ACCOUNTS * 2 - 1);
    assert!(familiar.knows(&newest, HERE.unwrap(), at(30_000)));
    assert!(!familiar.knows("user 0", HERE.unwrap(), at(30_000)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever others do, whoever has signed in gets in from there again.
    #[test]
    fn nobody_keeps_out_whoever_has_signed_in_lately(
        steps in vec((0_i64..600, 0_u32..1500, 1_u32..300), 1..12),
    ) {
        let throttle = Throttle::default();
        let mut now = at(0);
        throttle.succeeded(&throttle.attempt(ALICE.into(), HERE, now).unwrap(), now);
        for (pause, attempts, networks) in steps {
            now += TimeDelta::seconds(pause);
            guess(&throttle, attempts, networks, now);
            let attempt = throttle.attempt(ALICE.into(), HERE, now);
            prop_assert!(attempt.is_ok(), "{attempt:?}");
            throttle.succeeded(&attempt.unwrap(), now);
        }
    }

    /// In any quarter of an hour, wherever it begins, there are at most the guesses of two windows.
    #[test]
    fn guesses_are_few(steps in vec((0_i64..600, 0_u32..3000, 1_u32..300), 1..12)) {
        let throttle = Throttle::default();
        let mut tried: Vec<(DateTime<Utc>, u32)> = vec![];
        let mut now = at(0);
        for (pause, attempts, networks) in steps {
            now += TimeDelta::seconds(pause);
            let let_through = guess(&throttle, attempts, networks, now);
            prop_assert!(let_through <= networks * PER_NETWORK);
            tried.push((now, let_through));
            let lately = tried.iter().filter(|(then, _)| *then + WINDOW > now);
            let lately: u32 = lately.map(|(_, count)| count).sum();
            prop_assert!(lately <= 2 * PER_ACCOUNT, "{lately}");
        }
    }

    /// Whoever waits as long as they are told is let in, and nobody a second before.
    #[test]
    fn the_wait_told_is_the_one_there_is(begin in 0_i64..5000, ask in 0_i64..890_000) {
        let throttle = Throttle::default();
        let ms = |ms| DateTime::from_timestamp_millis(ms).unwrap();
        for _ in 0..PER_NETWORK {
            prop_assert!(throttle.attempt(ALICE.into(), HERE, ms(begin)).is_ok());
        }
        let now = ms(begin + ask);
        let wait = throttle.attempt(ALICE.into(), HERE, now).unwrap_err();
        let wait = TimeDelta::seconds(wait.try_into().unwrap());
        let before = now + wait - TimeDelta::seconds(1);
        prop_assert!(throttle.attempt(ALICE.into(), HERE, before).is_err());
        prop_assert!(throttle.attempt(ALICE.into(), HERE, now + wait).is_ok());
    }
}
