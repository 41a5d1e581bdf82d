//! schemathesis against the served document, as everybody who may call: whatever is sent, no 5xx,
//! no status or content type that is not declared, no answer outside its schema.

use std::collections::BTreeMap;

use nexavpn_tests::harness::{ADMIN, PASSWORD};
use serde_json::{Value, json};

use super::tools::{program, root, succeed};
use crate::api_admin::{Plane, id, key};

const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
                      response_headers_conformance,response_schema_conformance,\
                      unsupported_method,allow_header_conformance";

/// Something of everything, and the ids by kind, so that ids lead somewhere. `own` narrows the
/// devices to those of a user.
async fn world(own: Option<&str>) -> (Plane, Value) {
    let plane = Plane::start().await;
    let mut ids: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    ids.entry("gateways").or_default().push(plane.gateway("berlin", "100.96.0.0/16").await);
    for pool in 97..100 {
        let pool = plane.gateway(&format!("gateway-{pool}"), &format!("100.{pool}.0.0/16")).await;
        ids.entry("gateways").or_default().push(pool);
    }
    for (name, role) in [("the-auditor", "auditor"), ("the-user", "user"), ("else", "user")] {
        let client = plane.server.user(name, role).await;
        let user = client.user_id().to_owned();
        let mut devices = vec![plane.device(&user, "laptop").await];
        let group = json!({ "name": format!("of-{name}"), "members": [user] });
        ids.entry("groups").or_default().push(id(&plane.create("groups", group).await));
        let policy = json!({
            "name": format!("for-{name}"), "priority": 100, "effect": "allow",
            "destinations": ["172.16.20.0/24"], "targets": [{ "type": "user", "id": user }],
        });
        ids.entry("policies").or_default().push(id(&plane.create("policies", policy).await));
        for device in ["phone", "tablet"] {
            let enrolled = json!({ "name": device, "public_key": key() });
            let (status, enrolled) = client.post("/devices/enroll", enrolled).await;
            assert_eq!(status, 201, "{enrolled}");
            devices.push(id(&enrolled["device"]));
        }
        if own.is_none_or(|own| own == name) {
            ids.entry("devices").or_default().extend(devices);
        }
        ids.entry("users").or_default().push(user);
    }
    // Enough to be destroyed before others look at them.
    for number in 0..if own.is_none() { 8 } else { 0 } {
        let user = plane.user(&format!("spare-{number}")).await;
        ids.entry("devices").or_default().push(plane.device(&user, "laptop").await);
        ids.entry("users").or_default().push(user);
    }
    (plane, json!(ids))
}

/// Who sends, and what.
struct Run {
    /// Nobody is signed in without.
    username: Option<&'static str>,
    /// With values at every bound of every field, for the operations with these paths: some
    /// thousand requests.
    coverage: &'static str,
    /// How many random requests for each operation.
    examples: u32,
    /// How many operations must have succeeded at least once: fewer would say that the fuzz never
    /// came past the door.
    succeed: usize,
}

/// What was answered: how often each status, by operation.
type Tally = BTreeMap<String, BTreeMap<u16, u32>>;

async fn everything_holds(run: Run) {
    let (plane, ids) = world(run.username.filter(|name| *name == "the-user")).await;
    let mut answered = fuzz(&plane, &ids, &run, "examples,fuzzing", ".").await;
    if !run.coverage.is_empty() {
        for (operation, counts) in fuzz(&plane, &ids, &run, "coverage", run.coverage).await {
            let sum = answered.entry(operation).or_default();
            for (status, count) in counts {
                *sum.entry(status).or_default() += count;
            }
        }
    }
    let count = |matches: &dyn Fn(u16) -> bool| -> u32 {
        let counts = answered.values().flatten();
        counts.filter(|(status, _)| matches(**status)).map(|(_, count)| count).sum()
    };
    let (all, unauthenticated) = (count(&|_| true), count(&|status| status == 401));
    assert!(
        run.username.is_none() || unauthenticated * 10 < all,
        "{unauthenticated} of {all} requests were not signed in"
    );
    let succeeded = |counts: &&BTreeMap<u16, u32>| counts.keys().any(|s| (200..300).contains(s));
    let succeeded = answered.values().filter(succeeded).count();
    assert!(
        succeeded >= run.succeed,
        "only {succeeded} operations succeeded at least once: {answered:#?}"
    );
    plane.server.stop().await;
}

async fn fuzz(plane: &Plane, ids: &Value, run: &Run, phases: &str, paths: &str) -> Tally {
    let place = tempfile::tempdir().unwrap();
    let tally = place.path().join("tally.json");
    let api = format!("{}/api/v1", plane.server.base_url);
    let mut schemathesis = program("schemathesis", place.path());
    schemathesis
        .args(["run", &format!("{api}/openapi.json"), "--url", &api])
        .args(["--checks", CHECKS, "--phases", phases, "--include-path-regex", paths])
        .args(["--max-examples", &run.examples.to_string(), "--seed", "1", "--workers", "1"])
        .args(["--generation-database", "none", "--no-color", "--warnings", "off"])
        .arg("--continue-on-failure")
        // It would wait for the end of a stream of events.
        .args(["--exclude-path-regex", "/stream$"])
        .env("SCHEMATHESIS_HOOKS", root().join("tests/tools/schemathesis_hooks.py"))
        .env("NEXAVPN_API", &api)
        .env("NEXAVPN_PASSWORD", PASSWORD)
        .env("NEXAVPN_LIVE", ids.to_string())
        .env("NEXAVPN_TALLY", &tally);
    if phases == "coverage" {
        schemathesis.env("NEXAVPN_SHARED_HEADERS", "few");
    }
    if let Some(username) = run.username {
        schemathesis.env("NEXAVPN_USERNAME", username);
        // It would sign in with texts of its own.
        schemathesis.args(["--generation-with-security-parameters", "false"]);
    }
    let output = succeed(schemathesis).await;
    let tally = std::fs::read(&tally).unwrap_or_else(|error| panic!("{error}: {output}"));
    serde_json::from_slice(&tally).unwrap()
}

#[tokio::test]
async fn whatever_an_admin_sends_is_answered_as_documented() {
    let coverage = "^/admin/(?!preview)";
    let admin = Run { username: Some(ADMIN), coverage, examples: 8, succeed: 60 };
    everything_holds(admin).await;
}

#[tokio::test]
async fn whatever_an_auditor_sends_is_answered_as_documented() {
    let auditor = Run { username: Some("the-auditor"), coverage: "", examples: 4, succeed: 35 };
    everything_holds(auditor).await;
}

#[tokio::test]
async fn whatever_a_user_sends_is_answered_as_documented() {
    let coverage = "^/(me|devices|connection)";
    let user = Run { username: Some("the-user"), coverage, examples: 4, succeed: 12 };
    everything_holds(user).await;
}

#[tokio::test]
async fn whatever_a_stranger_sends_is_answered_as_documented() {
    let stranger = Run { username: None, coverage: "^/(auth|gateways)", examples: 2, succeed: 2 };
    everything_holds(stranger).await;
}
