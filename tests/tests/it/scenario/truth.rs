//! What must hold after anything.

use nexavpn_projections::{REGISTRY, compare};
use nexavpn_store::{Keyring, MasterKey, Options, Store, verify};
use nexavpn_tests::harness::{MASTER_KEY, OwnServer, WIDE, poll_until};
use sqlx::PgPool;

/// Rows that belong to a living aggregate and have none, and the other way round: a command of
/// which only a part is there.
const HALVES: [(&str, &str); 8] = [
    (
        "accounts",
        "SELECT count(*) FROM (
             SELECT aggregate_id AS id FROM events WHERE event_type = 'user.created'
             EXCEPT SELECT aggregate_id FROM events
             WHERE event_type IN ('user.deleted', 'user.erased')) e
         FULL JOIN account a ON a.user_id::text = e.id WHERE e.id IS NULL OR a.user_id IS NULL",
    ),
    (
        "devices",
        "SELECT count(*) FROM (
             SELECT aggregate_id AS id FROM events WHERE event_type = 'device.enrolled'
             EXCEPT SELECT aggregate_id FROM events WHERE event_type = 'device.revoked') e
         FULL JOIN device_index d ON d.device_id::text = e.id
         WHERE e.id IS NULL OR d.device_id IS NULL",
    ),
    (
        "sessions",
        "SELECT count(*) FROM (
             SELECT aggregate_id AS id FROM events WHERE event_type = 'session.started'
             EXCEPT SELECT aggregate_id FROM events
             WHERE event_type IN ('session.ended', 'session.token_reused')) e
         FULL JOIN session s ON s.session_id::text = e.id
         WHERE e.id IS NULL OR s.session_id IS NULL",
    ),
    (
        "roles and states",
        "SELECT count(*) FROM account a JOIN read.users u ON u.id = a.user_id
         WHERE (a.role, a.enabled) IS DISTINCT FROM (u.role, u.enabled)",
    ),
    (
        "drained gateways",
        "SELECT count(*) FROM (
             SELECT DISTINCT ON (aggregate_id) aggregate_id AS id, event_type FROM events
             WHERE event_type IN ('gateway.drain_started', 'gateway.drain_ended',
                                  'gateway.deleted')
             ORDER BY aggregate_id, sequence DESC) e
         FULL JOIN gateway_drain d ON d.gateway_id::text = e.id
         WHERE (e.event_type IS NOT DISTINCT FROM 'gateway.drain_started')
               IS DISTINCT FROM (d.gateway_id IS NOT NULL)",
    ),
    (
        "gateways of devices",
        "SELECT count(*) FROM device_index i LEFT JOIN read.devices d ON d.id = i.device_id
         WHERE i.gateway_id IS DISTINCT FROM d.gateway_id",
    ),
    (
        "owners of devices",
        "SELECT count(*) FROM device_index d WHERE NOT EXISTS (
             SELECT FROM account a WHERE a.user_id = d.user_id)",
    ),
    (
        "data keys",
        "SELECT count(*) FROM (
             SELECT aggregate_id AS id FROM events WHERE event_type = 'user.created'
             EXCEPT SELECT aggregate_id FROM events WHERE event_type = 'user.erased') e
         FULL JOIN data_key k ON k.user_id::text = e.id WHERE e.id IS NULL OR k.user_id IS NULL",
    ),
];

/// Once everything is folded: the order is dense, claims and slots are those of the events,
/// every read model has every event exactly once, and no command is half there.
pub async fn assert_whole(db: &OwnServer) {
    let (pool, owner) = (db.pool(), db.owner_pool());
    folded(&pool).await;
    let keyring = Keyring::open(pool.clone(), MasterKey::from_bytes(MASTER_KEY)).await.unwrap();
    let store = Store::open(pool.clone(), keyring, Options::default()).await.unwrap();
    let report = verify(&pool, store.keyring()).await.unwrap();
    assert_eq!(report.problems, Vec::<String>::new());
    for projection in REGISTRY {
        let differences = compare(&owner, &store.log(), projection.name()).await.unwrap();
        assert!(differences.is_empty(), "{}: {differences:#?}", projection.name());
    }
    let (numbers, last, entries): (i64, i64, i64) = sqlx::query_as(
        "SELECT (SELECT count(*) FROM log_index), (SELECT max(idx) FROM log_index),
                (SELECT count(*) FROM read.audit_log)",
    )
    .fetch_one(&pool)
    .await
    .unwrap();
    let events = i64::try_from(report.events).unwrap();
    assert_eq!((numbers, last, entries), (events, events, events));
    for (what, sql) in HALVES {
        let halves: i64 = sqlx::query_scalar(sql).fetch_one(&pool).await.unwrap();
        assert_eq!(halves, 0, "{what}");
    }
    pool.close().await;
    owner.close().await;
}

/// Until the log has every event and every read model has the log.
async fn folded(pool: &PgPool) {
    poll_until(WIDE, || async {
        let behind: Result<bool, _> = sqlx::query_scalar(
            "SELECT EXISTS (SELECT FROM read.projection_checkpoint
                            WHERE idx < (SELECT count(*) FROM events))",
        )
        .fetch_one(pool)
        .await;
        matches!(behind, Ok(false))
    })
    .await;
}
