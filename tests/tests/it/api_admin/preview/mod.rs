//! `/admin/preview/…`: what a change would do, and that saying so does nothing.

mod later;
mod limits;
mod truth;

use nexavpn_tests::harness::{Answer, Client, TestDb, TestServer};
use reqwest::Method;
use serde_json::{Value, json};

use super::{NOBODY, Plane, assert_error, assert_invalid, gateway, id, key, with};

/// The same request as the real one, with `/preview` behind `/admin`.
async fn preview_as(client: &Client, method: &Method, path: &str, body: Option<Value>) -> Answer {
    let path = path.replacen("/admin/", "/admin/preview/", 1);
    client.send(method.clone(), &path, &[], body).await
}

async fn preview(plane: &Plane, method: Method, path: &str, body: Option<Value>) -> Value {
    let answer = preview_as(&plane.admin, &method, path, body).await;
    assert_eq!(answer.status, 200, "{method} {path}: {}", answer.body);
    answer.body
}

/// An allow policy for a target.
fn allow(name: &str, destinations: &[&str], target: Value) -> Value {
    json!({ "name": name, "effect": "allow", "destinations": destinations, "targets": [target] })
}

fn everyone() -> Value {
    json!({ "type": "everyone" })
}

fn codes(preview: &Value) -> Vec<&str> {
    let warnings = preview["warnings"].as_array().unwrap().iter();
    warnings.map(|warning| warning["code"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn who_gains_and_loses_what_and_by_which_policy() {
    let plane = Plane::start().await;
    plane.gateway("gw", "100.96.0.0/24").await;
    plane.gateway("other", "100.97.0.0/24").await;
    let alice = plane.user("alice").await;
    let laptop = plane.device(&alice, "laptop").await;
    let gw = plane.admin.get(&format!("/admin/devices/{laptop}")).await.1["gateway_id"].clone();
    let body = allow("net", &["10.1.0.0/16"], everyone());
    let net = id(&plane.create("policies", body).await);

    let deny = json!({
        "name": "not web", "effect": "deny", "priority": 5, "destinations": ["10.1.2.0/24"],
        "targets": [{ "type": "user", "id": alice }],
        "services": [{ "protocol": "tcp", "ports": ["80", "443"] }],
    });
    let told = preview(&plane, Method::POST, "/admin/policies", Some(deny.clone())).await;
    assert_eq!(told["events"][0], json!({ "event_type": "policy.created", "count": 1 }));
    let totals = json!({
        "total": 1, "gaining": 0, "losing": 1, "losing_everything": 0, "profile_revisions": 0,
    });
    assert_eq!(told["devices"], totals, "{told}");
    let change = &told["changes"]["items"][0];
    let device = &change["devices"]["items"][0];
    assert_eq!((&device["device_id"], &device["device_name"]), (&json!(laptop), &json!("laptop")));
    assert_eq!((&device["username"], &device["user_id"]), (&json!("alice"), &json!(alice)));
    assert_eq!(change["gained"], json!({ "items": [], "total": 0, "truncated": false }));
    let lost = &change["lost"]["items"][0];
    assert_eq!(change["lost"]["total"], 1, "{change}");
    assert_eq!(lost["network"], "10.1.2.0/24");
    assert_eq!(lost["services"], json!([{ "protocol": "tcp", "ports": ["80", "443"] }]));
    let by = |decider: &Value| (decider["decided_by"].clone(), decider["policy"]["name"].clone());
    assert_eq!(by(&lost["before"]), (json!("policy"), json!("net")));
    assert_eq!(lost["before"]["policy"]["id"], json!(net));
    assert_eq!(by(&lost["after"]), (json!("policy"), json!("not web")));
    let gateways = &told["gateways"];
    assert_eq!((&gateways["total"], &gateways["items"][0]["gateway_id"]), (&json!(1), &gw));
    assert_eq!(codes(&told), [""; 0]);

    // For all of them the other way round, and another route in the profile.
    let path = format!("/admin/policies/{net}");
    let told = preview(&plane, Method::DELETE, &path, None).await;
    let totals = json!({
        "total": 1, "gaining": 0, "losing": 1, "losing_everything": 1, "profile_revisions": 1,
    });
    assert_eq!(told["devices"], totals, "{told}");
    let lost = &told["changes"]["items"][0]["lost"]["items"][0];
    assert_eq!((&lost["network"], &lost["services"]), (&json!("10.1.0.0/16"), &json!([])));
    assert_eq!(by(&lost["after"]), (json!("default"), Value::Null));
    let device = &told["changes"]["items"][0]["devices"]["items"][0];
    assert_eq!(device["loses_everything"], true);
    let revisions = [&device["profile_revision_before"], &device["profile_revision_after"]];
    // The first is the enrolment's, the second came with the policy.
    assert_eq!(revisions, [&json!(2), &json!(3)]);
    assert_eq!(codes(&told), ["everything_lost"]);
    assert_eq!(told["warnings"][0]["devices"]["items"], json!([laptop]));

    // Whoever stops being a peer loses built-in DNS, too; nobody else is concerned.
    let path = format!("/admin/users/{alice}/disable");
    let told = preview(&plane, Method::POST, &path, None).await;
    let device = &told["changes"]["items"][0]["devices"]["items"][0];
    assert_eq!(device["status_before"], "active");
    assert_eq!(device["status_after"], "owner_disabled");
    let lost = &told["changes"]["items"][0]["lost"]["items"][0];
    assert_eq!(by(&lost["after"]), (json!("no_peer"), Value::Null));
    // Nothing of all this has happened.
    assert_eq!(plane.admin.get(&format!("/admin/devices/{laptop}")).await.1["status"], "active");
    let told =
        preview(&plane, Method::PATCH, &format!("/admin/policies/{net}"), Some(json!({}))).await;
    assert_eq!((&told["events"], &told["devices"]["total"]), (&json!([]), &json!(0)));
}

#[tokio::test]
async fn members_and_targets_of_groups_are_previewed() {
    let plane = Plane::start().await;
    plane.gateway("gw", "100.96.0.0/24").await;
    let (alice, bob) = (plane.user("alice").await, plane.user("bob").await);
    let (laptop, phone) = (plane.device(&alice, "laptop").await, plane.device(&bob, "phone").await);
    let group = id(&plane.create("groups", json!({ "name": "g", "members": [alice] })).await);
    let body = allow("net", &["10.1.0.0/16"], json!({ "type": "group", "id": group }));
    let told = preview(&plane, Method::POST, "/admin/policies", Some(body.clone())).await;
    let shown = |told: &Value| -> Vec<Value> {
        let groups = told["changes"]["items"].as_array().unwrap().iter();
        let devices = groups.flat_map(|group| group["devices"]["items"].as_array().unwrap());
        devices.map(|device| device["device_id"].clone()).collect()
    };
    assert_eq!(shown(&told), [json!(laptop)]);
    plane.create("policies", body).await;

    let member = |user: &str| format!("/admin/groups/{group}/members/{user}");
    let told = preview(&plane, Method::PUT, &member(&bob), None).await;
    assert_eq!((shown(&told), &told["devices"]["gaining"]), (vec![json!(phone)], &json!(1)));
    assert_eq!(told["events"][0]["event_type"], "group.member_added");
    let told = preview(&plane, Method::DELETE, &member(&alice), None).await;
    assert_eq!((shown(&told), &told["devices"]["losing"]), (vec![json!(laptop)], &json!(1)));
    let path = format!("/admin/groups/{group}");
    let told = preview(&plane, Method::PATCH, &path, Some(json!({ "members": [bob] }))).await;
    assert_eq!(told["devices"]["total"], 2, "{told}");
    let told = preview(&plane, Method::DELETE, &path, None).await;
    assert_eq!(shown(&told), [json!(laptop)]);
    let new = json!({ "name": "h", "members": [alice, bob] });
    let told = preview(&plane, Method::POST, "/admin/groups", Some(new)).await;
    assert_eq!((&told["devices"]["total"], &told["gateways"]["total"]), (&json!(0), &json!(0)));
}

#[tokio::test]
async fn whoever_asks_is_warned_about_themselves() {
    let plane = Plane::start().await;
    plane.gateway("gw", "100.96.0.0/24").await;
    let me = plane.admin.user_id().to_owned();
    let own = plane.device(&me, "own").await;
    let alice = plane.user("alice").await;
    plane.device(&alice, "laptop").await;
    let net = allow("net", &["10.1.0.0/16", "10.2.0.0/16"], everyone());
    let path = format!("/admin/policies/{}", id(&plane.create("policies", net).await));

    let less = Some(json!({ "destinations": ["10.1.0.0/16", "10.2.0.0/17"] }));
    let told = preview(&plane, Method::PATCH, &path, less.clone()).await;
    assert_eq!(codes(&told), ["own_access_lost"]);
    assert_eq!(told["warnings"][0]["devices"]["items"], json!([own]));
    // Only what is lost is warned of.
    let more = Some(json!({ "destinations": ["10.0.0.0/8"] }));
    assert_eq!(codes(&preview(&plane, Method::PATCH, &path, more).await), [""; 0]);
    // To an auditor it is somebody else's device.
    let auditor = plane.server.user("audrey", "auditor").await;
    let told = preview_as(&auditor, &Method::PATCH, &path, less.clone()).await;
    assert_eq!((told.status, codes(&told.body)), (200, vec![]));
    assert_eq!(told.body["devices"]["losing"], 2);
    let nobody = plane.server.user("uma", "user").await;
    let refused = preview_as(&nobody, &Method::PATCH, &path, less).await;
    assert_error(&(refused.status, refused.body), 403, "forbidden");

    let second = plane.server.user("second", "admin").await;
    let path = format!("/admin/users/{}", second.user_id());
    let told = preview_as(&second, &Method::DELETE, &path, None).await;
    assert_eq!(codes(&told.body), ["own_account_closed"]);
}

/// The request came through the tunnel: its source is the device's own address.
#[tokio::test]
async fn whoever_comes_through_a_device_is_warned_before_it_is_cut_off() {
    let db = TestDb::new().await;
    let proxies = vec!["127.0.0.0/8".parse().unwrap()];
    let server = TestServer::start_with(&db.server_url, |o| o.http.trusted_proxies = proxies).await;
    let plane = Plane { admin: server.admin().await, server, db };
    plane.gateway("gw", "100.96.0.0/24").await;
    let alice = plane.user("alice").await;
    let laptop = plane.device(&alice, "laptop").await;
    let policy = allow("net", &["10.1.0.0/16"], everyone());
    let policy = id(&plane.create("policies", policy).await);
    let (_, device) = plane.admin.get(&format!("/admin/devices/{laptop}")).await;
    let address = device["assigned_ip"].as_str().unwrap().trim_end_matches("/32");
    let path = format!("/admin/preview/policies/{policy}");
    for (from, expected) in [
        (address, vec!["own_connection_at_risk", "everything_lost"]),
        ("100.96.0.200", vec!["everything_lost"]),
    ] {
        let from = [("x-forwarded-for", from)];
        let told = plane.admin.send(Method::DELETE, &path, &from, None).await;
        assert_eq!((told.status, codes(&told.body)), (200, expected), "{}", told.body);
    }
}

/// What the real thing refuses, the preview refuses in the same words.
#[tokio::test]
async fn refusals_are_previewed_too() {
    let plane = Plane::start().await;
    let alice = plane.user("alice").await;
    let me = plane.admin.user_id().to_owned();
    plane.create("groups", json!({ "name": "taken" })).await;
    let group = id(&plane.create("groups", json!({ "name": "g" })).await);
    let policy = json!({ "name": "p", "effect": "allow" });
    let policy = id(&plane.create("policies", policy).await);
    let too_many: Vec<String> = (1..=500).map(|n| (2 * n).to_string()).collect();
    let nets: Vec<String> = (0..30).map(|n| format!("10.{}.0.0/16", 2 * n)).collect();
    let boxes = json!({
        "name": "p", "effect": "allow", "destinations": nets,
        "services": [{ "protocol": "tcp", "ports": too_many }],
    });
    let cases = [
        (Method::POST, "/admin/policies".to_owned(), Some(json!({}))),
        (Method::POST, "/admin/policies".into(), Some(json!({ "name": "p", "efect": "allow" }))),
        (
            Method::POST,
            "/admin/policies".into(),
            Some(json!({
                "name": "", "effect": "x", "destinations": ["10.0.0.0/33"], "priority": -1,
                "targets": [{ "type": "user", "id": NOBODY }],
            })),
        ),
        (Method::POST, "/admin/policies".into(), Some(boxes)),
        (Method::PATCH, format!("/admin/policies/{policy}"), Some(json!({ "name": 7 }))),
        (Method::PATCH, format!("/admin/policies/{NOBODY}"), Some(json!({ "name": "q" }))),
        (Method::DELETE, format!("/admin/policies/{NOBODY}"), None),
        (Method::POST, "/admin/groups".into(), Some(json!({ "name": "taken" }))),
        (Method::POST, "/admin/groups".into(), Some(json!({ "members": [] }))),
        (Method::PATCH, format!("/admin/groups/{group}"), Some(json!({ "name": "taken" }))),
        (Method::PUT, format!("/admin/groups/{group}/members/{NOBODY}"), None),
        (Method::PUT, format!("/admin/groups/{NOBODY}/members/{alice}"), None),
        (Method::DELETE, format!("/admin/users/{me}"), None),
        (Method::POST, format!("/admin/users/{me}/disable"), None),
        (Method::POST, format!("/admin/devices/{NOBODY}/revoke"), None),
    ];
    for (method, path, body) in cases {
        let mut told = preview_as(&plane.admin, &method, &path, body.clone()).await;
        let mut real = plane.admin.send(method.clone(), &path, &[], body).await;
        for answer in [&mut told, &mut real] {
            assert!((400..500).contains(&answer.status), "{method} {path}: {}", answer.body);
            answer.body["error"]["request_id"] = Value::Null;
        }
        assert_eq!((told.status, told.body), (real.status, real.body), "{method} {path}");
    }
    // Another version of it than the caller has seen.
    let path = format!("/admin/preview/policies/{policy}");
    let stale = [("if-match", "\"7\"")];
    for (method, body) in [(Method::PATCH, Some(json!({ "name": "q" }))), (Method::DELETE, None)] {
        let answer = plane.admin.send(method, &path, &stale, body).await;
        assert_error(&(answer.status, answer.body), 412, "precondition_failed");
    }
    for limit in ["0", "1001", "x", "-1"] {
        let path = format!("{path}?limit={limit}");
        let answer = plane.admin.send(Method::DELETE, &path, &[], None).await;
        assert_invalid(&answer, "limit", &json!(limit));
    }
}

#[tokio::test]
async fn of_many_it_says_what_they_would_do_together() {
    let plane = Plane::start().await;
    plane.gateway("gw", "100.96.0.0/24").await;
    let alice = plane.user("alice").await;
    let laptop = plane.device(&alice, "laptop").await;
    let mut both = vec![];
    for name in ["one", "two"] {
        let body = allow(name, &["10.1.0.0/16"], everyone());
        both.push(id(&plane.create("policies", body).await));
    }
    // Neither closes alone what both open.
    for policy in &both {
        let path = format!("/admin/policies/{policy}");
        let off = Some(json!({ "enabled": false }));
        let told = preview(&plane, Method::PATCH, &path, off).await;
        assert_eq!(told["devices"]["losing"], 0, "{told}");
    }
    let ids = json!([both[0], both[1], NOBODY, both[0]]);
    let body = json!({ "action": "disable", "ids": ids });
    let told = preview(&plane, Method::POST, "/admin/policies/bulk", Some(body.clone())).await;
    let (said, refused) = (&told["preview"], &told["refused"]);
    assert_eq!((&said["devices"]["losing"], &said["events"][0]["count"]), (&json!(1), &json!(2)));
    assert_eq!(said["changes"]["items"][0]["lost"]["items"][0]["network"], "10.1.0.0/16");
    assert_eq!(said["changes"]["items"][0]["devices"]["items"][0]["device_id"], json!(laptop));
    let named = |n: usize| (&refused[n]["id"], &refused[n]["error"]["code"]);
    assert_eq!(named(0), (&json!(NOBODY), &json!("not_found")), "{told}");
    assert_eq!(named(1), (&json!(both[0]), &json!("duplicate_id")), "{told}");
    assert_eq!(refused.as_array().map(Vec::len), Some(2));
    for policy in &both {
        let (_, policy) = plane.admin.get(&format!("/admin/policies/{policy}")).await;
        assert_eq!(policy["enabled"], true);
    }
    // What it says is refused as the real one refuses it.
    for (kind, body, field) in [
        ("policies", json!({ "action": "disable", "ids": [] }), "ids"),
        ("users", with(body, json!({ "group_id": NOBODY })), "group_id"),
        ("devices", json!({ "action": "move", "ids": [laptop], "gateway_id": NOBODY }), "action"),
    ] {
        let path = format!("/admin/{kind}/bulk");
        let answer = preview_as(&plane.admin, &Method::POST, &path, Some(body.clone())).await;
        assert_invalid(&answer, field, &body);
    }
}
