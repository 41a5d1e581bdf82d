//! The commands, as an operator and an auditor type them.

use std::path::Path;

use nexavpn_tests::harness::{run_program, write_master_key};

use super::{
    Recorded,
    vandal::{Deed, Vandal},
};

/// The variables that lead the program to the log, and the files of a test.
struct Desk {
    dir: tempfile::TempDir,
    variables: Vec<(&'static str, String)>,
}

impl Desk {
    fn at(log: &Recorded) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let _ = write_master_key(dir.path());
        let variables = vec![
            ("NEXAVPN_DATA_DIR", dir.path().display().to_string()),
            ("DATABASE_URL", log.db.server_url.clone()),
            ("NEXAVPN_MIGRATE_URL", log.db.owner_url.clone()),
        ];
        Self { dir, variables }
    }

    fn path(&self, name: &str) -> String {
        self.dir.path().join(name).display().to_string()
    }

    async fn runs(&self, arguments: &[&str]) -> (bool, String) {
        let variables: Vec<(&str, &str)> =
            self.variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
        run_program(arguments, &variables).await
    }

    async fn exports(&self, name: &str, range: &[&str]) -> String {
        let path = self.path(name);
        let arguments = [&["audit", "export", "--output", &path], range].concat();
        let (ok, said) = self.runs(&arguments).await;
        assert!(ok, "{said}");
        path
    }
}

/// As an auditor: with nothing but files and the key.
async fn verifies(arguments: &[&str]) -> (bool, String) {
    run_program(&[&["audit", "verify"], arguments].concat(), &[]).await
}

#[tokio::test]
async fn archives_are_exported_and_verified_without_the_server() {
    let log = Recorded::new().await;
    log.events(20).await;
    let desk = Desk::at(&log);
    let (ok, key) = desk.runs(&["audit", "key"]).await;
    assert!(ok, "{key}");
    let key = key.trim().to_owned();
    assert_eq!(key, log.key.verifier().to_string());
    let (_, note) = desk.runs(&["audit", "checkpoint"]).await;
    let kept = desk.path("kept.note");
    std::fs::write(&kept, &note).unwrap();
    log.key.verifier().open(&note).unwrap();
    let key_file = desk.path("log.pub");
    std::fs::write(&key_file, &key).unwrap();

    let first = desk.exports("first.ndjson", &["--to", "12"]).await;
    log.events(15).await;
    let second = desk.exports("second.ndjson", &["--from", "13"]).await;
    let (ok, said) = verifies(&[&second, &first, "--key", &key_file, "--checkpoint", &kept]).await;
    assert!(ok && said.contains("follow each other"), "{said}");
    assert!(said.contains("the history continues this checkpoint of 20 events"), "{said}");
    // A file is not written over.
    let (ok, said) = desk.runs(&["audit", "export", "--output", &first]).await;
    assert!(!ok && said.contains("cannot write"), "{said}");
    let tail = desk.exports("tail.ndjson", &["--from", "30", "--checkpoint", &kept]).await;
    let (ok, said) = verifies(&[&first, &tail, "--key", &key, "--checkpoint", &kept]).await;
    assert!(ok && said.contains("events 13 to 29 are in none"), "{said}");
    let alone = desk.exports("alone.ndjson", &["--from", "30"]).await;
    let (ok, said) = verifies(&[&alone, "--key", &key, "--checkpoint", &kept]).await;
    assert!(!ok && said.contains("say nothing of this checkpoint"), "{said}");

    // A changed event, in the database and then in the file.
    let mut vandal = Vandal::at(&log.db).await;
    let owner = vandal.owner(15).await.unwrap();
    vandal.does(Deed::Metadata(15)).await;
    let (ok, said) = desk.runs(&["verify"]).await;
    assert!(!ok && said.contains("event 15 (") && said.contains(&owner), "{said}");
    let after = desk.exports("after.ndjson", &[]).await;
    let (ok, said) = verifies(&[&after, "--key", &key, "--checkpoint", &kept]).await;
    assert!(!ok && said.contains("event 15 (") && said.contains(&owner), "{said}");
    let (ok, said) = verifies(&[&second, &after, "--key", &key]).await;
    assert!(!ok && said.contains("has other metadata"), "{said}");
    vandal.undo().await;

    // A history that was replaced and signed again.
    vandal.does(Deed::Payload(5)).await;
    vandal.forget_tree().await;
    log.tree.catch_up().await.unwrap();
    let replaced = desk.exports("replaced.ndjson", &[]).await;
    let (ok, said) = verifies(&[&replaced, "--key", &key]).await;
    assert!(ok, "it is well made: {said}");
    let (ok, said) = verifies(&[&replaced, "--key", &key, "--checkpoint", &kept]).await;
    assert!(!ok && said.contains("the history was replaced"), "{said}");
    let (ok, said) = verifies(&[&first, &replaced, "--key", &key]).await;
    assert!(!ok && said.contains("event 5 (") && said.contains("has another payload"), "{said}");
    vandal.leaves().await;

    for (arguments, hint) in [
        (vec![first.as_str(), "--key", "nonsense"], "audit key"),
        (vec![kept.as_str(), "--key", &key], "does not begin as an archive does"),
        (vec!["/nonexistent", "--key", &key], "the archive /nonexistent"),
        (vec![first.as_str(), "--key", &key, "--checkpoint", &first], "this is no checkpoint"),
    ] {
        let (ok, said) = verifies(&arguments).await;
        assert!(!ok && said.contains(hint), "{arguments:?}: {said}");
    }
    assert!(Path::new(&first).exists());
}
