//! There is no limit of 253 clients, and nobody is told anything false under load.

use std::collections::BTreeSet;

use futures::future::join_all;
use serde_json::Value;

use super::{Dialect, Guest, of};

/// `./bench wg-easy` has 5,000.
const CLIENTS: usize = 300;
const CALLERS: usize = 8;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_callers_at_once_make_list_and_delete_clients() {
    let dialect = Dialect::start().await;
    let callers: Vec<Guest> = join_all((0..CALLERS).map(|_| dialect.bearer())).await;
    let make = |n: usize, caller: Guest| async move {
        let mut made = vec![];
        for i in (n..CLIENTS).step_by(CALLERS) {
            let client = caller.create(&format!("client-{i}")).await;
            // Everybody sees at once what they have made.
            if i % 50 == n {
                assert!(caller.list().await.iter().any(|c| c["id"] == client["id"]));
            }
            made.push(client);
        }
        made
    };
    let made = join_all(callers.iter().cloned().enumerate().map(|(n, c)| make(n, c))).await;
    let made: Vec<Value> = made.into_iter().flatten().collect();
    let distinct = |field: &str, of: &[Value]| -> BTreeSet<String> {
        of.iter().map(|client| client[field].as_str().unwrap().to_owned()).collect()
    };
    for field in ["id", "name", "address", "publicKey", "configuration"] {
        assert_eq!(distinct(field, &made).len(), CLIENTS, "{field}");
    }
    let listed = callers[0].list().await;
    assert_eq!(distinct("id", &listed), distinct("id", &made));

    let remove = |n: usize, caller: Guest| {
        let mine: Vec<String> = made.iter().skip(n).step_by(CALLERS).map(of).collect();
        async move {
            for path in mine {
                let gone = caller.delete(&path).await;
                assert_eq!(gone.status, 204, "{path}: {}", gone.text);
                assert_eq!(caller.delete(&path).await.status, 404, "{path}");
            }
        }
    };
    join_all(callers.iter().cloned().enumerate().map(|(n, c)| remove(n, c))).await;
    assert_eq!(callers[0].list().await, Vec::<Value>::new());
}

/// Of two who want the same, one gets it and the other is told the truth.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_comes_second_is_told_so() {
    let dialect = Dialect::start().await;
    let caller = dialect.bearer().await;
    let create = || caller.post(super::CLIENTS, serde_json::json!({ "name": "only-one" }));
    let mut answers: Vec<u16> =
        join_all((0..CALLERS).map(|_| create())).await.iter().map(|a| a.status).collect();
    answers.sort_unstable();
    assert_eq!(answers, [[201].as_slice(), &[409; CALLERS - 1]].concat());
    let path = of(&caller.list().await[0]);
    let mut gone: Vec<u16> = join_all((0..CALLERS).map(|_| caller.delete(&path)))
        .await
        .iter()
        .map(|a| a.status)
        .collect();
    gone.sort_unstable();
    assert_eq!(gone, [[204].as_slice(), &[404; CALLERS - 1]].concat());
}
