//! What the agent changes in its table, as [`crate::nft`] writes it for `nft`.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use nexavpn_bundle::ranges::{ParsedBox, Range, parse_proto};
use nexavpn_bundle::{PortBox, Profile};

use super::batch::{Action, Attributes, Batch};
use super::expressions::{
    ACCEPT, DROP, EQUAL, FIRST_WORD, L4PROTO, ORIGINAL_PORT, REGISTER, TRANSPORT, address_of,
    between, compare, expression, in_direction, key, load, lookup, masked, original, payload,
    verdict,
};
use crate::desired::{DeviceMaps, Difference};
use crate::rules::{Elements, Rule, Rules, Service, Set};

/// `NFT_GOTO`, -4.
const GOTO: u32 = 0xffff_fffc;
/// `NFT_SET_INTERVAL`.
const INTERVAL: u32 = 0x4;
/// `NFT_SET_CONCAT`.
const CONCATENATED: u32 = 0x80;
/// `inet_proto` and `inet_service`, and how many bits a type takes in the number of a concatenation.
const PROTOCOL: Field = Field { kind: 12, length: 1 };
const SERVICE: Field = Field { kind: 13, length: 2 };
const TYPE_BITS: u32 = 6;
/// A batch of so many bytes takes no further profile. By default a socket takes three
/// times as much.
const BATCH_BYTES: usize = 64 * 1024;
/// What nft notes with a set for itself: that its keys are big-endian.
const BIG_ENDIAN: [u8; 2] = [0, 4];

/// A field of a concatenation: nft's number of its type, and its bytes.
#[derive(Debug, Clone, Copy)]
struct Field {
    kind: u32,
    length: u32,
}

/// An address as nf_tables has it.
trait Address: Copy + Ord + FromStr + Display {
    /// What differs between the families.
    const FAMILY: Family;
    /// Its bytes.
    fn bytes(self) -> Vec<u8>;
    /// The one after it.
    fn next(self) -> Option<Self>;
    /// The length of the prefix that has just the addresses of a range.
    fn prefix_length(range: &Range<Self>) -> Option<u32>;
}

/// A family's numbers.
#[derive(Debug, Clone, Copy)]
struct Family {
    /// nft's number of the type of addresses.
    address_type: u32,
    /// Bytes of an address.
    length: u32,
    /// `NFPROTO_…`.
    protocol: u8,
    /// `NFT_CT_DST_IP…`.
    original_destination: u32,
    /// Where the header has the source and the destination.
    source: u32,
    destination: u32,
}

impl Address for Ipv4Addr {
    const FAMILY: Family = Family {
        address_type: 7,
        length: 4,
        protocol: 2,
        original_destination: 20,
        source: 12,
        destination: 16,
    };

    fn bytes(self) -> Vec<u8> {
        self.octets().to_vec()
    }

    fn next(self) -> Option<Self> {
        u32::from(self).checked_add(1).map(Self::from)
    }

    fn prefix_length(range: &Range<Self>) -> Option<u32> {
        range.prefix_length()
    }
}

impl Address for Ipv6Addr {
    const FAMILY: Family = Family {
        address_type: 8,
        length: 16,
        protocol: 10,
        original_destination: 22,
        source: 8,
        destination: 24,
    };

    fn bytes(self) -> Vec<u8> {
        self.octets().to_vec()
    }

    fn next(self) -> Option<Self> {
        u128::from(self).checked_add(1).map(Self::from)
    }

    fn prefix_length(range: &Range<Self>) -> Option<u32> {
        range.prefix_length()
    }
}

/// Takes the device maps from one state to another, as [`crate::nft::change_maps`].
#[must_use]
pub fn change_maps(table: &str, from: &DeviceMaps, to: &DeviceMaps) -> Batch {
    let mut batch = Batch::default();
    change_map(&mut batch, table, "dev4", &from.v4, &to.v4);
    change_map(&mut batch, table, "dev6", &from.v6, &to.v6);
    batch
}

fn change_map<A: Address>(
    batch: &mut Batch,
    table: &str,
    map: &str,
    from: &BTreeMap<A, String>,
    to: &BTreeMap<A, String>,
) {
    let difference = Difference::between(from, to);
    let gone = difference.taken_away();
    batch.elements(Action::DeleteElements, table, map, gone, |address, element| {
        key(element, 1, &address.bytes());
    });
    let new = difference.written();
    batch.elements(Action::AddElements, table, map, new, |(address, profile), element| {
        key(element, 1, &address.bytes());
        element.nest(2, |data| {
            data.nest(2, |verdict| {
                verdict.number(1, GOTO);
                verdict.text(2, profile);
            });
        });
    });
}

/// Adds profiles, replacing what may be there under their names, as
/// [`crate::nft::profiles`]: the first of them, as many as one batch takes. Answers how
/// many those are, and no batch where a text of theirs cannot be read.
#[must_use]
pub fn profiles(table: &str, profiles: &[(&String, &Profile)]) -> (Option<Batch>, usize) {
    let mut writer = Writer { batch: Batch::default(), table, sets: 0 };
    let mut taken = 0;
    for (name, profile) in profiles {
        taken += 1;
        if writer.profile(name, profile).is_none() {
            return (None, taken);
        }
        if writer.batch.len() >= BATCH_BYTES {
            break;
        }
    }
    (Some(writer.batch), taken)
}

/// Removes a profile that no device map refers to any more, as
/// [`crate::nft::remove_profile`].
#[must_use]
pub fn remove_profiles<'a>(
    table: &str,
    profiles: impl Iterator<Item = (&'a String, &'a Vec<String>)>,
) -> Batch {
    let mut batch = Batch::default();
    for (name, sets) in profiles {
        batch.message(Action::DeleteRule, table, |rules| rules.text(2, name));
        batch.message(Action::DeleteChain, table, |chain| chain.text(3, name));
        for set in sets {
            batch.message(Action::DeleteSet, table, |deleted| deleted.text(2, set));
        }
    }
    batch
}

struct Writer<'a> {
    batch: Batch,
    table: &'a str,
    /// The kernel wants a number for each set that a transaction makes.
    sets: u32,
}

impl Writer<'_> {
    fn profile(&mut self, name: &str, profile: &Profile) -> Option<()> {
        let [v4, v6] = Rules::of(name, profile);
        self.sets::<Ipv4Addr>(&v4)?;
        self.sets::<Ipv6Addr>(&v6)?;
        self.batch.message(Action::AddChain, self.table, |chain| chain.text(3, name));
        self.batch.message(Action::DeleteRule, self.table, |rules| rules.text(2, name));
        self.rules::<Ipv4Addr>(name, &v4)?;
        self.rules::<Ipv6Addr>(name, &v6)?;
        self.rule(name, |rule| {
            expression(rule, "counter", |_| {});
            verdict(rule, DROP);
        });
        Some(())
    }

    fn sets<A: Address>(&mut self, Rules { sets, .. }: &Rules<'_>) -> Option<()> {
        sets.iter().try_for_each(|Set { name, elements }| match elements {
            Elements::Addresses(ranges) => self.addresses::<A>(name, ranges),
            Elements::Ports(boxes) => self.ports::<A>(name, boxes),
            Elements::Boxes(boxes) => self.boxes::<A>(name, boxes),
        })
    }

    /// A set of ranges of addresses.
    fn addresses<A: Address>(&mut self, set: &str, texts: &[&str]) -> Option<()> {
        let Family { address_type, length, .. } = A::FAMILY;
        let mut ranges: Vec<Range<A>> =
            texts.iter().map(|text| Range::parse(text)).collect::<Option<_>>()?;
        ranges.sort_unstable();
        self.set(set, INTERVAL, address_type, length, |_| {});
        // A range is its first address and the one after its last.
        let ends = ranges.iter().flat_map(|range| {
            let after = range.end.next();
            [Some((range.start, false, after.is_none())), after.map(|end| (end, true, false))]
        });
        let write = |(address, is_end, is_open): (A, bool, bool), element: &mut Attributes<'_>| {
            if is_end {
                // `NFT_SET_ELEM_INTERVAL_END`.
                element.number(3, 1);
            }
            key(element, 1, &address.bytes());
            if is_open {
                // What nft notes for itself: that no end belongs to it.
                element.bytes(6, &[&[1, 4][..], &1_u32.to_ne_bytes()].concat());
            }
        };
        self.batch.elements(Action::AddElements, self.table, set, ends.flatten(), write);
        Some(())
    }

    /// A set of addresses and ports.
    fn ports<A: Address>(&mut self, set: &str, texts: &[&PortBox]) -> Option<()> {
        let write = |ParsedBox { dst, ports, .. }: ParsedBox<A>, element: &mut Attributes<'_>| {
            key(element, 1, &concatenated(&[&dst.start.bytes(), &ports.start.to_be_bytes()]));
            key(element, 10, &concatenated(&[&dst.end.bytes(), &ports.end.to_be_bytes()]));
        };
        self.concatenation(set, texts, &[SERVICE], write)
    }

    /// A set of addresses, protocols and ports.
    fn boxes<A: Address>(&mut self, set: &str, texts: &[&PortBox]) -> Option<()> {
        let fields = |address: A, proto: u8, port: u16| {
            concatenated(&[&address.bytes(), &[proto], &port.to_be_bytes()])
        };
        let write = |ParsedBox { dst, proto, ports }, element: &mut Attributes<'_>| {
            key(element, 1, &fields(dst.start, proto.start, ports.start));
            key(element, 10, &fields(dst.end, proto.end, ports.end));
        };
        self.concatenation(set, texts, &[PROTOCOL, SERVICE], write)
    }

    /// A set whose keys are an address and other fields.
    fn concatenation<A: Address>(
        &mut self,
        set: &str,
        texts: &[&PortBox],
        others: &[Field],
        write: impl Fn(ParsedBox<A>, &mut Attributes<'_>),
    ) -> Option<()> {
        let boxes: Vec<ParsedBox<A>> =
            texts.iter().map(|text| ParsedBox::parse(text)).collect::<Option<_>>()?;
        let Family { address_type, length, .. } = A::FAMILY;
        let address = Field { kind: address_type, length };
        let fields = || std::iter::once(&address).chain(others);
        let kind = fields().fold(0, |kind, field| kind << TYPE_BITS | field.kind);
        let length = fields().map(|field| field.length.next_multiple_of(4)).sum();
        self.set(set, INTERVAL | CONCATENATED, kind, length, |description| {
            description.nest(2, |described| {
                for Field { length, .. } in fields() {
                    described.nest(1, |field| field.number(1, *length));
                }
            });
        });
        self.batch.elements(Action::AddElements, self.table, set, boxes.into_iter(), write);
        Some(())
    }

    fn set(
        &mut self,
        name: &str,
        flags: u32,
        kind: u32,
        length: u32,
        description: impl FnOnce(&mut Attributes<'_>),
    ) {
        self.sets += 1;
        self.batch.message(Action::AddSet, self.table, |set| {
            set.text(2, name);
            set.number(3, flags);
            set.number(4, kind);
            set.number(5, length);
            set.number(10, self.sets);
            if flags & CONCATENATED == 0 {
                set.bytes(13, &[&BIG_ENDIAN[..], &2_u32.to_ne_bytes()].concat());
            } else {
                set.nest(9, description);
            }
        });
        self.batch.message(Action::DeleteElements, self.table, |all| all.text(2, name));
    }

    fn rules<A: Address>(&mut self, chain: &str, Rules { rules, .. }: &Rules<'_>) -> Option<()> {
        let family = A::FAMILY;
        // Behind the address, in a concatenation.
        let behind = FIRST_WORD + family.length / 4;
        for rule in rules {
            match rule {
                Rule::Range(dst, service) => {
                    let (range, service) = (Range::<A>::parse(dst)?, Numbers::of(*service)?);
                    self.rule(chain, |rule| {
                        original(rule, family.original_destination, REGISTER);
                        within(rule, &range);
                        service.compare(rule);
                        verdict(rule, ACCEPT);
                    });
                }
                Rule::Addresses(set, service) => {
                    let service = Numbers::of(*service)?;
                    self.rule(chain, |rule| {
                        service.compare(rule);
                        original(rule, family.original_destination, REGISTER);
                        lookup(rule, set);
                        verdict(rule, ACCEPT);
                    });
                }
                Rule::Ports(set, proto) => {
                    let proto = proto.parse::<u8>().ok()?;
                    self.rule(chain, |rule| {
                        load(rule, L4PROTO, REGISTER);
                        compare(rule, EQUAL, &[proto]);
                        original(rule, family.original_destination, REGISTER);
                        original(rule, ORIGINAL_PORT, behind);
                        lookup(rule, set);
                        verdict(rule, ACCEPT);
                    });
                }
                Rule::Boxes(set) => {
                    // Towards the destination, and back; ports lie behind each other.
                    let sides = [(0, family.destination, 2), (1, family.source, 0)];
                    for (direction, address, port) in sides {
                        self.rule(chain, |rule| {
                            in_direction(rule, direction);
                            address_of(rule, family.protocol, address, family.length);
                            load(rule, L4PROTO, behind);
                            payload(rule, behind + 1, TRANSPORT, port, 2);
                            lookup(rule, set);
                            verdict(rule, ACCEPT);
                        });
                    }
                }
            }
        }
        Some(())
    }

    fn rule(&mut self, chain: &str, fill: impl FnOnce(&mut Attributes<'_>)) {
        self.batch.message(Action::AddRule, self.table, |rule| {
            rule.text(2, chain);
            rule.nest(4, fill);
        });
    }
}

/// Protocols and ports in numbers, as far as they matter.
struct Numbers {
    protocols: Option<Range<u8>>,
    ports: Option<Range<u16>>,
}

impl Numbers {
    fn of(service: Option<Service<'_>>) -> Option<Self> {
        let Some(Service { proto, ports }) = service else {
            return Some(Self { protocols: None, ports: None });
        };
        let ports = match ports {
            Some(text) => Some(Range::parse(text)?),
            None => None,
        };
        Some(Self { protocols: Some(parse_proto(proto)?), ports })
    }

    fn compare(&self, rule: &mut Attributes<'_>) {
        if let Some(Range { start, end }) = self.protocols {
            load(rule, L4PROTO, REGISTER);
            between(rule, &[start], &[end]);
        }
        if let Some(Range { start, end }) = self.ports {
            original(rule, ORIGINAL_PORT, REGISTER);
            between(rule, &start.to_be_bytes(), &end.to_be_bytes());
        }
    }
}

/// Compares the register with a range of addresses: with a prefix at once, by its bytes where it ends
/// with one.
fn within<A: Address>(rule: &mut Attributes<'_>, range: &Range<A>) {
    let (first, last) = (range.start.bytes(), range.end.bytes());
    let Some(length) = A::prefix_length(range) else { return between(rule, &first, &last) };
    let whole = (length / 8) as usize;
    match first.get(..whole) {
        Some(bytes) if length > 0 && length % 8 == 0 => compare(rule, EQUAL, bytes),
        _ => {
            let same = first.iter().zip(&last).map(|(first, last)| !(first ^ last));
            masked(rule, &same.collect::<Vec<u8>>());
            compare(rule, EQUAL, &first);
        }
    }
}

/// Fields of a concatenation begin at multiples of 4 bytes.
fn concatenated(fields: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for field in fields {
        bytes.extend_from_slice(field);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
    }
    bytes
}
