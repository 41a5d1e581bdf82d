//! Loading: states that are kept are the same as those that are not, whoever wrote last.

use nexavpn_domain::{
    group::{Group, GroupCommand},
    ids::UserId,
    user::User,
    values::Role,
};
use nexavpn_store::{AppendError, Loaded, Store};
use nexavpn_tests::harness::TestDb;
use rand::RngExt as _;
use sqlx::{Executor as _, PgConnection};
use uuid::Uuid;

use super::{command, create_group, id, open, user};

async fn loaded(store: &Store, group: Uuid) -> (Group, u64) {
    let Loaded { state, sequence } = store.load::<Group>(group).await.unwrap();
    (state, sequence)
}

fn rename(name: String) -> GroupCommand {
    GroupCommand::Change { name: Some(name), description: None, members: None }
}

#[tokio::test]
async fn what_is_kept_is_what_another_process_would_load() {
    let db = TestDb::new().await;
    let stores = [open(&db.pool).await, open(&db.pool).await];
    let groups = [id(), id()];
    for (n, group) in groups.iter().enumerate() {
        command::<Group>(&stores[0], *group, create_group(&format!("group {n}"))).await.unwrap();
    }
    for n in 0..100 {
        let (store, group) = (rand::rng().random_range(0..2), rand::rng().random_range(0..2));
        let member = UserId(id());
        let change = match rand::rng().random_range(0..3) {
            0 => rename(format!("name {n}")),
            1 => {
                GroupCommand::Change { name: None, description: None, members: Some(vec![member]) }
            }
            _ => GroupCommand::AddMember(member),
        };
        command::<Group>(&stores[store], groups[group], change).await.unwrap();
        if n % 4 == 0 {
            for group in groups {
                let whole = loaded(&open(&db.pool).await, group).await;
                for store in &stores {
                    assert_eq!(loaded(store, group).await, whole, "after change {n}");
                }
            }
        }
    }
    // Both decide on what the other one has appended: who was first, and nobody else, wins.
    let attempts =
        stores.iter().map(|store| command::<Group>(store, groups[0], rename("x".into())));
    for outcome in futures::future::join_all(attempts).await {
        assert!(matches!(outcome, Ok(_) | Err(AppendError::Sequence)), "{outcome:?}");
    }
}

/// As its superuser, who may do anything.
async fn rewrite(db: &TestDb, sql: &str, group: Uuid) {
    let mut superuser: PgConnection = db.superuser().await;
    superuser.execute("ALTER TABLE events DISABLE TRIGGER ALL").await.unwrap();
    let done = sqlx::query(sql).bind(group.to_string()).execute(&mut superuser).await.unwrap();
    assert!(done.rows_affected() > 0);
}

#[tokio::test]
async fn another_history_in_the_place_of_what_was_kept_is_noticed() {
    let db = TestDb::new().await;
    let store = open(&db.pool).await;
    let group = id();
    command::<Group>(&store, group, create_group("one")).await.unwrap();
    command::<Group>(&store, group, rename("two".into())).await.unwrap();
    command::<Group>(&store, group, rename("three".into())).await.unwrap();
    assert_eq!(loaded(&store, group).await.1, 3);
    // A database that was restored has lost the last event.
    rewrite(&db, "DELETE FROM events WHERE aggregate_id = $1 AND sequence = 3", group).await;
    let shorter = loaded(&store, group).await;
    assert_eq!(shorter, loaded(&open(&db.pool).await, group).await);
    assert_eq!(shorter.1, 2);
    // And another one has another event there, of another transaction.
    let other =
        "UPDATE events SET tx = tx - 1, payload = jsonb_set(payload::jsonb, '{name}', '\"2\"')
                 WHERE aggregate_id = $1 AND sequence = 2";
    rewrite(&db, other, group).await;
    let changed = loaded(&store, group).await;
    assert_eq!(changed, loaded(&open(&db.pool).await, group).await);
    assert_ne!(changed, shorter);
}

#[tokio::test]
async fn nothing_personal_is_kept() {
    let db = TestDb::new().await;
    let store = open(&db.pool).await;
    let ada = user(&store, "ada", Role::User).await;
    let name = async || store.load::<User>(ada.0).await.unwrap().state.username().clone();
    assert_eq!(name().await.get(), Some("ada"));
    let gone = "DELETE FROM data_key WHERE user_id = $1";
    sqlx::query(gone).bind(ada.0).execute(&db.owner_pool).await.unwrap();
    assert_eq!(name().await.get(), None);
}
