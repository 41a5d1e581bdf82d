//! Answers are compressed where that is worth it.

use futures::future::join_all;
use reqwest::header::{ACCEPT_ENCODING, CONTENT_ENCODING, HeaderMap, VARY};
use serde_json::json;

use crate::api_admin::{Plane, id};

/// The very bytes of an answer to somebody who takes such encodings.
async fn fetch(plane: &Plane, path: &str, accepted: &str) -> (HeaderMap, Vec<u8>) {
    let http = reqwest::Client::builder().no_proxy().no_gzip().build().unwrap();
    let url = format!("{}/api/v1{path}", plane.server.base_url);
    let token = plane.admin.session["access_token"].as_str().unwrap();
    let asked = http.get(url).bearer_auth(token).header(ACCEPT_ENCODING, accepted);
    let answer = asked.send().await.unwrap();
    assert_eq!(answer.status(), 200, "{path}");
    (answer.headers().clone(), answer.bytes().await.unwrap().to_vec())
}

#[tokio::test]
async fn a_large_answer_is_compressed_for_who_takes_that_and_a_small_one_is_not() {
    let plane = Plane::start().await;
    let name = |n| json!({ "name": format!("group {n}"), "description": "of those who pay" });
    let groups = join_all((0..20).map(|n| plane.create("groups", name(n)))).await;
    let list = "/admin/groups";
    for accepted in ["identity", "gzip;q=0", "br"] {
        let (headers, plain) = fetch(&plane, list, accepted).await;
        assert_eq!(headers.get(CONTENT_ENCODING), None, "{accepted}");
        assert_eq!(headers[VARY], "accept-encoding");
        let page: serde_json::Value = serde_json::from_slice(&plain).unwrap();
        assert_eq!(page["total"], 20);
    }
    let (_, plain) = fetch(&plane, list, "identity").await;
    let (headers, packed) = fetch(&plane, list, "gzip, deflate, br").await;
    assert_eq!(headers[CONTENT_ENCODING], "gzip");
    assert_eq!(headers[VARY], "accept-encoding");
    assert!(packed.starts_with(&[0x1f, 0x8b]) && packed.len() < plain.len() / 2, "{packed:?}");
    // Our client takes gzip, and unpacks it.
    let (_, page) = plane.admin.get(list).await;
    assert_eq!(page, serde_json::from_slice::<serde_json::Value>(&plain).unwrap());

    let (headers, small) = fetch(&plane, &format!("{list}/{}", id(&groups[0])), "gzip").await;
    assert_eq!(headers.get(CONTENT_ENCODING), None, "{} bytes", small.len());
}
