//! A crash in the middle leaves nothing, and a whole server moves over at once.

use std::time::Instant;

use nexavpn_tests::harness::{
    OwnServer, TestServer, WIDE, poll_until, request, run_program, start_program,
};
use sqlx::PgPool;

use super::{Importer, client, events, pair, wg0_json};

/// As many as version 14 can have.
const CLIENTS: u8 = 253;

async fn enrolled(pool: &PgPool) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM events WHERE event_type = 'device.enrolled'")
        .fetch_one(pool)
        .await
        .unwrap()
}

/// The append is held up behind its events, and the program is killed there.
#[tokio::test]
async fn a_crash_in_the_middle_leaves_nothing_and_the_next_import_all_253() {
    let postgres = OwnServer::start(false).await;
    let server = TestServer::start_with(&postgres.server_url(), |_| {}).await;
    let new = nexavpn_commands::NewUser {
        username: "alice".into(),
        display_name: None,
        email: None,
        role: None,
        password: None,
        must_change_password: false,
    };
    server.commands().create_user(&request(), new).await.unwrap();
    let importer = Importer::new(&postgres.server_url());
    let clients: Vec<_> =
        (2..=254).map(|n| client(&format!("c{n}"), &format!("10.8.0.{n}"))).collect();
    assert_eq!(clients.len(), usize::from(CLIENTS));
    let file = importer.write("wg0.json", wg0_json(&pair(), &clients).to_string());
    let options = ["--owner", "alice", "--endpoint", "vpn.example.com:51820", "--allow-all"];
    let pool = postgres.pool();
    let before = events(&pool).await;

    let mut blocking = postgres.owner_pool().begin().await.unwrap();
    sqlx::query("LOCK TABLE device_preshared_key IN ACCESS EXCLUSIVE MODE")
        .execute(&mut *blocking)
        .await
        .unwrap();
    let path = file.display().to_string();
    let arguments = [&["import", "wg-easy", &path][..], &options].concat();
    let variables = importer.variables();
    let variables: Vec<(&str, &str)> =
        variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let mut program = start_program(&arguments, &variables);
    poll_until(WIDE, || async {
        let waits: bool = sqlx::query_scalar(
            "SELECT EXISTS (SELECT FROM pg_stat_activity
                            WHERE wait_event_type = 'Lock' AND query LIKE '%device_preshared_key%')",
        )
        .fetch_one(&pool)
        .await
        .unwrap();
        waits
    })
    .await;
    program.kill().await.unwrap();
    blocking.rollback().await.unwrap();
    poll_until(WIDE, || async {
        let open: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM pg_stat_activity
             WHERE query LIKE '%device_preshared_key%' AND state <> 'idle'
               AND pid <> pg_backend_pid()",
        )
        .fetch_one(&pool)
        .await
        .unwrap();
        open == 0
    })
    .await;
    assert_eq!(events(&pool).await, before, "half of it was left");
    let held: i64 =
        sqlx::query_scalar("SELECT count(*) FROM ip_slot").fetch_one(&pool).await.unwrap();
    assert_eq!(held, 0, "an address was left");

    let begin = Instant::now();
    let said = importer.imports(&file, &options).await;
    eprintln!("{CLIENTS} clients imported in {:?}", begin.elapsed());
    assert!(said.contains("253 clients") && said.contains("Done."), "{said}");
    assert_eq!(enrolled(&pool).await, i64::from(CLIENTS));
    let transactions: i64 = sqlx::query_scalar(
        "SELECT count(DISTINCT tx) FROM events WHERE event_type LIKE 'device.%'
             OR event_type IN ('gateway.created', 'policy.created')",
    )
    .fetch_one(&pool)
    .await
    .unwrap();
    assert_eq!(transactions, 1, "all of it is one append");
    // The server beside it knows them, and may give one away again as any other device.
    let admin = server.admin().await;
    poll_until(WIDE, || async {
        admin.get("/admin/devices?page_size=1").await.1["total"] == CLIENTS
    })
    .await;
    // Read models are folded again beside the others for it, which takes their owner.
    let owner = postgres.owner_url();
    let owner = [&variables[..], &[("NEXAVPN_MIGRATE_URL", owner.as_str())]].concat();
    let (ok, verified) = run_program(&["verify"], &owner).await;
    assert!(ok, "{verified}");
    server.stop().await;
}
