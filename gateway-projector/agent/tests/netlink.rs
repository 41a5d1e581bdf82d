//! Changes by netlink against the same changes by `nft -f`: what the kernel has afterwards is the
//! same.
//!
//! All choices come from one number, which is printed. `NEXAVPN_NETLINK_SEED` takes it again.

mod support;

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::os::unix::fs::PermissionsExt as _;

use nexavpn_bundle::{Device, Payload, PortBox, Profile, validate};
use nexavpn_gateway::desired::{DeviceMaps, device_maps};
use nexavpn_gateway::firewall::{Firewall, Nftables};
use nexavpn_gateway::netfilter::batch::Batch;
use nexavpn_gateway::netfilter::changes;
use nexavpn_gateway::netfilter::exchange::{Committed, Exchange};
use nexavpn_gateway::nft::{self, NftNames};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::Value;
use support::net::Namespace;
use support::{World, empty_payload, key_of, namespace, open, port_box, read, tcp_ports};

const TABLE: &str = "nexavpn";
const STEPS: usize = 40;

fn names() -> NftNames {
    NftNames::default()
}

fn commit(batch: Batch) -> io::Result<Committed> {
    Exchange::default().commit(batch)
}

/// Some disjoint ranges out of 0 to `last`, often at its ends, of one value, or a prefix's.
fn ranges(rng: &mut StdRng, most: usize, last: u128) -> Vec<(u128, u128)> {
    let mut cuts: Vec<u128> = (0..2 * rng.random_range(0..=most))
        .map(|_| match rng.random_range(0..6) {
            0 => 0,
            1 => last,
            2 => rng.random_range(0..=last.min(300)),
            _ => rng.random_range(0..=last),
        })
        .collect();
    cuts.sort_unstable();
    let mut ranges: Vec<(u128, u128)> = Vec::new();
    for pair in cuts.chunks_exact(2) {
        let host = (1 << rng.random_range(0..16)) - 1;
        let (start, end) = match rng.random_range(0..5) {
            0 => (pair[0], pair[0]),
            1 if pair[0] | host <= pair[1] => (pair[0] & !host, pair[0] | host),
            _ => (pair[0], pair[1]),
        };
        if ranges.last().is_none_or(|before| before.1 < start) {
            ranges.push((start, end));
        }
    }
    ranges
}

fn v4(value: u128) -> String {
    Ipv4Addr::from(u32::try_from(value).unwrap()).to_string()
}

fn v6(value: u128) -> String {
    Ipv6Addr::from(value).to_string()
}

fn texts(ranges: &[(u128, u128)], text: fn(u128) -> String) -> Vec<String> {
    ranges.iter().map(|(start, end)| format!("{}-{}", text(*start), text(*end))).collect()
}

/// Some protocols and ports: some of TCP and UDP alone, others of anything.
fn services(rng: &mut StdRng) -> Vec<[String; 2]> {
    let mut services = Vec::new();
    if rng.random_bool(0.7) {
        for proto in ["6", "17"] {
            let ports = texts(&ranges(rng, 3, 65535), |port| port.to_string());
            services.extend(ports.into_iter().map(|ports| [proto.to_owned(), ports]));
        }
        // ICMP, or a tunnel, beside them.
        if rng.random_bool(0.3) {
            services
                .push([*["1", "41", "58"].choose(rng).unwrap(), "0-65535"].map(ToOwned::to_owned));
        }
        return services;
    }
    for (first, last) in ranges(rng, 2, 255) {
        let proto = if first == last { first.to_string() } else { format!("{first}-{last}") };
        let ports = texts(&ranges(rng, 3, 65535), |port| port.to_string());
        services.extend(ports.into_iter().map(|ports| [proto.clone(), ports]));
    }
    services
}

/// One family of a profile: no address is open in two ways. In most of them all addresses with
/// ports have the same ones, or half of them.
fn family(
    rng: &mut StdRng,
    last: u128,
    address: fn(u128) -> String,
) -> (Vec<String>, Vec<PortBox>) {
    let (mut open, mut boxes) = (Vec::new(), Vec::new());
    let (common, own) = (services(rng), rng.random_bool(0.4));
    for range in ranges(rng, 20, last) {
        if rng.random_bool(0.5) {
            open.push(range);
            continue;
        }
        let mut chosen = if own { services(rng) } else { common.clone() };
        if !own && rng.random_bool(0.5) {
            chosen.truncate(chosen.len() / 2);
        }
        let dst = &texts(&[range], address)[0];
        boxes.extend(chosen.iter().map(|[proto, ports]| port_box(dst, proto, ports)));
    }
    let mut open = texts(&open, address);
    // In the order of their texts, as the control plane has them.
    open.sort();
    boxes.sort_by_key(|PortBox { dst, proto, ports }| [dst, proto, ports].map(Clone::clone));
    (open, boxes)
}

fn profile(rng: &mut StdRng) -> Profile {
    let (v4, v4_ports) = family(rng, u128::from(u32::MAX), v4);
    let (v6, v6_ports) = family(rng, u128::MAX, v6);
    Profile { v4, v6, v4_ports, v6_ports }
}

/// Devices that use some new and some known profiles; a few have one family only.
fn payload(rng: &mut StdRng, before: &Payload) -> Payload {
    let mut profiles: BTreeMap<String, Profile> =
        before.profiles.clone().into_iter().filter(|_| rng.random_bool(0.7)).collect();
    for _ in 0..rng.random_range(1..4) {
        let new = profile(rng);
        profiles.insert(new.name().unwrap(), new);
    }
    let known: Vec<&String> = profiles.keys().collect();
    let device = |number: u8, rng: &mut StdRng| {
        let both = [format!("100.96.0.{number}/32"), format!("fd00::{number:x}/128")];
        Device {
            id: format!("00000000-0000-4000-8000-{number:012x}"),
            public_key: key_of(number),
            ips: both[..rng.random_range(1..3)].to_vec(),
            profile: (*known.choose(rng).unwrap()).clone(),
            not_after: None,
            psk_ref: None,
        }
    };
    let mut devices: Vec<Device> = Vec::new();
    for number in 2..60 {
        let held = before.devices.iter().find(|held| held.public_key == key_of(number)).cloned();
        match held.filter(|held| profiles.contains_key(&held.profile)) {
            Some(held) if rng.random_bool(0.8) => devices.push(held),
            _ if rng.random_bool(0.6) => devices.push(device(number, rng)),
            _ => {}
        }
    }
    // Nobody may have a profile that nobody uses.
    profiles.retain(|name, _| devices.iter().any(|device| device.profile == *name));
    Payload { devices, profiles, ..empty_payload() }
}

/// One step of a change, as `nft` takes it and as the kernel does.
struct Step {
    script: String,
    batches: Vec<Batch>,
}

/// Batches of all of some profiles: mostly one, more where they are large.
fn batches_of(mut profiles: &[(&String, &Profile)]) -> Vec<Batch> {
    let mut batches = Vec::new();
    while !profiles.is_empty() {
        let (batch, taken) = changes::profiles(TABLE, profiles);
        batches.push(batch.unwrap());
        profiles = &profiles[taken..];
    }
    batches
}

/// What the agent does to get from one payload to another.
fn steps(from: &Payload, to: &Payload) -> [Step; 3] {
    let missing: Vec<_> =
        to.profiles.iter().filter(|(name, _)| !from.profiles.contains_key(*name)).collect();
    let (old, new) = (device_maps(&from.devices), device_maps(&to.devices));
    let gone: Vec<(&String, Vec<String>)> = from
        .profiles
        .iter()
        .filter(|(name, _)| !to.profiles.contains_key(*name))
        .map(|(name, profile)| (name, nft::set_names(name, profile)))
        .collect();
    [
        Step {
            script: nft::profiles(&names(), missing.iter().copied()),
            batches: batches_of(&missing),
        },
        Step {
            script: nft::change_maps(&names(), &old, &new),
            batches: vec![changes::change_maps(TABLE, &old, &new)],
        },
        Step {
            script: gone
                .iter()
                .map(|(name, sets)| nft::remove_profile(&names(), name, sets))
                .collect(),
            batches: vec![changes::remove_profiles(
                TABLE,
                gone.iter().map(|(name, sets)| (*name, sets)),
            )],
        },
    ]
}

fn listing(namespace: &Namespace) -> String {
    namespace.run("nft", &["-s", "list", "ruleset"])
}

/// The ruleset as `nft` understands it, without the numbers that the kernel gives.
fn parsed(namespace: &Namespace) -> Value {
    fn without_handles(value: &mut Value) {
        match value {
            Value::Array(values) => values.iter_mut().for_each(without_handles),
            Value::Object(fields) => {
                fields.remove("handle");
                fields.values_mut().for_each(without_handles);
            }
            _ => {}
        }
    }
    let text = namespace.run("nft", &["-j", "-s", "list", "ruleset"]);
    let mut value = serde_json::from_str(&text).unwrap();
    without_handles(&mut value);
    value
}

/// Elements and instructions as the kernel has them; a map has no order of its own. Two things are
/// left out that nft puts in and that do nothing: turning round all pairs of bytes of a protocol,
/// which has one byte, and an end of no range below the first range of a set.
fn in_the_kernel(namespace: &Namespace) -> Vec<String> {
    let text = namespace.run("nft", &["--debug=netlink", "-s", "list", "ruleset"]);
    let idle = |line: &str| {
        let end_at_zero = line.strip_prefix("\telement ").is_some_and(|element| {
            let rest = element.trim_start_matches(['0', ' ']);
            [": 1 [end]", "flags 1", "flags 1 [end]"].contains(&rest.trim_end())
        });
        end_at_zero
            || ["= hton(reg 9, 2, 1)", "= hton(reg 2, 2, 1)"].iter().any(|it| line.contains(it))
    };
    let mut lines: Vec<String> =
        text.lines().filter(|line| !idle(line)).map(ToOwned::to_owned).collect();
    lines.sort_unstable();
    lines
}

#[test]
fn a_change_by_netlink_leaves_what_nft_leaves() {
    let seed = std::env::var("NEXAVPN_NETLINK_SEED").ok().and_then(|text| text.parse().ok());
    let seed: u64 = seed.unwrap_or_else(rand::random);
    println!("NEXAVPN_NETLINK_SEED={seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    let (ours, theirs) = (namespace("nxn"), namespace("nxn"));
    let mut held = empty_payload();
    for namespace in [&ours, &theirs] {
        namespace.nft(&nft::render_full(&held, &names())).unwrap();
    }
    for number in 0..STEPS {
        let next = payload(&mut rng, &held);
        validate(&next).unwrap();
        for (part, Step { script, batches }) in steps(&held, &next).into_iter().enumerate() {
            theirs.nft(&script).unwrap();
            for batch in batches {
                let committed = ours.inside(|| commit(batch));
                assert_eq!(committed.unwrap(), Committed::Whole, "change {number}, part {part}");
            }
            assert_eq!(listing(&ours), listing(&theirs), "change {number}, part {part}");
        }
        assert_eq!(parsed(&ours), parsed(&theirs), "change {number}");
        let (has, should) = (in_the_kernel(&ours), in_the_kernel(&theirs));
        let only = |these: &[String], those: &[String]| -> Vec<String> {
            these.iter().filter(|line| !those.contains(line)).cloned().collect()
        };
        let empty: Vec<String> = Vec::new();
        assert_eq!((only(&has, &should), only(&should, &has)), (empty.clone(), empty));
        assert_eq!(has.len(), should.len(), "change {number}");
        // And what they would come to from nothing.
        if number % 10 == 0 {
            let known: Vec<_> = next.profiles.iter().collect();
            for again in batches_of(&known) {
                ours.inside(|| commit(again)).unwrap();
            }
            theirs.nft(&nft::profiles(&names(), known.into_iter())).unwrap();
            assert_eq!(listing(&ours), listing(&theirs), "change {number}, again");
        }
        held = next;
    }
}

fn maps(devices: impl Iterator<Item = (u32, &'static str)>) -> DeviceMaps {
    let v4 = devices.map(|(number, profile)| (Ipv4Addr::from(number), profile.to_owned()));
    DeviceMaps { v4: v4.collect(), v6: BTreeMap::new() }
}

#[test]
fn a_batch_that_is_refused_changes_nothing() {
    let namespace = namespace("nxn");
    namespace.nft(&nft::declare(&names())).unwrap();
    namespace.nft("add chain inet nexavpn p_a\nadd chain inet nexavpn p_b\n").unwrap();
    let none = maps(std::iter::empty());
    let first = maps([(1, "p_a"), (2, "p_a")].into_iter());
    // One for all: what was refused before must not be taken for an answer to the next one.
    let mut exchange = Exchange::default();
    let mut change = |from: &DeviceMaps, to: &DeviceMaps| {
        let batch = changes::change_maps(TABLE, from, to);
        namespace.inside(|| exchange.commit(batch)).map_err(|error| error.raw_os_error())
    };
    assert_eq!(change(&none, &first), Ok(Committed::Whole));
    let before = listing(&namespace);
    assert_eq!(before.matches("goto").count(), 2, "{before}");
    let unchanged = || assert_eq!(listing(&namespace), before);

    // The memory is wrong: what should go is not there, what should be new is something else.
    let wrong = maps([(2, "p_a"), (3, "p_a")].into_iter());
    let next = maps([(2, "p_b"), (4, "p_b")].into_iter());
    assert_eq!(change(&wrong, &next), Err(Some(nix::libc::ENOENT)));
    unchanged();
    assert_eq!(change(&none, &next), Err(Some(nix::libc::EEXIST)));
    unchanged();
    // The last message is fine by itself, and so it would be acknowledged.
    let v6 = |profile: &str| [("fd00::1".parse().unwrap(), profile.to_owned())].into();
    let fine = DeviceMaps { v6: v6("p_b"), ..wrong.clone() };
    assert_eq!(
        change(&wrong, &DeviceMaps { v4: BTreeMap::new(), ..fine }),
        Err(Some(nix::libc::ENOENT))
    );
    unchanged();
    // A profile that is not there.
    assert_eq!(change(&first, &maps([(1, "p_c")].into_iter())), Err(Some(nix::libc::ENOENT)));
    unchanged();
    // One that devices have.
    let used = ("p_a".to_owned(), Vec::new());
    let batch = changes::remove_profiles(TABLE, [(&used.0, &used.1)].into_iter());
    let error: io::Error = namespace.inside(|| commit(batch)).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(nix::libc::EBUSY));
    unchanged();
}

#[test]
fn a_batch_of_many_messages_is_one_and_a_longer_one_is_left_to_nft() {
    let namespace = namespace("nxn");
    namespace.nft(&nft::declare(&names())).unwrap();
    namespace.nft("add chain inet nexavpn p_a\n").unwrap();
    let none = maps(std::iter::empty());
    let change = |devices: u32| {
        let many = maps((0..devices).map(|number| (number, "p_a")));
        let batch = changes::change_maps(TABLE, &none, &many);
        let done = namespace.inside(|| commit(batch)).unwrap();
        (done, listing(&namespace).matches("goto").count())
    };
    assert_eq!(change(100_000), (Committed::TooLong, 0));
    assert_eq!(change(2_000), (Committed::Whole, 2_000));
    assert_eq!(change(0), (Committed::Whole, 2_000), "nothing to do does nothing");
}

/// The agent's firewall in a namespace.
fn apply(namespace: &Namespace, firewall: &mut Firewall, payload: &Payload) {
    namespace.inside(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let maps = device_maps(&payload.devices);
            firewall.apply("wg0", payload, &maps).await.unwrap();
            firewall.collect(payload).await.unwrap();
        });
    });
}

#[test]
fn a_change_that_is_refused_is_made_from_nothing() {
    let mut rng = StdRng::seed_from_u64(4);
    let (ours, theirs) = (namespace("nxn"), namespace("nxn"));
    let first = payload(&mut rng, &empty_payload());
    let mut firewall = Firewall::Nftables(Nftables::new(TABLE.to_owned()));
    apply(&ours, &mut firewall, &first);
    let (held, ips) = (&first.devices[0], &first.devices[0].ips);
    let next = Payload { devices: first.devices[1..].to_vec(), ..first.clone() };
    let (map, address) =
        if ips[0].contains(':') { ("dev6", "fd00::ffff") } else { ("dev4", "192.0.2.1") };
    let element = |verb: &str, element: &str| {
        ours.run("nft", &[verb, "element", "inet", TABLE, map, &format!("{{ {element} }}")]);
    };
    // What is to go has gone, and somebody has come in.
    element("delete", ips[0].split('/').next().unwrap());
    element("add", &format!("{address} : goto {}", held.profile));
    apply(&ours, &mut firewall, &next);
    theirs.nft(&nft::render_full(&next, &names())).unwrap();
    let sorted = |namespace| {
        let text = listing(namespace);
        let mut objects: Vec<String> =
            text.split("\n\n").map(|text| text.trim().to_owned()).collect();
        objects.sort_unstable();
        objects
    };
    let unused = |name: &str| !next.devices.iter().any(|device| device.profile == name);
    assert!(!next.profiles.keys().any(|name| unused(name)), "the same profiles");
    assert_eq!(sorted(&ours), sorted(&theirs));
}

#[test]
fn sets_of_other_rules_go_with_their_profile() {
    let namespace = namespace("nxn");
    let mut rng = StdRng::seed_from_u64(5);
    let first = payload(&mut rng, &empty_payload());
    let name = first.profiles.keys().next().unwrap();
    let load = |payload: &Payload, firewall: &mut Firewall| apply(&namespace, firewall, payload);
    load(&first, &mut Firewall::Nftables(Nftables::new(TABLE.to_owned())));
    namespace.nft(&format!("add set inet {TABLE} {name}_old {{ type ipv4_addr; }}\n")).unwrap();
    let mut firewall = Firewall::Nftables(Nftables::new(TABLE.to_owned()));
    load(&first, &mut firewall);
    assert!(listing(&namespace).contains("_old"));
    load(&empty_payload(), &mut firewall);
    assert!(!listing(&namespace).contains("p_"), "{}", listing(&namespace));
}

#[test]
fn a_change_of_devices_and_profiles_needs_no_nft() {
    let world = World::new(2);
    let tools = tempfile::tempdir().unwrap();
    let (nft, log) = (tools.path().join("nft"), tools.path().join("log"));
    let path = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
    let script = format!(
        "#!/bin/sh\n{path}\n[ \"$1\" != -f ] || echo \"$@\" >> {}\nexec nft \"$@\"\n",
        log.display()
    );
    std::fs::write(&nft, script).unwrap();
    std::fs::set_permissions(&nft, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", tools.path().display(), std::env::var("PATH").unwrap());
    world.join();
    world.start_with(&[], &[("PATH", &path)]);
    let (web, all) = (tcp_ports(&["443-443"]), open());
    world.publish(&world.payload_of(1, &[(0, &all)]));
    let loads = || read(&log).iter().filter(|byte| **byte == b'\n').count();
    let begin = loads();
    assert!(begin > 0);
    // A device comes with a new profile, another goes with its own, one comes with another's.
    world.publish(&world.payload_of(2, &[(0, &all), (1, &web)]));
    world.publish(&world.payload_of(3, &[(1, &web)]));
    world.publish(&world.payload_of(4, &[(0, &web), (1, &web)]));
    assert_eq!(loads(), begin);
    let ruleset = world.ruleset();
    assert!(!ruleset.contains(&all.name().unwrap()), "{ruleset}");
    assert_eq!(ruleset.matches(&format!("goto {}", web.name().unwrap())).count(), 4, "{ruleset}");
    let mut closed = world.payload_of(5, &[(0, &web), (1, &web)]);
    closed.input.icmp_echo = false;
    world.publish(&closed);
    assert!(loads() > begin, "the hooks are for nft");
}

#[test]
fn profiles_come_in_as_many_batches_as_sockets_need() {
    let namespace = namespace("nxn");
    namespace.nft(&nft::declare(&names())).unwrap();
    let sized = |number: u128, boxes: u128| {
        let range = |n: u128| format!("{0}-{0}", v6((number << 64) + 2 * n));
        Profile {
            v4: vec![format!("{0}-{0}", v4(number))],
            v6: (0..boxes).map(range).collect(),
            v4_ports: vec![port_box("10.0.0.0-10.0.0.255", "6", "443-443")],
            v6_ports: (boxes..2 * boxes).map(|n| port_box(&range(n), "6", "443-443")).collect(),
        }
    };
    // Small ones, where what each takes by itself counts, large ones, and one that is too large.
    let sizes = [vec![1; 200], vec![600; 12], vec![1, 20_000, 1]].concat();
    let profiles: BTreeMap<String, Profile> = (1..)
        .zip(&sizes)
        .map(|(number, boxes)| sized(number, *boxes))
        .map(|profile| (profile.name().unwrap(), profile))
        .collect();
    let all: Vec<_> = profiles.iter().collect();
    let (mut rest, mut long, mut batches) = (&all[..], 0, 0);
    while !rest.is_empty() {
        let (batch, taken) = changes::profiles(TABLE, rest);
        match namespace.inside(|| commit(batch.unwrap())).unwrap() {
            Committed::Whole => {}
            Committed::TooLong => long += taken,
        }
        batches += 1;
        rest = &rest[taken..];
    }
    // It comes after others that are in its batch, which nft loads then.
    assert!((1..20).contains(&long), "{long}");
    assert!(batches < 40, "{batches}");
    let found = namespace.run("nft", &["-t", "list", "table", "inet", TABLE]);
    assert_eq!(found.matches("chain p_").count(), sizes.len() - long);
}
