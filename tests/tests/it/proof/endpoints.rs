//! The routes, as an auditor uses them: everything is verified with what was fetched.

use std::time::Duration;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use ct_merkle::{ConsistencyProof, InclusionProof, RootHash};
use nexavpn_proof::{Hash, NoteKey, NoteVerifier, archive::Standing, tree::is_consistent};
use nexavpn_tests::harness::{Client, poll_until};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Sha256, digest::Output};

use super::{Reference, offline, theirs};
use crate::api_admin::{Plane, assert_error};

fn hash(value: &Value) -> Hash {
    let bytes = BASE64_STANDARD.decode(value.as_str().unwrap()).unwrap();
    Hash(bytes.try_into().unwrap())
}

fn digests(value: &Value) -> Vec<Output<Sha256>> {
    value.as_array().unwrap().iter().map(|value| hash(value).0.into()).collect()
}

async fn text(client: &Client, path: &str) -> String {
    let (status, body) = client.get(path).await;
    assert_eq!(status, 200, "{path}: {body}");
    body.as_str().unwrap_or_else(|| panic!("{path}: {body}")).to_owned()
}

/// A plane with so many events, all of them in the tree, and an auditor.
async fn plane(events: u64) -> (Plane, Client) {
    let plane = Plane::start().await;
    let auditor = plane.server.user("otto", "auditor").await;
    for n in 0..events {
        plane.user_quietly(format!("user-{n}")).await;
    }
    settled(&plane).await;
    (plane, auditor)
}

async fn settled(plane: &Plane) {
    let events = "SELECT count(*) FROM events";
    poll_until(Duration::from_secs(30), async || {
        let count: i64 = sqlx::query_scalar(events).fetch_one(&plane.db.pool).await.unwrap();
        let (_, log) = plane.admin.get("/admin/audit/log").await;
        log["tree"]["size"] == count && log["behind"] == 0
    })
    .await;
}

#[tokio::test]
async fn an_auditor_verifies_everything_with_what_was_fetched() {
    let (plane, auditor) = plane(6).await;
    let (_, log) = auditor.get("/admin/audit/log").await;
    let key = NoteVerifier::parse(log["verifier"].as_str().unwrap()).unwrap();
    assert_eq!(log["origin"], key.name());
    let answer = auditor.send(Method::GET, "/admin/audit/checkpoint", &[], None).await;
    assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
    let older = key.open(answer.body.as_str().unwrap()).unwrap();
    plane.user_quietly("one-more".to_owned()).await;
    settled(&plane).await;
    let newer = key.open(&text(&auditor, "/admin/audit/checkpoint").await).unwrap();
    assert!(newer.size > older.size);

    // The whole tree from the entries, by another implementation.
    let url = format!("{}/api/v1/admin/audit/tile/", plane.server.base_url);
    let tile = async |place: String| {
        let request = reqwest::Client::new().get(format!("{url}{place}"));
        let answer = request
            .bearer_auth(auditor.session["access_token"].as_str().unwrap())
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 200, "{place}");
        answer.bytes().await.unwrap()
    };
    let entries = tile(format!("entries/000.p/{}", newer.size)).await;
    let (mut reference, mut rest) = (Reference::new(), &entries[..]);
    while let Some((length, more)) = rest.split_first_chunk::<2>() {
        let (leaf, more) = more.split_at(u16::from_be_bytes(*length).into());
        reference.push(leaf.to_vec());
        rest = more;
    }
    assert_eq!(theirs(&reference), newer.root);
    let hashes = tile(format!("0/000.p/{}", newer.size)).await;
    assert_eq!(hashes.len() as u64, newer.size * 32);

    let (status, proof) = auditor.get(&format!("/admin/audit/inclusion?idx={}", older.size)).await;
    assert_eq!(status, 200, "{proof}");
    let leaf = serde_json_canonicalizer::to_vec(&proof["leaf"]).unwrap();
    let inclusion = InclusionProof::<Sha256>::from_digests(&digests(&proof["hashes"]));
    reference.root().verify_inclusion(&leaf, older.size - 1, &inclusion).unwrap();
    assert_eq!(key.open(proof["checkpoint"].as_str().unwrap()).unwrap(), newer);
    assert_eq!(hash(&proof["tree"]["root"]), newer.root);
    let (_, earlier) =
        auditor.get(&format!("/admin/audit/inclusion?idx=1&size={}", older.size)).await;
    assert_eq!(hash(&earlier["tree"]["root"]), older.root);
    assert_eq!(key.open(earlier["checkpoint"].as_str().unwrap()).unwrap(), older);

    let (_, proof) = auditor.get(&format!("/admin/audit/consistency?from={}", older.size)).await;
    let consistency = ConsistencyProof::<Sha256>::from_digests(&digests(&proof["hashes"]));
    let before = RootHash::<Sha256>::new(older.root.0.into(), older.size);
    reference.root().verify_consistency(&before, &consistency).unwrap();

    let archive = text(&auditor, "/admin/audit/archive?from=2").await;
    let kept = [older, newer];
    let checked = offline::checked(&archive, &key, &kept);
    assert_eq!(checked.wrong, 0, "{:?}", checked.problems);
    assert_eq!(checked.standings, [Standing::Continues; 2]);

    // Nothing of it changes when a person is erased.
    let someone = plane.user_quietly("quillfeather".to_owned()).await;
    let (status, erased) =
        plane.admin.post(&format!("/admin/users/{someone}/erase"), json!({})).await;
    assert_eq!(status, 200, "{erased}");
    settled(&plane).await;
    let archive = text(&auditor, "/admin/audit/archive").await;
    let checked = offline::checked(&archive, &key, &kept);
    assert_eq!((checked.wrong, &checked.standings[..]), (0, &[Standing::Continues; 2][..]));
    assert!(!archive.contains("quillfeather"));
    let store = plane.server.commands().store();
    let report = nexavpn_store::verify(&plane.db.pool, store.keyring()).await.unwrap();
    assert_eq!(report.problems, Vec::<String>::new());
    plane.server.stop().await;
}

#[tokio::test]
async fn what_cannot_be_proven_is_said_to_be_so() {
    let (plane, auditor) = plane(1).await;
    for (path, status, code) in [
        ("inclusion?idx=0", 400, "validation_error"),
        ("inclusion", 400, "validation_error"),
        ("inclusion?idx=9999", 404, "not_in_log"),
        ("inclusion?idx=3&size=2", 404, "not_in_log"),
        ("consistency?from=9999", 404, "not_in_log"),
        ("consistency?from=2&to=1", 400, "validation_error"),
        ("archive?from=0", 400, "validation_error"),
        ("archive?from=3&to=2", 400, "validation_error"),
        ("archive?to=9999", 404, "not_in_log"),
        ("archive?kept=9999", 404, "not_in_log"),
        ("pins?page_size=0", 400, "validation_error"),
        ("tile/0/000", 404, "not_found"),
        ("tile/0/000.p/256", 404, "not_found"),
        ("tile/8/000.p/1", 404, "not_found"),
        ("tile/entries/x001/000", 404, "not_found"),
    ] {
        let answer = auditor.get(&format!("/admin/audit/{path}")).await;
        assert_error(&answer, status, code);
    }
    plane.server.stop().await;
}

#[tokio::test]
async fn a_pinned_checkpoint_is_proven_later_and_tells_of_a_replaced_history() {
    let (plane, auditor) = plane(3).await;
    let note = text(&auditor, "/admin/audit/checkpoint").await;
    let (status, pin) = auditor.post("/admin/audit/pins", json!({ "note": note })).await;
    assert_eq!((status, &pin["consistent"]), (201, &json!(true)), "{pin}");
    assert_eq!(pin["pinned_by"], auditor.user_id());
    plane.user_quietly("one-more".to_owned()).await;
    settled(&plane).await;
    let (_, pins) = auditor.get("/admin/audit/pins").await;
    let pin = &pins["items"][0];
    assert_eq!((pins["items"].as_array().unwrap().len(), &pin["note"]), (1, &json!(note)));
    let tree = |of: &Value| (of["tree"]["size"].as_u64().unwrap(), hash(&of["tree"]["root"]));
    let proof: Vec<Hash> = pin["hashes"].as_array().unwrap().iter().map(hash).collect();
    assert!(is_consistent(&proof, tree(pin), tree(&pins)), "{pins}");

    let origin = note.lines().next().unwrap();
    let stranger = NoteKey::new(origin, ed25519_dalek::SigningKey::from_bytes(&[9; 32])).unwrap();
    let size = pin["tree"]["size"].as_u64().unwrap();
    let forged = stranger.sign(size, Hash([1; 32]));
    for wrong in [json!({}), json!({ "note": "nonsense" }), json!({ "note": forged })] {
        let answer = auditor.post("/admin/audit/pins", wrong.clone()).await;
        assert_error(&answer, 400, "validation_error");
        assert!(answer.1["error"]["message"].as_str().unwrap().contains("note"), "{wrong}");
    }

    // Another history from here on.
    let mut superuser = plane.db.superuser().await;
    sqlx::raw_sql(
        "ALTER TABLE events DISABLE TRIGGER ALL; ALTER TABLE log_checkpoint DISABLE TRIGGER ALL;
         UPDATE events SET recorded_at = recorded_at + interval '1 second';
         DELETE FROM log_checkpoint; DELETE FROM log_tile;
         UPDATE log_tree SET size = 0, root = sha256('')",
    )
    .execute(&mut superuser)
    .await
    .unwrap();
    plane.user_quietly("the-last".to_owned()).await;
    settled(&plane).await;
    let (_, pins) = auditor.get("/admin/audit/pins").await;
    assert_eq!(pins["items"][0]["consistent"], false, "{pins}");
    assert_eq!(pins["items"][0]["hashes"], Value::Null);
    let answer = auditor.post("/admin/audit/pins", json!({ "note": note })).await;
    assert_error(&answer, 409, "history_replaced");
    plane.server.stop().await;
}
