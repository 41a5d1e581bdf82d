//! Numbered packets, and what became of each of them.
//!
//! A packet carries its flow and its number. The sender notes before it sends whether the packet
//! is allowed; the receivers note what they see and send it back. In the end the lists are
//! compared number by number: nothing is averaged and nothing forgiven.
//!
//! No socket's buffer can overflow, so that whatever is lost was lost by the node: a client sends
//! on only while fewer than [`WINDOW`] of its allowed packets are unanswered, its denied packets
//! go one for one with them, and all windows together fit several times into a buffer.

use std::collections::{BTreeSet, VecDeque};
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::sys::socket::{
    AddressFamily, LinkAddr, SockFlag, SockProtocol, SockType, recvfrom, setsockopt, socket,
    sockopt,
};

use super::support::net::{Namespace, enter};

/// How many packets of a flow may be under way.
const WINDOW: usize = 8;
/// After so long a packet counts as lost, and the next one may follow.
const GIVEN_UP: Duration = Duration::from_secs(3);

/// What is to become of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Nothing is sent.
    Paused,
    /// It must arrive, and its answer too.
    Allowed,
    /// It must not arrive.
    Denied,
}

/// From where to where.
pub struct Flow {
    pub name: &'static str,
    to: SocketAddr,
    /// Whether each packet comes from a port of its own, and so is a connection of its own.
    fresh: bool,
    sent: Mutex<(Fate, Vec<(Instant, Fate)>)>,
    arrived: Mutex<BTreeSet<usize>>,
    answered: Mutex<BTreeSet<usize>>,
    /// Which packets, and which answers, went by an interface of the gateway.
    seen: Mutex<BTreeSet<(usize, &'static str)>>,
}

impl Flow {
    pub fn new(name: &'static str, to: &str) -> Self {
        Self {
            name,
            to: to.parse().unwrap(),
            fresh: name.ends_with(" new"),
            sent: Mutex::new((Fate::Paused, Vec::new())),
            arrived: Mutex::default(),
            answered: Mutex::default(),
            seen: Mutex::default(),
        }
    }

    /// From now on. No packet of before is sent after this returns.
    pub fn set(&self, fate: Fate) {
        self.sent.lock().unwrap().0 = fate;
    }

    /// How many packets were sent.
    pub fn count(&self) -> usize {
        self.sent.lock().unwrap().1.len()
    }

    /// Whether a packet of this number or a later one was answered.
    pub fn is_answered_from(&self, number: usize) -> bool {
        self.answered.lock().unwrap().last().is_some_and(|last| *last >= number)
    }

    /// Returns once the last packet, which was allowed, is answered, or lost.
    pub fn settle(&self) {
        let sent = self.count();
        let deadline = Instant::now() + GIVEN_UP;
        while sent > 0 && !self.is_answered_from(sent - 1) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// What was lost, and what came through that should not have.
    pub fn wrongs(&self) -> Vec<(Instant, String)> {
        let sent = self.sent.lock().unwrap();
        let (arrived, answered) = (self.arrived.lock().unwrap(), self.answered.lock().unwrap());
        let wrong = |number: usize, fate: Fate| match fate {
            Fate::Allowed if !arrived.contains(&number) => Some("was lost"),
            Fate::Allowed if !answered.contains(&number) => {
                Some("arrived, and its answer was lost")
            }
            Fate::Denied if arrived.contains(&number) => Some("is denied and came through"),
            _ => None,
        };
        let all = sent.1.iter().enumerate();
        all.filter_map(|(number, (at, fate))| {
            let wrong = wrong(number, *fate)?;
            let seen = self.seen.lock().unwrap();
            let seen: Vec<_> =
                seen.range((number, "")..(number + 1, "")).map(|(_, at)| at).collect();
            Some((*at, format!("{}: packet {number} {wrong}; seen {seen:?}", self.name)))
        })
        .collect()
    }

    /// How many allowed and how many denied packets were sent.
    pub fn counts(&self) -> (usize, usize) {
        let sent = self.sent.lock().unwrap();
        let of = |fate| sent.1.iter().filter(|(_, one)| *one == fate).count();
        (of(Fate::Allowed), of(Fate::Denied))
    }
}

/// What is said of a packet, and of an answer, that went by an interface.
#[derive(Clone, Copy)]
pub struct Passing {
    pub asked: &'static str,
    pub answered: &'static str,
}

/// Everything that is sent, and who takes part in it.
pub struct Flood {
    pub flows: Vec<Flow>,
    stop: AtomicBool,
}

impl Flood {
    pub fn new(flows: Vec<Flow>) -> Arc<Self> {
        Arc::new(Self { flows, stop: AtomicBool::new(false) })
    }

    pub fn flow(&self, name: &str) -> &Flow {
        self.flows.iter().find(|flow| flow.name == name).unwrap()
    }

    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Notes what arrives at an address of `namespace`, and sends it back.
    pub fn receive(self: &Arc<Self>, namespace: &Namespace, address: &str) {
        let socket = namespace.inside(|| UdpSocket::bind(address)).unwrap();
        let flood = Arc::clone(self);
        std::thread::spawn(move || {
            let mut buffer = [0; 64];
            while let Ok((length, from)) = socket.recv_from(&mut buffer) {
                if let Some((flow, number)) = parse(&buffer[..length]) {
                    flood.flows[flow].arrived.lock().unwrap().insert(number);
                }
                let _ = socket.send_to(&buffer[..length], from);
            }
        });
    }

    /// Notes what goes by some interfaces, so that it can be said where a packet was lost.
    pub fn watch(self: &Arc<Self>, namespace: &Namespace, interfaces: [(&str, Passing); 2]) {
        let number = |(name, passing): (&str, Passing)| {
            let line = namespace.ip(&["-o", "link", "show", "dev", name]);
            (line.split(':').next().unwrap().parse().unwrap(), passing)
        };
        let interfaces: [(usize, Passing); 2] = interfaces.map(number);
        let socket = namespace.inside(|| {
            let (flags, every) = (SockFlag::SOCK_CLOEXEC, SockProtocol::EthAll);
            let made = socket(AddressFamily::Packet, SockType::Datagram, flags, every).unwrap();
            setsockopt(&made, sockopt::RcvBufForce, &(8 << 20)).unwrap();
            made
        });
        let flood = Arc::clone(self);
        std::thread::spawn(move || {
            let mut buffer = [0; 256];
            while let Ok((length, from)) = recvfrom::<LinkAddr>(socket.as_raw_fd(), &mut buffer) {
                let at = from.map(|from| from.ifindex());
                let passing = interfaces.iter().find(|(index, _)| at == Some(*index));
                if let Some((_, passing)) = passing {
                    flood.note(&buffer[..length], passing);
                }
            }
        });
    }

    fn note(&self, packet: &[u8], passing: &Passing) -> Option<()> {
        let header = if packet.first()? >> 4 == 4 { 20 } else { 40 };
        let (udp, rest) = packet.get(header..)?.split_at_checked(8)?;
        let (flow, number) = parse(rest)?;
        let flow = self.flows.get(flow)?;
        let is_asked = udp[2..4] == flow.to.port().to_be_bytes();
        let what = if is_asked { passing.asked } else { passing.answered };
        flow.seen.lock().unwrap().insert((number, what));
        Some(())
    }

    /// Sends some flows from `namespace`, a packet of each at a time.
    pub fn send(
        self: &Arc<Self>,
        namespace: &Namespace,
        flows: &[&str],
        pace: Duration,
    ) -> JoinHandle<()> {
        let of = |name: &&str| self.flows.iter().position(|flow| flow.name == *name).unwrap();
        let mut senders: Vec<Sender> = flows.iter().map(of).map(Sender::new).collect();
        let flood = Arc::clone(self);
        let name = namespace.name.clone();
        std::thread::spawn(move || {
            enter(&name);
            while !flood.stop.load(Ordering::Relaxed) {
                // Never two at once to catch up: it would be a burst.
                std::thread::sleep(pace);
                for sender in &mut senders {
                    sender.take_answers(&flood);
                }
                if senders.iter().all(|sender| sender.under_way.len() < WINDOW) {
                    for sender in &mut senders {
                        sender.send(&flood);
                    }
                }
            }
            let end = Instant::now() + GIVEN_UP;
            while senders.iter().any(|sender| !sender.under_way.is_empty()) && Instant::now() < end
            {
                senders.iter_mut().for_each(|sender| sender.take_answers(&flood));
                std::thread::sleep(pace);
            }
        })
    }
}

/// A flow's sockets.
struct Sender {
    flow: usize,
    sockets: VecDeque<UdpSocket>,
    /// Allowed packets without an answer.
    under_way: VecDeque<(usize, Instant)>,
}

impl Sender {
    fn new(flow: usize) -> Self {
        Self { flow, sockets: VecDeque::new(), under_way: VecDeque::new() }
    }

    fn send(&mut self, flood: &Flood) {
        let flow = &flood.flows[self.flow];
        let mut sent = flow.sent.lock().unwrap();
        let fate = sent.0;
        if fate == Fate::Paused {
            return;
        }
        if flow.fresh || self.sockets.is_empty() {
            let any = if flow.to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
            let socket = UdpSocket::bind(any).unwrap();
            socket.set_nonblocking(true).unwrap();
            self.sockets.push_back(socket);
        }
        // Each one is kept until its packet is answered or given up.
        while self.sockets.len() > 4 * WINDOW {
            self.sockets.pop_front();
        }
        let number = sent.1.len();
        sent.1.push((Instant::now(), fate));
        if fate == Fate::Allowed {
            self.under_way.push_back((number, Instant::now()));
        }
        let mut packet = [0; 16];
        packet[..8].copy_from_slice(&u64::try_from(self.flow).unwrap().to_be_bytes());
        packet[8..].copy_from_slice(&u64::try_from(number).unwrap().to_be_bytes());
        let socket = self.sockets.back().unwrap();
        socket.send_to(&packet, flow.to).unwrap_or_else(|error| panic!("{}: {error}", flow.name));
    }

    fn take_answers(&mut self, flood: &Flood) {
        let mut buffer = [0; 64];
        for socket in &self.sockets {
            while let Ok((length, _)) = socket.recv_from(&mut buffer) {
                if let Some((flow, number)) = parse(&buffer[..length]) {
                    flood.flows[flow].answered.lock().unwrap().insert(number);
                    self.under_way.retain(|(one, _)| *one != number);
                }
            }
        }
        self.under_way.retain(|(_, at)| at.elapsed() < GIVEN_UP);
    }
}

fn parse(packet: &[u8]) -> Option<(usize, usize)> {
    let number = |part: &[u8]| usize::try_from(u64::from_be_bytes(part.try_into().ok()?)).ok();
    Some((number(packet.get(..8)?)?, number(packet.get(8..16)?)?))
}
