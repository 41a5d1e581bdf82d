//! Thousands of nodes that wait for their next bundle, and a process that dies under them.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Instant,
};

use futures::{StreamExt as _, stream};
use nexavpn_tests::harness::{Client, ServerProcess, WIDE};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    time::timeout,
};

use super::{Node, admin, create, established, start_program};

/// How many wait; one address may have 2,048 connections.
const WAITING: usize = 3_000;
const NODES: usize = 6;
/// What the server may grow by for each of them, in a build that is not optimised.
const EACH: u64 = 64 << 10;

/// A stream of bundles, as a node with the newest one has it open.
pub(super) struct Waiting {
    pub(super) stream: TcpStream,
    pub(super) read: Vec<u8>,
}

impl Waiting {
    pub(super) async fn open(server: SocketAddr, from: Ipv4Addr, node: &Node, last: &str) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        let last = format!("last-event-id: {last}\r\n");
        let mut this = Self::ask(socket, server, from, node, &last).await;
        this.until("\r\n\r\n").await;
        assert!(this.read.starts_with(b"HTTP/1.1 200 "), "{}", this.text());
        assert!(!this.text().contains("event: bundle"), "{}", this.text());
        this
    }

    /// Sends the request, with more headers, and reads nothing.
    pub(super) async fn ask(
        socket: TcpSocket,
        server: SocketAddr,
        from: Ipv4Addr,
        node: &Node,
        headers: &str,
    ) -> Self {
        socket.bind((from, 0).into()).unwrap();
        let mut stream = socket.connect(server).await.unwrap();
        let request = format!(
            "GET /api/v1/admin/gateways/{}/sync/stream HTTP/1.1\r\nhost: {server}\r\n\
             authorization: Bearer {}\r\n{headers}\r\n",
            node.gateway, node.credential,
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        Self { stream, read: vec![] }
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.read).into_owned()
    }

    /// Waits for a bundle; answers its event.
    async fn bundle(&mut self) -> String {
        self.until("event: bundle").await;
        let begin = self.text().find("event: bundle").unwrap();
        let event = |this: &Self| {
            let text = this.text();
            let end = text[begin..].find("\n\n")?;
            Some(text[begin..begin + end].to_owned())
        };
        while event(self).is_none() {
            let n = timeout(WIDE, self.stream.read_buf(&mut self.read)).await.unwrap().unwrap();
            assert!(n > 0, "it was hung up after: {}", self.text());
        }
        event(self).unwrap()
    }

    pub(super) async fn until(&mut self, text: &str) {
        let read = async {
            while !self.text().contains(text) {
                let n = self.stream.read_buf(&mut self.read).await.unwrap();
                assert!(n > 0, "it was hung up after: {}", self.text());
            }
        };
        timeout(WIDE, read).await.unwrap_or_else(|_| panic!("no {text} came"));
    }

    /// Whether a bundle has come already.
    fn has_bundle(&mut self) -> bool {
        while self.stream.try_read_buf(&mut self.read).is_ok_and(|n| n > 0) {}
        self.text().contains("event: bundle")
    }
}

async fn nodes(admin: &Client) -> Vec<Node> {
    let mut nodes = vec![];
    for n in 0..NODES {
        nodes.push(Node::join(admin, &format!("gw{n}"), &format!("100.{}.0.0/24", 96 + n)).await);
    }
    nodes
}

/// Which bundle a node has, once it has fetched the newest one.
async fn newest(server: &ServerProcess, node: &Node) -> String {
    let (status, body) = node.sync(&server.base_url, None).await;
    assert_eq!(status, 200);
    let (epoch, revision) = node.believe(&body).position();
    format!("{epoch}.{revision}")
}

async fn set_mtu(admin: &Client, node: &Node, mtu: u16) {
    let path = format!("/admin/gateways/{}", node.gateway);
    let (status, answer) = admin.patch(&path, json!({ "mtu": mtu })).await;
    assert_eq!(status, 200, "{answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_wait_and_each_hears_of_its_own_bundle() {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, soft.max(hard.min(65_536)), hard).unwrap();
    let db = established().await;
    let server = start_program(&db).await;
    let admin = admin(&server).await;
    let nodes = nodes(&admin).await;
    let mut last = vec![];
    for node in &nodes {
        last.push(newest(&server, node).await);
    }
    let address: SocketAddr = server.base_url.trim_start_matches("http://").parse().unwrap();
    let before = server.resident();
    let waiting = stream::iter(0..WAITING).map(|n| {
        let at = n % NODES;
        let from = Ipv4Addr::new(127, 0, 5, u8::try_from(at + 1).unwrap());
        let opened = Waiting::open(address, from, &nodes[at], &last[at]);
        async move { (at, opened.await) }
    });
    let mut waiting: Vec<_> = waiting.buffer_unordered(64).collect().await;
    let grown = server.resident().saturating_sub(before);
    println!("{WAITING} wait: {} KiB each", (grown / WAITING as u64) >> 10);
    assert!(grown < WAITING as u64 * EACH, "{} MiB more", grown >> 20);

    // Those of one gateway hear of its change, and nobody else. Half of them have not read it yet
    // when the others have.
    set_mtu(&admin, &nodes[0], 1300).await;
    let begin = Instant::now();
    let concerned = waiting.iter_mut().filter(|(at, _)| *at == 0).map(|(_, waiting)| waiting);
    for waiting in concerned.step_by(2) {
        waiting.until("event: bundle").await;
    }
    println!("{} heard of it after {:?}", WAITING / NODES / 2, begin.elapsed());
    for (at, waiting) in waiting.iter_mut().filter(|(at, _)| *at != 0) {
        assert!(!waiting.has_bundle(), "{at} was told of another gateway's change");
    }
    // And everybody of what concerns everybody.
    let begin = Instant::now();
    for node in &nodes[1..] {
        set_mtu(&admin, node, 1300).await;
    }
    for (_, waiting) in waiting.iter_mut().filter(|(at, _)| *at != 0) {
        waiting.until("event: bundle").await;
    }
    println!("all others after {:?}", begin.elapsed());
    assert!(server.stop().await.success());
}

#[tokio::test]
async fn when_a_process_dies_its_nodes_go_on_at_another_one() {
    let db = established().await;
    let first = start_program(&db).await;
    let admin = admin(&first).await;
    let node = Node::join(&admin, "gw", "100.96.0.0/24").await;
    let last = newest(&first, &node).await;
    let second = start_program(&db).await;
    let address = |server: &ServerProcess| -> SocketAddr {
        server.base_url.trim_start_matches("http://").parse().unwrap()
    };
    let mut here = Waiting::open(address(&first), Ipv4Addr::LOCALHOST, &node, &last).await;
    let mut there = Waiting::open(address(&second), Ipv4Addr::LOCALHOST, &node, &last).await;
    set_mtu(&admin, &node, 1300).await;
    let (one, other) = (here.bundle().await, there.bundle().await);
    assert!(one == other && one.contains("\"sha256\""), "{one} and {other}");

    // Nobody has to be elected: the other one publishes at once.
    first.kill().await;
    let elsewhere = Client::new(&second.base_url).in_session(admin.session.clone());
    set_mtu(&elsewhere, &node, 1400).await;
    there.read.clear();
    assert_ne!(there.bundle().await, other);
    let (status, body) = node.sync(&second.base_url, None).await;
    assert_eq!((status, node.believe(&body).payload.interface.mtu), (200, 1400));
    // An account that was made before the death is there, and so is what comes after.
    create(&elsewhere, "users", json!({ "username": "after" })).await;
    assert!(second.stop().await.success());
}
