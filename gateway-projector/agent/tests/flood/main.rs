//! No gap: allowed and denied packets, numbered, through a real WireGuard and a real nftables,
//! while the node goes through 200 updates of every kind. No denied packet passes, and no allowed
//! one is lost to an update.
//!
//! All choices come from one number, which is printed. `NEXAVPN_FLOOD_SEED` takes it again;
//! the points at which an agent is killed differ even so.

mod packets;
#[path = "../support/mod.rs"]
mod support;
mod updates;

use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nexavpn_bundle::{Payload, sign};
use packets::{Fate, Flood, Flow, Passing};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use support::{World, wait_for};
use updates::{Fleet, Update};

const UPDATES: usize = 200;

/// Who sends what. The first device may send all of its flows at all times, the second one only
/// `b alive`; the third one's flows are opened and closed by policies, the fourth one is revoked
/// and enrolled again.
const FLOWS: [(&str, &str); 20] = [
    ("a open", "172.16.10.3:5001"),
    ("a port", "172.16.10.2:5002"),
    ("a open v6", "[fd10::3]:5001"),
    ("a port v6", "[fd10::2]:5002"),
    ("a new", "172.16.10.2:5002"),
    ("a dns", "100.96.0.1:53"),
    ("b alive", "172.16.10.2:5009"),
    ("b open", "172.16.10.3:5001"),
    ("b port", "172.16.10.2:5002"),
    ("b open v6", "[fd10::3]:5001"),
    ("b new", "172.16.10.2:5002"),
    ("b to a", "100.96.0.10:5001"),
    ("b to gateway", "172.16.10.1:5001"),
    ("b dns", "100.96.0.1:53"),
    ("c alive", "172.16.10.2:5009"),
    ("c open", "172.16.10.3:5001"),
    ("c port", "172.16.10.2:5002"),
    ("d", "172.16.10.3:5001"),
    ("server to a", "100.96.0.10:5001"),
    ("server to a v6", "[fd00::a]:5001"),
];
const C: [&str; 2] = ["c open", "c port"];

fn of(device: &str) -> Vec<&'static str> {
    let names = FLOWS.iter().map(|(name, _)| *name);
    names.filter(|name| name.split(' ').next() == Some(device)).collect()
}

struct Flooded {
    world: World,
    flood: std::sync::Arc<Flood>,
    senders: Vec<JoinHandle<()>>,
    fleet: Fleet,
    rng: StdRng,
    begin: Instant,
    /// What was done when.
    story: Vec<(Instant, String)>,
    published: Payload,
}

impl Flooded {
    /// All flows run, none has been disturbed.
    fn start(seed: u64) -> Self {
        let world = World::new(4);
        world.server.ip(&["addr", "add", "172.16.10.3/24", "dev", "eth0"]);
        world.server.ip(&["addr", "add", "fd10::3/64", "dev", "eth0", "nodad"]);
        world.join();
        world.start(&["--keep-tunnel"]);
        let mut rng = StdRng::seed_from_u64(seed);
        let fleet = Fleet::new(&mut rng);
        let published = fleet.payload(&world);
        world.publish(&published);
        world.connect_clients();

        let flood = Flood::new(FLOWS.iter().map(|(name, to)| Flow::new(name, to)).collect());
        let server = ["172.16.10.3:5001", "172.16.10.2:5002", "172.16.10.2:5009"];
        for address in server.into_iter().chain(["[fd10::3]:5001", "[fd10::2]:5002"]) {
            flood.receive(&world.server, address);
        }
        for address in ["172.16.10.1:5001", "100.96.0.1:53"] {
            flood.receive(&world.gateway, address);
        }
        for address in ["100.96.0.10:5001", "[fd00::a]:5001"] {
            flood.receive(&world.clients[0].namespace, address);
        }
        let tunnel = Passing { asked: "out of the tunnel", answered: "back into the tunnel" };
        let network = Passing { asked: "into the network", answered: "back out of the network" };
        flood.watch(&world.gateway, [(&world.interface, tunnel), ("eth1", network)]);
        let mut senders: Vec<JoinHandle<()>> = [("a", 3), ("b", 4), ("c", 4), ("d", 8)]
            .iter()
            .zip(&world.clients)
            .map(|((device, pace), client)| {
                flood.send(&client.namespace, &of(device), Duration::from_millis(*pace))
            })
            .collect();
        senders.push(flood.send(&world.server, &of("server"), Duration::from_millis(5)));
        let begin = Instant::now();
        let story = Vec::new();
        let mut flooded = Self { world, flood, senders, fleet, rng, begin, story, published };
        flooded.open_all();
        flooded
    }

    /// Sends what is to arrive once the tunnels are there.
    fn open_all(&mut self) {
        let addresses = [("172.16.10.2", 5002), ("172.16.10.2", 5009), ("172.16.10.3", 5001)];
        for (client, at) in [(0, 0), (1, 1), (2, 1), (3, 2)] {
            let (host, port) = addresses[at];
            let namespace = &self.world.clients[client].namespace;
            wait_for("a tunnel", || namespace.reaches_udp(host, port));
        }
        for (host, port) in [("fd10::3", 5001), ("fd10::2", 5002)] {
            let namespace = &self.world.clients[0].namespace;
            wait_for("IPv6", || updates::reaches_udp6(namespace, host, port));
        }
        for flow in &self.flood.flows {
            let device = flow.name.split(' ').next();
            let is_allowed = device == Some("a") || flow.name.ends_with(" alive");
            flow.set(if is_allowed || device == Some("d") { Fate::Allowed } else { Fate::Denied });
        }
    }

    fn tell(&mut self, what: String) {
        self.story.push((Instant::now(), what));
    }

    /// Signs the fleet as it is, and serves it, often with what leads there.
    fn publish(&mut self, what: &str) {
        let payload = self.fleet.payload(&self.world);
        let delta = self.rng.random_bool(0.6);
        self.tell(format!(
            "{what}: revision {}, {}",
            payload.revision,
            if delta { "with a delta" } else { "whole" }
        ));
        let signed = sign(&payload, &self.world.signing).unwrap();
        let lead =
            delta.then(|| (self.published.revision, self.world.delta(&self.published, &payload)));
        self.world.plane.with(|shared| {
            shared.deltas = lead.into_iter().collect();
            shared.body = Some(signed.body());
            shared.etag = signed.etag();
            shared.reports.clear();
        });
        self.published = payload;
    }

    fn applied(&self) {
        self.world.applied(self.published.revision);
    }

    fn update(&mut self) {
        let update = self.fleet.change(&mut self.rng);
        let c: Vec<&Flow> = C.iter().map(|name| self.flood.flow(name)).collect();
        match update {
            // What is about to change stands still meanwhile: it is nobody's fault if a packet
            // that was sent before arrives after.
            Update::TurnC => {
                c.iter().for_each(|flow| flow.set(Fate::Paused));
                if self.fleet.c {
                    // Theirs passed the firewall before the one that is waited for.
                    let alive = self.flood.flow("c alive");
                    let next = alive.count();
                    wait_for("what was denied", || alive.is_answered_from(next));
                } else {
                    c.iter().for_each(|flow| flow.settle());
                }
            }
            Update::RevokeD => {
                let d = self.flood.flow("d");
                d.set(Fate::Paused);
                d.settle();
            }
            Update::EnrolD => {
                self.flood.flow("d").set(Fate::Paused);
                // With all that may still wait in it.
                let client = &self.world.clients[3];
                client.namespace.ip(&["link", "del", "dev", &client.interface]);
                let socket = format!("/var/run/wireguard/{}.sock", client.interface);
                wait_for("the end of d's tunnel", || !std::path::Path::new(&socket).exists());
            }
            _ => {}
        }
        self.publish(&format!("{update:?}"));
        self.disturb();
        match update {
            Update::TurnC => {
                self.applied();
                let fate = if self.fleet.c { Fate::Allowed } else { Fate::Denied };
                C.iter().for_each(|name| self.flood.flow(name).set(fate));
            }
            Update::RevokeD => {
                self.applied();
                self.flood.flow("d").set(Fate::Denied);
            }
            Update::EnrolD => {
                self.applied();
                self.world.connect_client(3);
                let namespace = &self.world.clients[3].namespace;
                wait_for("the tunnel of d", || namespace.reaches_udp("172.16.10.3", 5001));
                self.flood.flow("d").set(Fate::Allowed);
            }
            _ if self.rng.random_bool(0.5) => self.applied(),
            _ => self.pause(60),
        }
    }

    fn pause(&mut self, most_ms: u64) {
        std::thread::sleep(Duration::from_micros(self.rng.random_range(0..most_ms * 1000)));
    }

    /// What happens to the agent while it may be at work.
    fn disturb(&mut self) {
        match self.rng.random_range(0..100) {
            0..14 => {
                for _ in 0..self.rng.random_range(1..=2) {
                    self.pause(150);
                    self.tell("kill -9".into());
                    self.world.crash();
                    self.pause(50);
                    self.world.start(&["--keep-tunnel"]);
                }
            }
            14..22 => {
                self.pause(100);
                self.tell("SIGTERM".into());
                self.world.terminate();
                self.pause(50);
                self.world.start(&["--keep-tunnel"]);
            }
            22..28 => {
                self.tell("the control plane is away".into());
                self.world.plane.with(|shared| shared.down = true);
                self.pause(300);
                self.world.plane.with(|shared| shared.down = false);
            }
            _ => {}
        }
    }

    /// Ends the flood and answers what went wrong in it.
    fn end(&mut self) -> String {
        self.flood.stop();
        self.senders.drain(..).for_each(|sender| sender.join().unwrap());
        let mut wrongs: Vec<_> = self.flood.flows.iter().flat_map(Flow::wrongs).collect();
        wrongs.sort();
        let since = |at: &Instant| at.duration_since(self.begin).as_millis();
        let mut text = String::new();
        for (at, wrong) in wrongs.iter().take(20) {
            text += &format!("{} ms: {wrong}\n", since(at));
            let before = self.story.iter().filter(|(done, _)| done <= at).rev().take(6);
            let after = self.story.iter().filter(|(done, _)| done > at).take(1);
            for (done, what) in before.chain(after) {
                text += &format!("    {} ms: {what}\n", since(done));
            }
        }
        if !wrongs.is_empty() {
            text += &format!("{} in all\n{}", wrongs.len(), updates::buffers(&self.world));
        }
        text
    }
}

#[test]
fn no_denied_packet_passes_and_no_allowed_one_is_lost_to_an_update() {
    let seed = std::env::var("NEXAVPN_FLOOD_SEED").ok().and_then(|text| text.parse().ok());
    let seed = seed.unwrap_or_else(rand::random);
    println!("the seed of the updates: {seed}");
    let mut flooded = Flooded::start(seed);
    for _ in 0..UPDATES {
        flooded.update();
    }
    flooded.applied();
    let took = flooded.begin.elapsed();
    let wrongs = flooded.end();
    assert!(wrongs.is_empty(), "seed {seed}\n{wrongs}");

    // There was a flood, and it was the firewall that held back what did not arrive.
    for flow in &flooded.flood.flows {
        let (allowed, denied) = flow.counts();
        println!("{:>14}: {allowed:>6} allowed, {denied:>6} denied", flow.name);
        assert!(allowed + denied > 500, "{}", flow.name);
    }
    println!("{UPDATES} updates in {took:?}");
    flooded.fleet.open_b();
    flooded.publish("open b");
    flooded.applied();
    let b = &flooded.world.clients[1].namespace;
    for (host, port) in [("172.16.10.3", 5001), ("172.16.10.2", 5002), ("100.96.0.1", 53)] {
        assert!(b.reaches_udp(host, port), "{host}");
    }
    assert!(b.reaches_udp("100.96.0.10", 5001));
    assert!(updates::reaches_udp6(b, "fd10::3", 5001));
}
