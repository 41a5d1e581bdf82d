//! Random packets through a real kernel. See [`super`].

use std::{cell::RefCell, collections::HashMap, fmt::Write as _, net::IpAddr};

use nexavpn_domain::{
    access::{Decision, testing},
    fleet::Fleet,
    values::Protocol,
};
use proptest::test_runner::{TestCaseError, TestRunner};

use super::{
    bench::{Arrived, Bench, Side},
    config,
    random::scenarios,
    scenario::{SENDERS, Scenario, device, fold, payload},
    wire::{Crafted, Kind, Seen},
};

/// What was seen, over all cases.
#[derive(Debug, Default)]
struct Tally {
    probes: usize,
    /// By family and verdict.
    by_verdict: HashMap<(&'static str, bool), usize>,
    /// Those to the gateway itself that were answered.
    answered: usize,
    /// Those that another device got.
    to_devices: usize,
    from_no_peer: usize,
    port: u16,
}

impl Tally {
    /// A source port that was not used before, as long as there are any.
    fn next_port(&mut self) -> u16 {
        self.port = self.port.checked_add(1).unwrap_or(1024).max(1024);
        self.port
    }
}

/// The probes as packets, each in a flow of its own.
fn openings(scenario: &Scenario, tally: &mut Tally) -> Vec<Crafted> {
    let probes = (1..).zip(&scenario.probes);
    probes
        .map(|(number, (n, packet))| Crafted {
            src: scenario.source(*n, packet.dst),
            dst: packet.dst,
            protocol: packet.protocol,
            src_port: tally.next_port(),
            dst_port: packet.port.unwrap_or_default(),
            number,
            kind: Kind::Opening,
        })
        .collect()
}

/// The decisions of reference and evaluator; `None` where the device is no peer.
fn decisions(scenario: &Scenario, fleet: &Fleet) -> Vec<[Option<Decision>; 2]> {
    let rules: Vec<_> = (0..SENDERS).map(|n| scenario.rules_of(n)).collect();
    let of = |(n, packet): &(usize, _)| {
        let reference = rules[*n].as_ref();
        let reference = reference.map(|r| testing::decide(r, &scenario.around, packet));
        let peer = fleet.device(device(*n)).is_some_and(|device| device.peer().is_some());
        let access = fleet.access(device(*n)).filter(|_| peer);
        [reference, access.map(|access| access.decide(packet))]
    };
    scenario.probes.iter().map(of).collect()
}

/// Whether a packet from a device went where it wanted: on, or to the gateway itself.
fn passed(sent: &Crafted, own: &[IpAddr], arrived: &Arrived) -> bool {
    let anywhere = || arrived.outside.iter().chain(&arrived.at_devices);
    if own.contains(&sent.dst) {
        assert!(!anywhere().any(|seen| seen.is(sent)), "{sent:?} was addressed to the gateway");
        return arrived.at_devices.iter().any(|seen| seen.answers(sent));
    }
    anywhere().any(|seen| seen.is(sent))
}

/// Lists the probes about which the three differ, where `what` of them was sent.
fn disagreements(
    what: &str,
    scenario: &Scenario,
    said: &[[Option<Decision>; 2]],
    passed: &[bool],
) -> Result<(), TestCaseError> {
    let mut list = String::new();
    let mut count = 0;
    for (i, ((n, packet), [reference, evaluator])) in scenario.probes.iter().zip(said).enumerate() {
        let allowed = reference.is_some_and(|decision| decision.allowed);
        if reference == evaluator && passed[i] == allowed {
            continue;
        }
        count += 1;
        if count > 5 {
            continue;
        }
        let words = |decision: &Option<Decision>| match decision {
            None => "no peer".to_owned(),
            Some(d) => format!("{} by {}", if d.allowed { "allowed" } else { "denied" }, d.by),
        };
        let kernel = if passed[i] { "let pass" } else { "dropped" };
        let _ = writeln!(
            list,
            "{:?} to {} {} port {:?}\n  reference: {}\n  evaluator: {}\n  kernel: {kernel}",
            device(*n),
            packet.dst,
            packet.protocol,
            packet.port,
            words(reference),
            words(evaluator),
        );
    }
    if count == 0 {
        Ok(())
    } else {
        Err(TestCaseError::fail(format!("{count} {what} differ\n{list}")))
    }
}

fn run(cases: u32, probes: usize, check: impl Fn(&Scenario) -> Result<(), TestCaseError>) -> u32 {
    let config = proptest::test_runner::Config { max_shrink_iters: 400, ..config(cases) };
    let mut runner = TestRunner::new(config.clone());
    let result = runner.run(&scenarios(probes), |scenario| check(&scenario));
    if let Err(error) = result {
        panic!("{error}");
    }
    config.cases
}

#[test]
fn evaluator_reference_and_kernel_agree_on_every_packet() {
    let bench = Bench::new();
    let tally = RefCell::new(Tally::default());
    let cases = run(140, 120, |scenario| {
        let mut fleet = Fleet::default();
        fold(&mut fleet, &scenario.events());
        bench.load(&payload(&fleet));
        let tally = &mut *tally.borrow_mut();
        let packets = openings(scenario, tally);
        let arrived = bench.exchange(Side::Devices, &packets);
        let own: Vec<IpAddr> = scenario.pool.gateway_addresses().iter().collect();
        let passed: Vec<bool> = packets.iter().map(|sent| passed(sent, &own, &arrived)).collect();
        let said = decisions(scenario, &fleet);
        disagreements("packets", scenario, &said, &passed)?;

        tally.probes += packets.len();
        tally.from_no_peer += said.iter().filter(|[reference, _]| reference.is_none()).count();
        for (sent, passed) in packets.iter().zip(passed) {
            let family = if sent.dst.is_ipv4() { "IPv4" } else { "IPv6" };
            *tally.by_verdict.entry((family, passed)).or_default() += 1;
            let got = |seen: &Seen| seen.is(sent);
            tally.answered += usize::from(passed && own.contains(&sent.dst));
            tally.to_devices += usize::from(arrived.at_devices.iter().any(got));
        }
        Ok(())
    });
    let tally = tally.into_inner();
    println!("{tally:?}");
    // A run of fewer cases cannot have as much of everything.
    if cases >= 140 {
        assert!(tally.probes >= 10_000, "{tally:?}");
        assert_eq!(tally.by_verdict.len(), 4);
        assert!(tally.by_verdict.values().all(|count| *count > 500), "{tally:?}");
        assert!(tally.answered > 50 && tally.to_devices > 50 && tally.from_no_peer > 50);
    }
}

#[test]
fn answers_pass_and_nothing_else_comes_in_and_running_flows_are_judged_anew() {
    let bench = Bench::new();
    let tally = RefCell::new(Tally::default());
    let cut = RefCell::new(0);
    run(40, 60, |scenario| {
        let tally = &mut *tally.borrow_mut();
        let own: Vec<IpAddr> = scenario.pool.gateway_addresses().iter().collect();
        // Answers come from outside: leave out what the gateway or another device answers.
        let mut scenario = scenario.clone();
        let inside = |ip| scenario.pool.networks().any(|network| network.contains(ip));
        let mut probes = scenario.probes.clone();
        probes.retain(|(_, packet)| !inside(packet.dst));
        scenario.probes = probes;

        let mut fleet = Fleet::default();
        fold(&mut fleet, &scenario.events());
        bench.load(&payload(&fleet));
        let packets = openings(&scenario, tally);
        let answers: Vec<Crafted> = packets.iter().copied().map(Crafted::answer).collect();
        let before = decisions(&scenario, &fleet);
        let through = |bench: &Bench| -> [Vec<bool>; 2] {
            let out = bench.exchange(Side::Devices, &packets);
            let out = packets.iter().map(|sent| passed(sent, &own, &out)).collect();
            let back = bench.exchange(Side::Outside, &answers).at_devices;
            let came = |sent: &Crafted| back.iter().any(|seen| seen.is(sent));
            [out, answers.iter().map(came).collect()]
        };
        let [out, back] = through(&bench);
        disagreements("packets", &scenario, &before, &out)?;
        disagreements("answers", &scenario, &before, &back)?;

        // Connections towards devices, from the same places.
        let unasked: Vec<Crafted> = answers
            .iter()
            .filter(|one| matches!(one.protocol, Protocol::TCP | Protocol::UDP))
            .map(|one| {
                let src_port = tally.next_port();
                Crafted { src_port, dst_port: 22, kind: Kind::Opening, ..*one }
            })
            .collect();
        let came_in = bench.exchange(Side::Outside, &unasked).at_devices;
        if let Some(seen) = came_in.iter().find(|seen| unasked.iter().any(|one| seen.is(one))) {
            return Err(TestCaseError::fail(format!("came in unasked: {seen:?}")));
        }

        // Less access from now on, in both directions of the same flows; for some more, where a
        // deny policy was among those that went.
        let (less, events) = scenario.halved();
        fold(&mut fleet, &events);
        bench.reload(&payload(&fleet));
        let after = decisions(&less, &fleet);
        let [out, back] = through(&bench);
        disagreements("packets of running flows", &less, &after, &out)?;
        disagreements("answers in running flows", &less, &after, &back)?;
        let is_cut = |(a, b): &(&[Option<Decision>; 2], &[Option<Decision>; 2])| {
            let allowed = |said: &[Option<Decision>; 2]| said[0].is_some_and(|d| d.allowed);
            allowed(a) && !allowed(b)
        };
        *cut.borrow_mut() += before.iter().zip(&after).filter(is_cut).count();
        Ok(())
    });
    println!("{} running flows were cut", cut.borrow());
    assert!(*cut.borrow() > 0 || std::env::var_os("PROPTEST_CASES").is_some());
}
