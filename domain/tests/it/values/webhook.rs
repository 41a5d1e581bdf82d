use std::net::IpAddr;

use ipnetwork::IpNetwork;
use nexavpn_domain::values::{event_types, literal_address, may_reach, webhook_url};

#[test]
fn an_address_is_https_and_holds_nobody() {
    for url in
        ["https://example.com/hook?a=b", "https://example.com:8443/", "https://[2606:4700::1]/"]
    {
        assert_eq!(webhook_url(url, false).as_deref(), Ok(url));
    }
    assert_eq!(webhook_url(" https://Example.COM ", false).as_deref(), Ok("https://example.com/"));
    assert_eq!(webhook_url("http://example.com/", true).as_deref(), Ok("http://example.com/"));
    for url in [
        "http://example.com/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "gopher://example.com/",
        "https://user@example.com/",
        "https://user:pass@example.com/",
        "https://:pass@example.com/",
        "https://example.com/#part",
        "https://",
        "https:///",
        "example.com/hook",
        "",
        &format!("https://example.com/{}", "x".repeat(2000)),
    ] {
        assert!(webhook_url(url, false).is_err(), "{url}");
    }
}

/// However an address is written, it is seen for what it is.
#[test]
fn what_is_not_of_the_public_internet_is_not_reached() {
    let inside = [
        "127.0.0.1",
        "127.1",
        "0x7f.1",
        "2130706433",
        "017700000001",
        "0.0.0.0",
        "0",
        "0.1.2.3",
        "10.1.2.3",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "100.64.0.1",
        "169.254.169.254",
        "192.0.0.1",
        "192.0.2.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.255.255.250",
        "240.0.0.1",
        "255.255.255.255",
        "[::]",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:169.254.169.254]",
        "[::ffff:a00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[64:ff9b::8.8.8.8]",
        "[64:ff9b:1::1]",
        "[fc00::1]",
        "[fd00:ec2::254]",
        "[fe80::1]",
        "[fec0::1]",
        "[ff02::1]",
        "[100::1]",
        "[2001:db8::1]",
        "[2001::1]",
        "[2002:7f00:1::]",
        "[3fff::1]",
        "[5f00::1]",
    ];
    for host in inside {
        let url = webhook_url(&format!("https://{host}/"), false)
            .unwrap_or_else(|e| panic!("{host}: {e}"));
        let address = literal_address(&url).unwrap_or_else(|| panic!("{host} is no name"));
        assert!(!may_reach(address, &[]), "{host} is {address}");
    }
    for host in ["8.8.8.8", "172.32.0.1", "100.128.0.1", "[2606:4700::1111]", "[::ffff:8.8.8.8]"] {
        let url = webhook_url(&format!("https://{host}/"), false).unwrap();
        assert!(may_reach(literal_address(&url).unwrap(), &[]), "{host}");
    }
    let allowed: Vec<IpNetwork> = vec!["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()];
    for (address, may) in [
        ("10.1.2.3", true),
        ("::ffff:10.1.2.3", true),
        ("fd12::1", true),
        ("172.16.0.1", false),
        ("127.0.0.1", false),
    ] {
        let address: IpAddr = address.parse().unwrap();
        assert_eq!(may_reach(address, &allowed), may, "{address}");
    }
    assert_eq!(literal_address("https://example.com/"), None);
}

#[test]
fn types_are_names_or_beginnings_of_names() {
    let types =
        |all: &[&str]| event_types(&all.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>());
    assert_eq!(types(&[]), Ok(vec![]));
    assert_eq!(
        types(&["user.created", " device.* ", "user.created"]),
        Ok(vec!["user.created".into(), "device.*".into()])
    );
    assert_eq!(types(&["*"]), Ok(vec!["*".into()]));
    for bad in ["", "User.created", "user.*.x", "user created", "%", &"a".repeat(200)] {
        assert!(types(&[bad]).is_err(), "{bad:?}");
    }
    assert!(types(&["a"; 51]).is_err());
}
