//! The tree follows the log, whoever works on it and whatever ends in the middle.

use std::time::Duration;

use ct_merkle::{ConsistencyProof, InclusionProof, RootHash};
use nexavpn_proof::{
    Tile,
    tree::{includes, is_consistent},
};
use nexavpn_store::{Grown, ProofError};
use nexavpn_tests::harness::poll_until;
use sha2::{Sha256, digest::Output};
use tokio::sync::watch;

use super::{Recorded, open, theirs};

fn digests(proof: &[nexavpn_proof::Hash]) -> Vec<Output<Sha256>> {
    proof.iter().map(|hash| hash.0.into()).collect()
}

#[tokio::test]
async fn another_implementation_believes_the_tree_and_its_proofs() {
    let log = Recorded::new().await;
    log.events(40).await;
    let older = log.tree.state().await.unwrap();
    log.events(250).await;
    let newer = log.tree.state().await.unwrap();
    assert_eq!((older.size, newer.size), (40, 290));
    let reference = log.reference(newer.size).await;
    assert_eq!(newer.root, theirs(&reference));
    assert_eq!(log.tree.root(40).await.unwrap(), older.root);

    let leaves = log.tree.leaves(0, newer.size).await.unwrap();
    for idx in [1, 2, 40, 255, 256, 257, 290] {
        let proof = log.tree.inclusion(idx, newer.size).await.unwrap();
        let leaf = &leaves[usize::try_from(idx).unwrap() - 1];
        let proven = InclusionProof::<Sha256>::from_digests(&digests(&proof));
        reference.root().verify_inclusion(&leaf.bytes().unwrap(), idx - 1, &proven).unwrap();
        let tree = (newer.size, newer.root);
        assert!(includes(&proof, (idx - 1, leaf.hash().unwrap()), tree));
    }
    let proof = log.tree.consistency(older.size, newer.size).await.unwrap();
    let before = RootHash::<Sha256>::new(older.root.0.into(), older.size);
    let proven = ConsistencyProof::<Sha256>::from_digests(&digests(&proof));
    reference.root().verify_consistency(&before, &proven).unwrap();
    assert!(is_consistent(&proof, (older.size, older.root), (newer.size, newer.root)));

    for (idx, size) in [(0, 290), (291, 290), (1, 291), (41, 40)] {
        let refused = log.tree.inclusion(idx, size).await;
        assert!(matches!(refused, Err(ProofError::Beyond { .. })), "{idx} in {size}: {refused:?}");
    }
    assert!(log.tree.consistency(291, 291).await.is_err());
    let tile = |level, n| Tile { level, n };
    assert_eq!(log.tree.tile(tile(0, 0), 256).await.unwrap().unwrap().len(), 8192);
    assert_eq!(log.tree.tile(tile(0, 1), 34).await.unwrap().unwrap().len(), 34 * 32);
    assert_eq!(log.tree.tile(tile(0, 1), 35).await.unwrap(), None);
    assert_eq!(log.tree.tile(tile(1, 0), 1).await.unwrap().unwrap().len(), 32);
    assert_eq!(log.tree.tile(tile(7, u64::MAX), 1).await.unwrap(), None);
    assert_eq!(log.problems().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_tree_that_grew_live_in_several_processes_is_the_one_that_is_built_anew() {
    let log = Recorded::new().await;
    let (stop, stopped) = watch::channel(false);
    let others = [open(&log.db.pool).await, open(&log.db.pool).await];
    let tasks = others.each_ref().map(|store| {
        drop(store.spawn_sequencer(stopped.clone()));
        store.spawn_log_tree(stopped.clone())
    });
    for _ in 0..6 {
        log.events(60).await;
    }
    poll_until(Duration::from_secs(30), async || log.size().await == 360).await;
    stop.send_replace(true);
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(log.tree.behind().await.unwrap(), 0);
    let (live, tiles) = (log.tree.state().await.unwrap(), log.tiles().await);
    assert_eq!(live.root, theirs(&log.reference(360).await));

    let forget = "DELETE FROM log_tile; UPDATE log_tree SET size = 0, root = sha256('')";
    sqlx::raw_sql(forget).execute(&log.db.pool).await.unwrap();
    assert_eq!(log.tree.catch_up().await.unwrap(), 360);
    assert_eq!((log.tree.state().await.unwrap(), log.tiles().await), (live, tiles));
    assert_eq!(log.problems().await, Vec::<String>::new());
}

/// The server process ends between two tiles of one step: nothing of it is there, and the next one
/// does it again.
#[tokio::test]
async fn a_step_that_is_cut_off_between_tiles_leaves_nothing_behind() {
    let log = Recorded::new().await;
    log.events(250).await;
    let before = (log.tree.state().await.unwrap(), log.tiles().await);
    let mut superuser = log.db.superuser().await;
    sqlx::raw_sql(
        "CREATE FUNCTION cut_off() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
         BEGIN
             IF NEW.level = 0 AND NEW.n = 1 THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF;
             RETURN NEW;
         END $$;
         CREATE TRIGGER cut_off BEFORE INSERT ON log_tile FOR EACH ROW EXECUTE FUNCTION cut_off()",
    )
    .execute(&mut superuser)
    .await
    .unwrap();
    let (tree, store) = (log.tree.clone(), &log.store);
    for _ in 0..20 {
        super::command::<nexavpn_domain::user::User>(
            store,
            super::id(),
            super::person_named(&format!("p{}", super::id())),
            None,
        )
        .await;
    }
    poll_until(Duration::from_secs(30), async || {
        store.sequence_once().await.unwrap();
        tree.behind().await.unwrap() == 20
    })
    .await;
    assert!(tree.grow_once().await.is_err());
    assert_eq!((log.tree.state().await.unwrap(), log.tiles().await), before);
    assert_eq!(tree.behind().await.unwrap(), 20);

    sqlx::raw_sql("DROP TRIGGER cut_off ON log_tile").execute(&mut superuser).await.unwrap();
    assert_eq!(tree.grow_once().await.unwrap(), Grown::CaughtUp(20));
    assert_eq!(tree.state().await.unwrap().root, theirs(&log.reference(270).await));
    assert_eq!(log.problems().await, Vec::<String>::new());
}
