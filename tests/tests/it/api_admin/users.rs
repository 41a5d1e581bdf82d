//! `/admin/users`

use nexavpn_tests::harness::PASSWORD;
use reqwest::Method;
use serde_json::{Value, json};

use super::{NOBODY, Plane, assert_conflict, assert_error, assert_invalid, id, ids, key};

#[tokio::test]
async fn a_user_is_created_read_changed_and_deleted() {
    let plane = Plane::start().await;
    let new = json!({
        "username": "alice", "display_name": "Alice", "email": "alice@example.com",
        "role": "auditor", "password": PASSWORD,
    });
    let made = plane.admin.send(Method::POST, "/admin/users", &[], Some(new)).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let path = format!("/admin/users/{}", id(&made.body));
    assert_eq!(made.header("location"), format!("/api/v1{path}"));
    assert_eq!(made.header("etag"), "\"1\"");
    assert!(!made.header("x-consistency-token").is_empty());
    assert_eq!(made.body["status"], "active");
    assert_eq!(made.body["role"], "auditor");
    assert!(!made.body.to_string().contains(PASSWORD));

    let read = plane.admin.send(Method::GET, &path, &[], None).await;
    assert_eq!((read.status, &read.body), (200, &made.body));
    assert_eq!(read.header("etag"), "\"1\"");
    assert!(made.body["created_at"].as_str().unwrap().ends_with('Z'));

    // What is left out stays; null takes the email away.
    let (status, changed) =
        plane.admin.patch(&path, json!({ "display_name": "Alice B.", "email": null })).await;
    assert_eq!(status, 200, "{changed}");
    assert_eq!(changed["username"], "alice");
    assert_eq!(changed["display_name"], "Alice B.");
    assert_eq!(changed["email"], Value::Null);
    assert_eq!(changed["version"], 3);
    assert_eq!(plane.admin.get(&path).await.1, changed);

    assert_eq!(plane.admin.delete(&path).await, (204, Value::Null));
    assert_error(&plane.admin.get(&path).await, 404, "not_found");
    assert_error(&plane.admin.delete(&path).await, 404, "not_found");
    assert_error(&plane.admin.patch(&path, json!({ "role": "user" })).await, 404, "not_found");
    // The name is free again.
    plane.user("alice").await;
}

#[tokio::test]
async fn wrong_fields_are_named() {
    let plane = Plane::start().await;
    let valid = json!({ "username": "alice" });
    let cases = [
        ("username", json!({ "username": null })),
        ("username", json!({ "username": "" })),
        ("username", json!({ "username": "al ice" })),
        ("username", json!({ "username": "-alice" })),
        ("username", json!({ "username": "a".repeat(65) })),
        ("username", json!({ "username": 7 })),
        ("display_name", json!({ "display_name": "a\nb" })),
        ("email", json!({ "email": "nobody" })),
        ("role", json!({ "role": "root" })),
        ("password", json!({ "password": "short" })),
        ("is_admin", json!({ "is_admin": true })),
    ];
    plane.refuses(Method::POST, "/admin/users", &valid, &cases).await;
    // All of them at once, so that they are corrected once.
    let wrong = json!({ "username": "", "email": "nobody", "role": "root" });
    let answer = plane.admin.send(Method::POST, "/admin/users", &[], Some(wrong.clone())).await;
    for field in ["username", "email", "role"] {
        assert_invalid(&answer, field, &wrong);
    }
    let missing = plane.admin.post("/admin/users", json!({})).await;
    assert_eq!(missing.1["error"]["message"], "username is required");
    let path = format!("/admin/users/{}", plane.user("alice").await);
    let cases = [
        ("username", json!({ "username": "" })),
        ("role", json!({ "role": "root" })),
        ("password", json!({ "password": PASSWORD })),
        ("id", json!({ "id": NOBODY })),
    ];
    plane.refuses(Method::PATCH, &path, &json!({}), &cases).await;
    let password = format!("{path}/password");
    plane
        .refuses(
            Method::POST,
            &password,
            &json!({}),
            &[("password", json!({})), ("password", json!({ "password": "short" }))],
        )
        .await;
}

#[tokio::test]
async fn a_name_belongs_to_one_user_without_regard_to_case() {
    let plane = Plane::start().await;
    plane.user("alice").await;
    let taken = plane.admin.post("/admin/users", json!({ "username": "ALICE" })).await;
    assert_conflict(&taken, "username_taken", "username");
    let bob = plane.user("bob").await;
    let path = format!("/admin/users/{bob}");
    let taken = plane.admin.patch(&path, json!({ "username": "Alice" })).await;
    assert_conflict(&taken, "username_taken", "username");
    assert_eq!(plane.admin.patch(&path, json!({ "username": "Bob" })).await.0, 200);
}

#[tokio::test]
async fn if_match_refuses_what_somebody_else_has_changed() {
    let plane = Plane::start().await;
    let path = format!("/admin/users/{}", plane.user("alice").await);
    let patch = |etag: &'static str, name: &'static str| {
        let (admin, path) = (plane.admin.clone(), path.clone());
        async move {
            let body = json!({ "display_name": name });
            admin.send(Method::PATCH, &path, &[("if-match", etag)], Some(body)).await
        }
    };
    let first = patch("\"1\"", "A").await;
    assert_eq!((first.status, first.header("etag")), (200, "\"2\""));
    for stale in ["\"1\"", "\"3\"", "nonsense"] {
        let refused = patch(stale, "B").await;
        assert_error(&(refused.status, refused.body), 412, "precondition_failed");
    }
    assert_eq!(patch("*", "C").await.status, 200);
    let delete = plane.admin.send(Method::DELETE, &path, &[("if-match", "\"1\"")], None).await;
    assert_eq!(delete.status, 412);
    assert_eq!(plane.admin.get(&path).await.1["display_name"], "C");
}

#[tokio::test]
async fn disabling_ends_what_runs_and_enabling_lets_in_again() {
    let plane = Plane::start().await;
    let alice = plane.server.user("alice", "user").await;
    let path = format!("/admin/users/{}", alice.user_id());
    assert_eq!(alice.get("/auth/me").await.0, 200);
    let (status, view) = plane.admin.post(&format!("{path}/disable"), json!({})).await;
    assert_eq!(
        (status, &view["status"], &view["enabled"]),
        (200, &json!("disabled"), &json!(false))
    );
    assert_error(&alice.get("/auth/me").await, 401, "invalid_token");
    let login = json!({ "username": "alice", "password": PASSWORD });
    assert_eq!(alice.post("/auth/login", login).await.0, 401);
    // Again changes nothing and is no fault.
    let (status, again) = plane.admin.post(&format!("{path}/disable"), json!({})).await;
    assert_eq!((status, again), (200, view));
    let (status, view) = plane.admin.post(&format!("{path}/enable"), json!({})).await;
    assert_eq!((status, &view["status"]), (200, &json!("active")));
    plane.server.client().login("alice", PASSWORD).await;
    for verb in ["disable", "enable", "erase"] {
        let path = format!("/admin/users/{NOBODY}/{verb}");
        assert_error(&plane.admin.post(&path, json!({})).await, 404, "not_found");
    }
}

#[tokio::test]
async fn the_last_admin_stays() {
    let plane = Plane::start().await;
    let path = format!("/admin/users/{}", plane.admin.user_id());
    let disable = plane.admin.post(&format!("{path}/disable"), json!({})).await;
    assert_error(&disable, 409, "last_admin");
    assert_error(&plane.admin.patch(&path, json!({ "role": "user" })).await, 409, "last_admin");
    assert_error(&plane.admin.delete(&path).await, 409, "last_admin");
    let erase = plane.admin.post(&format!("{path}/erase"), json!({})).await;
    assert_error(&erase, 409, "last_admin");
    plane.server.user("second", "admin").await;
    assert_eq!(plane.admin.patch(&path, json!({ "role": "auditor" })).await.0, 200);
    // The role is the present one, not that of the token.
    assert_error(&plane.admin.patch(&path, json!({ "role": "admin" })).await, 403, "forbidden");
}

#[tokio::test]
async fn an_admin_sets_a_password_to_be_changed() {
    let plane = Plane::start().await;
    let alice = plane.server.user("alice", "user").await;
    let path = format!("/admin/users/{}/password", alice.user_id());
    let other = "another correct horse";
    let (status, view) = plane.admin.post(&path, json!({ "password": other })).await;
    assert_eq!((status, &view["must_change_password"]), (200, &json!(true)));
    assert_error(&alice.get("/auth/me").await, 401, "invalid_token");
    let alice = plane.server.client().login("alice", other).await;
    assert_eq!(alice.session["password_change_required"], true);
    assert_error(&alice.get("/me/devices").await, 403, "password_change_required");
    let kept = json!({ "password": PASSWORD, "must_change_password": false });
    assert_eq!(plane.admin.post(&path, kept).await.0, 200);
    let alice = plane.server.client().login("alice", PASSWORD).await;
    assert_eq!(alice.get("/me/devices").await.0, 200);
    let nobody = format!("/admin/users/{NOBODY}/password");
    let answer = plane.admin.post(&nobody, json!({ "password": other })).await;
    assert_error(&answer, 404, "not_found");
}

#[tokio::test]
async fn what_is_personal_is_gone_after_an_erasure() {
    let plane = Plane::start().await;
    plane.gateway("gw", "100.96.0.0/24").await;
    let new = json!({ "username": "alice", "display_name": "Alice L.", "email": "a@example.com" });
    let alice = id(&plane.create("users", new).await);
    let device = plane.device(&alice, "Alice's laptop").await;
    let path = format!("/admin/users/{alice}");
    let (status, erased) = plane.admin.post(&format!("{path}/erase"), json!({})).await;
    assert_eq!((status, &erased["status"]), (200, &json!("erased")), "{erased}");
    for field in ["username", "display_name", "email"] {
        assert_eq!(erased[field], Value::Null, "{field}");
    }
    assert_error(&plane.admin.get(&path).await, 404, "not_found");
    let (status, device) = plane.admin.get(&format!("/admin/devices/{device}")).await;
    assert_eq!((status, &device["status"]), (200, &json!("revoked")));
    assert_eq!(device["name"], Value::Null);
    let (_, log) = plane.admin.get(&format!("/admin/audit-logs?entity_id={alice}")).await;
    assert_eq!(log["items"][0]["event_type"], "user.erased");
    let all = plane.admin.get("/admin/audit-logs?page_size=200").await.1.to_string();
    for text in ["alice", "Alice L.", "a@example.com", "Alice's laptop"] {
        assert!(!all.contains(text), "{text} is still in the audit log");
    }
    // Twice is no fault, and a deleted user can be erased.
    assert_eq!(plane.admin.post(&format!("{path}/erase"), json!({})).await.0, 200);
    let path = format!("/admin/users/{}", plane.user("bob").await);
    assert_eq!(plane.admin.delete(&path).await.0, 204);
    let (status, erased) = plane.admin.post(&format!("{path}/erase"), json!({})).await;
    assert_eq!((status, &erased["username"]), (200, &Value::Null));
}

#[tokio::test]
async fn the_list_is_paged_sorted_searched_and_filtered() {
    let plane = Plane::start().await;
    let group = id(&plane.create("groups", json!({ "name": "staff" })).await);
    let mut users = Vec::new();
    for name in ["carol", "alice", "bob", "albert"] {
        users.push(plane.user(name).await);
    }
    let member = format!("/admin/groups/{group}/members/{}", users[0]);
    assert_eq!(plane.admin.send(Method::PUT, &member, &[], None).await.status, 200);
    let names = |query: &'static str| {
        let admin = plane.admin.clone();
        async move {
            let (status, page) = admin.get(&format!("/admin/users{query}")).await;
            assert_eq!(status, 200, "{query}: {page}");
            let items = page["items"].as_array().unwrap().clone();
            let names = items.iter().map(|u| u["username"].as_str().unwrap().to_owned());
            (names.collect::<Vec<_>>(), page)
        }
    };
    let (all, page) = names("").await;
    assert_eq!(all, ["admin", "albert", "alice", "bob", "carol"]);
    assert_eq!(
        (&page["total"], &page["page"], &page["next"]),
        (&json!(5), &json!(1), &Value::Null)
    );
    assert_eq!(names("?page=2&page_size=2").await.0, ["alice", "bob"]);
    assert_eq!(names("?sort=-username&page_size=2").await.0, ["carol", "bob"]);
    assert_eq!(names("?q=AL").await.0, ["albert", "alice"]);
    assert_eq!(names("?q=%25").await.0, [""; 0]);
    assert_eq!(names("?role=admin").await.0, ["admin"]);
    assert_eq!(names("?role=&status=active&q=b").await.0, ["bob"]);
    let (_, page) = plane.admin.get(&format!("/admin/users?group={group}")).await;
    assert_eq!(ids(&page), [users[0].as_str()]);
    let (_, first) = names("?page_size=3").await;
    let after = first["next"].as_str().unwrap();
    let (_, rest) = plane.admin.get(&format!("/admin/users?page_size=3&after={after}")).await;
    assert_eq!(ids(&rest).len(), 2);

    for (query, field) in [
        ("page=0", "page"),
        ("page=x", "page"),
        ("page=1&page=2", "page"),
        ("page_size=201", "page_size"),
        ("sort=password", "sort"),
        ("role=root", "role"),
        ("group=staff", "group"),
        ("colour=red", "colour"),
        ("after=x", "after"),
        ("q=a%00", "q"),
    ] {
        let path = format!("/admin/users?{query}");
        let answer = plane.admin.send(Method::GET, &path, &[], None).await;
        assert_invalid(&answer, field, &json!(query));
    }
}

#[tokio::test]
async fn an_admin_enrols_a_device_for_a_user() {
    let plane = Plane::start().await;
    let alice = plane.user("alice").await;
    let path = format!("/admin/users/{alice}/devices");
    let own = json!({ "name": "laptop", "public_key": key() });
    assert_error(&plane.admin.post(&path, own.clone()).await, 409, "no_gateway");
    let gateway = id(&plane.create("gateways", super::gateway("gw", "100.96.0.0/29")).await);
    assert_error(&plane.admin.post(&path, own.clone()).await, 409, "gateway_not_ready");
    let set = json!({ "public_key": key() });
    assert_eq!(plane.admin.patch(&format!("/admin/gateways/{gateway}"), set).await.0, 200);

    let made = plane.admin.send(Method::POST, &path, &[], Some(own.clone())).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let device = id(&made.body["device"]);
    assert_eq!(made.header("location"), format!("/api/v1/admin/devices/{device}"));
    assert_eq!(made.body["peer"]["assigned_ip"], "100.96.0.2/32");
    assert!(!made.body["profile"]["content"].as_str().unwrap().contains("\nPrivateKey ="));
    let (status, generated) =
        plane.admin.post(&path, json!({ "name": "phone", "generate_key": true })).await;
    assert_eq!(status, 201, "{generated}");
    assert!(generated["profile"]["content"].as_str().unwrap().contains("\nPrivateKey = "));

    plane
        .refuses(
            Method::POST,
            &path,
            &json!({ "name": "tablet", "public_key": key() }),
            &[
                ("name", json!({ "name": null })),
                ("name", json!({ "name": "a\nb" })),
                ("public_key", json!({ "public_key": null })),
                ("public_key", json!({ "public_key": "nonsense" })),
                ("public_key", json!({ "public_key": base64(&[1; 31]) })),
                ("public_key", json!({ "public_key": base64(&[0; 32]) })),
                ("generate_key", json!({ "generate_key": true })),
                ("gateway_id", json!({ "gateway_id": NOBODY })),
            ],
        )
        .await;
    let missing = plane.admin.post(&path, json!({ "name": "tablet" })).await;
    assert_eq!(missing.1["error"]["message"], "public_key is required");

    let name = json!({ "name": "Laptop", "public_key": key() });
    assert_conflict(&plane.admin.post(&path, name).await, "device_name_taken", "name");
    let bob = format!("/admin/users/{}/devices", plane.user("bob").await);
    assert_conflict(&plane.admin.post(&bob, own).await, "public_key_taken", "public_key");
    let nobody = format!("/admin/users/{NOBODY}/devices");
    let body = json!({ "name": "tablet", "public_key": key() });
    assert_error(&plane.admin.post(&nobody, body).await, 404, "not_found");
    // A /29 has room for five devices.
    for name in ["c", "d", "e"] {
        plane.device(&alice, name).await;
    }
    let full = plane.admin.post(&path, json!({ "name": "f", "public_key": key() })).await;
    assert_error(&full, 409, "pool_exhausted");
}

fn base64(bytes: &[u8]) -> String {
    use base64::{Engine, prelude::BASE64_STANDARD};
    BASE64_STANDARD.encode(bytes)
}
