//! What clients of version 14 use besides the contract.

use chrono::{DateTime, Utc};
use reqwest::Method;
use serde_json::{Value, json};

use super::{CLIENTS, Dialect, of};

#[tokio::test]
async fn the_further_routes_work_and_answer_the_whole_client() {
    let dialect = Dialect::start().await;
    let caller = dialect.cookie().await;
    let made = caller.create("phone").await;
    assert_eq!(made["success"], true);
    let path = of(&made);
    let listed = caller.list().await.remove(0);
    for (field, value) in [
        ("downloadableConfig", json!(true)),
        ("persistentKeepalive", json!("25")),
        ("latestHandshakeAt", Value::Null),
        ("transferRx", json!(0)),
        ("transferTx", json!(0)),
        ("expiredAt", Value::Null),
        ("oneTimeLink", Value::Null),
        ("endpoint", Value::Null),
    ] {
        assert_eq!(listed.get(field), Some(&value), "{field}: {listed}");
    }
    // As `datetime.strptime` with "%Y-%m-%dT%H:%M:%S.%fZ" reads it.
    for field in ["createdAt", "updatedAt"] {
        let at = listed[field].as_str().unwrap();
        assert_eq!((at.len(), &at[19..20], &at[23..]), (24, ".", "Z"), "{at}");
    }

    let changes = [
        (Method::POST, "disable", json!({}), "enabled", json!(false)),
        (Method::POST, "enable", json!({ "enable": true }), "enabled", json!(true)),
        (
            Method::PUT,
            "name",
            json!({ "name": "Anna's téléphone" }),
            "name",
            json!("Anna's téléphone"),
        ),
        (Method::PUT, "name/", json!({ "name": "tablet" }), "name", json!("tablet")),
        (Method::PUT, "address", json!({ "address": "10.8.3.7" }), "address", json!("10.8.3.7")),
        (
            Method::PUT,
            "expireDate/",
            json!({ "expireDate": "2099-12-31" }),
            "expiredAt",
            json!("2099-12-31T23:59:59.000Z"),
        ),
        (Method::PUT, "expireDate", json!({ "expireDate": null }), "expiredAt", Value::Null),
    ];
    for (method, rest, body, field, value) in changes {
        let answer = caller.json(method, &format!("{path}/{rest}"), body).await;
        assert_eq!(answer.status, 200, "{rest}: {}", answer.text);
        assert_eq!(
            (&answer.body["success"], &answer.body[field]),
            (&json!(true), &value),
            "{rest}"
        );
        assert_eq!(answer.body["id"], made["id"]);
        assert_eq!(caller.list().await[0][field], value, "{rest}");
    }
    caller
        .put(&format!("{path}/address"), json!({ "address": "10.8.0.1" }))
        .await
        .is(400, "INVALID_REQUEST");
    caller
        .put(&format!("{path}/address"), json!({ "address": "nowhere" }))
        .await
        .is(400, "INVALID_REQUEST");
    caller.put(&format!("{path}/name"), json!({ "name": "" })).await.is(400, "INVALID_REQUEST");
    caller
        .put(&format!("{path}/expireDate"), json!({ "expireDate": "soon" }))
        .await
        .is(400, "INVALID_REQUEST");
    let other = caller.create("other").await;
    let taken = json!({ "address": "10.8.3.7" });
    caller.put(&format!("{}/address", of(&other)), taken).await.is(409, "CONFLICT");
    caller
        .put(&format!("{}/name", of(&other)), json!({ "name": "tablet" }))
        .await
        .is(409, "CONFLICT");
}

#[tokio::test]
async fn a_configuration_is_served_as_often_as_it_is_asked_for() {
    let dialect = Dialect::start().await;
    let caller = dialect.cookie().await;
    // Names that version 14 takes, sent as some of its clients do: without saying what it is.
    let body = json!({ "name": "Anna's téléphone" }).to_string();
    let made = caller.send(Method::POST, &format!("{CLIENTS}/"), &[], Some(&body)).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let path = of(&made.body);
    for _ in 0..2 {
        let file = caller.get(&format!("{path}/configuration")).await;
        assert_eq!((file.status, file.header("content-type")), (200, "text/plain"));
        let name = file.header("content-disposition");
        assert_eq!(name, "attachment; filename=\"Anna-s-t-l-phone.conf\"");
        assert_eq!(file.text, made.body["configuration"].as_str().unwrap());
    }
    let image = caller.get(&format!("{path}/qrcode.svg")).await;
    assert_eq!((image.status, image.header("content-type")), (200, "image/svg+xml"));
    assert!(image.text.contains("<svg"), "{}", image.text);

    let backup = caller.get("/api/wireguard/backup").await;
    assert_eq!(backup.status, 200);
    assert!(backup.header("content-disposition").contains("wg0.json"));
    let id = made.body["id"].as_str().unwrap();
    let kept = &backup.body["clients"][id];
    let line = |name: &str| {
        let configuration = made.body["configuration"].as_str().unwrap();
        let line = configuration.lines().find_map(|line| line.strip_prefix(name));
        json!(line.unwrap())
    };
    assert_eq!(kept["privateKey"], line("PrivateKey = "));
    assert_eq!(kept["preSharedKey"], line("PresharedKey = "));
    assert_eq!(backup.body["server"]["publicKey"], line("PublicKey = "));
    assert_eq!(backup.body["server"]["privateKey"], "");
    assert_eq!(backup.body["server"]["address"], "10.8.0.1");

    // A device that the owner has enrolled with a key of its own: nobody else has that.
    let device = json!({ "name": "own", "public_key": crate::api_admin::key() });
    let path = format!("/admin/users/{}/devices", dialect.owner);
    let (status, own) = dialect.admin.post(&path, device).await;
    assert_eq!(status, 201, "{own}");
    let listed = caller.list().await;
    let own = listed.iter().find(|client| client["name"] == "own").unwrap();
    assert_eq!(own["downloadableConfig"], false);
    let file = caller.get(&format!("{}/configuration", of(own))).await;
    assert!(file.text.contains("\n# PrivateKey = add "), "{}", file.text);
}

#[tokio::test]
async fn an_expired_client_is_out_and_says_so() {
    let dialect = Dialect::start().await;
    let caller = dialect.cookie().await;
    let body = json!({ "name": "guest", "expiredDate": "2099-01-31" });
    let made = caller.post(CLIENTS, body).await;
    assert_eq!(made.status, 201, "{}", made.text);
    assert_eq!(made.body["expiredAt"], "2099-01-31T23:59:59.000Z");
    let path = format!("{}/expireDate", of(&made.body));
    let over = caller.put(&path, json!({ "expireDate": "2001-01-01" })).await;
    assert_eq!((over.status, &over.body["enabled"]), (200, &json!(false)), "{}", over.text);
    // Letting it in does not give it more time.
    let let_in = caller.post(&format!("{}/enable", of(&made.body)), json!({})).await;
    assert_eq!((let_in.status, &let_in.body["enabled"]), (200, &json!(false)), "{}", let_in.text);
    let again = caller.put(&path, json!({ "expireDate": "" })).await;
    assert_eq!((again.status, &again.body["enabled"]), (200, &json!(true)), "{}", again.text);
}

#[tokio::test]
async fn handshakes_and_transfer_are_what_the_gateway_reports() {
    let dialect = Dialect::start().await;
    let caller = dialect.cookie().await;
    let made = caller.create("phone").await;
    let at: DateTime<Utc> = "2026-01-02T03:04:05Z".parse().unwrap();
    // As a report leaves it (`gateway::reporting` drives that).
    sqlx::query(
        "INSERT INTO peer_status (device_id, gateway_id, latest_handshake, rx_bytes, tx_bytes,
                                  reported_at)
         VALUES ($1, $2, $3, 1234567890123, 987, $3)",
    )
    .bind(uuid::Uuid::parse_str(made["id"].as_str().unwrap()).unwrap())
    .bind(uuid::Uuid::parse_str(&dialect.gateway).unwrap())
    .bind(at)
    .execute(&dialect.db.pool)
    .await
    .unwrap();
    for client in [caller.list().await.remove(0), caller.get(&of(&made)).await.body] {
        assert_eq!(client["latestHandshakeAt"], "2026-01-02T03:04:05.000Z");
        assert_eq!(client["transferRx"], 1_234_567_890_123_i64);
        assert_eq!(client["transferTx"], 987);
    }
}

#[tokio::test]
async fn what_its_pages_ask_for_first_is_public_and_json() {
    let dialect = Dialect::start().await;
    let stranger = dialect.stranger();
    for (path, wanted) in [
        ("/api/release", json!("14")),
        ("/api/lang", json!("en")),
        ("/api/remember-me", json!(true)),
        ("/api/ui-traffic-stats", json!(true)),
        ("/api/ui-chart-type", json!("0")),
        ("/api/ui-sort-clients", json!(false)),
        ("/api/ui-avatar-settings", json!({ "dicebear": null, "gravatar": false })),
        ("/api/wg-enable-one-time-links", json!(false)),
        ("/api/wg-enable-expire-time", json!(true)),
        ("/api/session", json!({ "requiresPassword": true, "authenticated": false })),
    ] {
        for path in [path.to_owned(), format!("{path}/")] {
            let answer = stranger.get(&path).await;
            assert_eq!((answer.status, &answer.body), (200, &wanted), "{path}: {}", answer.text);
            assert_eq!(answer.header("content-type"), "application/json", "{path}");
        }
    }
}
