//! `GET /admin/audit-logs`

use reqwest::Method;
use serde_json::{Value, json};

use super::{Plane, assert_invalid, id};

async fn types(plane: &Plane, query: &str) -> Vec<String> {
    let (status, page) = plane.admin.get(&format!("/admin/audit-logs?{query}")).await;
    assert_eq!(status, 200, "{query}: {page}");
    let items = page["items"].as_array().unwrap().iter();
    items.map(|e| e["event_type"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn the_log_tells_who_did_what_and_why_newest_first() {
    let plane = Plane::start().await;
    plane.gateway("gw", "100.96.0.0/24").await;
    let alice = plane.user("alice").await;
    let device = plane.device(&alice, "laptop").await;
    let headers = [("x-reason", "lost on the train"), ("user-agent", "the test")];
    let path = format!("/admin/devices/{device}/revoke");
    let revoke = plane.admin.send(Method::POST, &path, &headers, Some(json!({}))).await;
    assert_eq!(revoke.status, 200);

    let (status, page) = plane.admin.get("/admin/audit-logs").await;
    assert_eq!(status, 200, "{page}");
    let items = page["items"].as_array().unwrap();
    assert_eq!(page["total"], json!(items.len()));
    let numbers: Vec<i64> = items.iter().map(|e| e["idx"].as_i64().unwrap()).collect();
    assert!(numbers.is_sorted_by(|a, b| a == &(b + 1)), "{numbers:?}");
    assert_eq!(numbers.last(), Some(&1));
    let newest = &items[0];
    assert_eq!(newest["event_type"], "device.revoked");
    assert_eq!((&newest["entity_type"], &newest["entity_id"]), (&json!("device"), &json!(device)));
    assert_eq!(newest["actor"]["id"], json!(plane.admin.user_id()));
    assert_eq!(newest["actor"]["name"], "admin");
    assert_eq!(
        (&newest["reason"], &newest["user_agent"]),
        (&json!("lost on the train"), &json!("the test"))
    );
    assert_eq!(newest["client_address"], "127.0.0.1");
    assert_eq!(newest["request_id"], revoke.header("x-request-id"));
    assert_eq!(newest["status"], "success");
    let story = types(&plane, &format!("entity_id={device}")).await;
    assert_eq!(story, ["device.revoked", "device.enrolled"]);
}

#[tokio::test]
async fn the_contracts_filters_and_pages_work() {
    let plane = Plane::start().await;
    for name in ["a", "b", "c"] {
        plane.user(name).await;
    }
    let group = id(&plane.create("groups", json!({ "name": "g" })).await);
    let user = plane.server.user("mallory", "user").await;
    assert_eq!(user.get("/admin/users").await.0, 403);

    assert_eq!(types(&plane, "event_type=group.created").await, ["group.created"]);
    assert_eq!(types(&plane, "entity_type=group").await, ["group.created"]);
    let mine = format!("entity_id={group}&actor_id={}", plane.admin.user_id());
    assert_eq!(types(&plane, &mine).await, ["group.created"]);
    let failures = types(&plane, "status=failure").await;
    assert!(!failures.is_empty() && failures.iter().all(|t| t.starts_with("security.")));
    let successes = types(&plane, "status=success&entity_type=security").await;
    assert!(successes.iter().all(|t| !t.starts_with("security.failure")));

    let query = "event_type=user.created&page_size=2";
    let (_, first) = plane.admin.get(&format!("/admin/audit-logs?{query}")).await;
    assert_eq!((&first["total"], &first["page_size"]), (&json!(5), &json!(2)));
    let next = first["next"].as_str().unwrap();
    let (_, second) = plane.admin.get(&format!("/admin/audit-logs?{query}&after={next}")).await;
    let (_, paged) = plane.admin.get(&format!("/admin/audit-logs?{query}&page=2")).await;
    assert_eq!(second["items"], paged["items"]);
    let (_, last) = plane.admin.get(&format!("/admin/audit-logs?{query}&page=3")).await;
    assert_eq!((last["items"].as_array().unwrap().len(), &last["next"]), (1, &Value::Null));
    assert_eq!(types(&plane, "event_type=no.such_event").await, [""; 0]);

    for (query, field) in [
        ("status=maybe", "status"),
        ("page=0", "page"),
        ("page_size=1000", "page_size"),
        ("after=x", "after"),
        ("sort=time", "sort"),
        ("q=alice", "q"),
        ("colour=red", "colour"),
        ("entity_id=a%00", "entity_id"),
    ] {
        let path = format!("/admin/audit-logs?{query}");
        let answer = plane.admin.send(Method::GET, &path, &[], None).await;
        assert_invalid(&answer, field, &json!(query));
    }
}
