//! NUL, control characters and text that hides in every kind of text field.

use base64::Engine as _;
use nexavpn_tests::harness::{ADMIN, PASSWORD};
use reqwest::Method;
use serde_json::{Value, json};

use super::{assert_refused, send};
use crate::api_admin::{Plane, gateway, key, with};

/// What no name may hold.
const BAD: [&str; 8] =
    ["a\0b", "a\nb", "a\r\nb", "a\tb", "\u{1b}[31mred", "a\u{7f}b", "a\u{202e}b", "a\u{2028}b"];

#[tokio::test]
async fn no_text_field_takes_control_characters() {
    let plane = Plane::start().await;
    let admin = &plane.admin;
    let gw = plane.gateway("gw", "100.96.0.0/16").await;
    let user = plane.user("alice").await;
    let device = plane.device(&user, "laptop").await;
    let whole = with(
        gateway("other", "100.97.0.0/16"),
        json!({
            "public_key": key(), "address_pool_v6": "fd00:97::/64", "dns_servers": ["10.0.0.53"],
            "dns_search": ["example.com"], "masquerade_interfaces": ["eth0"],
            "internal_networks": ["10.0.0.0/8"],
        }),
    );
    let policy = json!({
        "name": "p", "description": "d", "effect": "allow", "destinations": ["10.0.0.0/8"],
        "targets": [{ "type": "user", "id": user }],
        "services": [{ "protocol": "tcp", "ports": ["443"] }],
    });
    let person = json!({
        "username": "bob", "display_name": "Bob", "email": "bob@example.com", "role": "user",
    });
    let enrolment = json!({
        "name": "phone", "platform": "ios", "os_version": "18", "app_version": "1",
        "device_fingerprint": "sha256:1", "public_key": key(),
    });
    let added = with(enrolment.clone(), json!({ "device_fingerprint": null, "app_version": null }));
    let cases: [(&str, String, &Value); 12] = [
        ("POST", "/admin/users".into(), &person),
        ("PATCH", format!("/admin/users/{user}"), &person),
        ("POST", "/admin/groups".into(), &json!({ "name": "staff" })),
        ("POST", "/admin/policies".into(), &policy),
        ("POST", "/admin/gateways".into(), &whole),
        (
            "PATCH",
            format!("/admin/gateways/{gw}"),
            &with(whole.clone(), json!({ "address_pool_v4": null, "address_pool_v6": null })),
        ),
        ("POST", "/devices/enroll".into(), &enrolment),
        ("POST", format!("/admin/users/{user}/devices"), &added),
        ("PATCH", format!("/admin/devices/{device}"), &json!({ "name": "x" })),
        ("POST", format!("/devices/{device}/heartbeat"), &json!({ "app_version": "1" })),
        ("POST", format!("/devices/{device}/key"), &json!({ "public_key": key() })),
        (
            "POST",
            "/gateways/join".into(),
            &json!({
                "token": "nxg1.x", "public_key": key(), "agent_version": "1",
            }),
        ),
    ];
    let mut tried = 0;
    for (method, path, valid) in cases {
        for place in texts(valid) {
            if place == "/description" {
                continue;
            }
            for bad in BAD {
                let mut body = valid.clone();
                *body.pointer_mut(&place).unwrap() = bad.into();
                let answer = send(admin, method, &path, &body).await;
                let what = format!("{method} {path} {place} {bad:?}");
                assert_refused(&answer, &what);
                assert_eq!(answer.status, 400, "{what}: {}", answer.body);
                // What was sent is not thrown back at a terminal.
                let said = answer.body["error"]["message"].as_str().unwrap_or_default();
                assert!(!said.chars().any(|c| c.is_control() && c != '\n'), "{what}: {said:?}");
                tried += 1;
            }
        }
    }
    assert!(tried > 300, "{tried}");
    // A longer text may have lines, and nothing else.
    for bad in ["a\0b", "\u{1b}[31mred", "a\u{202e}b"] {
        for path in ["/admin/policies", "/admin/groups"] {
            let body = json!({ "name": "n", "effect": "allow", "description": bad });
            assert_refused(&send(admin, "POST", path, &body).await, bad);
        }
        let path = format!("/devices/{device}/revoke");
        let answer = send(admin, "POST", &path, &json!({ "reason": bad })).await;
        assert_refused(&answer, &format!("{path} {bad:?}"));
    }
    // All that was refused has left nothing behind.
    assert_eq!(admin.get("/admin/users").await.1["total"], 2);
    assert_eq!(admin.get("/admin/groups").await.1["total"], 0);
    assert_eq!(admin.get("/admin/policies").await.1["total"], 0);
    assert_eq!(admin.get("/admin/gateways").await.1["total"], 1);
    assert_eq!(admin.get("/admin/devices").await.1["total"], 1);
}

/// The places (JSON pointers) of all texts in a body.
fn texts(body: &Value) -> Vec<String> {
    fn walk(value: &Value, at: String, found: &mut Vec<String>) {
        match value {
            Value::String(_) => found.push(at),
            Value::Array(items) => {
                items.iter().enumerate().for_each(|(n, v)| walk(v, format!("{at}/{n}"), found));
            }
            Value::Object(fields) => {
                fields.iter().for_each(|(name, v)| walk(v, format!("{at}/{name}"), found));
            }
            _ => {}
        }
    }
    let mut found = vec![];
    walk(body, String::new(), &mut found);
    found
}

#[tokio::test]
async fn no_query_and_no_header_upsets_the_server() {
    let plane = Plane::start().await;
    let admin = &plane.admin;
    let bad = ["%00", "a%00b", "%0a", "%1b%5b31m", "%ff%fe", "%e2%80%ae", "'", "%25", "_%5c"];
    let lists = [
        ("/admin/users", &["q", "sort", "page", "page_size", "after", "role", "status"][..]),
        ("/admin/devices", &["q", "sort", "after", "user_id", "status", "platform"]),
        ("/admin/groups", &["q", "sort", "after"]),
        ("/admin/policies", &["q", "sort", "after", "effect", "enabled"]),
        ("/admin/gateways", &["q", "sort", "after"]),
        ("/admin/audit-logs", &["event_type", "entity_type", "entity_id", "actor_id", "after"]),
        ("/admin/access", &["user", "device", "destination", "protocol", "port"]),
        ("/me/profile", &["device_id"]),
    ];
    for (path, names) in lists {
        for name in names {
            for value in bad {
                let query = format!("{path}?{name}={value}");
                let (status, body) = admin.get(&query).await;
                assert!([200, 400, 404].contains(&status), "{query}: {status} {body}");
            }
        }
    }
    for name in ["X-Reason", "User-Agent", "If-Match", "X-Consistency-Token", "X-Request-Id"] {
        for value in ["\u{e9}\u{202e}", "a\tb", "'; DROP TABLE events; --", ""] {
            let headers = [(name, value)];
            let body = json!({ "display_name": "Root" });
            let path = format!("/admin/users/{}", admin.user_id());
            let answer = admin.send(Method::PATCH, &path, &headers, Some(body)).await;
            let statuses = [200, 400, 412];
            assert!(statuses.contains(&answer.status), "{name}: {value:?}: {}", answer.body);
        }
    }
    for token in ["", "a\u{e9}", "..", "a.b.c", &"x".repeat(5000)] {
        let (status, body) = admin.with_token(token).get("/auth/me").await;
        assert_eq!(status, 401, "{token:?}: {body}");
    }
    let name = base64::prelude::BASE64_STANDARD.encode("a\0b");
    for username in ["ad\0min", "adm\nin", "\u{202e}nimda", &name, &"a".repeat(100_000)] {
        let body = json!({ "username": username, "password": PASSWORD });
        let answer = send(&plane.server.client(), "POST", "/auth/login", &body).await;
        assert!([400, 401].contains(&answer.status), "{username:?}: {}", answer.body);
    }
    plane.server.client().login(ADMIN, PASSWORD).await;
}
