//! The textual ranges inside profiles. Every value has exactly one text, so
//! parsing refuses the others (`10.0.0.1`, `06`, `::0-::1`).

use std::fmt::{Display, Write};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use crate::PortBox;

/// An inclusive range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Range<T> {
    /// The first value.
    pub start: T,
    /// The last value.
    pub end: T,
}

impl<T: Ord + Copy> Range<T> {
    /// Whether the two ranges share a value.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        self.start <= other.end && other.start <= self.end
    }
}

impl<T: FromStr + Display + Ord> Range<T> {
    /// Parses `a-b`, also when a = b.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (start, end) = text.split_once('-')?;
        let range = Self { start: start.parse().ok()?, end: end.parse().ok()? };
        (range.start <= range.end && range.is_written(text)).then_some(range)
    }

    /// Whether this is its text, told without making one: a bundle has thousands.
    fn is_written(&self, text: &str) -> bool {
        let mut rest = Rest(text);
        write!(rest, "{}-{}", self.start, self.end).is_ok() && rest.0.is_empty()
    }
}

/// What is left of a text that was begun to be written.
struct Rest<'a>(&'a str);

impl Write for Rest<'_> {
    fn write_str(&mut self, written: &str) -> std::fmt::Result {
        self.0 = self.0.strip_prefix(written).ok_or(std::fmt::Error)?;
        Ok(())
    }
}

/// Parses a protocol number or a range of them: `6` or `0-5`, never `6-6`.
#[must_use]
pub fn parse_proto(text: &str) -> Option<Range<u8>> {
    match Range::<u8>::parse(text) {
        Some(range) => (range.start < range.end).then_some(range),
        None => {
            let number: u8 = text.parse().ok()?;
            (number.to_string() == text).then_some(Range { start: number, end: number })
        }
    }
}

/// A [`PortBox`] with its texts parsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParsedBox<A> {
    /// Destination addresses.
    pub dst: Range<A>,
    /// Protocols.
    pub proto: Range<u8>,
    /// Destination ports.
    pub ports: Range<u16>,
}

impl<A: FromStr + Display + Ord + Copy> ParsedBox<A> {
    /// Parses a box of the family `A`.
    #[must_use]
    pub fn parse(text: &PortBox) -> Option<Self> {
        Some(Self {
            dst: Range::parse(&text.dst)?,
            proto: parse_proto(&text.proto)?,
            ports: Range::parse(&text.ports)?,
        })
    }

    /// Whether the two boxes share a packet.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        self.dst.overlaps(&other.dst)
            && self.proto.overlaps(&other.proto)
            && self.ports.overlaps(&other.ports)
    }
}

/// A range of IPv4 addresses.
pub type Range4 = Range<Ipv4Addr>;
/// A range of IPv6 addresses.
pub type Range6 = Range<Ipv6Addr>;

impl Range4 {
    /// The length of the prefix that has just these addresses, if there is one.
    #[must_use]
    pub fn prefix_length(&self) -> Option<u32> {
        prefix_length(u32::from(self.start).into(), u32::from(self.end).into(), u32::BITS)
    }
}

impl Range6 {
    /// The length of the prefix that has just these addresses, if there is one.
    #[must_use]
    pub fn prefix_length(&self) -> Option<u32> {
        prefix_length(self.start.into(), self.end.into(), u128::BITS)
    }
}

fn prefix_length(start: u128, end: u128, bits: u32) -> Option<u32> {
    let host = start ^ end;
    let varying = host.trailing_ones();
    (host.count_ones() == varying && start & host == 0).then(|| bits - varying)
}
