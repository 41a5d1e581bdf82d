//! A device's profile as JSON, as text and as a QR code.

use nexavpn_tests::harness::Client;
use reqwest::header::ACCEPT;
use serde_json::json;

use crate::api_admin::{Plane, assert_error, id, key};

/// An answer that may be no text: status, content type and bytes.
async fn fetch(plane: &Plane, client: &Client, path: &str, accept: &str) -> (u16, String, Vec<u8>) {
    let url = format!("{}/api/v1{path}", plane.server.base_url);
    let token = client.session["access_token"].as_str().unwrap();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = http.get(url).bearer_auth(token).header(ACCEPT, accept);
    let answer = request.send().await.unwrap();
    let kind = answer.headers()["content-type"].to_str().unwrap().to_owned();
    (answer.status().as_u16(), kind, answer.bytes().await.unwrap().to_vec())
}

fn read_code(side: usize, is_dark: impl Fn(usize, usize) -> bool) -> String {
    let mut image = rqrr::PreparedImage::prepare_from_greyscale(side, side, |x, y| {
        if is_dark(x, y) { 0 } else { 255 }
    });
    let grids = image.detect_grids();
    assert_eq!(grids.len(), 1, "one code");
    grids[0].decode().unwrap().1
}

/// Reads a code from our PNG as a phone would.
fn read_png(bytes: &[u8]) -> String {
    let mut decoder = png::Decoder::new(std::io::Cursor::new(bytes));
    decoder.set_transformations(png::Transformations::EXPAND);
    let mut reader = decoder.read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    let side = usize::try_from(info.width).unwrap();
    assert_eq!((info.width, info.color_type), (info.height, png::ColorType::Grayscale));
    read_code(side, |x, y| pixels[y * side + x] < 128)
}

/// Reads a code from our SVG: a path of dark rectangles.
pub(crate) fn read_svg(text: &str) -> String {
    let number = |text: &str| text.parse::<usize>().unwrap();
    let side = number(text.split("width=\"").nth(1).unwrap().split('"').next().unwrap());
    let path = text.split(" d=\"").nth(1).unwrap().split('"').next().unwrap();
    let mut dark = vec![false; side * side];
    for rectangle in path.split('M').skip(1) {
        let parts: Vec<usize> = rectangle.split(['h', 'v', 'H', 'V', ' ']).map(number).collect();
        let [left, top, width, height, ..] = parts[..] else { panic!("{rectangle}") };
        for y in top..top + height {
            dark[y * side + left..y * side + left + width].fill(true);
        }
    }
    read_code(side, |x, y| dark[y * side + x])
}

#[tokio::test]
async fn a_profile_comes_in_the_form_that_is_asked_for() {
    let plane = Plane::start().await;
    plane.gateway("gw", "100.96.0.0/16").await;
    let alice = plane.server.user("alice", "user").await;
    let new = json!({ "name": "phone", "public_key": key() });
    let device = id(&alice.post("/me/devices", new).await.1["device"]);
    let own = format!("/me/devices/{device}/profile");
    for (client, path) in [
        (&alice, own.clone()),
        (&alice, "/me/profile".to_owned()),
        (&plane.admin, format!("/devices/{device}/profile")),
    ] {
        let (status, json) = client.get(&path).await;
        assert_eq!(status, 200, "{json}");
        assert!(json["profile"].get("qr_svg").is_none(), "{json}");
        let content = json["profile"]["content"].as_str().unwrap();
        let (status, kind, text) = fetch(&plane, client, &path, "text/plain").await;
        assert_eq!((status, &*kind), (200, "text/plain; charset=utf-8"), "{path}");
        assert_eq!(String::from_utf8(text).unwrap(), content);
        let (status, kind, svg) = fetch(&plane, client, &path, "image/svg+xml").await;
        assert_eq!((status, &*kind), (200, "image/svg+xml"), "{path}");
        assert_eq!(read_svg(&String::from_utf8(svg).unwrap()), content);
        let (status, kind, png) = fetch(&plane, client, &path, "text/html, image/png").await;
        assert_eq!((status, &*kind), (200, "image/png"), "{path}");
        assert_eq!(read_png(&png), content);
        let (status, _, refused) = fetch(&plane, client, &path, "text/html").await;
        assert_eq!(status, 406, "{}", String::from_utf8_lossy(&refused));
        if path.starts_with("/me/profile") {
            continue;
        }
        let (status, kind, file) = fetch(&plane, client, &format!("{path}.conf"), "*/*").await;
        assert_eq!((status, &*kind), (200, "text/plain; charset=utf-8"), "{path}");
        assert_eq!(String::from_utf8(file).unwrap(), content);
    }
    // A profile with more networks than a code can hold is still there as text.
    let destinations: Vec<String> = (0..200).map(|n| format!("172.16.{n}.128/25")).collect();
    let policy = json!({
        "name": "many", "priority": 1, "effect": "allow", "destinations": destinations,
        "targets": [{ "type": "user", "id": alice.user_id() }],
    });
    plane.create("policies", policy).await;
    let (status, _, refused) = fetch(&plane, &alice, &own, "image/png").await;
    let refused = serde_json::from_slice(&refused).unwrap();
    assert_error(&(status, refused), 409, "profile_too_long");
    let (status, _, text) = fetch(&plane, &alice, &own, "text/plain").await;
    assert_eq!(status, 200);
    assert!(String::from_utf8(text).unwrap().contains("172.16.199.128/25"));
}

#[tokio::test]
async fn a_key_made_here_is_in_one_answer_as_text_and_as_a_code() {
    let plane = Plane::start().await;
    plane.gateway("gw", "100.96.0.0/16").await;
    let alice = plane.server.user("alice", "user").await;
    let body = json!({ "name": "phone", "generate_key": true });
    let (_, made) = alice.post("/me/devices", body.clone()).await;
    let device = id(&made["device"]);
    // The next key of the same device, by its owner and by an admin.
    let path = format!("/devices/{device}/key");
    let next = |client: Client| {
        let path = path.clone();
        async move { client.post(&path, json!({ "generate_key": true })).await }
    };
    let (_, second) = next(alice.clone()).await;
    let (_, third) = next(plane.admin.clone()).await;
    let mut keys = std::collections::BTreeSet::new();
    for answer in [made, second, third] {
        assert_eq!(answer["device"]["id"], json!(device), "{answer}");
        assert_eq!(answer["profile"]["complete"], true, "{answer}");
        let content = answer["profile"]["content"].as_str().unwrap();
        assert_eq!(read_svg(answer["profile"]["qr_svg"].as_str().unwrap()), content);
        let private = content.lines().find_map(|l| l.strip_prefix("PrivateKey = ")).unwrap();
        keys.insert(private.to_owned());
    }
    assert_eq!(keys.len(), 3, "a key of its own each time");
    for form in ["application/json", "text/plain", "image/svg+xml"] {
        let own = format!("/me/devices/{device}/profile");
        let (_, _, later) = fetch(&plane, &alice, &own, form).await;
        let later = String::from_utf8(later).unwrap();
        assert!(keys.iter().all(|k| !later.contains(k)), "{later}");
        if form == "image/svg+xml" {
            let later = read_svg(&later);
            assert!(keys.iter().all(|k| !later.contains(k)), "{later}");
        }
    }
    let bob = plane.server.user("bob", "user").await;
    assert_error(&next(bob).await, 404, "not_found");
    let both = json!({ "generate_key": true, "public_key": key() });
    assert_error(&alice.post(&path, both).await, 400, "validation_error");
    assert_error(&alice.post(&path, json!({})).await, 400, "validation_error");
}

#[tokio::test]
async fn a_client_learns_that_its_profile_is_out_of_date() {
    let plane = Plane::start().await;
    plane.gateway("gw", "100.96.0.0/16").await;
    let alice = plane.server.user("alice", "user").await;
    let new = json!({ "name": "phone", "public_key": key() });
    let device = id(&alice.post("/devices/enroll", new).await.1["device"]);
    let outdated = |revision: i64| {
        let (alice, beat) = (alice.clone(), format!("/devices/{device}/heartbeat"));
        async move {
            let status = format!("/connection/status?profile_revision={revision}");
            let (_, status) = alice.get(&status).await;
            let (_, beat) = alice.post(&beat, json!({ "profile_revision": revision })).await;
            assert_eq!(status["profile_outdated"], beat["profile_outdated"], "{status} {beat}");
            status["profile_outdated"].as_bool().unwrap()
        }
    };
    assert!(!outdated(1).await);
    // A client that does not say what it has is told the revision and no more.
    let (_, status) = alice.get("/connection/status").await;
    assert_eq!(
        (&status["profile_revision"], &status["profile_outdated"]),
        (&json!(1), &json!(false))
    );
    let policy = json!({
        "name": "one", "priority": 1, "effect": "allow", "destinations": ["172.16.1.0/24"],
        "targets": [{ "type": "user", "id": alice.user_id() }],
    });
    plane.create("policies", policy).await;
    assert!(outdated(1).await);
    assert!(!outdated(2).await);
    // A revision that never was, as after a restore.
    assert!(outdated(9).await);
    alice.post(&format!("/devices/{device}/rotate"), json!({})).await;
    assert!(outdated(3).await);
}

/// What a user says of a device of one's own: its name and platform, and nothing else.
#[tokio::test]
async fn a_user_names_their_own_devices() {
    let plane = Plane::start().await;
    plane.gateway("gw", "100.96.0.0/16").await;
    let alice = plane.server.user("alice", "user").await;
    let new = json!({ "name": "phone", "public_key": key() });
    let path = format!("/me/devices/{}", id(&alice.post("/me/devices", new).await.1["device"]));
    let patch = json!({ "name": "old phone", "platform": "android" });
    let (status, view) = alice.patch(&path, patch).await;
    assert_eq!((status, &view["name"]), (200, &json!("old phone")), "{view}");
    assert_eq!(alice.get(&path).await.1["platform"], "android");
    let admin = &plane.admin;
    assert_error(&admin.patch(&path, json!({ "name": "x" })).await, 404, "not_found");
    for beyond in ["enabled", "user_id", "assigned_ip", "expires_at", "role"] {
        let (status, refused) = alice.patch(&path, json!({ beyond: null })).await;
        assert_error(&(status, refused.clone()), 400, "validation_error");
        assert_eq!(refused["error"]["details"][0]["field"], beyond, "{refused}");
    }
    let as_admin = path.replace("/me/", "/admin/");
    for verb in ["disable", "enable"] {
        assert_error(&alice.post(&format!("{as_admin}/{verb}"), json!({})).await, 403, "forbidden");
        let (status, view) = admin.post(&format!("{as_admin}/{verb}"), json!({})).await;
        let now = if verb == "enable" { "active" } else { "disabled" };
        assert_eq!((status, &view["status"]), (200, &json!(now)), "{view}");
    }
}
