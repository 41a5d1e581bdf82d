//! `/admin/gateways`

use base64::{Engine, prelude::BASE64_STANDARD};
use nexavpn_bundle::JoinToken;
use reqwest::Method;
use serde_json::{Value, json};

use super::{NOBODY, Plane, assert_conflict, assert_error, gateway, id, ids, key, with};

#[tokio::test]
async fn a_gateway_is_created_read_changed_and_deleted() {
    let plane = Plane::start().await;
    let new = json!({
        "name": "primary-gateway",
        "endpoint": "vpn.example.com:51821",
        "public_key": key(),
        "address_pool_v4": "100.96.0.0/16",
        "address_pool_v6": "fd00:6e78::/64",
        "dns_servers": ["10.20.0.53"],
        "dns_search": ["corp.example.com"],
        "mtu": 1380,
        "persistent_keepalive": 0,
        "masquerade_interfaces": ["eth1"],
        "internal_networks": ["203.0.113.0/24"],
    });
    let made = plane.admin.send(Method::POST, "/admin/gateways", &[], Some(new.clone())).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let path = format!("/admin/gateways/{}", id(&made.body));
    assert_eq!(made.header("location"), format!("/api/v1{path}"));
    for (field, value) in new.as_object().unwrap() {
        assert_eq!(&made.body[field], value, "{field}");
    }
    // The endpoint's port, unless another one is named.
    assert_eq!(made.body["listen_port"], 51821);
    assert_eq!(made.body["tunnel_addresses"], json!(["100.96.0.1", "fd00:6e78::1"]));
    assert_eq!(made.body["convergence"]["status"], "never_joined");
    let read = plane.admin.send(Method::GET, &path, &[], None).await;
    assert_eq!((read.status, &read.body), (200, &made.body));
    assert_eq!(read.header("etag"), made.header("etag"));

    let patch = json!({ "name": "edge", "dns_search": [], "listen_port": 51820 });
    let (status, changed) = plane.admin.patch(&path, patch).await;
    assert_eq!((status, &changed["name"]), (200, &json!("edge")), "{changed}");
    assert_eq!((&changed["dns_search"], &changed["mtu"]), (&json!([]), &json!(1380)));
    assert_eq!(plane.admin.get(&path).await.1, changed);

    let alice = plane.user("alice").await;
    let device = plane.device(&alice, "laptop").await;
    assert_eq!(plane.admin.get(&path).await.1["device_count"], 1);
    assert_error(&plane.admin.delete(&path).await, 409, "gateway_in_use");
    assert_error(&plane.admin.delete(&format!("{path}?force=no")).await, 400, "validation_error");
    assert_eq!(plane.admin.delete(&format!("{path}?force=true")).await, (204, Value::Null));
    assert_error(&plane.admin.get(&path).await, 404, "not_found");
    assert_error(&plane.admin.delete(&path).await, 404, "not_found");
    let (_, device) = plane.admin.get(&format!("/admin/devices/{device}")).await;
    assert_eq!(device["status"], "revoked");
    // Name and pool are free again, the key is not.
    let again = plane.admin.post("/admin/gateways", new.clone()).await;
    assert_conflict(&again, "public_key_taken", "public_key");
    plane.create("gateways", with(new, json!({ "public_key": null, "name": "edge" }))).await;
}

#[tokio::test]
async fn wrong_fields_are_named() {
    let plane = Plane::start().await;
    let valid = gateway("gw", "100.96.0.0/24");
    let base64 = |bytes: &[u8]| BASE64_STANDARD.encode(bytes);
    let one = |list: &str, value: &str| json!({ list: [value] });
    let either = [
        ("name", json!({ "name": "" })),
        ("name", json!({ "name": "a\u{7}b" })),
        ("endpoint", json!({ "endpoint": "vpn.example.com" })),
        ("endpoint", json!({ "endpoint": "vpn.example.com:0" })),
        ("endpoint", json!({ "endpoint": "2001:db8::1:51820" })),
        ("endpoint", json!({ "endpoint": "999.1.1.1:51820" })),
        ("endpoint", json!({ "endpoint": "a b:51820" })),
        ("public_key", json!({ "public_key": "not a key" })),
        ("public_key", json!({ "public_key": base64(&[1; 31]) })),
        ("public_key", json!({ "public_key": base64(&[1; 33]) })),
        ("public_key", json!({ "public_key": base64(&[0; 32]) })),
        ("dns_servers[0]", one("dns_servers", "dns.example.com")),
        ("dns_servers[0]", one("dns_servers", "127.0.0.1")),
        ("dns_search[0]", one("dns_search", "not a domain")),
        ("masquerade_interfaces[0]", one("masquerade_interfaces", "eth0; reboot")),
        ("masquerade_interfaces[0]", one("masquerade_interfaces", "Eth1")),
        ("masquerade_interfaces[0]", one("masquerade_interfaces", "..")),
        ("masquerade_interfaces[0]", one("masquerade_interfaces", "a-name-with-more")),
        ("internal_networks[0]", one("internal_networks", "10.0.0.1/8")),
        ("listen_port", json!({ "listen_port": 0 })),
        ("listen_port", json!({ "listen_port": 65536 })),
        ("mtu", json!({ "mtu": 1279 })),
        ("mtu", json!({ "mtu": 1.5 })),
        ("persistent_keepalive", json!({ "persistent_keepalive": -1 })),
        ("private_key", json!({ "private_key": key() })),
    ];
    plane.refuses(Method::POST, "/admin/gateways", &valid, &either).await;
    let create = [
        ("name", json!({ "name": null })),
        ("endpoint", json!({ "endpoint": null })),
        ("address_pool_v4", json!({ "address_pool_v4": null })),
        ("address_pool_v4", json!({ "address_pool_v4": "100.96.0.1/24" })),
        ("address_pool_v4", json!({ "address_pool_v4": "100.96.0.0/31" })),
        ("address_pool_v4", json!({ "address_pool_v4": "0.0.0.0/0" })),
        ("address_pool_v4", json!({ "address_pool_v4": "fd00::/64" })),
        ("address_pool_v6", json!({ "address_pool_v6": "100.97.0.0/24" })),
        ("address_pool_v6", json!({ "address_pool_v6": "fd00::/48" })),
        ("address_pool_v6", json!({ "address_pool_v6": "fd00::1/64" })),
    ];
    plane.refuses(Method::POST, "/admin/gateways", &valid, &create).await;
    let missing = plane.admin.post("/admin/gateways", json!({})).await;
    assert_eq!(missing.1["error"]["message"], "name is required");
    let path = format!("/admin/gateways/{}", id(&plane.create("gateways", valid).await));
    plane.refuses(Method::PATCH, &path, &json!({}), &either).await;
    // Devices have their addresses: a pool never changes.
    let pool = json!({ "address_pool_v4": "100.97.0.0/24" });
    plane.refuses(Method::PATCH, &path, &json!({}), &[("address_pool_v4", pool)]).await;
    assert_eq!(plane.admin.get(&path).await.1["version"], 1, "nothing of it was stored");
}

#[tokio::test]
async fn names_pools_and_keys_belong_to_one_gateway() {
    let plane = Plane::start().await;
    let key = key();
    let first = json!({ "public_key": key, "address_pool_v6": "fd00:1::/64" });
    plane.create("gateways", with(gateway("one", "100.96.0.0/16"), first)).await;
    let create = |body: Value| plane.admin.post("/admin/gateways", body);
    let name = create(gateway("ONE", "100.97.0.0/16")).await;
    assert_conflict(&name, "gateway_name_taken", "name");
    for pool in ["100.96.0.0/16", "100.96.7.0/24", "100.0.0.0/8"] {
        let overlap = create(gateway("two", pool)).await;
        assert_conflict(&overlap, "pool_overlap", "address_pool_v4");
    }
    let v6 = json!({ "address_pool_v6": "fd00:1::/112" });
    assert_error(&create(with(gateway("two", "100.97.0.0/16"), v6)).await, 409, "pool_overlap");
    let taken = create(with(gateway("two", "100.97.0.0/16"), json!({ "public_key": key }))).await;
    assert_conflict(&taken, "public_key_taken", "public_key");
    let two = id(&plane.create("gateways", gateway("two", "100.97.0.0/16")).await);
    let path = format!("/admin/gateways/{two}");
    let rename = plane.admin.patch(&path, json!({ "name": "One" })).await;
    assert_conflict(&rename, "gateway_name_taken", "name");
    let taken = plane.admin.patch(&path, json!({ "public_key": key })).await;
    assert_conflict(&taken, "public_key_taken", "public_key");
}

#[tokio::test]
async fn unknown_gateways_are_404_and_stale_versions_412() {
    let plane = Plane::start().await;
    let nobody = format!("/admin/gateways/{NOBODY}");
    for (method, path) in [
        (Method::GET, nobody.clone()),
        (Method::PATCH, nobody.clone()),
        (Method::DELETE, nobody.clone()),
        (Method::POST, format!("{nobody}/join-token")),
        (Method::GET, format!("{nobody}/sync")),
    ] {
        let body = (method == Method::PATCH).then(|| json!({ "name": "x" }));
        let answer = plane.admin.send(method, &path, &[], body).await;
        assert_error(&(answer.status, answer.body), 404, "not_found");
    }
    let path = format!("/admin/gateways/{}", plane.gateway("gw", "100.96.0.0/24").await);
    assert_eq!(plane.admin.patch(&path, json!({ "name": "edge" })).await.0, 200);
    for method in [Method::PATCH, Method::DELETE] {
        let body = (method == Method::PATCH).then(|| json!({ "name": "x" }));
        let answer = plane.admin.send(method, &path, &[("if-match", "\"1\"")], body).await;
        assert_error(&(answer.status, answer.body), 412, "precondition_failed");
    }
}

#[tokio::test]
async fn a_node_joins_with_the_newest_token_once() {
    let plane = Plane::start().await;
    let gateway = id(&plane.create("gateways", gateway("gw", "100.96.0.0/24")).await);
    let path = format!("/admin/gateways/{gateway}");
    let token_path = format!("{path}/join-token");
    let issue = || plane.admin.post(&token_path, json!({}));
    let (status, old) = issue().await;
    assert_eq!(status, 201, "{old}");
    let (_, issued) = issue().await;
    let text = issued["token"].as_str().unwrap();
    let token: JoinToken = text.parse().unwrap();
    assert_eq!(token.gateway_id, gateway);
    let command = issued["command"].as_str().unwrap();
    assert!(command.starts_with("nexavpn-gateway join http://127.0.0.1:"), "{command}");
    assert!(command.ends_with(text));
    assert!(issued["expires_at"].as_str().unwrap().ends_with('Z'));

    let node = plane.server.client();
    let wg = key();
    let join = |token: &Value| {
        let body = json!({ "token": token, "public_key": wg, "agent_version": "0.1.0" });
        let node = node.clone();
        async move { node.post("/gateways/join", body).await }
    };
    assert_error(&join(&old["token"]).await, 403, "forbidden");
    let (status, joined) = join(&issued["token"]).await;
    assert_eq!((status, &joined["gateway_id"]), (201, &json!(gateway)), "{joined}");
    assert_error(&join(&issued["token"]).await, 403, "forbidden");
    let signing: [u8; 32] = BASE64_STANDARD
        .decode(joined["signing_keys"][0].as_str().unwrap())
        .unwrap()
        .try_into()
        .unwrap();
    let signing = ed25519_dalek::VerifyingKey::from_bytes(&signing).unwrap();
    assert!(token.names_signing_key(&signing));
    let (_, view) = plane.admin.get(&path).await;
    assert_eq!((&view["public_key"], &view["agent_version"]), (&json!(wg), &json!("0.1.0")));
    assert!(view["joined_at"].is_string());
    // Neither token nor credential is anywhere to be read.
    let all = plane.admin.get("/admin/audit-logs?page_size=200").await.1.to_string();
    assert!(!all.contains(text.split('.').nth(2).unwrap()));
    assert!(!all.contains(joined["credential"].as_str().unwrap()));
}

#[tokio::test]
async fn the_list_is_filtered() {
    let plane = Plane::start().await;
    let (b, a) = (
        plane.gateway("beta", "100.96.0.0/24").await,
        plane.gateway("alpha", "100.97.0.0/24").await,
    );
    let list = |query: &'static str| {
        let admin = plane.admin.clone();
        async move { ids(&admin.get(&format!("/admin/gateways{query}")).await.1) }
    };
    assert_eq!(list("").await, [&*a, &*b]);
    assert_eq!(list("?sort=created_at").await, [&*b, &*a]);
    assert_eq!(list("?q=be").await, [&*b]);
    assert_eq!(list("?joined=true").await, [""; 0]);
    assert_error(&plane.admin.get("/admin/gateways?joined=x").await, 400, "validation_error");
}

#[tokio::test]
async fn the_hosts_of_nodes_are_shown_over_a_range() {
    let plane = Plane::start().await;
    let made = id(&plane.create("gateways", gateway("gw", "100.96.0.0/24")).await);
    let path = format!("/admin/gateways/{made}/metrics");
    let (status, empty) = plane.admin.get(&path).await;
    assert_eq!((status, &empty["host"], &empty["points"]), (200, &Value::Null, &json!([])));
    let token = plane.admin.post(&format!("/admin/gateways/{made}/join-token"), json!({})).await.1;
    let join = json!({ "token": token["token"], "public_key": key(), "agent_version": "0.1.0" });
    let joined = plane.server.client().post("/gateways/join", join).await.1;
    let node = plane.server.client().with_token(joined["credential"].as_str().unwrap());
    let interface = |name: &str| {
        json!({ "name": name, "rx_bytes": 7, "tx_bytes": 8, "rx_packets": 1, "tx_packets": 1,
                "rx_errors": 0, "tx_errors": 0 })
    };
    let host = json!({
        "os_name": "Debian\u{0} GNU/Linux", "os_version": "12", "kernel": "6.1.0", "uptime_s": 60,
        "cpus": 2, "cpu": { "user_ms": 1, "system_ms": 2, "iowait_ms": 3, "steal_ms": 4,
        "idle_ms": 5 }, "memory_total": 100, "memory_available": 40, "disk_total": 10,
        "disk_free": 9, "interfaces": [interface("eth0"), interface("eth0"), interface("a b")],
    });
    let report = json!({
        "agent_version": "0.1.0", "peers": [], "reported_at": "2026-05-03T12:00:00Z", "host": host,
    });
    let sent = node.post(&format!("/gateways/{made}/status"), report).await;
    assert_eq!(sent.0, 204, "{}", sent.1);
    let to = (chrono::Utc::now() + chrono::TimeDelta::minutes(1)).to_rfc3339();
    let shown = plane.admin.get(&format!("{path}?to={}", to.replace('+', "%2B"))).await.1;
    assert_eq!(shown["host"]["os_name"], "Debian GNU/Linux", "{shown}");
    let point = &shown["points"][0];
    assert_eq!((&point["samples"], &point["cpu"]), (&json!(1), &Value::Null), "{shown}");
    assert_eq!(point["memory"]["used_max_bytes"], 60);
    assert_eq!(shown["step"], 16);

    let day = "from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z";
    assert_eq!(plane.admin.get(&format!("{path}?{day}")).await.1["step"], 361);
    for (query, field) in [
        (format!("{day}&step=86"), "step"),
        (format!("{day}&step=9"), "step"),
        ("step=x".to_owned(), "step"),
        ("from=yesterday".to_owned(), "from"),
        ("to=2026-13-01T00:00:00Z".to_owned(), "to"),
        ("from=2026-01-02T00:00:00Z&to=2026-01-02T00:00:00Z".to_owned(), "from"),
    ] {
        let answer = plane.admin.send(Method::GET, &format!("{path}?{query}"), &[], None).await;
        super::assert_invalid(&answer, field, &json!(query));
    }
    assert_eq!(plane.admin.get(&format!("{path}?{day}&step=87")).await.0, 200);
    let nobody = plane.admin.get(&format!("/admin/gateways/{NOBODY}/metrics")).await;
    assert_error(&nobody, 404, "not_found");
}
