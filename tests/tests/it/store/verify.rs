//! What is kept beside the events is what they say, and a difference is found.

use nexavpn_domain::values::Role;
use nexavpn_store::{Report, Store, verify};
use nexavpn_tests::harness::TestDb;
use uuid::Uuid;

use super::{enrol, gateway, open, pool_of, user};

async fn problems(db: &TestDb, store: &Store, manipulation: &str) -> Vec<String> {
    sqlx::raw_sql(manipulation).execute(&db.pool).await.unwrap();
    let Report { problems, .. } = verify(&db.pool, store.keyring()).await.unwrap();
    problems
}

#[tokio::test]
async fn every_manipulation_is_found() {
    let db = TestDb::new().await;
    let store = open(&db.pool).await;
    let pool = pool_of("100.96.0.0/24", Some("fd00::/64"));
    let there = gateway(&store, "g", pool).await;
    let ann = user(&store, "ann", Role::Admin).await;
    let device = enrol(&store, ann, "laptop", there, pool).await;
    store.sequence_once().await.unwrap();
    let report = verify(&db.pool, store.keyring()).await.unwrap();
    assert_eq!(report, Report { events: 3, problems: vec![] });

    // Each manipulation is undone by the one after it.
    let manipulations = [
        ("UPDATE claims SET key = 'x' WHERE kind = 'username'", 2),
        ("DELETE FROM claims WHERE kind = 'username'", 1),
    ];
    for (manipulation, n) in manipulations {
        let found = problems(&db, &store, manipulation).await;
        assert_eq!(found.len(), n, "{found:?}");
        assert!(found.iter().all(|p| p.contains(&format!("user {ann}"))), "{found:?}");
        assert!(found.iter().all(|p| p.contains("username")), "{found:?}");
    }
    let restored = store.keyring().claims_hmac(nexavpn_domain::ClaimKind::Username, "ann");
    let restore = format!("INSERT INTO claims VALUES ('username', '{restored}', 'user', '{ann}')");
    assert_eq!(problems(&db, &store, &restore).await, Vec::<String>::new());

    let stray = Uuid::nil();
    let manipulations = [
        ("UPDATE ip_slot SET slot = 1002 WHERE slot = 2".to_owned(), device.to_string()),
        ("UPDATE ip_slot SET held_by = NULL".to_owned(), device.to_string()),
        (
            format!(
                "UPDATE ip_slot SET held_by = '{device}' WHERE slot = 1002; \
                 INSERT INTO ip_slot (gateway_id, slot, held_by) VALUES ('{there}', 3, '{stray}')"
            ),
            stray.to_string(),
        ),
        (
            "UPDATE ip_slot SET held_by = NULL WHERE slot = 3; \
             DELETE FROM pool_claims WHERE family(network) = 6"
                .to_owned(),
            there.to_string(),
        ),
        (
            "UPDATE log_index SET effective_time = effective_time + interval '1 s' WHERE idx = 2"
                .to_owned(),
            "takes effect".to_owned(),
        ),
        ("DELETE FROM log_index WHERE idx = 2".to_owned(), "has number 3".to_owned()),
    ];
    for (manipulation, named) in manipulations {
        let found = problems(&db, &store, &manipulation).await;
        assert!(found.iter().any(|p| p.contains(&named)), "{manipulation}: {found:?}");
    }
}
