//! What is not published, and not altered.

use nexavpn_gateway_projector::{FleetStatus, PublishError, SigningError, Waited};
use nexavpn_tests::harness::poll_until;

use super::{Process, World, now, soon};

#[tokio::test]
async fn an_unknown_event_stops_publishing_and_says_so() {
    let world = World::new().await;
    let gateway = world.gateway(0).await;
    world.one.bundle(gateway).await.unwrap();
    let last = world.one.fleet.idx();
    sqlx::query(
        "INSERT INTO events (aggregate_type, aggregate_id, sequence, event_type, event_version,
                             payload, metadata)
         VALUES ('gateway', $1, 99, 'gateway.quarantined', '1.0',
                 '{\"type\": \"gateway.quarantined\"}', '{}')",
    )
    .bind(gateway.to_string())
    .execute(&world.db.pool)
    .await
    .unwrap();

    let fleet = &world.one.fleet;
    poll_until(nexavpn_tests::harness::WIDE, || async {
        matches!(fleet.status(), FleetStatus::Stopped { .. })
    })
    .await;
    let FleetStatus::Stopped { reason } = fleet.status() else { panic!("stopped") };
    assert!(reason.contains(&format!("event {}", last + 1)), "{reason}");
    let refused = world.one.bundle(gateway).await.unwrap_err();
    assert!(matches!(refused, PublishError::Stopped { .. }), "{refused}");
    assert_eq!(fleet.wait_for(last + 1, soon()).await, Waited::NotLive);
    assert_eq!(fleet.idx(), last);
    assert!(fleet.fleet_at(last + 1).await.is_err());
    assert!(fleet.fleet_at(last).await.is_ok(), "the past before it can be read");
}

#[tokio::test]
async fn without_a_key_there_is_no_bundle() {
    let world = World::unsigned().await;
    let gateway = world.gateway(0).await;
    let refused = world.one.bundle(gateway).await.unwrap_err();
    assert!(matches!(refused, PublishError::NoSigningKey), "{refused}");

    // A start that was cut short after sealing finds the same key, whatever it draws.
    let first = world.one.keys.ensure(None, &[1; 32]).await.unwrap();
    let again = world.one.keys.ensure(None, &[2; 32]).await.unwrap();
    assert_eq!(first, again);
    world.introduce(first.unwrap()).await;
    world.one.verified(gateway).await;
    let named = world.one.fleet.read(|fleet| fleet.signing_key().map(str::to_owned));
    assert_eq!(world.one.keys.ensure(named.as_deref(), &[3; 32]).await.unwrap(), None);
}

#[tokio::test]
async fn a_lost_private_key_is_named_and_not_replaced() {
    let world = World::new().await;
    let gateway = world.gateway(0).await;
    let named = world.one.fleet.read(|fleet| fleet.signing_key().map(str::to_owned)).unwrap();
    sqlx::query("DELETE FROM sealed_secret WHERE name = 'bundle_signing_key'")
        .execute(&world.db.pool)
        .await
        .unwrap();
    let restarted = Process::start(&world.db).await;
    restarted.caught_up(world.one.fleet.idx()).await;

    let ensured = restarted.keys.ensure(Some(&named), &[4; 32]).await.unwrap_err();
    assert!(matches!(&ensured, SigningError::Missing { key_id } if *key_id == named), "{ensured}");
    let refused = restarted.bundle(gateway).await.unwrap_err();
    assert!(matches!(refused, PublishError::Signing(SigningError::Missing { .. })), "{refused}");

    // Another key under its name is not taken for it either.
    restarted.store.keyring().seal_secret("bundle_signing_key", &[5; 32]).await.unwrap();
    let refused = restarted.bundle(gateway).await.unwrap_err();
    assert!(matches!(refused, PublishError::Signing(SigningError::Missing { .. })), "{refused}");
    assert_eq!(world.count("bundle_publication").await, 0);
}

#[tokio::test]
async fn other_bytes_under_a_published_revision_are_refused() {
    let world = World::new().await;
    let gateway = world.gateway(0).await;
    let revision = world.one.fleet.read(|fleet| fleet.gateway(gateway).unwrap().revision);
    sqlx::query("INSERT INTO bundle_publication VALUES ($1, $2, $3, $4, $5)")
        .bind(gateway.0)
        .bind(world.one.store.epoch())
        .bind(revision)
        .bind("0".repeat(64))
        .bind(now())
        .execute(&world.db.pool)
        .await
        .unwrap();
    let refused = world.one.bundle(gateway).await.unwrap_err();
    assert!(
        matches!(refused, PublishError::Contradiction { revision: r, .. } if r == revision),
        "{refused}"
    );
}

#[tokio::test]
async fn a_restored_database_publishes_nothing_before_it_is_accepted() {
    let world = World::new().await;
    let gateway = world.gateway(0).await;
    world.one.bundle(gateway).await.unwrap();
    sqlx::query("UPDATE store_meta SET system_identifier = system_identifier - 1")
        .execute(&world.db.owner_pool)
        .await
        .unwrap();
    world.one.store.refresh_guard().await.unwrap();
    let refused = world.one.bundle(gateway).await.unwrap_err();
    assert!(matches!(refused, PublishError::NotAccepted { .. }), "{refused}");
}

#[tokio::test]
async fn a_stopped_fleet_publishes_nothing() {
    let world = World::new().await;
    let gateway = world.gateway(0).await;
    world.one.bundle(gateway).await.unwrap();
    world.one.fleet.stop();
    let fleet = &world.one.fleet;
    poll_until(nexavpn_tests::harness::WIDE, || async {
        matches!(fleet.status(), FleetStatus::Stopped { .. })
    })
    .await;
    let refused = world.one.bundle(gateway).await.unwrap_err();
    assert!(matches!(refused, PublishError::Stopped { .. }), "{refused}");
}

#[tokio::test]
async fn records_of_bundles_cannot_be_altered_by_anyone() {
    let world = World::new().await;
    let gateway = world.gateway(0).await;
    let published = world.one.bundle(gateway).await.unwrap();
    let report = super::report(Some(&published));
    world.one.reports.record_status(gateway, &report, now()).await.unwrap();
    for table in ["bundle_publication", "bundle_application"] {
        assert_eq!(world.count(table).await, 1);
        for pool in [&world.db.pool, &world.db.owner_pool] {
            for change in [
                format!("UPDATE {table} SET revision = 1"),
                format!("DELETE FROM {table}"),
                format!("TRUNCATE {table}"),
            ] {
                assert!(sqlx::query(&change).execute(pool).await.is_err(), "{change}");
            }
        }
        assert_eq!(world.count(table).await, 1);
    }
}
