//! Long answers are cut with honest totals, and too much for a device is refused.

use super::*;

#[tokio::test]
async fn long_lists_are_cut_and_say_so() {
    let plane = Plane::start().await;
    plane.gateway("gw", "100.96.0.0/24").await;
    let mut users = Vec::new();
    for n in 0..4 {
        let user = plane.user(&format!("user{n}")).await;
        plane.device(&user, "one").await;
        users.push(user);
    }
    // One of them reaches something besides, and so gains less.
    let besides = allow("besides", &["10.0.0.0/24"], json!({ "type": "user", "id": users[0] }));
    plane.create("policies", besides).await;
    let nets: Vec<String> = (0..40).map(|n| format!("10.0.{}.0/24", 2 * n)).collect();
    let nets: Vec<&str> = nets.iter().map(String::as_str).collect();
    let body = allow("all", &nets, everyone());

    let all = preview(&plane, Method::POST, "/admin/policies", Some(body.clone())).await;
    let groups = all["changes"]["items"].as_array().unwrap();
    let sizes: Vec<_> = groups.iter().map(|group| group["devices"]["total"].clone()).collect();
    assert_eq!((sizes, &all["changes"]["truncated"]), (vec![json!(3), json!(1)], &json!(false)));
    assert_eq!(groups[0]["gained"]["total"], 40);
    assert_eq!(groups[1]["gained"]["total"], 39, "10.0.0.0/24 was there before");

    let path = "/admin/policies?limit=2";
    let cut = preview(&plane, Method::POST, path, Some(body)).await;
    assert_eq!((&cut["devices"], &cut["devices"]["total"]), (&all["devices"], &json!(4)));
    let changes = &cut["changes"];
    assert_eq!(
        (changes["items"].as_array().unwrap().len(), &changes["truncated"]),
        (1, &json!(true))
    );
    let first = &changes["items"][0];
    for (list, shown, total) in [("devices", 2, 3), ("gained", 20, 40)] {
        assert_eq!(first[list]["items"].as_array().unwrap().len(), shown, "{list}");
        assert_eq!(first[list]["total"], total, "{list}");
        assert_eq!(first[list]["truncated"], true, "{list}");
    }
}

/// Each policy by itself is within the limit; where they meet, they are not.
#[tokio::test]
async fn what_is_too_much_for_a_device_is_refused_at_preview_and_save() {
    let db = TestDb::new().await;
    let server =
        TestServer::start_with(&db.server_url, |o| o.settings.max_profile_boxes = 30).await;
    let plane = Plane { admin: server.admin().await, server, db };
    plane.gateway("gw", "100.96.0.0/24").await;
    let (alice, bob) = (plane.user("alice").await, plane.user("bob").await);
    plane.device(&alice, "laptop").await;
    let group = id(&plane.create("groups", json!({ "name": "g", "members": [alice] })).await);
    let nets = |at: u32, n: u32| -> Vec<String> {
        (0..n).map(|i| format!("10.{at}.{}.0/24", 2 * i)).collect()
    };
    let policy = |name: &str, nets: Vec<String>, target: Value| json!({ "name": name, "effect": "allow", "destinations": nets, "targets": [target] });
    let of_group = json!({ "type": "group", "id": group });
    plane.create("policies", policy("first", nets(1, 20), of_group)).await;
    let refused = async |method: Method, path: &str, body: Option<Value>| {
        let told = preview_as(&plane.admin, &method, path, body.clone()).await;
        let real = plane.admin.send(method, path, &[], body).await;
        for answer in [told, real] {
            let message = answer.body["error"]["message"].as_str().unwrap_or_default().to_owned();
            assert_error(&(answer.status, answer.body), 409, "profile_too_large");
            assert!(message.contains(" 40 firewall entries, the limit is 30"), "{message}");
        }
    };
    let second = policy("second", nets(2, 20), everyone());
    refused(Method::POST, "/admin/policies", Some(second.clone())).await;
    // For nobody yet it is not too much.
    let nobody = with(second, json!({ "targets": [] }));
    let second = format!("/admin/policies/{}", id(&plane.create("policies", nobody).await));
    refused(Method::PATCH, &second, Some(json!({ "targets": [everyone()] }))).await;
    let for_bob = json!({ "targets": [{ "type": "user", "id": bob }] });
    assert_eq!(plane.admin.patch(&second, for_bob).await.0, 200);
    // Neither is membership, before there is a device.
    let member = format!("/admin/groups/{group}/members/{bob}");
    plane.device(&bob, "phone").await;
    refused(Method::PUT, &member, None).await;
    let members = Some(json!({ "members": [alice, bob] }));
    refused(Method::PATCH, &format!("/admin/groups/{group}"), members).await;
    // A device whose owner has too much is not let in.
    let carol = plane.user("carol").await;
    let members = json!({ "members": [alice, carol] });
    assert_eq!(plane.admin.patch(&format!("/admin/groups/{group}"), members).await.0, 200);
    let third = policy("third", nets(3, 20), json!({ "type": "user", "id": carol }));
    plane.create("policies", third).await;
    let body = json!({ "name": "tablet", "public_key": key() });
    let answer = plane.admin.post(&format!("/admin/users/{carol}/devices"), body).await;
    assert_error(&answer, 409, "profile_too_large");
    // What makes it less is taken, whatever there is.
    assert_eq!(plane.admin.patch(&second, json!({ "enabled": false })).await.0, 200);
}

/// What waits for its time is looked at for that time: the clock is never refused.
#[tokio::test]
async fn what_will_be_too_much_for_a_device_is_refused_before() {
    let db = TestDb::new().await;
    let server =
        TestServer::start_with(&db.server_url, |o| o.settings.max_profile_boxes = 30).await;
    let plane = Plane { admin: server.admin().await, server, db };
    plane.gateway("gw", "100.96.0.0/24").await;
    let alice = plane.user("alice").await;
    plane.device(&alice, "laptop").await;
    let nets = |at: u32, n: u32| -> Vec<String> {
        (0..n).map(|i| format!("10.{at}.{}.0/24", 2 * i)).collect()
    };
    let policy = |name: &str, at: u32| {
        let nets = nets(at, 20);
        json!({ "name": name, "effect": "allow", "destinations": nets, "targets": [everyone()] })
    };
    let refused = async |method: Method, path: &str, body: Value, boxes: usize, from: &str| {
        let told = preview_as(&plane.admin, &method, path, Some(body.clone())).await;
        let real = plane.admin.send(method, path, &[], Some(body)).await;
        for answer in [told, real] {
            let message = answer.body["error"]["message"].as_str().unwrap_or_default().to_owned();
            assert_error(&(answer.status, answer.body), 409, "profile_too_large");
            let expected = format!(" {boxes} firewall entries from {from} on, the limit is 30");
            assert!(message.contains(&expected), "{message}");
        }
    };
    // Nothing else is there when it is made.
    let waiting = with(policy("waiting", 1), json!({ "valid_from": "2100-01-01T00:00:00Z" }));
    let waiting = format!("/admin/policies/{}", id(&plane.create("policies", waiting).await));
    plane.create("policies", policy("first", 2)).await;
    let second = with(policy("second", 3), json!({ "valid_from": "2099-01-01T00:00:00Z" }));
    refused(Method::POST, "/admin/policies", second, 40, "2099-01-01T00:00:00Z").await;

    // What comes of it anyway is no reason to refuse what makes it no worse.
    for (body, status) in
        [(json!({ "name": "still waiting" }), 200), (json!({ "destinations": nets(1, 19) }), 200)]
    {
        assert_eq!(plane.admin.patch(&waiting, body).await.0, status);
    }
    let more = json!({ "destinations": nets(1, 21) });
    refused(Method::PATCH, &waiting, more, 41, "2100-01-01T00:00:00Z").await;
    assert_eq!(plane.admin.patch(&waiting, json!({ "enabled": false })).await.0, 200);

    // A denial that ends opens what it has kept closed.
    let deny = json!({
        "name": "not these", "effect": "deny", "priority": 1, "destinations": ["10.3.0.0/16"],
        "targets": [everyone()],
    });
    let deny = format!("/admin/policies/{}", id(&plane.create("policies", deny).await));
    plane.create("policies", policy("third", 3)).await;
    let until = json!({ "valid_until": "2098-01-01T00:00:00Z" });
    refused(Method::PATCH, &deny, until, 40, "2098-01-01T00:00:00Z").await;
}
