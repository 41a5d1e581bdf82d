//! A device that gets another owner, or another address.

use nexavpn_projections::{REGISTRY, compare};
use nexavpn_store::verify;
use reqwest::Method;
use serde_json::{Value, json};

use super::{NOBODY, Plane, assert_conflict, assert_error, id, key};

/// What is kept beside the events is what they give.
async fn assert_true(plane: &Plane) {
    let store = plane.server.commands().store();
    let report = verify(&plane.db.pool, store.keyring()).await.unwrap();
    assert_eq!(report.problems, Vec::<String>::new());
    for projection in REGISTRY {
        let owner = &plane.db.owner_pool;
        let differences = compare(owner, &store.log(), projection.name()).await.unwrap();
        assert!(differences.is_empty(), "{}: {differences:#?}", projection.name());
    }
}

async fn erase(plane: &Plane, user: &str) {
    let erased = plane.admin.post(&format!("/admin/users/{user}/erase"), json!({})).await;
    assert_eq!(erased.0, 200, "{}", erased.1);
}

#[tokio::test]
async fn a_device_becomes_somebody_elses() {
    let plane = Plane::start().await;
    let gateway = plane.gateway("gw", "100.96.0.0/24").await;
    let alice = plane.server.user("alice", "user").await;
    let bob = plane.server.user("bob", "user").await;
    for (client, network) in [(&alice, "172.16.1.0/24"), (&bob, "172.16.2.0/24")] {
        let policy = json!({
            "name": network, "priority": 1, "effect": "allow", "destinations": [network],
            "targets": [{ "type": "user", "id": client.user_id() }],
        });
        plane.create("policies", policy).await;
    }
    let enrolment = |name: &str| {
        json!({
            "name": name, "platform": "macos", "os_version": "14.4", "public_key": key(),
            "device_fingerprint": "sha256:moved",
        })
    };
    let (status, made) = alice.post("/devices/enroll", enrolment("laptop")).await;
    assert_eq!(status, 201, "{made}");
    let device = id(&made["device"]);
    assert_eq!(made["peer"]["allowed_ips"], json!(["172.16.1.0/24"]));
    let elsewhere = plane.server.client().login("alice", nexavpn_tests::harness::PASSWORD).await;
    let path = format!("/admin/devices/{device}");

    let (status, moved) = plane.admin.patch(&path, json!({ "user_id": bob.user_id() })).await;
    assert_eq!(status, 200, "{moved}");
    assert_eq!(moved["user_id"], bob.user_id());
    assert_eq!((&moved["name"], &moved["os_version"]), (&json!("laptop"), &json!("14.4")));
    assert_eq!(moved["profile_revision"], 2);
    // The session that spoke for it is over; others of its owner are not, and see it no more.
    assert_error(&alice.get("/auth/me").await, 401, "invalid_token");
    assert_eq!(elsewhere.get("/me/devices").await.1["total"], 0);
    let hidden = elsewhere.get(&format!("/me/devices/{device}")).await;
    assert_error(&hidden, 404, "not_found");
    let (_, profile) = bob.get("/me/profile").await;
    assert_eq!(profile["peer"]["allowed_ips"], json!(["172.16.2.0/24"]), "{profile}");
    let (_, bundle) = plane.admin.get(&format!("/admin/gateways/{gateway}/sync")).await;
    assert!(bundle.to_string().contains(&device), "{bundle}");
    // Its name is among the new owner's, and the machine is known as theirs.
    let again = bob.post("/me/devices", json!({ "name": "Laptop", "public_key": key() })).await;
    assert_conflict(&again, "device_name_taken", "name");
    let (status, same) = bob.post("/devices/enroll", enrolment("anything")).await;
    assert_eq!((status, id(&same["device"])), (200, device.clone()), "{same}");
    let (status, new) = elsewhere.post("/devices/enroll", enrolment("laptop")).await;
    assert_eq!(status, 201, "{new}");
    // The audit log says who had it.
    let (_, log) = plane.admin.get("/admin/audit-logs?event_type=device.owner_changed").await;
    assert!(log.to_string().contains(alice.user_id()), "{log}");
    // Again to the same owner is no change.
    let version = plane.admin.get(&path).await.1["updated_at"].clone();
    plane.admin.patch(&path, json!({ "user_id": bob.user_id() })).await;
    assert_eq!(plane.admin.get(&path).await.1["updated_at"], version);
    assert_true(&plane).await;
}

#[tokio::test]
async fn what_came_along_is_gone_with_either_owner() {
    let plane = Plane::start().await;
    plane.gateway("gw", "100.96.0.0/24").await;
    let mut devices = vec![];
    for (old, new) in [("anna", "bert"), ("clara", "dora"), ("emil", "fred")] {
        let owner = plane.server.user(old, "user").await;
        let to = plane.user(new).await;
        let body = json!({
            "name": format!("{old}s laptop"), "os_version": "14.4", "public_key": key(),
            "device_fingerprint": format!("sha256:{old}"),
        });
        let (status, made) = owner.post("/devices/enroll", body).await;
        assert_eq!(status, 201, "{made}");
        let path = format!("/admin/devices/{}", id(&made["device"]));
        let (status, moved) = plane.admin.patch(&path, json!({ "user_id": to })).await;
        assert_eq!(status, 200, "{moved}");
        assert_eq!(moved["name"], format!("{old}s laptop"));
        devices.push((path, owner.user_id().to_owned(), to));
    }
    // The old owner's: the name goes, the device stays.
    let (path, old, new) = &devices[0];
    erase(&plane, old).await;
    let view = plane.admin.get(path).await.1;
    assert_eq!((&view["name"], &view["os_version"]), (&Value::Null, &Value::Null), "{view}");
    assert_eq!((&view["user_id"], &view["status"]), (&json!(new), &json!("active")));
    // Whoever has it now gives it a name of their own, and may hand it on.
    let renamed = plane.admin.patch(path, json!({ "name": "mine" })).await.1;
    assert_eq!(renamed["name"], "mine");
    let next = plane.user("gina").await;
    let moved = plane.admin.patch(path, json!({ "user_id": next })).await.1;
    assert_eq!((&moved["name"], &moved["user_id"]), (&json!("mine"), &json!(next)));
    // The new owner's: revoked, and nothing is left of it.
    let (path, _, new) = &devices[1];
    erase(&plane, new).await;
    let view = plane.admin.get(path).await.1;
    assert_eq!((&view["name"], &view["status"]), (&Value::Null, &json!("revoked")), "{view}");
    // A name of the new owner's own stays when the old one goes.
    let (path, old, _) = &devices[2];
    plane.admin.patch(path, json!({ "name": "freds" })).await;
    erase(&plane, old).await;
    assert_eq!(plane.admin.get(path).await.1["name"], "freds");
    let clear: String = sqlx::query_scalar("SELECT string_agg(d::text, ' ') FROM read.devices d")
        .fetch_one(&plane.db.pool)
        .await
        .unwrap();
    for word in ["annas", "claras", "emils", "sha256:"] {
        assert!(!clear.contains(word), "{word}: {clear}");
    }
    assert_true(&plane).await;
}

#[tokio::test]
async fn an_owner_who_cannot_have_it_is_refused() {
    let plane = Plane::start().await;
    plane.gateway("gw", "100.96.0.0/24").await;
    let (alice, bob) = (plane.user("alice").await, plane.user("bob").await);
    let path = format!("/admin/devices/{}", plane.device(&alice, "laptop").await);
    let cases = [("user_id", json!({ "user_id": NOBODY })), ("user_id", json!({ "user_id": 7 }))];
    plane.refuses(Method::PATCH, &path, &json!({}), &cases).await;
    plane.device(&bob, "Laptop").await;
    let taken = plane.admin.patch(&path, json!({ "user_id": bob })).await;
    assert_conflict(&taken, "device_name_taken", "name");
    // With another name at once it fits.
    let both = json!({ "user_id": bob, "name": "second laptop" });
    assert_eq!(plane.admin.patch(&path, both).await.0, 200);
    for n in 0..8 {
        plane.device(&bob, &format!("device {n}")).await;
    }
    let more = format!("/admin/devices/{}", plane.device(&alice, "more").await);
    let full = plane.admin.patch(&more, json!({ "user_id": bob })).await;
    assert_error(&full, 409, "device_limit");
    let carol = plane.user("carol").await;
    plane.admin.post(&format!("/admin/users/{carol}/disable"), json!({})).await;
    let disabled = plane.admin.patch(&more, json!({ "user_id": carol })).await;
    assert_error(&disabled, 409, "user_disabled");
    plane.admin.post(&format!("{more}/revoke"), json!({})).await;
    let revoked = plane.admin.patch(&more, json!({ "user_id": bob })).await;
    assert_error(&revoked, 409, "device_revoked");
    assert_true(&plane).await;
}

#[tokio::test]
async fn an_address_is_chosen_at_enrolment_and_later() {
    let plane = Plane::start().await;
    let body = json!({ "address_pool_v6": "fd00:96::/64", "dns_servers": ["100.96.0.53"],
        "public_key": key() });
    let gateway = id(&plane
        .create("gateways", super::with(super::gateway("gw", "100.96.0.0/24"), body))
        .await);
    let alice = plane.user("alice").await;
    let enrol = format!("/admin/users/{alice}/devices");
    let new =
        |name: &str, ip: &str| json!({ "name": name, "public_key": key(), "assigned_ip": ip });
    let (status, made) = plane.admin.post(&enrol, new("laptop", "100.96.0.77")).await;
    assert_eq!((status, &made["peer"]["assigned_ip"]), (201, &json!("100.96.0.77/32")), "{made}");
    assert_eq!(made["peer"]["assigned_ipv6"], "fd00:96::4d/128");
    let taken = plane.admin.post(&enrol, new("phone", "100.96.0.77/32")).await;
    assert_conflict(&taken, "address_taken", "assigned_ip");
    let path = format!("/admin/devices/{}", id(&made["device"]));
    let bundle = || async {
        let (_, bundle) = plane.admin.get(&format!("/admin/gateways/{gateway}/sync")).await;
        let payload = &bundle["payload"];
        (payload["revision"].as_i64().unwrap(), payload["devices"][0]["ips"].to_string())
    };
    let (before, _) = bundle().await;
    let (status, moved) = plane.admin.patch(&path, json!({ "assigned_ip": "fd00:96::50" })).await;
    assert_eq!((status, &moved["assigned_ip"]), (200, &json!("100.96.0.80/32")), "{moved}");
    assert_eq!(moved["assigned_ipv6"], "fd00:96::50/128");
    assert_eq!(moved["profile_revision"], 2);
    let (after, ips) = bundle().await;
    assert!(after > before && ips.contains("100.96.0.80/32"), "{before} {after} {ips}");
    // The one it has is no change; the one it had rests.
    let same = plane.admin.patch(&path, json!({ "assigned_ip": "100.96.0.80/32" })).await.1;
    assert_eq!(same["updated_at"], moved["updated_at"]);
    let rests = plane.admin.patch(&path, json!({ "assigned_ip": "100.96.0.77" })).await;
    assert_conflict(&rests, "address_taken", "assigned_ip");
    let wrong = |ip: &str| ("assigned_ip", json!({ "assigned_ip": ip }));
    let cases = [
        wrong("100.96.0.0"),
        wrong("100.96.0.1"),
        wrong("100.96.0.255"),
        wrong("100.96.0.53"),
        wrong("100.97.0.9"),
        wrong("fd00:97::9"),
        wrong("100.96.0.9/24"),
        wrong("nine"),
    ];
    plane.refuses(Method::PATCH, &path, &json!({}), &cases).await;
    plane.refuses(Method::POST, &enrol, &new("phone", ""), &cases).await;
    // Owners do not choose: another's old address may be worth having.
    let bob = plane.server.user("bob", "user").await;
    let (status, refused) = bob.post("/me/devices", new("mine", "100.96.0.90")).await;
    assert_error(&(status, refused), 400, "validation_error");
    assert_true(&plane).await;
}

#[tokio::test]
async fn of_many_who_want_an_address_one_gets_it() {
    let plane = Plane::start().await;
    plane.gateway("gw", "100.96.0.0/24").await;
    let alice = plane.user("alice").await;
    let mut wishes = tokio::task::JoinSet::new();
    for n in 0..8 {
        let path = format!("/admin/devices/{}", plane.device(&alice, &format!("d {n}")).await);
        let admin = plane.admin.clone();
        let body = json!({ "assigned_ip": "100.96.0.200" });
        wishes.spawn(async move { admin.patch(&path, body).await });
    }
    let answers = wishes.join_all().await;
    let mut statuses: Vec<u16> = answers.iter().map(|a| a.0).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409, 409, 409, 409, 409, 409, 409], "{answers:?}");
    assert_true(&plane).await;
}
