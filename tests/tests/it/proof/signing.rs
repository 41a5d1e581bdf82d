//! Checkpoints: what is signed is on record, and nothing is signed that contradicts it.

use nexavpn_domain::{ids::UserId, user::User};
use nexavpn_proof::{NoteError, NoteVerifier};
use nexavpn_store::{LogKey, PinError, ProofError};

use super::{Recorded, command, id, now, person_named};

#[tokio::test]
async fn a_checkpoint_is_signed_once_and_stays_on_record() {
    let log = Recorded::new().await;
    log.events(7).await;
    let note = log.checkpoint().await;
    assert_eq!(log.checkpoint().await, note);
    // As an auditor has the key.
    let verifier = NoteVerifier::parse(&log.key.verifier().to_string()).unwrap();
    let read = verifier.open(&note).unwrap();
    let state = log.tree.state().await.unwrap();
    assert_eq!((read.origin.as_str(), read.size, read.root), ("log.example.org", 7, state.root));
    log.events(3).await;
    assert_ne!(log.checkpoint().await, note);
    let count = "SELECT count(*) FROM log_checkpoint";
    let count: i64 = sqlx::query_scalar(count).fetch_one(&log.db.pool).await.unwrap();
    assert_eq!(count, 2);
    for change in ["UPDATE log_checkpoint SET size = 1", "DELETE FROM log_checkpoint"] {
        let refused = sqlx::query(change).execute(&log.db.pool).await.unwrap_err();
        assert!(refused.to_string().contains("append-only"), "{refused}");
    }
    assert_eq!(log.problems().await, Vec::<String>::new());
}

#[tokio::test]
async fn nothing_is_signed_that_contradicts_what_was_signed() {
    let log = Recorded::new().await;
    log.events(5).await;
    log.checkpoint().await;
    log.events(2).await;
    let changes = [
        // The tree of other events.
        "UPDATE log_tile SET hashes = overlay(hashes placing '\\x00' from 10)",
        "UPDATE log_tree SET root = sha256('x')",
    ];
    for change in changes {
        sqlx::query(change).execute(&log.db.pool).await.unwrap();
        let refused = log.tree.checkpoint(&log.key, now()).await;
        assert!(
            matches!(refused, Err(ProofError::Damaged(_) | ProofError::Contradicted { .. })),
            "{change}: {refused:?}"
        );
    }
    assert!(!log.problems().await.is_empty());
}

#[tokio::test]
async fn the_key_and_the_name_of_the_first_start_stay() {
    let log = Recorded::new().await;
    let keyring = log.store.keyring();
    let again = LogKey::open_or_make(keyring, Some("other.example.org"), &[6; 32]).await.unwrap();
    assert_eq!(again.verifier(), log.key.verifier());
    assert_eq!(LogKey::open(keyring).await.unwrap().verifier(), log.key.verifier());
    let wrong = LogKey::open_or_make(keyring, Some("two words"), &[6; 32]).await;
    assert!(matches!(wrong, Err(ProofError::Note(_))), "{wrong:?}");
    let kept: Vec<u8> =
        sqlx::query_scalar("SELECT wrapped FROM sealed_secret WHERE name = 'log_signing_key'")
            .fetch_one(&log.db.pool)
            .await
            .unwrap();
    assert!(!kept.windows(32).any(|part| part == [5; 32]), "the key is there in the clear");
}

#[tokio::test]
async fn only_what_this_log_has_signed_is_pinned() {
    let log = Recorded::new().await;
    log.events(4).await;
    let note = log.checkpoint().await;
    let auditor = UserId(id());
    let pin = log.tree.pin(&log.key, &note, auditor, now()).await.unwrap();
    assert_eq!((pin.size, pin.pinned_by), (4, auditor));
    // The first one stays.
    assert_eq!(log.tree.pin(&log.key, &note, UserId(id()), now()).await.unwrap(), pin);
    // The same key and name, and another history.
    let other = Recorded::new().await;
    for (events, size) in [(2, 2), (7, 9)] {
        other.events(events).await;
        let of_another_history = other.checkpoint().await;
        let refused = log.tree.pin(&log.key, &of_another_history, auditor, now()).await;
        let contradicts = matches!(refused, Err(PinError::Contradicts { size: s }) if s == size);
        assert!(contradicts, "{refused:?}");
    }
    let refused = log.tree.pin(&log.key, "nonsense", auditor, now()).await;
    assert!(matches!(refused, Err(PinError::NotOurs(NoteError::Malformed(_)))), "{refused:?}");

    log.events(6).await;
    let present = log.tree.state().await.unwrap();
    let pins = log.tree.pins(0, 10, present).await.unwrap();
    let [pinned] = &pins[..] else { panic!("{pins:?}") };
    let proof = pinned.proof.as_ref().unwrap();
    let (older, newer) = ((pin.size, pin.root), (present.size, present.root));
    assert!(nexavpn_proof::tree::is_consistent(proof, older, newer));
}

/// Erasing a person destroys a key and changes no event: the tree and every proof stay.
#[tokio::test]
async fn erasing_a_person_keeps_every_proof() {
    let log = Recorded::new().await;
    let user = UserId(id());
    command::<User>(&log.store, user.0, person_named("quillfeather"), None).await;
    log.events(5).await;
    let before = log.tree.state().await.unwrap();
    let note = log.checkpoint().await;
    let leaves = log.tree.leaves(0, 6).await.unwrap();
    let text = serde_json::to_string(&leaves).unwrap();
    assert!(!text.contains("quillfeather"), "{text}");

    let erase = "DELETE FROM data_key WHERE user_id = $1";
    sqlx::query(erase).bind(user.0).execute(&log.db.pool).await.unwrap();
    log.events(3).await;
    assert_eq!(log.tree.leaves(0, 6).await.unwrap(), leaves);
    assert_eq!(log.tree.root(before.size).await.unwrap(), before.root);
    assert_eq!(log.tree.pin(&log.key, &note, user, now()).await.unwrap().root, before.root);
    let mut problems = log.problems().await;
    problems.retain(|problem| !problem.contains("claim"));
    assert_eq!(problems, Vec::<String>::new());
}
