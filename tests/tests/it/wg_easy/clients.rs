//! Clients of wg-easy that were not written here.

use super::{CLIENTS, Dialect, PASSWORD};
use crate::api_document::tools::{directory, program, root, succeed};

async fn assert_nothing_left(dialect: &Dialect) {
    let caller = dialect.bearer().await;
    let answer = caller.get(CLIENTS).await;
    assert_eq!(answer.text, "[]", "the client has left something behind");
}

#[tokio::test]
async fn wg_easy_api_wrapper_of_pypi_drives_it() {
    let dialect = Dialect::start().await;
    let place = tempfile::tempdir().unwrap();
    let mut python = program("python", place.path());
    python.arg(root().join("tests/clients/drive_wg_easy_api_wrapper.py"));
    python.args([&dialect.server.base_url, PASSWORD]);
    let said = succeed(python).await;
    assert!(said.ends_with("done\n"), "{said}");
    assert_nothing_left(&dialect).await;
}

#[tokio::test]
async fn api_wgeasy_of_npm_drives_it() {
    let dialect = Dialect::start().await;
    let place = tempfile::tempdir().unwrap();
    let mut node = program("node", place.path());
    node.arg(root().join("tests/clients/drive_api_wgeasy.cjs"));
    node.args([&dialect.server.base_url, PASSWORD]);
    node.env("NODE_PATH", directory().join("node_modules"));
    let said = succeed(node).await;
    assert!(said.ends_with("done\n"), "{said}");
    assert_nothing_left(&dialect).await;
}
