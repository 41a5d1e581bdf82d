//! `GET /admin/audit-logs`

use reqwest::Method;
use serde_json::{Value, json};

use super::{Plane, assert_invalid, id};

async fn types(plane: &Plane, query: &str) -> Vec<String> {
    let (status, page) = plane.admin.get(&format!("/admin/audit-logs?{query}")).await;
    assert_eq!(status, 200, "{query}: {page}");
    let items = page["items"].as_array().unwrap().iter();
    items.map(|e| e["event_type"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn the_log_tells_who_did_what_and_why_newest_first() {
    let plane = Plane::start().await;
    plane.gateway("gw", "100.96.0.0/24").await;
    let alice = plane.user("alice").await;
    let device = plane.device(&alice, "laptop").await;
    let headers = [("x-reason", "lost on the train to Zürich"), ("user-agent", "the test")];
    let path = format!("/admin/devices/{device}/revoke");
    let revoke = plane.admin.send(Method::POST, &path, &headers, Some(json!({}))).await;
    assert_eq!(revoke.status, 200);

    let (status, page) = plane.admin.get("/admin/audit-logs").await;
    assert_eq!(status, 200, "{page}");
    let items = page["items"].as_array().unwrap();
    assert_eq!(page["total"], json!(items.len()));
    let numbers: Vec<i64> = items.iter().map(|e| e["idx"].as_i64().unwrap()).collect();
    assert!(numbers.is_sorted_by(|a, b| a == &(b + 1)), "{numbers:?}");
    assert_eq!(numbers.last(), Some(&1));
    let newest = &items[0];
    assert_eq!(newest["event_type"], "device.revoked");
    assert_eq!((&newest["entity_type"], &newest["entity_id"]), (&json!("device"), &json!(device)));
    assert_eq!(newest["actor"]["id"], json!(plane.admin.user_id()));
    assert_eq!(newest["actor"]["name"], "admin");
    assert_eq!(
        (&newest["reason"], &newest["user_agent"]),
        (&json!("lost on the train to Zürich"), &json!("the test"))
    );
    assert_eq!(newest["client_address"], "127.0.0.1");
    assert_eq!(newest["request_id"], revoke.header("x-request-id"));
    assert_eq!(newest["status"], "success");
    let story = types(&plane, &format!("entity_id={device}")).await;
    assert_eq!(story, ["device.revoked", "device.enrolled"]);
}

#[tokio::test]
async fn the_contracts_filters_and_pages_work() {
    let plane = Plane::start().await;
    for name in ["a", "b", "c"] {
        plane.user(name).await;
    }
    let group = id(&plane.create("groups", json!({ "name": "g" })).await);
    let user = plane.server.user("mallory", "user").await;
    assert_eq!(user.get("/admin/users").await.0, 403);

    assert_eq!(types(&plane, "event_type=group.created").await, ["group.created"]);
    assert_eq!(types(&plane, "entity_type=group").await, ["group.created"]);
    let mine = format!("entity_id={group}&actor_id={}", plane.admin.user_id());
    assert_eq!(types(&plane, &mine).await, ["group.created"]);
    let failures = types(&plane, "status=failure").await;
    assert!(!failures.is_empty() && failures.iter().all(|t| t.starts_with("security.")));
    let successes = types(&plane, "status=success&entity_type=security").await;
    assert!(successes.iter().all(|t| !t.starts_with("security.failure")));

    let query = "event_type=user.created&page_size=2";
    let (_, first) = plane.admin.get(&format!("/admin/audit-logs?{query}")).await;
    assert_eq!((&first["total"], &first["page_size"]), (&json!(5), &json!(2)));
    let next = first["next"].as_str().unwrap();
    let (_, second) = plane.admin.get(&format!("/admin/audit-logs?{query}&after={next}")).await;
    let (_, paged) = plane.admin.get(&format!("/admin/audit-logs?{query}&page=2")).await;
    assert_eq!(second["items"], paged["items"]);
    let (_, last) = plane.admin.get(&format!("/admin/audit-logs?{query}&page=3")).await;
    assert_eq!((last["items"].as_array().unwrap().len(), &last["next"]), (1, &Value::Null));
    assert_eq!(types(&plane, "event_type=no.such_event").await, [""; 0]);

    for (query, field) in [
        ("status=maybe", "status"),
        ("page=0", "page"),
        ("page_size=1000", "page_size"),
        ("after=x", "after"),
        ("sort=time", "sort"),
        ("from=yesterday", "from"),
        ("address=here", "address"),
        ("request_id=1", "request_id"),
        ("actor_type=robot", "actor_type"),
        ("colour=red", "colour"),
        ("entity_id=a%00", "entity_id"),
    ] {
        let path = format!("/admin/audit-logs?{query}");
        let answer = plane.admin.send(Method::GET, &path, &[], None).await;
        assert_invalid(&answer, field, &json!(query));
    }
}

/// Of each change of an entry: field, before and after.
fn changes(entry: &Value) -> Vec<(String, Value, Value)> {
    let changes = entry["changes"].as_array().unwrap().iter();
    let of = |c: &Value| {
        (c["field"].as_str().unwrap().to_owned(), c["before"].clone(), c["after"].clone())
    };
    changes.map(of).collect()
}

async fn page(plane: &Plane, query: &str) -> Vec<Value> {
    let (status, page) = plane.admin.get(&format!("/admin/audit-logs?{query}")).await;
    assert_eq!(status, 200, "{query}: {page}");
    page["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn entries_say_what_each_field_was_and_is() {
    let plane = Plane::start().await;
    let made = plane
        .create(
            "policies",
            json!({
                "name": "servers", "priority": 10, "effect": "allow",
                "destinations": ["172.16.0.0/24"], "targets": [],
            }),
        )
        .await;
    let policy = id(&made);
    let path = format!("/admin/policies/{policy}");
    for body in [
        json!({ "priority": 20 }),
        json!({ "name": "all servers", "priority": 30 }),
        json!({ "valid_until": "2999-01-01T00:00:00Z" }),
    ] {
        assert_eq!(plane.admin.patch(&path, body).await.0, 200);
    }
    assert_eq!(plane.admin.delete(&path).await.0, 204);

    let items = page(&plane, &format!("entity_id={policy}&sort=idx")).await;
    let first = changes(&items[0]);
    assert!(first.contains(&("priority".into(), Value::Null, json!(10))), "{first:?}");
    assert_eq!(items[0]["summary"], "Policy “servers” created");
    assert_eq!(changes(&items[1]), [("priority".into(), json!(10), json!(20))]);
    assert_eq!(items[2]["summary"], "Policy changed: name, priority");
    assert_eq!(
        changes(&items[2]),
        [
            ("name".into(), json!("servers"), json!("all servers")),
            ("priority".into(), json!(20), json!(30)),
        ]
    );
    let until = json!("2999-01-01T00:00:00Z");
    assert_eq!(changes(&items[3]), [("valid_until".into(), Value::Null, until.clone())]);
    let last = changes(&items[4]);
    assert!(last.contains(&("name".into(), json!("all servers"), Value::Null)), "{last:?}");
    assert!(last.contains(&("valid_until".into(), until, Value::Null)), "{last:?}");
    assert!(last.contains(&("effect".into(), json!("allow"), Value::Null)), "{last:?}");
}

#[tokio::test]
async fn the_log_is_searched_by_range_request_address_person_and_words() {
    let plane = Plane::start().await;
    plane.gateway("gw", "100.96.0.0/24").await;
    let alice = plane.user("alice").await;
    let device = plane.device(&alice, "laptop").await;
    let headers = [("x-reason", "left on the train")];
    let path = format!("/admin/devices/{device}/revoke");
    let revoked = plane.admin.send(Method::POST, &path, &headers, Some(json!({}))).await;
    assert_eq!(revoked.status, 200, "{}", revoked.body);
    let newest = page(&plane, "page_size=1").await[0].clone();
    let idx = newest["idx"].as_i64().unwrap();
    let story = |events: &[Value]| -> Vec<String> {
        events.iter().map(|e| e["event_type"].as_str().unwrap().to_owned()).collect()
    };

    let request = revoked.header("x-request-id");
    assert_eq!(page(&plane, &format!("request_id={request}")).await, vec![newest.clone()]);
    assert_eq!(page(&plane, &format!("from={idx}")).await, vec![newest.clone()]);
    assert_eq!(page(&plane, &format!("from={idx}&to={}", idx - 1)).await, [] as [Value; 0]);
    let time = newest["time"].as_str().unwrap();
    assert_eq!(page(&plane, &format!("from={time}&to={time}")).await, vec![newest.clone()]);
    let before = page(&plane, &format!("to={}&sort=idx&page_size=200", idx - 1)).await;
    assert_eq!(before.len(), usize::try_from(idx).unwrap() - 1);
    assert_eq!(before[0]["idx"], 1);
    let mut walked = Vec::new();
    let mut after = String::new();
    loop {
        let query = format!("/admin/audit-logs?sort=idx&page_size=3{after}");
        let (_, page) = plane.admin.get(&query).await;
        walked.extend(page["items"].as_array().unwrap().iter().map(|e| e["idx"].clone()));
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    assert_eq!(walked, (1..=idx).map(Value::from).collect::<Vec<_>>());

    // What is done to a device concerns its owner.
    let about = page(&plane, &format!("user={alice}&entity_type=device")).await;
    assert_eq!(story(&about), ["device.revoked", "device.enrolled"]);
    let from_here = page(&plane, &format!("address=127.0.0.1&entity_id={device}")).await;
    assert_eq!(story(&from_here), ["device.revoked", "device.enrolled"]);
    assert_eq!(page(&plane, "address=192.0.2.1").await, [] as [Value; 0]);

    // Reasons may name anybody: whoever is erased could not be found in them.
    assert_eq!(page(&plane, "q=train").await, [] as [Value; 0]);
    let named = page(&plane, &format!("q=alice&entity_id={alice}")).await;
    assert_eq!(story(&named), ["user.created"]);
    let laptop = page(&plane, "q=lapt").await;
    assert_eq!(story(&laptop), ["device.revoked", "device.enrolled"]);
    assert_eq!(laptop[0]["entity_name"], "laptop");
    assert_eq!(page(&plane, "q=%40").await, [] as [Value; 0]);

    // Nobody is found by what was erased.
    let erased = plane.admin.post(&format!("/admin/users/{alice}/erase"), json!({})).await;
    assert_eq!(erased.0, 200, "{}", erased.1);
    for words in ["laptop", "alice"] {
        assert_eq!(page(&plane, &format!("q={words}")).await, [] as [Value; 0], "{words}");
    }
    let about = page(&plane, &format!("user={alice}&event_type=device.enrolled")).await;
    let name = changes(&about[0]).into_iter().find(|(field, ..)| field == "name");
    assert_eq!((about.len(), name), (1, None));
}

#[tokio::test]
async fn people_see_what_they_did_and_what_was_done_to_them_and_no_more() {
    let plane = Plane::start().await;
    plane.gateway("gw", "100.96.0.0/24").await;
    let alice = plane.server.user("alice", "user").await;
    let bob = plane.server.user("bob", "user").await;
    let device = plane.device(alice.user_id(), "laptop").await;
    plane.device(bob.user_id(), "phone").await;
    let headers = [("x-reason", "a secret of the admins")];
    let path = format!("/admin/devices/{device}/disable");
    let disabled = plane.admin.send(Method::POST, &path, &headers, Some(json!({}))).await;
    assert_eq!(disabled.status, 200, "{}", disabled.body);

    let (status, mine) = alice.get("/me/activity").await;
    assert_eq!(status, 200, "{mine}");
    let items = mine["items"].as_array().unwrap();
    let story: Vec<(&str, &str)> = items
        .iter()
        .map(|e| (e["event_type"].as_str().unwrap(), e["by"].as_str().unwrap()))
        .collect();
    let told = [
        ("device.disabled", "user"),
        ("device.enrolled", "user"),
        ("session.started", "you"),
        ("user.created", "system"),
    ];
    assert_eq!(story, told);
    assert_eq!(changes(&items[0]), [("enabled".into(), json!(true), json!(false))]);
    let all = mine.to_string();
    let admin = plane.admin.user_id();
    for hidden in ["secret of the admins", "phone", bob.user_id(), admin] {
        assert!(!all.contains(hidden), "{hidden}: {all}");
    }
    assert_eq!(items[0]["client_address"], Value::Null);
    for probe in ["q=secret", "address=127.0.0.1", "actor_id=x", "request_id=x", "user=x"] {
        let path = format!("/me/activity?{probe}");
        let answer = alice.send(Method::GET, &path, &[], None).await;
        let field = probe.split('=').next().unwrap();
        assert_invalid(&answer, field, &json!(probe));
    }
    let (_, own) = alice.get("/me/activity?event_type=device.enrolled").await;
    assert_eq!(own["total"], 1);
}
