//! What is appended is there, whole, and stays.

use async_trait::async_trait;
use nexavpn_domain::{
    DomainError,
    group::{Group, GroupCommand},
    user::User,
    values::Role,
};
use nexavpn_store::{AppendError, Options, SideRow, SideRowError, Stream};
use nexavpn_tests::harness::TestDb;
use sqlx::PgConnection;

use super::{
    append, command, create_group, create_user, decided, group, id, open, open_with, sql_code,
};

#[tokio::test]
async fn what_was_appended_is_loaded() {
    let db = TestDb::new().await;
    let store = open(&db.pool).await;
    let group = id();
    command::<Group>(&store, group, create_group("staff")).await.unwrap();
    let change = GroupCommand::Change {
        name: Some("crew".into()),
        description: Some("all".into()),
        members: None,
    };
    command::<Group>(&store, group, change).await.unwrap();
    let loaded = store.load::<Group>(group).await.unwrap();
    assert!(loaded.state.exists());
    let stored: i64 =
        sqlx::query_scalar("SELECT max(sequence) FROM events").fetch_one(&db.pool).await.unwrap();
    assert_eq!(loaded.sequence, u64::try_from(stored).unwrap());
    assert_eq!(store.load::<Group>(id()).await.unwrap().sequence, 0);
}

#[tokio::test]
async fn a_stale_decision_is_refused() {
    for coalesce in [true, false] {
        let db = TestDb::new().await;
        let store = open_with(&db.pool, Options { coalesce, ..Options::default() }).await;
        let group = id();
        let first = decided::<Group>(&store, group, create_group("one")).await;
        let second = decided::<Group>(&store, group, create_group("two")).await;
        store.append(append(vec![first])).await.unwrap();
        let refused = store.append(append(vec![second])).await;
        assert!(matches!(refused, Err(AppendError::Sequence)), "{refused:?}");
        let left: i64 = sqlx::query_scalar("SELECT count(*) FROM claims WHERE kind = 'group_name'")
            .fetch_one(&db.pool)
            .await
            .unwrap();
        assert_eq!(left, 1);
    }
}

#[tokio::test]
async fn several_streams_are_one_transaction() {
    let db = TestDb::new().await;
    let store = open(&db.pool).await;
    let (user, one, two) = (id(), id(), id());
    let streams = vec![
        decided::<User>(&store, user, create_user("ann", Role::User)).await,
        decided::<Group>(&store, one, create_group("one")).await,
    ];
    store.append(append(streams)).await.unwrap();
    let streams = vec![
        decided::<Group>(&store, two, create_group("two")).await,
        decided::<Group>(&store, id(), create_group("One")).await,
    ];
    let refused = store.append(append(streams)).await;
    assert_eq!(super::conflict_code(&refused), "group_name_taken");
    assert!(!store.load::<Group>(two).await.unwrap().state.exists());
}

struct Row {
    refuse: bool,
}

#[async_trait]
impl SideRow for Row {
    async fn write(&self, conn: &mut PgConnection) -> Result<(), SideRowError> {
        sqlx::query("INSERT INTO sealed_secret (name, wrapped) VALUES ('beside', '')")
            .execute(conn)
            .await?;
        if self.refuse {
            return Err(DomainError::conflict("no", "no").into());
        }
        Ok(())
    }
}

#[tokio::test]
async fn side_rows_live_and_die_with_the_events() {
    let db = TestDb::new().await;
    let store = open(&db.pool).await;
    let rows = "SELECT count(*) FROM sealed_secret WHERE name = 'beside'";
    let group = id();
    let stream = || async { decided::<Group>(&store, group, create_group("g")).await };
    let refused = store.append(append(vec![stream().await]).with_row(Row { refuse: true })).await;
    assert!(matches!(refused, Err(AppendError::Refused(_))), "{refused:?}");
    assert_eq!(sqlx::query_scalar::<_, i64>(rows).fetch_one(&db.pool).await.unwrap(), 0);
    assert!(!store.load::<Group>(group).await.unwrap().state.exists());

    store.append(append(vec![stream().await]).with_row(Row { refuse: false })).await.unwrap();
    assert_eq!(sqlx::query_scalar::<_, i64>(rows).fetch_one(&db.pool).await.unwrap(), 1);

    let stale = Stream::new::<Group>(group, 0, store_events());
    let refused = store.append(append(vec![stale]).with_row(Row { refuse: false })).await;
    assert!(matches!(refused, Err(AppendError::Sequence)), "{refused:?}");
}

fn store_events() -> Vec<nexavpn_domain::group::GroupEvent> {
    Group::default().decide(create_group("again")).unwrap()
}

#[tokio::test]
async fn one_commands_fault_does_not_touch_its_neighbours() {
    let db = TestDb::new().await;
    // One committer: all that comes while it works becomes one batch.
    let store = open_with(&db.pool, Options { committers: 1, ..Options::default() }).await;
    group(&store, "taken").await.unwrap();
    let attempts = (0..64).map(|n| {
        let store = store.clone();
        tokio::spawn(async move {
            let name = if n % 8 == 0 { "taken".to_owned() } else { format!("group {n}") };
            group(&store, &name).await
        })
    });
    let mut refused = 0;
    for attempt in futures::future::join_all(attempts).await {
        let result = attempt.unwrap();
        if result.is_err() {
            assert_eq!(super::conflict_code(&result), "group_name_taken");
            refused += 1;
        }
    }
    assert_eq!(refused, 8);
    // Those that wait while the first one is written share what follows.
    let sound = (0..8).map(|n| {
        let store = store.clone();
        tokio::spawn(async move { group(&store, &format!("sound {n}")).await })
    });
    for attempt in futures::future::join_all(sound).await {
        attempt.unwrap().unwrap();
    }
    let (events, shared): (i64, i64) =
        sqlx::query_as("SELECT count(*), count(*) - count(DISTINCT tx) FROM events")
            .fetch_one(&db.pool)
            .await
            .unwrap();
    assert_eq!(events, 1 + 56 + 8);
    assert!(shared > 0, "some appends shared a transaction");
}

#[tokio::test]
async fn events_are_append_only_even_for_their_owner() {
    let db = TestDb::new().await;
    let store = open(&db.pool).await;
    group(&store, "g").await.unwrap();
    let attacks = [
        "UPDATE events SET payload = '{}'",
        "DELETE FROM events",
        "TRUNCATE events",
        "DELETE FROM events WHERE false",
    ];
    for attack in attacks {
        let by_owner = sqlx::query(attack).execute(&db.owner_pool).await.unwrap_err();
        assert_eq!(sql_code(&by_owner), "NX001", "{attack}");
        let by_server = sqlx::query(attack).execute(&db.pool).await.unwrap_err();
        assert_eq!(sql_code(&by_server), "42501", "{attack}");
    }
    let mut superuser = db.superuser().await;
    sqlx::query("SET session_replication_role = replica").execute(&mut superuser).await.unwrap();
    let by_superuser = sqlx::query("DELETE FROM events").execute(&mut superuser).await.unwrap_err();
    assert_eq!(sql_code(&by_superuser), "NX001");
}

#[tokio::test]
async fn the_servers_role_cannot_forge_an_events_place_in_history() {
    let db = TestDb::new().await;
    let store = open(&db.pool).await;
    for (column, value) in [("tx", "1"), ("gen", "0"), ("recorded_at", "now()")] {
        let forged = format!(
            "INSERT INTO events (aggregate_type, aggregate_id, sequence, event_type,
                                 event_version, payload, metadata, {column})
             VALUES ('group', 'x', 1, 'group.created', '1.0', '{{}}', '{{}}', {value})"
        );
        let refused = sqlx::query(&forged).execute(&db.pool).await.unwrap_err();
        assert_eq!(sql_code(&refused), "42501");
    }
    let accepted = sqlx::query("UPDATE store_meta SET gen = 2").execute(&db.pool).await;
    assert_eq!(sql_code(&accepted.unwrap_err()), "42501");
    assert!(!store.could_alter_events().await.unwrap());
    assert!(open(&db.owner_pool).await.could_alter_events().await.unwrap());
}
