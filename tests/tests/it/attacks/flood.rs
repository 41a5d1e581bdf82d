//! Ten thousand sign-ins at once, half of them with the name of somebody honest.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::Duration,
};

use futures::{StreamExt as _, stream};
use nexavpn_tests::harness::{ADMIN, Client, PASSWORD, ServerProcess, WIDE, data_dir, poll_for};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use reqwest::Method;
use serde_json::json;

/// What the server may grow by at most: the hashes that run at once and 2,500 connections, with room.
const GROWTH: u64 = 400 << 20;

/// From where the admin signs in while others guess.
const HONEST: &str = "127.0.0.2";

/// So many attempts at once, half of them at the admin's account; their outcomes by count: 401, 429,
/// 503, hung up.
async fn flood(server: &ServerProcess, addresses: &[IpAddr], attempts: usize) -> [u64; 4] {
    let counts: [AtomicU64; 4] = Default::default();
    let clients: Vec<Client> =
        addresses.iter().map(|a| Client::from_address(&server.base_url, *a)).collect();
    let all = stream::iter(0..attempts).for_each_concurrent(attempts, |n| {
        let (client, counts) = (&clients[n % clients.len()], &counts);
        // Each address in turn at both.
        let admin = (n / clients.len()).is_multiple_of(2);
        let name = if admin { ADMIN.to_owned() } else { format!("user{n}") };
        async move {
            let body = json!({ "username": name, "password": "a wrong password" });
            let answer = client.try_send(Method::POST, "/auth/login", &[], Some(body)).await;
            let kind = match answer.map(|a| a.status) {
                Ok(401) => 0,
                Ok(429) => 1,
                Ok(503) => 2,
                Ok(other) => panic!("{other}"),
                // Hung up: too many connections of this address.
                Err(_) => 3,
            };
            counts[kind].fetch_add(1, Ordering::Relaxed);
        }
    });
    all.await;
    let counts = counts.map(AtomicU64::into_inner);
    println!("401, 429, 503, hung up: {counts:?}");
    counts
}

/// Signs in again and again until told to stop, from an address of its own; how often that was.
async fn honest(server: &ServerProcess, stop: &AtomicBool) -> usize {
    let mut times = 0;
    while times == 0 || !stop.load(Ordering::Relaxed) {
        sign_in(server, HONEST).await;
        times += 1;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    times
}

/// Signs in, on a further try where the server is too busy.
async fn sign_in(server: &ServerProcess, address: &str) {
    let client = Client::from_address(&server.base_url, address.parse().unwrap());
    poll_for(WIDE, || async {
        let body = json!({ "username": ADMIN, "password": PASSWORD });
        let answer = client.try_send(Method::POST, "/auth/login", &[], Some(body)).await.ok()?;
        assert_ne!(answer.body["error"]["code"], "too_many_attempts", "{address} is kept out");
        (answer.status == 200).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_sign_ins_at_once_are_borne() {
    // A connection is a file, here too.
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, soft.max(hard.min(65_536)), hard).unwrap();
    let dir = data_dir(false);
    let server = ServerProcess::start(dir.path()).await;
    server.client().login(ADMIN, PASSWORD).await;
    let before = server.resident();
    // From one address, while somebody honest signs in from another one.
    let stop = AtomicBool::new(false);
    let attack = async {
        let outcomes = flood(&server, &["127.0.0.3".parse().unwrap()], 10_000).await;
        stop.store(true, Ordering::Relaxed);
        outcomes
    };
    let (times, one) = tokio::join!(honest(&server, &stop), attack);
    println!("honest sign-ins meanwhile: {times}");
    assert!(one[0] + one[2] <= 1000, "{one:?}");
    // Also from where the admin has never been.
    sign_in(&server, "127.0.0.5").await;
    // From many, each within its limits: only so many hashes run or wait at once.
    let many: Vec<IpAddr> = (1..=100).map(|n| Ipv4Addr::new(127, 0, 4, n).into()).collect();
    let all = flood(&server, &many, 3000).await;
    assert!(all[0] > 0, "{all:?}");
    // That a network that is known is let in whatever the others do, `throttle::tests` show.
    sign_in(&server, HONEST).await;
    // At any time, not only now that it is over.
    let grown = server.most_resident().saturating_sub(before);
    println!("resident: {} MiB before, {} MiB more at most", before >> 20, grown >> 20);
    assert!(grown < GROWTH, "{} MiB more", grown >> 20);
    server.stop().await;
}
