//! What this process commits is handed on to its followers without being read back, and is then
//! exactly what a reader of the database gets.

use nexavpn_domain::{
    device::{Device, DeviceCommand},
    user::{User, UserCommand},
    values::Role,
};
use nexavpn_store::{Actor, Metadata, Recorded, Store};
use nexavpn_tests::harness::{TestDb, WIDE, poll_until};

use super::{append, create_user, decided, enrol, gateway, id, open, pool_of, user};

/// All of it, in words.
fn whole(event: &Recorded) -> String {
    let Recorded { metadata, payload, event: decoded, .. } = event;
    let mut metadata: Vec<_> = metadata.iter().collect();
    metadata.sort();
    let times = (event.recorded_at, event.effective_time);
    let place = (event.generation, event.tx, event.pos, event.sequence);
    let shape = (&event.aggregate_type, &event.event_type, &event.event_version);
    format!("{event:?} {place:?} {shape:?} {times:?} {metadata:?} {payload} {decoded:?}")
}

async fn numbered(store: &Store) -> i64 {
    poll_until(WIDE, || async {
        store.sequence_once().await.unwrap();
        let all: i64 = sqlx::query_scalar("SELECT count(*) FROM events")
            .fetch_one(store.pool())
            .await
            .unwrap();
        store.head().borrow().idx == all
    })
    .await;
    store.head().borrow().idx
}

fn from(actor: Actor) -> Metadata {
    Metadata {
        actor,
        request_id: id(),
        correlation_id: id(),
        client_address: Some("203.0.113.77".parse().unwrap()),
        user_agent: Some("agent".into()),
        auth_method: Some("password".into()),
        reason: Some("because".into()),
    }
}

/// Takes the log out of the database while something is asked.
async fn unreadable<T>(db: &TestDb, ask: impl Future<Output = T>) -> T {
    let rename = async |from: &str, to: &str| {
        let sql = format!("ALTER TABLE {from} RENAME TO {to}");
        sqlx::query(&sql).execute(&db.owner_pool).await.unwrap();
    };
    rename("log_index", "log_index_away").await;
    let answer = ask.await;
    rename("log_index_away", "log_index").await;
    answer
}

#[tokio::test]
async fn followers_get_from_memory_what_readers_get_from_the_database() {
    let db = TestDb::new().await;
    let store = open(&db.pool).await;
    let pool = pool_of("100.96.0.0/24", None);
    let there = gateway(&store, "g", pool).await;
    let ann = user(&store, "ann", Role::User).await;
    let device = enrol(&store, ann, "laptop", there, pool).await;
    let revoke = DeviceCommand::Revoke { reason: Some("lost".into()) };
    let mut revoked = append(vec![decided::<Device>(&store, device.0, revoke).await]);
    revoked.metadata = from(Actor::User(ann));
    store.append(revoked).await.unwrap();
    let mut anonymous =
        append(vec![decided::<User>(&store, id(), create_user("bob", Role::User)).await]);
    anonymous.metadata = from(Actor::Anonymous);
    store.append(anonymous).await.unwrap();
    let last = numbered(&store).await;

    let handed_on = unreadable(&db, async {
        assert!(store.log().read(0, 100).await.is_err());
        store.log().follow(0, 100).await.unwrap()
    })
    .await;
    let read = store.log().read(0, 100).await.unwrap();
    assert_eq!(i64::try_from(read.len()), Ok(last));
    for (handed_on, read) in handed_on.iter().zip(&read) {
        assert_eq!(whole(handed_on), whole(read));
    }
    assert_eq!(handed_on.len(), read.len());
}

#[tokio::test]
async fn nothing_of_the_erased_is_handed_on() {
    let db = TestDb::new().await;
    let store = open(&db.pool).await;
    let elsewhere = open(&db.pool).await;
    let ann = user(&store, "ann", Role::User).await;
    let by_ann = async |name: &str| {
        let mut by_ann =
            append(vec![decided::<User>(&store, id(), create_user(name, Role::User)).await]);
        by_ann.metadata = from(Actor::User(ann));
        store.append(by_ann).await.unwrap();
    };
    by_ann("before").await;
    numbered(&store).await;
    let before = store.log().follow(0, 100).await.unwrap();
    assert_eq!(before[0].payload["username"], "ann");
    assert_eq!(before[1].metadata["client_address"], "203.0.113.77");

    // Another process destroys the key, and this one seals with it once more.
    let mut erase = append(vec![decided::<User>(&elsewhere, ann.0, UserCommand::Erase).await]);
    erase.forget.push(ann);
    elsewhere.append(erase).await.unwrap();
    let erased = numbered(&store).await;
    by_ann("bob").await;
    numbered(&store).await;

    let followed = store.log().follow(erased, 100).await.unwrap();
    let read = store.log().read(erased, 100).await.unwrap();
    let late = followed.last().unwrap();
    assert_eq!(late.payload["username"], "bob");
    assert!(!late.metadata.contains_key("client_address"), "{:?}", late.metadata);
    let wholes = |events: &[Recorded]| events.iter().map(whole).collect::<Vec<_>>();
    assert_eq!(wholes(&followed), wholes(&read));
}
