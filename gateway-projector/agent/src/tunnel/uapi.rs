//! WireGuard's userspace protocol: lines of `key=value` over a Unix socket,
//! ended by an empty line; the answer ends with `errno=…`.

use std::io;
use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use x25519_dalek::{PublicKey, StaticSecret};

use super::{Device, Peer, TunnelError, allowed_ip};
use crate::secrets::PresharedKey;

/// Where wireguard-go listens. The directory is the machine's, not the network
/// namespace's, so names of interfaces must differ across namespaces.
pub(super) fn socket(interface: &str) -> PathBuf {
    PathBuf::from(format!("/var/run/wireguard/{interface}.sock"))
}

/// Sends one request and returns the answer.
pub(super) async fn exchange(interface: &str, request: &str) -> Result<String, TunnelError> {
    let failed = |source| TunnelError::Socket { interface: interface.to_owned(), source };
    let answer = async {
        let mut stream = UnixStream::connect(socket(interface)).await?;
        stream.write_all(request.as_bytes()).await?;
        // The stream is kept open for further requests: read up to the end of
        // this answer, not of the stream.
        let mut answer = Vec::new();
        while !answer.ends_with(b"\n\n") {
            if stream.read_buf(&mut answer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        String::from_utf8(answer).map_err(|_| io::ErrorKind::InvalidData.into())
    };
    let limit = std::time::Duration::from_secs(30);
    let answer = tokio::time::timeout(limit, answer)
        .await
        .map_err(|_| failed(io::ErrorKind::TimedOut.into()))?
        .map_err(failed)?;
    match answer.lines().rev().find_map(|line| line.strip_prefix("errno=")) {
        Some("0") => Ok(answer),
        errno => Err(TunnelError::Refused {
            interface: interface.to_owned(),
            errno: errno.unwrap_or("missing").to_owned(),
        }),
    }
}

/// Reads the answer to `get=1`.
pub(super) fn parse(answer: &str) -> Option<Device> {
    let mut device = Device::default();
    let mut current: Option<(String, Peer)> = None;
    for line in answer.lines() {
        let Some((key, value)) = line.split_once('=') else { continue };
        match (key, &mut current) {
            ("private_key", _) => {
                let raw: [u8; 32] = hex_bytes(value)?;
                device.public_key = (raw != [0; 32])
                    .then(|| STANDARD.encode(PublicKey::from(&StaticSecret::from(raw)).as_bytes()));
            }
            ("listen_port", _) => device.listen_port = value.parse().ok()?,
            ("public_key", _) => {
                device.peers.extend(current.take());
                let raw: [u8; 32] = hex_bytes(value)?;
                current = Some((STANDARD.encode(raw), Peer::default()));
            }
            ("preshared_key", Some((_, peer))) => peer.psk = PresharedKey::new(hex_bytes(value)?),
            ("allowed_ip", Some((_, peer))) => {
                peer.allowed_ips.insert(allowed_ip(value));
            }
            ("last_handshake_time_sec", Some((_, peer))) => {
                peer.latest_handshake = value.parse().ok().filter(|time| *time > 0);
            }
            ("rx_bytes", Some((_, peer))) => peer.rx_bytes = value.parse().ok()?,
            ("tx_bytes", Some((_, peer))) => peer.tx_bytes = value.parse().ok()?,
            _ => {}
        }
    }
    device.peers.extend(current);
    Some(device)
}

/// A key of 32 bytes in base64 as the protocol writes it.
pub(super) fn key_hex(base64: &str) -> Option<String> {
    let raw = STANDARD.decode(base64).ok()?;
    (raw.len() == 32).then(|| hex(&raw))
}

/// Bytes as the protocol writes them.
pub(super) fn hex(raw: &[u8]) -> String {
    raw.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn hex_bytes(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    let mut raw = [0; 32];
    for (index, byte) in raw.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * index..2 * index + 2], 16).ok()?;
    }
    Some(raw)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_with_all_its_peers() {
        let key = "5a".repeat(32);
        let answer = format!(
            "private_key={key}\nlisten_port=51820\npublic_key={key}\npreshared_key={other}\n\
             last_handshake_time_sec=0\nrx_bytes=7\ntx_bytes=8\nallowed_ip=100.96.0.10/32\n\
             allowed_ip=fd00::a/128\npublic_key={other}\nlast_handshake_time_sec=1795219200\n\
             allowed_ip=10.0.0.0/8\nerrno=0\n\n",
            other = "01".repeat(32)
        );
        let device = parse(&answer).unwrap();
        assert_eq!(device.listen_port, 51820);
        assert!(device.public_key.is_some());
        let peers: Vec<_> = device.peers.values().collect();
        assert_eq!(peers.len(), 2);
        let second = &device.peers[&STANDARD.encode([0x5a; 32])];
        assert_eq!((second.rx_bytes, second.tx_bytes, second.latest_handshake), (7, 8, None));
        let expected = ["100.96.0.10", "fd00::a"].map(|ip| Some(ip.parse().unwrap()));
        assert_eq!(second.allowed_ips, expected.into());
        assert_eq!(second.psk, PresharedKey::new([1; 32]));
        let first = &device.peers[&STANDARD.encode([1; 32])];
        assert_eq!(first.psk, None);
        assert_eq!(first.latest_handshake, Some(1_795_219_200));
        assert_eq!(first.allowed_ips, [None].into());
    }
}
