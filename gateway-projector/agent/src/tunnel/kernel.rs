//! The kernel's WireGuard, through wireguard-tools. `wg` speaks to a
//! wireguard-go just the same, which is how this is tested where the kernel
//! has no WireGuard.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::Path;

use super::{Device, Peer, TunnelError, allowed_ip};
use crate::command::{CommandError, run};

/// Keeps a command line far below the kernel's bound.
const PEERS_PER_COMMAND: usize = 500;

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
        let output = run("wg", &["show", &self.interface, "dump"], None).await?;
        parse(&String::from_utf8_lossy(&output)).ok_or_else(|| TunnelError::Unreadable {
            interface: self.interface.clone(),
            what: "wg's dump",
        })
    }

    pub(super) async fn set_own(&self, key_file: &Path, port: u16) -> Result<(), CommandError> {
        let (file, port) = (key_file.to_string_lossy(), port.to_string());
        let args = ["set", &self.interface, "private-key", &file, "listen-port", &port];
        run("wg", &args, None).await.map(|_| ())
    }

    pub(super) async fn remove_peers(&self, keys: &[&String]) -> Result<(), CommandError> {
        for part in keys.chunks(PEERS_PER_COMMAND) {
            let mut args = vec!["set", &self.interface];
            for key in part {
                args.extend(["peer", key.as_str(), "remove"]);
            }
            run("wg", &args, None).await?;
        }
        Ok(())
    }

    pub(super) async fn set_peers(
        &self,
        peers: &[(&String, &BTreeSet<IpAddr>)],
    ) -> Result<(), CommandError> {
        for part in peers.chunks(PEERS_PER_COMMAND) {
            let lists: Vec<String> = part
                .iter()
                .map(|(_, ips)| {
                    let texts: Vec<String> = ips.iter().map(ToString::to_string).collect();
                    texts.join(",")
                })
                .collect();
            let mut args = vec!["set", &self.interface];
            for ((key, _), list) in part.iter().zip(&lists) {
                args.extend(["peer", key.as_str(), "allowed-ips", list]);
            }
            run("wg", &args, None).await?;
        }
        Ok(())
    }
}

/// Reads `wg show <interface> dump`: the interface's line, then one per peer.
fn parse(dump: &str) -> Option<Device> {
    let mut lines = dump.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    let own = lines.next()?;
    let [_private, public, port, ..] = own.as_slice() else { return None };
    let mut device = Device {
        public_key: (*public != "(none)").then(|| (*public).to_owned()),
        listen_port: port.parse().ok()?,
        ..Device::default()
    };
    for line in lines {
        let [key, _psk, _endpoint, ips, handshake, rx, tx, ..] = line.as_slice() else {
            return None;
        };
        let ips = ips.split(',').filter(|text| *text != "(none)");
        let peer = Peer {
            allowed_ips: ips.map(allowed_ip).collect(),
            latest_handshake: handshake.parse().ok().filter(|time| *time > 0),
            rx_bytes: rx.parse().ok()?,
            tx_bytes: tx.parse().ok()?,
        };
        device.peers.insert((*key).to_owned(), peer);
    }
    Some(device)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dump_is_read() {
        let dump = "priv\tpub\t51820\toff\n\
                    A=\t(none)\t(none)\t100.96.0.10/32,fd00::a/128\t0\t0\t0\toff\n\
                    B=\t(none)\t192.0.2.1:5\t(none)\t1795219200\t5\t6\t25\n";
        let device = parse(dump).unwrap();
        assert_eq!((device.listen_port, device.public_key.as_deref()), (51820, Some("pub")));
        assert_eq!(device.peers["A="].allowed_ips.len(), 2);
        assert_eq!(device.peers["B="].latest_handshake, Some(1_795_219_200));
        assert!(device.peers["B="].allowed_ips.is_empty());
    }
}
