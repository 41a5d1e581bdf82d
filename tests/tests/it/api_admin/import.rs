//! `/admin/users/import`

use std::time::Instant;

use nexavpn_tests::harness::{Answer, PASSWORD};
use proptest::{
    prelude::{Strategy, any, prop},
    strategy::ValueTree,
    test_runner::TestRunner,
};
use reqwest::Method;
use serde_json::{Value, json};

use super::{Plane, assert_error, export::export, id};

const IMPORT: &str = "/admin/users/import";

async fn csv(plane: &Plane, query: &str, file: impl Into<String>) -> Answer {
    plane.admin.post_text(&format!("{IMPORT}{query}"), "text/csv; charset=utf-8", file).await
}

fn statuses(report: &Value) -> Vec<&str> {
    let rows = report["rows"].as_array().unwrap_or_else(|| panic!("no rows in {report}"));
    rows.iter().map(|row| row["status"].as_str().unwrap()).collect()
}

/// The fields that a refusal or a row names.
fn fields(error: &Value) -> Vec<&str> {
    let details = error["details"].as_array().unwrap_or_else(|| panic!("no details in {error}"));
    details.iter().map(|detail| detail["field"].as_str().unwrap()).collect()
}

async fn total(plane: &Plane) -> i64 {
    plane.admin.get("/admin/users").await.1["total"].as_i64().unwrap()
}

/// One row is good.
const BAD: &str = "username,display_name,email,role,groups,password\n\
    alice,Alice,alice@example.com,auditor,Finance;Sales,\n\
    al ice,,nobody,king,Nowhere,short\n\
    ALICE,,,,,\n\
    Admin,,,,,\n\
    bob,x\n";

#[tokio::test]
async fn a_dry_run_reports_every_bad_row_and_changes_nothing() {
    let plane = Plane::start().await;
    for name in ["Finance", "sales"] {
        plane.create("groups", json!({ "name": name })).await;
    }
    let (_, before) = plane.admin.get("/admin/audit-logs").await;
    let answer = csv(&plane, "?dry_run=true", BAD).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let report = &answer.body;
    assert_eq!(statuses(report), ["valid", "invalid", "invalid", "invalid", "invalid"]);
    assert_eq!((&report["total"], &report["failed"]), (&json!(5), &json!(4)));
    assert_eq!((&report["created"], &report["dry_run"]), (&json!(0), &json!(true)));
    let rows = report["rows"].as_array().unwrap();
    let numbers: Vec<i64> = rows.iter().map(|row| row["row"].as_i64().unwrap()).collect();
    assert_eq!(numbers, [2, 3, 4, 5, 6]);
    let second = fields(&rows[1]["error"]);
    assert_eq!(second, ["username", "email", "role", "password", "groups"]);
    let message = |row: usize| rows[row]["error"]["message"].as_str().unwrap();
    assert_eq!(message(2), "username is that of row 2 too");
    assert!(message(3).starts_with("username"), "{}", message(3));
    assert_eq!(message(4), "row has 2 cells where the header has 6");
    assert_eq!(rows[0]["error"], Value::Null);
    assert!(!report.to_string().contains("short"));
    let (_, after) = plane.admin.get("/admin/audit-logs").await;
    assert_eq!(after["total"], before["total"]);
}

#[tokio::test]
async fn a_bad_row_stops_the_import_unless_the_others_are_wanted() {
    let plane = Plane::start().await;
    let finance = id(&plane.create("groups", json!({ "name": "Finance" })).await);
    let sales = id(&plane.create("groups", json!({ "name": "Sales" })).await);
    let refused = csv(&plane, "", BAD).await;
    assert_error(&(refused.status, refused.body.clone()), 400, "validation_error");
    let named = fields(&refused.body["error"]);
    for field in ["rows[3].username", "rows[3].password", "rows[4].username", "rows[6].row"] {
        assert!(named.contains(&field), "{field} is not in {named:?}");
    }
    assert_eq!(total(&plane).await, 1);

    let answer = csv(&plane, "?partial=true", BAD).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(!answer.header("x-consistency-token").is_empty());
    assert_eq!(statuses(&answer.body), ["created", "invalid", "invalid", "invalid", "invalid"]);
    let alice = id(&answer.body["rows"][0]);
    let (status, user) = plane.admin.get(&format!("/admin/users/{alice}")).await;
    assert_eq!(
        (status, &user["username"], &user["role"]),
        (200, &json!("alice"), &json!("auditor"))
    );
    assert_eq!(user["email"], "alice@example.com");
    for group in [finance, sales] {
        let (_, group) = plane.admin.get(&format!("/admin/groups/{group}")).await;
        assert_eq!(group["members"], json!([alice]));
    }
    // Sent again it finds her taken, and makes nobody twice.
    let again = csv(&plane, "?partial=true", BAD).await;
    assert_eq!(statuses(&again.body), ["invalid"; 5]);
    assert_eq!(total(&plane).await, 2);
}

#[tokio::test]
async fn json_is_imported_too() {
    let plane = Plane::start().await;
    plane.create("groups", json!({ "name": "A;B" })).await;
    let users = json!([
        { "username": "alice", "display_name": "", "groups": ["a;b"], "password": PASSWORD },
        { "username": "bob", "email": null },
    ]);
    let answer = plane.admin.send(Method::POST, IMPORT, &[], Some(users)).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(statuses(&answer.body), ["created", "created"]);
    assert_eq!(answer.body["rows"][0]["row"], 1);
    assert!(!answer.body.to_string().contains(PASSWORD));
    let alice = plane.server.client().login("alice", PASSWORD).await;
    assert_eq!(alice.session["password_change_required"], true);
    let bad = json!([{ "username": "carol", "colour": "red" }, { "username": 7 }, "dave"]);
    let answer = plane.admin.send(Method::POST, IMPORT, &[], Some(bad)).await;
    assert_eq!(answer.status, 400, "{}", answer.body);
    let named = ["rows[1].colour", "rows[2].username", "rows[3].body"];
    assert_eq!(fields(&answer.body["error"]), named);
}

#[tokio::test]
async fn what_is_no_such_file_is_refused() {
    let plane = Plane::start().await;
    for (file, field) in [
        ("", "header"),
        ("alice,bob\n", "header"),
        ("username,colour\nalice,red\n", "header"),
        ("username\n", "body"),
    ] {
        let answer = csv(&plane, "", file).await;
        assert_eq!(answer.status, 400, "{file:?}: {}", answer.body);
        assert_eq!(fields(&answer.body["error"]), [field], "{file:?}");
    }
    let many: String = (0..5001).map(|n| format!("user{n}\n")).collect();
    let answer = csv(&plane, "?dry_run=true", format!("username\n{many}")).await;
    assert!(answer.body["error"]["message"].as_str().unwrap().contains("5000"), "{}", answer.body);
    let many: String = (0..201).map(|n| format!("user{n},{PASSWORD}\n")).collect();
    let answer = csv(&plane, "", format!("username,password\n{many}")).await;
    assert_eq!((answer.status, fields(&answer.body["error"])), (400, vec!["password"]));
    assert!(answer.body["error"]["message"].as_str().unwrap().contains("200"), "{}", answer.body);
    let large = format!("username\n{}\n", "a".repeat(5 * 1024 * 1024));
    let answer = csv(&plane, "", large).await;
    assert_error(&(answer.status, answer.body), 413, "body_too_large");
    let answer = plane.admin.post_text(IMPORT, "text/plain", "username\nalice\n").await;
    assert_error(&(answer.status, answer.body), 415, "unsupported_media_type");
    let answer = csv(&plane, "?dry_run=perhaps", "username\nalice\n").await;
    assert_eq!(answer.status, 400, "{}", answer.body);
    let auditor = plane.server.user("audrey", "auditor").await;
    let answer = auditor.post_text(IMPORT, "text/csv", "username\nalice\n").await;
    assert_error(&(answer.status, answer.body), 403, "forbidden");
    assert_eq!(total(&plane).await, 2);
}

#[tokio::test]
async fn a_thousand_users_are_imported_in_time() {
    let plane = Plane::start().await;
    plane.create("groups", json!({ "name": "All" })).await;
    let rows: String =
        (0..1000).map(|n| format!("user{n},User {n},user{n}@example.com,All\n")).collect();
    let file = format!("username,display_name,email,groups\n{rows}");
    let begin = Instant::now();
    let answer = csv(&plane, "", file.clone()).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!((&answer.body["created"], &answer.body["failed"]), (&json!(1000), &json!(0)));
    assert!(begin.elapsed() < plane.server.app.http.timeout / 2, "{:?}", begin.elapsed());
    assert_eq!(total(&plane).await, 1001);
    assert_eq!(plane.admin.get("/admin/groups").await.1["items"][0]["member_count"], 1000);
    // All or nothing where one name is taken by now.
    let answer = csv(&plane, "", format!("{file}late,Late,,All\n")).await;
    assert_eq!(answer.status, 400);
    assert_eq!(total(&plane).await, 1001);
}

#[tokio::test]
async fn whoever_comes_in_between_costs_one_row() {
    let plane = Plane::start().await;
    let files: Vec<String> =
        (0..2).map(|f| (0..120).map(|n| format!("user{n},file {f}\n")).collect()).collect();
    let run =
        |rows: &String| csv(&plane, "?partial=true", format!("username,display_name\n{rows}"));
    let (one, two) = tokio::join!(run(&files[0]), run(&files[1]));
    let (one, two) = (statuses(&one.body), statuses(&two.body));
    for (n, pair) in one.iter().zip(&two).enumerate() {
        let created = [pair.0, pair.1].iter().filter(|status| ***status == "created").count();
        assert_eq!(created, 1, "user{n}: {pair:?}");
    }
    assert_eq!(total(&plane).await, 121);
}

#[tokio::test]
async fn a_repeated_key_imports_once() {
    let plane = Plane::start().await;
    let users = json!([{ "username": "alice" }, { "username": "bob" }]);
    let key = [("idempotency-key", "import-1")];
    let first = plane.admin.send(Method::POST, IMPORT, &key, Some(users.clone())).await;
    assert_eq!(first.status, 200, "{}", first.body);
    let again = plane.admin.send(Method::POST, IMPORT, &key, Some(users.clone())).await;
    assert_eq!((again.status, again.body), (200, first.body.clone()));
    // The answer was lost with the process: the users are found again.
    let forget = "DELETE FROM idempotency WHERE route NOT LIKE '%#%'";
    sqlx::query(forget).execute(plane.server.commands().store().pool()).await.unwrap();
    let again = plane.admin.send(Method::POST, IMPORT, &key, Some(users)).await;
    assert_eq!((again.status, &again.body["created"]), (200, &json!(2)), "{}", again.body);
    assert_eq!(again.body["rows"], first.body["rows"]);
    assert_eq!(total(&plane).await, 3);
}

/// Names as people have them and as attackers type them.
fn nasty() -> impl Strategy<Value = String> {
    let text = prop::collection::vec(
        proptest::prop_oneof![
            proptest::sample::select(vec!["=", "+", "-", "@", "'", "\"", ",", ";", "\\", " ", "é"]),
            proptest::sample::select(vec!["a", "Z", "7", "日", "|cmd"]),
        ],
        1..12,
    );
    text.prop_map(|parts| parts.concat().trim().to_owned()).prop_filter("blank", |s| !s.is_empty())
}

#[tokio::test]
async fn an_export_can_be_imported_again() {
    let plane = Plane::start().await;
    let mut runner = TestRunner::default();
    let mut draw = || nasty().new_tree(&mut runner).unwrap().current();
    let mut groups = Vec::new();
    for n in 0..4 {
        let group = json!({ "name": format!("{} {n}", draw()) });
        groups.push(plane.create("groups", group).await["name"].as_str().unwrap().to_owned());
    }
    let mut runner_of_flags = TestRunner::default();
    let users: Vec<Value> = (0..60)
        .map(|n| {
            let flags = any::<u8>().new_tree(&mut runner_of_flags).unwrap().current();
            let of: Vec<&String> = groups
                .iter()
                .enumerate()
                .filter(|(i, _)| flags >> i & 1 == 1)
                .map(|g| g.1)
                .collect();
            let role = ["user", "auditor", "admin"][usize::from(flags) % 3];
            json!({
                "username": format!("user{n:02}.-+@_"), "display_name": draw(), "groups": of,
                "role": role,
                "email": (flags & 64 != 0).then(|| format!("+{}@example.com", flags)),
            })
        })
        .collect();
    let answer = plane.admin.send(Method::POST, IMPORT, &[], Some(json!(users))).await;
    assert_eq!((answer.status, &answer.body["created"]), (200, &json!(60)), "{}", answer.body);

    let path = "/admin/users?format=csv&q=user";
    let file = plane.admin.send(Method::GET, path, &[], None).await.body;
    let before = export(&plane, path).await;
    let ids: Vec<String> = before.column("id").into_iter().map(ToOwned::to_owned).collect();
    let delete = json!({ "action": "delete", "ids": ids });
    assert_eq!(plane.admin.post("/admin/users/bulk", delete).await.1["succeeded"], 60);
    let answer = csv(&plane, "", file.as_str().unwrap()).await;
    assert_eq!((answer.status, &answer.body["created"]), (200, &json!(60)), "{}", answer.body);
    let after = export(&plane, path).await;
    for column in ["username", "display_name", "email", "role", "groups", "status"] {
        assert_eq!(after.column(column), before.column(column), "{column}");
    }
}
