//! The list, which is kept for who asks for it again, and compressed for who takes that.

use reqwest::header::{ACCEPT_ENCODING, CONTENT_ENCODING, VARY};
use serde_json::Value;

use super::{CLIENTS, Dialect, Guest};

/// How the list comes to who takes these encodings, and its size.
async fn sent(guest: &Guest, accepted: &str) -> (Option<String>, usize) {
    let http = reqwest::Client::builder().no_proxy().no_gzip().build().unwrap();
    let token = guest.token.as_deref().unwrap();
    let asked = http.get(format!("{}{CLIENTS}", guest.base_url)).bearer_auth(token);
    let answer = asked.header(ACCEPT_ENCODING, accepted).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let headers = answer.headers();
    assert_eq!(headers["content-type"], "application/json");
    let varies: Vec<_> = headers.get_all(VARY).iter().cloned().collect();
    let encoding = headers.get(CONTENT_ENCODING).map(|e| e.to_str().unwrap().to_owned());
    let body = answer.bytes().await.unwrap();
    // What is small is the same for everybody.
    let large = encoding.is_some() || body.len() > 1400;
    assert_eq!(varies, vec!["accept-encoding"; usize::from(large)], "{accepted}");
    if encoding.is_none() {
        assert!(serde_json::from_slice::<Value>(&body).unwrap().is_array());
    }
    (encoding, body.len())
}

#[tokio::test]
async fn each_is_sent_the_list_as_it_is_in_the_form_that_they_take() {
    let dialect = Dialect::start().await;
    let guest = dialect.bearer().await;
    for count in 1..=12 {
        guest.create(&format!("client-{count}")).await;
        let (encoding, plain) = sent(&guest, "identity").await;
        assert_eq!(encoding, None);
        // The second time it is the kept one.
        for _ in 0..2 {
            let (encoding, packed) = sent(&guest, "gzip, deflate").await;
            assert_eq!(encoding.is_some(), plain > 1400, "{plain} bytes");
            assert_eq!(packed < plain, plain > 1400, "{packed} of {plain} bytes");
            // This client takes gzip, and unpacks it.
            assert_eq!(guest.list().await.len(), count);
        }
        assert_eq!(sent(&guest, "br, gzip;q=0").await, (None, plain));
    }
    dialect.server.stop().await;
}
