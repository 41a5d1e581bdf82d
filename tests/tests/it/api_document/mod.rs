//! The API's document: complete, in step with the routes, and browsable.

mod clients;
mod contract;
mod examples;
mod fuzz;
mod streams;
pub(crate) mod tools;

use std::{collections::BTreeSet, path::Path};

use nexavpn_api::{auth::permissions::TABLE, openapi};
use nexavpn_tests::harness::{TestDb, TestServer};
use serde_json::Value;

/// Every operation: method, path, and what the document says of it.
fn operations() -> Vec<(String, String, &'static Value)> {
    let paths = openapi::document()["paths"].as_object().unwrap();
    let mut all = Vec::new();
    for (path, methods) in paths {
        for (method, operation) in methods.as_object().unwrap() {
            all.push((method.to_uppercase(), path.clone(), operation));
        }
    }
    all
}

#[test]
fn the_committed_copy_is_the_document() {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("../api/openapi.json");
    let committed = std::fs::read_to_string(place).unwrap_or_default();
    assert!(
        committed == openapi::text(),
        "api/openapi.json is not what the routes say. Refresh it from the root of the checkout:\n\n    \
         cargo run -p nexavpn-api --bin nexavpn -- openapi > api/openapi.json\n"
    );
}

#[test]
fn the_document_has_every_route_of_the_permission_table_and_no_other() {
    let documented: BTreeSet<String> =
        operations().iter().map(|(method, path, _)| format!("{method} {path}")).collect();
    let permitted: BTreeSet<String> =
        TABLE.iter().map(|row| format!("{} {}", row.method, row.path)).collect();
    let missing: Vec<_> = permitted.difference(&documented).collect();
    assert!(missing.is_empty(), "in the permission table, but not in the document: {missing:#?}");
    let unknown: Vec<_> = documented.difference(&permitted).collect();
    assert!(unknown.is_empty(), "in the document, but not in the permission table: {unknown:#?}");
}

#[test]
fn every_operation_has_a_name_of_its_own_a_tag_that_is_explained_and_a_text() {
    let mut names = BTreeSet::new();
    let tags = openapi::document()["tags"].as_array().unwrap();
    for (method, path, operation) in operations() {
        let name = operation["operationId"].as_str().unwrap();
        assert!(names.insert(name), "{method} {path}: {name} is the name of two operations");
        for part in ["summary", "description"] {
            assert!(!operation[part].as_str().unwrap().is_empty(), "{method} {path}: no {part}");
        }
        let tag = &operation["tags"][0];
        assert!(tags.iter().any(|t| t["name"] == *tag), "{method} {path}: {tag} is not explained");
    }
}

#[tokio::test]
async fn the_document_is_served_and_can_be_browsed() {
    let db = TestDb::new().await;
    let server = TestServer::start(&db).await;
    let get = async |path: &str| {
        let response = reqwest::get(format!("{}{path}", server.base_url)).await.unwrap();
        let policy = response.headers()["content-security-policy"].to_str().unwrap().to_owned();
        (response.status().as_u16(), policy, response.text().await.unwrap())
    };
    let (status, policy, text) = get("/api/v1/openapi.json").await;
    assert_eq!((status, text.as_str()), (200, openapi::text()));
    assert!(policy.starts_with("default-src 'none'; frame-ancestors"), "{policy}");

    let (status, policy, page) = get("/docs/").await;
    assert_eq!(status, 200);
    assert!(policy.contains("script-src 'self';"), "{policy}");
    assert!(!page.contains("://"), "the page loads something from elsewhere: {page}");
    for file in ["swagger-ui-bundle.js", "swagger-ui.css", "swagger-initializer.js"] {
        assert_eq!(get(&format!("/docs/{file}")).await.0, 200, "{file}");
    }
    assert!(get("/docs/swagger-initializer.js").await.2.contains("/api/v1/openapi.json"));
    server.stop().await;
}
