//! Hands a transaction to the kernel and reads what it says.

use std::io;

use netlink_packet_core::NLMSG_ERROR;
use netlink_sys::protocols::NETLINK_NETFILTER;
use netlink_sys::{Socket, SocketAddr};

use super::batch::Batch;

/// netlink(7): messages lie at multiples of four bytes.
const ALIGNMENT: usize = 4;

/// What became of a transaction that did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Committed {
    /// All of it is in force.
    Whole,
    /// It is longer than what a socket takes at once; nothing was changed.
    TooLong,
}

/// A way to the kernel, kept open: closing it waits for the kernel to throw away what
/// was deleted by it, which takes longer than deleting.
#[derive(Debug, Default)]
pub struct Exchange {
    socket: Option<Socket>,
}

impl Exchange {
    /// Brings a transaction into force. The kernel works on it while it is handed
    /// over, so that the answer is there at once, and nothing is under way when a
    /// process ends.
    ///
    /// # Errors
    /// The first refusal of the kernel, which then has changed nothing; or, where
    /// its answer was lost, that. Either way the caller looks what is there.
    pub fn commit(&mut self, batch: Batch) -> io::Result<Committed> {
        if batch.is_empty() {
            return Ok(Committed::Whole);
        }
        let (bytes, last) =
            batch.finish().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        let socket = match self.socket.take() {
            Some(socket) => socket,
            None => open()?,
        };
        let done = transact(&socket, &bytes, last)?;
        // Nothing is left in it to be taken for an answer to the next one.
        self.socket = Some(socket);
        Ok(done)
    }
}

fn open() -> io::Result<Socket> {
    let mut socket = Socket::new(NETLINK_NETFILTER)?;
    socket.bind_auto()?;
    socket.set_non_blocking(true)?;
    // Refusals then quote the header of what they refuse, not all of it.
    socket.set_cap_ack(true)?;
    Ok(socket)
}

fn transact(socket: &Socket, bytes: &[u8], last: u32) -> io::Result<Committed> {
    loop {
        match socket.send_to(bytes, &SocketAddr::new(0, 0), 0) {
            Ok(sent) if sent == bytes.len() => break,
            Ok(_) => return Err(io::ErrorKind::WriteZero.into()),
            // Before the kernel has seen it.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.raw_os_error() == Some(nix::libc::EMSGSIZE) => {
                return Ok(Committed::TooLong);
            }
            Err(error) => return Err(error),
        }
    }
    let mut answer = Answer { last, acknowledged: false };
    loop {
        // An answer is a header, a code, and the header that it is to.
        let mut datagram = Vec::with_capacity(4096);
        match socket.recv_from(&mut datagram, 0) {
            // Other processes can send to the socket, too.
            Ok((_, from)) if from.port_number() != 0 => {}
            Ok(_) => answer.read(&datagram)?,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // So many refusals that some were dropped (ENOBUFS), for one.
            Err(error) => return Err(error),
        }
    }
    match answer.acknowledged {
        true => Ok(Committed::Whole),
        false => Err(io::Error::other("the kernel does not answer to a transaction")),
    }
}

/// What the kernel says to a transaction.
struct Answer {
    /// The message whose acknowledgement was asked for.
    last: u32,
    acknowledged: bool,
}

impl Answer {
    /// Reads a datagram. That the last message is acknowledged says that the kernel
    /// came as far as that, and nothing about the ones before: any refusal, of
    /// whichever message or of the whole, means that nothing was changed.
    fn read(&mut self, mut rest: &[u8]) -> io::Result<()> {
        while !rest.is_empty() {
            let (length, kind, sequence, code) =
                header(rest).ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))?;
            if kind == NLMSG_ERROR {
                match code {
                    Some(0) => self.acknowledged |= sequence == self.last,
                    Some(code) => {
                        return Err(io::Error::from_raw_os_error(code.saturating_neg()));
                    }
                    None => return Err(io::ErrorKind::InvalidData.into()),
                }
            }
            let next = length.next_multiple_of(ALIGNMENT).min(rest.len());
            rest = rest.get(next..).unwrap_or_default();
        }
        Ok(())
    }
}

/// Length, kind and sequence number of a message, and the number behind its header.
fn header(message: &[u8]) -> Option<(usize, u16, u32, Option<i32>)> {
    let word = |at: usize| Some(i32::from_ne_bytes(message.get(at..at + 4)?.try_into().ok()?));
    let length = usize::try_from(word(0)?).ok().filter(|length| *length >= 16)?;
    let kind = u16::from_ne_bytes(message.get(4..6)?.try_into().ok()?);
    let code = if length >= 20 { word(16) } else { None };
    Some((length, kind, word(8)?.cast_unsigned(), code))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u16, sequence: u32, code: i32) -> Vec<u8> {
        let mut bytes = 36_u32.to_ne_bytes().to_vec();
        bytes.extend(kind.to_ne_bytes());
        bytes.extend([0; 2]);
        bytes.extend(sequence.to_ne_bytes());
        bytes.extend([0; 4]);
        bytes.extend(code.to_ne_bytes());
        bytes.resize(36, 0);
        bytes
    }

    fn read(bytes: &[u8]) -> Result<bool, Option<i32>> {
        let mut answer = Answer { last: 7, acknowledged: false };
        answer.read(bytes).map_err(|error| error.raw_os_error())?;
        Ok(answer.acknowledged)
    }

    #[test]
    fn only_the_last_acknowledgement_without_any_refusal_is_success() {
        assert_eq!(read(&message(NLMSG_ERROR, 7, 0)), Ok(true));
        assert_eq!(read(&message(NLMSG_ERROR, 6, 0)), Ok(false));
        assert_eq!(read(&message(16, 7, 0)), Ok(false));
        assert_eq!(read(&[]), Ok(false));
        let both = [message(NLMSG_ERROR, 7, 0), message(NLMSG_ERROR, 0, -4)].concat();
        assert_eq!(read(&both), Err(Some(4)), "the commit was interrupted");
        assert_eq!(read(&message(NLMSG_ERROR, 7, i32::MIN)), Err(Some(i32::MAX)));
        for garbage in [&b"x"[..], &[0; 16], &[0xff; 16], &message(NLMSG_ERROR, 7, 0)[..18]] {
            assert_eq!(read(garbage), Err(None), "{garbage:?}");
        }
    }

    #[test]
    fn what_does_not_fit_its_attribute_is_not_sent() {
        let mut batch = Batch::default();
        batch.message(super::super::batch::Action::AddChain, "t", |chain| {
            chain.text(3, &"x".repeat(1 << 16));
        });
        let mut exchange = Exchange::default();
        assert_eq!(exchange.commit(batch).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        assert_eq!(exchange.commit(Batch::default()).unwrap(), Committed::Whole);
    }
}
