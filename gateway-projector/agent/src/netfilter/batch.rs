//! One transaction of nf_tables as netlink messages.
//!
//! The numbers are those of the kernel's `linux/netfilter/nf_tables.h` and
//! `linux/netfilter/nfnetlink.h`. Numbers in attributes are big-endian, those
//! of headers the machine's own.

use netlink_packet_core::{
    NLA_F_NESTED, NLM_F_ACK, NLM_F_APPEND, NLM_F_CREATE, NLM_F_REQUEST, NLMSG_ALIGNTO,
};

/// `NFNL_SUBSYS_NFTABLES`.
const NFTABLES: u16 = 10;
/// `NFNL_MSG_BATCH_BEGIN`.
const BEGIN: u16 = 16;
/// `NFNL_MSG_BATCH_END`.
const END: u16 = 17;
/// `NFPROTO_INET`.
const INET: u8 = 1;
/// Where the header has the flags.
const FLAGS_AT: usize = 6;
/// A list of elements is an attribute, and its length a number of 16 bits.
const LIST_BYTES: usize = 32 * 1024;

/// What a message does.
#[derive(Debug, Clone, Copy)]
pub(super) enum Action {
    AddChain,
    DeleteChain,
    AddRule,
    /// All rules of a chain where it names none.
    DeleteRule,
    AddSet,
    DeleteSet,
    AddElements,
    /// All elements of a set where it names none.
    DeleteElements,
}

impl Action {
    /// Its number, and its flags.
    fn header(self) -> (u16, u16) {
        let (number, flags) = match self {
            Self::AddChain => (3, NLM_F_CREATE),
            Self::DeleteChain => (5, 0),
            Self::AddRule => (6, NLM_F_CREATE | NLM_F_APPEND),
            Self::DeleteRule => (8, 0),
            Self::AddSet => (9, NLM_F_CREATE),
            Self::DeleteSet => (11, 0),
            Self::AddElements => (12, NLM_F_CREATE),
            Self::DeleteElements => (14, 0),
        };
        (NFTABLES << 8 | number, NLM_F_REQUEST | flags)
    }
}

/// A transaction: the kernel takes all of it or nothing.
#[derive(Debug, Clone)]
pub struct Batch {
    bytes: Vec<u8>,
    /// Where its last message begins.
    last: usize,
    messages: u32,
    /// Whether something did not fit its attribute.
    broken: bool,
}

impl Default for Batch {
    fn default() -> Self {
        let mut batch = Self { bytes: Vec::new(), last: 0, messages: 0, broken: false };
        batch.put((BEGIN, NLM_F_REQUEST), 0, NFTABLES, |_| {});
        batch
    }
}

impl Batch {
    /// Whether it changes nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.messages == 1
    }

    /// How many bytes it has.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The bytes to send, and the sequence number of the message that the kernel
    /// is asked to acknowledge, which is the last one that changes something.
    /// `None` where something in it is too long for nf_tables.
    #[must_use]
    pub fn finish(mut self) -> Option<(Vec<u8>, u32)> {
        let acknowledged = self.messages.checked_sub(1)?;
        let at = self.last + FLAGS_AT;
        let flags = self.bytes.get_mut(at..at + 2)?;
        let asked = u16::from_ne_bytes([*flags.first()?, *flags.last()?]) | NLM_F_ACK;
        flags.copy_from_slice(&asked.to_ne_bytes());
        self.put((END, NLM_F_REQUEST), 0, NFTABLES, |_| {});
        (!self.broken).then_some((self.bytes, acknowledged))
    }

    /// Adds a message about something in the table `table`.
    pub(super) fn message(
        &mut self,
        action: Action,
        table: &str,
        fill: impl FnOnce(&mut Attributes<'_>),
    ) {
        self.put(action.header(), INET, 0, |attributes| {
            // The table is the first attribute of all of them.
            attributes.text(1, table);
            fill(attributes);
        });
    }

    /// Adds as many messages about elements of a set as they need; none without elements,
    /// which would mean all that the set has.
    pub(super) fn elements<T>(
        &mut self,
        action: Action,
        table: &str,
        set: &str,
        elements: impl Iterator<Item = T>,
        write: impl Fn(T, &mut Attributes<'_>),
    ) {
        let mut elements = elements.peekable();
        while elements.peek().is_some() {
            self.message(action, table, |attributes| {
                attributes.text(2, set);
                attributes.nest(3, |list| {
                    while list.len() < LIST_BYTES
                        && let Some(element) = elements.next()
                    {
                        list.nest(1, |attributes| write(element, attributes));
                    }
                });
            });
        }
    }

    fn put(
        &mut self,
        (kind, flags): (u16, u16),
        family: u8,
        resource: u16,
        fill: impl FnOnce(&mut Attributes<'_>),
    ) {
        let begin = self.bytes.len();
        self.bytes.extend([0; 4]);
        self.bytes.extend(kind.to_ne_bytes());
        self.bytes.extend(flags.to_ne_bytes());
        self.bytes.extend(self.messages.to_ne_bytes());
        // The kernel puts in whose it is.
        self.bytes.extend([0; 4]);
        // What nfnetlink has behind the header of netlink.
        self.bytes.extend([family, 0]);
        self.bytes.extend(resource.to_be_bytes());
        let mut attributes =
            Attributes { begin: self.bytes.len(), bytes: &mut self.bytes, broken: false };
        fill(&mut attributes);
        self.broken |= attributes.broken;
        let length = u32::try_from(self.bytes.len() - begin);
        self.broken |= length.is_err();
        if let Some(place) = self.bytes.get_mut(begin..begin + 4) {
            place.copy_from_slice(&length.unwrap_or_default().to_ne_bytes());
        }
        self.last = begin;
        self.messages += 1;
    }
}

/// The attributes of a message, or of another attribute.
pub(super) struct Attributes<'a> {
    bytes: &'a mut Vec<u8>,
    begin: usize,
    broken: bool,
}

impl Attributes<'_> {
    /// How long they are by now, in bytes.
    fn len(&self) -> usize {
        self.bytes.len() - self.begin
    }

    pub(super) fn bytes(&mut self, kind: u16, value: &[u8]) {
        self.attribute(kind, |bytes| bytes.extend(value));
    }

    pub(super) fn number(&mut self, kind: u16, value: u32) {
        self.bytes(kind, &value.to_be_bytes());
    }

    pub(super) fn text(&mut self, kind: u16, value: &str) {
        self.attribute(kind, |bytes| {
            bytes.extend(value.as_bytes());
            bytes.push(0);
        });
    }

    pub(super) fn nest(&mut self, kind: u16, fill: impl FnOnce(&mut Attributes<'_>)) {
        let mut broken = false;
        self.attribute(kind | NLA_F_NESTED, |bytes| {
            let mut inner = Attributes { begin: bytes.len(), bytes, broken: false };
            fill(&mut inner);
            broken = inner.broken;
        });
        self.broken |= broken;
    }

    fn attribute(&mut self, kind: u16, fill: impl FnOnce(&mut Vec<u8>)) {
        let begin = self.bytes.len();
        self.bytes.extend([0; 2]);
        self.bytes.extend(kind.to_ne_bytes());
        fill(self.bytes);
        let length = u16::try_from(self.bytes.len() - begin);
        self.broken |= length.is_err();
        if let Some(place) = self.bytes.get_mut(begin..begin + 2) {
            place.copy_from_slice(&length.unwrap_or_default().to_ne_bytes());
        }
        let aligned = self.bytes.len().next_multiple_of(usize::from(NLMSG_ALIGNTO));
        self.bytes.resize(aligned, 0);
    }
}
