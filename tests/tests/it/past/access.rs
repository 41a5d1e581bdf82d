//! Who could reach what, why, and what has changed.

use serde_json::{Value, json};

use super::{ask, newest, policy};
use crate::api_admin::{Plane, id};

const WEB: &str = "destination=172.16.20.5&protocol=tcp&port=443";

fn everyone() -> Value {
    json!({ "type": "everyone" })
}

fn to_user(id: &str) -> Value {
    json!({ "type": "user", "id": id })
}

fn networks(list: &Value) -> Vec<(&str, &str)> {
    let all = list["items"].as_array().unwrap().iter();
    all.map(|one| (one["network"].as_str().unwrap(), one["policy"]["name"].as_str().unwrap_or("-")))
        .collect()
}

#[tokio::test]
async fn everything_that_somebody_reaches_is_listed() {
    let plane = Plane::start().await;
    plane.gateway("gw", "100.96.0.0/24").await;
    let alice = plane.user("alice").await;
    let laptop = plane.device(&alice, "laptop").await;
    policy(&plane, "web", "172.16.20.0/24", to_user(&alice)).await;
    let ports = json!({
        "name": "mail", "effect": "allow", "destinations": ["172.16.21.0/24"],
        "targets": [everyone()], "services": [{ "protocol": "tcp", "ports": ["25", "465"] }],
    });
    plane.create("policies", ports).await;
    let (then, _) = newest(&plane).await;
    let never = json!({
        "name": "never", "effect": "deny", "priority": 1, "destinations": ["172.16.20.0/25"],
        "targets": [everyone()],
    });
    plane.create("policies", never).await;

    let now = ask(&plane, &format!("/admin/access?user={alice}")).await;
    let device = &now["items"][0];
    assert_eq!((&device["device_id"], &device["username"]), (&json!(laptop), &json!("alice")));
    assert_eq!(
        networks(&device["destinations"]),
        [("172.16.20.128/25", "web"), ("172.16.21.0/24", "mail")]
    );
    let mail = &device["destinations"]["items"][1];
    assert_eq!(mail["services"], json!([{ "protocol": "tcp", "ports": ["25", "465"] }]));
    let past = ask(&plane, &format!("/admin/access?device={laptop}&at={then}")).await;
    assert_eq!(past["as_of"]["idx"], then);
    let device = &past["items"][0];
    assert_eq!(
        networks(&device["destinations"]),
        [("172.16.20.0/24", "web"), ("172.16.21.0/24", "mail")]
    );
    let short = ask(&plane, &format!("/admin/access?device={laptop}&at={then}&limit=1")).await;
    let list = &short["items"][0]["destinations"];
    assert_eq!((&list["total"], &list["truncated"]), (&json!(2), &json!(true)));
    let revoke = format!("/admin/devices/{laptop}/revoke");
    assert_eq!(plane.admin.post(&revoke, json!({})).await.0, 200);
    let gone = ask(&plane, &format!("/admin/access?device={laptop}")).await;
    let device = &gone["items"][0];
    assert_eq!(device["device_status"], "revoked");
    assert_eq!(device["destinations"]["items"], json!([]));
}

#[tokio::test]
async fn everybody_who_reaches_something_is_listed() {
    let plane = Plane::start().await;
    plane.gateway("gw", "100.96.0.0/24").await;
    let (alice, bob) = (plane.user("alice").await, plane.user("bob").await);
    let mut devices = Vec::new();
    for name in ["one", "two", "three"] {
        devices.push(plane.device(&alice, name).await);
    }
    let other = plane.device(&bob, "other").await;
    let open = policy(&plane, "web", "172.16.20.0/24", to_user(&alice)).await;
    let (then, _) = newest(&plane).await;
    devices.sort();

    let mut listed = Vec::new();
    let mut after = String::new();
    loop {
        let page = ask(&plane, &format!("/admin/access?{WEB}&page_size=2{after}")).await;
        assert_eq!(page["total"], 3);
        for item in page["items"].as_array().unwrap() {
            assert_eq!((&item["allowed"], &item["policy"]["name"]), (&json!(true), &json!("web")));
            assert_eq!(item["username"], "alice");
            listed.push(item["device_id"].as_str().unwrap().to_owned());
        }
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    assert_eq!(listed, devices);

    let change = json!({ "targets": [to_user(&bob)] });
    assert_eq!(plane.admin.patch(&format!("/admin/policies/{open}"), change).await.0, 200);
    let of = |page: &Value| -> Vec<String> {
        let items = page["items"].as_array().unwrap().iter();
        items.map(|item| item["device_id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(of(&ask(&plane, &format!("/admin/access?{WEB}")).await), [other]);
    assert_eq!(of(&ask(&plane, &format!("/admin/access?{WEB}&at={then}")).await), devices);
}

#[tokio::test]
async fn an_explanation_names_every_rule_and_the_event_that_made_it_so() {
    let plane = Plane::start().await;
    plane.gateway("gw", "100.96.0.0/24").await;
    let alice = plane.user("alice").await;
    let laptop = plane.device(&alice, "laptop").await;
    let group = id(&plane.create("groups", json!({ "name": "staff" })).await);
    let (enrolled, _) = newest(&plane).await;
    policy(&plane, "elsewhere", "10.0.0.0/8", everyone()).await;
    let mail = json!({
        "name": "mail", "effect": "allow", "destinations": ["172.16.20.0/24"], "priority": 50,
        "targets": [everyone()], "services": [{ "protocol": "tcp", "ports": ["25"] }],
    });
    plane.create("policies", mail).await;
    let target = json!({ "type": "group", "id": group });
    let web = policy(&plane, "web", "172.16.20.0/24", target).await;
    let off = json!({
        "name": "off", "effect": "allow", "destinations": ["172.16.20.0/24"], "enabled": false,
        "targets": [everyone()],
    });
    plane.create("policies", off).await;
    let (closed, _) = newest(&plane).await;
    let member = format!("/admin/groups/{group}/members/{alice}");
    let reason = [("x-reason", "new in the team")];
    let put = plane.admin.send(reqwest::Method::PUT, &member, &reason, None).await;
    assert!(put.status < 300, "{}", put.body);
    let (open, _) = newest(&plane).await;
    // These change nothing about it.
    let path = format!("/admin/policies/{web}");
    assert_eq!(plane.admin.patch(&path, json!({ "description": "w" })).await.0, 200);
    plane.user("bob").await;

    let explain = async |at: &str| {
        let path = format!("/admin/access/explain?user={alice}&{WEB}&at={at}");
        ask(&plane, &path).await["items"][0].clone()
    };
    let now = explain("").await;
    assert_eq!((&now["allowed"], &now["policy"]["id"]), (&json!(true), &json!(web)), "{now}");
    let cause = &now["made_so_by"];
    assert_eq!((&cause["idx"], &cause["event_type"]), (&json!(open), &json!("group.member_added")));
    assert_eq!((&cause["entity_id"], &cause["actor"]["name"]), (&json!(group), &json!("admin")));
    assert_eq!((&cause["reason"], &now["searched_from"]), (&json!("new in the team"), &json!(0)));
    let told: Vec<(&str, &str)> = now["considered"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            let name = one["policy"]["name"].as_str().or(one["rule"].as_str());
            (name.unwrap(), one["outcome"].as_str().unwrap())
        })
        .collect();
    assert_eq!(
        told,
        [
            ("built-in:echo", "other_destination"),
            ("mail", "other_service"),
            ("elsewhere", "other_destination"),
            ("web", "decides"),
            ("built-in:dns", "other_destination"),
        ]
    );
    assert_eq!(now["not_asked"]["items"][0]["policy"]["name"], "off");
    assert_eq!(now["not_asked"]["items"][0]["reason"], "disabled");
    // Where the device goes in and out decides nothing about it.
    let other = plane.gateway("other", "100.97.0.0/24").await;
    let moved = json!({ "gateway_id": other });
    let moved = plane.admin.patch(&format!("/admin/devices/{laptop}"), moved).await;
    assert_eq!(moved.0, 200, "{}", moved.1);
    let elsewhere = explain("").await;
    assert_eq!(
        (&elsewhere["gateway_id"], &elsewhere["made_so_by"]["idx"]),
        (&json!(other), &json!(open))
    );

    let before = explain(&closed.to_string()).await;
    assert_eq!((&before["allowed"], &before["decided_by"]), (&json!(false), &json!("default")));
    // Since it was enrolled, nothing has opened that.
    assert_eq!(before["made_so_by"]["event_type"], "device.enrolled");
    assert!(before["made_so_by"]["idx"].as_i64().unwrap() < enrolled);
    let not_asked = before["not_asked"]["items"].as_array().unwrap();
    let reasons: Vec<_> = not_asked.iter().map(|one| one["reason"].as_str().unwrap()).collect();
    assert_eq!(reasons, ["not_targeted", "disabled"]);
    assert_eq!(not_asked[0]["lists_packet"], true);

    let disable = format!("/admin/devices/{laptop}/disable");
    assert_eq!(plane.admin.post(&disable, json!({})).await.0, 200);
    let (disabled, _) = newest(&plane).await;
    let out = explain("").await;
    assert_eq!((&out["allowed"], &out["decided_by"]), (&json!(false), &json!("no_peer")));
    assert_eq!(out["made_so_by"]["idx"], disabled);
    assert_eq!(out["considered"][3]["outcome"], "would_decide");
}

#[tokio::test]
async fn a_span_of_time_says_who_gained_and_lost_what() {
    let plane = Plane::start().await;
    plane.gateway("gw", "100.96.0.0/24").await;
    let (alice, bob) = (plane.user("alice").await, plane.user("bob").await);
    let laptop = plane.device(&alice, "laptop").await;
    let phone = plane.device(&bob, "phone").await;
    let (begin, begin_at) = newest(&plane).await;
    let open = policy(&plane, "web", "172.16.20.0/24", to_user(&alice)).await;
    let (opened, _) = newest(&plane).await;
    let change = json!({ "targets": [to_user(&bob)] });
    assert_eq!(plane.admin.patch(&format!("/admin/policies/{open}"), change).await.0, 200);
    let (moved, _) = newest(&plane).await;

    let gained = |diff: &Value, device: &str, what: &str| -> Vec<String> {
        let groups = diff["changes"]["items"].as_array().unwrap().iter();
        let of = |group: &&Value| {
            let devices = group["devices"]["items"].as_array().unwrap();
            devices.iter().any(|one| one["device_id"] == device)
        };
        let parts = groups.filter(of).flat_map(|group| group[what]["items"].as_array().unwrap());
        parts.map(|part| part["network"].as_str().unwrap().to_owned()).collect()
    };
    let none: [String; 0] = [];
    let event = ask(&plane, &format!("/admin/access/diff?event={moved}")).await;
    assert_eq!((&event["from"]["idx"], &event["to"]["idx"]), (&json!(moved - 1), &json!(moved)));
    assert_eq!((&event["devices"]["gaining"], &event["devices"]["losing"]), (&json!(1), &json!(1)));
    assert_eq!(gained(&event, &laptop, "lost"), ["172.16.20.0/24"]);
    assert_eq!(gained(&event, &phone, "gained"), ["172.16.20.0/24"]);
    assert_eq!(event["gateways"]["items"][0]["revision"], opened);

    // What came and went is in no span that begins before and ends afterwards.
    for query in [
        format!("from={begin}"),
        format!("from={begin}&to={moved}"),
        format!("from={begin_at}&to={moved}"),
    ] {
        let diff = ask(&plane, &format!("/admin/access/diff?{query}")).await;
        assert_eq!(gained(&diff, &laptop, "gained"), none, "{query}: {diff}");
        assert_eq!(gained(&diff, &laptop, "lost"), none);
        assert_eq!(gained(&diff, &phone, "gained"), ["172.16.20.0/24"]);
    }
    let nothing = ask(&plane, &format!("/admin/access/diff?from={moved}")).await;
    assert_eq!(
        (&nothing["devices"]["total"], &nothing["changes"]["items"]),
        (&json!(0), &json!([]))
    );
}
