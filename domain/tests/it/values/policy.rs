use nexavpn_domain::values::{PolicyEffect, Ports, Protocol, Service, Target};
use proptest::prelude::*;
use serde_json::json;

use crate::given::{alice, laptop, staff};

#[test]
fn protocols_have_names_and_numbers() {
    for (text, number) in [
        ("tcp", 6),
        ("TCP", 6),
        ("udp", 17),
        ("icmp", 1),
        ("icmpv6", 58),
        ("ipv6-icmp", 58),
        ("sctp", 132),
        ("6", 6),
        ("0", 0),
        ("255", 255),
    ] {
        assert_eq!(Protocol::parse(text), Ok(Protocol(number)), "{text}");
    }
    for bad in ["", "256", "-1", "+6", " tcp", "tcp6", "any", "6.0", "\0"] {
        assert!(Protocol::parse(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn a_protocol_is_read_as_text_or_number_and_written_as_text() {
    for number in 0..=u8::MAX {
        let protocol = Protocol(number);
        let json = serde_json::to_value(protocol).unwrap();
        assert_eq!(json, protocol.to_string());
        assert_eq!(serde_json::from_value::<Protocol>(json).unwrap(), protocol);
        assert_eq!(serde_json::from_value::<Protocol>(number.into()).unwrap(), protocol);
    }
    for bad in [json!(256), json!(-1), json!(null), json!(6.5), json!("quic")] {
        assert!(serde_json::from_value::<Protocol>(bad).is_err());
    }
}

#[test]
fn ports_are_one_or_a_range() {
    for (text, first, last) in [
        ("443", 443, 443),
        ("8000-8100", 8000, 8100),
        (" 8000 - 8100 ", 8000, 8100),
        ("443-443", 443, 443),
        ("0-65535", 0, 65535),
    ] {
        assert_eq!(Ports::parse(text), Ok(Ports { first, last }), "{text}");
    }
    for bad in ["", "-", "80-", "-80", "65536", "80-65536", "90-80", "+80", "80,90", "1-2-3", "x"] {
        assert!(Ports::parse(bad).is_err(), "{bad:?}");
    }
    assert!(serde_json::from_value::<Ports>(json!("90-80")).is_err());
}

#[test]
fn ports_are_for_protocols_that_have_them() {
    let ports = vec![Ports { first: 1, last: 2 }];
    for number in 0..=u8::MAX {
        let protocol = Protocol(number);
        let has_ports = [6, 17, 33, 132, 136].contains(&number);
        assert_eq!(protocol.has_ports(), has_ports, "{number}");
        let with = Service { protocol, ports: ports.clone() };
        assert_eq!(with.validate().is_ok(), has_ports, "{number}");
        assert!(Service { protocol, ports: vec![] }.validate().is_ok());
    }
}

#[test]
fn a_service_is_its_protocol_and_all_or_some_ports() {
    let all = Service { protocol: Protocol::TCP, ports: vec![] };
    assert!(all.contains(Protocol::TCP, 0) && all.contains(Protocol::TCP, 65535));
    assert!(!all.contains(Protocol::UDP, 443));
    let ports = vec![Ports { first: 443, last: 443 }, Ports { first: 8000, last: 8100 }];
    let some = Service { protocol: Protocol::TCP, ports };
    for (port, within) in [
        (442, false),
        (443, true),
        (444, false),
        (7999, false),
        (8000, true),
        (8100, true),
        (8101, false),
    ] {
        assert_eq!(some.contains(Protocol::TCP, port), within, "{port}");
        assert!(!some.contains(Protocol::UDP, port));
    }
}

#[test]
fn a_service_with_an_unknown_field_is_refused() {
    let read = |v| serde_json::from_value::<Service>(v);
    assert!(read(json!({ "protocol": "tcp" })).is_ok());
    assert!(read(json!({ "protocol": "tcp", "ports": ["443"] })).is_ok());
    // A misspelt `ports` would otherwise open every port.
    assert!(read(json!({ "protocol": "tcp", "port": ["443"] })).is_err());
}

#[test]
fn targets_and_effects_have_the_contracts_shape() {
    for (target, json) in [
        (Target::User(alice()), json!({ "type": "user", "id": alice() })),
        (Target::Group(staff()), json!({ "type": "group", "id": staff() })),
        (Target::Device(laptop()), json!({ "type": "device", "id": laptop() })),
        (Target::Everyone, json!({ "type": "everyone" })),
    ] {
        assert_eq!(serde_json::to_value(target).unwrap(), json);
        assert_eq!(serde_json::from_value::<Target>(json).unwrap(), target);
    }
    assert_eq!(serde_json::to_value(PolicyEffect::Deny).unwrap(), "deny");
    assert!(serde_json::from_value::<Target>(json!({ "type": "user" })).is_err());
    assert!(serde_json::from_value::<PolicyEffect>(json!("ALLOW")).is_err());
}

proptest! {
    #[test]
    fn ports_read_back(a: u16, b: u16, port: u16) {
        let ports = Ports { first: a.min(b), last: a.max(b) };
        prop_assert_eq!(Ports::parse(&ports.to_string()), Ok(ports));
        prop_assert_eq!(ports.contains(port), (ports.first..=ports.last).contains(&port));
    }

    #[test]
    fn parsing_never_panics(text: String) {
        let _ = Ports::parse(&text);
        let _ = Protocol::parse(&text);
    }
}
