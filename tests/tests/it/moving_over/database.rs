//! Version 15's `wg-easy.db`.

use std::path::Path;

use rusqlite::{Connection, params};
use serde_json::json;

use super::{Importer, devices, each, pair, preshared_key};
use crate::api_admin::Plane;
use nexavpn_tests::harness::{WIDE, poll_until};

/// The tables that version 15.0 makes, as far as an import reads them, with the columns of later
/// versions where they matter. The write-ahead log is how wg-easy runs it.
const TABLES: &str = "
    PRAGMA journal_mode = WAL;
    CREATE TABLE clients_table (
        id integer PRIMARY KEY AUTOINCREMENT NOT NULL, user_id integer NOT NULL,
        name text NOT NULL, ipv4_address text NOT NULL UNIQUE, ipv6_address text NOT NULL UNIQUE,
        pre_up text DEFAULT '' NOT NULL, post_up text DEFAULT '' NOT NULL,
        pre_down text DEFAULT '' NOT NULL, post_down text DEFAULT '' NOT NULL,
        private_key text NOT NULL, public_key text NOT NULL, pre_shared_key text NOT NULL,
        expires_at text, allowed_ips text, server_allowed_ips text NOT NULL,
        persistent_keepalive integer NOT NULL, mtu integer NOT NULL, dns text,
        enabled integer NOT NULL,
        created_at text DEFAULT (CURRENT_TIMESTAMP) NOT NULL,
        updated_at text DEFAULT (CURRENT_TIMESTAMP) NOT NULL);
    CREATE TABLE interfaces_table (
        name text PRIMARY KEY NOT NULL, device text NOT NULL, port integer NOT NULL UNIQUE,
        private_key text NOT NULL, public_key text NOT NULL, ipv4_cidr text NOT NULL,
        ipv6_cidr text NOT NULL, mtu integer NOT NULL, enabled integer NOT NULL,
        created_at text DEFAULT (CURRENT_TIMESTAMP) NOT NULL,
        updated_at text DEFAULT (CURRENT_TIMESTAMP) NOT NULL);
    CREATE TABLE user_configs_table (
        id text PRIMARY KEY NOT NULL, default_mtu integer NOT NULL,
        default_persistent_keepalive integer NOT NULL, default_dns text NOT NULL,
        default_allowed_ips text NOT NULL, host text NOT NULL, port integer NOT NULL,
        created_at text DEFAULT (CURRENT_TIMESTAMP) NOT NULL,
        updated_at text DEFAULT (CURRENT_TIMESTAMP) NOT NULL);
";
/// What later versions add.
const LATER: &str = "
    ALTER TABLE clients_table ADD interface_id text NOT NULL DEFAULT 'wg0';
    ALTER TABLE clients_table ADD firewall_ips text;
    ALTER TABLE clients_table ADD server_endpoint text;
    ALTER TABLE interfaces_table ADD firewall_enabled integer DEFAULT false NOT NULL;
";

/// A database of a server that was set up; wg-easy, which goes on using it.
fn wg_easy(path: &Path, server: &(String, String)) -> Connection {
    let database = Connection::open(path).unwrap();
    database.execute_batch(TABLES).unwrap();
    database
        .execute(
            "INSERT INTO interfaces_table
                 (name, device, port, private_key, public_key, ipv4_cidr, ipv6_cidr, mtu, enabled)
             VALUES ('wg0', 'eth0', 51820, ?1, ?2, '10.8.0.0/24',
                     'fdcc:ad94:bacf:61a4::cafe:0/112', 1380, 1)",
            params![server.0, server.1],
        )
        .unwrap();
    database
        .execute(
            "INSERT INTO user_configs_table
                 (id, default_mtu, default_persistent_keepalive, default_dns, default_allowed_ips,
                  host, port)
             VALUES ('wg0', 1420, 15, '[\"9.9.9.9\",\"2620:fe::fe\"]', '[\"0.0.0.0/0\",\"::/0\"]',
                     'vpn.example.org', 51999)",
            [],
        )
        .unwrap();
    database
}

/// A client as wg-easy adds one, with the numbers of its two addresses.
fn add(database: &Connection, name: &str, (v4, v6): (u8, u16), enabled: bool) -> String {
    let (private, public) = pair();
    database
        .execute(
            "INSERT INTO clients_table
                 (user_id, name, ipv4_address, ipv6_address, private_key, public_key,
                  pre_shared_key, server_allowed_ips, persistent_keepalive, mtu, enabled)
             VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, '[]', 15, 1420, ?7)",
            params![
                name,
                format!("10.8.0.{v4}"),
                format!("fdcc:ad94:bacf:61a4::cafe:{v6:x}"),
                private,
                public,
                preshared_key(),
                enabled
            ],
        )
        .unwrap();
    public
}

#[tokio::test]
async fn a_running_servers_database_moves_over() {
    let plane = Plane::start().await;
    plane.user("alice").await;
    let importer = Importer::of(&plane);
    let path = importer.path().join("wg easy?.db");
    let server = pair();
    let database = wg_easy(&path, &server);
    let phone = add(&database, "phone", (2, 2), true);
    let old = add(&database, "old", (3, 3), false);
    database.execute_batch(LATER).unwrap();
    let moved = add(&database, "moved", (9, 4), true);
    let set = |what: &str| {
        let sql = format!("UPDATE clients_table SET {what} WHERE name = 'phone'");
        assert_eq!(database.execute(&sql, []).unwrap(), 1);
    };
    set("expires_at = '2099-06-01T21:59:59.000Z'");
    set("server_allowed_ips = '[\"192.168.7.0/24\"]', allowed_ips = '[\"10.0.0.0/8\"]'");
    set("firewall_ips = '[\"10.1.0.0/16\"]', dns = '[\"10.0.0.53\"]', mtu = 1300");
    set("post_up = 'echo up', server_endpoint = 'phone.example.org:1'");
    // What is written is still in the log beside the file alone.
    let log = std::fs::metadata(importer.path().join("wg easy?.db-wal")).unwrap();
    assert!(log.len() > 0, "there is no write-ahead log");

    let said = importer.imports(&path, &["--owner", "alice"]).await;
    for words in [
        "wg-easy 15",
        "vpn.example.org:51999, listening on 51999",
        "10.8.0.0/24 and fdcc:ad94:bacf:61a4::cafe:0/112",
        "9.9.9.9, 2620:fe::fe",
        "MTU         1380, keepalive 15 s",
        "masquerades eth0",
        "expires 2099-06-01 21:59:59 UTC",
        "loses fdcc:ad94:bacf:61a4::cafe:4",
        r#"of "phone": the networks behind it"#,
        r#"of "phone": its own allowed IPs"#,
        r#"of "phone": its firewall's destinations"#,
        r#"of "phone": its own DNS servers"#,
        r#"of "phone": its own MTU or keepalive"#,
        r#"of "phone": its post_up"#,
        r#"of "phone": its server_endpoint"#,
    ] {
        assert!(said.contains(words), "{words} in:\n{said}");
    }
    assert!(!said.contains(r#"of "old""#), "{said}");
    poll_until(WIDE, || async { devices(&plane).await.len() == 3 }).await;
    let devices = devices(&plane).await;
    assert_eq!(each(&devices, "name"), ["phone", "old", "moved"]);
    assert_eq!(each(&devices, "public_key"), [phone, old, moved]);
    assert_eq!(each(&devices, "status"), ["active", "disabled", "active"]);
    let v6 = ["2", "3", "9"].map(|n| format!("fdcc:ad94:bacf:61a4::cafe:{n}/128"));
    assert_eq!(each(&devices, "assigned_ipv6"), v6);
    let (_, gateways) = plane.admin.get("/admin/gateways").await;
    assert_eq!(gateways["items"][0]["public_key"], json!(server.1));
    let shown = database.query_row("SELECT count(*) FROM clients_table", [], |row| row.get(0));
    assert_eq!(shown, Ok(3), "wg-easy goes on");
}

#[tokio::test]
async fn a_copied_database_is_read_and_left_as_it_is() {
    let plane = Plane::start().await;
    plane.user("alice").await;
    let importer = Importer::of(&plane);
    let path = importer.path().join("wg-easy.db");
    let database = wg_easy(&path, &pair());
    add(&database, "phone", (2, 77), true);
    // The last one that closes it folds the log into the file.
    database.close().unwrap();
    let before = std::fs::read(&path).unwrap();
    let said = importer.imports(&path, &["--owner", "alice", "--no-ipv6", "--dry-run"]).await;
    assert!(said.contains("pool        10.8.0.0/24, the gateway itself"), "{said}");
    assert!(!said.contains("loses"), "{said}");
    assert_eq!(std::fs::read(&path).unwrap(), before);
    let mut left: Vec<_> = std::fs::read_dir(importer.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("wg-easy"))
        .collect();
    left.sort_unstable();
    assert_eq!(left, ["wg-easy.db"], "something was written beside it");

    let unfinished = importer.path().join("unfinished.db");
    let default = "---default---".to_owned();
    wg_easy(&unfinished, &(default.clone(), default)).close().unwrap();
    let said = importer.refuses(&unfinished, &["--owner", "alice"]).await;
    assert!(said.contains("set-up was never finished"), "{said}");
    let other = importer.path().join("other.db");
    Connection::open(&other).unwrap().execute_batch("CREATE TABLE t (x)").unwrap();
    let said = importer.refuses(&other, &["--owner", "alice"]).await;
    assert!(
        said.contains("not what wg-easy 15 writes") && said.contains("interfaces_table"),
        "{said}"
    );
}
