//! What every answer says, whatever it is.

use nexavpn_tests::harness::{TestDb, TestServer};
use reqwest::Method;
use serde_json::json;

use crate::api_admin::Plane;

const ORIGIN: &str = "https://admin.example.com";

#[tokio::test]
async fn every_answer_has_the_security_headers_and_a_request_id() {
    let plane = Plane::start().await;
    let (anybody, admin) = (plane.server.client(), &plane.admin);
    let large = json!({ "name": "x".repeat(300_000) });
    let answers = [
        (200, admin.send(Method::GET, "/admin/users", &[], None).await),
        (401, anybody.send(Method::GET, "/admin/users", &[], None).await),
        (404, admin.send(Method::GET, "/nothing/here", &[], None).await),
        (405, admin.send(Method::PUT, "/admin/users", &[], None).await),
        (413, admin.send(Method::POST, "/admin/groups", &[], Some(large)).await),
        (400, admin.send(Method::POST, "/admin/groups", &[], Some(json!([]))).await),
    ];
    for (status, answer) in answers {
        assert_eq!(answer.status, status, "{}", answer.body);
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{status}");
        assert_eq!(answer.header("x-frame-options"), "DENY", "{status}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{status}");
        assert!(answer.header("content-security-policy").contains("'none'"), "{status}");
        assert_eq!(answer.header("cache-control"), "no-store", "{status}");
        let id = answer.header("x-request-id").to_owned();
        assert!(id.parse::<uuid::Uuid>().is_ok(), "{status}: {id}");
        if status >= 400 {
            assert_eq!(answer.body["error"]["request_id"], id, "{status}");
        }
    }
    let own = "7d9b3a52-3f0e-4c43-9b1e-0d5f4f3d9a11";
    let answer = admin.send(Method::GET, "/admin/users", &[("X-Request-Id", own)], None).await;
    assert_eq!(answer.header("x-request-id"), own);
    for bad in ["", "x y", "<script>", &"1".repeat(1000)] {
        let answer = admin.send(Method::GET, "/admin/users", &[("X-Request-Id", bad)], None).await;
        assert!(answer.header("x-request-id").parse::<uuid::Uuid>().is_ok(), "{bad}");
    }
}

#[tokio::test]
async fn other_origins_are_let_in_only_where_configured() {
    let plane = Plane::start().await;
    let from = [("Origin", ORIGIN)];
    let answer = plane.admin.send(Method::GET, "/admin/users", &from, None).await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, ""));
    let ask = [("Origin", ORIGIN), ("Access-Control-Request-Method", "PATCH")];
    let answer = plane.admin.send(Method::OPTIONS, "/admin/users", &ask, None).await;
    assert_eq!(answer.header("access-control-allow-origin"), "");

    let db = TestDb::new().await;
    let server = TestServer::start_with(&db.server_url, |o| {
        let origins = ["http://localhost:5173", ORIGIN];
        o.http.cors_origins = origins.iter().map(|origin| origin.parse().unwrap()).collect();
    })
    .await;
    let anybody = server.client();
    let answer = anybody.send(Method::OPTIONS, "/admin/users", &ask, None).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("access-control-allow-origin"), ORIGIN);
    assert!(answer.header("access-control-allow-methods").contains("PATCH"));
    assert!(answer.header("access-control-allow-headers").contains("idempotency-key"));
    assert_eq!(answer.header("access-control-allow-credentials"), "");
    let answer = server.admin().await.send(Method::GET, "/admin/users", &from, None).await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, ORIGIN));
    assert!(answer.header("access-control-expose-headers").contains("etag"));
    let stranger = [("Origin", "https://evil.example.com")];
    let answer = server.admin().await.send(Method::GET, "/admin/users", &stranger, None).await;
    assert_eq!(answer.header("access-control-allow-origin"), "");
    // Errors are readable to the page as well.
    let answer = anybody.send(Method::GET, "/admin/users", &from, None).await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (401, ORIGIN));
}
