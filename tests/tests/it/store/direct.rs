//! Connections for what every request asks.

use std::time::Duration;

use futures::{StreamExt as _, stream};
use nexavpn_store::Direct;
use nexavpn_tests::harness::TestDb;
use sqlx::postgres::PgConnectOptions;

fn direct(db: &TestDb, most: usize) -> Direct {
    Direct::new(PgConnectOptions::clone(&db.pool.connect_options()), most)
}

async fn backend(direct: &Direct) -> Result<i32, sqlx::Error> {
    sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(direct).await
}

#[tokio::test]
async fn the_one_used_last_is_used_next() {
    let db = TestDb::new().await;
    let direct = direct(&db, 4);
    let many = stream::iter(0..4).map(|_| async {
        sqlx::query("SELECT pg_sleep(0.2)").execute(&direct).await.unwrap();
    });
    many.buffer_unordered(4).collect::<Vec<_>>().await;
    let first = backend(&direct).await.unwrap();
    for _ in 0..20 {
        assert_eq!(backend(&direct).await.unwrap(), first);
    }
}

#[tokio::test]
async fn there_are_never_more_than_agreed() {
    let db = TestDb::new().await;
    let direct = direct(&db, 2);
    let backends = stream::iter(0..40).map(|_| async {
        let sql = "SELECT pg_backend_pid() FROM pg_sleep(0.01)";
        sqlx::query_scalar::<_, i32>(sql).fetch_one(&direct).await.unwrap()
    });
    let mut backends: Vec<i32> = backends.buffer_unordered(40).collect().await;
    backends.sort_unstable();
    backends.dedup();
    assert!(backends.len() <= 2, "{backends:?}");
}

#[tokio::test]
async fn a_refusal_costs_no_connection_and_an_end_no_more_than_one_answer() {
    let db = TestDb::new().await;
    let direct = direct(&db, 1);
    let first = backend(&direct).await.unwrap();
    for _ in 0..3 {
        let refused = sqlx::query("SELECT 1 / 0").execute(&direct).await;
        assert!(matches!(refused, Err(sqlx::Error::Database(_))), "{refused:?}");
    }
    assert_eq!(backend(&direct).await.unwrap(), first);

    let end = "SELECT pg_terminate_backend($1, 10000)";
    sqlx::query(end).bind(first).execute(&mut db.superuser().await).await.unwrap();
    // It was used a moment ago, so that nobody asks it how it is.
    let _ = backend(&direct).await;
    assert_ne!(backend(&direct).await.unwrap(), first);
}

#[tokio::test]
async fn whoever_goes_away_leaves_no_half_answer_to_the_next() {
    let db = TestDb::new().await;
    let direct = direct(&db, 1);
    let slow = sqlx::query_scalar::<_, i32>("SELECT 1 FROM pg_sleep(30)").fetch_one(&direct);
    assert!(tokio::time::timeout(Duration::from_millis(50), slow).await.is_err());
    let two: i32 = sqlx::query_scalar("SELECT 2").fetch_one(&direct).await.unwrap();
    assert_eq!(two, 2);
}

/// A bitmap goes back to all rows that were ever free. PostgreSQL would choose one here: what is free at
/// one of two gateways is spread over the whole table.
#[tokio::test]
async fn indexes_are_read_in_their_order() {
    let db = TestDb::new().await;
    let sql = "INSERT INTO ip_slot (gateway_id, slot, held_by)
               SELECT (ARRAY[$1, gen_random_uuid()])[1 + n % 2], n,
                      CASE WHEN n < 19000 THEN gen_random_uuid() END
               FROM generate_series(2, 19300) n ORDER BY hashint4(n)";
    let gateway = uuid::Uuid::from_u128(1);
    sqlx::query(sql).bind(gateway).execute(&db.pool).await.unwrap();
    let mut owner = db.superuser().await;
    sqlx::query("ANALYZE ip_slot").execute(&mut owner).await.unwrap();
    let free = "EXPLAIN SELECT slot FROM ip_slot
                WHERE gateway_id = $1 AND held_by IS NULL AND reserved_until IS NULL
                ORDER BY slot LIMIT 200";
    let plan = sqlx::query_scalar::<_, String>(free).bind(gateway);
    let plan = plan.fetch_all(&direct(&db, 1)).await.unwrap().join("\n");
    assert!(plan.contains("Index Scan using ip_slot_free"), "{plan}");
}
