//! What was decided before a drain began or ended, and is written after that. While the test holds
//! a lock, nothing that is written comes into the log: answers are waited for after that only.

use nexavpn_tests::harness::{TestServer, WIDE, poll_for, poll_until};
use serde_json::json;
use sqlx::{PgConnection, PgPool};

use super::{
    assert_true,
    drains::{drain, enrol, path},
};
use crate::api_admin::{Plane, assert_error, id};

/// Until somebody waits for this transaction, and who does. Those who fold wait for each other.
pub(super) async fn until_somebody_waits(pool: &PgPool, held: &mut PgConnection) -> i32 {
    let own = sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(held).await;
    until_somebody_waits_for(pool, own.unwrap()).await
}

/// The same for the transaction of this PostgreSQL process.
pub(super) async fn until_somebody_waits_for(pool: &PgPool, process: i32) -> i32 {
    let waiting = "SELECT pid FROM pg_stat_activity
                   WHERE datname = current_database() AND $1 = ANY (pg_blocking_pids(pid))";
    poll_for(WIDE, || async {
        sqlx::query_scalar(waiting).bind(process).fetch_optional(pool).await.unwrap()
    })
    .await
}

async fn until_drained(pool: &PgPool, drained: bool) {
    let sql = "SELECT EXISTS (SELECT FROM gateway_drain)";
    poll_until(WIDE, || async {
        sqlx::query_scalar::<_, bool>(sql).fetch_one(pool).await.unwrap() == drained
    })
    .await;
}

#[tokio::test]
async fn an_enrolment_that_a_drain_overtakes_is_decided_anew() {
    let plane = Plane::start().await;
    let other = TestServer::start(&plane.db).await;
    let elsewhere = other.admin().await;
    let one = plane.gateway("one", "100.96.0.0/24").await;
    let alice = plane.user("alice").await;
    let pool = &plane.db.pool;
    let mut held = pool.begin().await.unwrap();
    let account = "SELECT FROM account WHERE user_id::text = $1 FOR UPDATE";
    sqlx::query(account).bind(&alice).execute(&mut *held).await.unwrap();

    let (admin, at) = (plane.admin.clone(), one.clone());
    let enrolment = tokio::spawn(async move { enrol(&admin, &alice, "d", Some(&at)).await });
    until_somebody_waits(pool, &mut held).await;
    let gateway = one.clone();
    let begun = tokio::spawn(async move { drain(&elsewhere, &gateway, json!({})).await });
    until_drained(pool, true).await;
    held.rollback().await.unwrap();
    assert_error(&enrolment.await.unwrap(), 409, "gateway_draining");
    begun.await.unwrap();
    other.stop().await;
    assert_true(&plane).await;
}

#[tokio::test]
async fn a_move_that_the_end_of_its_drain_overtakes_does_not_happen() {
    let plane = Plane::start().await;
    let other = TestServer::start(&plane.db).await;
    let elsewhere = other.admin().await;
    let one = plane.gateway("one", "100.96.0.0/24").await;
    let two = plane.gateway("two", "100.97.0.0/24").await;
    let alice = plane.user("alice").await;
    let (status, made) = enrol(&plane.admin, &alice, "laptop", Some(&one)).await;
    assert_eq!(status, 201, "{made}");
    let pool = &plane.db.pool;
    let mut held = pool.begin().await.unwrap();
    let name = "SELECT FROM claims WHERE kind = 'gateway_name' AND aggregate_id = $1 FOR UPDATE";
    sqlx::query(name).bind(&two).execute(&mut *held).await.unwrap();

    let (admin, gateway) = (plane.admin.clone(), one.clone());
    let target = json!({ "target": two });
    let begun = tokio::spawn(async move { drain(&admin, &gateway, target).await });
    // The device is about to be counted to the other gateway.
    until_somebody_waits(pool, &mut held).await;
    let gateway = one.clone();
    let ended = tokio::spawn(async move { elsewhere.delete(&path(&gateway)).await });
    until_drained(pool, false).await;
    held.rollback().await.unwrap();
    begun.await.unwrap();
    let ended = ended.await.unwrap();
    assert_eq!(ended.0, 204, "{}", ended.1);
    // Nothing that is written from now on waits for it: it is over.
    assert_eq!(enrol(&plane.admin, &alice, "phone", Some(&one)).await.0, 201);
    let (_, device) = plane.admin.get(&format!("/admin/devices/{}", id(&made["device"]))).await;
    assert_eq!((&device["gateway_id"], &device["profile_revision"]), (&json!(one), &json!(1)));
    other.stop().await;
    assert_true(&plane).await;
}
