//! Generic netlink: one request to the kernel, and all of its answer.
//!
//! Nothing here logs what it carries: private and preshared keys pass through.

use std::fmt::Debug;
use std::io;
use std::time::Duration;

use netlink_packet_core::{
    Emitable, NLM_F_ACK, NLM_F_DUMP_INTR, NLM_F_REQUEST, NetlinkMessage, NetlinkPayload,
    ParseableParametrized,
};
use netlink_packet_generic::ctrl::nlas::GenlCtrlAttrs;
use netlink_packet_generic::ctrl::{GenlCtrl, GenlCtrlCmd};
use netlink_packet_generic::{GenlFamily, GenlHeader, GenlMessage};
use netlink_sys::protocols::NETLINK_GENERIC;
use netlink_sys::{AsyncSocket, AsyncSocketExt, SocketAddr, TokioSocket};

/// The kernel answers at once; this is for one that does not.
const LIMIT: Duration = Duration::from_secs(30);
/// netlink(7): messages lie at multiples of four bytes.
const ALIGNMENT: usize = 4;

/// A message of a family of generic netlink.
pub(super) trait Message:
    GenlFamily + Emitable + Debug + ParseableParametrized<[u8], GenlHeader>
{
}

impl<T> Message for T where
    T: GenlFamily + Emitable + Debug + ParseableParametrized<[u8], GenlHeader>
{
}

/// The number that the kernel gave to the family `name`.
pub(super) async fn family(name: &str) -> io::Result<u16> {
    let request = GenlCtrl {
        cmd: GenlCtrlCmd::GetFamily,
        nlas: vec![GenlCtrlAttrs::FamilyName(name.to_owned())],
    };
    let answers = request_of(request, 0, NLM_F_ACK).await?;
    let ids = answers.into_iter().flat_map(|answer| answer.nlas).find_map(|nla| match nla {
        GenlCtrlAttrs::FamilyId(id) => Some(id),
        _ => None,
    });
    ids.ok_or_else(|| io::ErrorKind::NotFound.into())
}

/// Sends a request to a family and gathers what the kernel answers, up to its
/// acknowledgement or the end of its dump.
pub(super) async fn request_of<M: Message>(
    message: M,
    family: u16,
    flags: u16,
) -> io::Result<Vec<M>> {
    let exchange = async {
        let mut socket = TokioSocket::new(NETLINK_GENERIC)?;
        socket.socket_mut().bind_auto()?;
        let kernel = SocketAddr::new(0, 0);
        socket.send_to(&encode(message, family, flags), &kernel).await?;
        let mut answers = Vec::new();
        loop {
            let (datagram, from) = socket.recv_from_full().await?;
            // Other processes can send to the socket, too.
            if from.port_number() == 0 && decode(&datagram, &mut answers)? {
                return Ok(answers);
            }
        }
    };
    tokio::time::timeout(LIMIT, exchange)
        .await
        .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
}

fn encode<M: Message>(message: M, family: u16, flags: u16) -> Vec<u8> {
    let mut message = GenlMessage::from_payload(message);
    message.set_resolved_family_id(family);
    let mut packet = NetlinkMessage::from(message);
    packet.header.flags = NLM_F_REQUEST | flags;
    packet.finalize();
    let mut bytes = vec![0; packet.buffer_len()];
    packet.serialize(&mut bytes);
    bytes
}

/// Reads a datagram of messages. Answers whether the kernel is done.
fn decode<M: Message>(mut rest: &[u8], answers: &mut Vec<M>) -> io::Result<bool> {
    let unreadable = || io::Error::from(io::ErrorKind::InvalidData);
    while !rest.is_empty() {
        // The cause could quote what it could not read.
        let packet =
            NetlinkMessage::<GenlMessage<M>>::deserialize(rest).map_err(|_| unreadable())?;
        let length = usize::try_from(packet.header.length).map_err(|_| unreadable())?;
        if packet.header.flags & NLM_F_DUMP_INTR != 0 {
            // Something changed under the dump: it may lack peers.
            return Err(io::ErrorKind::Interrupted.into());
        }
        match packet.payload {
            NetlinkPayload::Done(done) if done.code < 0 => {
                return Err(io::Error::from_raw_os_error(done.code.saturating_abs()));
            }
            NetlinkPayload::Done(_) => return Ok(true),
            NetlinkPayload::Error(error) if error.code.is_some() => return Err(error.to_io()),
            NetlinkPayload::Error(_) => return Ok(true),
            NetlinkPayload::InnerMessage(message) => answers.push(message.payload),
            _ => {}
        }
        let next = length.next_multiple_of(ALIGNMENT).max(ALIGNMENT).min(rest.len());
        rest = rest.get(next..).unwrap_or_default();
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use netlink_packet_wireguard::WireguardMessage;

    use super::*;

    #[tokio::test]
    async fn this_kernel_answers() {
        // The family of families has a fixed number; one that is not there is told.
        assert_eq!(family("nlctrl").await.unwrap(), 16);
        let missing = family("nx_missing").await.unwrap_err();
        assert_eq!(missing.kind(), io::ErrorKind::NotFound, "{missing}");
    }

    fn header(length: u32, kind: u16, flags: u16) -> Vec<u8> {
        let mut bytes = length.to_ne_bytes().to_vec();
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(flags.to_ne_bytes());
        bytes.extend([0; 8]);
        bytes
    }

    #[test]
    fn ends_errors_and_interruptions_are_told_apart() {
        let read = |bytes: &[u8]| decode::<WireguardMessage>(bytes, &mut Vec::new());
        let with = |length, kind, flags, code: i32| {
            let mut bytes = header(length, kind, flags);
            bytes.extend(code.to_ne_bytes());
            bytes
        };
        // NLMSG_DONE is 3, NLMSG_ERROR 2.
        assert!(read(&with(20, 3, 2, 0)).unwrap());
        assert_eq!(read(&with(20, 3, 2, -12)).unwrap_err().raw_os_error(), Some(12));
        let mut refusal = with(36, 2, 0, -19);
        refusal.extend(header(16, 24, 5));
        assert_eq!(read(&refusal).unwrap_err().raw_os_error(), Some(19));
        let mut accepted = with(36, 2, 0, 0);
        accepted.extend(header(16, 24, 5));
        assert!(read(&accepted).unwrap());
        let interrupted = read(&with(20, 3, NLM_F_DUMP_INTR, 0)).unwrap_err();
        assert_eq!(interrupted.kind(), io::ErrorKind::Interrupted);
        for garbage in [&b"x"[..], &[0; 16], &[0xff; 16], &header(15, 24, 0), &header(400, 24, 0)] {
            assert!(read(garbage).is_err(), "{garbage:?}");
        }
    }
}
