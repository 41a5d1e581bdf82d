//! Every command of the dialect leaves its entries in the audit log, and every refused one a
//! failure.

use std::collections::BTreeMap;

use nexavpn_api::dialects::wg_easy::{Opens, Route, TABLE};
use reqwest::Method;
use serde_json::{Value, json};

use super::{CLIENTS, Dialect, Guest, PASSWORD, Said, of};
use crate::{
    api_admin::NOBODY,
    matrix::left::{assert_recorded, entries, failure, told},
};

fn commands() -> impl Iterator<Item = &'static Route> {
    TABLE.iter().filter(|row| row.is_command())
}

fn name(row: &Route) -> String {
    format!("{} {}", row.method, row.path)
}

/// What makes each command one, by the last part of its path.
fn body(row: &Route) -> Value {
    match (row.method, row.path.rsplit('/').next()) {
        ("POST", Some("session")) => json!({ "password": PASSWORD }),
        ("POST", Some("client")) => json!({ "name": "new-one" }),
        ("PUT", Some("name")) => json!({ "name": "another-name" }),
        ("PUT", Some("address")) => json!({ "address": "10.8.200.7" }),
        ("PUT", Some("expireDate")) => json!({ "expireDate": "2099-05-03" }),
        _ => json!({}),
    }
}

async fn send(guest: &Guest, row: &Route, path: &str, body: Value) -> Said {
    guest.json(row.method.parse::<Method>().unwrap(), path, body).await
}

#[tokio::test]
async fn every_command_leaves_exactly_its_entries() {
    let dialect = Dialect::start().await;
    let mut left = BTreeMap::new();
    for (n, row) in commands().enumerate() {
        let caller = dialect.bearer().await;
        let client = caller.create(&format!("client-{n}")).await;
        if row.path.ends_with("/enable") {
            let disabled = caller.post(&format!("{}/disable", of(&client)), json!({})).await;
            assert!(disabled.status < 300, "{}", disabled.text);
        }
        let path = row.path.replace("{id}", client["id"].as_str().unwrap());
        let answer = send(&caller, row, &path, body(row)).await;
        assert!(answer.status < 300, "{}: {}", name(row), answer.text);
        let entries = entries(&dialect.admin, answer.header("x-request-id")).await;
        for entry in &entries {
            assert_eq!(entry["status"], "success", "{entry}");
            assert!(entry["summary"].as_str().unwrap().len() > 5, "{entry}");
            assert_eq!(entry["actor"]["id"], json!(dialect.owner), "{}: {entry}", name(row));
        }
        left.insert(name(row), entries.iter().map(told).collect());
    }
    assert_recorded("wg_easy/records.json", &left);
}

#[tokio::test]
async fn every_refused_command_leaves_a_failure() {
    let dialect = Dialect::start().await;
    let caller = dialect.bearer().await;
    let refused = async |guest: &Guest, row: &Route, path: &str, body: Value| {
        let answer = send(guest, row, path, body).await;
        assert!((400..500).contains(&answer.status), "{}: {}", name(row), answer.text);
        let request = answer.header("x-request-id");
        (answer.status, failure(&dialect.admin, request, &name(row)).await)
    };
    let login = commands().find(|row| row.path == "/api/session" && row.method == "POST").unwrap();
    let (_, entry) = refused(&dialect.stranger(), login, login.path, json!({})).await;
    assert_eq!(entry["data"]["code"], "validation_error", "{entry}");
    for row in commands() {
        // Signing out is never refused to whoever is signed in.
        if (row.method, row.path) != ("DELETE", "/api/session") {
            let path = row.path.replace("{id}", NOBODY);
            let body = match row.path {
                "/api/session" => json!({ "password": "wrong" }),
                CLIENTS => json!({ "name": "no such name!" }),
                _ => body(row),
            };
            let (_, entry) = refused(&caller, row, &path, body).await;
            if row.path != "/api/session" {
                assert_eq!(entry["data"]["route"], json!(name(row)), "{entry}");
                assert_eq!(entry["actor"]["id"], json!(dialect.owner), "{entry}");
            }
        }
        if row.opens == Opens::Session {
            let path = row.path.replace("{id}", NOBODY);
            let (status, entry) = refused(&dialect.stranger(), row, &path, body(row)).await;
            assert_eq!(status, 401);
            let of_nobody = (&entry["data"]["kind"], &entry["actor"]["type"]);
            assert_eq!(of_nobody, (&json!("token"), &json!("anonymous")), "{entry}");
        }
    }
}
