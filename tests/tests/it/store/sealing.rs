//! Personal data cannot be read without its keys, and not at all once they are destroyed.

use nexavpn_domain::{
    Event,
    device::{Device, DeviceCommand},
    user::{User, UserCommand, UserEvent},
    values::Role,
};
use nexavpn_store::{Actor, KeyError, Keyring, MasterKey, Metadata, Recorded, Store, verify};
use nexavpn_tests::harness::{TestDb, WIDE, poll_until};

use super::{
    MASTER, append, command, create_user, decided, enrol, gateway, id, open, pool_of, user,
};

/// Every table's text, for a search.
async fn everything(db: &TestDb) -> String {
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT format('%I', tablename) FROM pg_tables WHERE schemaname = 'public'",
    )
    .fetch_all(&db.pool)
    .await
    .unwrap();
    let mut text = String::new();
    for table in tables {
        let rows: Vec<String> = sqlx::query_scalar(&format!("SELECT t::text FROM {table} t"))
            .fetch_all(&db.pool)
            .await
            .unwrap();
        text.extend(rows);
    }
    text
}

async fn read(store: &Store) -> Vec<Recorded> {
    poll_until(WIDE, || async {
        store.sequence_once().await.unwrap();
        let all: i64 = sqlx::query_scalar("SELECT count(*) FROM events")
            .fetch_one(store.pool())
            .await
            .unwrap();
        store.head().borrow().idx == all
    })
    .await;
    store.log().read(0, 1000).await.unwrap()
}

fn from_ann(actor: Actor) -> Metadata {
    Metadata {
        actor,
        request_id: id(),
        correlation_id: id(),
        client_address: Some("203.0.113.77".parse().unwrap()),
        user_agent: Some("agent-marker".into()),
        auth_method: Some("password".into()),
        reason: Some("reason-marker".into()),
    }
}

#[tokio::test]
async fn nothing_personal_is_in_any_table_and_all_of_it_can_be_read() {
    let db = TestDb::new().await;
    let store = open(&db.pool).await;
    let pool = pool_of("100.96.0.0/24", None);
    let there = gateway(&store, "g", pool).await;
    let ann = user(&store, "ann-marker", Role::User).await;
    let device = enrol(&store, ann, "laptop-marker", there, pool).await;
    let revoke = DeviceCommand::Revoke { reason: Some("revoke-marker".into()) };
    let mut revoked = append(vec![decided::<Device>(&store, device.0, revoke).await]);
    revoked.metadata = from_ann(Actor::User(ann));
    store.append(revoked).await.unwrap();

    let raw = everything(&db).await;
    assert!(!raw.contains("marker"), "{raw}");
    assert!(!raw.contains("203.0.113.77"));

    let events = read(&store).await;
    assert_eq!(events[1].payload["username"], "ann-marker");
    assert_eq!(events[1].payload["email"], "ann-marker@example.org");
    assert_eq!(events[2].payload["name"], "laptop-marker");
    assert_eq!(events[2].payload["fingerprint"], "fingerprint-marker");
    assert_eq!(events[3].payload["reason"], "revoke-marker");
    let metadata = &events[3].metadata;
    assert_eq!(metadata["client_address"], "203.0.113.77");
    assert_eq!(metadata["user_agent"], "agent-marker");
    assert_eq!(metadata["reason"], "reason-marker");
    assert_eq!(metadata["actor_id"], ann.to_string());
    let loaded = store.load::<User>(ann.0).await.unwrap();
    assert_eq!(loaded.state.username().get(), Some("ann-marker"));
}

#[tokio::test]
async fn the_anonymous_leave_no_address() {
    let db = TestDb::new().await;
    let store = open(&db.pool).await;
    let mut anonymous =
        append(vec![decided::<User>(&store, id(), create_user("ann", Role::User)).await]);
    anonymous.metadata = Metadata { reason: None, ..from_ann(Actor::Anonymous) };
    store.append(anonymous).await.unwrap();
    let events = read(&store).await;
    assert!(!events[0].metadata.contains_key("client_address"));
    assert!(!events[0].metadata.contains_key("user_agent"));
    assert_eq!(events[0].metadata["actor_type"], "anonymous");
}

#[tokio::test]
async fn the_erased_cannot_be_read_and_get_no_new_key() {
    let db = TestDb::new().await;
    let store = open(&db.pool).await;
    let admin = user(&store, "admin", Role::Admin).await;
    let ann = user(&store, "ann", Role::User).await;
    // Loaded before the erasure, appended after it.
    let mut late = append(vec![]);
    late.metadata = from_ann(Actor::User(ann));
    let mut erase = append(vec![decided::<User>(&store, ann.0, UserCommand::Erase).await]);
    erase.metadata = from_ann(Actor::User(admin));
    erase.forget.push(ann);
    store.append(erase).await.unwrap();
    let password = UserCommand::SetPassword { must_change_password: false };
    late.streams.push(decided::<User>(&store, admin.0, password).await);
    store.append(late).await.unwrap();

    let events = read(&store).await;
    let Ok(Event::User(_, UserEvent::Created { username, email, .. })) = &events[1].event else {
        panic!("{:?}", events[1].event);
    };
    assert_eq!((username.get(), email), (None, &None));
    assert!(events[1].payload["username"].is_null());
    assert_eq!(events[2].metadata["client_address"], "203.0.113.77", "the admin's own");
    assert!(!events[2].metadata.contains_key("reason"), "the subject's");
    assert!(!events[3].metadata.contains_key("client_address"));
    let keys: i64 =
        sqlx::query_scalar("SELECT count(*) FROM data_key").fetch_one(&db.pool).await.unwrap();
    assert_eq!(keys, 1);
    assert!(!store.load::<User>(ann.0).await.unwrap().state.exists());
    assert!(verify(&db.pool, store.keyring()).await.unwrap().is_clean());
    user(&store, "ann", Role::User).await;
}

#[tokio::test]
async fn a_sealed_value_opens_only_where_it_was_sealed() {
    let db = TestDb::new().await;
    let store = open(&db.pool).await;
    let ann = user(&store, "ann", Role::User).await;
    // Somebody with the owner's role copies Ann's name into another event of hers.
    sqlx::query(
        "INSERT INTO events (aggregate_type, aggregate_id, sequence, event_type, event_version,
                             payload, metadata)
         SELECT aggregate_type, aggregate_id, 2, 'user.renamed', '1.0',
                json_build_object('type', 'user.renamed', 'username', payload->'username'), '{}'
         FROM events",
    )
    .execute(&db.owner_pool)
    .await
    .unwrap();
    let events = read(&store).await;
    assert!(events[0].event.is_ok());
    let damaged = events[1].event.as_ref().unwrap_err();
    assert!(damaged.reason.contains("username"), "{damaged}");
    assert!(store.load::<User>(ann.0).await.is_err());
}

#[tokio::test]
async fn an_event_of_a_later_version_is_shown_but_not_understood() {
    let db = TestDb::new().await;
    let store = open(&db.pool).await;
    let later = id();
    sqlx::query(
        "INSERT INTO events (aggregate_type, aggregate_id, sequence, event_type, event_version,
                             payload, metadata)
         VALUES ('user', $1, 1, 'user.disabled', '2.0', '{\"type\": \"user.disabled\"}', '{}')",
    )
    .bind(later.to_string())
    .execute(&db.owner_pool)
    .await
    .unwrap();
    let events = read(&store).await;
    assert_eq!(events[0].payload["type"], "user.disabled");
    assert!(events[0].event.is_err());
    assert!(store.load::<User>(later).await.is_err());
}

#[tokio::test]
async fn the_wrong_master_key_is_refused_and_the_right_one_can_be_changed() {
    let db = TestDb::new().await;
    let store = open(&db.pool).await;
    let ann = user(&store, "ann", Role::User).await;
    store.keyring().seal_secret("jwt", b"signing").await.unwrap();
    let opened = |key: [u8; 32]| Keyring::open(db.pool.clone(), MasterKey::from_bytes(key));
    let wrong = opened([8; 32]).await;
    assert!(matches!(wrong, Err(KeyError::WrongMasterKey)), "{wrong:?}");

    store.keyring().rewrap(MasterKey::from_bytes([8; 32])).await.unwrap();
    let old = opened(MASTER).await;
    assert!(matches!(old, Err(KeyError::WrongMasterKey)), "{old:?}");
    let keyring = opened([8; 32]).await.unwrap();
    assert_eq!(keyring.open_secret("jwt").await.unwrap().as_deref(), Some(&b"signing"[..]));
    assert_eq!(keyring.secret_or("jwt", b"other").await.unwrap(), b"signing");
    assert_eq!(keyring.open_secret("none").await.unwrap(), None);
    let store = Store::open(db.pool.clone(), keyring, Default::default()).await.unwrap();
    let loaded = store.load::<User>(ann.0).await.unwrap();
    assert_eq!(loaded.state.username().get(), Some("ann"));
    let taken = command::<User>(&store, id(), create_user("ANN", Role::User)).await;
    assert_eq!(super::conflict_code(&taken), "username_taken", "claims have not changed");
}

#[test]
fn the_master_keys_file_is_made_once_and_only_for_its_owner() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("master.key");
    assert!(MasterKey::read(&path).is_err());
    MasterKey::read_or_create(&path).unwrap();
    let made = std::fs::read_to_string(&path).unwrap();
    MasterKey::read_or_create(&path).unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), made);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let open = MasterKey::read(&path).unwrap_err().to_string();
    assert!(open.contains("0600"), "{open}");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::write(&path, "too short").unwrap();
    assert!(MasterKey::read(&path).is_err());
}
