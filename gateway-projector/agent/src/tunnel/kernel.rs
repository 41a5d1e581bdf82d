//! The kernel's WireGuard, by generic netlink (linux/wireguard.h). Its device
//! is made with `ip`.

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use netlink_packet_core::{Emitable, NLM_F_ACK, NLM_F_DUMP};
use netlink_packet_wireguard::{
    WireguardAddressFamily, WireguardAllowedIp, WireguardAllowedIpAttr, WireguardAttribute,
    WireguardCmd, WireguardMessage, WireguardPeer, WireguardPeerAttribute, WireguardPeerFlags,
};

use super::{Device, Peer, TunnelError, netlink};
use crate::command::{CommandError, run};
use crate::desired::WantedPeer;
use crate::secrets::PresharedKey;
use crate::state::PrivateKey;

/// An attribute's length has 16 bits, and all peers of a message are in one.
const LONGEST_MESSAGE: usize = 32 << 10;
/// 40 bytes each at most, so that a peer alone always fits.
const IPS_PER_PEER: usize = 500;
/// A dump that something else interrupted is asked for again so often.
const DUMPS: usize = 5;

/// An interface in the kernel.
#[derive(Debug)]
pub struct Kernel {
    interface: String,
}

impl Kernel {
    /// Takes an interface that is there.
    #[must_use]
    pub fn adopt(interface: &str) -> Self {
        Self { interface: interface.to_owned() }
    }

    pub(super) async fn create(interface: &str) -> Result<Self, CommandError> {
        run("ip", &["link", "add", "dev", interface, "type", "wireguard"], None).await?;
        Ok(Self::adopt(interface))
    }

    pub(super) fn interface(&self) -> &str {
        &self.interface
    }

    pub(super) async fn read(&self) -> Result<Device, TunnelError> {
        let mut attempt = 1;
        loop {
            match self.send(WireguardCmd::GetDevice, Vec::new(), NLM_F_DUMP).await {
                Ok(answers) => return Ok(device(answers)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted && attempt < DUMPS => {
                    attempt += 1;
                }
                Err(error) => return Err(self.failed(error)),
            }
        }
    }

    pub(super) async fn set_own(&self, key: &PrivateKey, port: u16) -> Result<(), TunnelError> {
        let own =
            vec![WireguardAttribute::PrivateKey(key.bytes()), WireguardAttribute::ListenPort(port)];
        self.set(own).await
    }

    pub(super) async fn remove_peers(&self, keys: &[&String]) -> Result<(), TunnelError> {
        self.write(keys.iter().filter_map(|key| removal(key)).collect()).await
    }

    pub(super) async fn set_peers(
        &self,
        peers: &[(&String, &WantedPeer)],
    ) -> Result<(), TunnelError> {
        self.write(peers.iter().flat_map(|(key, wanted)| peer(key, wanted)).collect()).await
    }

    async fn write(&self, peers: Vec<WireguardPeer>) -> Result<(), TunnelError> {
        for message in messages(peers) {
            self.set(vec![WireguardAttribute::Peers(message)]).await?;
        }
        Ok(())
    }

    async fn set(&self, attributes: Vec<WireguardAttribute>) -> Result<(), TunnelError> {
        let sent = self.send(WireguardCmd::SetDevice, attributes, NLM_F_ACK).await;
        sent.map(|_| ()).map_err(|source| self.failed(source))
    }

    async fn send(
        &self,
        cmd: WireguardCmd,
        attributes: Vec<WireguardAttribute>,
        flags: u16,
    ) -> io::Result<Vec<WireguardMessage>> {
        let family = netlink::family("wireguard").await?;
        netlink::request_of(message(&self.interface, cmd, attributes), family, flags).await
    }

    fn failed(&self, source: io::Error) -> TunnelError {
        TunnelError::Socket { interface: self.interface.clone(), source }
    }
}

fn message(
    interface: &str,
    cmd: WireguardCmd,
    mut attributes: Vec<WireguardAttribute>,
) -> WireguardMessage {
    attributes.insert(0, WireguardAttribute::IfName(interface.to_owned()));
    WireguardMessage { cmd, attributes }
}

fn key_bytes(base64: &str) -> Option<[u8; 32]> {
    STANDARD.decode(base64).ok()?.try_into().ok()
}

fn removal(key: &str) -> Option<WireguardPeer> {
    Some(WireguardPeer(vec![
        WireguardPeerAttribute::PublicKey(key_bytes(key)?),
        WireguardPeerAttribute::Flags(WireguardPeerFlags::RemoveMe),
    ]))
}

/// A peer in as many parts as its addresses need; the first part replaces what
/// it had.
fn peer(key: &str, wanted: &WantedPeer) -> Vec<WireguardPeer> {
    let Some(key) = key_bytes(key) else { return Vec::new() };
    // Zeros remove a preshared key.
    let psk = wanted.psk.as_ref().map(PresharedKey::bytes).unwrap_or_default();
    let allowed: Vec<WireguardAllowedIp> = wanted.ips.iter().map(|ip| allowed(*ip)).collect();
    let first = allowed.len().min(IPS_PER_PEER);
    let (first, rest) = allowed.split_at(first);
    let mut parts = vec![WireguardPeer(vec![
        WireguardPeerAttribute::PublicKey(key),
        WireguardPeerAttribute::PresharedKey(psk),
        WireguardPeerAttribute::Flags(WireguardPeerFlags::ReplaceAllowedIps),
        WireguardPeerAttribute::AllowedIps(first.to_vec()),
    ])];
    parts.extend(rest.chunks(IPS_PER_PEER).map(|part| {
        WireguardPeer(vec![
            WireguardPeerAttribute::PublicKey(key),
            WireguardPeerAttribute::AllowedIps(part.to_vec()),
        ])
    }));
    parts
}

fn allowed(ip: IpAddr) -> WireguardAllowedIp {
    let (family, length) = match ip {
        IpAddr::V4(_) => (WireguardAddressFamily::Ipv4, 32),
        IpAddr::V6(_) => (WireguardAddressFamily::Ipv6, 128),
    };
    WireguardAllowedIp(vec![
        WireguardAllowedIpAttr::Family(family),
        WireguardAllowedIpAttr::IpAddr(ip),
        WireguardAllowedIpAttr::Cidr(length),
    ])
}

/// Peers in messages of a size that netlink takes.
fn messages(peers: Vec<WireguardPeer>) -> Vec<Vec<WireguardPeer>> {
    let (mut messages, mut size): (Vec<Vec<WireguardPeer>>, usize) = (Vec::new(), 0);
    for peer in peers {
        // With the header of the attribute around it.
        let added = peer.0.as_slice().buffer_len() + 4;
        match messages.last_mut() {
            Some(message) if size + added <= LONGEST_MESSAGE => {
                message.push(peer);
                size += added;
            }
            _ => {
                messages.push(vec![peer]);
                size = added;
            }
        }
    }
    messages
}

/// Puts the messages of a dump together. A peer with many addresses goes on in
/// the next message, under its key again.
fn device(answers: Vec<WireguardMessage>) -> Device {
    let mut device = Device::default();
    for attribute in answers.into_iter().flat_map(|answer| answer.attributes) {
        match attribute {
            WireguardAttribute::PublicKey(key) if key != [0; 32] => {
                device.public_key = Some(STANDARD.encode(key));
            }
            WireguardAttribute::ListenPort(port) => device.listen_port = port,
            WireguardAttribute::Peers(peers) => {
                peers.into_iter().for_each(|peer| merge(&mut device.peers, peer));
            }
            _ => {}
        }
    }
    device
}

fn merge(peers: &mut BTreeMap<String, Peer>, found: WireguardPeer) {
    let key = found.0.iter().find_map(|attribute| match attribute {
        WireguardPeerAttribute::PublicKey(key) => Some(STANDARD.encode(key)),
        _ => None,
    });
    let Some(key) = key else { return };
    let peer = peers.entry(key).or_default();
    for attribute in found.0 {
        match attribute {
            WireguardPeerAttribute::PresharedKey(key) => peer.psk = PresharedKey::new(key),
            WireguardPeerAttribute::LastHandshake(time) => {
                peer.latest_handshake = Some(time.seconds).filter(|time| *time > 0);
            }
            WireguardPeerAttribute::RxBytes(bytes) => peer.rx_bytes = bytes,
            WireguardPeerAttribute::TxBytes(bytes) => peer.tx_bytes = bytes,
            WireguardPeerAttribute::AllowedIps(ips) => {
                peer.allowed_ips.extend(ips.iter().map(address));
            }
            _ => {}
        }
    }
}

/// One address, `None` for a prefix that is not one.
fn address(allowed: &WireguardAllowedIp) -> Option<IpAddr> {
    let ip = allowed.0.iter().find_map(|attribute| match attribute {
        WireguardAllowedIpAttr::IpAddr(ip) => Some(*ip),
        _ => None,
    })?;
    let whole = if ip.is_ipv4() { 32 } else { 128 };
    let is_whole = |attribute: &_| *attribute == WireguardAllowedIpAttr::Cidr(whole);
    allowed.0.iter().any(is_whole).then_some(ip)
}

#[cfg(test)]
mod tests {
    use netlink_packet_core::ParseableParametrized;
    use netlink_packet_generic::GenlHeader;
    use netlink_packet_wireguard::WireguardTimeSpec;

    use super::*;

    fn bytes_of(message: &WireguardMessage) -> Vec<u8> {
        let mut bytes = vec![0; message.buffer_len()];
        message.emit(&mut bytes);
        bytes
    }

    /// An attribute as netlink(7) lays it out, little-endian, padded.
    fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
        let mut bytes = u16::try_from(value.len() + 4).unwrap().to_le_bytes().to_vec();
        bytes.extend(kind.to_le_bytes());
        bytes.extend(value);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    fn nested(kind: u16, parts: &[Vec<u8>]) -> Vec<u8> {
        attribute(kind | 0x8000, &parts.concat())
    }

    /// The numbers below are those of linux/wireguard.h.
    #[cfg(target_endian = "little")]
    #[test]
    fn a_peer_is_written_as_the_kernel_reads_it() {
        let (key, ips) = ([7; 32], ["100.96.0.10", "fd00::a"].map(|ip| ip.parse().unwrap()));
        let wanted = WantedPeer { ips: ips.into(), psk: PresharedKey::new([5; 32]) };
        let parts = peer(&STANDARD.encode(key), &wanted);
        let set = vec![WireguardAttribute::Peers(parts)];
        let written = bytes_of(&message("wg0", WireguardCmd::SetDevice, set));
        let v6: std::net::Ipv6Addr = "fd00::a".parse().unwrap();
        let expected = [
            attribute(2, b"wg0\0"),
            nested(
                8,
                &[nested(
                    0,
                    &[
                        attribute(1, &key),
                        attribute(2, &[5; 32]),
                        attribute(3, &2u32.to_le_bytes()),
                        nested(
                            9,
                            &[
                                nested(
                                    0,
                                    &[
                                        attribute(1, &2u16.to_le_bytes()),
                                        attribute(2, &[100, 96, 0, 10]),
                                        attribute(3, &[32]),
                                    ],
                                ),
                                nested(
                                    0,
                                    &[
                                        attribute(1, &10u16.to_le_bytes()),
                                        attribute(2, &v6.octets()),
                                        attribute(3, &[128]),
                                    ],
                                ),
                            ],
                        ),
                    ],
                )],
            ),
        ];
        assert_eq!(written, expected.concat());
    }

    #[cfg(target_endian = "little")]
    #[test]
    fn key_port_and_removal_are_written_as_the_kernel_reads_them() {
        let key = PrivateKey::parse(&STANDARD.encode([9; 32])).unwrap();
        let own = vec![
            WireguardAttribute::PrivateKey(key.bytes()),
            WireguardAttribute::ListenPort(51820),
        ];
        let written = bytes_of(&message("wg0", WireguardCmd::SetDevice, own));
        let expected =
            [attribute(2, b"wg0\0"), attribute(3, &[9; 32]), attribute(6, &51820u16.to_le_bytes())];
        assert_eq!(written, expected.concat());

        let gone = removal(&STANDARD.encode([7; 32])).unwrap();
        let set = vec![WireguardAttribute::Peers(vec![gone])];
        let written = bytes_of(&message("wg0", WireguardCmd::SetDevice, set));
        let peer = nested(0, &[attribute(1, &[7; 32]), attribute(3, &1u32.to_le_bytes())]);
        assert_eq!(written, [attribute(2, b"wg0\0"), nested(8, &[peer])].concat());
    }

    #[cfg(target_endian = "little")]
    #[test]
    fn a_dump_in_two_messages_is_put_together() {
        let ip = |address: &[u8], family: u16, length: u8| {
            let parts = [
                attribute(1, &family.to_le_bytes()),
                attribute(2, address),
                attribute(3, &[length]),
            ];
            nested(0, &parts)
        };
        let first = [
            attribute(6, &51820u16.to_le_bytes()),
            attribute(4, &[3; 32]),
            nested(
                8,
                &[nested(
                    0,
                    &[
                        attribute(1, &[7; 32]),
                        attribute(
                            6,
                            &[1_795_219_200u64.to_le_bytes(), 0u64.to_le_bytes()].concat(),
                        ),
                        attribute(2, &[5; 32]),
                        attribute(7, &5u64.to_le_bytes()),
                        attribute(8, &6u64.to_le_bytes()),
                        nested(9, &[ip(&[100, 96, 0, 10], 2, 32)]),
                    ],
                )],
            ),
        ];
        let second = [nested(
            8,
            &[
                nested(0, &[attribute(1, &[7; 32]), nested(9, &[ip(&[10, 0, 0, 0], 2, 8)])]),
                nested(0, &[attribute(1, &[8; 32])]),
            ],
        )];
        let read = |bytes: &[u8]| {
            let header = GenlHeader { cmd: 0, version: 1 };
            WireguardMessage::parse_with_param(bytes, header).unwrap()
        };
        let device = device(vec![read(&first.concat()), read(&second.concat())]);
        assert_eq!(device.listen_port, 51820);
        assert_eq!(device.public_key, Some(STANDARD.encode([3; 32])));
        assert_eq!(device.peers.len(), 2);
        let peer = &device.peers[&STANDARD.encode([7; 32])];
        assert_eq!(peer.psk, PresharedKey::new([5; 32]));
        assert_eq!((peer.rx_bytes, peer.tx_bytes), (5, 6));
        assert_eq!(peer.latest_handshake, Some(1_795_219_200));
        assert_eq!(peer.allowed_ips, [Some("100.96.0.10".parse().unwrap()), None].into());
        assert_eq!(device.peers[&STANDARD.encode([8; 32])], Peer::default());
    }

    #[test]
    fn many_peers_and_addresses_stay_below_what_an_attribute_holds() {
        let keys: Vec<String> =
            (0..2000u32).map(|n| STANDARD.encode([n.to_le_bytes(); 8].concat())).collect();
        let wanted = |ips| WantedPeer { ips, psk: None };
        let many = wanted((0..1200u32).map(|n| IpAddr::from(n.to_be_bytes())).collect());
        let few = wanted(["fd00::1".parse().unwrap()].into());
        let peers: Vec<WireguardPeer> = keys
            .iter()
            .enumerate()
            .flat_map(|(n, key)| peer(key, if n == 3 { &many } else { &few }))
            .collect();
        assert_eq!(peers.len(), 2002);
        let messages = messages(peers.clone());
        assert!(messages.len() > 2);
        for peers in &messages {
            let attribute = vec![WireguardAttribute::Peers(peers.clone())];
            let message = message("wg0", WireguardCmd::SetDevice, attribute);
            assert!(message.buffer_len() < usize::from(u16::MAX), "{}", message.buffer_len());
        }
        assert_eq!(messages.concat(), peers);
        let read = device(vec![WireguardMessage {
            cmd: WireguardCmd::GetDevice,
            attributes: messages.into_iter().map(WireguardAttribute::Peers).collect(),
        }]);
        assert_eq!((read.peers.len(), read.peers[&keys[3]].allowed_ips.len()), (2000, 1200));
        assert!(read.peers[&keys[3]].routes(&many.ips));
        assert!(read.peers.values().all(|peer| peer.psk.is_none()));
    }

    #[test]
    fn a_peer_without_a_handshake_has_none() {
        let mut peers = BTreeMap::new();
        let never = WireguardPeerAttribute::LastHandshake(WireguardTimeSpec::default());
        let key = WireguardPeerAttribute::PublicKey([7; 32]);
        merge(&mut peers, WireguardPeer(vec![key, never]));
        assert_eq!(peers.into_values().next().unwrap().latest_handshake, None);
    }
}
