//! schemathesis against the served document, as everybody who may call: whatever is sent, no 5xx,
//! no status or content type that is not declared, no answer outside its schema.

use std::collections::BTreeMap;

use chrono::{TimeDelta, Utc};
use nexavpn_api::auth::permissions::{Permission, TABLE, Who};
use nexavpn_domain::values::Role;
use nexavpn_tests::harness::{ADMIN, Client, PASSWORD};
use serde_json::{Value, json};

use super::tools::{program, root, succeed};
use crate::api_admin::{Plane, gateway, id, key, with};

const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
                      response_headers_conformance,response_schema_conformance,\
                      unsupported_method,allow_header_conformance";

/// Operations that the fuzz leaves out, since it would wait for the end of their streams.
const ENDLESS: &[&str] = &["GET /admin/audit-logs/stream", "GET /admin/gateways/{id}/sync/stream"];

/// What the fuzz is let loose on.
struct World {
    plane: Plane,
    /// Ids by kind, so that ids lead somewhere.
    live: BTreeMap<&'static str, Vec<String>>,
    /// What requests hold that succeed, by operation, where no example can: secrets, moments, and
    /// what goes together.
    first: Value,
}

/// Something of everything. Whoever sends requests has devices.
async fn world(run: &Run) -> World {
    let plane = Plane::start().await;
    let mut live: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for pool in 96..100 {
        let id = plane.gateway(&format!("gateway-{pool}"), &format!("100.{pool}.0.0/16")).await;
        live.entry("gateways").or_default().push(id);
    }
    let mut sender = None;
    for (name, role) in [("the-auditor", "auditor"), ("the-user", "user"), ("else", "user")] {
        let client = plane.server.user(name, role).await;
        let user = client.user_id().to_owned();
        live.entry("devices").or_default().push(plane.device(&user, "laptop").await);
        let group = json!({ "name": format!("of-{name}"), "members": [user] });
        live.entry("groups").or_default().push(id(&plane.create("groups", group).await));
        let policy = json!({
            "name": format!("for-{name}"), "priority": 100, "effect": "allow",
            "destinations": ["172.16.20.0/24"], "targets": [{ "type": "user", "id": user }],
        });
        live.entry("policies").or_default().push(id(&plane.create("policies", policy).await));
        live.entry("users").or_default().push(user);
        sender = sender.or((run.username == Some(name)).then_some(client));
    }
    // Enough to be destroyed before others look at them.
    for number in 0..8 {
        let user = plane.user(&format!("spare-{number}")).await;
        live.entry("devices").or_default().push(plane.device(&user, "laptop").await);
        live.entry("users").or_default().push(user);
    }
    let sender = sender.unwrap_or_else(|| plane.admin.clone());
    for device in ["phone", "tablet", "watch", "desktop"] {
        let gateway = &live["gateways"][0];
        let new = json!({ "name": device, "public_key": key(), "gateway_id": gateway });
        let (status, made) = sender.post("/me/devices", new).await;
        assert_eq!(status, 201, "{made}");
        live.entry("own").or_default().push(id(&made["device"]));
    }
    for _ in 0..3 {
        let webhook = json!({ "url": "http://127.0.0.1:9/" });
        live.entry("webhooks").or_default().push(id(&plane.create("webhooks", webhook).await));
    }
    live.insert("drained", vec![drained(&plane).await]);
    live.insert("rotating", vec![rotating(&plane).await]);
    let first = first(&plane, &live).await;
    World { plane, live, first }
}

/// A gateway that is drained.
async fn drained(plane: &Plane) -> String {
    let gateway = plane.gateway("drained", "100.100.0.0/16").await;
    let path = format!("/admin/gateways/{gateway}/drain");
    let (status, drain) = plane.admin.post(&path, json!({})).await;
    assert_eq!(status, 202, "{drain}");
    gateway
}

/// A gateway whose next key is announced.
async fn rotating(plane: &Plane) -> String {
    let (gateway, joined) = plane.joined("rotating", "100.101.0.0/16", json!({})).await;
    let (node, report) = (plane.node(&joined), format!("/gateways/{gateway}/status"));
    let said = json!({
        "agent_version": "0.1.0", "applied": null, "rejected": null, "peers": [],
        "reported_at": "2026-01-01T00:00:00Z", "features": ["key_rotation"],
    });
    assert_eq!(node.post(&report, said.clone()).await.0, 204);
    let path = format!("/admin/gateways/{gateway}/key-rotation");
    let (status, asked) = plane.admin.post(&path, json!({ "switch_at": tomorrow() })).await;
    assert_eq!(status, 202, "{asked}");
    let next = json!({ "next_key": { "rotation": 1, "public_key": key() } });
    assert_eq!(node.post(&report, with(said, next)).await.0, 204);
    gateway
}

fn tomorrow() -> String {
    (Utc::now() + TimeDelta::days(1)).to_rfc3339()
}

async fn first(plane: &Plane, live: &BTreeMap<&'static str, Vec<String>>) -> Value {
    let body = |body: Value| json!({ "body": body });
    let query = |query: Value| json!({ "query": query });
    let login = body(json!({ "username": ADMIN, "password": PASSWORD }));
    let [one, two] =
        [plane.server.user("one", "user").await, plane.server.user("two", "user").await];
    let token = |of: &Client| of.session["refresh_token"].clone();
    let (_, sessions) = one.get("/me/sessions").await;
    let session = json!({ "id": one.user_id(), "session_id": sessions["items"][0]["id"] });
    let joins = id(&plane.create("gateways", gateway("joins", "100.102.0.0/16")).await);
    let join = plane.admin.post(&format!("/admin/gateways/{joins}/join-token"), json!({})).await;
    let join = json!({ "token": join.1["token"], "public_key": key(), "agent_version": "0.1.0" });
    let (_, pins) = plane.admin.get("/admin/audit/pins").await;
    let log = plane.server.commands().store().log();
    let restore = body(json!({ "at": log.head().await.unwrap().idx }));
    let own = query(json!({ "device_id": live["own"][0] }));
    let packet = query(json!({
        "user": live["users"][0], "destination": "172.16.20.5", "protocol": "tcp", "port": 443,
    }));
    let password = json!({ "current_password": PASSWORD, "password": "a jar of quiet thunder" });
    json!({
        "POST /auth/login": login,
        "POST /auth/browser/login": login,
        "POST /auth/refresh": body(json!({ "refresh_token": token(&one) })),
        "POST /auth/browser/refresh": { "cookies": { "nexavpn_refresh": token(&two) } },
        "POST /gateways/join": body(join),
        "POST /admin/gateways": body(gateway("another", "100.103.0.0/16")),
        "POST /me/password": body(password),
        "GET /me/profile": own,
        "GET /connection/status": own,
        "DELETE /admin/users/{id}/sessions/{session_id}": { "path_parameters": session },
        "POST /admin/policies/{id}/restore": restore,
        "POST /admin/groups/{id}/restore": restore,
        "POST /admin/devices/{id}/restore": restore,
        "POST /admin/preview/policies/{id}/restore": restore,
        "POST /admin/preview/groups/{id}/restore": restore,
        "POST /admin/preview/devices/{id}/restore": restore,
        "POST /admin/gateways/{id}/key-rotation": body(json!({ "switch_at": tomorrow() })),
        "POST /admin/audit/pins": body(json!({ "note": pins["checkpoint"] })),
        "GET /admin/access": packet,
        "GET /admin/access/explain": packet,
        "GET /admin/access/diff": query(json!({ "from": "0" })),
    })
}

/// Who sends, and what.
struct Run {
    /// Nobody is signed in without.
    username: Option<&'static str>,
    role: Option<Role>,
    /// With values at every bound of every field, for the operations with these paths: some
    /// thousand requests.
    coverage: &'static str,
    /// How many random requests for each operation.
    examples: u32,
}

impl Run {
    /// What the caller may do, and can with what a request may hold.
    fn admitted(&self) -> impl Iterator<Item = String> {
        let role = self.role;
        let admits = move |who: Who| match role {
            Some(role) => who.admits(role),
            None => who == Who::Public,
        };
        let rows = TABLE.iter().filter(move |row| admits(row.who));
        let names = rows.map(Permission::name);
        names.filter(|name| !ENDLESS.contains(&name.as_str()))
    }
}

/// What was answered: how often each status, by operation.
type Tally = BTreeMap<String, BTreeMap<u16, u32>>;

async fn everything_holds(run: Run) {
    let world = world(&run).await;
    let mut answered = fuzz(&world, &run, "examples,fuzzing", ".").await;
    if !run.coverage.is_empty() {
        for (operation, counts) in fuzz(&world, &run, "coverage", run.coverage).await {
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
    let succeeded = |name: &String| {
        let statuses = answered.get(name).into_iter().flat_map(BTreeMap::keys);
        statuses.into_iter().any(|status| (200..300).contains(status))
    };
    let failed: Vec<String> = run.admitted().filter(|name| !succeeded(name)).collect();
    assert!(failed.is_empty(), "never succeeded: {failed:#?} of {answered:#?}");
    world.plane.server.stop().await;
}

async fn fuzz(world: &World, run: &Run, phases: &str, paths: &str) -> Tally {
    let World { plane, live, first } = world;
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
        .env("NEXAVPN_LIVE", json!(live).to_string())
        .env("NEXAVPN_FIRST", first.to_string())
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
    let (username, role) = (Some(ADMIN), Some(Role::Admin));
    everything_holds(Run { username, role, coverage, examples: 8 }).await;
}

#[tokio::test]
async fn whatever_an_auditor_sends_is_answered_as_documented() {
    let (username, role) = (Some("the-auditor"), Some(Role::Auditor));
    everything_holds(Run { username, role, coverage: "", examples: 4 }).await;
}

#[tokio::test]
async fn whatever_a_user_sends_is_answered_as_documented() {
    let coverage = "^/(me|devices|connection)";
    let (username, role) = (Some("the-user"), Some(Role::User));
    everything_holds(Run { username, role, coverage, examples: 4 }).await;
}

#[tokio::test]
async fn whatever_a_stranger_sends_is_answered_as_documented() {
    let coverage = "^/(auth|gateways)";
    everything_holds(Run { username: None, role: None, coverage, examples: 2 }).await;
}
