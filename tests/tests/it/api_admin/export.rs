//! Lists as CSV.

use nexavpn_tests::harness::Answer;
use reqwest::Method;
use serde_json::{Value, json};

use super::{Plane, assert_error, assert_invalid, id, ids};

/// A table: its header, and its rows.
pub(super) struct Table {
    pub(super) columns: Vec<String>,
    pub(super) rows: Vec<Vec<String>>,
}

impl Table {
    pub(super) fn read(text: &str) -> Self {
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let own = |record: &csv::StringRecord| record.iter().map(ToOwned::to_owned).collect();
        let columns = own(reader.headers().unwrap());
        Self { columns, rows: reader.records().map(|r| own(&r.unwrap())).collect() }
    }

    pub(super) fn column(&self, name: &str) -> Vec<&str> {
        let at = self.columns.iter().position(|c| c == name);
        let at = at.unwrap_or_else(|| panic!("no column {name} in {:?}", self.columns));
        self.rows.iter().map(|row| row[at].as_str()).collect()
    }
}

async fn get(plane: &Plane, path: &str) -> Answer {
    plane.admin.send(Method::GET, path, &[], None).await
}

pub(super) async fn export(plane: &Plane, path: &str) -> Table {
    let answer = get(plane, path).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.header("content-type"), "text/csv; charset=utf-8; header=present");
    Table::read(answer.body.as_str().unwrap())
}

/// Something of everything.
async fn furnish(plane: &Plane) {
    plane.gateway("gw", "100.96.0.0/24").await;
    let alice = plane.user("alice").await;
    plane.device(&alice, "laptop").await;
    let group = json!({ "name": "Finance; and more", "description": "a\n\"b\", c" });
    let group = id(&plane.create("groups", group).await);
    let path = format!("/admin/groups/{group}/members/{alice}");
    assert_eq!(plane.admin.send(Method::PUT, &path, &[], None).await.status, 200);
    let policy = json!({
        "name": "=cmd|' /C calc'!A0", "effect": "allow", "destinations": ["10.0.0.0/8", "fd00::/8"],
        "targets": [{ "type": "group", "id": group }],
        "services": [{ "protocol": "tcp", "ports": ["443", "8000-8100"] }],
    });
    plane.create("policies", policy).await;
}

#[tokio::test]
async fn every_list_is_a_table_of_what_its_items_show() {
    let plane = Plane::start().await;
    furnish(&plane).await;
    for list in ["users", "groups", "devices", "policies", "gateways", "audit-logs"] {
        let path = format!("/admin/{list}");
        let csv = get(&plane, &format!("{path}?format=csv")).await;
        let disposition = format!("attachment; filename=\"{list}.csv\"");
        assert_eq!(csv.header("content-disposition"), disposition);
        let table = Table::read(csv.body.as_str().unwrap());
        let (_, page) = plane.admin.get(&path).await;
        let items = page["items"].as_array().unwrap();
        assert_eq!(table.rows.len(), items.len(), "{list}");
        for column in &table.columns {
            for (cell, item) in table.column(column).iter().zip(items) {
                let pointer = format!("/{}", column.replace('.', "/"));
                match item.pointer(&pointer) {
                    Some(Value::Null) => assert_eq!(*cell, "", "{list}: {column}"),
                    Some(Value::String(text)) => {
                        assert_eq!(cell.trim_start_matches('\''), text, "{list}: {column}");
                    }
                    Some(value @ (Value::Number(_) | Value::Bool(_))) => {
                        assert_eq!(*cell, value.to_string(), "{list}: {column}");
                    }
                    Some(Value::Array(_) | Value::Object(_)) => {}
                    // What is in nothing.
                    None if ["cause.", "drain.", "key_rotation."]
                        .iter()
                        .any(|of| column.starts_with(of)) =>
                    {
                        assert_eq!(*cell, "")
                    }
                    None => assert!(
                        matches!(column.as_str(), "groups" | "convergence.applied.revision"),
                        "{list} shows no {column}"
                    ),
                }
            }
        }
    }
    let users = export(&plane, "/admin/users?format=csv&q=alice").await;
    assert_eq!(users.column("groups"), ["Finance\\; and more"]);
    let policies = export(&plane, "/admin/policies?format=csv").await;
    assert_eq!(policies.column("name"), ["'=cmd|' /C calc'!A0"], "no spreadsheet runs it");
    assert_eq!(policies.column("destinations"), ["10.0.0.0/8;fd00::/8"]);
    let services: Value = serde_json::from_str(policies.column("services")[0]).unwrap();
    assert_eq!(services, plane.admin.get("/admin/policies").await.1["items"][0]["services"]);
    let groups = export(&plane, "/admin/groups?format=csv").await;
    assert_eq!(groups.column("description"), ["a\n\"b\", c"]);
}

#[tokio::test]
async fn all_pages_are_written_with_filter_and_order() {
    let plane = Plane::start().await;
    let made = (0..450).map(|n| plane.user_quietly(format!("user{n:03}")));
    let made = futures::future::join_all(made).await;
    let body = json!({ "action": "disable", "ids": made[..3] });
    assert_eq!(plane.admin.post("/admin/users/bulk", body).await.0, 200);

    let csv = [("accept", "text/csv")];
    let answer =
        plane.admin.send(Method::GET, "/admin/users?sort=-username&page_size=7", &csv, None).await;
    let text = answer.body.as_str().unwrap();
    assert_eq!(text.matches("\r\n").count(), 452, "a header, the admin and everybody else");
    assert_eq!(text.matches('\n').count(), 452);
    let table = Table::read(text);
    let wanted = (0..450).rev().map(|n| format!("user{n:03}")).chain(["admin".to_owned()]);
    assert_eq!(table.column("username"), wanted.collect::<Vec<_>>());

    let disabled = export(&plane, "/admin/users?format=csv&status=disabled&q=user").await;
    assert_eq!(disabled.column("username"), ["user000", "user001", "user002"]);
    let none = export(&plane, "/admin/users?format=csv&q=nobody").await;
    assert_eq!((none.rows.len(), none.columns[0].as_str()), (0, "id"));
    let log = export(&plane, "/admin/audit-logs?format=csv&event_type=user.created").await;
    assert_eq!(log.rows.len(), 451);
    let page = plane.admin.get("/admin/users?format=json&page_size=2").await.1;
    assert_eq!(ids(&page).len(), 2);
}

#[tokio::test]
async fn a_wrong_question_is_answered_in_words() {
    let plane = Plane::start().await;
    for (path, field) in [
        ("/admin/users?format=xml", "format"),
        ("/admin/users?format=csv&colour=red", "colour"),
        ("/admin/users?format=csv&sort=password", "sort"),
        ("/admin/audit-logs?format=csv&sort=time", "sort"),
    ] {
        assert_invalid(&get(&plane, path).await, field, &json!(path));
    }
    let user = plane.server.user("ulrich", "user").await;
    assert_error(&user.get("/admin/users?format=csv").await, 403, "forbidden");
    let auditor = plane.server.user("audrey", "auditor").await;
    assert_eq!(auditor.get("/admin/users?format=csv").await.0, 200);
}
