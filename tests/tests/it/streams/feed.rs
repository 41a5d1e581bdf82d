//! The feed and the stream: nothing missing, nothing twice, whatever happens meanwhile.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use chrono::TimeDelta;
use futures::future::join_all;
use nexavpn_api::serve::Pace;
use nexavpn_tests::harness::{TestDb, TestServer};
use reqwest::Method;
use serde_json::{Value, json};

use super::{Events, numbers, token};
use crate::{
    api_admin::{Plane, assert_error, assert_invalid},
    api_client::TurnableClock,
};

const WRITERS: usize = 4;
const EACH: usize = 20;

/// Events from several sides at once, until all are done.
async fn write(plane: &Plane) {
    let writers = (0..WRITERS).map(|writer| async move {
        for n in 0..EACH {
            plane.user_quietly(format!("w{writer}n{n}")).await;
        }
    });
    join_all(writers).await;
}

/// Everything that there is, as the audit log shows it.
async fn all(plane: &Plane) -> Vec<Value> {
    let (_, page) = plane.admin.get("/admin/audit-logs?format=ndjson&from=1").await;
    page.as_str().unwrap().lines().map(|l| serde_json::from_str(l).unwrap()).collect()
}

async fn feed(plane: &Plane, query: &str) -> (Vec<Value>, i64) {
    let (status, answer) = plane.admin.get(&format!("/admin/audit-logs/feed?{query}")).await;
    assert_eq!(status, 200, "{query}: {answer}");
    (answer["items"].as_array().unwrap().clone(), answer["next"].as_i64().unwrap())
}

#[tokio::test]
async fn readers_that_come_and_go_miss_nothing_while_events_are_appended() {
    let plane = Plane::start().await;
    let done = AtomicBool::new(false);
    let (base, token) = (&plane.server.base_url, token(&plane.admin));
    let writing = async {
        write(&plane).await;
        plane.user("the-last").await;
        done.store(true, Ordering::Release);
    };
    let asking = |limit: usize| {
        let (plane, done) = (&plane, &done);
        async move {
            let (mut after, mut got) = (0, vec![]);
            loop {
                let over = done.load(Ordering::Acquire);
                let query = format!("after={after}&wait=1&limit={limit}");
                let (items, next) = feed(plane, &query).await;
                assert!(items.len() <= limit);
                assert_eq!(next, items.last().map_or(after, |e| e["idx"].as_i64().unwrap()));
                let ended = over && items.is_empty();
                after = next;
                got.extend(items);
                if ended {
                    return got;
                }
            }
        }
    };
    // Hung up after every few events, and opened again where it was.
    let listening = |each: usize| async move {
        let mut got: Vec<Value> = vec![];
        loop {
            let last = got.last().map(|e: &Value| e["idx"].as_i64().unwrap());
            let mut events =
                Events::open(base, token, "/admin/audit-logs/stream?after=0", last).await;
            for _ in 0..each {
                let event = events.next().await.expect("it has ended");
                assert_eq!(
                    (event.kind.as_str(), &event.id),
                    ("entry", &event.data["idx"].to_string())
                );
                let name = event.data["entity_id"].clone();
                got.push(event.data);
                let last = got.last().unwrap();
                if last["event_type"] == "user.created" && last["data"]["username"] == "the-last" {
                    assert!(name.is_string());
                    return got;
                }
            }
        }
    };
    let (_, few, many, often, seldom) =
        tokio::join!(writing, asking(7), asking(1000), listening(3), listening(1000));
    let all = all(&plane).await;
    let wanted = numbers(&json!(all));
    assert_eq!(wanted, (1..=wanted.len() as i64).collect::<Vec<_>>(), "the log itself has gaps");
    assert!(wanted.len() > WRITERS * EACH);
    for (who, got) in [("few", few), ("many", many), ("often", often), ("seldom", seldom)] {
        assert_eq!(numbers(&json!(got)), wanted, "{who}");
        assert_eq!(got, all, "{who} sees other entries than the list");
    }
}

#[tokio::test]
async fn an_answer_comes_as_soon_as_there_is_something_new() {
    let plane = Plane::start().await;
    let (_, head) = feed(&plane, "after=0&limit=1000").await;
    let query = format!("after={head}&wait=24");
    let waiting = feed(&plane, &query);
    let mut stream =
        Events::open(&plane.server.base_url, token(&plane.admin), "/admin/audit-logs/stream", None)
            .await;
    // Both only end within their wait because of it.
    let (user, (items, next)) = tokio::join!(plane.user("alice"), waiting);
    assert_eq!((items.len(), next), (1, head + 1));
    assert_eq!(items[0]["entity_id"], json!(user));
    assert_eq!(items[0]["actor"]["name"], "admin");
    let event = stream.next().await.unwrap();
    assert_eq!((event.id, event.data), ((head + 1).to_string(), items[0].clone()));
    assert_eq!(feed(&plane, &format!("after={next}")).await, (vec![], next));
    drop(stream);
}

#[tokio::test]
async fn filters_let_through_what_they_name_and_go_on_past_the_rest() {
    let plane = Plane::start().await;
    let user = plane.user("alice").await;
    plane.create("groups", json!({ "name": "g" })).await;
    plane.user("bob").await;
    let all = all(&plane).await;
    let end = all.len() as i64;
    let kind = |entry: &Value| entry["event_type"].as_str().unwrap().to_owned();
    for (query, wanted) in [
        ("event_type=group.*", all.iter().filter(|e| kind(e).starts_with("group.")).collect()),
        (
            "event_type=user.created,group.created",
            all.iter()
                .filter(|e| ["user.created", "group.created"].contains(&kind(e).as_str()))
                .collect::<Vec<_>>(),
        ),
        ("event_type=user_created", vec![]),
        (
            &format!("entity_id={user}"),
            all.iter().filter(|e| e["entity_id"] == json!(user)).collect(),
        ),
        ("status=failure", vec![]),
    ] {
        let (items, next) = feed(&plane, query).await;
        assert_eq!(items.iter().collect::<Vec<_>>(), wanted, "{query}");
        assert_eq!(next, end, "{query} goes on where the log ends");
    }
    let path = "/admin/audit-logs/stream?after=0&event_type=group.*";
    let mut stream = Events::open(&plane.server.base_url, token(&plane.admin), path, None).await;
    assert_eq!(stream.next().await.unwrap().data["event_type"], "group.created");
    for (query, field) in [
        ("after=-1", "after"),
        ("after=x", "after"),
        ("after=1&after=2", "after"),
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("wait=x", "wait"),
        ("status=maybe", "status"),
        ("colour=red", "colour"),
        ("entity_id=a%00", "entity_id"),
    ] {
        let path = format!("/admin/audit-logs/feed?{query}");
        let answer = plane.admin.send(Method::GET, &path, &[], None).await;
        assert_invalid(&answer, field, &json!(query));
    }
    let last = [("last-event-id", "x")];
    let answer = plane.admin.send(Method::GET, "/admin/audit-logs/stream", &last, None).await;
    assert_invalid(&answer, "Last-Event-ID", &json!("x"));
    for path in ["feed?after=100000&wait=1", "stream?after=100000"] {
        let answer = plane.admin.get(&format!("/admin/audit-logs/{path}")).await;
        assert_error(&answer, 409, "past_the_end");
    }
}

#[tokio::test]
async fn nobody_reads_on_who_may_not_any_more() {
    let db = TestDb::new().await;
    let clock = TurnableClock::default();
    let server = TestServer::start_with(&db.server_url, |options| {
        options.clock = Arc::new(clock.clone());
    })
    .await;
    let path = "/admin/audit-logs/stream";
    let mut streams = vec![];
    let auditor = server.user("audrey", "auditor").await;
    streams.push(("signed out", Events::open(&server.base_url, token(&auditor), path, None).await));
    assert_eq!(auditor.post("/auth/logout-all", json!({})).await.0, 204);
    let late = server.user("lateef", "auditor").await;
    streams.push(("expired", Events::open(&server.base_url, token(&late), path, None).await));
    clock.forward(TimeDelta::minutes(16));
    for (why, mut stream) in streams {
        // Entries until then are told.
        let end = loop {
            let event = stream.next().await.unwrap_or_else(|| panic!("{why}: no last word"));
            if event.kind == "error" {
                break event;
            }
        };
        assert!(end.data == "invalid_token" || end.data == "unauthenticated", "{why}: {end:?}");
        assert!(stream.next().await.is_none(), "{why}: it goes on");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_server_that_stops_lets_go_of_its_readers() {
    let db = TestDb::new().await;
    let server = TestServer::start(&db).await;
    let admin = server.admin().await;
    let path = "/admin/audit-logs/stream";
    let mut stream = Events::open(&server.base_url, token(&admin), path, None).await;
    let begun = std::time::Instant::now();
    server.stop().await;
    assert!(stream.next().await.is_none());
    // Requests that do not end are cut off after this time.
    assert!(begun.elapsed() < Pace::default().drain, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn what_was_erased_is_not_in_memory_either() {
    let plane = Plane::start().await;
    let (_, before) = feed(&plane, "after=0&limit=1000").await;
    let mark = "zerubabel";
    let user = plane.user(mark).await;
    let query = format!("after={before}");
    let told = serde_json::to_string(&feed(&plane, &query).await.0).unwrap();
    assert!(told.contains(mark), "{told}");
    let answer = plane.admin.post(&format!("/admin/users/{user}/erase"), json!({})).await;
    assert_eq!(answer.0, 200, "{}", answer.1);
    let told = serde_json::to_string(&feed(&plane, &query).await.0).unwrap();
    assert!(!told.contains(mark) && told.contains("user.erased"), "{told}");
}
