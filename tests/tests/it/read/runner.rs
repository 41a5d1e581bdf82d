//! The runner: exactly once, whoever runs it; nothing stops but what must.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use nexavpn_domain::{fleet::Fleet, user::User, user::UserCommand, values::Role};
use nexavpn_projections::{
    ApplyError, ListQuery, Projection, Runner, State, audit, devices, groups, policies, rebuild,
    users,
};
use nexavpn_store::{Recorded, Store};
use nexavpn_tests::harness::{WIDE, poll_until};
use sqlx::PgConnection;
use tokio::{task::JoinSet, time::Instant};

use super::{
    World, command, create_user, group, history::History, id, open, seen, soon, start, user,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_runners_fold_random_histories_exactly_once() {
    let world = World::new().await;
    let seed: u64 = rand::random();
    println!("seed {seed}");
    let first = world.runner().await;
    let (other, _sequencing) = open(&world.db.pool).await;
    let mut second = Some(start(&world.db.pool, &other).await);
    let mut writers = JoinSet::new();
    for n in 0..4 {
        writers.spawn(History::new(world.store.clone(), n, seed).write(90));
    }
    // The second process is killed and started again all the while.
    while !writers.is_empty() {
        tokio::select! {
            ended = writers.join_next() => ended.unwrap().unwrap(),
            () = tokio::time::sleep(Duration::from_millis(40)) => {
                drop(second.take());
                second = Some(start(&world.db.pool, &other).await);
            }
        }
    }
    let idx = last_idx(&world.store).await;
    let second = second.take().unwrap();
    for handle in [first.handle(), second.handle()] {
        handle.caught_up(soon()).await.unwrap();
        handle.wait_for_all(idx, soon()).await.unwrap();
        assert!(handle.is_ready(), "{:?}", handle.status());
    }
    assert_eq!(world.count("SELECT count(*) FROM events").await, idx);
    assert_eq!(world.count("SELECT count(*) FROM read.audit_log").await, idx);
    assert_eq!(
        world.count("SELECT total FROM read.projection_checkpoint WHERE name = 'audit_log'").await,
        idx
    );
    agrees_with_the_fleet(&world, idx).await;
    world.assert_equal_to_rebuilt().await;
}

/// Whatever the tables held when a statement was planned.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn folding_reads_no_whole_table() {
    let world = World::new().await;
    let seed: u64 = rand::random();
    println!("seed {seed}");
    let runner = world.runner().await;
    History::new(world.store.clone(), 0, seed).write(120).await;
    runner.handle().wait_for_all(last_idx(&world.store).await, soon()).await.unwrap();
    // PostgreSQL counts what a connection did when it ends.
    runner.stop().await;
    let found = "SELECT count(*) FROM pg_stat_user_tables
                 WHERE schemaname = 'read' AND relname IN ('users', 'devices', 'audit_entities')
                   AND idx_scan > 0";
    poll_until(WIDE, || async { world.count(found).await == 3 }).await;
    // The runner itself looks at all checkpoints, which are a handful; and an erasure, which is rare,
    // looks for devices that were somebody's once.
    let whole: Vec<(String, i64)> = sqlx::query_as(
        "SELECT relname::text, seq_scan FROM pg_stat_user_tables
         WHERE schemaname = 'read' AND relname <> 'projection_checkpoint'
           AND seq_scan > CASE relname WHEN 'devices' THEN
                   (SELECT count(*) FROM events WHERE event_type = 'user.erased') ELSE 0 END",
    )
    .fetch_all(&world.db.pool)
    .await
    .unwrap();
    assert_eq!(whole, []);
}

/// Its readers join the tables of the others: a row without its name would be kept by who follows it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_trails_never_overtakes_the_others() {
    let world = World::new().await;
    let runner = world.runner().await;
    let handle = runner.handle();
    handle.caught_up(soon()).await.unwrap();
    let mut holder = world.db.pool.begin().await.unwrap();
    sqlx::query("LOCK TABLE read.devices IN EXCLUSIVE MODE").execute(&mut *holder).await.unwrap();
    let seed: u64 = rand::random();
    println!("seed {seed}");
    History::new(world.store.clone(), 0, seed).write(60).await;
    let idx = last_idx(&world.store).await;
    let in_time = Instant::now() + Duration::from_millis(500);
    handle.wait_for_all(idx, in_time).await.unwrap_err();
    let of = async |name: &str| {
        let sql = "SELECT idx FROM read.projection_checkpoint WHERE name = $1";
        sqlx::query_scalar::<_, i64>(sql).bind(name).fetch_one(&world.db.pool).await.unwrap()
    };
    assert!(of("devices").await < idx, "nothing held it up: this test shows nothing");
    assert_eq!(of("audit_log").await, of("devices").await);
    holder.rollback().await.unwrap();
    handle.wait_for_all(idx, soon()).await.unwrap();
    assert_eq!(of("audit_log").await, idx);
}

async fn last_idx(store: &Store) -> i64 {
    let log = store.log();
    poll_until(WIDE, || async {
        let events: i64 = sqlx::query_scalar("SELECT count(*) FROM events")
            .fetch_one(store.pool())
            .await
            .unwrap();
        log.head().await.unwrap().idx == events
    })
    .await;
    log.head().await.unwrap().idx
}

/// The read models say what the domain's own fold says.
async fn agrees_with_the_fleet(world: &World, idx: i64) {
    let mut fleet = Fleet::default();
    for event in world.store.log().read(0, usize::try_from(idx).unwrap()).await.unwrap() {
        fleet.apply(event.idx, event.effective_time, event.event.as_ref().unwrap());
    }
    let query = ListQuery { page_size: 200, ..ListQuery::default() };
    let pool = &world.db.pool;
    for row in users::list(pool, &query).await.unwrap().items {
        let state = fleet.user(row.id).unwrap();
        assert_eq!((row.role, row.enabled), (state.role, state.enabled));
    }
    let listed = devices::list(pool, &query).await.unwrap();
    assert!(!listed.items.is_empty());
    for row in listed.items {
        let state = fleet.device(row.id).unwrap();
        assert_eq!(row.status, state.status().as_str(), "{row:?}");
        assert_eq!(row.public_key, state.public_key);
        assert_eq!(row.address_v4, std::net::IpAddr::from(state.addresses.v4));
        assert_eq!(row.rotation_deadline, state.rotation_deadline);
    }
    for row in groups::list(pool, &query).await.unwrap().items {
        let state = fleet.group(row.id).unwrap();
        assert_eq!(row.name, state.name);
        let members: Vec<_> =
            state.members.iter().copied().filter(|u| fleet.user(*u).is_some()).collect();
        assert_eq!(groups::members(pool, row.id, 1000).await.unwrap(), members);
        assert_eq!(row.member_count, i64::try_from(members.len()).unwrap());
    }
    for row in policies::list(pool, &query).await.unwrap().items {
        let state = fleet.policy(row.id).unwrap();
        assert_eq!(Some(&row.fields), state.policy.fields());
        assert_eq!((row.in_force, row.created_idx), (state.policy.in_force(), state.created_idx));
    }
}

#[tokio::test]
async fn a_write_is_seen_by_the_next_read_in_every_process() {
    let world = World::new().await;
    let runner = world.runner().await;
    let (other, _sequencing) = open(&world.db.pool).await;
    let elsewhere = start(&world.db.pool, &other).await;
    for handle in [runner.handle(), elsewhere.handle()] {
        handle.caught_up(soon()).await.unwrap();
    }
    let mut waits = Vec::new();
    for n in 0..50 {
        let user = id();
        let create = create_user(&format!("user{n}"), Role::User);
        let position = command::<User>(&world.store, user, create).await.unwrap();
        let begin = Instant::now();
        let (store, handle) = match n % 2 {
            0 => (&world.store, runner.handle()),
            _ => (&other, elsewhere.handle()),
        };
        seen(store, &handle, position).await;
        waits.push(begin.elapsed());
        let row = users::get(&world.db.pool, user.into()).await.unwrap().unwrap();
        assert_eq!((row.version, row.status.as_str()), (1, "active"));
    }
    waits.sort();
    println!("wait for the read models: median {:?}, worst {:?}", waits[25], waits[49]);
}

/// A crash of PostgreSQL may take folds back that were read from already.
#[tokio::test]
async fn what_was_set_back_is_told_until_it_is_right_again() {
    let world = World::new().await;
    let runner = world.runner().await;
    let handle = runner.handle();
    let create = create_user("alice", Role::User);
    let position = command::<User>(&world.store, id(), create).await.unwrap();
    seen(&world.store, &handle, position).await;
    let pool = &world.db.pool;
    let at = |handle: &nexavpn_projections::Handle| {
        handle.status().into_iter().find(|p| p.name == "policies").map(|p| p.idx)
    };
    assert_eq!(at(&handle), Some(1));
    assert_eq!(handle.set_back(pool).await.unwrap(), Vec::<String>::new());

    // Whoever waits for the row has it before the runner, which looks for what is committed.
    let mut crash = pool.begin().await.unwrap();
    let back = "UPDATE read.projection_checkpoint SET idx = 0 WHERE name = 'policies'";
    sqlx::query(back).execute(&mut *crash).await.unwrap();
    let mut holder = pool.begin().await.unwrap();
    let hold = "SELECT FROM read.projection_checkpoint WHERE name = 'policies' FOR UPDATE";
    let hold = sqlx::query(hold).execute(&mut *holder);
    let (held, committed) = tokio::join!(hold, async {
        let waits = "SELECT count(*) FROM pg_stat_activity
                     WHERE datname = current_database() AND wait_event_type = 'Lock'";
        poll_until(WIDE, || async { world.count(waits).await > 0 }).await;
        crash.commit().await
    });
    held.unwrap();
    committed.unwrap();

    let told = ["the read model policies is being set right again".to_owned()];
    assert_eq!(handle.set_back(pool).await.unwrap(), told);
    // The runner knows of it now, and cannot go on yet.
    poll_until(WIDE, || async { at(&handle) == Some(0) }).await;
    assert_eq!(handle.set_back(pool).await.unwrap(), told);
    holder.rollback().await.unwrap();
    poll_until(WIDE, || async { handle.set_back(pool).await.unwrap().is_empty() }).await;
    poll_until(WIDE, || async { at(&handle) == Some(1) }).await;
}

#[tokio::test]
async fn a_poison_event_stops_its_projection_only() {
    let world = World::new().await;
    let runner = world.runner().await;
    let handle = runner.handle();
    let staff = group(&world.store, "staff", &[]).await;
    let unknown = "INSERT INTO events (aggregate_type, aggregate_id, sequence, event_type,
                                       event_version, payload, metadata)
                   VALUES ($1, $2, 2, $3, '1.0', '{\"type\": \"x\", \"a\": 1}', '{}')";
    for (kind, id, event) in [("group", staff.0, "group.exploded"), ("robot", id(), "robot.built")]
    {
        sqlx::query(unknown)
            .bind(kind)
            .bind(id.to_string())
            .bind(event)
            .execute(&world.db.pool)
            .await
            .unwrap();
    }
    let ann = id();
    let position =
        command::<User>(&world.store, ann, create_user("ann", Role::User)).await.unwrap();
    seen(&world.store, &handle, position).await;
    assert!(users::get(&world.db.pool, ann.into()).await.unwrap().is_some());
    let stopped = || {
        let all = handle.status();
        all.into_iter().find(|p| p.state != State::Live).map(|p| (p.name, p.idx, p.state))
    };
    poll_until(WIDE, || async { stopped().is_some() }).await;
    let (name, idx, state) = stopped().unwrap();
    assert_eq!((name, idx), ("groups", 1));
    assert!(matches!(state, State::Stopped { idx: 2, .. }), "{state:?}");
    assert!(!handle.is_ready());
    assert_eq!(handle.status().iter().filter(|p| p.state == State::Live).count(), 7);

    // The audit log shows what nobody knows.
    let query = audit::AuditQuery::default();
    let page = audit::list(&world.db.pool, &world.store.log(), &query).await.unwrap();
    let found: Vec<_> = page.items.iter().map(|e| e.event_type.as_str()).collect();
    assert_eq!(found, ["user.created", "robot.built", "group.exploded", "group.created"]);
    assert_eq!(page.items[1].data, serde_json::json!({"a": 1}));

    // A rebuild does not hide it either, and leaves the old rows.
    let rebuilt = rebuild(&world.db.owner_pool, &world.store.log(), "groups").await;
    assert!(rebuilt.is_err());
    assert!(groups::get(&world.db.pool, staff).await.unwrap().is_some());

    // Another start tries again and comes to the same end.
    drop(runner);
    let again = world.runner().await.handle();
    assert!(matches!(again.status()[1].state, State::CatchingUp), "{:?}", again.status());
}

/// Fails as it is told to.
struct Fickle;
static POISONED: AtomicBool = AtomicBool::new(true);
static HICCUPS: AtomicUsize = AtomicUsize::new(3);
static FICKLE: &[&dyn Projection] = &[&Fickle, &users::Users];

#[async_trait]
impl Projection for Fickle {
    fn name(&self) -> &'static str {
        "fickle"
    }
    fn version(&self) -> i32 {
        1
    }
    fn tables(&self) -> &'static [&'static str] {
        &[]
    }
    fn reads(&self) -> &'static [&'static str] {
        &["user"]
    }
    async fn apply(&self, _: &mut PgConnection, event: &Recorded) -> Result<i64, ApplyError> {
        if event.event_type == "user.disabled" && POISONED.load(Ordering::SeqCst) {
            return Err(ApplyError::Refused("as told".into()));
        }
        let hiccup = |n: usize| n.checked_sub(1);
        if HICCUPS.fetch_update(Ordering::SeqCst, Ordering::SeqCst, hiccup).is_ok() {
            return Err(ApplyError::Transient("for the moment".into()));
        }
        Ok(1)
    }
}

#[tokio::test]
async fn what_passes_is_tried_again_and_what_was_stopped_goes_on_once_it_can() {
    let world = World::new().await;
    let runner = || async {
        let (pool, store) = (world.db.pool.clone(), &world.store);
        Runner::start(pool, store.log(), store.head(), FICKLE).await.unwrap()
    };
    let first = runner().await;
    first.handle().caught_up(soon()).await.unwrap();
    let ann = user(&world.store, "ann").await;
    let position = command::<User>(&world.store, ann.0, create_user("ann", Role::User)).await;
    assert!(position.is_err(), "she exists already");
    let at = |runner: &Runner, name: &str| {
        runner.handle().status().into_iter().find(|p| p.name == name).unwrap()
    };
    poll_until(WIDE, || async { at(&first, "fickle").idx == 1 }).await;
    assert_eq!(HICCUPS.load(Ordering::SeqCst), 0);

    command::<User>(&world.store, ann.0, UserCommand::Disable).await.unwrap();
    poll_until(WIDE, || async { at(&first, "fickle").state != State::Live }).await;
    let enabled = command::<User>(&world.store, ann.0, UserCommand::Enable).await.unwrap();
    seen(&world.store, &first.handle(), enabled).await;
    assert_eq!((at(&first, "users").idx, at(&first, "fickle").idx), (3, 1));

    // A version that knows better is started: the process that still runs sees it move on.
    POISONED.store(false, Ordering::SeqCst);
    let second = runner().await;
    for runner in [&first, &second] {
        poll_until(WIDE, || async {
            let fickle = at(runner, "fickle");
            fickle.idx == 3 && fickle.state == State::Live
        })
        .await;
    }
    let total = "SELECT total FROM read.projection_checkpoint WHERE name = 'fickle'";
    assert_eq!(world.count(total).await, 3);
}
