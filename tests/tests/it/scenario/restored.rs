//! A dump of a live system, restored into another cluster.

use std::{path::PathBuf, process::Command};

use nexavpn_tests::harness::{
    ADMIN, Client, OwnServer, PASSWORD, TestServer, WIDE, poll_until, run_program,
};
use serde_json::{Value, json};

use super::{Node, code, device, settings, start_program, token, truth::assert_whole, user};

/// A PostgreSQL client program, of the newest version installed.
fn program(name: &str) -> Command {
    let dir = std::env::var_os("NEXAVPN_PG_BIN").map(PathBuf::from).unwrap_or_else(|| {
        let versions = std::fs::read_dir("/usr/lib/postgresql").unwrap();
        let newest = versions
            .filter_map(|v| v.unwrap().file_name().to_str()?.parse::<u32>().ok())
            .max()
            .unwrap();
        PathBuf::from(format!("/usr/lib/postgresql/{newest}/bin"))
    });
    Command::new(dir.join(name))
}

/// The types of all recorded events, oldest first.
async fn story(admin: &Client) -> Vec<(i64, String)> {
    let (status, page) = admin.get("/admin/audit-logs?page_size=200").await;
    assert_eq!(status, 200, "{page}");
    let entry = |e: &Value| (e["idx"].as_i64().unwrap(), e["event_type"].as_str().unwrap().into());
    let mut story: Vec<_> = page["items"].as_array().unwrap().iter().map(entry).collect();
    story.sort();
    story
}

#[tokio::test]
async fn a_restored_dump_is_read_until_it_is_accepted_and_then_goes_on() {
    let old_db = OwnServer::start(false).await;
    let old = TestServer::start_with(&old_db.server_url(), |_| {}).await;
    // The new cluster's transactions will have smaller numbers than the old events.
    let pool = old_db.pool();
    for _ in 0..500 {
        sqlx::query("SELECT pg_current_xact_id()").execute(&pool).await.unwrap();
    }
    pool.close().await;
    let admin = old.admin().await;
    let node = Node::join(&admin, "gw", "100.96.0.0/24").await;
    let alice = user(&admin, "alice").await;
    let kept = device(&admin, &alice, "kept").await;
    let before = story(&admin).await;
    let dump = old_db.scratch_dir().join("dump");
    let mut dumping = program("pg_dump");
    dumping.arg("-Fc").arg("-f").arg(&dump).arg(old_db.superuser_url("nexavpn"));
    assert!(dumping.status().unwrap().success());
    // What comes after the dump is lost, and the node has seen it.
    for n in 0..20 {
        device(&admin, &user(&admin, &format!("lost-{n}")).await, "lost").await;
    }
    let (status, body) = node.sync(&old.base_url, None).await;
    assert_eq!(status, 200);
    let held = node.believe(&body);
    old.stop().await;

    let db = OwnServer::start_empty(false, &[]).await;
    let mut restoring = program("pg_restore");
    restoring.arg("-d").arg(db.superuser_url("nexavpn")).arg("--exit-on-error").arg(&dump);
    assert!(restoring.status().unwrap().success());
    let server = start_program(&db).await;
    assert!(server.output().contains("restore accept"), "{}", server.output());
    let (status, body) = server.client().get_outside("/readyz").await;
    assert_eq!(status, 503, "{body}");
    // Sessions came along: reads are answered, writes are not.
    let admin = server.client().with_token(token(&admin));
    poll_until(WIDE, || async { story(&admin).await == before }).await;
    assert_eq!(admin.get(&format!("/admin/devices/{kept}")).await.1["status"], "active");
    let signing_in = json!({ "username": ADMIN, "password": PASSWORD });
    for (path, body) in [
        ("/admin/users", json!({ "username": "early" })),
        ("/auth/login", signing_in),
        (&format!("/admin/devices/{kept}/revoke"), json!({})),
    ] {
        let (status, answer) = admin.post(path, body).await;
        assert_eq!((status, code(&answer)), (503, "restore_not_accepted"), "{path}: {answer}");
    }
    let (status, answer) = node.sync(&server.base_url, None).await;
    let answer: Value = serde_json::from_slice(&answer).unwrap();
    assert_eq!((status, code(&answer)), (503, "restore_not_accepted"), "{answer}");

    let settings = settings(&db);
    let settings: Vec<_> = settings.iter().map(|(k, v)| (*k, v.as_str())).collect();
    let (ok, said) = run_program(&["restore", "accept"], &settings).await;
    assert!(ok, "{said}");
    poll_until(WIDE, || async { server.client().get_outside("/readyz").await.0 == 200 }).await;
    let (epoch, revision) = held.position();
    let report = json!({
        "agent_version": "0.1.0", "rejected": null, "peers": [],
        "applied": { "epoch": epoch, "revision": revision, "sha256": held.sha256 },
        "reported_at": "2026-01-01T00:00:00Z",
    });
    let status = format!("/gateways/{}/status", node.gateway);
    let reported = server.client().with_token(&node.credential).post(&status, report).await;
    assert_eq!(reported.0, 204, "{}", reported.1);

    user(&admin, "late").await;
    let added = device(&admin, &alice, "added").await;
    let after = story(&admin).await;
    assert_eq!(after[..before.len()], before);
    let new: Vec<_> = after[before.len()..].iter().map(|(_, t)| t.as_str()).collect();
    assert_eq!(new, ["user.created", "device.enrolled"]);
    assert!(after.iter().zip(1..).all(|((idx, _), n)| *idx == n), "{after:?}");

    let (status, body) = node.sync(&server.base_url, Some(&held.etag())).await;
    assert_eq!(status, 200);
    let next = node.believe(&body);
    assert!(next.check_newer(&held).unwrap());
    let (new_epoch, new_revision) = next.position();
    assert!(new_epoch > epoch && new_revision < revision, "{new_epoch}.{new_revision}");
    let mut devices: Vec<_> = next.payload.devices.iter().map(|d| d.id.clone()).collect();
    let mut expected = [kept, added];
    devices.sort();
    expected.sort();
    assert_eq!(devices, expected);
    assert_whole(&db).await;
    assert!(server.stop().await.success());
}
