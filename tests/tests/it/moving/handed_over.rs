//! What a device's owner asked for while it was given away, and is written after that.

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicBool, Ordering},
};

use futures::future::join_all;
use nexavpn_tests::harness::{Client, PASSWORD, TestServer, WIDE, poll_until};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::PgPool;
use tokio::task::JoinHandle;

use super::{
    assert_true,
    overtaken::{until_somebody_waits, until_somebody_waits_for},
};
use crate::api_admin::{Plane, assert_error, id, key};

/// Somebody with a device, at a server of their own, and somebody who is about to get it.
struct Pair {
    plane: Plane,
    other: TestServer,
    bob: String,
}

impl Pair {
    async fn start() -> Self {
        let plane = Plane::start().await;
        let other = TestServer::start(&plane.db).await;
        plane.gateway("gw", "100.96.0.0/24").await;
        plane.server.user("alice", "user").await;
        let bob = plane.user("bob").await;
        Self { plane, other, bob }
    }

    fn pool(&self) -> &PgPool {
        &self.plane.db.pool
    }

    /// A new session of hers.
    async fn alice(&self) -> Client {
        self.other.client().login("alice", PASSWORD).await
    }

    /// A device that the session is bound to.
    async fn device(&self, alice: &Client, enrolment: &Value) -> String {
        let (status, made) = alice.post("/devices/enroll", enrolment.clone()).await;
        assert_eq!(status, 201, "{made}");
        id(&made["device"])
    }

    /// Begins to give it away.
    fn give_away(&self, device: &str) -> JoinHandle<(u16, Value)> {
        let (admin, path) = (self.plane.admin.clone(), format!("/admin/devices/{device}"));
        let body = json!({ "user_id": self.bob });
        tokio::spawn(async move { admin.patch(&path, body).await })
    }

    async fn end(self) {
        self.other.stop().await;
        assert_true(&self.plane).await;
    }
}

fn enrolment(name: &str) -> Value {
    json!({ "name": name, "public_key": key(), "device_fingerprint": format!("sha256:{name}") })
}

fn spawn(client: &Client, method: Method, path: &str, body: &Value) -> JoinHandle<(u16, Value)> {
    let (client, path, body) = (client.clone(), path.to_owned(), body.clone());
    tokio::spawn(async move {
        let answer = client.send(method, &path, &[], Some(body)).await;
        (answer.status, answer.body)
    })
}

/// Each was decided while the device was its owner's, and meets the hand-over when it is written.
#[tokio::test]
async fn a_command_of_its_owner_that_a_handover_overtakes_does_not_happen() {
    let pair = Pair::start().await;
    let another_key = json!({ "name": "5", "public_key": key(), "device_fingerprint": "sha256:5" });
    for (name, method, path, body) in [
        ("1", Method::PATCH, "/me/devices/{id}", json!({ "name": "mine" })),
        ("2", Method::POST, "/devices/{id}/rotate", json!({})),
        ("3", Method::POST, "/devices/{id}/key", json!({ "public_key": key() })),
        ("4", Method::POST, "/devices/{id}/revoke", json!({})),
        ("5", Method::POST, "/devices/enroll", another_key),
    ] {
        let alice = pair.alice().await;
        let device = pair.device(&alice, &enrolment(name)).await;
        let mut held = pair.pool().begin().await.unwrap();
        let account = "SELECT FROM account WHERE user_id::text = $1 FOR UPDATE";
        sqlx::query(account).bind(&pair.bob).execute(&mut *held).await.unwrap();

        let given_away = pair.give_away(&device);
        let giver = until_somebody_waits(pair.pool(), &mut held).await;
        let commanded = spawn(&alice, method, &path.replace("{id}", &device), &body);
        until_somebody_waits_for(pair.pool(), giver).await;
        held.rollback().await.unwrap();

        let (status, given_away) = given_away.await.unwrap();
        assert_eq!((status, &given_away["user_id"]), (200, &json!(pair.bob)), "{path}");
        assert_error(&commanded.await.unwrap(), 404, "not_found");
        let query = format!("/admin/audit-logs?entity_id={device}");
        let (_, log) = pair.plane.admin.get(&query).await;
        assert_eq!(log["items"][0]["event_type"], "device.owner_changed", "{path}: {log}");
    }
    pair.end().await;
}

/// Whoever commands as often as they can while the device goes back and forth does so only while it
/// is theirs, and is not told either what it is to the other one.
#[tokio::test]
async fn an_owner_commands_between_the_handovers_only() {
    let pair = Pair::start().await;
    let alice = pair.alice().await;
    let laptop = json!({ "name": "laptop", "public_key": key() });
    let (status, made) = alice.post("/me/devices", laptop).await;
    assert_eq!(status, 201, "{made}");
    let device = id(&made["device"]);
    let whole = format!("/admin/devices/{device}");
    let handovers = async {
        for n in 0..40 {
            let owner = if n % 2 == 0 { &pair.bob } else { alice.user_id() };
            let (status, given) = pair.plane.admin.patch(&whole, json!({ "user_id": owner })).await;
            assert_eq!(status, 200, "{given}");
        }
    };
    let over = AtomicBool::new(false);
    let commands = async |n: usize| {
        let mut answers = BTreeSet::new();
        for round in 0.. {
            if over.load(Ordering::Relaxed) {
                break;
            }
            let name = json!({ "name": format!("name {n} {round}") });
            let (status, answer) = match n {
                0 => alice.patch(&format!("/me/devices/{device}"), name).await,
                _ => alice.post(&format!("/devices/{device}/rotate"), json!({})).await,
            };
            assert!([200, 404].contains(&status), "{status}: {answer}");
            assert!(!answer.to_string().contains(&pair.bob), "{answer}");
            answers.insert(status);
        }
        answers
    };
    let handed_over = async {
        handovers.await;
        over.store(true, Ordering::Relaxed);
    };
    let (answers, ()) = tokio::join!(join_all((0..2).map(commands)), handed_over);
    let answers: BTreeSet<u16> = answers.into_iter().flatten().collect();
    assert_eq!(answers, BTreeSet::from([200, 404]), "they never met: this test shows nothing");

    let history: Vec<(String, Value, Value)> = sqlx::query_as(
        "SELECT event_type, payload, metadata FROM events WHERE aggregate_id = $1 ORDER BY sequence",
    )
    .bind(&device)
    .fetch_all(pair.pool())
    .await
    .unwrap();
    let mut owner = json!(alice.user_id());
    for (event, payload, metadata) in history {
        let by_alice = metadata["actor_id"] == json!(alice.user_id());
        assert!(!by_alice || owner == json!(alice.user_id()), "{event}: {payload}");
        if event == "device.owner_changed" {
            owner = payload["owner"].clone();
        }
    }
    pair.end().await;
}

/// How many sessions are bound to a device.
async fn bound(pool: &PgPool, device: &str) -> i64 {
    let sql = "SELECT count(*) FROM session WHERE device_id::text = $1";
    sqlx::query_scalar(sql).bind(device).fetch_one(pool).await.unwrap()
}

/// Enrolling again with the same key changes nothing about the device, but binds the session.
#[tokio::test]
async fn a_session_that_is_bound_beside_a_handover_ends_with_the_others() {
    let pair = Pair::start().await;
    let laptop = enrolment("laptop");
    let (first, second) = (pair.alice().await, pair.alice().await);
    let device = pair.device(&first, &laptop).await;
    let mut held = pair.pool().begin().await.unwrap();
    let account = "SELECT FROM account WHERE user_id::text = $1 FOR UPDATE";
    sqlx::query(account).bind(&pair.bob).execute(&mut *held).await.unwrap();

    let given_away = pair.give_away(&device);
    until_somebody_waits(pair.pool(), &mut held).await;
    let again = spawn(&second, Method::POST, "/devices/enroll", &laptop);
    poll_until(WIDE, || async { bound(pair.pool(), &device).await == 2 }).await;
    held.rollback().await.unwrap();
    assert_eq!(given_away.await.unwrap().0, 200);
    assert_eq!(again.await.unwrap().0, 200);
    assert_eq!(bound(pair.pool(), &device).await, 0);
    for client in [first, second] {
        assert_error(&client.get("/me/devices").await, 401, "invalid_token");
    }
    pair.end().await;
}

#[tokio::test]
async fn no_session_is_bound_to_a_device_that_was_just_given_away() {
    let pair = Pair::start().await;
    let laptop = enrolment("laptop");
    let (first, second) = (pair.alice().await, pair.alice().await);
    let device = pair.device(&first, &laptop).await;
    let mut held = pair.pool().begin().await.unwrap();
    let session = "SELECT FROM session WHERE device_id::text = $1 FOR UPDATE";
    sqlx::query(session).bind(&device).execute(&mut *held).await.unwrap();

    // The device is the other one's already when its sessions are about to end.
    let given_away = pair.give_away(&device);
    let giver = until_somebody_waits(pair.pool(), &mut held).await;
    let again = spawn(&second, Method::POST, "/devices/enroll", &laptop);
    until_somebody_waits_for(pair.pool(), giver).await;
    held.rollback().await.unwrap();
    assert_eq!(given_away.await.unwrap().0, 200);
    assert_error(&again.await.unwrap(), 404, "not_found");
    assert_eq!(bound(pair.pool(), &device).await, 0);
    assert_eq!(second.get("/me/devices").await.0, 200);
    pair.end().await;
}
