//! A gateway's kernel between its devices and the world: three network namespaces, with raw
//! frames written and read at both ends.
//!
//! ```text
//! devices: end ── wg0 :gateway: eth1 ── end :outside
//! ```
//!
//! WireGuard itself is not part of it: the interface with its name is a veth, and whatever is
//! written into the other end is what WireGuard would have decrypted. Neither side resolves
//! neighbours, so every address is there.

use std::{
    os::fd::{AsRawFd, OwnedFd},
    sync::atomic::{AtomicU32, Ordering},
};

use nexavpn_bundle::Payload;
use nexavpn_domain::values::Protocol;
use nexavpn_gateway::nft::{self, NftNames};
use nexavpn_netns::{Namespace, require_root};
use nix::{
    errno::Errno,
    ifaddrs::getifaddrs,
    sched::{CpuSet, sched_getaffinity, sched_setaffinity},
    sys::{
        socket::{
            AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, bind, recv, send,
            setsockopt, socket, sockopt,
        },
        time::{TimeVal, TimeValLike},
    },
    unistd::Pid,
};

use super::wire::{Crafted, GATEWAY_MAC, Kind, Seen};

/// Where a packet is written to, or was read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Devices,
    Outside,
}

/// Goes with its namespaces when it is dropped.
pub(super) struct Bench {
    gateway: Namespace,
    _devices: Namespace,
    _outside: Namespace,
    device_end: OwnedFd,
    outside_end: OwnedFd,
}

/// What a batch led to.
pub(super) struct Arrived {
    pub(super) at_devices: Vec<Seen>,
    pub(super) outside: Vec<Seen>,
}

/// Forwarding on; answers of the gateway's own unlimited; nothing dropped or sent on the kernel's
/// own account.
const SETTINGS: &[(&str, &str)] = &[
    ("ipv4/ip_forward", "1"),
    ("ipv6/conf/all/forwarding", "1"),
    ("ipv4/conf/all/rp_filter", "0"),
    ("ipv4/conf/default/rp_filter", "0"),
    ("ipv4/conf/all/send_redirects", "0"),
    ("ipv4/conf/default/send_redirects", "0"),
    ("ipv4/icmp_ratelimit", "0"),
    ("ipv4/icmp_ratemask", "0"),
    ("ipv6/icmp/ratelimit", "0"),
    ("ipv6/icmp/ratemask", "255"),
];

impl Bench {
    /// Builds it, and keeps the calling thread on one processor: a veth hands packets over on the
    /// processor that sends them, so that they then arrive in the order in which they were sent.
    pub(super) fn new() -> Self {
        require_root();
        stay_on_one_processor();
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let id = format!("{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let [gateway, devices, outside] =
            ["gateway", "devices", "outside"].map(|role| Namespace::new(&format!("nxa{id}{role}")));
        gateway.inside(|| {
            for (key, value) in SETTINGS {
                set(key, value);
            }
        });
        for (name, other) in [("wg0", &devices), ("eth1", &outside)] {
            let peer = ["type", "veth", "peer", "name", "end", "netns", &other.name];
            gateway.ip(&[&["link", "add", name, "address", GATEWAY_MAC], &peer[..]].concat());
            for (namespace, link) in [(&gateway, name), (other, "end")] {
                namespace.ip(&["link", "set", link, "arp", "off", "addrgenmode", "none", "up"]);
            }
        }
        gateway.ip(&["route", "add", "default", "dev", "eth1"]);
        gateway.ip(&["-6", "route", "add", "default", "dev", "eth1"]);
        let (device_end, outside_end) = (devices.inside(raw), outside.inside(raw));
        Self { gateway, _devices: devices, _outside: outside, device_end, outside_end }
    }

    /// Makes the node what the payload says, as if there had been nothing before.
    pub(super) fn load(&self, payload: &Payload) {
        self.gateway.ip(&["addr", "flush", "dev", "wg0"]);
        for address in &payload.interface.addresses {
            self.gateway.ip(&["addr", "add", address, "dev", "wg0", "nodad"]);
        }
        let table = NftNames::default().table;
        self.apply(payload, &format!("add table inet {table}\ndelete table inet {table}\n"));
    }

    /// Takes the node from one payload to the next.
    pub(super) fn reload(&self, payload: &Payload) {
        self.apply(payload, "");
    }

    fn apply(&self, payload: &Payload, before: &str) {
        let names = NftNames { interface: payload.interface.name.clone(), ..NftNames::default() };
        let script = before.to_owned() + &nft::render_full(payload, &names);
        self.gateway.nft(&script).unwrap_or_else(|error| panic!("{error}\n{script}"));
        // Linux verifies UDP-Lite's checksum as if it were UDP's, so that proper packets are
        // invalid to it. The switch is there once something uses connection tracking.
        self.gateway.inside(|| set("netfilter/nf_conntrack_checksum", "0"));
    }

    /// Sends packets and answers what arrived by the time all of them had gone their way.
    pub(super) fn exchange(&self, from: Side, packets: &[Crafted]) -> Arrived {
        let mut arrived = Arrived { at_devices: vec![], outside: vec![] };
        // In portions that receive buffers hold.
        for portion in packets.chunks(200) {
            for packet in portion {
                self.send(from, packet);
            }
            self.flush(&mut arrived.outside);
            while let Some(seen) = self.receive(Side::Devices, MsgFlags::MSG_DONTWAIT) {
                arrived.at_devices.extend(seen);
            }
        }
        arrived
    }

    /// One more packet, past the firewall from outside to outside: it arrives after the others.
    fn flush(&self, outside: &mut Vec<Seen>) {
        let last = Crafted {
            src: [198, 18, 0, 1].into(),
            dst: [198, 18, 0, 2].into(),
            protocol: Protocol::UDP,
            src_port: 1,
            dst_port: 1,
            number: u32::MAX,
            kind: Kind::Opening,
        };
        self.send(Side::Outside, &last);
        loop {
            let seen = self.receive(Side::Outside, MsgFlags::empty());
            match seen.expect("a packet that the firewall has no say in does not arrive") {
                Some(seen) if seen.is(&last) => return,
                seen => outside.extend(seen),
            }
        }
    }

    fn end(&self, side: Side) -> i32 {
        match side {
            Side::Devices => self.device_end.as_raw_fd(),
            Side::Outside => self.outside_end.as_raw_fd(),
        }
    }

    fn send(&self, side: Side, packet: &Crafted) {
        let frame = packet.frame();
        assert_eq!(send(self.end(side), &frame, MsgFlags::empty()), Ok(frame.len()));
    }

    /// A frame; inside it `None` where that is no IP packet. `None` where there is no frame.
    fn receive(&self, side: Side, flags: MsgFlags) -> Option<Option<Seen>> {
        let mut buffer = [0; 2048];
        match recv(self.end(side), &mut buffer, flags) {
            Ok(length) => Some(Seen::parse(&buffer[..length])),
            Err(Errno::EAGAIN) => None,
            Err(error) => panic!("{error}"),
        }
    }
}

/// Changes a setting of the thread's namespace.
fn set(key: &str, value: &str) {
    std::fs::write(format!("/proc/sys/net/{key}"), value)
        .unwrap_or_else(|error| panic!("{key}: {error}"));
}

/// A socket for whole frames at the interface `end` of the thread's namespace.
fn raw() -> OwnedFd {
    let end = getifaddrs()
        .unwrap()
        .filter(|interface| interface.interface_name == "end")
        .find_map(|interface| interface.address?.as_link_addr().copied())
        .unwrap();
    let flags = SockFlag::SOCK_CLOEXEC;
    let all = SockProtocol::EthAll;
    let made = socket(AddressFamily::Packet, SockType::Raw, flags, all).unwrap();
    bind(made.as_raw_fd(), &end).unwrap();
    setsockopt(&made, sockopt::RcvBufForce, &(8 << 20)).unwrap();
    setsockopt(&made, sockopt::ReceiveTimeout, &TimeVal::seconds(10)).unwrap();
    made
}

fn stay_on_one_processor() {
    let this = Pid::from_raw(0);
    let allowed = sched_getaffinity(this).unwrap();
    let first = (0..CpuSet::count()).find(|cpu| allowed.is_set(*cpu).unwrap_or(false)).unwrap();
    let mut one = CpuSet::new();
    one.set(first).unwrap();
    sched_setaffinity(this, &one).unwrap();
}
