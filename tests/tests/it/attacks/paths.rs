//! Ways to write a path so that what checks it and what answers it might read it differently.

use nexavpn_tests::harness::PASSWORD;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::api_admin::{Plane, gateway, id};

/// The status of a request whose target is sent as it is, as no client library would.
async fn status(plane: &Plane, target: &str, token: Option<&str>) -> u16 {
    let address = plane.server.base_url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).await.unwrap();
    let token = token.map(|t| format!("Authorization: Bearer {t}\r\n")).unwrap_or_default();
    let request = format!("GET {target} HTTP/1.1\r\nHost: x\r\n{token}Connection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut text = Vec::new();
    let _ = stream.read_to_end(&mut text).await;
    let text = String::from_utf8_lossy(&text).into_owned();
    text.get(9..12).and_then(|s| s.parse().ok()).unwrap_or_else(|| panic!("{target}: {text}"))
}

#[tokio::test]
async fn another_spelling_opens_nothing() {
    let plane = Plane::start().await;
    let alice = plane.server.user("alice", "user").await;
    let token = alice.session["access_token"].as_str().unwrap().to_owned();
    assert_eq!(status(&plane, "/api/v1/auth/me", Some(&token)).await, 200);
    let spellings = [
        "/api/v1/auth/../admin/users",
        "/api/v1/auth/me/../../admin/users",
        "/api/v1/auth/%2e%2e/admin/users",
        "/api/v1/auth/..%2fadmin%2fusers",
        "/api/v1/admin%2fusers",
        "/api/v1/admin%2Fusers",
        "/api/v1//admin/users",
        "//api/v1/admin/users",
        "/api/v1/admin//users",
        "/api/v1/admin/users/",
        "/api/v1/admin/users//",
        "/api/v1/admin/users%00",
        "/api/v1/admin/users%00.json",
        "/api/v1/admin/users%20",
        "/api/v1/admin/users;a=b",
        "/api/v1/admin/users/.",
        "/api/v1/./admin/users",
        "/API/V1/ADMIN/USERS",
        "/api/v1/Admin/Users",
        "/api/v1\\admin\\users",
        "/api/v1/%61dmin/users",
        "/api/v1/admin/users?/api/v1/auth/me",
        "/api/v1/admin/users#/auth/me",
        "http://elsewhere.example.com/api/v1/admin/users",
        "/../../../../etc/passwd",
        "/docs/../../../etc/passwd",
        "/docs/%2e%2e/%2e%2e/etc/passwd",
        "/docs/..%2f..%2fetc%2fpasswd",
        "/docs//etc/passwd",
    ];
    for target in spellings {
        for token in [None, Some(token.as_str())] {
            let status = status(&plane, target, token).await;
            assert!([400, 401, 403, 404].contains(&status), "{target}: {status}");
        }
    }
}

/// A gateway's credential is held against the path: no spelling makes another's path its own.
#[tokio::test]
async fn a_gateway_reaches_no_other_by_its_own_name() {
    let plane = Plane::start().await;
    let mut gateways = vec![];
    for (name, pool) in [("one", "100.96.0.0/16"), ("two", "100.97.0.0/16")] {
        gateways.push(id(&plane.create("gateways", gateway(name, pool)).await));
    }
    let (own, other) = (&gateways[0], &gateways[1]);
    let path = format!("/admin/gateways/{own}/join-token");
    let token = plane.admin.post(&path, json!({})).await.1["token"].clone();
    let join = json!({ "token": token, "public_key": crate::api_admin::key(),
                       "agent_version": "1" });
    let (code, joined) = plane.server.client().post("/gateways/join", join).await;
    assert!([200, 201].contains(&code), "{joined}");
    let credential = joined["credential"].as_str().unwrap();
    let sync = |id: &str| format!("/api/v1/admin/gateways/{id}/sync");
    assert_eq!(status(&plane, &sync(own), Some(credential)).await, 200);
    for target in [
        sync(other),
        sync(&format!("{other}%2f{own}")),
        sync(&format!("{own}%2f..%2f{other}")),
        sync(&format!("{own}/../{other}")),
        sync(&format!("{other}/{own}")),
        sync(&format!("{other}%00{own}")),
        format!("{}/{own}", sync(other)),
        format!("{}?{own}", sync(other)),
        format!("{}?/{own}/", sync(other)),
        sync(&other.to_uppercase()),
        sync(&format!("urn:uuid:{other}")),
        sync(&format!("{{{other}}}")),
        format!("/api/v1/admin/gateways/{own}"),
        format!("/api/v1/admin/users?q={own}"),
    ] {
        let status = status(&plane, &target, Some(credential)).await;
        assert!([400, 403, 404].contains(&status), "{target}: {status}");
    }
    plane.server.client().login("admin", PASSWORD).await;
}
