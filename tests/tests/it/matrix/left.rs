//! What requests leave in the audit log.
//!
//! What each leaves is in a `records.json`. `UPDATE_GOLDEN=1` writes such a file anew, to be read
//! before it is committed.

use std::{collections::BTreeMap, path::Path, time::Duration};

use nexavpn_tests::harness::{Client, poll_for};
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(20);

/// What is told of a value without what changes from run to run.
fn kind(value: &Value) -> String {
    match value {
        Value::Null | Value::Bool(_) => value.to_string(),
        Value::Number(_) => "number".into(),
        Value::String(_) => "text".into(),
        Value::Array(_) => "list".into(),
        Value::Object(_) => "object".into(),
    }
}

/// What `records.json` says of an entry: event, cause, and of each field whether it was and is there.
pub(crate) fn told(entry: &Value) -> Value {
    let changes = entry["changes"].as_array().unwrap().iter().map(|change| {
        let (before, after) = (kind(&change["before"]), kind(&change["after"]));
        Value::from(format!("{}: {before} -> {after}", change["field"].as_str().unwrap()))
    });
    let mut told = json!({ "event": entry["event_type"], "changes": changes.collect::<Vec<_>>() });
    if let Some(cause) = entry["cause"].as_object() {
        told["cause"] = cause["event_type"].clone();
    }
    told
}

/// The entries of a request by its id, in their order.
pub(crate) async fn entries(reader: &Client, request: &str) -> Vec<Value> {
    let path = format!("/admin/audit-logs?sort=idx&page_size=200&request_id={request}");
    let (status, page) = reader.get(&path).await;
    assert_eq!(status, 200, "{page}");
    page["items"].as_array().unwrap().clone()
}

/// The one entry of a request that was refused.
pub(crate) async fn failure(reader: &Client, request: &str, place: &str) -> Value {
    let entry = poll_for(PATIENCE, async || {
        let entries = entries(reader, request).await;
        assert!(entries.len() < 2, "{place}: {entries:?}");
        entries.into_iter().next()
    })
    .await;
    assert_eq!(
        (&entry["event_type"], &entry["status"]),
        (&json!("security.failure"), &json!("failure")),
        "{place}"
    );
    entry
}

/// What each route left is what `file`, below the tests, says; no route is missing on either side.
pub(crate) fn assert_recorded(file: &str, left: &BTreeMap<String, Value>) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it").join(file);
    if std::env::var_os("UPDATE_GOLDEN").is_some_and(|v| v == "1") {
        std::fs::write(&file, serde_json::to_string_pretty(left).unwrap() + "\n").unwrap();
    }
    let wanted: BTreeMap<String, Value> =
        serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    for (route, entries) in left {
        assert_eq!(wanted.get(route), Some(entries), "{route}");
    }
    assert_eq!(wanted.len(), left.len(), "{} knows routes that are no more", file.display());
}
