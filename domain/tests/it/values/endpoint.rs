use nexavpn_domain::values::Endpoint;
use proptest::prelude::*;

#[test]
fn hosts_and_addresses_are_taken_and_written_in_one_way() {
    for (text, written) in [
        ("vpn.example.com:51820", "vpn.example.com:51820"),
        (" VPN.Example.COM:51820 ", "vpn.example.com:51820"),
        ("gateway:1", "gateway:1"),
        ("xn--bcher-kva.example:65535", "xn--bcher-kva.example:65535"),
        ("192.0.2.1:51820", "192.0.2.1:51820"),
        ("[2001:DB8:0::1]:51820", "[2001:db8::1]:51820"),
        ("127.0.0.1:51820", "127.0.0.1:51820"),
    ] {
        let endpoint = Endpoint::parse(text).unwrap();
        assert_eq!(endpoint.to_string(), written);
        assert_eq!(Endpoint::parse(written).unwrap(), endpoint);
    }
    let endpoint = Endpoint::parse("[2001:db8::1]:443").unwrap();
    assert_eq!(endpoint.ip(), Some("2001:db8::1".parse().unwrap()));
    assert_eq!(endpoint.port(), 443);
    assert_eq!(Endpoint::parse("example.com:443").unwrap().ip(), None);
}

#[test]
fn what_a_wireguard_profile_could_not_use_is_refused() {
    let long_label = format!("{}.example.com:1", "a".repeat(64));
    let long_name = format!("{}com:1", "abcdefg.".repeat(32));
    for text in [
        "",
        ":",
        ":51820",
        "example.com",
        "example.com:",
        "example.com:0",
        "example.com:65536",
        "example.com:+80",
        "example.com:-1",
        "example.com: 80",
        "example.com:80\nPostUp = x:1",
        "ex ample.com:80",
        "exa\nmple.com:80",
        "exa\0mple.com:80",
        "-a.example.com:80",
        "a-.example.com:80",
        "a..example.com:80",
        "example.com.:80",
        "exämple.com:80",
        "a_b.example.com:80",
        "1.2.3:80",
        "1.2.3.256:80",
        "2001:db8::1:51820",
        "[2001:db8::1]",
        "[192.0.2.1]:80",
        "[example.com]:80",
        "[fe80::1%eth0]:80",
        "0.0.0.0:80",
        "[::]:80",
        "224.0.0.1:80",
        "[ff02::1]:80",
        "https://example.com:443",
        &long_label,
        &long_name,
    ] {
        assert!(Endpoint::parse(text).is_err(), "{text:?}");
    }
}

proptest! {
    #[test]
    fn what_is_taken_is_one_line_and_reads_back(text in "[a-zA-Z0-9.:\\[\\] -]{0,40}|\\PC*") {
        let Ok(endpoint) = Endpoint::parse(&text) else { return Ok(()) };
        let written = endpoint.to_string();
        prop_assert!(written.bytes().all(|b| b.is_ascii_graphic()));
        prop_assert_eq!(&Endpoint::parse(&written).unwrap(), &endpoint);
        let json = serde_json::to_value(&endpoint).unwrap();
        prop_assert_eq!(serde_json::from_value::<Endpoint>(json).unwrap(), endpoint);
    }
}
