//! Nodes that take nothing of what they are sent: they cost nobody else anything.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::{Duration, Instant},
};

use futures::{StreamExt as _, future::join_all, stream};
use nexavpn_tests::harness::{Client, TestDb, TestServer, WIDE, poll_until};
use nix::sys::socket::{setsockopt, sockopt::TcpMaxSeg};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::{
    io::AsyncReadExt as _,
    net::TcpSocket,
    time::{sleep, timeout},
};

use super::{Node, admin, create, device, established, start_program, user, waiting::Waiting};

/// How many take nothing, of a gateway at which as many listen as there are here.
const SILENT: usize = 200;
const LISTENING: usize = 40;
/// How often their bundle changes meanwhile.
const CHANGES: usize = 10;
/// The addresses that the device may reach, on some ports each. None is beside another one.
const DESTINATIONS: usize = 1_000;
/// Where the silent ones come from.
const SILENT_FROM: Ipv4Addr = Ipv4Addr::new(127, 0, 6, 1);
const LISTENING_FROM: Ipv4Addr = Ipv4Addr::new(127, 0, 6, 2);

/// A gateway whose bundle is larger than what a silent client's connection holds.
struct Large {
    node: Node,
    policy: String,
    admin: Client,
}

impl Large {
    async fn new(admin: Client) -> Self {
        let node = Node::join(&admin, "gw", "100.96.0.0/24").await;
        let user = user(&admin, "ada").await;
        device(&admin, &user, "phone").await;
        let mut body = change(0);
        body["name"] = "many".into();
        body["effect"] = "allow".into();
        body["services"] = json!([{ "protocol": "tcp", "ports": ["25", "80", "443"] }]);
        body["targets"] = json!([{ "type": "user", "id": user }]);
        let policy = create(&admin, "policies", body).await;
        Self { node, policy, admin }
    }

    /// Replaces everything that the bundle allows.
    async fn change(&self, number: usize) {
        let path = format!("/admin/policies/{}", self.policy);
        let (status, answer) = self.admin.patch(&path, change(number)).await;
        assert_eq!(status, 200, "{answer}");
    }

    async fn listening(&self, server: SocketAddr) -> Waiting {
        let socket = TcpSocket::new_v4().unwrap();
        let mut waiting = Waiting::ask(socket, server, LISTENING_FROM, &self.node, "").await;
        hears(&mut waiting, 0).await;
        waiting
    }

    /// A client whose connection holds little, and that reads nothing. The kernel keeps what it
    /// sends in buffers that grow with the largest segment.
    async fn silent(&self, server: SocketAddr) -> Waiting {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        setsockopt(&socket, TcpMaxSeg, &536).unwrap();
        Waiting::ask(socket, server, SILENT_FROM, &self.node, "").await
    }
}

/// The `n`th destination after so many changes.
fn destination(n: usize, changes: usize) -> String {
    format!("10.{}.{}.{}", n / 256, n % 256, changes + 1)
}

fn change(number: usize) -> Value {
    let destinations = (0..DESTINATIONS).map(|n| destination(n, number));
    json!({ "destinations": destinations.collect::<Vec<_>>() })
}

/// What is in a bundle of that many changes, near its end, and in no other one.
fn mark(changes: usize) -> String {
    let address = destination(DESTINATIONS - 1, changes);
    format!("{address}-{address}")
}

/// Waits for the bundle with a change, and forgets what came before.
async fn hears(waiting: &mut Waiting, number: usize) {
    waiting.until(&mark(number)).await;
    waiting.read.clear();
}

fn address(base_url: &str) -> SocketAddr {
    base_url.trim_start_matches("http://").parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_who_read_nothing_hold_up_nobody_and_take_little() {
    let db = established().await;
    let server = start_program(&db).await;
    let at = address(&server.base_url);
    let large = Large::new(admin(&server).await).await;
    let other = Node::join(&large.admin, "other", "100.97.0.0/24").await;
    let mut listening = join_all((0..LISTENING).map(|_| large.listening(at))).await;
    let beside = TcpSocket::new_v4().unwrap();
    let mut beside = Waiting::ask(beside, at, LISTENING_FROM, &other, "").await;
    beside.until("event: bundle").await;
    // What changes cost where everybody reads.
    large.change(1).await;
    join_all(listening.iter_mut().map(|waiting| hears(waiting, 1))).await;

    let bundle = large.node.sync(&server.base_url, None).await.1.len();
    let before = server.resident();
    let opened = stream::iter(0..SILENT).map(|_| large.silent(at));
    let silent: Vec<_> = opened.buffer_unordered(64).collect().await;
    let begin = Instant::now();
    for number in 2..CHANGES + 2 {
        large.change(number).await;
        join_all(listening.iter_mut().map(|waiting| hears(waiting, number))).await;
    }
    println!("{CHANGES} changes heard by all after {:?}", begin.elapsed());
    beside.read.clear();
    let path = format!("/admin/gateways/{}", other.gateway);
    assert_eq!(large.admin.patch(&path, json!({ "mtu": 1300 })).await.0, 200);
    beside.until("event: bundle").await;

    // Each of them has one event on its way and one behind it, in buffers that have doubled.
    let grown = server.resident().saturating_sub(before) as usize;
    println!(
        "{SILENT} are silent: {} KiB each, a bundle has {}",
        (grown / SILENT) >> 10,
        bundle >> 10
    );
    assert!(grown < SILENT * bundle * 5, "{} MiB more", grown >> 20);
    drop(silent);
    assert!(server.stop().await.success());
}

#[tokio::test]
async fn who_was_silent_for_a_while_skips_to_the_newest_bundle() {
    let db = TestDb::new().await;
    let server = TestServer::start_with(&db.server_url, |o| o.connections.write = WIDE * 10).await;
    let at = address(&server.base_url);
    let large = Large::new(server.admin().await).await;
    let mut listening = large.listening(at).await;
    let mut silent = large.silent(at).await;
    for number in 1..=CHANGES {
        large.change(number).await;
        hears(&mut listening, number).await;
    }
    silent.until(&mark(CHANGES)).await;
    let events = silent.text().matches("event: bundle").count();
    assert!((2..=CHANGES / 2).contains(&events), "{events} bundles of {}", CHANGES + 1);
    server.stop().await;
}

#[tokio::test]
async fn who_takes_nothing_for_too_long_is_hung_up() {
    const WRITE: Duration = Duration::from_secs(2);
    let db = TestDb::new().await;
    let server = TestServer::start_with(&db.server_url, |o| {
        o.connections.write = WRITE;
        o.connections.total = 32;
    })
    .await;
    let at = address(&server.base_url);
    let large = Large::new(server.admin().await).await;
    let mut listening = large.listening(at).await;
    // All places that one address may have. One of them takes its time, but takes something.
    let mut silent = join_all((0..7).map(|_| large.silent(at))).await;
    let mut steady = large.silent(at).await;
    let begin = Instant::now();
    while !steady.text().contains(&mark(0)) {
        let mut piece = [0; 2048];
        let n = timeout(WIDE, steady.stream.read(&mut piece)).await.unwrap().unwrap();
        assert!(n > 0, "it was hung up after {:?}", begin.elapsed());
        steady.read.extend_from_slice(&piece[..n]);
        sleep(WRITE / 25).await;
    }
    assert!(begin.elapsed() > WRITE, "it was read too fast: {:?}", begin.elapsed());

    // The places of the others are free again, and what was left for them is not sent any more.
    poll_until(WIDE, || async {
        let again = Client::from_address(&server.base_url, SILENT_FROM.into());
        again.try_send(Method::GET, "/auth/me", &[], None).await.is_ok()
    })
    .await;
    for silent in &mut silent {
        // An end or a reset: the connection is over.
        let over = timeout(WIDE, silent.stream.read_to_end(&mut silent.read)).await;
        assert!(over.is_ok(), "the connection stays open");
        assert!(!silent.text().contains(&mark(0)), "it was sent all");
    }
    large.change(1).await;
    hears(&mut listening, 1).await;
    server.stop().await;
}
