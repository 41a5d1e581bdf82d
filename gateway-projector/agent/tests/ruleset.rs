//! The rendered scripts against a real nft.

mod support;

use std::collections::BTreeMap;

use nexavpn_bundle::{Device, Masquerade, Nat, Payload, Profile, validate};
use nexavpn_gateway::desired::device_maps;
use nexavpn_gateway::nft::{self, NftNames};
use support::net::Namespace;
use support::{empty_payload, key_of, namespace, port_box};

fn names() -> NftNames {
    NftNames { table: "nexavpn".to_owned(), interface: "wg0".to_owned() }
}

fn device(number: u8, profile: &str) -> Device {
    Device {
        id: format!("00000000-0000-4000-8000-{number:012x}"),
        public_key: key_of(number),
        ips: vec![format!("100.96.0.{number}/32"), format!("fd00::{number:x}/128")],
        profile: profile.to_owned(),
        not_after: None,
        psk_ref: None,
    }
}

/// Everything that nft is known to be particular about.
fn awkward() -> Payload {
    let range = |n: u8| format!("10.0.{n}.0-10.0.{n}.255");
    let of_all = |other: [&str; 2], ports: &dyn Fn(u8) -> String| {
        let tcp = (1..=20).map(|n| port_box(&range(n), "6", &ports(n)));
        tcp.chain([port_box("11.0.0.0-11.0.0.255", other[0], other[1])]).collect()
    };
    let profiles = [
        // Addresses in sets, and with their ports.
        Profile {
            v4: (21..40).map(range).collect(),
            v4_ports: of_all(["17", "53-60"], &|_| "443-443".to_owned()),
            ..Profile::default()
        },
        Profile {
            v4_ports: of_all(["7-255", "0-65535"], &|n| format!("{n}-100")),
            ..Profile::default()
        },
        Profile::default(),
        Profile {
            v4: vec![
                "0.0.0.0-9.255.255.255".into(),
                "10.0.0.0-10.0.0.255".into(),
                "10.0.1.0-10.0.1.0".into(),
                "10.0.1.1-10.0.1.1".into(),
                "10.0.1.3-10.0.1.200".into(),
                "200.0.0.0-255.255.255.255".into(),
            ],
            v6: vec![
                "::-::5".into(),
                "::ffff:1.2.3.4-::ffff:1.2.3.9".into(),
                "2000::-3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff".into(),
            ],
            v4_ports: vec![
                port_box("11.0.0.0-11.0.0.255", "0-5", "0-65535"),
                port_box("11.0.0.0-11.0.0.255", "6", "443-443"),
                port_box("11.0.0.0-11.0.0.255", "6", "1000-2000"),
                port_box("11.0.0.0-11.0.0.255", "7-255", "0-65535"),
                port_box("11.0.1.0-11.0.1.6", "17", "0-65535"),
                port_box("13.0.0.1-13.0.0.1", "0-5", "53-53"),
            ],
            v6_ports: vec![
                port_box("fd10::-fd10::ff", "6", "22-22"),
                port_box("fd10::100-fd10::100", "6", "0-65535"),
            ],
        },
        Profile { v4: vec!["0.0.0.0-255.255.255.255".into()], ..Profile::default() },
        Profile {
            v6: vec!["::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff".into()],
            v4_ports: vec![port_box("0.0.0.0-255.255.255.255", "0-254", "0-65535")],
            ..Profile::default()
        },
    ];
    let profiles: BTreeMap<String, Profile> =
        profiles.into_iter().map(|profile| (profile.name().unwrap(), profile)).collect();
    let names: Vec<&String> = profiles.keys().collect();
    let devices = (2..=200).map(|n: u8| device(n, names[usize::from(n) % names.len()])).collect();
    let nat = |src: &str| vec![Masquerade { src: src.into(), oif: "eth1.7".into() }];
    Payload {
        devices,
        profiles,
        nat: Nat { v4_masquerade: nat("100.96.0.0/16"), v6_masquerade: nat("fd00::/64") },
        ..empty_payload()
    }
}

fn listing(namespace: &Namespace) -> String {
    namespace.run("nft", &["-s", "list", "ruleset"])
}

#[test]
fn a_whole_ruleset_loads_and_loading_it_again_changes_nothing() {
    let namespace = namespace("nxr");
    for payload in [empty_payload(), awkward()] {
        validate(&payload).unwrap();
        let script = nft::render_full(&payload, &names());
        namespace.nft(&script).unwrap();
        let first = listing(&namespace);
        namespace.nft(&script).unwrap();
        assert_eq!(listing(&namespace), first);
    }
    let text = listing(&namespace);
    assert_eq!(text.matches(" : goto p_").count(), 2 * 199);
    for element in ["11.0.0.0/24 . 7-255 . 0-65535", "10.0.20.0/24 . 20-100"] {
        assert!(text.contains(element), "{text}");
    }
}

#[test]
fn changed_elements_lead_to_the_same_maps_as_loading_all() {
    let namespace = namespace("nxr");
    let from = awkward();
    let mut to = from.clone();
    let other = to.devices[1].profile.clone();
    to.devices[0].profile = other;
    to.devices.remove(5);
    to.devices.push(device(250, &from.devices[0].profile));
    // Two devices swap their addresses.
    let ips = to.devices[10].ips.clone();
    to.devices[10].ips = to.devices[11].ips.clone();
    to.devices[11].ips = ips;

    namespace.nft(&nft::render_full(&from, &names())).unwrap();
    let (old, new) = (device_maps(&from.devices), device_maps(&to.devices));
    namespace.nft(&nft::change_maps(&names(), &old, &new)).unwrap();
    let changed = listing(&namespace);
    namespace.nft(&nft::fill_maps(&names(), &new)).unwrap();
    assert_eq!(listing(&namespace), changed);
    assert_eq!(nft::change_maps(&names(), &new, &new), "");
}

#[test]
fn an_unused_profile_is_removed_and_a_used_one_stays() {
    let namespace = namespace("nxr");
    let payload = awkward();
    namespace.nft(&nft::render_full(&payload, &names())).unwrap();
    for (name, profile) in &payload.profiles {
        let script = nft::remove_profile(&names(), name, &nft::set_names(name, profile));
        assert!(namespace.nft(&script).is_err(), "a device map refers to it");
    }
    namespace.nft(&nft::empty_maps(&names())).unwrap();
    for (name, profile) in &payload.profiles {
        namespace
            .nft(&nft::remove_profile(&names(), name, &nft::set_names(name, profile)))
            .unwrap();
    }
    assert!(!listing(&namespace).contains("p_"));
}

#[test]
fn the_base_without_a_bundle_opens_nothing_on_the_node() {
    let script = nft::base(&names(), None);
    assert!(!script.contains("th dport 53") && !script.contains("limit"));
    let without_bundle = nft::base(
        &names(),
        Some(&Payload {
            input: nexavpn_bundle::Input { dns: false, icmp_echo: false },
            ..empty_payload()
        }),
    );
    assert_eq!(script, without_bundle);
}
