//! `GET /admin/access`

use reqwest::Method;
use serde_json::{Value, json};

use super::{NOBODY, Plane, assert_error, assert_invalid, gateway, id, key, with};

async fn ask(plane: &Plane, query: &str) -> Value {
    let (status, answer) = plane.admin.get(&format!("/admin/access?{query}")).await;
    assert_eq!(status, 200, "{query}: {answer}");
    answer
}

#[tokio::test]
async fn the_answer_names_what_decided() {
    let plane = Plane::start().await;
    let fields = json!({ "public_key": key(), "dns_servers": ["10.20.0.53"] });
    plane.create("gateways", with(gateway("gw", "100.96.0.0/24"), fields)).await;
    let alice = plane.user("alice").await;
    let device = plane.device(&alice, "laptop").await;
    let to = |packet: &str| format!("device={device}&{packet}");
    let web = to("destination=172.16.20.7&protocol=tcp&port=443");

    let answer = ask(&plane, &web).await;
    assert_eq!(answer["destination"], "172.16.20.7");
    assert_eq!((&answer["protocol"], &answer["port"]), (&json!("tcp"), &json!(443)));
    let one = &answer["items"][0];
    assert_eq!((&one["device_id"], &one["device_status"]), (&json!(device), &json!("active")));
    assert_eq!((&one["allowed"], &one["decided_by"]), (&json!(false), &json!("default")));

    let allow = json!({
        "name": "web", "effect": "allow", "destinations": ["172.16.20.0/24"],
        "targets": [{ "type": "user", "id": alice }],
        "services": [{ "protocol": "tcp", "ports": ["443"] }],
    });
    let allow = id(&plane.create("policies", allow).await);
    let one = ask(&plane, &web).await["items"][0].clone();
    assert_eq!((&one["allowed"], &one["decided_by"]), (&json!(true), &json!("policy")), "{one}");
    assert_eq!((&one["policy"]["id"], &one["policy"]["name"]), (&json!(allow), &json!("web")));
    let ssh = ask(&plane, &to("destination=172.16.20.7&protocol=6&port=22")).await;
    assert_eq!(ssh["items"][0]["allowed"], false);

    let deny = json!({
        "name": "never", "effect": "deny", "priority": 1, "destinations": ["172.16.20.7"],
        "targets": [{ "type": "everyone" }],
    });
    plane.create("policies", deny).await;
    let one = ask(&plane, &web).await["items"][0].clone();
    assert_eq!((&one["allowed"], &one["policy"]["effect"]), (&json!(false), &json!("deny")));

    let dns = ask(&plane, &to("destination=10.20.0.53&protocol=udp&port=53")).await;
    assert_eq!(dns["items"][0]["decided_by"], "built-in:dns");
    let echo = ask(&plane, &to("destination=100.96.0.1&protocol=icmp")).await;
    assert_eq!(
        (&echo["port"], &echo["items"][0]["decided_by"]),
        (&Value::Null, &json!("built-in:echo"))
    );
    // An IPv4-mapped address is the IPv4 one.
    let mapped = ask(&plane, &to("destination=::ffff:10.20.0.53&protocol=udp&port=53")).await;
    assert_eq!(
        (&mapped["destination"], &mapped["items"][0]["allowed"]),
        (&json!("10.20.0.53"), &json!(true))
    );

    let path = format!("/admin/devices/{device}");
    assert_eq!(plane.admin.patch(&path, json!({ "enabled": false })).await.0, 200);
    let one =
        ask(&plane, &to("destination=10.20.0.53&protocol=udp&port=53")).await["items"][0].clone();
    assert_eq!((&one["allowed"], &one["decided_by"]), (&json!(false), &json!("no_peer")));
    assert_eq!(one["device_status"], "disabled");
}

#[tokio::test]
async fn a_user_is_answered_for_each_device() {
    let plane = Plane::start().await;
    plane.gateway("gw", "100.96.0.0/24").await;
    let alice = plane.user("alice").await;
    let packet = "destination=10.1.2.3&protocol=tcp&port=80";
    let query = format!("user={alice}&{packet}");
    assert_eq!(ask(&plane, &query).await["items"], json!([]));
    let (laptop, phone) =
        (plane.device(&alice, "laptop").await, plane.device(&alice, "phone").await);
    let policy = json!({
        "name": "phone", "effect": "allow", "destinations": ["10.0.0.0/8"],
        "targets": [{ "type": "device", "id": phone }],
    });
    plane.create("policies", policy).await;
    let answer = ask(&plane, &query).await;
    let items = answer["items"].as_array().unwrap();
    let of = |id: &str| items.iter().find(|i| i["device_id"] == id).unwrap();
    assert_eq!(items.len(), 2);
    assert_eq!((&of(&laptop)["allowed"], &of(&phone)["allowed"]), (&json!(false), &json!(true)));
}

#[tokio::test]
async fn a_question_that_is_not_whole_is_refused() {
    let plane = Plane::start().await;
    let packet = "destination=10.1.2.3&protocol=tcp&port=80";
    for (query, field) in [
        (String::new(), "device"),
        ("destination=10.1.2.3".to_owned(), "protocol"),
        (format!("{packet}&page_size=0"), "page_size"),
        (format!("{packet}&after=x"), "after"),
        (format!("device={NOBODY}&{packet}&after={NOBODY}"), "after"),
        (format!("device={NOBODY}&limit=0"), "limit"),
        (format!("device={NOBODY}&user={NOBODY}&{packet}"), "user"),
        (format!("device=laptop&{packet}"), "device"),
        (format!("device={NOBODY}&protocol=tcp&port=80"), "destination"),
        (format!("device={NOBODY}&destination=10.0.0.0/8&protocol=tcp&port=80"), "destination"),
        (format!("device={NOBODY}&destination=10.1.2.3&port=80"), "protocol"),
        (format!("device={NOBODY}&destination=10.1.2.3&protocol=http&port=80"), "protocol"),
        (format!("device={NOBODY}&destination=10.1.2.3&protocol=tcp"), "port"),
        (format!("device={NOBODY}&destination=10.1.2.3&protocol=tcp&port=65536"), "port"),
        (format!("device={NOBODY}&destination=10.1.2.3&protocol=icmp&port=80"), "port"),
    ] {
        let path = format!("/admin/access?{query}");
        let answer = plane.admin.send(Method::GET, &path, &[], None).await;
        assert_invalid(&answer, field, &json!(query));
    }
    for (query, field) in [
        (packet.to_owned(), "device"),
        (format!("device={NOBODY}"), "destination"),
        (format!("device={NOBODY}&destination=10.1.2.3&protocol=tcp"), "port"),
        (format!("device={NOBODY}&{packet}&at=soon"), "at"),
    ] {
        let path = format!("/admin/access/explain?{query}");
        let answer = plane.admin.send(Method::GET, &path, &[], None).await;
        assert_invalid(&answer, field, &json!(query));
    }
    for (query, field) in [
        ("", "from"),
        ("from=1&event=2", "from"),
        ("to=1&event=2", "to"),
        ("event=0", "event"),
        ("event=2026-05-03T12:00:00Z", "event"),
        ("event=99999", "event"),
        ("from=99999", "from"),
        ("from=0&to=99999", "to"),
        ("from=2&to=1", "to"),
        ("from=0&limit=1001", "limit"),
    ] {
        let path = format!("/admin/access/diff?{query}");
        let answer = plane.admin.send(Method::GET, &path, &[], None).await;
        assert_invalid(&answer, field, &json!(query));
    }
    for whose in ["device", "user"] {
        let path = format!("/admin/access?{whose}={NOBODY}&{packet}");
        assert_error(&plane.admin.get(&path).await, 404, "not_found");
    }
}
