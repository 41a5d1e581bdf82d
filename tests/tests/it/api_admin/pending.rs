//! What is answered where the read models are behind.

use std::time::Duration;

use nexavpn_tests::harness::{OwnServer, TestDb, TestServer, WIDE, poll_until};
use reqwest::Method;
use serde_json::json;

use super::{assert_error, gateway, id, key, with};

/// Keeps the read models from being folded. Not by their checkpoints: a fold that waits there has not told
/// yet that the order of events need not wait for it.
const HOLD: &str = "LOCK TABLE read.users, read.policies, read.devices IN EXCLUSIVE MODE";

/// A change that happened is never answered with an error, however far reading is behind.
#[tokio::test]
async fn a_change_that_cannot_be_read_yet_is_a_success() {
    let db = TestDb::new().await;
    let server = TestServer::start_with(&db.server_url, |options| {
        options.http.consistency_wait = Duration::ZERO;
    })
    .await;
    let admin = server.admin().await;
    let mut pending = 0;
    for n in 0..20 {
        for (collection, body) in [
            ("users", json!({ "username": format!("user-{n}") })),
            ("groups", json!({ "name": format!("group-{n}") })),
            ("policies", json!({ "name": format!("policy-{n}"), "effect": "deny" })),
            ("gateways", gateway(&format!("gateway-{n}"), &format!("100.96.{n}.0/24"))),
        ] {
            let path = format!("/admin/{collection}");
            let made = admin.send(Method::POST, &path, &[], Some(body)).await;
            assert_eq!(made.status, 201, "{}", made.body);
            let place = format!("/admin/{collection}/{}", id(&made.body));
            assert_eq!(made.header("location"), format!("/api/v1{place}"));
            pending += usize::from(made.header("x-consistency") == "pending");
            poll_until(WIDE, || async { admin.get(&place).await.0 == 200 }).await;
            let token = [("x-consistency-token", made.header("x-consistency-token"))];
            let read = admin.send(Method::GET, &place, &token, None).await;
            assert!(matches!(read.status, 200 | 503), "{}", read.body);
        }
    }
    assert!(pending > 0, "nothing was ever behind: this test shows nothing");
    server.stop().await;
}

/// The same for whatever is done to a device, by its owner or an admin: where it cannot be read back,
/// at least its id is answered.
#[tokio::test]
async fn a_device_that_cannot_be_read_yet_is_changed_all_the_same() {
    let db = TestDb::new().await;
    let server = TestServer::start_with(&db.server_url, |options| {
        options.http.consistency_wait = Duration::from_millis(50);
    })
    .await;
    let admin = server.admin().await;
    let berlin = with(gateway("berlin", "100.96.0.0/24"), json!({ "public_key": key() }));
    assert_eq!(admin.post("/admin/gateways", berlin).await.0, 201);
    let alice = server.user("alice", "user").await;

    let mut holder = db.owner_pool.begin().await.unwrap();
    sqlx::query(HOLD).execute(&mut *holder).await.unwrap();
    let laptop = json!({ "name": "laptop", "public_key": key() });
    let made = alice.send(Method::POST, "/me/devices", &[], Some(laptop)).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let device = id(&made.body["device"]);
    let named = json!({ "name": "phone", "platform": "ios" });
    for (client, method, path, body) in [
        (&alice, Method::PATCH, "/me/devices/{id}", named),
        (&alice, Method::POST, "/devices/{id}/rotate", json!({})),
        (&alice, Method::POST, "/devices/{id}/key", json!({ "public_key": key() })),
        (&admin, Method::PATCH, "/admin/devices/{id}", json!({ "name": "tablet" })),
        (&admin, Method::POST, "/admin/devices/{id}/disable", json!({})),
        (&admin, Method::POST, "/admin/devices/{id}/enable", json!({})),
        (&admin, Method::POST, "/admin/devices/{id}/rotate", json!({})),
        (&alice, Method::POST, "/devices/{id}/revoke", json!({})),
    ] {
        let path = path.replace("{id}", &device);
        let answer = client.send(method, &path, &[], Some(body)).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        assert_eq!(answer.header("x-consistency"), "pending", "{path}");
        assert!(!answer.header("x-consistency-token").is_empty(), "{path}");
        let told = answer.body.get("device").unwrap_or(&answer.body);
        assert_eq!(id(told), device, "{path}");
    }

    holder.rollback().await.unwrap();
    let place = format!("/admin/devices/{device}");
    poll_until(WIDE, || async { admin.get(&place).await.1["status"] == "revoked" }).await;
    assert_eq!(admin.get(&place).await.1["name"], "tablet");
    server.stop().await;
}

/// Nobody who writes waits for the read models, not even for the answer, which is what a read then
/// says; reads do.
#[tokio::test]
async fn commands_do_not_wait_for_the_read_models() {
    // Of its own: what is open in another database would hold everything up.
    let db = OwnServer::start(false).await;
    let server = TestServer::start_with(&db.server_url(), |options| {
        options.http.consistency_wait = WIDE;
    })
    .await;
    let admin = server.admin().await;
    let berlin = with(gateway("berlin", "100.96.0.0/24"), json!({ "public_key": key() }));
    let berlin = admin.post("/admin/gateways", berlin).await.1;
    let policy = json!({ "name": "old", "effect": "allow", "destinations": ["10.0.0.0/8"] });
    let policy = admin.post("/admin/policies", policy).await.1;
    let policy = format!("/admin/policies/{}", id(&policy));

    let mut holder = db.owner_pool().begin().await.unwrap();
    sqlx::query(HOLD).execute(&mut *holder).await.unwrap();
    let send = async |method, path: &str, body| {
        let answer = admin.send(method, path, &[], body).await;
        assert!((200..300).contains(&answer.status), "{path}: {}", answer.body);
        assert_eq!(answer.header("x-consistency"), "", "{path}: {}", answer.body);
        answer.body
    };
    let post = async |path: &str, body| send(Method::POST, path, Some(body)).await;
    let change = json!({ "name": "new", "enabled": false });
    let changed = send(Method::PATCH, &policy, Some(change)).await;
    let ada = json!({ "username": "ada", "display_name": "Ada", "email": "ada@example.com" });
    let ada = post("/admin/users", ada).await;
    let user = format!("/admin/users/{}", id(&ada));
    let guests = json!({ "name": "guests", "effect": "deny", "targets": [{ "type": "everyone" }] });
    let guests = post("/admin/policies", guests).await;
    let later = "2100-01-01T00:00:00Z";
    let phone = json!({ "name": "phone", "generate_key": true, "expires_at": later });
    let phone = post(&format!("{user}/devices"), phone).await;
    assert_eq!(phone["device"]["name"], "phone");
    assert_eq!(phone["peer"]["gateway"]["id"], berlin["id"]);
    let bob = id(&post("/admin/users", json!({ "username": "bob" })).await);
    send(Method::DELETE, &format!("/admin/users/{bob}"), None).await;

    // What is read waits, and is what was answered.
    let read = async |path: String| admin.get(&path).await;
    let guest = format!("/admin/policies/{}", id(&guests));
    let reads = futures::future::join3(read(policy), read(user), read(guest));
    let (reads, released) = tokio::join!(reads, holder.rollback());
    released.unwrap();
    assert_eq!(reads.0, (200, changed));
    assert_eq!(reads.1, (200, ada));
    assert_eq!(reads.2, (200, guests));
    server.stop().await;
}

/// Whoever waits for `/readyz` reads everything that was acknowledged.
#[tokio::test]
async fn it_is_not_ready_before_what_it_acknowledged_can_be_read() {
    let db = OwnServer::start(false).await;
    let server = TestServer::start_with(&db.server_url(), |options| {
        options.http.consistency_wait = Duration::from_millis(500);
    })
    .await;
    let admin = server.admin().await;
    let ready = async || admin.get_outside("/readyz").await;
    assert_eq!(ready().await.0, 200);

    let mut holder = db.owner_pool().begin().await.unwrap();
    sqlx::query(HOLD).execute(&mut *holder).await.unwrap();
    let body = json!({ "name": "staff", "effect": "deny" });
    let made = admin.send(Method::POST, "/admin/policies", &[], Some(body)).await;
    assert_eq!((made.status, made.header("x-consistency")), (201, ""), "{}", made.body);
    let place = format!("/admin/policies/{}", id(&made.body));
    let read = admin.send(Method::GET, &place, &[], None).await;
    assert_eq!((read.status, read.header("x-consistency")), (503, "pending"), "{}", read.body);
    let list = admin.send(Method::GET, "/admin/policies", &[], None).await;
    assert_eq!((list.status, list.header("x-consistency")), (200, "pending"), "{}", list.body);
    // By now they have not moved for long, which whoever writes is told, too.
    let body = json!({ "name": "guests", "effect": "deny" });
    let late = admin.send(Method::POST, "/admin/policies", &[], Some(body)).await;
    assert_eq!((late.status, late.header("x-consistency")), (201, "pending"), "{}", late.body);
    assert_eq!(late.body["name"], "guests");
    let (status, answer) = ready().await;
    let told = json!(["changes that were acknowledged are still to be folded"]);
    assert_eq!((status, &answer["problems"]), (503, &told));

    holder.rollback().await.unwrap();
    poll_until(WIDE, || async { ready().await.0 == 200 }).await;
    assert_eq!(admin.get(&place).await.0, 200);
    server.stop().await;
}

/// The audit log holds up nobody but those who read it, and they never miss what was answered.
#[tokio::test]
async fn only_readers_of_the_audit_log_wait_for_it() {
    // Of its own: what is open in another database would hold everything up.
    let db = OwnServer::start(false).await;
    let server = TestServer::start_with(&db.server_url(), |options| {
        options.http.consistency_wait = Duration::from_secs(1);
    })
    .await;
    let admin = server.admin().await;
    let mut holder = db.owner_pool().begin().await.unwrap();
    let hold = "LOCK TABLE read.audit_log IN EXCLUSIVE MODE";
    sqlx::query(hold).execute(&mut *holder).await.unwrap();
    let body = json!({ "name": "staff" });
    let made = admin.send(Method::POST, "/admin/groups", &[], Some(body)).await;
    assert_eq!((made.status, made.header("x-consistency")), (201, ""), "{}", made.body);
    assert_eq!(admin.get(&format!("/admin/groups/{}", id(&made.body))).await.0, 200);
    for path in [
        "/admin/audit-logs",
        "/admin/audit-logs?format=ndjson",
        "/admin/audit-logs/feed?wait=1",
        "/admin/audit-logs/stream",
        "/me/activity",
    ] {
        assert_error(&admin.get(path).await, 503, "not_yet_consistent");
    }
    holder.rollback().await.unwrap();
    let (status, page) = admin.get("/admin/audit-logs").await;
    assert_eq!(status, 200, "{page}");
    let newest = &page["items"][0];
    assert_eq!(
        (&newest["event_type"], &newest["entity_name"]),
        (&json!("group.created"), &json!("staff"))
    );
    server.stop().await;
}
