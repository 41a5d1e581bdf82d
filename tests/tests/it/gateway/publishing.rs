//! Bundles of a running system.

use nexavpn_bundle::canonical;
use nexavpn_domain::{
    device::{Device, DeviceEvent},
    gateway::{Gateway, GatewayEvent},
};
use nexavpn_gateway_projector::{FleetAtError, PublishError, render};

use super::{Process, World, soon};

#[tokio::test]
async fn a_gateway_gets_a_signed_bundle_that_follows_the_events() {
    let world = World::new().await;
    let gateway = world.gateway(0).await;
    let empty = world.one.verified(gateway).await;
    assert!(empty.payload.devices.is_empty());
    assert_eq!(empty.payload.epoch, world.one.store.epoch());

    let (device, key) = world.device(gateway).await;
    let opened = world.allow_everyone("10.1.0.0/16").await;
    let bundle = world.one.verified(gateway).await;
    assert_eq!(bundle.payload.revision, opened);
    assert!(bundle.check_newer(&empty).unwrap());
    let [peer] = bundle.payload.devices.as_slice() else { panic!("one device") };
    assert_eq!((&peer.id, &peer.public_key), (&device.to_string(), &key.to_string()));
    assert_eq!(bundle.payload.profiles[&peer.profile].v4, ["10.1.0.0-10.1.255.255"]);

    let revoked = DeviceEvent::Revoked { owner: world.owner, reason: None };
    world.append::<Device>(device.0, vec![revoked]).await;
    assert!(world.one.verified(gateway).await.payload.devices.is_empty());
}

#[tokio::test]
async fn a_bundle_is_made_once_and_published_on_record() {
    let world = World::new().await;
    let gateway = world.gateway(0).await;
    let (first, second) = tokio::join!(world.one.bundle(gateway), world.one.bundle(gateway));
    let (first, second) = (first.unwrap(), second.unwrap());
    assert!(std::sync::Arc::ptr_eq(&first, &second));
    let recorded: Vec<(i64, i64, String)> =
        sqlx::query_as("SELECT epoch, revision, sha256 FROM bundle_publication")
            .fetch_all(&world.db.pool)
            .await
            .unwrap();
    assert_eq!(recorded, [(first.epoch, first.revision, first.sha256.clone())]);

    // An event of another gateway changes nothing here.
    world.gateway(1).await;
    let third = world.one.bundle(gateway).await.unwrap();
    assert!(std::sync::Arc::ptr_eq(&first, &third));
}

#[tokio::test]
async fn another_process_publishes_the_same_bytes() {
    let world = World::new().await;
    let gateway = world.gateway(0).await;
    world.device(gateway).await;
    world.device(gateway).await;
    let idx = world.allow_everyone("10.1.0.0/16").await;
    let here = world.one.bundle(gateway).await.unwrap();

    let other = Process::start(&world.db).await;
    other.caught_up(idx).await;
    let there = other.bundle(gateway).await.unwrap();
    assert_eq!(here.body, there.body);
    assert_eq!(here, there);

    // And it follows what the first one appends from now on.
    let idx = world.set_mtu(gateway, 1300).await;
    other.caught_up(idx).await;
    assert_eq!(other.verified(gateway).await.payload.interface.mtu, 1300);
}

#[tokio::test]
async fn the_past_is_folded_by_the_code_of_the_present() {
    let world = World::new().await;
    let gateway = world.gateway(0).await;
    world.device(gateway).await;
    let then = world.one.fleet.idx();
    let before = world.one.verified(gateway).await;
    let after = world.allow_everyone("10.1.0.0/16").await;
    assert_ne!(world.one.verified(gateway).await.bytes, before.bytes);

    let past = world.one.fleet.fleet_at(then).await.unwrap();
    let payload = render(&past, gateway, world.one.store.epoch()).unwrap().unwrap();
    assert_eq!(canonical(&payload).unwrap(), before.bytes);
    let beyond = world.one.fleet.fleet_at(after + 5).await.unwrap_err();
    assert!(matches!(beyond, FleetAtError::Beyond { last, .. } if last == after), "{beyond}");
    let nothing = world.one.fleet.fleet_at(0).await.unwrap();
    assert_eq!(nothing.gateways().count(), 0);
}

#[tokio::test]
async fn those_who_wait_for_a_revision_are_woken() {
    let world = World::new().await;
    let gateway = world.gateway(0).await;
    let other = world.gateway(1).await;
    let mut revisions = world.one.publisher.revisions(gateway).unwrap();
    let held = *revisions.borrow_and_update();

    world.set_mtu(other, 1300).await;
    assert!(!revisions.has_changed().unwrap(), "that was another gateway");
    let idx = world.set_mtu(gateway, 1300).await;
    let newer = tokio::time::timeout_at(soon().into(), revisions.wait_for(|now| *now > held)).await;
    assert_eq!(*newer.unwrap().unwrap(), idx);

    world.append::<Gateway>(gateway.0, vec![GatewayEvent::Deleted {}]).await;
    assert!(revisions.changed().await.is_err(), "a deleted gateway has no more revisions");
    assert!(world.one.publisher.revisions(gateway).is_none());
    let gone = world.one.bundle(gateway).await.unwrap_err();
    assert!(matches!(gone, PublishError::UnknownGateway));
}
