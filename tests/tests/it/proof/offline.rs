//! Archives against kept checkpoints, without the database.

use nexavpn_proof::{
    Checkpoint, Misfit, NoteVerifier,
    archive::{Check, Checked, Difference, Entry, Line, Problem, Standing},
};
use proptest::prelude::*;

use super::{
    Recorded,
    vandal::{Deed, Vandal},
};

/// What comes out of a verification.
pub(super) fn checked(archive: &str, key: &NoteVerifier, kept: &[Checkpoint]) -> Checked {
    let mut check = Check::new(key, kept);
    archive.lines().for_each(|line| check.line(line));
    check.finish().unwrap()
}

fn entries(archive: &str) -> Vec<Entry> {
    let entry = |line| match Line::parse(line).unwrap() {
        Line::Event(entry) => Some(*entry),
        Line::Header(_) | Line::Trailer(_) => None,
    };
    archive.lines().filter_map(entry).collect()
}

#[tokio::test]
async fn an_archive_is_verified_against_its_checkpoint_and_kept_ones() {
    let log = Recorded::new().await;
    let key = log.key.verifier();
    log.events(30).await;
    let early = key.open(&log.checkpoint().await).unwrap();
    log.events(270).await;
    let middle = key.open(&log.checkpoint().await).unwrap();
    log.events(5).await;

    let whole = log.archive(1, None, &[]).await;
    let kept = [early.clone(), middle.clone()];
    let all = checked(&whole, &key, &kept);
    assert_eq!((all.wrong, all.events), (0, 305), "{:?}", all.problems);
    assert_eq!(all.standings, [Standing::Continues; 2]);
    assert!(!whole.contains("quillfeather"));

    // Consecutive ones fit together.
    let (first, second) = (log.archive(1, Some(100), &[]).await, log.archive(101, None, &[]).await);
    let (first, second) = (checked(&first, &key, &kept), checked(&second, &key, &kept));
    assert_eq!((first.wrong, second.wrong), (0, 0), "{first:?} {second:?}");
    assert_eq!(first.after, Some(second.before));
    assert_eq!(first.standings, [Standing::Continues, Standing::Unknown]);
    assert_eq!(second.standings, [Standing::Unknown, Standing::Continues]);
    // Those that are asked for are proven where they are not within.
    let asked = log.archive(101, Some(200), &[30, 300]).await;
    assert_eq!(checked(&asked, &key, &kept).standings, [Standing::Continues; 2]);

    // Another key, another root.
    let other =
        nexavpn_proof::NoteKey::new(key.name(), ed25519_dalek::SigningKey::from_bytes(&[8; 32]));
    let unknown = checked(&whole, &other.unwrap().verifier(), &[]);
    assert!(matches!(unknown.problems[..], [Problem::Checkpoint(_)]), "{:?}", unknown.problems);
    let replaced = Checkpoint { root: nexavpn_proof::Hash([1; 32]), ..early };
    assert_eq!(
        checked(&whole, &key, std::slice::from_ref(&replaced)).standings,
        [Standing::Replaced]
    );
    assert_eq!(checked(&asked, &key, &[replaced]).standings, [Standing::Replaced]);
}

/// What was archived before a change and after it differ at its place, and it is said how.
#[tokio::test]
async fn two_archives_tell_what_was_changed() {
    let log = Recorded::new().await;
    log.events(12).await;
    let before = entries(&log.archive(1, None, &[]).await);
    let mut vandal = Vandal::at(&log.db).await;
    for (deed, wanted) in [
        (Deed::Payload(5), Difference::Payload),
        (Deed::Metadata(5), Difference::Metadata),
        (Deed::Time(5), Difference::Other),
        (Deed::Delete(5), Difference::Missing),
        (Deed::Swap(5, 8), Difference::Other),
    ] {
        vandal.does(deed).await;
        let after = entries(&log.archive(1, None, &[]).await);
        let first =
            before.iter().zip(&after).find_map(|(a, b)| Some((a.idx, Difference::between(a, b)?)));
        assert_eq!(first, Some((Some(5), wanted)), "{deed:?}");
        vandal.undo().await;
    }
    vandal.leaves().await;
}

/// The whole history made anew and signed again: everything in it fits, and yet it does not
/// continue what was kept.
#[tokio::test]
async fn a_replaced_history_does_not_continue_a_kept_checkpoint() {
    let log = Recorded::new().await;
    let key = log.key.verifier();
    log.events(40).await;
    let kept = [key.open(&log.checkpoint().await).unwrap()];
    let before = entries(&log.archive(1, None, &[]).await);
    let mut vandal = Vandal::at(&log.db).await;
    for deed in [
        Deed::Payload(7),
        Deed::DeleteAndRenumber(7),
        Deed::InsertAndRenumber(6),
        Deed::Swap(7, 30),
    ] {
        vandal.does(deed).await;
        vandal.forget_tree().await;
        log.tree.catch_up().await.unwrap();
        let archive = log.archive(1, None, &[]).await;
        let checked = checked(&archive, &key, &kept);
        assert_eq!(checked.wrong, 0, "{deed:?} is not well made: {:?}", checked.problems);
        let wanted = if matches!(deed, Deed::DeleteAndRenumber(_)) {
            // There are not even as many.
            Standing::Unknown
        } else {
            Standing::Replaced
        };
        assert_eq!(checked.standings, [wanted], "{deed:?}");
        // Whoever has kept an archive too learns where.
        let after = entries(&archive);
        let first = before.iter().zip(&after).find(|(a, b)| Difference::between(a, b).is_some());
        assert_eq!(first.unwrap().0.idx, Some(7), "{deed:?}");
        vandal.undo().await;
    }
    vandal.leaves().await;
}

/// What somebody does to an archive's lines.
#[derive(Debug, Clone, Copy)]
enum Edit {
    Payload,
    Metadata,
    Leaf,
    Recorded,
    Remove,
    Repeat,
    Swap,
    CutOff,
}

const EDITS: [Edit; 8] = [
    Edit::Payload,
    Edit::Metadata,
    Edit::Leaf,
    Edit::Recorded,
    Edit::Remove,
    Edit::Repeat,
    Edit::Swap,
    Edit::CutOff,
];

/// The archive with line `at` edited; the header is line 0.
fn edited(archive: &str, edit: Edit, at: usize) -> String {
    let mut lines: Vec<String> = archive.lines().map(str::to_owned).collect();
    let Ok(Line::Event(mut entry)) = Line::parse(&lines[at]) else { panic!("{}", lines[at]) };
    let extra = || serde_json::json!({ "x": 1 });
    match edit {
        Edit::Payload => entry.payload = Some(extra()),
        Edit::Metadata => entry.metadata = Some(extra()),
        Edit::Leaf => entry.leaf.as_mut().unwrap().event_type = "group.deleted".into(),
        Edit::Recorded => entry.recorded = Some(nexavpn_proof::Hash([3; 32])),
        Edit::Remove | Edit::Repeat | Edit::Swap | Edit::CutOff => {}
    }
    lines[at] = Line::Event(entry).text().unwrap();
    match edit {
        Edit::Remove => drop(lines.remove(at)),
        Edit::Repeat => lines.insert(at, lines[at].clone()),
        Edit::Swap => lines.swap(at, at + 1),
        Edit::CutOff => lines.truncate(at),
        Edit::Payload | Edit::Metadata | Edit::Leaf | Edit::Recorded => {}
    }
    lines.join("\n")
}

#[test]
fn whatever_is_edited_in_an_archive_is_found() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (archive, key) = runtime.block_on(async {
        let log = Recorded::new().await;
        log.events(30).await;
        (log.archive(4, Some(27), &[]).await, log.key.verifier())
    });
    let (archive, key) = (&archive, &key);
    assert_eq!(checked(archive, key, &[]).wrong, 0);
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) };
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let edits = (0..EDITS.len(), 1usize..24);
    let outcome = runner.run(&edits, |(edit, at)| {
        let edit = EDITS[edit];
        let checked = checked(&edited(archive, edit, at), key, &[]);
        let idx = at as u64 + 3;
        // A line that comes twice is known at the second.
        let first = checked.problems.iter().find_map(Problem::idx);
        prop_assert_eq!(first, Some(idx), "{:?}: {:?}", edit, checked.problems);
        let said = checked.problems.iter().any(|problem| match edit {
            Edit::Payload => matches!(problem, Problem::Payload(..)),
            Edit::Metadata => matches!(problem, Problem::Metadata(..)),
            Edit::Leaf | Edit::Recorded => matches!(problem, Problem::Event(_, _, Misfit::Changed)),
            Edit::Remove => matches!(problem, Problem::Event(_, _, Misfit::Missing)),
            Edit::Repeat => matches!(problem, Problem::Event(_, _, Misfit::Inserted)),
            Edit::Swap => matches!(problem, Problem::OutOfOrder(_)),
            Edit::CutOff => matches!(problem, Problem::Line(..)),
        });
        prop_assert!(said, "{:?}: {:?}", edit, checked.problems);
        Ok(())
    });
    outcome.unwrap();
    // Together with its hashes: it is known, though not where.
    let lines: Vec<&str> = archive.lines().collect();
    let Ok(Line::Event(mut entry)) = Line::parse(lines[5]) else { panic!("{}", lines[5]) };
    let leaf = entry.leaf.as_mut().unwrap();
    leaf.event_type = "group.deleted".into();
    entry.recorded = Some(leaf.hash().unwrap());
    let forged = archive.replace(lines[5], &Line::Event(entry).text().unwrap());
    assert_eq!(checked(&forged, key, &[]).problems, [Problem::Unproven]);
}
