//! A device that gets another gateway, and which one a new device gets.

use nexavpn_bundle::GatewaySecrets;
use nexavpn_commands::{EnrolRequest, ForUser, NewKey, Request};
use nexavpn_domain::ids::UserId;
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::PgPool;

use super::{Node, assert_true, problems};
use crate::api_admin::{NOBODY, Plane, assert_conflict, assert_error, gateway, id, key, with};

/// The revision of a gateway's bundle, and each of its devices' addresses.
async fn bundle(plane: &Plane, gateway: &str) -> (i64, Vec<(String, String)>) {
    let (_, bundle) = plane.admin.get(&format!("/admin/gateways/{gateway}/sync")).await;
    let payload = &bundle["payload"];
    let devices = payload["devices"].as_array().unwrap().iter();
    let devices = devices.map(|device| (id(device), device["ips"].to_string()));
    (payload["revision"].as_i64().unwrap(), devices.collect())
}

async fn counted(pool: &PgPool, gateway: &str) -> i64 {
    let sql = "SELECT count(*) FROM device_index WHERE gateway_id::text = $1";
    sqlx::query_scalar(sql).bind(gateway).fetch_one(pool).await.unwrap()
}

async fn enrol(plane: &Plane, user: &str, name: &str, at: &str) -> String {
    let body = json!({ "name": name, "public_key": key(), "gateway_id": at });
    let (status, made) = plane.admin.post(&format!("/admin/users/{user}/devices"), body).await;
    assert_eq!(status, 201, "{made}");
    id(&made["device"])
}

#[tokio::test]
async fn a_device_leaves_one_gateway_and_comes_to_the_other() {
    let plane = Plane::start().await;
    let one = plane.gateway("one", "100.96.0.0/24").await;
    let body = json!({
        "public_key": key(), "address_pool_v6": "fd00:97::/64", "endpoint": "two.example.com:7",
    });
    let two = id(&plane.create("gateways", with(gateway("two", "100.97.0.0/24"), body)).await);
    let alice = plane.server.user("alice", "user").await;
    let policy = json!({
        "name": "open", "priority": 1, "effect": "allow", "destinations": ["172.16.1.0/24"],
        "targets": [{ "type": "everyone" }],
    });
    plane.create("policies", policy).await;
    let enrolment = json!({ "name": "laptop", "public_key": key(), "gateway_id": one });
    let (status, made) = alice.post("/me/devices", enrolment).await;
    assert_eq!(status, 201, "{made}");
    let device = id(&made["device"]);
    let path = format!("/admin/devices/{device}");
    let old_address = made["peer"]["assigned_ip"].clone();
    let before = (bundle(&plane, &one).await, bundle(&plane, &two).await);
    assert_eq!((before.0.1.len(), before.1.1.len()), (1, 0));

    let body = json!({ "gateway_id": two });
    let stale = [("if-match", "\"9\"")];
    let refused = plane.admin.send(Method::PATCH, &path, &stale, Some(body.clone())).await;
    assert_eq!(refused.status, 412, "{}", refused.body);
    let right = [("if-match", "\"1\"")];
    let moved = plane.admin.send(Method::PATCH, &path, &right, Some(body.clone())).await;
    assert_eq!(moved.status, 200, "{}", moved.body);
    let moved = moved.body;
    assert_eq!((&moved["gateway_id"], &moved["gateway_name"]), (&json!(two), &json!("two")));
    assert_eq!((&moved["profile_revision"], &moved["status"]), (&json!(2), &json!("active")));
    let address = moved["assigned_ip"].as_str().unwrap();
    assert!(address.starts_with("100.97.0."), "{moved}");
    assert!(moved["assigned_ipv6"].as_str().unwrap().starts_with("fd00:97::"), "{moved}");

    // Both bundles are new ones: it is in one of them.
    let after = (bundle(&plane, &one).await, bundle(&plane, &two).await);
    assert!(after.0.0 > before.0.0 && after.1.0 > before.1.0, "{before:?} {after:?}");
    assert_eq!(after.0.1, []);
    assert!(after.1.1[0].0 == device && after.1.1[0].1.contains(address), "{after:?}");
    // The client learns of it, and what it needs now.
    let beat = json!({ "profile_revision": 1 });
    let (_, beat) = alice.post(&format!("/devices/{device}/heartbeat"), beat).await;
    assert_eq!(beat["profile_outdated"], true, "{beat}");
    let (_, profile) = alice.get("/me/profile").await;
    assert_eq!(profile["peer"]["gateway"]["endpoint"], "two.example.com:7");
    assert_eq!(profile["peer"]["allowed_ips"], json!(["172.16.1.0/24"]), "{profile}");
    let content = profile["profile"]["content"].as_str().unwrap();
    assert!(content.contains("two.example.com:7") && content.contains(address), "{content}");
    // Lists, counts and the log follow.
    for (gateway, devices) in [(&one, 0), (&two, 1)] {
        let (_, listed) = plane.admin.get(&format!("/admin/devices?gateway={gateway}")).await;
        assert_eq!(listed["total"], devices);
        let (_, view) = plane.admin.get(&format!("/admin/gateways/{gateway}")).await;
        assert_eq!(view["device_count"], devices);
        assert_eq!(counted(&plane.db.pool, gateway).await, devices);
    }
    let (_, log) = plane.admin.get("/admin/audit-logs?event_type=device.gateway_changed").await;
    assert_eq!((&log["total"], log.to_string().contains(&two)), (&json!(1), true), "{log}");

    // Where it is already is no change. The place that it had rests.
    let same = plane.admin.patch(&path, body).await.1;
    assert_eq!(same["updated_at"], moved["updated_at"]);
    let back = json!({ "gateway_id": one, "assigned_ip": old_address });
    assert_conflict(&plane.admin.patch(&path, back).await, "address_taken", "assigned_ip");
    let back = json!({ "gateway_id": one, "assigned_ip": "100.96.0.77", "name": "old laptop" });
    let (status, back) = plane.admin.patch(&path, back).await;
    assert_eq!((status, &back["assigned_ip"]), (200, &json!("100.96.0.77/32")), "{back}");
    assert_eq!((&back["assigned_ipv6"], &back["name"]), (&Value::Null, &json!("old laptop")));
    assert_eq!(bundle(&plane, &two).await.1, []);
    let deleted = plane.admin.delete(&format!("/admin/gateways/{two}")).await;
    assert_eq!(deleted.0, 204, "{}", deleted.1);
    assert_true(&plane).await;
}

#[tokio::test]
async fn a_gateway_that_cannot_have_it_is_refused() {
    let plane = Plane::start().await;
    let one = plane.gateway("one", "100.96.0.0/24").await;
    let tiny = plane.gateway("tiny", "100.97.0.0/30").await;
    let keyless = id(&plane.create("gateways", gateway("keyless", "100.98.0.0/24")).await);
    let alice = plane.user("alice").await;
    let device = enrol(&plane, &alice, "laptop", &one).await;
    let path = format!("/admin/devices/{device}");
    let cases = [
        ("gateway_id", json!({ "gateway_id": NOBODY })),
        ("gateway_id", json!({ "gateway_id": 7 })),
        ("assigned_ip", json!({ "gateway_id": tiny, "assigned_ip": "100.96.0.9" })),
        ("assigned_ip", json!({ "gateway_id": tiny, "assigned_ip": "nine" })),
    ];
    plane.refuses(Method::PATCH, &path, &json!({}), &cases).await;
    let to = |gateway: &str| json!({ "gateway_id": gateway });
    assert_error(&plane.admin.patch(&path, to(&keyless)).await, 409, "gateway_not_ready");
    enrol(&plane, &alice, "phone", &tiny).await;
    assert_error(&plane.admin.patch(&path, to(&tiny)).await, 409, "pool_exhausted");
    let view = plane.admin.send(Method::GET, &path, &[], None).await;
    assert_eq!((&view.body["gateway_id"], view.header("etag")), (&json!(one), "\"1\""));
    plane.admin.post(&format!("{path}/revoke"), json!({})).await;
    for body in [to(&tiny), json!({ "assigned_ip": "100.96.0.9" })] {
        assert_error(&plane.admin.patch(&path, body).await, 409, "device_revoked");
    }
    let unknown = format!("/admin/devices/{NOBODY}");
    assert_error(&plane.admin.patch(&unknown, to(&tiny)).await, 404, "not_found");
    assert_true(&plane).await;
}

#[tokio::test]
async fn many_devices_are_moved_at_once() {
    let plane = Plane::start().await;
    let (one, two) =
        (plane.gateway("one", "100.96.0.0/24").await, plane.gateway("two", "100.97.0.0/29").await);
    let alice = plane.user("alice").await;
    let mut devices = vec![];
    for n in 0..7 {
        devices.push(enrol(&plane, &alice, &format!("d{n}"), &one).await);
    }
    let body = json!({ "action": "move", "ids": devices, "gateway_id": two });
    let (status, answer) = plane.admin.post("/admin/devices/bulk", body.clone()).await;
    assert_eq!(status, 200, "{answer}");
    // The pool has room for five.
    assert_eq!((&answer["succeeded"], &answer["failed"]), (&json!(5), &json!(2)), "{answer}");
    let refused = answer["results"].as_array().unwrap().iter();
    let refused = refused.filter(|r| r["error"]["code"] == "pool_exhausted");
    assert_eq!(refused.count(), 2, "{answer}");
    let (_, again) = plane.admin.post("/admin/devices/bulk", body).await;
    assert_eq!(again["succeeded"], 5, "{again}");
    assert_eq!((bundle(&plane, &one).await.1.len(), bundle(&plane, &two).await.1.len()), (2, 5));
    let wrong = [
        json!({ "action": "move", "ids": devices }),
        json!({ "action": "revoke", "ids": devices, "gateway_id": two }),
    ];
    for body in wrong {
        let refused = plane.admin.post("/admin/devices/bulk", body).await;
        assert_error(&refused, 400, "validation_error");
        assert_eq!(refused.1["error"]["details"][0]["field"], "gateway_id");
    }
    assert_true(&plane).await;
}

#[tokio::test]
async fn a_gateway_goes_or_gets_the_device() {
    let plane = Plane::start().await;
    let home = plane.gateway("home", "100.96.0.0/24").await;
    let alice = plane.user("alice").await;
    let path = format!("/admin/devices/{}", enrol(&plane, &alice, "laptop", &home).await);
    for n in 1..9 {
        let other = plane.gateway(&format!("g{n}"), &format!("100.97.{n}.0/24")).await;
        let away = json!({ "gateway_id": other });
        let gone = format!("/admin/gateways/{other}");
        let (moved, deleted) =
            tokio::join!(plane.admin.patch(&path, away), plane.admin.delete(&gone));
        match (moved.0, deleted.0) {
            (200, 409) => assert_error(&deleted, 409, "gateway_in_use"),
            (400 | 404, 204) => {}
            _ => panic!("{moved:?} {deleted:?}"),
        }
        plane.admin.patch(&path, json!({ "gateway_id": home })).await;
    }
    assert_true(&plane).await;
}

#[tokio::test]
async fn the_gateway_with_the_fewest_devices_is_chosen_by_their_number() {
    let plane = Plane::start().await;
    let mut gateways = vec![];
    for n in 0..3 {
        gateways.push(plane.gateway(&format!("g{n}"), &format!("100.97.{n}.0/24")).await);
    }
    let (alice, bob) = (plane.user("alice").await, plane.user("bob").await);
    let count = async |expected: [i64; 3]| {
        for (gateway, expected) in gateways.iter().zip(expected) {
            assert_eq!(counted(&plane.db.pool, gateway).await, expected);
        }
    };
    // Named ones first, many at once: no increase is lost.
    let mut enrolments = tokio::task::JoinSet::new();
    for n in 0..16 {
        let (owner, at) = if n < 8 { (&alice, &gateways[0]) } else { (&bob, &gateways[1]) };
        let body = json!({ "name": format!("d{n}"), "public_key": key(), "gateway_id": at });
        let (path, admin) = (format!("/admin/users/{owner}/devices"), plane.admin.clone());
        enrolments.spawn(async move { admin.post(&path, body).await });
    }
    let made = enrolments.join_all().await;
    assert!(made.iter().all(|(status, _)| *status == 201), "{made:?}");
    count([8, 8, 0]).await;
    let carol = plane.user("carol").await;
    for n in 0..9 {
        plane.device(&carol, &format!("c{n}")).await;
    }
    let counts: Vec<i64> = {
        let mut counts = vec![];
        for gateway in &gateways {
            counts.push(counted(&plane.db.pool, gateway).await);
        }
        counts
    };
    assert!(counts[2] >= 8 && counts.iter().sum::<i64>() == 25, "{counts:?}");
    // A revocation, a deleted user, and a gateway that goes with its devices.
    let (_, of_bob) = plane.admin.get(&format!("/admin/devices?user={bob}")).await;
    let of_bob = id(&of_bob["items"][0]);
    plane.admin.post(&format!("/admin/devices/{of_bob}/revoke"), json!({})).await;
    assert_eq!(plane.admin.delete(&format!("/admin/users/{alice}")).await.0, 204);
    assert_eq!(counted(&plane.db.pool, &gateways[1]).await, counts[1] - 1);
    assert_eq!(counted(&plane.db.pool, &gateways[0]).await, counts[0] - 8);
    let path = format!("/admin/gateways/{}?force=true", gateways[2]);
    assert_eq!(plane.admin.delete(&path).await.0, 204);
    assert_true(&plane).await;
}

#[tokio::test]
async fn a_new_device_goes_where_the_fleet_says_and_the_database_would() {
    let plane = Plane::start().await;
    let mut gateways = vec![];
    for n in 0..4 {
        gateways.push(plane.gateway(&format!("g{n}"), &format!("100.97.{n}.0/24")).await);
    }
    plane.create("gateways", gateway("without a key", "100.98.0.0/24")).await;
    let alice = plane.user("alice").await;
    let of = async |device: &str| {
        let (_, device) = plane.admin.get(&format!("/admin/devices/{device}")).await;
        device["gateway_id"].as_str().unwrap().to_owned()
    };
    let by_fleet = async |name: &str| of(&plane.device(&alice, name).await).await;
    // Whoever does not know where the log ended asks the database.
    let by_database = async |name: &str| {
        let new = EnrolRequest {
            name: name.to_owned(),
            platform: None,
            os_version: None,
            app_version: None,
            fingerprint: None,
            key: NewKey::Generate,
            gateway_id: None,
            address: None,
            expires_at: None,
            meanwhile: None,
        };
        let commands = plane.server.commands();
        let request = Request::system("test", uuid::Uuid::from_u128(1));
        let owner = ForUser::Admin(UserId(alice.parse().unwrap()));
        let done = commands.enrol_device(&request, owner, new).await.unwrap();
        plane.server.app.settle(done.position).await;
        of(&done.value.device_id.to_string()).await
    };
    let drained = format!("/admin/gateways/{}/drain", gateways[3]);
    let (status, body) = plane.admin.post(&drained, json!({})).await;
    assert_eq!(status, 202, "{body}");
    enrol(&plane, &alice, "named", &gateways[0]).await;
    // The fewest, and of equals the one with the lowest id: told at once, by either.
    let mut empty = [gateways[1].clone(), gateways[2].clone()];
    empty.sort();
    assert_eq!(by_fleet("a").await, empty[0]);
    assert_eq!(by_database("b").await, empty[1]);
    let mut all = gateways[..3].to_vec();
    all.sort();
    assert_eq!(by_database("c").await, all[0]);
    assert_eq!(by_fleet("d").await, all[1]);
    assert_eq!(by_fleet("e").await, all[2]);
    // The drain ends, and the next one goes there.
    assert_eq!(plane.admin.delete(&drained).await.0, 204);
    assert_eq!(by_fleet("f").await, gateways[3]);
    assert_eq!(by_database("g").await, gateways[3]);
}

#[tokio::test]
async fn keys_that_outlive_their_device_are_found() {
    let plane = Plane::start().await;
    let wanted = json!({ "preshared_keys": true });
    let node = Node::join(&plane, with(gateway("one", "100.96.0.0/24"), wanted)).await;
    let alice = plane.user("alice").await;
    let device = enrol(&plane, &alice, "laptop", &node.id).await;
    let pool = &plane.db.pool;
    let kept = "SELECT count(*) FROM device_preshared_key WHERE device_id::text = $1";
    let kept = async || sqlx::query_scalar::<_, i64>(kept).bind(&device).fetch_one(pool).await;
    assert_eq!(kept().await.unwrap(), 1);
    // They go with it.
    plane.admin.post(&format!("/admin/devices/{device}/revoke"), json!({})).await;
    assert_eq!(kept().await.unwrap(), 0);
    assert_true(&plane).await;
    for (stray, tidy) in [
        ("INSERT INTO device_preshared_key VALUES ($1::uuid, 'ref', '')", "device_preshared_key"),
        ("INSERT INTO device_private_key VALUES ($1::uuid, '')", "device_private_key"),
    ] {
        sqlx::query(stray).bind(&device).execute(pool).await.unwrap();
        let found = problems(&plane).await;
        assert!(matches!(&found[..], [p] if p.contains(&device)), "{found:?}");
        sqlx::raw_sql(&format!("DELETE FROM {tidy}")).execute(pool).await.unwrap();
    }
}

#[tokio::test]
async fn a_device_takes_its_preshared_key_along() {
    let plane = Plane::start().await;
    let wanted = json!({ "preshared_keys": true });
    let one = Node::join(&plane, with(gateway("one", "100.96.0.0/24"), wanted)).await;
    let two = Node::join(&plane, gateway("two", "100.97.0.0/24")).await;
    let device = enrol(&plane, &plane.user("alice").await, "laptop", &one.id).await;
    let psk_ref = |bundle: nexavpn_bundle::VerifiedBundle| {
        bundle.payload.devices.first().and_then(|device| device.psk_ref.clone())
    };
    let secrets = async |node: &Node| {
        let path = format!("/admin/gateways/{}/secrets", node.id);
        let (status, secrets) = node.client.get(&path).await;
        assert_eq!(status, 200, "{secrets}");
        serde_json::from_value::<GatewaySecrets>(secrets).unwrap()
    };
    let named = psk_ref(one.newest(None).await).unwrap();
    let body = json!({ "gateway_id": two.id });
    let moved = plane.admin.patch(&format!("/admin/devices/{device}"), body).await;
    assert_eq!(moved.0, 200, "{}", moved.1);
    // Its new node names it and gets it, the old one no more.
    assert_eq!(psk_ref(two.newest(None).await), Some(named.clone()));
    assert!(secrets(&two).await.key(&named).is_some());
    assert!(one.newest(None).await.payload.devices.is_empty());
    assert!(secrets(&one).await.secrets.is_empty());
}
