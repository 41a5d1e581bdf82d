//! `/admin/policies`

use reqwest::Method;
use serde_json::{Value, json};

use super::{NOBODY, Plane, assert_error, id, ids};

#[tokio::test]
async fn a_policy_is_created_as_the_contract_shows_read_changed_and_deleted() {
    let plane = Plane::start().await;
    let alice = plane.user("alice").await;
    let new = json!({
        "name": "Finance subnet access",
        "description": "Access for finance team",
        "priority": 100,
        "effect": "allow",
        "full_tunnel": false,
        "destinations": ["172.16.20.0/24", "172.16.21.10/32"],
        "targets": [{ "type": "user", "id": alice }],
    });
    let made = plane.admin.send(Method::POST, "/admin/policies", &[], Some(new.clone())).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let path = format!("/admin/policies/{}", id(&made.body));
    assert_eq!(made.header("location"), format!("/api/v1{path}"));
    for (field, value) in new.as_object().unwrap() {
        assert_eq!(&made.body[field], value, "{field}");
    }
    assert_eq!((&made.body["enabled"], &made.body["in_force"]), (&json!(true), &json!(true)));
    let read = plane.admin.send(Method::GET, &path, &[], None).await;
    assert_eq!((read.status, &read.body), (200, &made.body));
    assert_eq!(read.header("etag"), "\"1\"");

    let services = json!([
        { "protocol": "tcp", "ports": ["443", "8000-8100"] },
        { "protocol": "icmp" },
    ]);
    let patch = json!({
        "services": services, "enabled": false, "valid_from": "2999-01-01T00:00:00Z",
        "targets": [{ "type": "everyone" }], "destinations": ["2001:db8::/32", "10.1.2.3"],
    });
    let (status, changed) = plane.admin.patch(&path, patch).await;
    assert_eq!(status, 200, "{changed}");
    assert_eq!(changed["name"], "Finance subnet access");
    assert_eq!(changed["services"], services);
    assert_eq!(changed["targets"], json!([{ "type": "everyone" }]));
    assert_eq!(changed["destinations"], json!(["2001:db8::/32", "10.1.2.3/32"]));
    assert_eq!((&changed["enabled"], &changed["in_force"]), (&json!(false), &json!(false)));
    assert_eq!(plane.admin.get(&path).await.1, changed);
    let (_, now) = plane.admin.patch(&path, json!({ "enabled": true, "valid_from": null })).await;
    assert_eq!((&now["in_force"], &now["valid_from"]), (&json!(true), &Value::Null));

    assert_eq!(plane.admin.delete(&path).await, (204, Value::Null));
    assert_error(&plane.admin.get(&path).await, 404, "not_found");
    assert_error(&plane.admin.patch(&path, json!({})).await, 404, "not_found");
    assert_error(&plane.admin.delete(&path).await, 404, "not_found");
}

#[tokio::test]
async fn wrong_fields_are_named() {
    let plane = Plane::start().await;
    let valid = json!({ "name": "p", "effect": "allow" });
    let one = |list: &str, value: Value| json!({ list: [value] });
    let cases = [
        ("name", json!({ "name": null })),
        ("name", json!({ "name": "" })),
        ("effect", json!({ "effect": null })),
        ("effect", json!({ "effect": "maybe" })),
        ("priority", json!({ "priority": -1 })),
        ("priority", json!({ "priority": 1_000_001 })),
        ("priority", json!({ "priority": "high" })),
        ("full_tunnel", json!({ "effect": "deny", "full_tunnel": true })),
        ("destinations[0]", one("destinations", json!("10.0.0.1/8"))),
        ("destinations[0]", one("destinations", json!("2001:db8::1/32"))),
        ("destinations[0]", one("destinations", json!("10.0.0.0/33"))),
        ("destinations[0]", one("destinations", json!("everything"))),
        ("destinations[0]", one("destinations", json!("::ffff:10.0.0.0/104"))),
        ("destinations[0]", one("destinations", json!(7))),
        ("destinations[1]", json!({ "destinations": ["10.0.0.0/8", "10.0.0.1/8"] })),
        ("targets[0].id", one("targets", json!({ "type": "user", "id": NOBODY }))),
        ("targets[0].id", one("targets", json!({ "type": "group", "id": NOBODY }))),
        ("targets[0].id", one("targets", json!({ "type": "device", "id": NOBODY }))),
        ("targets[0]", one("targets", json!({ "type": "user", "id": "alice" }))),
        ("targets[0]", one("targets", json!({ "type": "user" }))),
        ("targets[0]", one("targets", json!({ "type": "robot", "id": NOBODY }))),
        ("targets[0].type", one("targets", json!({ "id": NOBODY }))),
        ("services[0].protocol", one("services", json!({ "protocol": "http" }))),
        ("services[0].ports[0]", one("services", json!({ "protocol": "tcp", "ports": ["99999"] }))),
        ("services[0].ports[0]", one("services", json!({ "protocol": "tcp", "ports": ["9-1"] }))),
        ("services[0]", one("services", json!({ "protocol": "icmp", "ports": ["1"] }))),
        ("valid_from", json!({ "valid_from": "today" })),
        (
            "valid_until",
            json!({ "valid_from": "2030-01-02T00:00:00Z", "valid_until": "2030-01-01T00:00:00Z" }),
        ),
        ("colour", json!({ "colour": "red" })),
    ];
    plane.refuses(Method::POST, "/admin/policies", &valid, &cases).await;
    let path = format!("/admin/policies/{}", id(&plane.create("policies", valid).await));
    // A change may leave out what is required to begin with.
    plane.refuses(Method::PATCH, &path, &json!({}), &cases[4..]).await;
    let (_, host_bits) = plane.admin.patch(&path, json!({ "destinations": ["10.0.0.1/8"] })).await;
    let message = host_bits["error"]["message"].as_str().unwrap();
    assert!(message.contains("10.0.0.0/8"), "it says what was probably meant: {message}");
    assert_eq!(plane.admin.get(&path).await.1["version"], 1, "nothing of it was stored");
}

#[tokio::test]
async fn a_policy_that_is_too_much_for_a_firewall_is_refused() {
    let plane = Plane::start().await;
    // None of them touch, so that nothing can be merged.
    let networks = |n: usize| (0..n).map(|i| format!("10.1.{i}.0/25")).collect::<Vec<_>>();
    let ports = |n: usize| (0..n).map(|i| (2 * i + 1).to_string()).collect::<Vec<_>>();
    let tcp = |n: usize| json!([{ "protocol": "tcp", "ports": ports(n) }]);
    let details = |body: &Value| -> Vec<(String, String)> {
        let text = |one: &Value, key: &str| one[key].as_str().unwrap().to_owned();
        let list = body["error"]["details"].as_array().unwrap().iter();
        list.map(|one| (text(one, "field"), text(one, "message"))).collect()
    };
    let refused = |answer: (u16, Value), numbers: [&str; 2]| {
        assert_error(&answer, 400, "validation_error");
        let details = details(&answer.1);
        let fields: Vec<_> = details.iter().map(|(field, _)| field.as_str()).collect();
        assert_eq!(fields, ["destinations", "services"]);
        for (_, message) in &details {
            assert!(numbers.iter().all(|number| message.contains(number)), "{message}");
        }
    };
    let new = |effect: &str, m: usize, n: usize| {
        let (destinations, services) = (networks(m), tcp(n));
        json!({
            "name": "p", "effect": effect, "destinations": destinations, "services": services,
        })
    };

    for effect in ["allow", "deny"] {
        let many = Some(new(effect, 101, 100));
        let answer = plane.admin.send(Method::POST, "/admin/policies", &[], many).await;
        refused((answer.status, answer.body), ["10100", "10000"]);
    }
    let made = plane.create("policies", new("allow", 100, 100)).await;
    let path = format!("/admin/policies/{}", id(&made));
    // It is what comes of the change that counts.
    refused(plane.admin.patch(&path, json!({ "services": tcp(101) })).await, ["10100", "10000"]);
    refused(plane.admin.patch(&path, json!({ "full_tunnel": true })).await, ["10000", "limit"]);
    assert_eq!(plane.admin.get(&path).await.1["version"], 1, "nothing of it was stored");
    let both = json!({ "services": tcp(101), "destinations": networks(99), "effect": "deny" });
    assert_eq!(plane.admin.patch(&path, both).await.0, 200);

    // Ranges that can be merged count once, but there must not be too many of them either.
    let touching: Vec<_> = (1..=1000).map(|port| port.to_string()).collect();
    let halves = json!([
        { "protocol": "udp", "ports": touching[..500] },
        { "protocol": "tcp", "ports": touching[500..] },
    ]);
    assert_eq!(plane.admin.patch(&path, json!({ "services": halves })).await.0, 200);
    let one_more = json!([
        { "protocol": "udp", "ports": touching },
        { "protocol": "tcp", "ports": ["1"] },
    ]);
    let answer = plane.admin.patch(&path, json!({ "services": one_more })).await;
    assert_error(&answer, 400, "validation_error");
    let message = "must have at most 1000 port ranges, has 1001".to_owned();
    assert_eq!(details(&answer.1), [("services".to_owned(), message)]);
}

#[tokio::test]
async fn a_stale_version_is_412() {
    let plane = Plane::start().await;
    let new = json!({ "name": "p", "effect": "allow" });
    let path = format!("/admin/policies/{}", id(&plane.create("policies", new).await));
    assert_eq!(plane.admin.patch(&path, json!({ "priority": 7 })).await.0, 200);
    for method in [Method::PATCH, Method::DELETE] {
        let body = (method == Method::PATCH).then(|| json!({ "priority": 8 }));
        let answer = plane.admin.send(method, &path, &[("if-match", "\"1\"")], body).await;
        assert_error(&(answer.status, answer.body), 412, "precondition_failed");
    }
    let fresh = [("if-match", "\"2\"")];
    let answer =
        plane.admin.send(Method::PATCH, &path, &fresh, Some(json!({ "priority": 8 }))).await;
    assert_eq!((answer.status, answer.header("etag")), (200, "\"3\""));
}

#[tokio::test]
async fn the_list_is_in_the_order_of_priority_and_filtered() {
    let plane = Plane::start().await;
    let alice = plane.user("alice").await;
    let later = json!({ "name": "later", "effect": "allow", "priority": 200 });
    let later = id(&plane.create("policies", later).await);
    let first = json!({
        "name": "first", "effect": "deny", "priority": 5, "enabled": false,
        "targets": [{ "type": "user", "id": alice }],
    });
    let first = id(&plane.create("policies", first).await);
    let list = |query: String| {
        let admin = plane.admin.clone();
        async move { ids(&admin.get(&format!("/admin/policies?{query}")).await.1) }
    };
    assert_eq!(list(String::new()).await, [&*first, &*later]);
    assert_eq!(list("sort=-priority".into()).await, [&*later, &*first]);
    assert_eq!(list("effect=deny".into()).await, [&*first]);
    assert_eq!(list("in_force=true".into()).await, [&*later]);
    assert_eq!(list(format!("target={alice}")).await, [&*first]);
    assert_eq!(list("q=lat".into()).await, [&*later]);
    assert_error(&plane.admin.get("/admin/policies?effect=x").await, 400, "validation_error");
}

/// The order of the list, and the ranks in it, are the order in which the evaluator asks.
#[tokio::test]
async fn the_order_of_evaluation_is_shown() {
    let plane = Plane::start().await;
    plane.gateway("gw", "100.96.0.0/24").await;
    let alice = plane.user("alice").await;
    let device = plane.device(&alice, "laptop").await;
    let mut policies = Vec::new();
    for (name, priority, effect, enabled) in [
        ("old", 10, "allow", true),
        ("young", 10, "allow", true),
        ("denial", 10, "deny", true),
        ("off", 5, "deny", false),
        ("first", 0, "allow", true),
        ("last", 1_000_000, "deny", true),
    ] {
        let body = json!({
            "name": name, "priority": priority, "effect": effect, "enabled": enabled,
            "destinations": ["10.0.0.0/8"], "targets": [{ "type": "everyone" }],
        });
        policies.push((name, id(&plane.create("policies", body).await)));
    }
    let shown = async |query: &str| -> Vec<(String, Value)> {
        let (status, page) = plane.admin.get(&format!("/admin/policies?{query}")).await;
        assert_eq!(status, 200, "{page}");
        let items = page["items"].as_array().unwrap().iter();
        items.map(|p| (p["name"].as_str().unwrap().to_owned(), p["rank"].clone())).collect()
    };
    let expected = [
        ("first", json!(1)),
        ("off", Value::Null),
        ("denial", json!(2)),
        ("old", json!(3)),
        ("young", json!(4)),
        ("last", json!(5)),
    ];
    let mut expected = expected.map(|(name, rank)| (name.to_owned(), rank)).to_vec();
    assert_eq!(shown("").await, expected);
    assert_eq!(shown("sort=priority&page=2&page_size=2").await, expected[2..4]);
    let device = device.parse().unwrap();
    let access = plane.server.app.fleet.read(|fleet| fleet.access(device)).unwrap();
    let asked: Vec<&str> = access.rules().iter().map(|rule| rule.name.as_str()).collect();
    assert_eq!(asked, ["first", "denial", "old", "young", "last"]);
    expected.reverse();
    assert_eq!(shown("sort=-priority").await, expected);

    // What comes in between moves the others on.
    let off = policies.iter().find(|(name, _)| *name == "off").map(|(_, id)| id).unwrap();
    let path = format!("/admin/policies/{off}");
    let (_, on) = plane.admin.patch(&path, json!({ "enabled": true })).await;
    assert_eq!(on["rank"], 2, "{on}");
    let young = policies.iter().find(|(name, _)| *name == "young").map(|(_, id)| id).unwrap();
    let path = format!("/admin/policies/{young}");
    assert_eq!(plane.admin.get(&path).await.1["rank"], 5);
    let (_, moved) = plane.admin.patch(&path, json!({ "priority": 1 })).await;
    assert_eq!(moved["rank"], 2, "{moved}");
}
