//! Where somebody is signed in, and signing out there.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use nexavpn_tests::harness::{Client, PASSWORD, TestDb, TestServer};
use reqwest::Method;
use serde_json::{Value, json};

use super::TurnableClock;
use crate::api_admin::{NOBODY, Plane, assert_error, id, key};

/// Signs in as a browser or client that calls itself so.
async fn sign_in(plane: &Plane, agent: &str) -> Client {
    let body = json!({ "username": "alice", "password": PASSWORD });
    let client = plane.server.client();
    let headers = [("user-agent", agent)];
    let answer = client.send(Method::POST, "/auth/login", &headers, Some(body)).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let mut client = client.with_token(answer.body["access_token"].as_str().unwrap());
    client.session = answer.body;
    client
}

async fn sessions(client: &Client) -> Vec<Value> {
    let (status, list) = client.get("/me/sessions").await;
    assert_eq!(status, 200, "{list}");
    let items = list["items"].as_array().unwrap().clone();
    assert_eq!(list["total"], items.len());
    items
}

fn of_agent<'a>(sessions: &'a [Value], agent: &str) -> &'a Value {
    let found = sessions.iter().find(|s| s["user_agent"] == agent);
    found.unwrap_or_else(|| panic!("{agent} is not in {sessions:?}"))
}

#[tokio::test]
async fn somebody_sees_and_ends_their_sessions() {
    let plane = Plane::start().await;
    plane.gateway("gw", "100.96.0.0/16").await;
    plane.server.user("alice", "user").await;
    let phone = sign_in(&plane, "phone/1.0").await;
    let browser = sign_in(&plane, "browser/2.0").await;
    let new = json!({ "name": "my phone", "public_key": key() });
    let device = id(&phone.post("/devices/enroll", new).await.1["device"]);
    let listed = sessions(&browser).await;
    assert_eq!(listed.len(), 3, "{listed:?}");
    let (of_phone, of_browser) = (of_agent(&listed, "phone/1.0"), of_agent(&listed, "browser/2.0"));
    assert_eq!((&of_phone["current"], &of_browser["current"]), (&json!(false), &json!(true)));
    assert_eq!(of_phone["device"], json!({ "id": device, "name": "my phone" }));
    assert_eq!(of_browser["device"], Value::Null);
    assert_eq!(of_browser["client_address"], "127.0.0.1");
    assert_eq!(of_browser["auth_method"], "password");
    for time in ["created_at", "last_used_at", "expires_at"] {
        let text = of_phone[time].as_str().unwrap();
        assert!(text.parse::<DateTime<Utc>>().is_ok(), "{time}: {text}");
    }
    // An admin and an auditor see the same; nobody else does.
    let of_alice = format!("/admin/users/{}/sessions", browser.user_id());
    let auditor = plane.server.user("audrey", "auditor").await;
    for reader in [&plane.admin, &auditor] {
        let (status, seen) = reader.get(&of_alice).await;
        assert_eq!((status, &seen["total"]), (200, &json!(3)), "{seen}");
        assert!(seen["items"].as_array().unwrap().iter().all(|s| s["current"] == false));
    }
    let bob = plane.server.user("bob", "user").await;
    assert_error(&bob.get(&of_alice).await, 403, "forbidden");
    // One is ended, on the next request, and is gone from the list.
    let one = format!("/me/sessions/{}", id(of_phone));
    assert_error(&bob.delete(&one).await, 404, "not_found");
    assert_eq!(browser.delete(&one).await.0, 204);
    assert_error(&phone.get("/auth/me").await, 401, "invalid_token");
    let refresh = json!({ "refresh_token": phone.session["refresh_token"] });
    assert_error(&phone.post("/auth/refresh", refresh).await, 401, "invalid_token");
    assert_error(&browser.delete(&one).await, 404, "not_found");
    assert_eq!(sessions(&browser).await.len(), 2);
    // Also the one that asks.
    let own = format!("/me/sessions/{}", id(of_browser));
    assert_eq!(browser.delete(&own).await.0, 204);
    assert_error(&browser.get("/me/sessions").await, 401, "invalid_token");
    let (_, log) = plane.admin.get("/admin/audit-logs?event_type=session.ended").await;
    assert_eq!(log["total"], 2, "{log}");
    assert_eq!(log["items"][0]["data"]["reason"], "revoked", "{log}");
}

#[tokio::test]
async fn signing_out_everywhere_ends_every_session() {
    let plane = Plane::start().await;
    let alice = plane.server.user("alice", "user").await;
    let other = sign_in(&plane, "other/1.0").await;
    let bob = plane.server.user("bob", "user").await;
    assert_eq!(alice.post("/auth/logout-all", json!({})).await.0, 204);
    for client in [&alice, &other] {
        assert_error(&client.get("/auth/me").await, 401, "invalid_token");
        let refresh = json!({ "refresh_token": client.session["refresh_token"] });
        assert_error(&client.post("/auth/refresh", refresh).await, 401, "invalid_token");
    }
    assert_eq!(bob.get("/auth/me").await.0, 200);
    let again = sign_in(&plane, "again/1.0").await;
    assert_eq!(sessions(&again).await.len(), 1);
    // The same by an admin, one and all.
    let path = format!("/admin/users/{}/sessions", again.user_id());
    let more = sign_in(&plane, "more/1.0").await;
    let one = id(of_agent(&sessions(&more).await, "again/1.0"));
    assert_eq!(plane.admin.delete(&format!("{path}/{one}")).await.0, 204);
    assert_error(&again.get("/auth/me").await, 401, "invalid_token");
    assert_eq!(more.get("/auth/me").await.0, 200);
    // A session is named with its own user.
    let of_bob = id(&sessions(&bob).await[0]);
    let mixed = plane.admin.delete(&format!("{path}/{of_bob}")).await;
    assert_error(&mixed, 404, "not_found");
    assert_eq!(plane.admin.delete(&path).await.0, 204);
    assert_error(&more.get("/auth/me").await, 401, "invalid_token");
    assert_eq!(plane.admin.delete(&path).await.0, 204, "twice is no fault");
    for path in [format!("/admin/users/{NOBODY}/sessions")] {
        assert_error(&plane.admin.get(&path).await, 404, "not_found");
        assert_error(&plane.admin.delete(&path).await, 404, "not_found");
    }
}

/// Address and user agent are the user's data: sealed, and gone once the user is.
#[tokio::test]
async fn where_somebody_signed_in_is_sealed() {
    let plane = Plane::start().await;
    plane.server.user("alice", "user").await;
    let alice = sign_in(&plane, "marked-agent-4711").await;
    assert_eq!(of_agent(&sessions(&alice).await, "marked-agent-4711")["current"], true);
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables
         WHERE schemaname IN ('public', 'read')",
    )
    .fetch_all(&plane.db.pool)
    .await
    .unwrap();
    for table in tables {
        let sql =
            format!("SELECT count(*) FROM {table} t WHERE t::text LIKE '%marked-agent-4711%'");
        let found: i64 = sqlx::query_scalar(&sql).fetch_one(&plane.db.owner_pool).await.unwrap();
        assert_eq!(found, 0, "{table}");
    }
}

#[tokio::test]
async fn the_last_use_is_known_to_the_minute() {
    let db = TestDb::new().await;
    let clock = TurnableClock::default();
    let turned = clock.clone();
    let server = TestServer::start_with(&db.server_url, |o| o.clock = Arc::new(turned)).await;
    let alice = server.user("alice", "user").await;
    let used = || async {
        let session = sessions(&alice).await.remove(0);
        session["last_used_at"].as_str().unwrap().parse::<DateTime<Utc>>().unwrap()
    };
    let first = used().await;
    clock.forward(TimeDelta::seconds(20));
    assert_eq!(used().await, first, "not every request is a write");
    clock.forward(TimeDelta::seconds(120));
    let second = used().await;
    assert!(second - first >= TimeDelta::seconds(120), "{first} {second}");
}
