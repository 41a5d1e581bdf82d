//! The published contract, route by route and error by error (`tests/contract/wg-easy.md`).

use base64::{Engine, prelude::BASE64_STANDARD};
use reqwest::Method;
use serde_json::json;

use super::{CLIENTS, Dialect, of};
use crate::api_admin::NOBODY;

#[tokio::test]
async fn every_route_and_field_is_as_the_contract_says() {
    let dialect = Dialect::start().await;
    let answer = dialect.stranger().login().await;
    assert_eq!(answer.body["success"], true);
    let token = answer.body["sessionToken"].as_str().unwrap();
    assert!(token.starts_with("eyJ") && token.split('.').count() == 3, "{token}");
    let caller = dialect.bearer().await;
    assert_eq!(caller.list().await, Vec::<serde_json::Value>::new());

    let name = "user_123456_1730000000";
    let made = caller.create(name).await;
    assert_eq!((&made["name"], &made["enabled"]), (&json!(name), &json!(true)));
    uuid::Uuid::parse_str(made["id"].as_str().unwrap()).unwrap();
    let address: std::net::Ipv4Addr = made["address"].as_str().unwrap().parse().unwrap();
    assert_eq!(address.octets()[..2], [10, 8]);
    assert_eq!(BASE64_STANDARD.decode(made["publicKey"].as_str().unwrap()).unwrap().len(), 32);
    let at = made["createdAt"].as_str().unwrap();
    assert!(at.ends_with('Z') && at.contains('.'), "{at}");
    at.parse::<chrono::DateTime<chrono::Utc>>().unwrap();
    let configuration = made["configuration"].as_str().unwrap();
    assert!(configuration.starts_with("[Interface]\nPrivateKey = "), "{configuration}");
    assert!(configuration.contains("\nPresharedKey = "), "{configuration}");
    assert!(configuration.contains(&format!("\nAddress = {address}/32\n")), "{configuration}");
    let second = caller.create("second-one").await;
    // Each image holds the same text: that of the first, whose access nobody had before, and that of
    // the second, which is drawn while its client is stored.
    for client in [&made, &second] {
        let image = client["qrcodeDataURL"].as_str().unwrap();
        let png = image.strip_prefix("data:image/png;base64,").unwrap();
        let read = read_png(&BASE64_STANDARD.decode(png).unwrap());
        assert_eq!(client["configuration"], json!(read));
    }

    let listed = caller.list().await;
    let ids: Vec<_> = listed.iter().map(|client| &client["id"]).collect();
    assert_eq!(ids, [&made["id"], &second["id"]], "the oldest comes first");
    for field in ["id", "name", "address", "publicKey", "createdAt", "enabled"] {
        assert_eq!(listed[0][field], made[field], "{field}");
    }
    for field in ["configuration", "qrcodeDataURL", "privateKey", "preSharedKey"] {
        assert_eq!(listed[0].get(field), None, "{field}");
    }

    let one = caller.get(&of(&made)).await;
    assert_eq!(one.status, 200, "{}", one.text);
    for field in ["id", "name", "address", "publicKey", "createdAt", "enabled", "configuration"] {
        assert_eq!(one.body[field], made[field], "{field}");
    }
    assert_eq!((&one.body["transferRx"], &one.body["transferTx"]), (&json!(0), &json!(0)));
    assert!(one.body.as_object().unwrap()["latestHandshakeAt"].is_null());

    let gone = caller.delete(&of(&made)).await;
    assert_eq!((gone.status, gone.text.as_str()), (204, ""));
    caller.get(&of(&made)).await.is(404, "NOT_FOUND");
    caller.delete(&of(&made)).await.is(404, "NOT_FOUND");
    assert_eq!(caller.list().await.len(), 1);
    // The name is free again, and everywhere else it is a device like any other.
    caller.create(name).await;
    let device = dialect.device(made["id"].as_str().unwrap()).await;
    assert_eq!((&device["status"], &device["name"]), (&json!("revoked"), &json!(name)));
    let device = dialect.device(second["id"].as_str().unwrap()).await;
    assert_eq!(device["user_id"], json!(dialect.owner), "{device}");
    assert_eq!(device["has_preshared_key"], true);
}

/// What a phone would read in a PNG of ours.
fn read_png(bytes: &[u8]) -> String {
    let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().unwrap();
    let mut rows = vec![0; reader.output_buffer_size().unwrap()];
    let frame = reader.next_frame(&mut rows).unwrap();
    let line = frame.line_size;
    let (width, height) = (frame.width as usize, frame.height as usize);
    let light = |x: usize, y: usize| rows[y * line + x / 8] & (0x80 >> (x % 8)) != 0;
    let shade = |x, y| if light(x, y) { 255 } else { 0 };
    let mut image = rqrr::PreparedImage::prepare_from_greyscale(width, height, shade);
    let grids = image.detect_grids();
    assert_eq!(grids.len(), 1);
    grids[0].decode().unwrap().1
}

#[tokio::test]
async fn every_error_is_as_the_contract_says() {
    let dialect = Dialect::start().await;
    let (stranger, caller) = (dialect.stranger(), dialect.bearer().await);
    let session = |body| stranger.post("/api/session", body);
    session(json!({ "password": "wrong" })).await.is(401, "UNAUTHORIZED");
    session(json!({})).await.is(400, "INVALID_REQUEST");
    session(json!({ "password": 7 })).await.is(400, "INVALID_REQUEST");
    stranger.send(Method::POST, "/api/session", &[], Some("{")).await.is(400, "INVALID_REQUEST");

    let forged =
        super::Guest { token: Some("eyJhbGciOiJub25lIn0.e30.".into()), ..stranger.clone() };
    let native = super::Guest { token: Some(native_token(&dialect)), ..stranger.clone() };
    for nobody in [&stranger, &forged, &native] {
        nobody.get(CLIENTS).await.is(401, "UNAUTHORIZED");
        nobody.post(CLIENTS, json!({ "name": "x" })).await.is(401, "UNAUTHORIZED");
        nobody.delete(&format!("{CLIENTS}/{NOBODY}")).await.is(401, "UNAUTHORIZED");
    }

    for name in ["", "a b", "ä", "a.b", "../x", &"x".repeat(51)] {
        caller.post(CLIENTS, json!({ "name": name })).await.is(400, "INVALID_REQUEST");
    }
    for body in [json!({}), json!({ "name": null }), json!({ "name": 1 }), json!([])] {
        caller.post(CLIENTS, body).await.is(400, "INVALID_REQUEST");
    }
    caller.create("alice").await;
    caller.post(CLIENTS, json!({ "name": "alice" })).await.is(409, "CONFLICT");
    caller.post(CLIENTS, json!({ "name": "Alice" })).await.is(409, "CONFLICT");
    assert_eq!(caller.list().await.len(), 1);
    for id in [NOBODY, "7", "a%2fb"] {
        caller.get(&format!("{CLIENTS}/{id}")).await.is(404, "NOT_FOUND");
        caller.delete(&format!("{CLIENTS}/{id}")).await.is(404, "NOT_FOUND");
    }
    for path in ["/api/wireguard", "/api/wireguard/", "/api/wireguard/restore"] {
        caller.get(path).await.is(404, "NOT_FOUND");
    }
    caller.send(Method::PATCH, CLIENTS, &[], None).await.is(405, "INVALID_REQUEST");
    // Somebody else's device does not exist here.
    let other = dialect.server.user("alice", "user").await;
    let body = json!({ "name": "phone", "generate_key": true });
    let (status, theirs) = other.post("/me/devices", body).await;
    assert_eq!(status, 201, "{theirs}");
    let theirs = of(&theirs["device"]);
    caller.get(&theirs).await.is(404, "NOT_FOUND");
    caller.delete(&theirs).await.is(404, "NOT_FOUND");
    caller.post(&format!("{theirs}/disable"), json!({})).await.is(404, "NOT_FOUND");
    caller.get(&format!("{theirs}/configuration")).await.is(404, "NOT_FOUND");
    // Where the gateway has no room, another name would not help.
    let drain = format!("/admin/gateways/{}/drain", dialect.gateway);
    let (status, answer) = dialect.admin.post(&drain, json!({})).await;
    assert!(status < 300, "{answer}");
    caller.post(CLIENTS, json!({ "name": "bob" })).await.is(500, "INTERNAL_ERROR");
}

fn native_token(dialect: &Dialect) -> String {
    dialect.admin.session["access_token"].as_str().unwrap().to_owned()
}
