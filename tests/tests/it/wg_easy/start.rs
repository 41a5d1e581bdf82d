//! Switching the dialect on, and what keeps it from that.

use nexavpn_api::dialects::wg_easy::WgEasyOptions;
use nexavpn_tests::harness::{TestDb, TestServer, run_program};

use super::{CLIENTS, Dialect, Guest, UNLIMITED, options};
use crate::api_admin::Plane;

#[tokio::test]
async fn without_its_configuration_there_is_no_such_address() {
    let plane = Plane::start().await;
    let stranger = Guest::new(&plane.server.base_url);
    for path in ["/api/session", CLIENTS, "/api/release", "/api/wireguard/backup"] {
        let answer = stranger.get(path).await;
        assert_eq!(
            (answer.status, &answer.body["error"]["code"]),
            (404, &"not_found".into()),
            "{path}"
        );
    }
}

async fn refused(options: WgEasyOptions) -> String {
    let db = TestDb::new().await;
    let plain = TestServer::start(&db).await;
    let app = plain.app.clone();
    let error = nexavpn_api::dialects::wg_easy::WgEasy::open(app, options).await;
    error.err().unwrap().to_string()
}

#[tokio::test]
async fn what_is_wrong_is_said_at_the_start() {
    let good = options(UNLIMITED).await;
    assert!(refused(good.clone()).await.contains("\"bots\""));
    let bad = WgEasyOptions { password_hash: "secret words".into(), ..good.clone() };
    let said = refused(bad).await;
    assert!(said.contains("hash-password") && !said.contains("secret words"), "{said}");
    let elsewhere = WgEasyOptions { owner: "admin".into(), gateway: Some("oslo".into()), ..good };
    assert!(refused(elsewhere).await.contains("\"oslo\""));

    let place = tempfile::tempdir().unwrap();
    let data = place.path().to_str().unwrap();
    for (variables, wanted) in [
        (vec![("NEXAVPN_WG_EASY_OWNER", "admin")], "needs both"),
        (
            vec![("NEXAVPN_WG_EASY_OWNER", "admin"), ("NEXAVPN_WG_EASY_PASSWORD_HASH", "hunter2!")],
            "is not a hash",
        ),
    ] {
        let (success, said) = run_program(&["serve", "--data-dir", data], &variables).await;
        assert!(!success && said.contains(wanted) && !said.contains("hunter2!"), "{said}");
    }
}

/// The owner may be the admin whom the same start makes, and new clients go where they should.
#[tokio::test]
async fn new_clients_go_to_the_gateway_that_is_named() {
    let dialect = Dialect::with(UNLIMITED, |_| {}).await;
    let other = crate::api_admin::gateway("oslo", "10.9.0.0/24");
    let other =
        crate::api_admin::with(other, serde_json::json!({ "public_key": crate::api_admin::key() }));
    let (status, other) = dialect.admin.post("/admin/gateways", other).await;
    assert_eq!(status, 201, "{other}");
    let mut wg_easy = options(UNLIMITED).await;
    wg_easy.owner = "admin".into();
    wg_easy.gateway = Some("OSLO".into());
    let server = TestServer::start_with(&dialect.db.server_url, |options| {
        options.wg_easy = Some(wg_easy);
    })
    .await;
    let stranger = Guest::new(&server.base_url);
    let cookie = Some(stranger.login().await.cookie());
    let guest = Guest { cookie, ..stranger };
    for name in ["one", "two"] {
        let made = guest.create(name).await;
        assert!(made["address"].as_str().unwrap().starts_with("10.9.0."), "{made}");
    }
    assert!(dialect.bearer().await.list().await.is_empty(), "those of another owner");
}
