//! `kill -9` in the middle of a load.

use std::{slice, sync::atomic::Ordering};

use nexavpn_tests::harness::{ServerProcess, WIDE, poll_until};

use super::{admin, established, load::Load, start_program, truth::assert_whole};

const WRITERS: usize = 32;
/// More than are done before the kill.
const STEPS: usize = 64;
/// When the kill comes.
const ACKNOWLEDGED: usize = 120;

#[tokio::test]
async fn a_killed_server_loses_nothing_that_it_acknowledged() {
    let db = established().await;
    let server = start_program(&db).await;
    let mut load = Load::prepare(&[admin(&server).await], WRITERS).await;
    let waiting = load.counter();
    let kill = async {
        poll_until(WIDE, || async { waiting.load(Ordering::Relaxed) >= ACKNOWLEDGED }).await;
        server.kill().await;
    };
    tokio::join!(load.run(STEPS), kill);

    let server = start_program(&db).await;
    let again = admin(&server).await;
    load.check(&again).await;
    assert_whole(&db).await;
    // And it goes on, with addresses and names that the dead one had reserved.
    let mut more = load.next(slice::from_ref(&again), "after");
    more.run(2).await;
    more.check(&again).await;
    assert_whole(&db).await;
    assert!(server.stop().await.success());
}

#[tokio::test]
async fn a_killed_postgresql_loses_nothing_that_was_acknowledged() {
    killed_postgresql(true).await;
}

/// What is committed in its last moment is acknowledged before anybody can read it.
#[tokio::test]
async fn a_postgresql_that_stays_away_loses_nothing_either() {
    killed_postgresql(false).await;
}

async fn killed_postgresql(comes_back_at_once: bool) {
    let mut db = established().await;
    let server = start_program(&db).await;
    let admin = admin(&server).await;
    let mut load = Load::prepare(slice::from_ref(&admin), WRITERS).await;
    let mut second = load.next(slice::from_ref(&admin), "second");
    let counter = load.counter();
    let stop = load.stop();
    let kill = async {
        poll_until(WIDE, || async { counter.load(Ordering::Relaxed) >= ACKNOWLEDGED }).await;
        db.kill().await;
        stop.store(true, Ordering::Relaxed);
        if comes_back_at_once {
            db.restart().await;
        }
    };
    // The server stays, and says that it cannot for the moment.
    tokio::join!(load.run(STEPS), kill);
    if !comes_back_at_once {
        db.restart().await;
    }
    ready(&server).await;
    load.check(&admin).await;
    assert_whole(&db).await;

    second.run(2).await;
    second.check(&admin).await;
    assert_whole(&db).await;
    assert!(server.stop().await.success());
}

async fn ready(server: &ServerProcess) {
    let client = server.client();
    poll_until(WIDE, || async { client.get_outside("/readyz").await.0 == 200 }).await;
}
