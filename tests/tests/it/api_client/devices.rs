//! The life of a device (design, section 5).

use nexavpn_tests::harness::Client;
use reqwest::Method;
use serde_json::{Value, json};

use crate::api_admin::{Plane, assert_conflict, assert_error, assert_invalid, id, key};

fn enrolment(name: &str, fingerprint: &str) -> Value {
    json!({
        "name": name, "platform": "macos", "os_version": "14.4", "app_version": "0.1.0",
        "device_fingerprint": fingerprint, "public_key": key(),
    })
}

async fn enrol(client: &Client, body: &Value) -> Value {
    let (status, answer) = client.post("/devices/enroll", body.clone()).await;
    assert!(status == 201 || status == 200, "{status}: {answer}");
    answer
}

#[tokio::test]
async fn an_enrolment_answers_as_the_contract_says() {
    let plane = Plane::start().await;
    let gateway = plane.gateway("primary-gateway", "100.96.0.0/16").await;
    let alice = plane.server.user("alice", "user").await;
    plane
        .create(
            "policies",
            json!({
                "name": "Private subnet", "description": "", "priority": 100, "effect": "allow",
                "full_tunnel": false, "destinations": ["172.16.10.0/24"],
                "targets": [{ "type": "user", "id": alice.user_id() }],
            }),
        )
        .await;
    let body = enrolment("Alice MacBook Pro", "sha256:1");
    let (status, answer) = alice.post("/devices/enroll", body).await;
    assert_eq!(status, 201, "{answer}");
    assert_eq!(answer["device"]["name"], "Alice MacBook Pro");
    assert_eq!(answer["device"]["status"], "active");
    let peer = &answer["peer"];
    assert_eq!(peer["assigned_ip"], "100.96.0.2/32");
    assert_eq!(peer["allowed_ips"], json!(["172.16.10.0/24"]));
    assert_eq!(peer["gateway"]["id"], gateway);
    assert_eq!(peer["gateway"]["name"], "primary-gateway");
    assert_eq!(peer["gateway"]["endpoint"], "vpn.example.com:51820");
    assert_eq!(peer["profile_revision"], 1);
    assert_eq!(answer["profile"]["format"], "wireguard");
    let content = answer["profile"]["content"].as_str().unwrap();
    assert!(content.starts_with("[Interface]\n") && !content.contains("\nPrivateKey"), "{content}");
    assert_eq!(
        answer["resources"],
        json!([{ "type": "cidr", "value": "172.16.10.0/24", "label": "Private subnet" }])
    );
}

#[tokio::test]
async fn a_public_key_is_required_and_must_be_one() {
    let plane = Plane::start().await;
    plane.gateway("gw", "100.96.0.0/16").await;
    let alice = plane.server.user("alice", "user").await;
    let (status, answer) = alice.post("/devices/enroll", json!({ "name": "x" })).await;
    assert_eq!(status, 400);
    assert_eq!(answer["error"]["code"], "validation_error");
    assert_eq!(answer["error"]["message"], "public_key is required");
    let low_order = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    for bad in ["short", low_order, "AAAA"] {
        let body = json!({ "name": "x", "public_key": bad });
        let (status, answer) = alice.post("/devices/enroll", body).await;
        assert_eq!(status, 400, "{bad}: {answer}");
        assert_eq!(answer["error"]["details"][0]["field"], "public_key", "{answer}");
    }
}

#[tokio::test]
async fn the_same_machine_keeps_its_device_and_address() {
    let plane = Plane::start().await;
    plane.gateway("gw", "100.96.0.0/16").await;
    let alice = plane.server.user("alice", "user").await;
    let first = enrol(&alice, &enrolment("laptop", "sha256:1")).await;
    let again = enrolment("laptop", "sha256:1");
    let second = enrol(&alice, &again).await;
    assert_eq!(id(&first["device"]), id(&second["device"]));
    assert_eq!(first["peer"]["assigned_ip"], second["peer"]["assigned_ip"]);
    assert_ne!(first["peer"]["public_key"], second["peer"]["public_key"]);
    // The same key again is the same device, also without a fingerprint.
    let mut same_key = again.clone();
    same_key.as_object_mut().unwrap().remove("device_fingerprint");
    let third = enrol(&alice, &same_key).await;
    assert_eq!(id(&first["device"]), id(&third["device"]));
    let (_, devices) = alice.get("/me/devices").await;
    assert_eq!(devices["total"], 1, "{devices}");
    // A key is never used twice: not by others, and not again later.
    let bob = plane.server.user("bob", "user").await;
    let stolen = json!({ "name": "mine", "public_key": again["public_key"] });
    assert_conflict(&bob.post("/devices/enroll", stolen).await, "public_key_taken", "public_key");
}

#[tokio::test]
async fn names_and_numbers_of_devices_are_limited_per_user() {
    let plane = Plane::start().await;
    plane.gateway("gw", "100.96.0.0/16").await;
    let alice = plane.server.user("alice", "user").await;
    for n in 0..10 {
        enrol(&alice, &json!({ "name": format!("device {n}"), "public_key": key() })).await;
    }
    let more = json!({ "name": "one more", "public_key": key() });
    assert_error(&alice.post("/devices/enroll", more).await, 409, "device_limit");
    let bob = plane.server.user("bob", "user").await;
    enrol(&bob, &json!({ "name": "device 1", "public_key": key() })).await;
    let same = json!({ "name": "Device 1", "public_key": key() });
    assert_conflict(&bob.post("/devices/enroll", same).await, "device_name_taken", "name");
}

#[tokio::test]
async fn a_session_speaks_for_its_own_device() {
    let plane = Plane::start().await;
    plane.gateway("gw", "100.96.0.0/16").await;
    let alice = plane.server.user("alice", "user").await;
    assert_error(&alice.get("/me/profile").await, 404, "no_active_device");
    assert_error(&alice.get("/connection/status").await, 404, "no_active_device");
    let new = |name: &str| json!({ "name": name, "public_key": key() });
    let (_, phone) = alice.post("/me/devices", new("phone")).await;
    // The only active one, though no session is bound to it.
    let (status, profile) = alice.get("/me/profile").await;
    assert_eq!((status, id(&profile["device"])), (200, id(&phone["device"])));
    let (_, tablet) = alice.post("/me/devices", new("tablet")).await;
    assert_error(&alice.get("/me/profile").await, 409, "device_ambiguous");
    let named = format!("/me/profile?device_id={}", id(&tablet["device"]));
    assert_eq!(id(&alice.get(&named).await.1["device"]), id(&tablet["device"]));
    let laptop = enrol(&alice, &new("laptop")).await;
    let (_, status) = alice.get("/connection/status").await;
    assert_eq!(status["device_id"], laptop["device"]["id"], "{status}");
    assert_eq!(status["assigned_ip"], laptop["peer"]["assigned_ip"]);
}

#[tokio::test]
async fn a_key_made_here_is_shown_once() {
    let plane = Plane::start().await;
    plane.gateway("gw", "100.96.0.0/16").await;
    let alice = plane.server.user("alice", "user").await;
    let body = json!({ "name": "phone", "generate_key": true });
    let (status, answer) = alice.post("/me/devices", body).await;
    assert_eq!(status, 201, "{answer}");
    let content = answer["profile"]["content"].as_str().unwrap();
    let private = content.lines().find_map(|l| l.strip_prefix("PrivateKey = ")).unwrap();
    let path = format!("/me/devices/{}/profile", id(&answer["device"]));
    let (_, later) = alice.get(&path).await;
    assert!(!later.to_string().contains(private), "{later}");
    assert_eq!(later["profile"]["complete"], false);
    let (_, log) = plane.admin.get("/admin/audit-logs?page_size=200").await;
    assert!(!log.to_string().contains(private));
}

#[tokio::test]
async fn rotating_asks_for_a_new_key_and_revoking_ends_the_device() {
    let plane = Plane::start().await;
    plane.gateway("gw", "100.96.0.0/16").await;
    let alice = plane.server.user("alice", "user").await;
    let device = enrol(&alice, &enrolment("laptop", "sha256:1")).await;
    let path = format!("/devices/{}", id(&device["device"]));
    let beat = json!({ "app_version": "0.2.0", "profile_revision": 1 });
    let (status, answer) = alice.post(&format!("{path}/heartbeat"), beat.clone()).await;
    assert_eq!((status, &answer["profile_outdated"]), (200, &json!(false)), "{answer}");
    assert_eq!(answer["device"]["app_version"], "0.2.0");

    let (status, rotated) = alice.post(&format!("{path}/rotate"), json!({})).await;
    assert_eq!((status, &rotated["profile_revision"]), (200, &json!(2)), "{rotated}");
    assert_eq!(rotated["reprovision_required"], true);
    assert_eq!(rotated["status"], "active");
    let (_, answer) = alice.post(&format!("{path}/heartbeat"), beat).await;
    assert_eq!(answer["profile_outdated"], true);
    let again = enrol(&alice, &enrolment("laptop", "sha256:1")).await;
    assert_eq!(again["peer"]["reprovision_required"], false);

    let lost = json!({ "reason": "left in a train" });
    let (status, revoked) = alice.post(&format!("{path}/revoke"), lost).await;
    assert_eq!((status, &revoked["status"]), (200, &json!("revoked")), "{revoked}");
    assert_error(&alice.get("/me/profile").await, 404, "no_active_device");
    assert_error(&alice.post(&format!("{path}/rotate"), json!({})).await, 409, "device_revoked");
    // The name is free again; the address rests.
    let next = enrol(&alice, &enrolment("laptop", "sha256:1")).await;
    assert_ne!(id(&next["device"]), id(&device["device"]));
    assert_ne!(next["peer"]["assigned_ip"], device["peer"]["assigned_ip"]);
}

#[tokio::test]
async fn anothers_device_does_not_exist() {
    let plane = Plane::start().await;
    plane.gateway("gw", "100.96.0.0/16").await;
    let alice = plane.server.user("alice", "user").await;
    let bob = plane.server.user("bob", "user").await;
    let device = id(&enrol(&alice, &enrolment("laptop", "sha256:1")).await["device"]);
    for action in ["rotate", "revoke", "heartbeat"] {
        let path = format!("/devices/{device}/{action}");
        assert_error(&bob.post(&path, json!({})).await, 404, "not_found");
    }
    assert_error(&bob.get(&format!("/me/devices/{device}/profile")).await, 404, "not_found");
    assert_error(&bob.get(&format!("/me/profile?device_id={device}")).await, 404, "not_found");
    assert_error(&bob.get(&format!("/devices/{device}/profile")).await, 403, "forbidden");
    assert_eq!(plane.admin.get(&format!("/devices/{device}/profile")).await.0, 200);
}

#[tokio::test]
async fn a_pool_gives_each_address_once_and_then_says_so() {
    let plane = Plane::start().await;
    plane.gateway("gw", "100.96.0.0/29").await;
    let alice = plane.server.user("alice", "user").await;
    let mut addresses = std::collections::BTreeSet::new();
    for n in 0..5 {
        let body = json!({ "name": format!("device {n}"), "public_key": key() });
        let answer = enrol(&alice, &body).await;
        addresses.insert(answer["peer"]["assigned_ip"].as_str().unwrap().to_owned());
    }
    assert_eq!(addresses.len(), 5, "{addresses:?}");
    let more = json!({ "name": "one more", "public_key": key() });
    assert_error(&alice.post("/devices/enroll", more).await, 409, "pool_exhausted");
}

#[tokio::test]
async fn ones_own_devices_are_a_list_of_nobody_elses() {
    let plane = Plane::start().await;
    plane.gateway("gw", "100.96.0.0/16").await;
    let alice = plane.server.user("alice", "user").await;
    let bob = plane.server.user("bob", "user").await;
    for name in ["laptop", "phone", "tablet"] {
        plane.device(alice.user_id(), name).await;
    }
    let lost = plane.device(alice.user_id(), "lost").await;
    let (status, answer) =
        plane.admin.post(&format!("/admin/devices/{lost}/revoke"), json!({})).await;
    assert_eq!(status, 200, "{answer}");
    plane.device(bob.user_id(), "bobs").await;

    let names = |page: &Value| -> Vec<String> {
        let items = page["items"].as_array().unwrap();
        items.iter().map(|device| device["name"].as_str().unwrap().to_owned()).collect()
    };
    let (_, first) = alice.get("/me/devices?page_size=2").await;
    assert_eq!(
        (names(&first), &first["total"]),
        (vec!["laptop".into(), "phone".into()], &json!(3))
    );
    let next = first["next"].as_str().unwrap();
    for rest in [format!("after={next}"), "page=2".to_owned()] {
        let (_, second) = alice.get(&format!("/me/devices?page_size=2&{rest}")).await;
        assert_eq!(
            (names(&second), &second["next"]),
            (vec!["tablet".into()], &Value::Null),
            "{rest}"
        );
    }
    let (_, found) = alice.get("/me/devices?q=tab&sort=-created_at").await;
    assert_eq!(names(&found), ["tablet"]);
    let csv = [("accept", "text/csv")];
    let file = alice.send(Method::GET, "/me/devices", &csv, None).await;
    let file = file.body.as_str().unwrap().to_owned();
    assert_eq!(file.lines().count(), 4, "{file}");

    // What makes them one's own is no filter.
    for probe in [
        format!("owner={}", bob.user_id()),
        format!("user={}", bob.user_id()),
        "revoked=true".into(),
    ] {
        let answer = alice.send(Method::GET, &format!("/me/devices?{probe}"), &[], None).await;
        assert_invalid(&answer, probe.split('=').next().unwrap(), &json!(probe));
    }
}
