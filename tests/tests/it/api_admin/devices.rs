//! `/admin/devices`

use reqwest::Method;
use serde_json::{Value, json};

use super::{NOBODY, Plane, assert_conflict, assert_error, id, ids, key};

#[tokio::test]
async fn a_device_is_changed_rotated_and_revoked() {
    let plane = Plane::start().await;
    let gateway = plane.gateway("gw", "100.96.0.0/24").await;
    let alice = plane.user("alice").await;
    let path = format!("/admin/devices/{}", plane.device(&alice, "laptop").await);
    let read = plane.admin.send(Method::GET, &path, &[], None).await;
    assert_eq!((read.status, read.header("etag")), (200, "\"1\""), "{}", read.body);
    assert_eq!(read.body["user_id"], json!(alice));
    assert_eq!(read.body["gateway_id"], json!(gateway));
    assert_eq!(
        (&read.body["status"], &read.body["profile_revision"]),
        (&json!("active"), &json!(1))
    );

    let (status, view) =
        plane.admin.patch(&path, json!({ "name": "old laptop", "enabled": false })).await;
    assert_eq!(status, 200, "{view}");
    assert_eq!((&view["name"], &view["status"]), (&json!("old laptop"), &json!("disabled")));
    assert_eq!(plane.admin.get(&path).await.1["status"], "disabled");
    let expires = json!({ "enabled": true, "expires_at": "2999-01-01T00:00:00Z" });
    let (_, view) = plane.admin.patch(&path, expires).await;
    assert_eq!(view["expires_at"], "2999-01-01T00:00:00Z");
    assert_eq!(view["status"], "active");
    let (_, view) = plane.admin.patch(&path, json!({ "expires_at": "2020-01-01T00:00:00Z" })).await;
    assert_eq!(view["status"], "expired");
    let (_, view) = plane.admin.patch(&path, json!({ "expires_at": null })).await;
    assert_eq!((&view["status"], &view["expires_at"]), (&json!("active"), &Value::Null));

    let (status, view) = plane.admin.post(&format!("{path}/rotate"), json!({})).await;
    assert_eq!((status, &view["reprovision_required"]), (200, &json!(true)));
    assert_eq!(view["profile_revision"], 2);
    let revoke = format!("{path}/revoke");
    let (status, view) = plane.admin.post(&revoke, json!({ "reason": "lost" })).await;
    assert_eq!((status, &view["status"]), (200, &json!("revoked")));
    assert_eq!(plane.admin.post(&revoke, json!({})).await.0, 200);
    let rename = plane.admin.patch(&path, json!({ "name": "x" })).await;
    assert_error(&rename, 409, "device_revoked");
    let rotate = plane.admin.post(&format!("{path}/rotate"), json!({})).await;
    assert_error(&rotate, 409, "device_revoked");
}

#[tokio::test]
async fn what_cannot_be_is_refused() {
    let plane = Plane::start().await;
    plane.gateway("gw", "100.96.0.0/24").await;
    let alice = plane.user("alice").await;
    let path = format!("/admin/devices/{}", plane.device(&alice, "laptop").await);
    plane
        .refuses(
            Method::PATCH,
            &path,
            &json!({}),
            &[
                ("name", json!({ "name": "" })),
                ("name", json!({ "name": "a\u{202e}b" })),
                ("enabled", json!({ "enabled": "yes" })),
                ("expires_at", json!({ "expires_at": "tomorrow" })),
                ("public_key", json!({ "public_key": key() })),
                ("user_id", json!({ "user_id": NOBODY })),
            ],
        )
        .await;
    let long = json!({ "reason": "a".repeat(1001) });
    let revoke = format!("{path}/revoke");
    plane.refuses(Method::POST, &revoke, &json!({}), &[("reason", long)]).await;
    plane.device(&alice, "phone").await;
    let taken = plane.admin.patch(&path, json!({ "name": "Phone" })).await;
    assert_conflict(&taken, "device_name_taken", "name");
    for (method, path) in [
        (Method::GET, format!("/admin/devices/{NOBODY}")),
        (Method::PATCH, format!("/admin/devices/{NOBODY}")),
        (Method::POST, format!("/admin/devices/{NOBODY}/revoke")),
        (Method::POST, format!("/admin/devices/{NOBODY}/rotate")),
    ] {
        let body = (method != Method::GET).then(|| json!({}));
        let answer = plane.admin.send(method, &path, &[], body).await;
        assert_error(&(answer.status, answer.body), 404, "not_found");
    }
    assert_eq!(plane.admin.patch(&path, json!({ "enabled": false })).await.0, 200);
    for (method, path, body) in [
        (Method::PATCH, path.clone(), json!({ "enabled": true })),
        (Method::POST, format!("{path}/rotate"), json!({})),
        (Method::POST, format!("{path}/revoke"), json!({})),
    ] {
        let answer = plane.admin.send(method, &path, &[("if-match", "\"1\"")], Some(body)).await;
        assert_error(&(answer.status, answer.body), 412, "precondition_failed");
    }
}

#[tokio::test]
async fn the_list_is_filtered() {
    let plane = Plane::start().await;
    let gateway = plane.gateway("gw", "100.96.0.0/24").await;
    let (alice, bob) = (plane.user("alice").await, plane.user("bob").await);
    let laptop = plane.device(&alice, "laptop").await;
    let phone = plane.device(&alice, "phone").await;
    let other = plane.device(&bob, "tablet").await;
    let revoke = plane.admin.post(&format!("/admin/devices/{phone}/revoke"), json!({})).await;
    assert_eq!(revoke.0, 200);
    let list = |query: String| {
        let admin = plane.admin.clone();
        async move {
            let (status, page) = admin.get(&format!("/admin/devices?{query}")).await;
            assert_eq!(status, 200, "{query}: {page}");
            ids(&page)
        }
    };
    assert_eq!(list(String::new()).await, [&*laptop, &*phone, &*other]);
    assert_eq!(list(format!("user={alice}")).await, [&*laptop, &*phone]);
    assert_eq!(list(format!("user={alice}&status=active")).await, [&*laptop]);
    assert_eq!(list(format!("gateway={gateway}&status=revoked")).await, [&*phone]);
    assert_eq!(list("q=tab".into()).await, [&*other]);
    assert_eq!(list("q=100.96.0.2".into()).await, [&*laptop]);
    assert_eq!(list(format!("gateway={NOBODY}")).await, [""; 0]);
    let (status, refused) = plane.admin.get("/admin/devices?status=lost").await;
    assert_error(&(status, refused), 400, "validation_error");
    // Whoever owns a device is no reason to see the others'.
    let user = plane.server.user("carol", "user").await;
    assert_error(&user.get("/admin/devices").await, 403, "forbidden");
    assert_eq!(id(&plane.admin.get(&format!("/admin/devices/{other}")).await.1), other);
}
