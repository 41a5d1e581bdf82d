//! Webhooks: every event arrives, in order, signed, whatever the endpoint and the server do.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use nexavpn_commands::WebhookRules;
use nexavpn_tests::harness::{
    ADMIN, Client, OwnServer, PASSWORD, ServerProcess, TestDb, TestServer, WIDE, poll_for,
    poll_until, write_master_key,
};
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    numbers,
    receiver::{Mood, Received, Receiver},
};
use crate::{
    api_admin::{Plane, assert_error, assert_invalid, id},
    api_client::TurnableClock,
};

/// Longer than any wait for an endpoint, or for a process that seems alive.
const PATIENCE: Duration = Duration::from_secs(90);

/// A webhook to an endpoint: its id and its secret.
async fn hook(admin: &Client, endpoint: &Receiver, more: Value) -> (String, String) {
    let mut body = json!({ "url": endpoint.url() });
    body.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
    let (status, made) = admin.post("/admin/webhooks", body).await;
    assert_eq!(status, 201, "{made}");
    assert_eq!(made["webhook"]["url"], json!(endpoint.url()));
    (id(&made), made["secret"].as_str().unwrap().to_owned())
}

async fn user(admin: &Client, name: &str) {
    let (status, made) = admin.post("/admin/users", json!({ "username": name })).await;
    assert_eq!(status, 201, "{made}");
}

async fn delivery(admin: &Client, id: &str) -> Value {
    let (status, webhook) = admin.get(&format!("/admin/webhooks/{id}")).await;
    assert_eq!(status, 200, "{webhook}");
    webhook["delivery"].clone()
}

/// The number of the newest event.
async fn head(admin: &Client) -> i64 {
    admin.get("/admin/audit-logs?page_size=1").await.1["items"][0]["idx"].as_i64().unwrap()
}

/// Waits until the endpoint has taken everything, and checks what an endpoint relies on: nothing is
/// missing, the first of each comes in order, the id tells an event from all others and stays the
/// same, and the signature is right.
async fn all_arrive(admin: &Client, endpoint: &Receiver, from: i64, secret: &str) {
    let head = head(admin).await;
    poll_until(PATIENCE, || async { endpoint.first_taken().last() >= Some(&head) }).await;
    let first = endpoint.first_taken();
    assert_eq!(first[..=(head - from) as usize], (from..=head).collect::<Vec<_>>());
    let mut ids: HashMap<i64, String> = HashMap::new();
    let mut bodies: HashMap<i64, Vec<u8>> = HashMap::new();
    for received in endpoint.received() {
        assert!(received.is_signed_with(secret), "{received:?}");
        let (idx, id) = (received.idx(), received.header("webhook-id").to_owned());
        assert_eq!(ids.entry(idx).or_insert_with(|| id.clone()), &id, "event {idx}");
        assert_eq!(bodies.entry(idx).or_insert_with(|| received.body.clone()), &received.body);
    }
    let distinct: HashSet<&String> = ids.values().collect();
    assert_eq!(distinct.len(), ids.len(), "two events share an id");
}

#[tokio::test]
async fn an_endpoint_is_sent_what_happens_as_the_audit_log_has_it() {
    let plane = Plane::start().await;
    plane.user("before").await;
    let before = head(&plane.admin).await;
    let (all, some) = (Receiver::start().await, Receiver::start().await);
    let (hooked, secret) = hook(&plane.admin, &all, json!({ "description": "SIEM" })).await;
    let groups = json!({ "event_types": ["group.*"] });
    let (_, other) = hook(&plane.admin, &some, groups).await;
    assert!(secret.starts_with("whsec_") && secret != other);
    user(&plane.admin, "alice").await;
    plane.create("groups", json!({ "name": "g" })).await;
    user(&plane.admin, "bob").await;
    all_arrive(&plane.admin, &all, before + 1, &secret).await;

    let (_, page) = plane.admin.get("/admin/audit-logs?page_size=200").await;
    let mut entries: Vec<Value> = page["items"].as_array().unwrap().clone();
    entries.retain(|e| e["idx"].as_i64() > Some(before));
    entries.reverse();
    let sent: Vec<Value> = all.taken().iter().map(Received::json).collect();
    assert_eq!(sent.iter().map(|m| m["data"].clone()).collect::<Vec<_>>(), entries);
    for message in &sent {
        assert_eq!(message["type"], message["data"]["event_type"]);
        assert_eq!(message["timestamp"], message["data"]["time"]);
    }
    let first = &all.taken()[0];
    assert_eq!(first.header("content-type"), "application/json");
    let idx = before + 1;
    let name = format!("msg_{}_1_{idx}", hooked.replace('-', ""));
    assert_eq!(first.header("webhook-id"), name);
    assert!(!first.is_signed_with(&other));

    let created = |r: &Received| r.json()["type"] == "group.created" && r.is_signed_with(&other);
    poll_until(WIDE, || async { some.taken().len() == 1 && some.taken().iter().all(created) })
        .await;
    let (_, webhook) = plane.admin.get(&format!("/admin/webhooks/{hooked}")).await;
    assert!(!webhook.to_string().contains("whsec_"), "{webhook}");
    let (_, list) = plane.admin.get("/admin/webhooks").await;
    assert_eq!((list["items"].as_array().unwrap().len(), &list["total"]), (2, &json!(2)));
    let end = head(&plane.admin).await;
    poll_until(WIDE, || async {
        let (_, list) = plane.admin.get("/admin/webhooks").await;
        let done = |w: &Value| w["delivery"]["cursor"] == end && w["delivery"]["behind"] == 0;
        list["items"].as_array().unwrap().iter().all(|w| done(w) && w["delivery"]["state"] == "ok")
    })
    .await;
}

#[tokio::test]
async fn what_is_not_taken_is_sent_again_until_it_is() {
    let plane = Plane::start().await;
    let (mut endpoint, elsewhere) = (Receiver::start().await, Receiver::start().await);
    let start = head(&plane.admin).await + 1;
    let (hooked, secret) = hook(&plane.admin, &endpoint, json!({})).await;
    all_arrive(&plane.admin, &endpoint, start, &secret).await;
    let redirect: &'static str = format!("location: {}\r\n", elsewhere.url()).leak();
    for (n, (mood, told)) in [
        (Mood::Answers(500, ""), "500"),
        (Mood::Answers(302, redirect), "redirect"),
        (Mood::Answers(404, ""), "404"),
        (Mood::HangsUp, ""),
    ]
    .into_iter()
    .enumerate()
    {
        endpoint.be(mood);
        user(&plane.admin, &format!("user{n}")).await;
        let failing = poll_for(WIDE, || async {
            let state = delivery(&plane.admin, &hooked).await;
            (state["failures"].as_i64() > Some(2)).then_some(state)
        })
        .await;
        assert_eq!(failing["state"], "failing", "{failing}");
        assert!(failing["last_error"].as_str().unwrap().contains(told), "{failing}");
        assert!(!failing["last_error"].as_str().unwrap().contains("/hook"), "{failing}");
        for moment in ["failing_since", "next_attempt_at", "last_attempt_at"] {
            assert!(failing[moment].is_string(), "{moment}: {failing}");
        }
        // More happens meanwhile, and waits for its turn.
        user(&plane.admin, &format!("more{n}")).await;
        endpoint.be(Mood::Takes);
        all_arrive(&plane.admin, &endpoint, start, &secret).await;
        poll_until(WIDE, || async { delivery(&plane.admin, &hooked).await["state"] == "ok" }).await;
    }
    endpoint.stop().await;
    user(&plane.admin, "nobody-there").await;
    poll_until(WIDE, || async {
        delivery(&plane.admin, &hooked).await["failures"].as_i64() > Some(1)
    })
    .await;
    endpoint.restart().await;
    all_arrive(&plane.admin, &endpoint, start, &secret).await;
    assert!(elsewhere.received().is_empty(), "a redirect was followed");
}

#[tokio::test]
async fn an_endpoint_that_hangs_holds_up_nobody_else() {
    let plane = Plane::start().await;
    let (slow, quick) = (Receiver::start().await, Receiver::start().await);
    slow.be(Mood::Hangs);
    let begin = head(&plane.admin).await + 1;
    let (hanging, hanging_secret) = hook(&plane.admin, &slow, json!({})).await;
    poll_until(WIDE, || async { slow.received().len() == 1 }).await;
    let start = head(&plane.admin).await + 1;
    let (_, secret) = hook(&plane.admin, &quick, json!({})).await;
    for n in 0..20 {
        user(&plane.admin, &format!("user{n}")).await;
    }
    all_arrive(&plane.admin, &quick, start, &secret).await;
    // The other one has not even given up its first attempt by then.
    assert_eq!(slow.received().len(), 1);
    // It is given up after a while, and once it answers again, everything arrives there, too.
    poll_until(WIDE, || async { delivery(&plane.admin, &hanging).await["failures"] == 1 }).await;
    slow.be(Mood::Takes);
    all_arrive(&plane.admin, &slow, begin, &hanging_secret).await;
}

#[tokio::test]
async fn an_endpoint_may_ask_for_a_rest_or_for_an_end() {
    let plane = Plane::start().await;
    let endpoint = Receiver::start().await;
    endpoint.be(Mood::Answers(503, "retry-after: 3600\r\n"));
    let start = head(&plane.admin).await + 1;
    let (hooked, secret) = hook(&plane.admin, &endpoint, json!({})).await;
    let path = format!("/admin/webhooks/{hooked}");
    let resting = poll_for(WIDE, || async {
        let state = delivery(&plane.admin, &hooked).await;
        (state["state"] == "failing").then_some(state)
    })
    .await;
    let time = |name: &str| resting[name].as_str().unwrap().parse::<DateTime<Utc>>().unwrap();
    let rest = time("next_attempt_at") - time("last_attempt_at");
    assert_eq!(rest, TimeDelta::hours(1), "{resting}");
    assert_eq!(endpoint.received().len(), 1);
    // A change is a reason to try at once.
    endpoint.be(Mood::Takes);
    let change = json!({ "description": "mended" });
    assert_eq!(plane.admin.patch(&path, change).await.0, 200);
    all_arrive(&plane.admin, &endpoint, start, &secret).await;

    endpoint.be(Mood::Answers(410, ""));
    user(&plane.admin, "alice").await;
    let gone = poll_for(WIDE, || async {
        let (_, webhook) = plane.admin.get(&path).await;
        (webhook["enabled"] == false).then_some(webhook)
    })
    .await;
    assert_eq!(gone["disabled_because"], "gone");
    assert_eq!(
        (&gone["delivery"]["state"], &gone["delivery"]["last_status"]),
        (&json!("disabled"), &json!(410))
    );
    let (_, page) = plane.admin.get("/admin/audit-logs?event_type=webhook.disabled").await;
    let disabled = &page["items"][0];
    assert_eq!(disabled["actor"]["id"], "webhooks");
    assert_eq!(disabled["cause"]["event_type"], "user.created", "what it would not take");
    // Enabled again it goes on where it was.
    endpoint.be(Mood::Takes);
    assert_eq!(plane.admin.patch(&path, json!({ "enabled": true })).await.0, 200);
    all_arrive(&plane.admin, &endpoint, start, &secret).await;
}

#[tokio::test]
async fn a_new_secret_signs_beside_the_old_one_for_a_while() {
    let plane = Plane::start().await;
    let endpoint = Receiver::start().await;
    let (hooked, first) = hook(&plane.admin, &endpoint, json!({})).await;
    let path = format!("/admin/webhooks/{hooked}/rotate-secret");
    let mut secrets = vec![first];
    for (n, keep) in [None, Some(3600), Some(0)].into_iter().enumerate() {
        let body = keep.map_or(json!({}), |s| json!({ "keep_previous_s": s }));
        let (status, rotated) = plane.admin.post(&path, body).await;
        assert_eq!(status, 200, "{rotated}");
        secrets.push(rotated["secret"].as_str().unwrap().to_owned());
        let name = format!("user{n}");
        user(&plane.admin, &name).await;
        let about = |r: &Received| r.json()["data"]["data"]["username"] == json!(name);
        let message = poll_for(WIDE, || async { endpoint.taken().into_iter().find(about) }).await;
        let signed: Vec<bool> = secrets.iter().map(|s| message.is_signed_with(s)).collect();
        let wanted: Vec<bool> = match keep {
            Some(0) => secrets.iter().map(|s| Some(s) == secrets.last()).collect(),
            _ => secrets.iter().map(|_| true).collect(),
        };
        assert_eq!(signed, wanted, "rotation {n}");
    }
    let (status, answer) = plane.admin.post(&path, json!({ "keep_previous_s": 9_999_999 })).await;
    assert_error(&(status, answer), 400, "validation_error");
    // Under a key of one's own it happens once, and the secret is shown once.
    let key = [("idempotency-key", "rotate")];
    let send = || plane.admin.send(Method::POST, &path, &key, Some(json!({})));
    let (shown, again) = (send().await, send().await);
    assert!(shown.body["secret"].is_string(), "{}", shown.body);
    assert_eq!(
        (&again.body["secret"], &again.body["secret_already_shown"]),
        (&Value::Null, &json!(true))
    );
}

#[tokio::test]
async fn events_are_sent_again_from_any_number_with_the_ids_they_had() {
    let plane = Plane::start().await;
    let endpoint = Receiver::start().await;
    let (hooked, secret) = hook(&plane.admin, &endpoint, json!({})).await;
    for name in ["alice", "bob"] {
        user(&plane.admin, name).await;
    }
    let path = format!("/admin/webhooks/{hooked}/replay");
    let replayed = plane.admin.post(&path, json!({ "from": 1 })).await;
    assert_eq!(replayed.0, 200, "{}", replayed.1);
    let end = head(&plane.admin).await;
    poll_until(WIDE, || async {
        let numbers: Vec<i64> = endpoint.taken().iter().map(Received::idx).collect();
        numbers.ends_with(&(1..=end).collect::<Vec<_>>())
    })
    .await;
    let mut ids: HashMap<i64, String> = HashMap::new();
    for received in endpoint.received() {
        assert!(received.is_signed_with(&secret));
        let id = received.header("webhook-id").to_owned();
        assert_eq!(ids.entry(received.idx()).or_insert_with(|| id.clone()), &id);
    }
    let (_, page) = plane.admin.get("/admin/audit-logs?event_type=webhook.replayed").await;
    assert_eq!(page["items"][0]["data"], json!({ "from": 1 }));
    for from in [json!(0), json!(-1), json!(end + 100)] {
        let body = json!({ "from": from });
        let answer = plane.admin.send(Method::POST, &path, &[], Some(body.clone())).await;
        assert_invalid(&answer, "from", &body);
    }
}

#[tokio::test]
async fn every_change_is_on_record_and_a_deleted_one_is_sent_nothing() {
    let plane = Plane::start().await;
    let endpoint = Receiver::start().await;
    let (hooked, _) = hook(&plane.admin, &endpoint, json!({})).await;
    let path = format!("/admin/webhooks/{hooked}");
    let tried = plane.admin.post(&format!("{path}/test"), json!({})).await;
    assert_eq!(
        (tried.0, &tried.1["delivered"], &tried.1["status"]),
        (200, &json!(true), &json!(204))
    );
    assert!(endpoint.received().iter().any(|r| r.json()["type"] == "webhook.ping"));
    endpoint.be(Mood::Answers(500, ""));
    let tried = plane.admin.post(&format!("{path}/test"), json!({})).await.1;
    assert_eq!((&tried["delivered"], &tried["status"]), (&json!(false), &json!(500)));
    endpoint.be(Mood::Takes);
    for (patch, status) in [
        (json!({ "event_types": ["user.*"] }), 200),
        (json!({ "event_types": ["user.*"] }), 200),
        (json!({ "enabled": false }), 200),
        (json!({ "enabled": true, "description": "d" }), 200),
    ] {
        assert_eq!(plane.admin.patch(&path, patch.clone()).await.0, status, "{patch}");
    }
    assert_eq!(plane.admin.delete(&path).await.0, 204);
    assert_error(&plane.admin.get(&path).await, 404, "not_found");
    assert_error(&plane.admin.patch(&path, json!({ "enabled": true })).await, 404, "not_found");
    assert_error(&plane.admin.post(&format!("{path}/test"), json!({})).await, 404, "not_found");
    let (_, page) = plane.admin.get(&format!("/admin/audit-logs?entity_id={hooked}")).await;
    let mut types: Vec<&str> = page["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["event_type"].as_str().unwrap())
        .collect();
    types.reverse();
    let wanted = [
        "webhook.created",
        "webhook.changed",
        "webhook.disabled",
        "webhook.changed",
        "webhook.enabled",
        "webhook.deleted",
    ];
    assert_eq!(types, wanted);
    assert!(!page.to_string().contains("whsec_"));
    let other = Receiver::start().await;
    let (_, secret) = hook(&plane.admin, &other, json!({})).await;
    let start = head(&plane.admin).await;
    user(&plane.admin, "later").await;
    all_arrive(&plane.admin, &other, start, &secret).await;
    let later = |r: &Received| r.json()["data"]["data"]["username"] == "later";
    assert!(!endpoint.received().iter().any(later), "a deleted webhook is sent events");
    let kept: i64 =
        sqlx::query_scalar("SELECT count(*) FROM webhook_secret WHERE webhook_id = $1::uuid")
            .bind(&hooked)
            .fetch_one(&plane.db.pool)
            .await
            .unwrap();
    assert_eq!(kept, 0, "a deleted webhook's secret is kept");
}

#[tokio::test]
async fn events_are_sent_to_the_public_internet_only() {
    let db = TestDb::new().await;
    let server = TestServer::start_with(&db.server_url, |o| {
        o.settings.webhooks = WebhookRules::default();
    })
    .await;
    let admin = server.admin().await;
    for url in [
        "http://example.com/",
        "ftp://example.com/",
        "https://user@example.com/",
        "https://u:p@example.com/",
        "https://127.0.0.1/",
        "https://127.1/",
        "https://2130706433/",
        "https://0.0.0.0/",
        "https://10.0.0.1/",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://[64:ff9b::a00:1]/",
        "https://[fd00:ec2::254]/",
        "https://224.0.0.1/",
        "nonsense",
        "",
    ] {
        let body = json!({ "url": url });
        let answer = admin.send(Method::POST, "/admin/webhooks", &[], Some(body.clone())).await;
        assert_invalid(&answer, "url", &body);
    }
    let body = json!({ "url": "https://localhost/", "event_types": ["Nonsense!"] });
    let answer = admin.send(Method::POST, "/admin/webhooks", &[], Some(body.clone())).await;
    assert_invalid(&answer, "event_types", &body);
    // What a name leads to is found out when something is sent.
    let (status, made) =
        admin.post("/admin/webhooks", json!({ "url": "https://localhost/" })).await;
    assert_eq!(status, 201, "{made}");
    let tried = admin.post(&format!("/admin/webhooks/{}/test", id(&made)), json!({})).await.1;
    assert_eq!(tried["delivered"], false);
    assert!(tried["error"].as_str().unwrap().contains("public internet"), "{tried}");
    server.stop().await;
}

#[tokio::test]
async fn a_dead_endpoint_is_reported() {
    let db = TestDb::new().await;
    let clock = TurnableClock::default();
    let turned = clock.clone();
    let server = TestServer::start_with(&db.server_url, |o| o.clock = Arc::new(turned)).await;
    let admin = server.admin().await;
    let endpoint = Receiver::start().await;
    endpoint.be(Mood::Answers(500, ""));
    let start = head(&admin).await + 1;
    let (hooked, secret) = hook(&admin, &endpoint, json!({})).await;
    let state = |wanted: &'static str| {
        let (admin, hooked) = (&admin, &hooked);
        poll_until(WIDE, move || async move { delivery(admin, hooked).await["state"] == wanted })
    };
    state("failing").await;
    clock.forward(TimeDelta::minutes(61));
    // A session lasts longer than that, its token does not.
    let admin = server.admin().await;
    poll_until(WIDE, || async { delivery(&admin, &hooked).await["state"] == "dead" }).await;
    let metrics = admin.get_outside("/metrics").await.1;
    let metrics = metrics.as_str().unwrap();
    assert!(metrics.contains("nexavpn_webhooks{state=\"dead\"} 1"), "{metrics}");
    let failing = format!("nexavpn_webhook_failing_seconds{{webhook=\"{hooked}\"}} 3");
    assert!(metrics.contains(&failing), "{metrics}");
    // Nothing was skipped for that.
    endpoint.be(Mood::Takes);
    clock.forward(TimeDelta::minutes(5));
    // Signatures are of the server's time, which is ahead of the verifier's.
    poll_until(WIDE, || async { endpoint.first_taken().first() == Some(&start) }).await;
    poll_until(WIDE, || async { delivery(&admin, &hooked).await["state"] == "ok" }).await;
    assert!(!secret.is_empty());
    server.stop().await;
}

#[tokio::test]
async fn of_several_processes_one_sends_and_another_takes_over() {
    let db = TestDb::new().await;
    let (one, other) = (TestServer::start(&db).await, TestServer::start(&db).await);
    let admin = one.admin().await;
    let endpoint = Receiver::start().await;
    let start = head(&admin).await + 1;
    let (_, secret) = hook(&admin, &endpoint, json!({})).await;
    for n in 0..30 {
        user(&admin, &format!("user{n}")).await;
    }
    all_arrive(&admin, &endpoint, start, &secret).await;
    let numbers: Vec<i64> = endpoint.taken().iter().map(Received::idx).collect();
    assert_eq!(numbers, endpoint.first_taken(), "both have sent");
    let admin = other.admin().await;
    one.stop().await;
    user(&admin, "after").await;
    all_arrive(&admin, &endpoint, start, &secret).await;
    other.stop().await;
}

async fn program(db: &OwnServer) -> ServerProcess {
    let keys = db.scratch_dir();
    let variables = [
        ("DATABASE_URL", db.server_url()),
        ("NEXAVPN_MIGRATE_URL", db.owner_url()),
        ("NEXAVPN_MASTER_KEY_FILE", write_master_key(keys).display().to_string()),
        ("NEXAVPN_DATA_DIR", keys.join("data").display().to_string()),
        ("NEXAVPN_WEBHOOK_PLAIN_HTTP", "true".to_owned()),
        ("NEXAVPN_WEBHOOK_NETWORKS", "127.0.0.0/8".to_owned()),
    ];
    let variables: Vec<_> = variables.iter().map(|(k, v)| (*k, v.as_str())).collect();
    ServerProcess::start_with(&[], &variables).await
}

/// Endpoints that fail by chance, and a server that is killed again and again.
#[tokio::test]
async fn a_server_that_is_killed_at_random_leaves_nothing_out() {
    let db = OwnServer::start(true).await;
    TestServer::start_with(&db.server_url(), |_| {}).await.stop().await;
    let mut server = program(&db).await;
    let mut admin = server.client().login(ADMIN, PASSWORD).await;
    let (moody, mut restarting) = (Receiver::start().await, Receiver::start().await);
    let mut hooks = vec![];
    for endpoint in [&moody, &restarting] {
        let start = head(&admin).await + 1;
        hooks.push((start, hook(&admin, endpoint, json!({})).await.1));
    }
    moody.be(Mood::Moody);
    let made = AtomicUsize::new(0);
    for round in 0..4 {
        let enough = made.load(Ordering::Relaxed) + rand::random_range(5..25);
        let writing = async {
            // Until it is killed under them.
            while made.load(Ordering::Relaxed) <= enough {
                let n = made.fetch_add(1, Ordering::Relaxed);
                let body = json!({ "username": format!("user{n}") });
                if admin.try_send(Method::POST, "/admin/users", &[], Some(body)).await.is_err() {
                    break;
                }
            }
        };
        if round % 2 == 0 {
            restarting.stop().await;
        }
        writing.await;
        server.kill().await;
        if round % 2 == 0 {
            restarting.restart().await;
        }
        server = program(&db).await;
        admin = server.client().login(ADMIN, PASSWORD).await;
    }
    moody.be(Mood::Takes);
    for (endpoint, (start, secret)) in [&moody, &restarting].into_iter().zip(&hooks) {
        all_arrive(&admin, endpoint, *start, secret).await;
    }
    assert!(numbers(&admin.get("/admin/audit-logs?page_size=200").await.1["items"]).len() > 30);
    assert!(server.stop().await.success());
}
