//! What a packet costs a gateway's kernel, with rules and without.
//!
//! ```text
//! end ── wg0 :gateway: eth1 ── end :outside        two of them, one without rules
//! ```
//!
//! A veth hands a packet over on the processor that sends it: sending, forwarding and throwing
//! away at the other end are one thread's work, which is kept on one processor and never waits, so
//! that the time that passes is the processor's. What sending alone costs is measured with frames
//! that nobody forwards, since they are addressed to another machine, and is taken off.

use std::{
    net::Ipv4Addr,
    os::fd::{AsRawFd as _, OwnedFd},
    time::Instant,
};

use nexavpn_netns::Namespace;
use nix::{
    ifaddrs::getifaddrs,
    sched::{CpuSet, sched_getaffinity, sched_setaffinity},
    sys::socket::{AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, bind, send, socket},
    unistd::Pid,
};

use super::super::Outcome;

const GATEWAY_MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];
const OTHER_MAC: [u8; 6] = [2, 0, 0, 0, 0, 2];

/// Forwarding on, and nothing sent on the kernel's own account.
const SETTINGS: [(&str, &str); 6] = [
    ("ipv4/ip_forward", "1"),
    ("ipv4/conf/all/accept_local", "1"),
    ("ipv4/conf/all/rp_filter", "0"),
    ("ipv4/conf/default/rp_filter", "0"),
    ("ipv6/conf/all/disable_ipv6", "1"),
    ("ipv6/conf/default/disable_ipv6", "1"),
];

/// A device's packet: its address, where it goes, and to which port.
#[derive(Debug, Clone, Copy)]
pub(super) struct Packet {
    pub(super) from: Ipv4Addr,
    pub(super) to: Ipv4Addr,
    pub(super) port: u16,
}

/// A gateway that forwards; goes with its namespaces.
pub(super) struct Path {
    pub(super) gateway: Namespace,
    _devices: Namespace,
    outside: Namespace,
    end: OwnedFd,
}

impl Path {
    pub(super) fn new(name: &str) -> Outcome<Self> {
        let made = |role: &str| Namespace::new(&format!("{name}{role}"));
        let (gateway, devices, outside) = (made("g"), made("d"), made("o"));
        for namespace in [&gateway, &devices, &outside] {
            namespace.inside(|| {
                for (setting, value) in SETTINGS {
                    std::fs::write(format!("/proc/sys/net/{setting}"), value)?;
                }
                std::io::Result::Ok(())
            })?;
        }
        let mac = GATEWAY_MAC.map(|byte| format!("{byte:02x}")).join(":");
        for (link, other) in [("wg0", &devices), ("eth1", &outside)] {
            let peer = ["type", "veth", "peer", "name", "end", "netns", &other.name];
            gateway.ip(&[&["link", "add", link, "address", &mac], &peer[..]].concat());
            for (namespace, link) in [(&gateway, link), (other, "end")] {
                namespace.ip(&["link", "set", link, "arp", "off", "addrgenmode", "none", "up"]);
            }
        }
        gateway.ip(&["route", "add", "default", "dev", "eth1"]);
        let end = devices.inside(raw)?;
        Ok(Self { gateway, _devices: devices, outside, end })
    }

    /// How long the packets take, one after the other, in nanoseconds each.
    pub(super) fn time(&self, frames: &[Vec<u8>]) -> Outcome<f64> {
        let begin = Instant::now();
        for frame in frames {
            send(self.end.as_raw_fd(), frame, MsgFlags::empty())?;
        }
        Ok(begin.elapsed().as_nanos() as f64 / frames.len().max(1) as f64)
    }

    /// How many packets have come out at the other end by now.
    pub(super) fn forwarded(&self) -> Outcome<u64> {
        let text = self.outside.run("cat", &["/proc/net/dev"]);
        let line = text.lines().find_map(|line| line.trim().strip_prefix("end:"));
        let packets = line.and_then(|line| line.split_whitespace().nth(1));
        Ok(packets.ok_or("no counter of packets")?.parse()?)
    }
}

/// The frames of some packets, to the gateway or to nobody that is there.
pub(super) fn frames(packets: &[Packet], to_gateway: bool) -> Vec<Vec<u8>> {
    packets.iter().map(|packet| frame(packet, to_gateway)).collect()
}

fn frame(Packet { from, to, port }: &Packet, to_gateway: bool) -> Vec<u8> {
    let payload = [0_u8; 64];
    let mut frame = Vec::with_capacity(128);
    frame.extend(if to_gateway { GATEWAY_MAC } else { [2, 0, 0, 0, 0, 9] });
    frame.extend(OTHER_MAC);
    frame.extend([0x08, 0x00]);
    let udp = 8 + payload.len();
    let mut header = [0_u8; 20];
    header[0] = 0x45;
    header[2..4].copy_from_slice(&u16::try_from(20 + udp).unwrap_or_default().to_be_bytes());
    (header[8], header[9]) = (64, 17);
    header[12..16].copy_from_slice(&from.octets());
    header[16..20].copy_from_slice(&to.octets());
    let words = header.chunks(2).map(|two| u32::from(two[0]) << 8 | u32::from(two[1]));
    let sum: u32 = words.sum();
    let sum = !u16::try_from((sum & 0xffff) + (sum >> 16)).unwrap_or_default();
    header[10..12].copy_from_slice(&sum.to_be_bytes());
    frame.extend(header);
    frame.extend(40_000_u16.to_be_bytes());
    frame.extend(port.to_be_bytes());
    frame.extend(u16::try_from(udp).unwrap_or_default().to_be_bytes());
    // No checksum.
    frame.extend([0, 0]);
    frame.extend(payload);
    frame
}

/// A socket for whole frames at the interface `end` of the thread's namespace, which reads none.
fn raw() -> Outcome<OwnedFd> {
    let end = getifaddrs()?
        .filter(|interface| interface.interface_name == "end")
        .find_map(|interface| interface.address?.as_link_addr().copied())
        .ok_or("the interface has gone")?;
    // Of no protocol: it would be given a copy of everything otherwise.
    let kind: Option<SockProtocol> = None;
    let made = socket(AddressFamily::Packet, SockType::Raw, SockFlag::SOCK_CLOEXEC, kind)?;
    bind(made.as_raw_fd(), &end)?;
    Ok(made)
}

/// Keeps the calling thread on one processor.
pub(super) fn stay_on_one_processor() -> Outcome<()> {
    let this = Pid::from_raw(0);
    let allowed = sched_getaffinity(this)?;
    let last = (0..CpuSet::count()).rev().find(|cpu| allowed.is_set(*cpu).unwrap_or(false));
    let mut one = CpuSet::new();
    one.set(last.ok_or("no processor")?)?;
    Ok(sched_setaffinity(this, &one)?)
}
