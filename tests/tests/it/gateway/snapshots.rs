//! Folded states that are kept.

use std::time::Instant;

use nexavpn_bundle::canonical;
use nexavpn_domain::{fleet::FleetImage, ids::GatewayId};
use nexavpn_gateway_projector::{compare_states, render};
use nexavpn_tests::harness::{WIDE, poll_until};

use super::{KEPT, Process, World, soon};

/// The events of the states that are kept.
async fn kept(world: &World) -> Vec<i64> {
    sqlx::query_scalar("SELECT idx FROM fleet_snapshot WHERE fold = $1 ORDER BY idx")
        .bind(FleetImage::FOLD)
        .fetch_all(&world.db.pool)
        .await
        .unwrap()
}

/// A gateway with devices, and at least two states that are kept. None is on its way to be kept.
async fn history() -> (World, GatewayId, i64) {
    let world = World::new().await;
    let gateway = world.gateway(0).await;
    let deadline = soon();
    loop {
        world.device(gateway).await;
        let idx = world.allow_everyone("10.1.0.0/16").await;
        let kept = kept(&world).await;
        if kept.len() >= 2 && kept.last().is_some_and(|last| idx < last + KEPT) {
            return (world, gateway, idx);
        }
        assert!(Instant::now() < deadline, "nothing is kept");
    }
}

async fn started(world: &World, idx: i64) -> Process {
    let process = Process::start(&world.db).await;
    process.caught_up(idx).await;
    process
}

async fn bundle_at(process: &Process, gateway: GatewayId, idx: i64) -> Option<Vec<u8>> {
    let fleet = process.fleet.fleet_at(idx).await.unwrap();
    let payload = render(&fleet, gateway, process.store.epoch()).unwrap()?;
    Some(canonical(&payload).unwrap())
}

#[tokio::test]
async fn a_start_goes_on_from_a_kept_state_and_says_the_same_as_one_without() {
    let (world, gateway, idx) = history().await;
    let states = kept(&world).await;
    let other = started(&world, idx).await;
    assert_eq!(Some(&other.fleet.went_on_from()), states.last());
    let same = world.one.bundle(gateway).await.unwrap().body.clone();
    assert_eq!(other.bundle(gateway).await.unwrap().body, same);
    let mut past = Vec::new();
    for idx in 1..=idx {
        past.push(bundle_at(&other, gateway, idx).await);
    }

    sqlx::query("DELETE FROM fleet_snapshot").execute(&world.db.pool).await.unwrap();
    let without = started(&world, idx).await;
    assert_eq!(without.fleet.went_on_from(), 0);
    assert_eq!(without.bundle(gateway).await.unwrap().body, same);
    sqlx::query("DELETE FROM fleet_snapshot").execute(&world.db.pool).await.unwrap();
    for (idx, past) in (1..).zip(past) {
        assert!(bundle_at(&without, gateway, idx).await == past, "{idx}");
    }
}

#[tokio::test]
async fn a_state_of_somebody_else_is_not_used() {
    let (world, gateway, idx) = history().await;
    let (elsewhere, _, _) = history().await;
    let same = world.one.bundle(gateway).await.unwrap().body.clone();
    let states = kept(&world).await;
    let [first, .., last] = states.as_slice() else { panic!("two states") };
    let pool = &world.db.pool;
    let begins_after = async || {
        let process = started(&world, idx).await;
        assert_eq!(process.bundle(gateway).await.unwrap().body, same);
        process.fleet.went_on_from()
    };
    assert_eq!(begins_after().await, *last);

    // Another installation's, under this one's name.
    let foreign: Vec<u8> = sqlx::query_scalar("SELECT state FROM fleet_snapshot LIMIT 1")
        .fetch_one(&elsewhere.db.pool)
        .await
        .unwrap();
    let replace = "UPDATE fleet_snapshot SET state = $2 WHERE idx = $1";
    sqlx::query(replace).bind(last).bind(foreign).execute(pool).await.unwrap();
    let before = begins_after().await;
    assert!(before >= *first && before < *last, "{before}");

    // Its own, of another moment.
    sqlx::query(
        "UPDATE fleet_snapshot SET state = (SELECT state FROM fleet_snapshot WHERE idx = $1)
         WHERE idx > $1",
    )
    .bind(first)
    .execute(pool)
    .await
    .unwrap();
    assert_eq!(begins_after().await, *first);

    // Whoever has the key could make one up: it is found out.
    let keyring = world.one.store.keyring();
    let key = keyring.state_key().await.unwrap();
    let context = |idx: &i64| format!("fleet_snapshot {} {idx}", FleetImage::FOLD);
    let state: Vec<u8> = sqlx::query_scalar("SELECT state FROM fleet_snapshot WHERE idx = $1")
        .bind(first)
        .fetch_one(pool)
        .await
        .unwrap();
    let state = key.open(&context(first), &state).unwrap();
    let state = key.seal(&context(last), &state).unwrap();
    let (count, sound) = compare_states(&elsewhere.one.store).await.unwrap();
    assert!(count >= 2 && sound.is_empty(), "{sound:?}");
    sqlx::query(replace).bind(last).bind(state).execute(pool).await.unwrap();
    let (_, problems) = compare_states(&world.one.store).await.unwrap();
    let told = |idx: &i64, why: &str| {
        let begin = format!("the state kept after event {idx} {why}");
        problems.iter().any(|problem| problem.starts_with(&begin))
    };
    assert!(told(last, "is not what the events say"), "{problems:?}");
    assert!(!told(first, ""), "{problems:?}");

    // Of a history that went another way.
    let moved = "UPDATE fleet_snapshot SET tx = tx + 1";
    sqlx::query(moved).execute(pool).await.unwrap();
    assert_eq!(begins_after().await, 0);
}

#[tokio::test]
async fn states_of_other_code_are_not_used_and_go() {
    let (world, gateway, idx) = history().await;
    let pool = &world.db.pool;
    sqlx::query("UPDATE fleet_snapshot SET fold = 'earlier'").execute(pool).await.unwrap();
    // It keeps its own while it folds, and those before go.
    let process = started(&world, idx).await;
    assert_eq!(process.fleet.went_on_from(), 0);
    let earlier = "SELECT count(*) FROM fleet_snapshot WHERE fold = 'earlier'";
    poll_until(WIDE, || async {
        world.device(gateway).await;
        sqlx::query_scalar::<_, i64>(earlier).fetch_one(pool).await.unwrap() == 0
    })
    .await;
    assert!(!kept(&world).await.is_empty());
}
