//! `/admin/users/bulk`, `/admin/devices/bulk`, `/admin/policies/bulk`

use reqwest::Method;
use serde_json::{Value, json};

use super::{NOBODY, Plane, assert_error, id};

/// Status and error code of each result, in order.
fn results(answer: &Value) -> Vec<(u64, Option<&str>)> {
    let all = answer["results"].as_array().unwrap_or_else(|| panic!("no results in {answer}"));
    all.iter().map(|r| (r["status"].as_u64().unwrap(), r["error"]["code"].as_str())).collect()
}

async fn bulk(plane: &Plane, collection: &str, body: Value) -> Value {
    let (status, answer) = plane.admin.post(&format!("/admin/{collection}/bulk"), body).await;
    assert_eq!(status, 200, "{answer}");
    let counted = answer["succeeded"].as_u64().unwrap() + answer["failed"].as_u64().unwrap();
    assert_eq!(counted, answer["results"].as_array().unwrap().len() as u64);
    answer
}

#[tokio::test]
async fn users_are_disabled_enabled_and_deleted_each_by_its_own_rules() {
    let plane = Plane::start().await;
    let (alice, bob) = (plane.user("alice").await, plane.user("bob").await);
    let admin = plane.admin.user_id();
    let ids = json!([alice, NOBODY, admin, bob, alice]);
    let wanted = [
        (200, None),
        (404, Some("not_found")),
        (409, Some("last_admin")),
        (200, None),
        (400, Some("duplicate_id")),
    ];
    let body = json!({ "action": "disable", "ids": ids });
    let answer = plane.admin.send(Method::POST, "/admin/users/bulk", &[], Some(body.clone())).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(results(&answer.body), wanted);
    assert_eq!((&answer.body["succeeded"], &answer.body["failed"]), (&json!(2), &json!(3)));
    assert_eq!(answer.body["results"][3]["id"], json!(bob));
    assert_eq!(answer.body["results"][0]["error"], Value::Null);
    assert!(answer.body["results"][1]["error"]["message"].is_string());
    assert!(!answer.header("x-consistency-token").is_empty());
    // Seen by the next read.
    for user in [&alice, &bob] {
        assert_eq!(plane.admin.get(&format!("/admin/users/{user}")).await.1["enabled"], false);
    }
    // Again changes nothing: each has one event of it.
    assert_eq!(results(&bulk(&plane, "users", body).await), wanted);
    let (_, log) = plane.admin.get("/admin/audit-logs?event_type=user.disabled").await;
    assert_eq!(log["total"], 2);

    let enable = json!({ "action": "enable", "ids": [alice, bob] });
    assert_eq!(results(&bulk(&plane, "users", enable).await), [(200, None), (200, None)]);
    assert_eq!(plane.admin.get(&format!("/admin/users/{bob}")).await.1["enabled"], true);
    let delete = json!({ "action": "delete", "ids": [alice, admin] });
    let deleted = bulk(&plane, "users", delete.clone()).await;
    assert_eq!(results(&deleted), [(204, None), (409, Some("last_admin"))]);
    assert_error(&plane.admin.get(&format!("/admin/users/{alice}")).await, 404, "not_found");
    assert_eq!(results(&bulk(&plane, "users", delete).await)[0], (404, Some("not_found")));
}

#[tokio::test]
async fn one_admin_is_left_where_all_are_disabled_at_once() {
    let plane = Plane::start().await;
    let mut admins = vec![plane.admin.user_id().to_owned()];
    for n in 0..5 {
        let new = json!({ "username": format!("admin{n}"), "role": "admin" });
        admins.push(id(&plane.create("users", new).await));
    }
    // The one who asks is among them.
    let body = json!({ "action": "disable", "ids": admins });
    let answer = bulk(&plane, "users", body).await;
    let refused = results(&answer).into_iter().filter(|r| *r != (200, None));
    assert_eq!(refused.collect::<Vec<_>>(), [(409, Some("last_admin"))]);
}

#[tokio::test]
async fn many_users_join_and_leave_a_group_together() {
    let plane = Plane::start().await;
    let (alice, bob) = (plane.user("alice").await, plane.user("bob").await);
    let group = id(&plane.create("groups", json!({ "name": "Finance" })).await);
    let path = format!("/admin/groups/{group}");
    let body =
        |action: &str, ids: Value| json!({ "action": action, "ids": ids, "group_id": group });
    let answer = bulk(&plane, "users", body("add_to_group", json!([alice, NOBODY, bob]))).await;
    assert_eq!(results(&answer), [(200, None), (404, Some("not_found")), (200, None)]);
    assert_eq!(plane.admin.get(&path).await.1["member_count"], 2);
    let again = bulk(&plane, "users", body("add_to_group", json!([alice, bob]))).await;
    assert_eq!(results(&again), [(200, None), (200, None)]);
    let (_, log) = plane.admin.get("/admin/audit-logs?event_type=group.member_added").await;
    assert_eq!(log["total"], 2);
    let left = bulk(&plane, "users", body("remove_from_group", json!([alice, NOBODY]))).await;
    assert_eq!(results(&left), [(204, None), (204, None)]);
    assert_eq!(plane.admin.get(&path).await.1["members"], json!([bob]));

    let nowhere = json!({ "action": "add_to_group", "ids": [alice], "group_id": NOBODY });
    let refused = plane.admin.post("/admin/users/bulk", nowhere).await;
    assert_error(&refused, 400, "validation_error");
    assert_eq!(refused.1["error"]["details"][0]["field"], "group_id");
}

#[tokio::test]
async fn devices_are_disabled_enabled_and_revoked() {
    let plane = Plane::start().await;
    plane.gateway("gw", "100.96.0.0/24").await;
    let alice = plane.user("alice").await;
    let mut devices = Vec::new();
    for n in 0..3 {
        devices.push(plane.device(&alice, &format!("laptop {n}")).await);
    }
    let status = |device: &str| {
        let path = format!("/admin/devices/{device}");
        let admin = plane.admin.clone();
        async move { admin.get(&path).await.1["status"].as_str().map(ToOwned::to_owned).unwrap() }
    };
    let body = json!({ "action": "disable", "ids": devices });
    assert_eq!(bulk(&plane, "devices", body).await["succeeded"], 3);
    assert_eq!(status(&devices[0]).await, "disabled");
    let revoke = json!({ "action": "revoke", "ids": [devices[0], NOBODY], "reason": "sold" });
    let answer = bulk(&plane, "devices", revoke.clone()).await;
    assert_eq!(results(&answer), [(200, None), (404, Some("not_found"))]);
    assert_eq!(bulk(&plane, "devices", revoke).await["succeeded"], 1);
    let (_, log) = plane.admin.get("/admin/audit-logs?event_type=device.revoked").await;
    assert_eq!((&log["total"], &log["items"][0]["data"]["reason"]), (&json!(1), &json!("sold")));
    let body = json!({ "action": "enable", "ids": devices });
    let answer = bulk(&plane, "devices", body).await;
    assert_eq!(results(&answer), [(409, Some("device_revoked")), (200, None), (200, None)]);
    assert_eq!(status(&devices[0]).await, "revoked");
    assert_eq!(status(&devices[2]).await, "active");
}

#[tokio::test]
async fn policies_are_disabled_and_enabled() {
    let plane = Plane::start().await;
    let mut policies = Vec::new();
    for n in 0..3 {
        let new = json!({ "name": format!("policy {n}"), "effect": "allow" });
        policies.push(id(&plane.create("policies", new).await));
    }
    let body = json!({ "action": "disable", "ids": [policies[0], policies[1], NOBODY] });
    let answer = bulk(&plane, "policies", body).await;
    assert_eq!(results(&answer), [(200, None), (200, None), (404, Some("not_found"))]);
    assert_eq!(plane.admin.get("/admin/policies?enabled=false").await.1["total"], 2);
    let body = json!({ "action": "enable", "ids": policies });
    assert_eq!(bulk(&plane, "policies", body).await["succeeded"], 3);
    assert_eq!(plane.admin.get("/admin/policies?enabled=true").await.1["total"], 3);
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_as_a_whole() {
    let plane = Plane::start().await;
    let alice = plane.user("alice").await;
    let valid = json!({ "action": "disable", "ids": [alice] });
    let many: Vec<&str> = vec![NOBODY; 1001];
    let cases = [
        ("ids", json!({ "ids": null })),
        ("ids", json!({ "ids": [] })),
        ("ids", json!({ "ids": many })),
        ("ids[0]", json!({ "ids": ["alice"] })),
        ("action", json!({ "action": "promote" })),
        ("group_id", json!({ "action": "add_to_group" })),
        ("group_id", json!({ "group_id": NOBODY })),
        ("reason", json!({ "reason": "x" })),
    ];
    plane.refuses(Method::POST, "/admin/users/bulk", &valid, &cases).await;
    let cases = [("reason", json!({ "reason": "x" })), ("group_id", json!({ "group_id": NOBODY }))];
    plane.refuses(Method::POST, "/admin/devices/bulk", &valid, &cases).await;
    plane.refuses(Method::POST, "/admin/policies/bulk", &valid, &cases).await;
    let stale = [("if-match", "\"1\"")];
    let answer = plane.admin.send(Method::POST, "/admin/users/bulk", &stale, Some(valid)).await;
    super::assert_invalid(&answer, "If-Match", &json!({}));
    assert_eq!(plane.admin.get(&format!("/admin/users/{alice}")).await.1["enabled"], true);
}

#[tokio::test]
async fn a_thousand_at_once_are_answered() {
    let plane = Plane::start().await;
    let mut users = Vec::new();
    for chunk in 0..10 {
        let made = (0..100).map(|n| plane.user_quietly(format!("user{chunk}-{n}")));
        users.extend(futures::future::join_all(made).await);
    }
    let body = json!({ "action": "disable", "ids": users });
    assert_eq!(bulk(&plane, "users", body).await["succeeded"], 1000);
    let (_, page) = plane.admin.get("/admin/users?status=disabled").await;
    assert_eq!(page["total"], 1000);
    let group = id(&plane.create("groups", json!({ "name": "All" })).await);
    let body = json!({ "action": "add_to_group", "ids": users, "group_id": group });
    assert_eq!(bulk(&plane, "users", body).await["succeeded"], 1000);
    let (_, view) = plane.admin.get(&format!("/admin/groups/{group}")).await;
    assert_eq!(view["member_count"], 1000);
    assert_eq!(view["members"].as_array().unwrap().len(), 1000);
    // With one more, the group does not show them: never a part for the whole.
    let last = plane.user("last").await;
    let path = format!("/admin/groups/{group}/members/{last}");
    let answer = plane.admin.send(Method::PUT, &path, &[], None).await;
    assert_eq!(
        (&answer.body["member_count"], &answer.body["members"]),
        (&json!(1001), &json!(null))
    );
}
