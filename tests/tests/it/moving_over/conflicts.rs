//! What stands in the way is told all at once, and nothing is changed.

use serde_json::{Value, json};

use super::{Importer, client, events, pair, wg0_json};
use crate::api_admin::{Plane, gateway, id, key, with};

const ENDPOINT: [&str; 2] = ["--endpoint", "vpn.example.com:51820"];

/// Each line of a refusal, by what it is about.
fn about<'a>(said: &'a str, field: &str) -> Vec<&'a str> {
    said.lines().filter_map(|line| line.strip_prefix(&format!("  {field}"))).collect()
}

#[tokio::test]
async fn everything_that_is_wrong_is_told_at_once() {
    let plane = Plane::start().await;
    let alice = plane.user("alice").await;
    let bert = plane.user("bert").await;
    plane.gateway("berlin", "10.9.0.0/16").await;
    plane.gateway("overlapping", "10.8.0.128/25").await;
    plane.device(&alice, "Laptop").await;
    let used = key();
    let body = json!({ "name": "other", "public_key": used });
    assert_eq!(plane.admin.post(&format!("/admin/users/{bert}/devices"), body).await.0, 201);

    let (server, twin) = (pair(), client("twin", "10.8.0.9"));
    let bad = |name: &str, address: &str, more: Value| with(client(name, address), more);
    let clients = [
        client("laptop", "10.8.0.2"),
        bad("used", "10.8.0.3", json!({ "publicKey": used, "privateKey": null })),
        client("outside", "10.7.0.3"),
        client("server's", "10.8.0.1"),
        client("nowhere", "10.8.0"),
        client("first", "10.8.0.7"),
        client("second", "10.8.0.7"),
        twin.clone(),
        with(twin, json!({ "name": "copy", "address": "10.8.0.10" })),
        bad("mismatch", "10.8.0.11", json!({ "publicKey": key() })),
        bad("keyless", "10.8.0.12", json!({ "publicKey": null })),
        bad("psk", "10.8.0.13", json!({ "preSharedKey": "AAAA" })),
        bad("private", "10.8.0.14", json!({ "privateKey": "AAAA" })),
    ];
    let importer = Importer::of(&plane);
    let file = importer.write("wg0.json", wg0_json(&server, &clients).to_string());
    let before = events(&plane.db.pool).await;
    for mode in [&["--dry-run"][..], &[]] {
        let options = [&["--owner", "alice", "--endpoint", "vpn", "--mtu", "1"][..], mode].concat();
        let said = importer.refuses(&file, &options).await;
        for (field, why) in [
            ("--endpoint", "must be host:port"),
            ("--mtu", "between 1280 and 9000"),
            ("--gateway", r#"overlaps that of the gateway "overlapping""#),
            (r#"client "laptop" (10.8.0.2)"#, "another device of this name"),
            (r#"client "used" (10.8.0.3)"#, "keys are never used twice"),
            (r#"client "nowhere" (10.8.0)"#, "no IPv4 address"),
            (r#"client "copy" (10.8.0.10)"#, "its public key is that of"),
            (r#"client "mismatch" (10.8.0.11)"#, "not that of its public key"),
            (r#"client "keyless" (10.8.0.12)"#, "its public key must be"),
            (r#"client "psk" (10.8.0.13)"#, "its preshared key is no"),
            (r#"client "private" (10.8.0.14)"#, "its private key is no"),
            (r#"client "outside" (10.7.0.3)"#, "its address is none"),
            (r#"client "server's" (10.8.0.1)"#, "its address is none"),
        ] {
            let lines = about(&said, field);
            assert!(lines.iter().any(|line| line.contains(why)), "{field}: {why} in:\n{said}");
        }
        let shared = said.lines().filter(|line| line.contains("its address is that of client"));
        assert_eq!(shared.count(), 1, "{said}");
        assert!(said.contains("nothing was changed, because of 14 problems"), "{said}");
        assert_eq!(events(&plane.db.pool).await, before, "{said}");
    }

    let other = [&["--owner", "nobody"][..], &ENDPOINT].concat();
    let said = importer.refuses(&file, &other).await;
    assert!(about(&said, "--owner")[0].contains("there is no user"), "{said}");
    let disable = plane.admin.post(&format!("/admin/users/{alice}/disable"), json!({})).await;
    assert_eq!(disable.0, 200, "{}", disable.1);
    let said = importer.refuses(&file, &[&["--owner", "alice"][..], &ENDPOINT].concat()).await;
    assert!(about(&said, "--owner")[0].contains("disabled"), "{said}");
}

#[tokio::test]
async fn a_gateway_that_exists_is_taken_where_it_fits() {
    let plane = Plane::start().await;
    let alice = plane.user("alice").await;
    let server = pair();
    let importer = Importer::of(&plane);
    let clients = [client("phone", "10.8.0.2"), client("tablet", "10.8.0.3")];
    let file = importer.write("wg0.json", wg0_json(&server, &clients).to_string());
    let refused = async |name: &str, why: &str| {
        let said = importer.refuses(&file, &["--owner", "alice", "--gateway", name]).await;
        assert!(said.contains("--gateway") && said.contains(why), "{name}: {why} in:\n{said}");
    };
    plane.create("gateways", gateway("elsewhere", "10.9.0.0/24")).await;
    refused("elsewhere", "has the pool 10.9.0.0/24, and the server 10.8.0.0/24").await;
    let keyed = with(gateway("keyed", "10.8.0.0/24"), json!({ "public_key": key() }));
    let keyed = id(&plane.create("gateways", keyed).await);
    refused("Keyed", "has another WireGuard key").await;
    assert_eq!(plane.admin.delete(&format!("/admin/gateways/{keyed}")).await.0, 204);

    // Without a key of its own, and with an IPv6 pool besides.
    let fits = json!({ "address_pool_v6": "fd00:8::/64", "mtu": 1300 });
    let fits = id(&plane.create("gateways", with(gateway("fits", "10.8.0.0/24"), fits)).await);
    let said = importer.imports(&file, &["--owner", "alice", "--gateway", "FITS"]).await;
    assert!(said.contains("there already, gets the server's key"), "{said}");
    assert!(said.contains("MTU         1300"), "its settings are kept: {said}");
    let said = importer.imports(&file, &["--owner", "alice", "--gateway", "fits"]).await;
    assert!(said.contains("All of it is there already"), "{said}");

    // Another user, or another gateway's name, for the same file.
    plane.user("bert").await;
    let said = importer.refuses(&file, &["--owner", "bert", "--gateway", "fits"]).await;
    assert_eq!(about(&said, "client").len(), 2, "{said}");
    let said = importer.refuses(&file, &[&["--owner", "alice"][..], &ENDPOINT].concat()).await;
    let key = about(&said, "server's public key");
    assert!(key[0].contains(r#"that of the gateway "fits""#), "{said}");

    // An address that somebody has there, and one that rests.
    let taken = json!({ "name": "new", "public_key": self::key(), "gateway_id": fits,
        "assigned_ip": "10.8.0.4" });
    let path = format!("/admin/users/{alice}/devices");
    let (status, made) = plane.admin.post(&path, taken).await;
    assert_eq!(status, 201, "{made}");
    let more = [&clients[..], &[client("third", "10.8.0.4")]].concat();
    let file = importer.write("wg0.json", wg0_json(&server, &more).to_string());
    let held = importer.refuses(&file, &["--owner", "alice", "--gateway", "fits"]).await;
    let revoke = format!("/admin/devices/{}/revoke", id(&made["device"]));
    assert_eq!(plane.admin.post(&revoke, json!({})).await.0, 200);
    let rests = importer.refuses(&file, &["--owner", "alice", "--gateway", "fits"]).await;
    for said in [held, rests] {
        let client = about(&said, "client");
        assert!(client.len() == 1 && client[0].contains("in use at this gateway"), "{said}");
    }
}

#[tokio::test]
async fn other_files_are_refused_in_words_that_help() {
    let plane = Plane::start().await;
    plane.user("alice").await;
    let importer = Importer::of(&plane);
    let (secret, _) = pair();
    let conf = format!("# Server\n[Interface]\nPrivateKey = {secret}\n");
    let wrong = format!(
        r#"{{"server": {{"publicKey": "", "address": "10.8.0.1"}}, "clients": {{"x": {{"privateKey": ["{secret}"]}}}}}}"#
    );
    let second = format!(
        r#"{{"server": {{"publicKey": "{secret}", "address": "10.8.0.2"}}, "clients": {{}}}}"#
    );
    let late = r#"{"server": {"publicKey": "", "address": "10.8.0.1"}, "clients": {"x": {"expiredAt": "soon"}}}"#;
    for (name, content, why) in [
        ("wg0.conf", conf.as_str(), "give wg0.json"),
        ("empty", "", "not what wg-easy 14 writes"),
        ("list", "[]", "not what wg-easy 14 writes"),
        ("wrong", &wrong, "clients.x.privateKey"),
        ("second", &second, "10.8.0.1"),
        ("late", late, "clients.x.expiredAt is no time"),
        ("cut.db", "SQLite format 3\0", "not what wg-easy 15 writes"),
    ] {
        let file = importer.write(name, content);
        let said = importer.refuses(&file, &["--owner", "alice"]).await;
        assert!(said.contains(why) && said.contains(name), "{name}: {said}");
        assert!(!said.contains(&secret), "{name}: {said}");
    }
    let missing = importer.path().join("missing.json");
    let said = importer.refuses(&missing, &["--owner", "alice"]).await;
    assert!(said.contains("cannot read"), "{said}");
}
