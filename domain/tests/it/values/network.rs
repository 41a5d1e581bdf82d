use std::net::{Ipv4Addr, Ipv6Addr};

use ipnetwork::{IpNetwork, Ipv4Network, Ipv6Network};
use nexavpn_domain::{
    DomainError, Problems,
    values::{parse_network, parse_networks},
};
use proptest::prelude::*;

#[test]
fn networks_and_hosts_are_taken() {
    for (text, network) in [
        ("172.16.20.0/24", "172.16.20.0/24"),
        (" 172.16.20.0/24 ", "172.16.20.0/24"),
        ("172.16.21.10", "172.16.21.10/32"),
        ("0.0.0.0/0", "0.0.0.0/0"),
        ("::/0", "::/0"),
        ("2001:DB8::/32", "2001:db8::/32"),
        ("2001:db8::1", "2001:db8::1/128"),
    ] {
        assert_eq!(parse_network(text).unwrap().to_string(), network);
    }
}

#[test]
fn host_bits_are_refused_with_what_was_probably_meant() {
    for (text, meant) in [
        ("10.0.0.1/8", "10.0.0.0/8"),
        ("172.16.20.255/24", "172.16.20.0/24"),
        ("1.2.3.4/0", "0.0.0.0/0"),
        ("2001:db8::1/64", "2001:db8::/64"),
        ("::ffff:1.2.3.4/64", "::/64"),
    ] {
        let error = parse_network(text).unwrap_err();
        assert!(error.ends_with(&format!("did you mean {meant}?")), "{error}");
        assert!(parse_network(meant).is_ok());
    }
}

#[test]
fn an_ipv4_mapped_network_is_refused() {
    for text in ["::ffff:10.0.0.1", "::ffff:10.0.0.0/104", "::ffff:0:0/96", "::ffff:a00:1/128"] {
        let error = parse_network(text).unwrap_err();
        assert!(error.contains("write it as IPv4"), "{error}");
    }
}

#[test]
fn what_is_no_network_is_refused() {
    for text in [
        "",
        "/",
        "/24",
        "10.0.0.0/",
        "10.0.0.0/33",
        "10.0.0.0/-1",
        "10.0.0/24",
        "10.0.0.0.0/8",
        "010.0.0.0/8",
        "256.0.0.0/8",
        "10.0.0.0/8/8",
        "2001:db8::/129",
        "2001:db8:::/32",
        "fe80::1%eth0",
        "example.com",
        "10.0.0.0/24\0",
        "10.0.0.0 /24",
    ] {
        assert!(parse_network(text).is_err(), "{text:?}");
    }
}

#[test]
fn a_list_names_each_bad_element_and_keeps_each_network_once() {
    let mut problems = Problems::default();
    let input = ["10.0.0.0/8", "10.0.0.1/8", "10.0.0.0/8", "x"].map(str::to_owned);
    let list = parse_networks("destinations", &input, &mut problems);
    assert_eq!(list, ["10.0.0.0/8".parse::<IpNetwork>().unwrap()]);
    let Err(DomainError::Validation(errors)) = problems.finish() else { panic!("no refusal") };
    let fields: Vec<_> = errors.iter().map(|e| e.field.as_str()).collect();
    assert_eq!(fields, ["destinations[1]", "destinations[3]"]);
}

proptest! {
    #[test]
    fn ipv4_is_taken_without_host_bits_only(ip: u32, prefix in 0u8..=32) {
        let net = Ipv4Network::new(Ipv4Addr::from(ip), prefix).unwrap();
        let taken = parse_network(&net.to_string());
        prop_assert_eq!(taken.is_ok(), net.ip() == net.network());
        let text = format!("{}/{prefix}", net.network());
        prop_assert_eq!(parse_network(&text).unwrap().to_string(), text);
    }

    #[test]
    fn ipv6_is_taken_without_host_bits_only(ip: u128, prefix in 0u8..=128) {
        let net = Ipv6Network::new(Ipv6Addr::from(ip), prefix).unwrap();
        prop_assert_eq!(parse_network(&net.to_string()).is_ok(), net.ip() == net.network());
    }

    #[test]
    fn parsing_never_panics(text in "[0-9a-f:./ ]{0,40}|\\PC*") {
        let _ = parse_network(&text);
    }
}
