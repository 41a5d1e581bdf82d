//! Files of any size and range.

use std::{
    io::Write as _,
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    time::Duration,
};

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use nexavpn_tests::harness::{
    ADMIN, Client, OwnServer, PASSWORD, ServerProcess, TestServer, WIDE, poll_until,
    write_master_key,
};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::PgPool;

use super::{numbers, token};
use crate::api_admin::{Plane, assert_invalid};

/// Events of a large log, and how many bytes each has at least.
const MANY: i32 = 20_000;
const EACH: i32 = 4_000;
/// How long the server may take to read it all in.
const PATIENCE: Duration = Duration::from_secs(240);
/// How often in a row nothing is found open.
const QUIET: u32 = 20;
/// The part of the file that the server may grow by while it writes it. Its allocator keeps what was
/// freed for a while, and other tasks go on meanwhile: that is some tens of megabytes. The file has
/// 170, and whoever held it in memory would hold it decoded and as text.
const GROWTH: u64 = 2;

async fn lines(plane: &Plane, path: &str) -> Vec<Value> {
    let answer = plane.admin.send(Method::GET, path, &[], None).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.header("content-type"), "application/x-ndjson");
    // A single line is JSON by itself.
    match &answer.body {
        Value::Null => vec![],
        Value::String(text) => text.lines().map(|l| serde_json::from_str(l).unwrap()).collect(),
        one => vec![one.clone()],
    }
}

#[tokio::test]
async fn every_list_is_lines_of_what_its_items_show() {
    let plane = Plane::start().await;
    plane.gateway("gw", "100.96.0.0/24").await;
    for name in ["alice", "bob"] {
        let user = plane.user(name).await;
        plane.device(&user, "laptop").await;
        plane.create("groups", json!({ "name": format!("{name}'s"), "description": "a\nb" })).await;
        let policy = json!({ "name": name, "effect": "deny", "destinations": ["10.0.0.0/8"] });
        plane.create("policies", policy).await;
    }
    for list in ["users", "groups", "devices", "policies", "gateways", "audit-logs"] {
        let lines = lines(&plane, &format!("/admin/{list}?format=ndjson")).await;
        let (_, page) = plane.admin.get(&format!("/admin/{list}")).await;
        let items = page["items"].as_array().unwrap();
        assert_eq!(lines.len(), items.len(), "{list}");
        for (line, item) in lines.iter().zip(items) {
            for (name, value) in item.as_object().unwrap() {
                assert_eq!(&line[name], value, "{list}: {name}");
            }
        }
    }
    let accept = [("accept", "application/x-ndjson")];
    let path = "/admin/users?q=bob";
    let answer = plane.admin.send(Method::GET, path, &accept, None).await;
    assert_eq!(answer.header("content-disposition"), "attachment; filename=\"users.ndjson\"");
    assert_eq!(answer.body["username"], "bob");
}

#[tokio::test]
async fn a_range_is_written_from_its_first_entry_to_its_last() {
    let plane = Plane::start().await;
    for n in 0..30 {
        plane.user_quietly(format!("user{n:02}")).await;
    }
    plane.user("last").await;
    let (_, page) = plane.admin.get("/admin/audit-logs?page_size=200").await;
    let mut all = page["items"].as_array().unwrap().clone();
    all.reverse();
    let of = |entries: &[Value]| numbers(&json!(entries));
    let head = all.last().unwrap()["idx"].as_i64().unwrap();

    let path = "/admin/audit-logs?format=ndjson";
    assert_eq!(lines(&plane, &format!("{path}&from=1")).await, all);
    let some = lines(&plane, &format!("{path}&from=5&to=9")).await;
    assert_eq!(of(&some), [5, 6, 7, 8, 9]);
    assert_eq!(of(&lines(&plane, &format!("{path}&to=3")).await), [1, 2, 3]);
    assert_eq!(of(&lines(&plane, &format!("{path}&from={}", head + 1)).await), [0; 0]);
    let created = lines(&plane, &format!("{path}&from=10&event_type=user.created")).await;
    let wanted: Vec<Value> =
        all[9..].iter().filter(|e| e["event_type"] == "user.created").cloned().collect();
    assert!(!created.is_empty() && created == wanted);
    let (_, page) = plane.admin.get("/admin/audit-logs?from=5&to=9").await;
    assert_eq!(numbers(&page["items"]), [9, 8, 7, 6, 5]);
    assert_eq!(page["total"], 5);
    let csv = plane.admin.send(Method::GET, "/admin/audit-logs?format=csv&from=5&to=9", &[], None);
    let csv = csv.await.body;
    let first: Vec<&str> =
        csv.as_str().unwrap().lines().map(|l| l.split(',').next().unwrap()).collect();
    assert_eq!(first, ["idx", "5", "6", "7", "8", "9"]);

    // By time, both ends included.
    let time = |entry: &Value| entry["time"].as_str().unwrap().parse::<DateTime<Utc>>().unwrap();
    let text = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::Nanos, true);
    let (from, to) = (time(&all[10]), time(&all[20]));
    let by_time = lines(&plane, &format!("{path}&from={}&to={}", text(from), text(to))).await;
    let wanted: Vec<Value> =
        all.iter().filter(|e| (from..=to).contains(&time(e))).cloned().collect();
    assert_eq!(by_time, wanted);
    let later = text(Utc::now() + TimeDelta::days(1));
    assert_eq!(lines(&plane, &format!("{path}&from={later}")).await, Vec::<Value>::new());

    for (query, field) in [
        ("from=x", "from"),
        ("to=2026-13-01T00:00:00Z", "to"),
        ("from=1&after=x", "after"),
        ("format=ndjson&from=1&colour=red", "colour"),
    ] {
        let path = format!("/admin/audit-logs?{query}");
        let answer = plane.admin.send(Method::GET, &path, &[], None).await;
        assert_invalid(&answer, field, &json!(query));
    }
}

/// Events made by SQL: what is tested is the reading.
async fn fill(pool: &PgPool) {
    sqlx::query(
        "INSERT INTO events (aggregate_type, aggregate_id, sequence, event_type, event_version,
                             payload, metadata)
         SELECT 'security', '00000000-0000-4000-8000-' || lpad(n::text, 12, '0'), 1,
                'security.failure', '1.0',
                json_build_object('type', 'security.failure', 'kind', 'login', 'user_id', null,
                    'network', null, 'code', repeat(md5(n::text), $2 / 32), 'route', null),
                json_build_object('actor_type', 'anonymous')
         FROM generate_series(1, $1) n",
    )
    .bind(MANY)
    .bind(EACH)
    .execute(pool)
    .await
    .unwrap();
}

/// A program with a large log.
async fn large() -> (OwnServer, ServerProcess, Client) {
    let db = OwnServer::start(false).await;
    TestServer::start_with(&db.server_url(), |_| {}).await.stop().await;
    let pool = db.owner_pool();
    fill(&pool).await;
    pool.close().await;
    let keys = db.scratch_dir();
    let variables = [
        ("DATABASE_URL", db.server_url()),
        ("NEXAVPN_MIGRATE_URL", db.owner_url()),
        ("NEXAVPN_MASTER_KEY_FILE", write_master_key(keys).display().to_string()),
        ("NEXAVPN_DATA_DIR", keys.join("data").display().to_string()),
    ];
    let variables: Vec<_> = variables.iter().map(|(k, v)| (*k, v.as_str())).collect();
    let server = ServerProcess::start_with(&[], &variables).await;
    let admin = server.client().login(ADMIN, PASSWORD).await;
    let folded = || async { admin.get("/admin/audit-logs").await.1["total"].as_i64() };
    poll_until(PATIENCE, || async { folded().await >= Some(MANY.into()) }).await;
    (db, server, admin)
}

/// Signed in before: checking a password takes memory of its own.
async fn begin(server: &ServerProcess, admin: &Client, format: &str) -> reqwest::Response {
    let url = format!("{}/api/v1/admin/audit-logs?format={format}&from=1", server.base_url);
    let http = reqwest::Client::builder().no_proxy().no_gzip().build().unwrap();
    let response = http.get(url).bearer_auth(token(admin)).send().await.unwrap();
    assert_eq!(response.status(), 200);
    response
}

/// What transactions and statements of the server are open.
async fn busy(db: &OwnServer) -> i64 {
    let pool = db.owner_pool();
    let count = sqlx::query_scalar(
        "SELECT count(*) FROM pg_stat_activity
         WHERE usename = 'nexavpn_server' AND state <> 'idle'
           AND query LIKE '%audit_log%' AND pid <> pg_backend_pid()",
    );
    let count = count.fetch_one(&pool).await.unwrap();
    pool.close().await;
    count
}

#[tokio::test]
async fn a_large_log_takes_no_memory_to_write_and_a_broken_file_is_seen_to_be() {
    let (db, server, admin) = large().await;
    // Once, so that what the server keeps anyway is there.
    let warm = begin(&server, &admin, "ndjson").await.text().await.unwrap();
    let (whole, bytes) = (warm.lines().count(), warm.len() as u64);
    assert!(whole >= MANY as usize, "{whole} lines");
    drop(warm);

    let before = server.resident();
    let mut response = begin(&server, &admin, "ndjson").await;
    // A reader that takes nothing for a while: what is not taken is not read either.
    let quiet = AtomicU32::new(0);
    poll_until(WIDE, || async {
        let rests = busy(&db).await == 0;
        quiet.store(if rests { quiet.load(Relaxed) + 1 } else { 0 }, Relaxed);
        quiet.load(Relaxed) >= QUIET
    })
    .await;
    let (mut lines, mut most, mut last) = (0, 0, Vec::new());
    while let Some(chunk) = response.chunk().await.unwrap() {
        lines += chunk.iter().filter(|b| **b == b'\n').count();
        most = most.max(server.resident());
        last.write_all(&chunk).unwrap();
        if let Some(end) = last.iter().rposition(|b| *b == b'\n') {
            last.drain(..end);
        }
    }
    assert!(lines >= whole, "{lines} of {whole} lines");
    let growth = most.saturating_sub(before);
    println!("a file of {bytes} bytes; the server grew by {growth}");
    assert!(growth < bytes / GROWTH, "from {before} to {most} for a file of {bytes} bytes");

    // What cannot be read to the end does not end as if it had been.
    for format in ["ndjson", "csv"] {
        let mut response = begin(&server, &admin, format).await;
        response.chunk().await.unwrap().unwrap();
        let pool = db.owner_pool();
        let rename = |from: &str, to: &str| format!("ALTER TABLE {from} RENAME TO {to}");
        sqlx::query(&rename("read.audit_log", "elsewhere")).execute(&pool).await.unwrap();
        let broken = loop {
            match tokio::time::timeout(WIDE, response.chunk()).await.unwrap() {
                Ok(Some(_)) => {}
                Ok(None) => break false,
                Err(_) => break true,
            }
        };
        sqlx::query(&rename("read.elsewhere", "audit_log")).execute(&pool).await.unwrap();
        pool.close().await;
        assert!(broken, "{format}: half a file ended like a whole one");
    }
    assert!(server.stop().await.success());
}
