//! Packets, byte by byte: valid enough for connection tracking not to call them invalid (which
//! does not verify checksums here, so that SCTP's is left out), each with the number of its probe
//! inside.

use std::net::IpAddr;

use nexavpn_domain::values::Protocol;

/// The hardware address of the gateway's ends; without it packets are not taken for its own.
pub(super) const GATEWAY_MAC: &str = "02:00:00:00:00:01";
const MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];
const MARK: [u8; 4] = *b"nxvp";

/// What a packet is in its flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Opens it.
    Opening,
    /// Answers to that.
    Answer,
}

/// A packet to be sent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Crafted {
    pub(super) src: IpAddr,
    pub(super) dst: IpAddr,
    pub(super) protocol: Protocol,
    /// Without meaning where the protocol has no ports; the identifier of an echo request.
    pub(super) src_port: u16,
    pub(super) dst_port: u16,
    pub(super) number: u32,
    pub(super) kind: Kind,
}

/// A packet that arrived.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    pub(super) src: IpAddr,
    pub(super) dst: IpAddr,
    pub(super) protocol: Protocol,
    pub(super) dst_port: u16,
    /// The number of the probe that it holds, be it because it is one or because it quotes one.
    pub(super) number: Option<u32>,
}

impl Crafted {
    /// The packet that the other end would answer with.
    pub(super) const fn answer(self) -> Self {
        let Self { src, dst, src_port, dst_port, .. } = self;
        let (src, dst, src_port, dst_port) = (dst, src, dst_port, src_port);
        Self { src, dst, src_port, dst_port, kind: Kind::Answer, ..self }
    }

    /// The Ethernet frame.
    pub(super) fn frame(&self) -> Vec<u8> {
        let transport = self.transport();
        let length = u16::try_from(transport.len()).unwrap();
        let mut frame = [MAC, MAC].concat();
        match (self.src, self.dst) {
            (IpAddr::V4(src), IpAddr::V4(dst)) => {
                let mut header = vec![0x45, 0];
                header.extend((20 + length).to_be_bytes());
                header.extend([0, 0, 0x40, 0, 64, self.protocol.0, 0, 0]);
                header.extend([src.octets(), dst.octets()].concat());
                let sum = checksum(&header);
                header[10..12].copy_from_slice(&sum);
                frame.extend([0x08, 0x00]);
                frame.extend(header);
            }
            (IpAddr::V6(src), IpAddr::V6(dst)) => {
                frame.extend([0x86, 0xdd, 0x60, 0, 0, 0]);
                frame.extend(length.to_be_bytes());
                frame.extend([self.protocol.0, 64]);
                frame.extend([src.octets(), dst.octets()].concat());
            }
            _ => unreachable!("both ends are of one family"),
        }
        frame.extend(transport);
        frame
    }

    fn transport(&self) -> Vec<u8> {
        let ports = [self.src_port.to_be_bytes(), self.dst_port.to_be_bytes()].concat();
        let tag = [MARK, self.number.to_be_bytes()].concat();
        let opening = self.kind == Kind::Opening;
        let id = self.number.to_be_bytes();
        match self.protocol {
            Protocol::TCP => {
                // The tag is data of the opening; its answer acknowledges it.
                let ack = if opening { 0 } else { self.number + 1 + 8 };
                let flags = if opening { 0x02 } else { 0x12 };
                let window = [5 << 4, flags, 0xff, 0xff, 0, 0, 0, 0];
                self.summed(&[&ports, &id, &ack.to_be_bytes(), &window, &tag], 16, true)
            }
            Protocol::UDP => self.summed(&[&ports, &[0, 16, 0, 0], &tag], 6, true),
            // UDP-Lite with its checksum over all of it.
            Protocol(136) => self.summed(&[&ports, &[0, 0, 0, 0], &tag], 6, true),
            Protocol::ICMP | Protocol::ICMPV6 => {
                let v6 = self.dst.is_ipv6();
                let kind = match (v6, opening) {
                    (false, true) => 8,
                    (false, false) => 0,
                    (true, true) => 128,
                    (true, false) => 129,
                };
                let port = if opening { self.src_port } else { self.dst_port };
                self.summed(&[&[kind, 0, 0, 0], &port.to_be_bytes(), &[0, 1], &tag], 2, v6)
            }
            Protocol::SCTP => {
                // INIT or INIT ACK, with the tag where its receive window and streams belong.
                let verification = if opening { [0; 4] } else { id };
                let chunk = [if opening { 1 } else { 2 }, 0, 0, 20];
                let parts: [&[u8]; 7] =
                    [&ports, &verification, &[0; 4], &chunk, &id, &tag, &[0, 0, 0, 1]];
                parts.concat()
            }
            Protocol(33) => {
                // DCCP Request or Response with long sequence numbers.
                let (words, kind) = if opening { (5, 0) } else { (7, 1) };
                let head = [words, 0, 0, 0, kind << 1 | 1, 0, 0, 0];
                let ack: &[u8] = if opening { &[] } else { &[0, 0, 0, 0, 0, 0, 0, 1] };
                self.summed(&[&ports, &head, &[0, 0, 0, 1], ack, &[0; 4], &tag], 6, true)
            }
            // The others: no ports, so zeros (which is what GRE's flags should be), and the tag.
            _ => [&[0; 8], tag.as_slice()].concat(),
        }
    }

    /// Joins the parts and fills the checksum in, which covers the addresses too for most.
    fn summed(&self, parts: &[&[u8]], at: usize, with_addresses: bool) -> Vec<u8> {
        let mut bytes = parts.concat();
        let mut covered = Vec::new();
        if with_addresses {
            for ip in [self.src, self.dst] {
                match ip {
                    IpAddr::V4(ip) => covered.extend(ip.octets()),
                    IpAddr::V6(ip) => covered.extend(ip.octets()),
                }
            }
            covered.extend([0, self.protocol.0]);
            covered.extend(u16::try_from(bytes.len()).unwrap().to_be_bytes());
        }
        covered.extend(&bytes);
        let sum = checksum(&covered);
        bytes[at..at + 2].copy_from_slice(&sum);
        bytes
    }
}

impl Seen {
    /// Reads a frame; `None` for what is no IP packet.
    pub(super) fn parse(frame: &[u8]) -> Option<Self> {
        let packet = frame.get(14..)?;
        let (src, dst, protocol, transport): (IpAddr, IpAddr, u8, &[u8]) =
            match frame.get(12..14)? {
                [0x08, 0x00] => {
                    let ip = |at: usize| <[u8; 4]>::try_from(packet.get(at..at + 4)?).ok();
                    (ip(12)?.into(), ip(16)?.into(), *packet.get(9)?, packet.get(20..)?)
                }
                [0x86, 0xdd] => {
                    let ip = |at: usize| <[u8; 16]>::try_from(packet.get(at..at + 16)?).ok();
                    (ip(8)?.into(), ip(24)?.into(), *packet.get(6)?, packet.get(40..)?)
                }
                _ => return None,
            };
        let port = transport.get(2..4).map_or(0, |two| u16::from_be_bytes([two[0], two[1]]));
        let tag = transport.windows(8).find(|eight| eight[..4] == MARK);
        Some(Self {
            src,
            dst,
            protocol: Protocol(protocol),
            dst_port: port,
            number: tag.map(|eight| u32::from_be_bytes([eight[4], eight[5], eight[6], eight[7]])),
        })
    }

    /// Whether this is the sent packet itself.
    pub(super) fn is(&self, sent: &Crafted) -> bool {
        self.number == Some(sent.number)
            && (self.src, self.dst, self.protocol) == (sent.src, sent.dst, sent.protocol)
    }

    /// Whether the addressed host's own answer to the packet: a TCP reset, an echo reply, or an
    /// error that quotes it.
    pub(super) fn answers(&self, sent: &Crafted) -> bool {
        let reset = self.protocol == Protocol::TCP && self.dst_port == sent.src_port;
        (self.src, self.dst) == (sent.dst, sent.src) && (reset || self.number == Some(sent.number))
    }
}

/// The internet checksum (RFC 1071).
fn checksum(bytes: &[u8]) -> [u8; 2] {
    let words = bytes.chunks(2).map(|two| {
        u32::from(u16::from_be_bytes([two[0], two.get(1).copied().unwrap_or_default()]))
    });
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    (!u16::try_from(sum).unwrap()).to_be_bytes()
}
