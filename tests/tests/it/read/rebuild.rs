//! Rebuilding: beside the old, under load, to the same rows.

use nexavpn_domain::user::{User, UserCommand};
use nexavpn_projections::{
    ListQuery, REGISTRY, RebuildError, Side, State, compare, devices, groups, rebuild, users,
};
use nexavpn_tests::harness::{WIDE, poll_until};
use tokio::task::JoinSet;

use super::{
    World, command, enrol, erase, gateway, group, history::History, pool, seen, soon, user,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn read_models_are_rebuilt_under_load_while_they_are_read() {
    let world = World::new().await;
    let runner = world.runner().await;
    let handle = runner.handle();
    let mut writers = JoinSet::new();
    for n in 0..2 {
        writers.spawn(History::new(world.store.clone(), n, rand::random()).write(80));
    }
    let reader = tokio::spawn({
        let pool = world.db.pool.clone();
        async move {
            loop {
                devices::list(&pool, &ListQuery::default()).await.unwrap();
                tokio::task::yield_now().await;
            }
        }
    });
    while !writers.is_empty() {
        for projection in REGISTRY {
            let rebuilt =
                rebuild(&world.db.owner_pool, &world.store.log(), projection.name()).await.unwrap();
            assert!(rebuilt.total >= 0);
        }
        while let Some(ended) = writers.try_join_next() {
            ended.unwrap();
        }
    }
    reader.abort();
    assert!(reader.await.unwrap_err().is_cancelled(), "a read failed meanwhile");
    let last = user(&world.store, "last").await;
    let position = command::<User>(&world.store, last.0, UserCommand::Disable).await.unwrap();
    seen(&world.store, &handle, position).await;
    poll_until(WIDE, || async { handle.is_ready() }).await;
    assert_eq!(users::get(&world.db.pool, last).await.unwrap().unwrap().status, "disabled");
    world.assert_equal_to_rebuilt().await;
    let left = "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'rebuild%'";
    assert_eq!(world.count(left).await, 0);
}

#[tokio::test]
async fn a_rebuild_repairs_and_keeps_indexes_and_grants() {
    let world = World::new().await;
    let handle = world.runner().await;
    handle.handle().caught_up(soon()).await.unwrap();
    let ann = user(&world.store, "ann").await;
    let crew = group(&world.store, "crew", &[ann]).await;
    let log = world.store.log();
    let idx = log.head().await.unwrap().idx;
    handle.handle().wait_for_all(idx, soon()).await.unwrap();
    let indexes = "SELECT count(*) FROM (SELECT indexdef FROM pg_indexes WHERE schemaname = 'read'
                   UNION SELECT indexname FROM pg_indexes WHERE schemaname = 'read') a";
    let before = world.count(indexes).await;
    poll_until(WIDE, || async {
        groups::members(&world.db.pool, crew, 10).await.unwrap() == [ann]
    })
    .await;

    sqlx::query("DELETE FROM read.group_members").execute(&world.db.pool).await.unwrap();
    let found = compare(&world.db.owner_pool, &log, "groups").await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].table.as_str(), found[0].side), ("group_members", Side::Rebuilt));
    rebuild(&world.db.owner_pool, &log, "groups").await.unwrap();
    assert_eq!(groups::members(&world.db.pool, crew, 10).await.unwrap(), [ann]);
    assert!(world.compare("groups").await.is_empty());
    assert_eq!(world.count(indexes).await, before, "indexes are the same, by name and definition");

    let unknown = rebuild(&world.db.owner_pool, &log, "nonsense").await;
    assert!(matches!(unknown, Err(RebuildError::Unknown { .. })), "{unknown:?}");
}

#[tokio::test]
async fn tables_of_another_version_wait_for_a_rebuild() {
    let world = World::new().await;
    let ann = user(&world.store, "ann").await;
    let runner = world.runner().await;
    runner.handle().caught_up(soon()).await.unwrap();
    drop(runner);
    let outdate = "UPDATE read.projection_checkpoint SET version = 0 WHERE name = 'users'";
    sqlx::query(outdate).execute(&world.db.pool).await.unwrap();
    let runner = world.runner().await;
    let handle = runner.handle();
    assert_eq!(handle.status()[0].state, State::Outdated { stored: 0 });
    let position = command::<User>(&world.store, ann.0, UserCommand::Disable).await.unwrap();
    seen(&world.store, &handle, position).await;
    rebuild(&world.db.owner_pool, &world.store.log(), "users").await.unwrap();
    poll_until(WIDE, || async { handle.is_ready() }).await;
    assert_eq!(users::get(&world.db.pool, ann).await.unwrap().unwrap().status, "disabled");
}

#[tokio::test]
async fn an_erased_person_is_gone_from_every_read_model_live_and_rebuilt() {
    let world = World::new().await;
    let runner = world.runner().await;
    let at = gateway(&world.store, 1).await;
    let ann = user(&world.store, "ann-marker").await;
    let crew = group(&world.store, "crew", &[ann]).await;
    let laptop = enrol(&world.store, ann, "laptop-marker", at, pool(1)).await.unwrap();
    let position = erase(&world.store, ann).await.unwrap();
    runner.handle().caught_up(soon()).await.unwrap();
    seen(&world.store, &runner.handle(), position).await;
    let row = users::get(&world.db.pool, ann).await.unwrap().unwrap();
    assert_eq!((row.status.as_str(), row.username), ("erased", None));
    let row = devices::get(&world.db.pool, laptop).await.unwrap().unwrap();
    assert_eq!((row.name, row.os_version, row.fingerprint), (None, None, None));
    assert_eq!(row.status, "owner_disabled");
    assert!(groups::members(&world.db.pool, crew, 10).await.unwrap().is_empty());
    let dump = "SELECT count(*) FROM (SELECT to_jsonb(u)::text AS t FROM read.users u
                UNION ALL SELECT to_jsonb(d)::text FROM read.devices d
                UNION ALL SELECT to_jsonb(a)::text FROM read.audit_log a) x
                WHERE t LIKE '%marker%' OR t LIKE '%sha256:aa%'";
    assert_eq!(world.count(dump).await, 0);
    world.assert_equal_to_rebuilt().await;
}
