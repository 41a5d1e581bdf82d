//! `Idempotency-Key`: what is sent again happens once.

use std::sync::Arc;

use chrono::TimeDelta;
use futures::future::join_all;
use nexavpn_tests::harness::{
    Answer, Client, MASTER_KEY, PASSWORD, TestDb, TestServer, WIDE, poll_until,
};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    api_admin::{Plane, gateway, id, key, with},
    api_client::TurnableClock,
};

async fn send(client: &Client, method: Method, path: &str, key: &str, body: Value) -> Answer {
    client.send(method, path, &[("Idempotency-Key", key)], Some(body)).await
}

async fn post(client: &Client, path: &str, key: &str, body: Value) -> Answer {
    send(client, Method::POST, path, key, body).await
}

fn is_repeat(answer: &Answer) -> bool {
    answer.header("idempotency-replayed") == "true"
}

async fn rows(db: &TestDb) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM idempotency").fetch_one(&db.pool).await.unwrap()
}

/// Takes the kept answers away, as where the process ended before it could write them.
async fn lose_answers(db: &TestDb) {
    let lost = sqlx::query(
        "UPDATE idempotency SET body = '', recorded_at = recorded_at - interval '1 hour'",
    );
    assert!(lost.execute(&db.pool).await.unwrap().rows_affected() > 0);
}

async fn users(admin: &Client, name: &str) -> u64 {
    let (status, page) = admin.get(&format!("/admin/users?q={name}")).await;
    assert_eq!(status, 200, "{page}");
    page["total"].as_u64().unwrap()
}

#[tokio::test]
async fn the_same_key_is_answered_the_same_and_happens_once() {
    let plane = Plane::start().await;
    let admin = &plane.admin;
    let body = json!({ "username": "alice", "display_name": "Alice" });
    let first = post(admin, "/admin/users", "k-1", body.clone()).await;
    assert_eq!(first.status, 201, "{}", first.body);
    assert!(!is_repeat(&first));
    let again = post(admin, "/admin/users", "k-1", body.clone()).await;
    assert!(is_repeat(&again));
    assert_eq!((again.status, &again.body), (201, &first.body));
    for name in ["etag", "location", "x-consistency-token", "content-type"] {
        assert!(!first.header(name).is_empty(), "{name}");
        assert_eq!(again.header(name), first.header(name), "{name}");
    }
    assert_ne!(again.header("x-request-id"), first.header("x-request-id"));
    assert_eq!(users(admin, "alice").await, 1);

    // Another body, another query, another route, another principal.
    let other = post(admin, "/admin/users", "k-1", json!({ "username": "bob" })).await;
    assert_eq!(
        (other.status, &other.body["error"]["code"]),
        (422, &"idempotency_key_reused".into())
    );
    assert_eq!(users(admin, "bob").await, 0);
    let group = post(admin, "/admin/groups", "k-1", json!({ "name": "staff" })).await;
    assert_eq!(group.status, 201, "{}", group.body);
    let second = plane.server.user("root", "admin").await;
    let conflict = post(&second, "/admin/users", "k-1", body).await;
    assert_eq!(conflict.body["error"]["code"], "username_taken", "{}", conflict.body);

    // A change, a success that changes nothing, and a deletion.
    let path = format!("/admin/users/{}", id(&first.body));
    let rename = json!({ "display_name": "Alicia" });
    let changed = send(admin, Method::PATCH, &path, "k-2", rename.clone()).await;
    assert_eq!(changed.status, 200, "{}", changed.body);
    admin.patch(&path, json!({ "display_name": "Somebody" })).await;
    let again = send(admin, Method::PATCH, &path, "k-2", rename).await;
    assert_eq!((is_repeat(&again), &again.body), (true, &changed.body));
    assert_eq!(admin.get(&path).await.1["display_name"], "Somebody");
    let enable = format!("{path}/enable");
    let nothing = post(admin, &enable, "k-3", json!({})).await;
    assert_eq!(nothing.status, 200, "{}", nothing.body);
    let again = post(admin, &enable, "k-3", json!({})).await;
    assert_eq!((is_repeat(&again), &again.body), (true, &nothing.body));
    for repeat in [false, true] {
        let deleted = send(admin, Method::DELETE, &path, "k-4", json!({})).await;
        assert_eq!((deleted.status, is_repeat(&deleted)), (204, repeat), "{}", deleted.body);
    }
}

#[tokio::test]
async fn what_failed_may_be_sent_again() {
    let plane = Plane::start().await;
    let admin = &plane.admin;
    let bad = post(admin, "/admin/users", "k", json!({ "username": "" })).await;
    assert_eq!(bad.status, 400);
    let group = plane.create("groups", json!({ "name": "staff" })).await;
    let path = format!("/admin/groups/{}", id(&group));
    let stale = [("Idempotency-Key", "p"), ("If-Match", "\"7\"")];
    let body = json!({ "name": "crew" });
    let refused = admin.send(Method::PATCH, &path, &stale, Some(body.clone())).await;
    assert_eq!(refused.status, 412, "{}", refused.body);
    // Neither key is used up, also for another body.
    let good = post(admin, "/admin/users", "k", json!({ "username": "alice" })).await;
    assert_eq!((good.status, is_repeat(&good)), (201, false), "{}", good.body);
    let good = send(admin, Method::PATCH, &path, "p", body).await;
    assert_eq!((good.status, is_repeat(&good)), (200, false), "{}", good.body);
    // A failure that is on record itself is no success of the request.
    let wrong = json!({ "current_password": "not this one", "password": "another long one" });
    for _ in 0..2 {
        let answer = post(admin, "/me/password", "w", wrong.clone()).await;
        assert!((400..500).contains(&answer.status), "{}", answer.body);
        assert!(!is_repeat(&answer));
    }
}

#[tokio::test]
async fn a_key_is_short_and_printable() {
    let plane = Plane::start().await;
    let admin = &plane.admin;
    let body = json!({ "username": "alice" });
    for bad in ["", &"k".repeat(256), "tab\there", "sch\u{f6}n"] {
        let answer = post(admin, "/admin/users", bad, body.clone()).await;
        assert_eq!(answer.status, 400, "{bad:?}: {}", answer.body);
        assert_eq!(answer.body["error"]["details"][0]["field"], "Idempotency-Key", "{bad:?}");
    }
    let two = [("Idempotency-Key", "a"), ("Idempotency-Key", "b")];
    let answer = admin.send(Method::POST, "/admin/users", &two, Some(body.clone())).await;
    assert_eq!(answer.status, 400, "{}", answer.body);
    let longest = "k".repeat(255);
    assert_eq!(post(admin, "/admin/users", &longest, body).await.status, 201);
}

/// Two processes on one database, sixteen requests at once: one of them happens.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixteen_at_once_happen_once() {
    let db = TestDb::new().await;
    let servers = [TestServer::start(&db).await, TestServer::start(&db).await];
    let admins = [servers[0].admin().await, servers[1].admin().await];
    for round in 0..4 {
        let key = format!("round-{round}");
        // Nothing else keeps two policies from being made: their names need not differ.
        let body = json!({ "name": "p", "effect": "allow", "destinations": ["10.0.0.0/8"] });
        let all = (0..16).map(|n| post(&admins[n % 2], "/admin/policies", &key, body.clone()));
        let answers = join_all(all).await;
        let first = &answers[0];
        for answer in &answers {
            assert_eq!(answer.status, 201, "{}", answer.body);
            assert_eq!(answer.body, first.body);
            assert_eq!(answer.header("etag"), first.header("etag"));
        }
        let fresh = answers.iter().filter(|answer| !is_repeat(answer)).count();
        assert_eq!(fresh, 1);
        let (_, page) = admins[0].get("/admin/policies?page_size=200").await;
        assert_eq!(page["total"], round + 1, "{page}");
    }
}

#[tokio::test]
async fn a_lost_answer_does_not_make_it_happen_again() {
    let db = TestDb::new().await;
    let server = TestServer::start(&db).await;
    let admin = server.admin().await;
    let body = json!({ "name": "staff" });
    let first = post(&admin, "/admin/groups", "k", body.clone()).await;
    assert_eq!(first.status, 201, "{}", first.body);
    let path = format!("/admin/groups/{}", id(&first.body));
    let patched = send(&admin, Method::PATCH, &path, "k", json!({ "name": "crew" })).await;
    assert_eq!(patched.status, 200, "{}", patched.body);
    let gw = with(gateway("gw", "100.96.0.0/16"), json!({ "public_key": key() }));
    assert_eq!(admin.post("/admin/gateways", gw).await.0, 201);
    let device = json!({ "name": "laptop", "generate_key": true });
    let enrolled = post(&admin, "/me/devices", "k", device.clone()).await;
    assert_eq!(enrolled.status, 201, "{}", enrolled.body);
    lose_answers(&db).await;

    let again = post(&admin, "/admin/groups", "k", body).await;
    assert_eq!((again.status, is_repeat(&again)), (201, true), "{}", again.body);
    assert_eq!(again.body, json!({ "id": first.body["id"] }));
    assert_eq!(again.header("x-consistency"), "pending");
    let again = send(&admin, Method::PATCH, &path, "k", json!({ "name": "crew" })).await;
    assert_eq!((again.status, &again.body["id"]), (200, &first.body["id"]), "{}", again.body);
    let again = post(&admin, "/me/devices", "k", device).await;
    assert_eq!((again.status, is_repeat(&again)), (201, true), "{}", again.body);
    assert_eq!(again.body["device"]["id"], enrolled.body["device"]["id"]);
    assert_eq!(again.body["secret_already_shown"], true);
    assert_eq!(admin.get("/me/devices").await.1["total"], 1);
    let other = post(&admin, "/admin/groups", "k", json!({ "name": "others" })).await;
    assert_eq!(other.status, 422, "{}", other.body);
}

#[tokio::test]
async fn a_secret_is_shown_once_and_never_kept() {
    let db = TestDb::new().await;
    let server = TestServer::start(&db).await;
    let admin = server.admin().await;
    let gw = with(gateway("gw", "100.96.0.0/16"), json!({ "public_key": key() }));
    let gateway = id(&admin.post("/admin/gateways", gw).await.1);

    let device = json!({ "name": "laptop", "generate_key": true });
    let first = post(&admin, "/me/devices", "device", device.clone()).await;
    let text = first.body["profile"]["content"].as_str().unwrap().to_owned();
    let line = text.lines().find(|line| line.starts_with("PrivateKey")).unwrap().to_owned();
    let again = post(&admin, "/me/devices", "device", device).await;
    assert_eq!((again.status, is_repeat(&again)), (201, true), "{}", again.body);
    assert_eq!(again.body["profile"]["content"], Value::Null);
    assert_eq!(again.body["secret_already_shown"], true);
    assert_eq!(again.body["peer"], first.body["peer"]);

    let path = format!("/admin/gateways/{gateway}/join-token");
    let first = post(&admin, &path, "token", json!({})).await;
    let token = first.body["token"].as_str().unwrap().to_owned();
    let again = post(&admin, &path, "token", json!({})).await;
    assert_eq!((again.status, is_repeat(&again)), (201, true), "{}", again.body);
    assert_eq!((&again.body["token"], &again.body["command"]), (&Value::Null, &Value::Null));
    assert_eq!(again.body["expires_at"], first.body["expires_at"]);
    assert_eq!(again.body["secret_already_shown"], true);

    // What is kept is sealed, and holds no secret once it is opened either.
    let private_key = line.trim_start_matches("PrivateKey = ");
    let kept = opened(&db).await;
    assert_eq!(kept.len(), 2);
    for answer in kept {
        assert!(!answer.contains(private_key) && !answer.contains(&token), "{answer}");
    }
}

/// The kept answers, opened with the database's own keys.
async fn opened(db: &TestDb) -> Vec<String> {
    use base64::{Engine as _, prelude::BASE64_STANDARD};
    let master = nexavpn_store::MasterKey::from_bytes(MASTER_KEY);
    let keyring = nexavpn_store::Keyring::open(db.pool.clone(), master).await.unwrap();
    let key = keyring.answer_key().await.unwrap();
    let rows: Vec<(String, String, String, Vec<u8>)> =
        sqlx::query_as("SELECT principal, route, key, body FROM idempotency")
            .fetch_all(&db.pool)
            .await
            .unwrap();
    let open = |(principal, route, name, body): (String, String, String, Vec<u8>)| {
        let kept = key.open(&format!("{principal} {route} {name}"), &body)?;
        let kept: Value = serde_json::from_slice(&kept).unwrap();
        let body = BASE64_STANDARD.decode(kept["body"].as_str().unwrap()).unwrap();
        Some(String::from_utf8(body).unwrap())
    };
    rows.into_iter().filter_map(open).collect()
}

#[tokio::test]
async fn erasing_a_person_takes_the_kept_answers_along() {
    let db = TestDb::new().await;
    let server = TestServer::start(&db).await;
    let admin = server.admin().await;
    let body = json!({ "username": "marked-person", "email": "marked-person@example.com" });
    let user = post(&admin, "/admin/users", "create-marked-person", body.clone()).await;
    let user = id(&user.body);
    let group = json!({ "name": "staff", "members": [user] });
    let group = post(&admin, "/admin/groups", "group", group).await;
    assert_eq!(group.status, 201, "{}", group.body);
    assert!(opened(&db).await.iter().any(|answer| answer.contains("marked-person")));

    let (status, erased) = admin.post(&format!("/admin/users/{user}/erase"), json!({})).await;
    assert_eq!(status, 200, "{erased}");
    assert_eq!(opened(&db).await, Vec::<String>::new());
    let text: String =
        sqlx::query_scalar("SELECT coalesce(string_agg(i::text, ' '), '') FROM idempotency i")
            .fetch_one(&db.pool)
            .await
            .unwrap();
    assert!(!text.contains("marked-person"), "{text}");
    let again = post(&admin, "/admin/users", "create-marked-person", body).await;
    assert_eq!((again.status, is_repeat(&again)), (201, true), "{}", again.body);
    assert_eq!(again.body, json!({ "id": user }));
}

#[tokio::test]
async fn a_key_is_forgotten_after_a_day() {
    let db = TestDb::new().await;
    let clock = TurnableClock::default();
    let turned = clock.clone();
    let server = TestServer::start_with(&db.server_url, |o| o.clock = Arc::new(turned)).await;
    let admin = server.admin().await;
    let body = json!({ "name": "staff" });
    assert_eq!(post(&admin, "/admin/groups", "k", body.clone()).await.status, 201);
    clock.forward(TimeDelta::hours(23));
    let admin = server.client().login("admin", PASSWORD).await;
    assert!(is_repeat(&post(&admin, "/admin/groups", "k", body.clone()).await));
    clock.forward(TimeDelta::hours(2));
    let admin = server.client().login("admin", PASSWORD).await;
    let anew = post(&admin, "/admin/groups", "k", body).await;
    assert_eq!(anew.body["error"]["code"], "group_name_taken", "{}", anew.body);
    server.commands().sweep().await.unwrap();
    poll_until(WIDE, || async { rows(&db).await == 0 }).await;
}

/// A request with many commands that was cut off goes on with those that did not happen.
#[tokio::test]
async fn a_bulk_request_is_taken_up_where_it_was_cut_off() {
    let db = TestDb::new().await;
    let server = TestServer::start(&db).await;
    let admin = server.admin().await;
    let mut ids = vec![];
    for name in ["alice", "bob", "carol"] {
        ids.push(id(&admin.post("/admin/users", json!({ "username": name })).await.1));
    }
    let body = json!({ "action": "delete", "ids": ids });
    let first = post(&admin, "/admin/users/bulk", "k", body.clone()).await;
    assert_eq!((first.status, &first.body["succeeded"]), (200, &json!(3)), "{}", first.body);
    let again = post(&admin, "/admin/users/bulk", "k", body.clone()).await;
    assert_eq!((is_repeat(&again), &again.body), (true, &first.body));
    // The whole was not answered; of its parts one is not known to have happened.
    let cut = sqlx::query("DELETE FROM idempotency WHERE route NOT LIKE '% #%' OR route LIKE $1");
    let cut = cut.bind(format!("%{}", ids[2])).execute(&db.pool).await.unwrap();
    assert_eq!(cut.rows_affected(), 2);
    let again = post(&admin, "/admin/users/bulk", "k", body).await;
    assert!(!is_repeat(&again));
    let statuses: Vec<_> =
        again.body["results"].as_array().unwrap().iter().map(|r| r["status"].clone()).collect();
    // The others would be 404 too, were they tried again.
    assert_eq!(statuses, [204, 204, 404]);
}
