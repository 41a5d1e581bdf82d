//! Addresses are given once, and all of them.

use std::{collections::HashSet, net::IpAddr, time::Duration};

use async_trait::async_trait;
use nexavpn_domain::{
    DomainError,
    device::{Device, DeviceCommand},
    ids::GatewayId,
    values::{Pool, Role, Slot},
};
use nexavpn_store::{
    AppendError, Options, SideRow, SideRowError, SlotError, SlotRequest, Store, verify,
};
use nexavpn_tests::harness::{TestDb, WIDE, poll_until};
use sqlx::PgConnection;

use super::{Place, command, enrol, enrolment, gateway, open, open_with, place, pool_of, user};

const RUN_OUT: &str = "UPDATE ip_slot SET reserved_until = now() WHERE reservation IS NOT NULL";
const NONE: &[IpAddr] = &[];

fn request(gateway: GatewayId, pool: &Pool) -> SlotRequest<'_> {
    SlotRequest { gateway, pool, wanted: None, never: NONE, ttl: Duration::from_secs(60) }
}

fn impatient() -> Options {
    Options { exhausted_wait: Duration::ZERO, ..Options::default() }
}

struct Refusing;

#[async_trait]
impl SideRow for Refusing {
    async fn write(&self, _: &mut PgConnection) -> Result<(), SideRowError> {
        Err(DomainError::conflict("no", "no").into())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_32_who_enrol_into_a_small_pool_as_many_succeed_as_there_are_addresses() {
    for coalesce in [true, false] {
        let db = TestDb::new().await;
        let store = open_with(&db.pool, Options { coalesce, ..Options::default() }).await;
        let pool = pool_of("100.96.0.0/28", Some("fd00::/64"));
        let there = gateway(&store, "g", pool).await;
        let owner = user(&store, "ann", Role::User).await;
        // Eight of them reserve an address, fail in their append, and give the address back.
        let attempts = (0..32).map(|n| {
            let store = store.clone();
            tokio::spawn(async move {
                let reserved = match store.reserve_slot(request(there, &pool)).await {
                    Ok(reserved) => reserved,
                    Err(SlotError::Exhausted) => return None,
                    Err(e) => panic!("{e}"),
                };
                let place =
                    Place { gateway: there, pool, slot: reserved.slot, token: reserved.token };
                let (_, append) = enrolment(&store, owner, &format!("device {n}"), &place).await;
                if n % 4 == 0 {
                    let refused = store.append(append.with_row(Refusing)).await;
                    assert!(matches!(refused, Err(AppendError::Refused(_))), "{refused:?}");
                    assert!(store.release_reservation(reserved.token).await.unwrap());
                    return None;
                }
                store.append(append).await.unwrap();
                Some(reserved.slot)
            })
        });
        let given = futures::future::join_all(attempts).await;
        let given: Vec<Slot> = given.into_iter().filter_map(Result::unwrap).collect();
        let different: HashSet<Slot> = given.iter().copied().collect();
        assert_eq!((given.len(), different), (13, (2..15).collect()));
        let report = verify(&db.pool, store.keyring()).await.unwrap();
        assert_eq!(report.problems, Vec::<String>::new());
    }
}

#[tokio::test]
async fn an_address_rests_before_it_is_given_again() {
    let db = TestDb::new().await;
    let store = open_with(&db.pool, impatient()).await;
    let pool = pool_of("100.96.0.0/30", None);
    let there = gateway(&store, "g", pool).await;
    let owner = user(&store, "ann", Role::User).await;
    let device = enrol(&store, owner, "one", there, pool).await;
    let full = store.reserve_slot(request(there, &pool)).await;
    assert!(matches!(full, Err(SlotError::Exhausted)), "{full:?}");
    command::<Device>(&store, device.0, DeviceCommand::Revoke { reason: None }).await.unwrap();
    let resting = store.reserve_slot(request(there, &pool)).await;
    assert!(matches!(resting, Err(SlotError::Exhausted)), "{resting:?}");

    sqlx::query("UPDATE ip_slot SET free_after = now()").execute(&db.pool).await.unwrap();
    assert_eq!(place(&store, there, pool).await.slot, 2);
    assert!(verify(&db.pool, store.keyring()).await.unwrap().is_clean());

    let hasty = Options { rest: Duration::ZERO, ..impatient() };
    let store = open_with(&db.pool, hasty).await;
    sqlx::query(RUN_OUT).execute(&db.pool).await.unwrap();
    let device = enrol(&store, owner, "one", there, pool).await;
    command::<Device>(&store, device.0, DeviceCommand::Revoke { reason: None }).await.unwrap();
    enrol(&store, owner, "one", there, pool).await;
}

/// An append that takes an address without a reservation takes a free one, and no other.
#[tokio::test]
async fn an_address_that_was_not_reserved_is_taken_where_it_is_free() {
    let db = TestDb::new().await;
    let store = open_with(&db.pool, impatient()).await;
    let pool = pool_of("100.96.0.0/24", None);
    let there = gateway(&store, "g", pool).await;
    let owner = user(&store, "ann", Role::User).await;
    let take = async |name: &str, slot: Slot| {
        let unused = Place { gateway: there, pool, slot, token: uuid::Uuid::nil() };
        let (device, mut append) = enrolment(&store, owner, name, &unused).await;
        append.reservations[0].token = None;
        store.append(append).await.map(|_| device)
    };
    let lost = |taken: Result<_, AppendError>| {
        assert!(matches!(taken, Err(AppendError::ReservationLost)), "{taken:?}");
    };
    let occupied = async || store.occupied_slots(there, &[9, 10, 11]).await.unwrap();
    let first = take("first", 9).await.unwrap();
    lost(take("second", 9).await);
    let reserved = SlotRequest { wanted: Some(10), ..request(there, &pool) };
    let reserved = store.reserve_slot(reserved).await.unwrap();
    lost(take("third", 10).await);
    assert_eq!(occupied().await, [9, 10]);
    assert!(store.release_reservation(reserved.token).await.unwrap());
    take("third", 10).await.unwrap();

    command::<Device>(&store, first.0, DeviceCommand::Revoke { reason: None }).await.unwrap();
    assert_eq!(occupied().await, [9, 10], "it rests");
    lost(take("first", 9).await);
    sqlx::query("UPDATE ip_slot SET free_after = now()").execute(&db.pool).await.unwrap();
    // Of several who want it at once one gets it.
    let wishes = ["a", "b", "c", "d"].map(|name| take(name, 9));
    let taken = futures::future::join_all(wishes).await;
    assert_eq!(taken.iter().filter(|taken| taken.is_ok()).count(), 1, "{taken:?}");
    let report = verify(&db.pool, store.keyring()).await.unwrap();
    assert_eq!(report.problems, Vec::<String>::new());
}

#[tokio::test]
async fn wanted_and_forbidden_addresses() {
    let db = TestDb::new().await;
    let store = open_with(&db.pool, impatient()).await;
    let pool = pool_of("100.96.0.0/29", None);
    let there = gateway(&store, "g", pool).await;
    let resolver: IpAddr = "100.96.0.3".parse().unwrap();
    let elsewhere: IpAddr = "9.9.9.9".parse().unwrap();
    let never = [resolver, elsewhere];
    let ask = |wanted| SlotRequest { wanted, never: &never, ..request(there, &pool) };
    for outside in [0, 1, 3, 7, 8, 4000] {
        let refused = store.reserve_slot(ask(Some(outside))).await;
        assert!(matches!(refused, Err(SlotError::OutOfPool)), "{outside}: {refused:?}");
    }
    assert_eq!(store.reserve_slot(ask(Some(5))).await.unwrap().slot, 5);
    let taken = store.reserve_slot(ask(Some(5))).await;
    assert!(matches!(taken, Err(SlotError::Taken)), "{taken:?}");
    let mut rest = Vec::new();
    while let Ok(reserved) = store.reserve_slot(ask(None)).await {
        rest.push(reserved.slot);
    }
    assert_eq!(rest, [2, 4, 6]);
    let allowed = store.reserve_slot(request(there, &pool)).await.unwrap();
    assert_eq!(allowed.slot, 3, "it is there for whoever may have it");
}

#[tokio::test]
async fn a_reservation_that_ran_out_may_go_to_somebody_else() {
    let db = TestDb::new().await;
    let store = open_with(&db.pool, impatient()).await;
    let pool = pool_of("100.96.0.0/30", None);
    let there = gateway(&store, "g", pool).await;
    let owner = user(&store, "ann", Role::User).await;
    let late = place(&store, there, pool).await;
    sqlx::query(RUN_OUT).execute(&db.pool).await.unwrap();
    let quick = place(&store, there, pool).await;
    assert_eq!(late.slot, quick.slot);
    let (_, append) = enrolment(&store, owner, "late", &late).await;
    let lost = store.append(append).await;
    assert!(matches!(lost, Err(AppendError::ReservationLost)), "{lost:?}");
    let (_, mut append) = enrolment(&store, owner, "none", &quick).await;
    append.reservations.clear();
    let lost = store.append(append).await;
    assert!(matches!(lost, Err(AppendError::ReservationLost)), "{lost:?}");
    let (_, append) = enrolment(&store, owner, "quick", &quick).await;
    store.append(append).await.unwrap();
    assert_eq!(store.sweep_reservations().await.unwrap(), 0);
    assert!(!store.release_reservation(quick.token).await.unwrap());
}

/// Where many addresses are asked for some are reserved ahead. They give way to whoever wishes for one
/// of them, and so does one that a command has which asked for any.
#[tokio::test]
async fn what_is_reserved_ahead_gives_way() {
    let db = TestDb::new().await;
    let store = open_with(&db.pool, impatient()).await;
    let elsewhere = open_with(&db.pool, impatient()).await;
    let pool = pool_of("100.96.0.0/16", None);
    let there = gateway(&store, "g", pool).await;
    let owner = user(&store, "ann", Role::User).await;
    let reserved = async || {
        let sql = "SELECT count(*) FROM ip_slot WHERE reserved_until > clock_timestamp()";
        let number: i64 = sqlx::query_scalar(sql).fetch_one(&db.pool).await.unwrap();
        number
    };
    let wish = async |store: &Store, slot| {
        let wish = SlotRequest { wanted: Some(slot), ..request(there, &pool) };
        store.reserve_slot(wish).await
    };
    assert_eq!(place(&store, there, pool).await.slot, 2);
    assert_eq!(reserved().await, 1, "nobody seems to be in a hurry");
    assert_eq!(place(&store, there, pool).await.slot, 3);
    assert_eq!(reserved().await, 18);
    let (given_up, kept) = (place(&store, there, pool).await, place(&store, there, pool).await);
    assert_eq!((given_up.slot, kept.slot, reserved().await), (4, 5, 18));

    // By now the first process has 6 to 19 and gave 4 and 5 to commands.
    for slot in [4, 6] {
        assert_eq!(wish(&elsewhere, slot).await.unwrap().slot, slot);
        let taken = wish(&elsewhere, slot).await;
        assert!(matches!(taken, Err(SlotError::Taken)), "a wish does not give way: {taken:?}");
    }
    assert_eq!(wish(&store, 7).await.unwrap().slot, 7);
    let occupied = store.occupied_slots(there, &[4, 5, 6, 7, 8]).await.unwrap();
    assert_eq!(occupied, [4, 6, 7]);
    let (_, append) = enrolment(&store, owner, "kept", &kept).await;
    store.append(append).await.unwrap();
    let unknown = place(&store, there, pool).await;
    assert_eq!(unknown.slot, 6, "nobody told this process");
    for lost in [given_up, unknown] {
        let (_, append) = enrolment(&store, owner, "lost", &lost).await;
        let lost = store.append(append).await;
        assert!(matches!(lost, Err(AppendError::ReservationLost)), "{lost:?}");
    }
    let another = place(&store, there, pool).await;
    assert_eq!(another.slot, 20, "what else it had reserved is no longer trusted");
    let (_, append) = enrolment(&store, owner, "another", &another).await;
    store.append(append).await.unwrap();

    let small = pool_of("100.97.0.0/24", None);
    let there = gateway(&store, "small", small).await;
    let before = reserved().await;
    many(&store, there, &small, 3).await;
    assert_eq!(reserved().await, before + 3, "a small pool has none to spare");
    assert!(verify(&db.pool, store.keyring()).await.unwrap().is_clean());
}

#[tokio::test]
async fn swept_reservations_are_lost() {
    let db = TestDb::new().await;
    let store = open(&db.pool).await;
    let pool = pool_of("100.96.0.0/16", Some("fd00::/64"));
    let there = gateway(&store, "g", pool).await;
    let owner = user(&store, "ann", Role::User).await;
    let place = place(&store, there, pool).await;
    sqlx::query(RUN_OUT).execute(&db.pool).await.unwrap();
    assert_eq!(store.sweep_reservations().await.unwrap(), 1);
    let (_, append) = enrolment(&store, owner, "late", &place).await;
    let lost = store.append(append).await;
    assert!(matches!(lost, Err(AppendError::ReservationLost)), "{lost:?}");
    let rows: i64 =
        sqlx::query_scalar("SELECT count(*) FROM ip_slot").fetch_one(&db.pool).await.unwrap();
    assert!(rows < 1000, "a large pool is not materialised");
}

async fn many(store: &Store, there: GatewayId, pool: &Pool, n: usize) -> HashSet<Slot> {
    let mut slots = HashSet::new();
    for _ in 0..n {
        slots.insert(store.reserve_slot(request(there, pool)).await.unwrap().slot);
    }
    slots
}

/// Of one pool, by two processes at once: none twice, and none left out.
#[tokio::test]
async fn addresses_follow_each_other() {
    let db = TestDb::new().await;
    let (store, elsewhere) = (open(&db.pool).await, open(&db.pool).await);
    let pool = pool_of("100.96.0.0/22", None);
    let there = gateway(&store, "g", pool).await;
    let wanted = SlotRequest { wanted: Some(300), ..request(there, &pool) };
    store.reserve_slot(wanted).await.unwrap();
    let (a, b) = tokio::join!(many(&store, there, &pool, 260), many(&elsewhere, there, &pool, 260));
    let all: HashSet<Slot> = a.union(&b).copied().collect();
    assert_eq!(all.len(), 520);
    assert!(!all.contains(&300));
    assert_eq!(all.iter().max(), Some(&522));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pool_is_begun_by_two_at_once() {
    let db = TestDb::new().await;
    let stores = [open(&db.pool).await, open(&db.pool).await];
    for n in 0..50 {
        let pool = pool_of(&format!("100.{}.0.0/24", 64 + n), None);
        let there = gateway(&stores[0], &format!("g{n}"), pool).await;
        let both = stores.clone().map(|store| {
            tokio::spawn(async move { store.reserve_slot(request(there, &pool)).await })
        });
        let both = futures::future::join_all(both).await;
        let mut slots: Vec<Slot> = both.into_iter().map(|r| r.unwrap().unwrap().slot).collect();
        slots.sort_unstable();
        assert_eq!(slots, [2, 3], "round {n}");
    }
}

/// So that those who come next need not wait for it.
#[tokio::test]
async fn more_are_reserved_before_those_ahead_are_used_up() {
    let db = TestDb::new().await;
    let store = open(&db.pool).await;
    let pool = pool_of("100.96.0.0/16", None);
    let there = gateway(&store, "g", pool).await;
    let reserved = async || {
        let sql = "SELECT count(*) FROM ip_slot WHERE reservation IS NOT NULL";
        sqlx::query_scalar::<_, i64>(sql).fetch_one(&db.pool).await.unwrap()
    };
    many(&store, there, &pool, 13).await;
    assert_eq!(reserved().await, 18, "5 of 16 are left");
    assert_eq!(place(&store, there, pool).await.slot, 15);
    // Nobody asks for one meanwhile.
    poll_until(WIDE, || async { reserved().await > 18 }).await;
    assert_eq!(many(&store, there, &pool, 20).await, (16..36).collect());
}
