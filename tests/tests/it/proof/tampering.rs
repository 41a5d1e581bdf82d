//! Whatever a superuser does to the events is found, and its place is named.

use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};

use nexavpn_proof::archive::Problem;

use super::{
    Recorded, offline,
    vandal::{Deed, Vandal},
};

/// Asserts that `nexavpn verify`, and an archive that is made afterwards, name the place of the
/// deed first.
async fn found(log: &Recorded, vandal: &mut Vandal, deed: Deed) {
    let inserted = vandal.does(deed).await;
    let archive = log.archive(1, None, &[]).await;
    let checked = offline::checked(&archive, &log.key.verifier(), &[]);
    let first = checked.problems.iter().find_map(Problem::idx);
    // What has no number stands after that one.
    let place = if matches!(deed, Deed::Insert(_)) { deed.place() - 1 } else { deed.place() };
    assert_eq!(first, u64::try_from(place).ok(), "{deed:?}: {:#?}", checked.problems);
    let problems = log.problems().await;
    let named = match (deed, inserted) {
        // It has no number to be named by.
        (Deed::Insert(_), Some(owner)) => {
            problems.iter().any(|p| p.contains(&owner.to_string()) && p.contains("has no number"))
        }
        _ => {
            let place = format!("event {} ", deed.place());
            let of_the_log = problems.iter().find(|p| p.starts_with("event "));
            let owner = vandal.owner(deed.place()).await;
            let owner = owner.filter(|_| !matches!(deed, Deed::Delete(_))).unwrap_or_default();
            of_the_log.is_some_and(|p| p.starts_with(&place) && p.contains(&owner))
        }
    };
    assert!(named, "{deed:?}: {problems:#?}");
    vandal.undo().await;
}

#[tokio::test]
async fn every_deed_is_found_and_named() {
    let log = Recorded::new().await;
    log.events(270).await;
    let mut vandal = Vandal::at(&log.db).await;
    let words = [
        (Deed::Payload(3), "was changed"),
        (Deed::Metadata(257), "was changed"),
        (Deed::StrangeMetadata(4), "was changed"),
        (Deed::Delete(9), "is missing"),
        (Deed::DeleteAndRenumber(9), "is missing"),
        (Deed::InsertAndRenumber(200), "was inserted"),
        (Deed::Swap(7, 260), "has changed places with event 260"),
        (Deed::Swap(8, 9), "has changed places with event 9"),
        (Deed::Delete(270), "is missing"),
    ];
    for (deed, word) in words {
        vandal.does(deed).await;
        let problems = log.problems().await;
        let place = format!("event {} ", deed.place());
        let said = problems.iter().any(|p| p.starts_with(&place) && p.contains(word));
        assert!(said, "{deed:?}: {problems:#?}");
        vandal.undo().await;
    }
    for n in 0..Deed::KINDS {
        found(&log, &mut vandal, Deed::all(n, 5 + n, 100 + n)).await;
    }
    assert_eq!(log.problems().await, Vec::<String>::new());
    vandal.leaves().await;
}

/// A vandal who also has the tree made anew is betrayed by what was signed, unless it is removed
/// from the database too: then by whoever has kept a checkpoint.
#[tokio::test]
async fn a_tree_over_another_history_is_not_the_one_that_was_signed() {
    let log = Recorded::new().await;
    log.events(20).await;
    log.checkpoint().await;
    let mut vandal = Vandal::at(&log.db).await;
    vandal.does(Deed::Payload(6)).await;
    vandal.run("DELETE FROM log_tile; UPDATE log_tree SET size = 0, root = sha256('')").await;
    log.tree.catch_up().await.unwrap();
    let problems = log.problems().await;
    let said = |problems: &[String]| problems.iter().any(|p| p.contains("history was replaced"));
    assert!(said(&problems), "{problems:?}");
    assert!(log.tree.checkpoint(&log.key, super::now()).await.is_err(), "it was signed");
    vandal.undo().await;

    let note = log.checkpoint().await;
    let auditor = nexavpn_domain::ids::UserId(super::id());
    log.tree.pin(&log.key, &note, auditor, super::now()).await.unwrap();
    vandal.does(Deed::Payload(6)).await;
    vandal.forget_tree().await;
    log.tree.catch_up().await.unwrap();
    assert!(said(&log.problems().await), "the pin is not looked at");
    // It is signed again, and what was kept is not believed any more.
    log.checkpoint().await;
    let refused = log.tree.pin(&log.key, &note, auditor, super::now()).await;
    assert!(matches!(refused, Err(nexavpn_store::PinError::Contradicts { size: 20 })));
    let present = log.tree.state().await.unwrap();
    assert!(log.tree.pins(0, 10, present).await.unwrap()[0].proof.is_none());
    vandal.leaves().await;
}

#[test]
fn random_deeds_in_random_histories_are_found() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let config =
        Config { cases: 6, failure_persistence: None, max_shrink_iters: 0, ..Config::default() };
    let deeds = prop::collection::vec(
        (0..Deed::KINDS, any::<prop::sample::Index>(), any::<prop::sample::Index>()),
        6,
    );
    let histories = (3usize..40, deeds);
    let outcome = TestRunner::new(config).run(&histories, |(events, deeds)| {
        runtime.block_on(async {
            let log = Recorded::new().await;
            log.events(events).await;
            let mut vandal = Vandal::at(&log.db).await;
            for (n, a, b) in deeds {
                let (a, b) = (a.index(events - 1), b.index(events - 2));
                // Two that differ, neither the last: what is put in after that one was appended.
                let b = if b >= a { b + 1 } else { b };
                let number = |place: usize| i64::try_from(place).unwrap() + 1;
                found(&log, &mut vandal, Deed::all(n, number(a), number(b))).await;
            }
            vandal.leaves().await;
        });
        Ok(())
    });
    outcome.unwrap();
}
