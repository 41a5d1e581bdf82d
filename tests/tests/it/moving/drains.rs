//! The drain of a gateway: where its devices go, and what it is told meanwhile.

use std::{collections::BTreeSet, sync::Arc};

use chrono::TimeDelta;
use nexavpn_bundle::VerifiedBundle;
use nexavpn_tests::harness::{
    ADMIN, Client, PASSWORD, TestDb, TestServer, WIDE, poll_for, poll_until,
};
use reqwest::Method;
use serde_json::{Value, json};

use super::{Node, assert_true};
use crate::{
    api_admin::{NOBODY, Plane, assert_error, assert_invalid, gateway, id, key, with},
    api_client::TurnableClock,
};

pub(super) fn path(gateway: &str) -> String {
    format!("/admin/gateways/{gateway}/drain")
}

pub(super) async fn drain(admin: &Client, gateway: &str, body: Value) -> Value {
    let (status, answer) = admin.post(&path(gateway), body).await;
    assert_eq!(status, 202, "{answer}");
    answer
}

/// Until the drain stands so; answers what it then says.
async fn until(admin: &Client, gateway: &str, status: &str) -> Value {
    poll_for(WIDE, || async {
        let (_, drain) = admin.get(&path(gateway)).await;
        (drain["status"] == status).then_some(drain)
    })
    .await
}

async fn undrain(admin: &Client, gateway: &str) {
    let (status, answer) = admin.delete(&path(gateway)).await;
    assert_eq!(status, 204, "{answer}");
}

/// Until the gateways are seen to have so many devices: a drain is over a moment before everything
/// that follows the log has it.
async fn until_devices(admin: &Client, expected: &[(&str, u64)]) {
    for (gateway, number) in expected {
        let path = format!("/admin/gateways/{gateway}");
        poll_until(WIDE, || async { admin.get(&path).await.1["device_count"] == *number }).await;
    }
}

pub(super) async fn enrol(
    admin: &Client,
    user: &str,
    name: &str,
    at: Option<&str>,
) -> (u16, Value) {
    let body = with(json!({ "name": name, "public_key": key() }), json!({ "gateway_id": at }));
    admin.post(&format!("/admin/users/{user}/devices"), body).await
}

/// So many devices at a gateway, of as many users as that takes.
async fn devices(plane: &Plane, at: &str, number: usize) -> Vec<String> {
    let mut made = vec![];
    let mut owner = String::new();
    for n in 0..number {
        if n % 10 == 0 {
            owner = plane.user(&format!("owner-{at}-{n}")).await;
        }
        let (status, answer) = enrol(&plane.admin, &owner, &format!("d{n}"), Some(at)).await;
        assert_eq!(status, 201, "{answer}");
        made.push(id(&answer["device"]));
    }
    made
}

fn peers(bundle: &VerifiedBundle) -> BTreeSet<String> {
    bundle.payload.devices.iter().map(|device| device.id.clone()).collect()
}

#[tokio::test]
async fn a_standby_takes_over_by_a_drain() {
    let plane = Plane::start().await;
    let primary = Node::join(&plane, gateway("primary", "100.96.0.0/24")).await;
    let standby = Node::join(&plane, gateway("standby", "100.97.0.0/24")).await;
    let policy = json!({
        "name": "open", "priority": 1, "effect": "allow", "destinations": ["172.16.1.0/24"],
        "targets": [{ "type": "everyone" }],
    });
    plane.create("policies", policy).await;
    let mut all = devices(&plane, &primary.id, 44).await;
    let alice = plane.server.user("alice", "user").await;
    let new = json!({ "name": "laptop", "public_key": key(), "gateway_id": primary.id });
    let (status, laptop) = alice.post("/me/devices", new).await;
    assert_eq!(status, 201, "{laptop}");
    all.push(id(&laptop["device"]));
    let all: BTreeSet<String> = all.into_iter().collect();
    let (one, two) = (primary.newest(None).await, standby.newest(None).await);
    assert_eq!((peers(&one), peers(&two)), (all.clone(), BTreeSet::new()));

    let body = json!({ "target": standby.id });
    let request = "6a3c1d52-7a5e-4a47-9c8e-0d3c6e2f9b10";
    let headers = [("x-request-id", request), ("if-match", "\"4\"")];
    let begun = plane.admin.send(Method::POST, &path(&primary.id), &headers, Some(body)).await;
    assert_eq!(begun.status, 202, "{}", begun.body);
    assert_eq!(begun.body["target"], standby.id);
    let done = until(&plane.admin, &primary.id, "drained").await;
    assert_eq!((&done["devices_left"], &done["error"]), (&json!(0), &Value::Null));

    // Both nodes are led to their new bundles.
    let after = poll_for(WIDE, || async {
        let two = standby.newest(Some(&two)).await;
        (peers(&two).len() == all.len()).then_some(two)
    })
    .await;
    let emptied = primary.newest(Some(&one)).await;
    assert_eq!((peers(&emptied), peers(&after)), (BTreeSet::new(), all.clone()));
    let ips: BTreeSet<&String> = after.payload.devices.iter().flat_map(|d| &d.ips).collect();
    assert!(ips.len() == all.len() && ips.iter().all(|ip| ip.starts_with("100.97.0.")), "{ips:?}");
    assert_eq!(
        after.payload.profiles.values().map(|p| &p.v4).collect::<Vec<_>>(),
        one.payload.profiles.values().map(|p| &p.v4).collect::<Vec<_>>(),
    );
    // The client learns of it.
    let beat = json!({ "profile_revision": 1 });
    let path_ = format!("/devices/{}/heartbeat", id(&laptop["device"]));
    assert_eq!(alice.post(&path_, beat).await.1["profile_outdated"], true);
    let (_, profile) = alice.get("/me/profile").await;
    assert_eq!(profile["peer"]["gateway"]["id"], standby.id, "{profile}");

    // It is seen where the gateway is seen, and in the log.
    let (_, view) = plane.admin.get(&format!("/admin/gateways/{}", primary.id)).await;
    assert_eq!(view["drain"]["status"], "drained", "{view}");
    assert_eq!((&view["device_count"], &view["version"]), (&json!(0), &json!(5)));
    let (_, log) = plane.admin.get("/admin/audit-logs?event_type=gateway.drain_started").await;
    assert_eq!(log["items"][0]["actor"]["id"], plane.admin.user_id(), "{log}");
    let (_, log) = plane.admin.get("/admin/audit-logs?event_type=device.gateway_changed").await;
    assert_eq!(log["total"], all.len(), "each was moved once");
    let move_ = &log["items"][0];
    assert_eq!(
        (&move_["actor"]["type"], &move_["correlation_id"]),
        (&json!("system"), &json!(request))
    );
    assert_eq!(
        (&move_["cause"]["event_type"], &move_["cause"]["entity_id"]),
        (&json!("gateway.drain_started"), &json!(primary.id)),
    );

    // It gets no devices until the drain is ended.
    let bob = plane.user("bob").await;
    let named = enrol(&plane.admin, &bob, "named", Some(&primary.id)).await;
    assert_error(&named, 409, "gateway_draining");
    let back = json!({ "gateway_id": primary.id });
    let moved = plane.admin.patch(&format!("/admin/devices/{}", id(&laptop["device"])), back).await;
    assert_error(&moved, 409, "gateway_draining");
    let (status, chosen) = enrol(&plane.admin, &bob, "chosen", None).await;
    assert_eq!((status, &chosen["peer"]["gateway"]["id"]), (201, &json!(standby.id)), "{chosen}");
    undrain(&plane.admin, &primary.id).await;
    assert_error(&plane.admin.get(&path(&primary.id)).await, 404, "not_found");
    undrain(&plane.admin, &primary.id).await;
    let (_, view) = plane.admin.get(&format!("/admin/gateways/{}", primary.id)).await;
    assert_eq!((&view["drain"], &view["version"]), (&Value::Null, &json!(6)));
    let (status, chosen) = enrol(&plane.admin, &bob, "fewest", None).await;
    assert_eq!((status, &chosen["peer"]["gateway"]["id"]), (201, &json!(primary.id)), "{chosen}");
    assert_true(&plane).await;
}

#[tokio::test]
async fn devices_go_where_the_fewest_are() {
    let plane = Plane::start().await;
    let mut gateways = vec![];
    for n in 0..4 {
        gateways.push(plane.gateway(&format!("g{n}"), &format!("100.97.{n}.0/24")).await);
    }
    devices(&plane, &gateways[0], 27).await;
    devices(&plane, &gateways[1], 5).await;
    devices(&plane, &gateways[2], 10).await;
    // One that is drained itself, and one without a key, are no targets.
    drain(&plane.admin, &gateways[3], json!({})).await;
    plane.create("gateways", gateway("keyless", "100.98.0.0/24")).await;
    let begun = drain(&plane.admin, &gateways[0], json!({})).await;
    assert_eq!(begun["target"], Value::Null);
    until(&plane.admin, &gateways[0], "drained").await;
    let expected: Vec<_> = gateways.iter().map(String::as_str).zip([0, 21, 21, 0]).collect();
    until_devices(&plane.admin, &expected).await;
    assert_true(&plane).await;
}

#[tokio::test]
async fn a_drain_that_finds_no_room_says_so_and_goes_on_when_there_is() {
    let clock = TurnableClock::default();
    let turned = clock.clone();
    let db = TestDb::new().await;
    let server = TestServer::start_with(&db.server_url, |o| o.clock = Arc::new(turned)).await;
    let plane = Plane { admin: server.admin().await, server, db };
    let full = plane.gateway("full", "100.96.0.0/24").await;
    devices(&plane, &full, 7).await;
    // Nowhere at all.
    drain(&plane.admin, &full, json!({})).await;
    let stuck = until(&plane.admin, &full, "stuck").await;
    assert_eq!(
        (&stuck["error"]["code"], &stuck["devices_left"]),
        (&json!("no_gateway"), &json!(7))
    );
    let bob = plane.user("bob").await;
    assert_error(&enrol(&plane.admin, &bob, "phone", None).await, 409, "gateway_draining");
    // Room for five.
    let tiny = plane.gateway("tiny", "100.97.0.0/29").await;
    let rest = async |plane: &mut Plane| {
        clock.forward(TimeDelta::seconds(11));
        plane.admin = plane.server.client().login(ADMIN, PASSWORD).await;
    };
    let mut plane = plane;
    rest(&mut plane).await;
    let exhausted = poll_for(WIDE, || async {
        let (_, drain) = plane.admin.get(&path(&full)).await;
        (drain["error"]["code"] == "pool_exhausted").then_some(drain)
    })
    .await;
    assert_eq!((&exhausted["devices_left"], &exhausted["status"]), (&json!(2), &json!("stuck")));
    until_devices(&plane.admin, &[(&tiny, 5)]).await;
    // Another target is tried at once.
    let large = plane.gateway("large", "100.98.0.0/24").await;
    let same = drain(&plane.admin, &full, json!({ "target": large })).await;
    assert_eq!(same["target"], large);
    let done = until(&plane.admin, &full, "drained").await;
    assert_eq!((&done["devices_left"], &done["error"]), (&json!(0), &Value::Null));
    until_devices(&plane.admin, &[(&tiny, 5), (&large, 2)]).await;
    undrain(&plane.admin, &full).await;
    // A target that goes while devices wait for room there.
    let owner = plane.user("carol").await;
    assert_eq!(enrol(&plane.admin, &owner, "late", Some(&full)).await.0, 201);
    let other = plane.gateway("other", "100.99.0.0/30").await;
    assert_eq!(enrol(&plane.admin, &owner, "first", Some(&other)).await.0, 201);
    drain(&plane.admin, &full, json!({ "target": other })).await;
    until(&plane.admin, &full, "stuck").await;
    let gone = plane.admin.delete(&format!("/admin/gateways/{other}?force=true")).await;
    assert_eq!(gone.0, 204, "{}", gone.1);
    rest(&mut plane).await;
    poll_until(WIDE, || async {
        plane.admin.get(&path(&full)).await.1["error"]["code"] == "no_target"
    })
    .await;
    assert_true(&plane).await;
}

#[tokio::test]
async fn what_cannot_be_a_drain_is_refused() {
    let plane = Plane::start().await;
    let one = plane.gateway("one", "100.96.0.0/24").await;
    let two = plane.gateway("two", "100.97.0.0/24").await;
    let keyless = id(&plane.create("gateways", gateway("keyless", "100.98.0.0/24")).await);
    for target in [json!(NOBODY), json!(one), json!("x"), json!(7)] {
        let body = json!({ "target": target });
        let refused = plane.admin.send(Method::POST, &path(&one), &[], Some(body.clone())).await;
        assert_invalid(&refused, "target", &body);
    }
    let refused = plane.admin.post(&path(&one), json!({ "target": keyless })).await;
    assert_error(&refused, 409, "gateway_not_ready");
    drain(&plane.admin, &two, json!({})).await;
    let refused = plane.admin.post(&path(&one), json!({ "target": two })).await;
    assert_error(&refused, 409, "gateway_draining");
    let stale = [("if-match", "\"1\"")];
    let refused = plane.admin.send(Method::POST, &path(&one), &stale, Some(json!({}))).await;
    assert_eq!(refused.status, 412, "{}", refused.body);
    assert_error(&plane.admin.post(&path(NOBODY), json!({})).await, 404, "not_found");
    assert_error(&plane.admin.delete(&path(NOBODY)).await, 404, "not_found");
    assert_error(&plane.admin.get(&path(&one)).await, 404, "not_found");
    // Begun again it is the same drain.
    let etag = async || {
        let path = format!("/admin/gateways/{two}");
        plane.admin.send(Method::GET, &path, &[], None).await.header("etag").to_owned()
    };
    let before = etag().await;
    drain(&plane.admin, &two, json!({})).await;
    assert_eq!(etag().await, before);
    // A drained gateway can be deleted; nothing of the drain is left.
    assert_eq!(plane.admin.delete(&format!("/admin/gateways/{two}")).await.0, 204);
    assert_error(&plane.admin.get(&path(&two)).await, 404, "not_found");
    assert_true(&plane).await;
}

/// Whoever gives the gateway a device while its drain begins is refused, or the device is moved.
#[tokio::test]
async fn no_device_slips_in_as_a_drain_begins() {
    let plane = Plane::start().await;
    let one = plane.gateway("one", "100.96.0.0/24").await;
    let two = plane.gateway("two", "100.97.0.0/24").await;
    let mut refused = 0;
    for round in 0..6 {
        let mut enrolments = tokio::task::JoinSet::new();
        for n in 0..8 {
            let owner = plane.user(&format!("u{round}-{n}")).await;
            let (admin, one) = (plane.admin.clone(), one.clone());
            enrolments.spawn(async move { enrol(&admin, &owner, "d", Some(&one)).await });
        }
        drain(&plane.admin, &one, json!({ "target": two })).await;
        for answer in enrolments.join_all().await {
            match answer.0 {
                201 => {}
                _ => {
                    assert_error(&answer, 409, "gateway_draining");
                    refused += 1;
                }
            }
        }
        until(&plane.admin, &one, "drained").await;
        // Not moved later: never there.
        let left: i64 =
            sqlx::query_scalar("SELECT count(*) FROM device_index WHERE gateway_id::text = $1")
                .bind(&one)
                .fetch_one(&plane.db.pool)
                .await
                .unwrap();
        assert_eq!(left, 0);
        undrain(&plane.admin, &one).await;
    }
    assert!(refused < 48, "no enrolment was before the drain");
    assert_true(&plane).await;
}

/// Two processes on one database: each device is moved once.
#[tokio::test]
async fn several_processes_drain_together() {
    let plane = Plane::start().await;
    let other = TestServer::start(&plane.db).await;
    let one = plane.gateway("one", "100.96.0.0/24").await;
    let two = plane.gateway("two", "100.97.0.0/24").await;
    devices(&plane, &one, 65).await;
    drain(&plane.admin, &one, json!({ "target": two })).await;
    until(&other.admin().await, &one, "drained").await;
    let moved = "SELECT count(*), count(DISTINCT aggregate_id) FROM events
                 WHERE event_type = 'device.gateway_changed'";
    let moved: (i64, i64) = sqlx::query_as(moved).fetch_one(&plane.db.pool).await.unwrap();
    assert_eq!(moved, (65, 65));
    until_devices(&plane.admin, &[(&one, 0), (&two, 65)]).await;
    other.stop().await;
    assert_true(&plane).await;
}
