//! What gateways report about their bundles.

use nexavpn_bundle::{Applied, Rejected};
use nexavpn_domain::ids::GatewayId;
use nexavpn_gateway_projector::{Convergence, Outcome, PublishError, ReportError};
use uuid::Uuid;

use super::{World, later, now, report};

#[tokio::test]
async fn convergence_follows_what_the_gateway_reports() {
    let world = World::new().await;
    let gateway = world.gateway(0).await;
    let reports = &world.one.reports;
    assert_eq!(reports.convergence(gateway, now()).await.unwrap(), Convergence::NeverJoined);

    let first = world.one.bundle(gateway).await.unwrap();
    let accepted = reports.record_status(gateway, &report(Some(&first)), now()).await.unwrap();
    assert_eq!(accepted, Outcome::Accepted);
    assert_eq!(reports.convergence(gateway, now()).await.unwrap(), Convergence::InSync);

    world.set_mtu(gateway, 1300).await;
    let since = world.one.fleet.read(|fleet| fleet.gateway(gateway).unwrap().revised_at);
    world.set_mtu(gateway, 1301).await;
    let behind = Convergence::Behind { revisions: 2, since };
    assert_eq!(reports.convergence(gateway, later(1)).await.unwrap(), behind);

    let second = world.one.bundle(gateway).await.unwrap();
    let mut refusing = report(Some(&first));
    refusing.rejected = Some(Rejected {
        epoch: Some(second.epoch),
        revision: Some(second.revision),
        sha256: Some(second.sha256.clone()),
        reason_code: "apply_failed".to_owned(),
        reason: "nft said\nno".to_owned(),
    });
    reports.record_status(gateway, &refusing, later(2)).await.unwrap();
    let rejecting =
        Convergence::Rejecting { code: "apply_failed".into(), reason: "nft saidno".into() };
    assert_eq!(reports.convergence(gateway, later(3)).await.unwrap(), rejecting);

    reports.record_status(gateway, &report(Some(&second)), later(4)).await.unwrap();
    assert_eq!(reports.convergence(gateway, later(5)).await.unwrap(), Convergence::InSync);
    let silent = Convergence::Unreachable { since: later(4) };
    assert_eq!(reports.convergence(gateway, later(95)).await.unwrap(), silent);

    let known = reports.gateways(&[gateway, GatewayId(Uuid::nil())], later(5)).await.unwrap();
    assert_eq!(known.len(), 1);
    let known = &known[&gateway];
    assert_eq!(known.agent_version.as_deref(), Some("0.1.0"));
    assert_eq!(known.applied.as_ref().map(|applied| applied.revision), Some(second.revision));
    assert_eq!(known.last_report_at, Some(later(4)));
}

#[tokio::test]
async fn only_what_is_new_goes_on_record() {
    let world = World::new().await;
    let gateway = world.gateway(0).await;
    let first = world.one.bundle(gateway).await.unwrap();
    let mut refusing = report(Some(&first));
    refusing.rejected = Some(Rejected {
        epoch: None,
        revision: None,
        sha256: None,
        reason_code: "bad_signature".to_owned(),
        reason: "the signature does not fit the payload".to_owned(),
    });
    for seconds in 0..3 {
        world.one.reports.record_status(gateway, &refusing, later(seconds)).await.unwrap();
    }
    world.one.reports.record_status(gateway, &report(Some(&first)), later(4)).await.unwrap();
    let rows: Vec<(Option<i64>, bool, Option<String>)> = sqlx::query_as(
        "SELECT revision, applied_at IS NOT NULL, rejected_code FROM bundle_application ORDER BY id",
    )
    .fetch_all(&world.db.pool)
    .await
    .unwrap();
    let refused = (None, false, Some("bad_signature".to_owned()));
    assert_eq!(rows, [(Some(first.revision), true, None), refused]);
}

#[tokio::test]
async fn first_reports_that_come_at_the_same_time_are_one_entry() {
    let world = World::new().await;
    let gateway = world.gateway(0).await;
    let first = world.one.bundle(gateway).await.unwrap();
    let report = report(Some(&first));
    let reports = (0..8).map(|_| world.one.reports.record_status(gateway, &report, now()));
    for outcome in futures::future::join_all(reports).await {
        assert_eq!(outcome.unwrap(), Outcome::Accepted);
    }
    assert_eq!(world.count("bundle_application").await, 1);
}

#[tokio::test]
async fn a_history_that_the_gateway_knows_and_we_do_not_stops_publishing_to_it() {
    let world = World::new().await;
    let (gateway, other) = (world.gateway(0).await, world.gateway(1).await);
    let ours = world.one.bundle(gateway).await.unwrap();
    let of = |epoch, revision, sha256: &str| {
        let mut report = report(Some(&ours));
        report.applied = Some(Applied { epoch, revision, sha256: sha256.to_owned() });
        report
    };
    let foreign = "f".repeat(64);
    let lost = [
        of(ours.epoch, ours.revision + 100, &foreign),
        of(ours.epoch, ours.revision, &foreign),
        // Our revisions have risen past one that we never published.
        of(ours.epoch, 1, &foreign),
        of(ours.epoch + 50, 1, &foreign),
    ];
    for (seconds, report) in (0..).zip(&lost) {
        let outcome = world.one.reports.record_status(gateway, report, later(seconds)).await;
        assert_eq!(outcome.unwrap(), Outcome::HistoryLost, "{:?}", report.applied);
        let state = world.one.reports.convergence(gateway, later(seconds)).await.unwrap();
        assert_eq!(state, Convergence::HistoryLost);
        let refused = world.one.bundle(gateway).await.unwrap_err();
        assert!(matches!(refused, PublishError::HistoryLost), "{refused}");
    }
    world.one.bundle(other).await.unwrap();

    // The acceptance of a restore gives a higher epoch, and with it everything is newer.
    sqlx::query("UPDATE store_meta SET epoch = epoch + 100")
        .execute(&world.db.owner_pool)
        .await
        .unwrap();
    world.one.store.refresh_guard().await.unwrap();
    let accepted = world.one.verified(gateway).await;
    assert_eq!(accepted.position(), (ours.epoch + 100, ours.revision));
    let state = world.one.reports.convergence(gateway, later(4)).await.unwrap();
    assert!(matches!(state, Convergence::Behind { .. }), "{state:?}");
    let newest = world.one.bundle(gateway).await.unwrap();
    let outcome = world.one.reports.record_status(gateway, &report(Some(&newest)), later(5)).await;
    assert_eq!(outcome.unwrap(), Outcome::Accepted);
    assert_eq!(
        world.one.reports.convergence(gateway, later(5)).await.unwrap(),
        Convergence::InSync
    );
}

#[tokio::test]
async fn a_report_that_cannot_be_right_is_refused() {
    let world = World::new().await;
    let gateway = world.gateway(0).await;
    let bundle = world.one.bundle(gateway).await.unwrap();
    let changed = |change: fn(&mut nexavpn_bundle::StatusReport)| {
        let mut report = report(Some(&bundle));
        change(&mut report);
        report
    };
    let wrong = [
        ("reported_at", changed(|r| r.reported_at = "yesterday".to_owned())),
        ("applied.sha256", changed(|r| r.applied.as_mut().unwrap().sha256 = "x".to_owned())),
        ("applied.revision", changed(|r| r.applied.as_mut().unwrap().revision = -1)),
    ];
    for (field, report) in wrong {
        let refused = world.one.reports.record_status(gateway, &report, now()).await.unwrap_err();
        assert!(
            matches!(refused, ReportError::Invalid { field: f, .. } if f == field),
            "{refused}"
        );
    }
    let nobody = GatewayId(Uuid::nil());
    let refused = world.one.reports.record_status(nobody, &report(None), now()).await.unwrap_err();
    assert!(matches!(refused, ReportError::UnknownGateway), "{refused}");
    assert_eq!(world.count("gateway_status").await, 0);
    assert_eq!(world.count("bundle_application").await, 0);
}
