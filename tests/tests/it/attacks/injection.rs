//! Names that would like to be lines of a profile or statements of a firewall.

use nexavpn_tests::harness::Client;
use serde_json::{Value, json};

use super::{assert_refused, send};
use crate::api_admin::{Plane, gateway, id, key, with};

/// Characters that mean something to `wg`, `nft`, a shell, HTML, SQL or a spreadsheet.
const NAMES: [&str; 8] = [
    "x; flush ruleset",
    "\" accept #",
    "$(reboot) `reboot`",
    "[Peer] PublicKey = x",
    "AllowedIPs = 0.0.0.0/0",
    "<script>alert(1)</script>",
    "'; DROP TABLE events; --",
    "=HYPERLINK(\"http://x\")",
];

/// The lines of a WireGuard profile and nothing else.
fn assert_profile(text: &str) {
    const KEYS: [&str; 9] = [
        "PrivateKey",
        "# PrivateKey",
        "Address",
        "DNS",
        "MTU",
        "PublicKey",
        "Endpoint",
        "AllowedIPs",
        "PersistentKeepalive",
    ];
    for section in ["[Interface]", "[Peer]"] {
        assert_eq!(text.lines().filter(|line| *line == section).count(), 1, "{text}");
    }
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('[')) {
        let key = line.split(" = ").next().unwrap_or_default();
        assert!(KEYS.contains(&key), "{line:?} in {text}");
    }
    for (word, times) in [("AllowedIPs", 1), ("PublicKey", 1), ("reboot", 0), ("flush", 0)] {
        assert_eq!(text.matches(word).count(), times, "{word} in {text}");
    }
}

#[tokio::test]
async fn a_name_is_a_name_everywhere() {
    let plane = Plane::start().await;
    let admin = &plane.admin;
    let body = with(gateway("\" accept # gw", "100.96.0.0/16"), json!({ "public_key": key() }));
    let gw = id(&plane.create("gateways", body).await);
    let user = plane.user("alice").await;
    for name in NAMES {
        let device = json!({ "name": name, "generate_key": true });
        let path = format!("/admin/users/{user}/devices");
        let added = send(admin, "POST", &path, &device).await;
        assert_eq!(added.status, 201, "{name}: {}", added.body);
        assert_eq!(added.body["device"]["name"], name);
        assert_profile(added.body["profile"]["content"].as_str().unwrap());
        let policy = json!({
            "name": name, "description": format!("{name}\n[Peer]"), "effect": "allow",
            "destinations": ["10.1.0.0/16"], "targets": [{ "type": "everyone" }],
        });
        plane.create("policies", policy).await;
        plane.create("groups", json!({ "name": name, "members": [user] })).await;
        let (status, page) = admin.get(&format!("/admin/groups?q={}", escaped(name))).await;
        assert_eq!((status, &page["items"][0]["name"]), (200, &name.into()), "{page}");
        let id = id(&added.body["device"]);
        let (status, profile) = admin.get(&format!("/devices/{id}/profile")).await;
        assert_eq!(status, 200, "{profile}");
        assert_profile(profile["profile"]["content"].as_str().unwrap());
    }
    // What a node makes rules of holds no text that anybody typed.
    let (status, bundle) = admin.get(&format!("/admin/gateways/{gw}/sync")).await;
    assert_eq!(status, 200, "{bundle}");
    let text = bundle["payload"].to_string();
    for name in NAMES.iter().chain(&["\" accept # gw", "\\\" accept"]) {
        assert!(!text.contains(name), "{name} in {text}");
    }
}

fn escaped(text: &str) -> String {
    text.bytes().map(|b| format!("%{b:02x}")).collect()
}

/// What does reach a profile or a firewall is not text but an address, a domain or an interface.
#[tokio::test]
async fn what_reaches_a_node_is_checked_for_what_it_is() {
    let plane = Plane::start().await;
    let cases: [(&str, &[Value]); 7] = [
        (
            "endpoint",
            &["vpn.example.com:51820\nPostUp = reboot", "x y:1", "a:51820 ", "$(x):1", "a\":1"]
                .map(Value::from),
        ),
        ("public_key", &["x\nAllowedIPs = ::/0", "", "AAAA"].map(Value::from)),
        ("dns_servers", &[json!(["10.0.0.1\nPostUp = x"]), json!(["dns.example.com; x"])]),
        (
            "dns_search",
            &[json!(["a.b\nPostUp = x"]), json!(["a b"]), json!(["$(x)"]), json!(["a, 1.2.3.4"])],
        ),
        (
            "masquerade_interfaces",
            &[json!(["eth0\" accept"]), json!(["eth0; x"]), json!(["eth 0"]), json!(["e\n"])],
        ),
        ("internal_networks", &[json!(["10.0.0.0/8 accept"]), json!(["{ 0.0.0.0/0 }"])]),
        ("address_pool_v4", &["100.96.0.0/16\n", "100.96.0.0/16; x"].map(Value::from)),
    ];
    for (field, values) in cases {
        for value in values {
            let body = with(gateway("gw", "100.96.0.0/16"), json!({ field: value }));
            let answer = send(&plane.admin, "POST", "/admin/gateways", &body).await;
            if answer.status == 201 {
                // Blanks around it are no part of it.
                assert_clean(&plane.admin, &answer.body, field).await;
                continue;
            }
            assert_refused(&answer, &format!("{field} {value}"));
        }
    }
    let destinations =
        ["10.0.0.0/8; accept", "10.0.0.0/8\n0.0.0.0/0", "{ ::/0 }", "any", "0.0.0.0/0 "];
    for bad in destinations {
        let body = json!({ "name": "p", "effect": "allow", "destinations": [bad] });
        let answer = send(&plane.admin, "POST", "/admin/policies", &body).await;
        if answer.status == 201 {
            assert_eq!(answer.body["destinations"], json!([bad.trim()]));
        } else {
            assert_refused(&answer, bad);
        }
    }
    for ports in ["443; accept", "1-65535 accept", "443\n", "{ 1 }", "-1", "0x50"] {
        let services = json!([{ "protocol": "tcp", "ports": [ports] }]);
        let body = json!({ "name": "p", "effect": "allow", "destinations": ["10.0.0.0/8"],
                           "services": services });
        let answer = send(&plane.admin, "POST", "/admin/policies", &body).await;
        assert!(
            answer.status == 400 || answer.body["services"][0]["ports"] == json!(["443"]),
            "{ports}: {}",
            answer.body
        );
    }
}

async fn assert_clean(admin: &Client, created: &Value, field: &str) {
    let text = created[field].to_string();
    assert!(!text.contains("\\n") && !text.contains(' '), "{field}: {text}");
    let (status, _) = admin.delete(&format!("/admin/gateways/{}", id(created))).await;
    assert_eq!(status, 204);
}
