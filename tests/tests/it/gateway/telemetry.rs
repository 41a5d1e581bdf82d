//! Heartbeats, handshakes and transfer.

use nexavpn_gateway_projector::reports::DeviceTelemetry;

use super::{World, later, now, peer, random_key, report};

#[tokio::test]
async fn a_gateway_reports_its_own_devices_and_no_others() {
    let world = World::new().await;
    let (here, there) = (world.gateway(0).await, world.gateway(1).await);
    let (mine, my_key) = world.device(here).await;
    let (foreign, foreign_key) = world.device(there).await;
    let shaken = now().timestamp() - 7;
    let mut status = report(None);
    status.peers = vec![
        peer(&my_key, Some(shaken), 100),
        peer(&foreign_key, Some(shaken), 100),
        peer(&random_key(), Some(shaken), 100),
    ];
    world.one.reports.record_status(here, &status, now()).await.unwrap();
    let known = world.one.reports.peers(&[mine, foreign]).await.unwrap();
    assert_eq!(known.len(), 1);
    let known = &known[&mine];
    assert_eq!(known.latest_handshake.map(|at| at.timestamp()), Some(shaken));
    assert_eq!((known.rx_bytes, known.tx_bytes, known.reported_at), (100, 5, now()));

    // Nothing has changed: nothing is written.
    world.one.reports.record_status(here, &status, later(10)).await.unwrap();
    assert_eq!(world.one.reports.peers(&[mine]).await.unwrap()[&mine].reported_at, now());

    // The interface was made anew: it counts from 0 and knows no handshake, but there was one.
    status.peers = vec![peer(&my_key, None, 0)];
    world.one.reports.record_status(here, &status, later(20)).await.unwrap();
    let known = world.one.reports.peers(&[mine]).await.unwrap().remove(&mine).unwrap();
    assert_eq!(known.latest_handshake.map(|at| at.timestamp()), Some(shaken));
    assert_eq!((known.rx_bytes, known.reported_at), (0, later(20)));

    // A handshake of tomorrow is a mistake of the node.
    status.peers = vec![peer(&my_key, Some(later(200_000).timestamp()), u64::MAX)];
    world.one.reports.record_status(here, &status, later(30)).await.unwrap();
    let known = world.one.reports.peers(&[mine]).await.unwrap().remove(&mine).unwrap();
    assert_eq!(known.latest_handshake.map(|at| at.timestamp()), Some(shaken));
    assert_eq!(known.rx_bytes, i64::MAX);
}

#[tokio::test]
async fn the_newest_heartbeat_counts() {
    let world = World::new().await;
    let gateway = world.gateway(0).await;
    let (device, _) = world.device(gateway).await;
    let (silent, _) = world.device(gateway).await;
    let reports = &world.one.reports;
    reports.record_heartbeat(device, later(5), Some("1.2\u{0}.3")).await.unwrap();
    reports.record_heartbeat(device, later(9), None).await.unwrap();
    reports.record_heartbeat(device, later(7), None).await.unwrap();
    let seen = reports.last_seen(&[device, silent]).await.unwrap();
    let expected =
        DeviceTelemetry { last_seen_at: later(9), app_version: Some("1.2.3".to_owned()) };
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), [(device, expected)]);
}
