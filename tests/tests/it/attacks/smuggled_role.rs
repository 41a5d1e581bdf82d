//! A role, or anything else that is not one's own to say, in the body of a self-service route.

use nexavpn_api::auth::permissions::{TABLE, Who};
use nexavpn_tests::harness::PASSWORD;
use reqwest::Method;
use serde_json::{Value, json};

use crate::api_admin::{Plane, id, key};

/// What such a route takes, so that nothing but the field too many is wrong with it.
fn valid(path: &str, refresh_token: &Value) -> Value {
    match path {
        "/auth/login" | "/auth/browser/login" => {
            json!({ "username": "ulrich", "password": PASSWORD })
        }
        "/auth/refresh" | "/auth/logout" => json!({ "refresh_token": refresh_token }),
        "/me/devices" | "/devices/enroll" => json!({ "name": "x", "public_key": key() }),
        "/me/password" => json!({ "current_password": PASSWORD, "password": "quiet thunder jar" }),
        "/devices/{id}/key" => json!({ "public_key": key() }),
        "/me/devices/{id}" => json!({ "name": "y" }),
        _ => json!({}),
    }
}

#[tokio::test]
async fn a_role_cannot_be_smuggled_in() {
    let plane = Plane::start().await;
    plane.gateway("gw", "100.96.0.0/16").await;
    let user = plane.server.user("ulrich", "user").await;
    let new = json!({ "name": "laptop", "public_key": key() });
    let device = id(&user.post("/me/devices", new).await.1["device"]);
    let extra = [
        ("role", json!("admin")),
        ("user", json!({ "role": "admin" })),
        ("user_id", json!(plane.admin.user_id())),
        ("owner", json!(plane.admin.user_id())),
        ("must_change_password", json!(false)),
        ("is_admin", json!(true)),
        ("__proto__", json!({ "role": "admin" })),
    ];
    let mut tried = 0;
    for row in TABLE {
        let own =
            matches!(row.who, Who::SignedIn | Who::OwnerOrAdmin) || row.path.starts_with("/auth/");
        if !own || row.method == "GET" {
            continue;
        }
        let body = valid(row.path, &user.session["refresh_token"]);
        let path = row.path.replace("{id}", &device);
        for (field, value) in &extra {
            let mut body = body.clone();
            body[*field] = value.clone();
            let method: Method = row.method.parse().unwrap();
            // Some routes take no body: what is sent is not looked at.
            let bare = [
                "/auth/logout-all",
                "/auth/browser/refresh",
                "/auth/browser/logout",
                "/devices/{id}/rotate",
            ];
            let takes = !bare.contains(&row.path) && method != Method::DELETE;
            if !takes {
                continue;
            }
            let answer = user.send(method, &path, &[], Some(body)).await;
            let place = format!("{} {} with {field}", row.method, row.path);
            assert_eq!(answer.status, 400, "{place}: {}", answer.body);
            assert_eq!(answer.body["error"]["details"][0]["field"], *field, "{}", answer.body);
            tried += 1;
        }
    }
    assert!(tried >= 8 * extra.len(), "only {tried}");
    // Nor by the query or by a header.
    for headers in [&[][..], &[("x-role", "admin"), ("x-user-id", plane.admin.user_id())]] {
        let me = user.send(Method::GET, "/auth/me?role=admin", headers, None).await;
        assert_eq!(me.body["role"], "user", "{}", me.body);
        let closed = user.send(Method::GET, "/admin/users?role=admin", headers, None).await;
        assert_eq!(closed.status, 403, "{}", closed.body);
    }
    let (_, view) = plane.admin.get(&format!("/admin/users/{}", user.user_id())).await;
    assert_eq!((&view["role"], &view["version"]), (&json!("user"), &json!(1)), "{view}");
}

/// An auditor, who may read everything, changes nobody's role, not even their own.
#[tokio::test]
async fn nobody_but_an_admin_changes_a_role() {
    let plane = Plane::start().await;
    for role in ["user", "auditor"] {
        let client = plane.server.user(&format!("some-{role}"), role).await;
        let path = format!("/admin/users/{}", client.user_id());
        for body in [json!({ "role": "admin" }), json!({ "role": ["admin"] })] {
            assert_eq!(client.patch(&path, body).await.0, 403);
        }
        let new = json!({ "username": "helper", "role": "admin" });
        assert_eq!(client.post("/admin/users", new).await.0, 403);
        assert_eq!(client.get("/auth/me").await.1["role"], role);
    }
}
