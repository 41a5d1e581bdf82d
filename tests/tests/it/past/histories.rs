//! Random histories: what is answered about any event is what was answered when it was the newest.

use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    time::Instant,
};

use nexavpn_gateway_projector::Waited;
use reqwest::Method;
use serde_json::{Value, json};

use super::{ask, newest};
use crate::{
    api_admin::{NOBODY, Plane, assert_error, assert_invalid},
    read::history::History,
};

const KINDS: [&str; 5] = ["users", "groups", "devices", "policies", "gateways"];
const PACKETS: [&str; 3] = [
    "destination=172.16.1.1&protocol=tcp&port=443",
    "destination=10.0.0.53&protocol=udp&port=53",
    "destination=9.9.9.9&protocol=icmp",
];

/// Everything that is answered, by what was asked.
type Answers = BTreeMap<String, Value>;

/// Everything that is said at a moment; at the present where none is named.
async fn everything(plane: &Plane, at: Option<i64>) -> Answers {
    let with = |mark: char| at.map(|at| format!("{mark}at={at}")).unwrap_or_default();
    let mut answers = Answers::new();
    for kind in KINDS {
        let page = ask(plane, &format!("/admin/{kind}?page_size=200{}", with('&'))).await;
        let items = page["items"].as_array().unwrap();
        answers.insert(format!("total of {kind}"), page["total"].clone());
        for item in items {
            let id = item["id"].as_str().unwrap();
            answers.insert(format!("{kind} {id}"), item.clone());
            let path = format!("/admin/{kind}/{id}{}", with('?'));
            answers.insert(format!("one of {kind} {id}"), ask(plane, &path).await);
            if kind != "devices" {
                continue;
            }
            for packet in PACKETS {
                let path = format!("/admin/access?device={id}&{packet}{}", with('&'));
                let one = ask(plane, &path).await["items"][0].clone();
                let said = json!([one["allowed"], one["decided_by"], one["policy"]["id"]]);
                answers.insert(format!("{packet} from {id}"), said);
            }
        }
    }
    answers
}

/// What can be expected of it later: names of those who were erased since are gone, and what nodes
/// report is not kept.
fn later(mut answers: Answers, erased: &BTreeSet<String>) -> Answers {
    let gone = |value: &Value| value.as_str().is_some_and(|id| erased.contains(id));
    for (key, value) in &mut answers {
        let personal: &[&str] = if key.contains("users ") && gone(&value["id"]) {
            &["username", "display_name", "email"]
        } else if key.contains("devices ") && gone(&value["user_id"]) {
            &["username", "name", "os_version"]
        } else {
            &[]
        };
        if key.contains("gateways ") {
            value["convergence"] = Value::Null;
            value["drain"] = Value::Null;
        }
        if let Some(members) = value.get_mut("members").and_then(Value::as_array_mut) {
            members.sort_by_key(ToString::to_string);
        }
        for field in personal {
            value[*field] = Value::Null;
        }
    }
    answers
}

/// Waits until everything that has happened can be read; answers the number of the last event.
async fn settled(plane: &Plane) -> i64 {
    let sql = "SELECT count(*) FROM events";
    let count: i64 = sqlx::query_scalar(sql).fetch_one(&plane.db.pool).await.unwrap();
    let deadline = Instant::now() + nexavpn_tests::harness::WIDE;
    let app = &plane.server.app;
    assert_eq!(app.fleet.wait_for(count, deadline).await, Waited::Reached);
    app.projections.wait_for_all(count, deadline.into()).await.unwrap();
    count
}

/// A control plane with the beginning of a random history.
async fn begun() -> (Plane, History) {
    let seed = rand::random();
    println!("seed {seed}");
    let plane = Plane::start().await;
    let mut history = History::new(plane.server.commands().store().clone(), 1, seed);
    history.begin().await;
    (plane, history)
}

#[tokio::test]
async fn the_past_is_told_as_it_was_told_then() {
    let (plane, mut history) = begun().await;
    let mut told: BTreeMap<i64, Answers> = BTreeMap::new();
    // Some steps append nothing.
    while told.len() < 40 {
        history.step().await;
        let idx = settled(&plane).await;
        if let Entry::Vacant(told) = told.entry(idx) {
            told.insert(everything(&plane, None).await);
        }
    }
    let erased: BTreeSet<String> = {
        let sql = "SELECT id::text FROM read.users WHERE erased_at IS NOT NULL";
        let ids: Vec<String> = sqlx::query_scalar(sql).fetch_all(&plane.db.pool).await.unwrap();
        ids.into_iter().collect()
    };
    for (idx, told) in told {
        let again = later(everything(&plane, Some(idx)).await, &erased);
        let told = later(told, &erased);
        let keys: Vec<_> = told.keys().collect();
        assert_eq!(again.keys().collect::<Vec<_>>(), keys, "event {idx}");
        for (key, value) in &told {
            assert_eq!(&again[key], value, "{key} at event {idx}");
        }
    }
}

/// What a restored thing is compared by: not when it was made or changed, nor what follows from others.
const SETTINGS: [(&str, &[&str]); 3] = [
    (
        "policies",
        &[
            "name",
            "description",
            "priority",
            "effect",
            "full_tunnel",
            "destinations",
            "targets",
            "services",
            "enabled",
            "valid_from",
            "valid_until",
        ],
    ),
    ("groups", &["name", "description"]),
    ("devices", &["platform", "enabled", "expires_at"]),
];

/// At how many moments each thing is restored. The history is another one each time: of the restores, often
/// sixty, few lead to something else than there is, three in the poorest history that was seen.
const MOMENTS: i64 = 8;

#[tokio::test]
async fn what_is_restored_is_what_it_was_then() {
    let (plane, mut history) = begun().await;
    for _ in 0..200 {
        history.step().await;
    }
    let last = settled(&plane).await;
    let (mut restored, mut changed) = (0, 0);
    for (kind, fields) in SETTINGS {
        let sql = "SELECT DISTINCT aggregate_id FROM events WHERE aggregate_type = $1";
        let of = match kind {
            "policies" => "policy",
            "groups" => "group",
            _ => "device",
        };
        let ids: Vec<String> =
            sqlx::query_scalar(sql).bind(of).fetch_all(&plane.db.pool).await.unwrap();
        for id in ids {
            let path = format!("/admin/{kind}/{id}");
            let settings =
                |of: &Value| -> Vec<Value> { fields.iter().map(|f| of[f].clone()).collect() };
            for part in 1..=MOMENTS {
                let at = last * part / MOMENTS;
                let (status, then) = plane.admin.get(&format!("{path}?at={at}")).await;
                let before = plane.admin.get(&path).await;
                let body = json!({ "at": at });
                let (done, now) = plane.admin.post(&format!("{path}/restore"), body).await;
                if done != 200 {
                    // It was not there, it is revoked by now, or another one has its name.
                    assert!(matches!(done, 404 | 409), "{kind} {id} at {at}: {now}");
                    assert!(status != 200 || kind != "policies", "{now}");
                    let after = plane.admin.get(&path).await;
                    assert_eq!(after.0, before.0, "{}", after.1);
                    assert_eq!(settings(&after.1), settings(&before.1), "nothing has changed");
                    continue;
                }
                assert_eq!(status, 200, "{kind} {id} at {at} was not there: {then}");
                assert_eq!(settings(&now), settings(&then), "{kind} {id} at {at}");
                restored += 1;
                changed += i32::from(before.0 != 200 || settings(&before.1) != settings(&now));
            }
        }
    }
    assert!(restored > 10 && changed > 0, "{restored} restored, {changed} were otherwise before");
}

/// The event that an explanation names made the decision: before it there was another one.
#[tokio::test]
async fn without_the_event_that_made_it_so_it_would_be_otherwise() {
    let (plane, mut history) = begun().await;
    for _ in 0..80 {
        history.step().await;
    }
    let last = settled(&plane).await;
    let devices = ask(&plane, "/admin/devices?page_size=200").await;
    for at in [last, last / 2] {
        for device in devices["items"].as_array().unwrap() {
            let id = device["id"].as_str().unwrap();
            let decided = async |at: i64| {
                let path = format!("/admin/access?device={id}&{}&at={at}", PACKETS[0]);
                let (status, answer) = plane.admin.get(&path).await;
                let one = &answer["items"][0];
                let said = json!([one["allowed"], one["decided_by"], one["policy"]["id"]]);
                (status, said)
            };
            let now = decided(at).await;
            if now.0 == 404 {
                continue;
            }
            let path = format!("/admin/access/explain?device={id}&{}&at={at}", PACKETS[0]);
            let explained = ask(&plane, &path).await["items"][0].clone();
            let said =
                json!([explained["allowed"], explained["decided_by"], explained["policy"]["id"]]);
            assert_eq!(said, now.1, "{explained}");
            let made = explained["made_so_by"]["idx"].as_i64().unwrap();
            assert!(made <= at);
            assert_eq!(decided(made).await, now, "{explained}");
            assert_ne!(decided(made - 1).await, now, "{explained}");
            // And so it stayed.
            assert_eq!(decided((made + at) / 2).await, now, "{explained}");
        }
    }
}

#[tokio::test]
async fn lists_of_the_past_are_filtered_and_paged_as_of_then() {
    let plane = Plane::start().await;
    let gateway = plane.gateway("gw", "100.96.0.0/24").await;
    let alice = plane.user("alice").await;
    let bob = plane.user("bob").await;
    let mut devices = Vec::new();
    for name in ["one", "two", "three"] {
        devices.push(plane.device(&alice, name).await);
    }
    devices.sort();
    let group = json!({ "name": "staff", "members": [alice] });
    let group = crate::api_admin::id(&plane.create("groups", group).await);
    let (then, _) = newest(&plane).await;
    let first = format!("/admin/devices/{}", devices[0]);
    assert_eq!(plane.admin.patch(&first, json!({ "user_id": bob })).await.0, 200);
    assert_eq!(plane.admin.post(&format!("{first}/disable"), json!({})).await.0, 200);
    assert_eq!(plane.admin.delete(&format!("/admin/groups/{group}")).await.0, 204);
    assert_eq!(plane.admin.delete(&format!("/admin/users/{alice}")).await.0, 204);

    let of = async |query: &str| -> Vec<String> {
        crate::api_admin::ids(&ask(&plane, &format!("/admin/{query}&at={then}")).await)
    };
    assert_eq!(of(&format!("devices?user={alice}")).await, devices);
    assert_eq!(of(&format!("devices?user={bob}")).await, Vec::<String>::new());
    assert_eq!(of(&format!("devices?gateway={gateway}&status=active")).await, devices);
    assert_eq!(of("devices?revoked=true").await, Vec::<String>::new());
    assert_eq!(of(&format!("users?group={group}")).await, std::slice::from_ref(&alice));
    assert_eq!(of(&format!("groups?member={alice}")).await, std::slice::from_ref(&group));
    let (mut paged, mut after) = (Vec::new(), String::new());
    loop {
        let path = format!("/admin/devices?page_size=2&at={then}{after}");
        let page = ask(&plane, &path).await;
        assert_eq!(page["total"], 3);
        paged.extend(crate::api_admin::ids(&page));
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    assert_eq!(paged, devices);
    let second = ask(&plane, &format!("/admin/devices?page_size=2&page=2&at={then}")).await;
    assert_eq!(crate::api_admin::ids(&second), devices[2..]);

    for (query, field) in [
        ("users?sort=username", "sort"),
        ("users?q=al", "q"),
        ("users?format=csv", "format"),
        ("users?role=king", "role"),
        ("devices?platform=linux", "platform"),
        ("gateways?joined=true", "joined"),
        ("audit-logs?page=1", "at"),
        ("devices?after=x", "after"),
    ] {
        let path = format!("/admin/{query}&at={then}");
        let answer = plane.admin.send(Method::GET, &path, &[], None).await;
        assert_invalid(&answer, field, &json!(query));
    }
    for kind in KINDS {
        let path = format!("/admin/{kind}/{NOBODY}?at={then}");
        assert_error(&plane.admin.get(&path).await, 404, "not_found");
    }
    let path = format!("/admin/devices?format=csv&at={then}");
    let csv = plane.admin.send(Method::GET, &path, &[], None).await;
    assert_eq!(csv.status, 200);
}

/// Whoever was erased is shown by id, also of when they were not.
#[tokio::test]
async fn erased_people_have_no_names_in_the_past() {
    let plane = Plane::start().await;
    plane.gateway("gw", "100.96.0.0/24").await;
    let alice = plane.user("alice").await;
    let device = plane.device(&alice, "laptop").await;
    let (then, _) = newest(&plane).await;
    let erase = plane.admin.post(&format!("/admin/users/{alice}/erase"), json!({})).await;
    assert!(erase.0 < 300, "{}", erase.1);
    let user = ask(&plane, &format!("/admin/users/{alice}?at={then}")).await;
    assert_eq!((&user["id"], &user["username"]), (&json!(alice), &Value::Null), "{user}");
    assert_eq!(user["status"], "active");
    let device = ask(&plane, &format!("/admin/devices/{device}?at={then}")).await;
    assert_eq!((&device["user_id"], &device["name"]), (&json!(alice), &Value::Null), "{device}");
    assert_eq!((&device["username"], &device["status"]), (&Value::Null, &json!("active")));
}
