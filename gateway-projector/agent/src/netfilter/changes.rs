//! What the agent changes in its table, as [`crate::nft`] writes it for `nft`.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use nexavpn_bundle::ranges::{ParsedBox, Range};
use nexavpn_bundle::{PortBox, Profile};

use super::batch::{Action, Attributes, Batch};
use super::expressions::{
    ACCEPT, AT_LEAST, AT_MOST, DROP, EQUAL, FIRST_WORD, L4PROTO, REGISTER, TRANSPORT, address_of,
    compare, expression, in_direction, key, load, lookup, payload, verdict,
};
use crate::desired::{DeviceMaps, Difference};
use crate::services::{Service, Services, set_name};

/// `NFT_GOTO`, -4.
const GOTO: u32 = 0xffff_fffc;
/// `NFT_SET_INTERVAL`.
const INTERVAL: u32 = 0x4;
/// `NFT_SET_CONCAT`.
const CONCATENATED: u32 = 0x80;
/// nft's numbers of the types `inet_proto` and `inet_service`, and how many bits each takes in
/// the number of a concatenation.
const PROTOCOL_TYPE: u32 = 12;
const SERVICE_TYPE: u32 = 13;
const TYPE_BITS: u32 = 6;
/// A batch of so many bytes takes no further profile. By default a socket takes three
/// times as much.
const BATCH_BYTES: usize = 64 * 1024;
/// What nft notes with a set for itself: that its keys are big-endian.
const BIG_ENDIAN: [u8; 2] = [0, 4];

/// An address as nf_tables has it.
trait Address: Copy + Ord + FromStr + Display {
    /// What differs between the families.
    const FAMILY: Family;
    /// Its bytes.
    fn bytes(self) -> Vec<u8>;
    /// The one after it.
    fn next(self) -> Option<Self>;
}

/// A family's numbers.
#[derive(Debug, Clone, Copy)]
struct Family {
    /// In the names of sets.
    suffix: &'static str,
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
        suffix: "4",
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
}

impl Address for Ipv6Addr {
    const FAMILY: Family = Family {
        suffix: "6",
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

/// The sets of one family of a profile, where they have elements.
#[derive(Default)]
struct Sets {
    /// Open to all protocols.
    open: Option<String>,
    /// Protocol, ports, and where.
    services: Vec<(u8, Range<u16>, String)>,
    /// Concatenated.
    others: Option<String>,
}

struct Writer<'a> {
    batch: Batch,
    table: &'a str,
    /// The kernel wants a number for each set that a transaction makes.
    sets: u32,
}

impl Writer<'_> {
    fn profile(&mut self, name: &str, profile: &Profile) -> Option<()> {
        let v4 = self.sets::<Ipv4Addr>(name, &profile.v4, &profile.v4_ports)?;
        let v6 = self.sets::<Ipv6Addr>(name, &profile.v6, &profile.v6_ports)?;
        self.batch.message(Action::AddChain, self.table, |chain| chain.text(3, name));
        self.batch.message(Action::DeleteRule, self.table, |rules| rules.text(2, name));
        self.rules::<Ipv4Addr>(name, &v4);
        self.rules::<Ipv6Addr>(name, &v6);
        self.rule(name, |rule| {
            expression(rule, "counter", |_| {});
            verdict(rule, DROP);
        });
        Some(())
    }

    fn sets<A: Address>(&mut self, name: &str, open: &[String], ports: &[PortBox]) -> Option<Sets> {
        let suffix = A::FAMILY.suffix;
        let mut sets = Sets::default();
        if !open.is_empty() {
            let set = format!("{name}_{suffix}");
            self.addresses::<A>(&set, open.iter().map(String::as_str))?;
            sets.open = Some(set);
        }
        let Services { addresses, services, others } = Services::of(ports);
        for (index, ranges) in addresses.iter().enumerate() {
            let set = set_name(name, suffix, index);
            self.addresses::<A>(&set, ranges.iter().copied())?;
        }
        for (Service { proto, ports }, index) in services {
            let set = set_name(name, suffix, index);
            sets.services.push((proto.parse().ok()?, Range::parse(ports)?, set));
        }
        if !others.is_empty() {
            let set = format!("{name}_{suffix}p");
            self.boxes::<A>(&set, &others)?;
            sets.others = Some(set);
        }
        Some(sets)
    }

    /// A set of ranges of addresses.
    fn addresses<'t, A: Address>(
        &mut self,
        set: &str,
        texts: impl Iterator<Item = &'t str>,
    ) -> Option<()> {
        let Family { address_type, length, .. } = A::FAMILY;
        let mut ranges: Vec<Range<A>> = texts.map(Range::parse).collect::<Option<_>>()?;
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

    /// A concatenated set.
    fn boxes<A: Address>(&mut self, set: &str, texts: &[&PortBox]) -> Option<()> {
        let Family { address_type, length, .. } = A::FAMILY;
        let boxes: Vec<ParsedBox<A>> =
            texts.iter().map(|text| ParsedBox::parse(text)).collect::<Option<_>>()?;
        let kind = (address_type << TYPE_BITS | PROTOCOL_TYPE) << TYPE_BITS | SERVICE_TYPE;
        self.set(set, INTERVAL | CONCATENATED, kind, length + 2 * 4, |description| {
            description.nest(2, |fields| {
                for length in [length, 1, 2] {
                    fields.nest(1, |field| field.number(1, length));
                }
            });
        });
        let write = |ParsedBox { dst, proto, ports }, element: &mut Attributes<'_>| {
            key(element, 1, &concatenated(dst.start, proto.start, ports.start));
            key(element, 10, &concatenated(dst.end, proto.end, ports.end));
        };
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

    fn rules<A: Address>(&mut self, chain: &str, Sets { open, services, others }: &Sets) {
        let family = A::FAMILY;
        if let Some(set) = open {
            self.rule(chain, |rule| {
                expression(rule, "ct", |ct| {
                    ct.number(2, family.original_destination);
                    ct.number(1, REGISTER);
                    ct.bytes(3, &[0]);
                });
                lookup(rule, set);
                verdict(rule, ACCEPT);
            });
        }
        // Towards the destination, and back; ports lie behind each other.
        let sides = [(0, family.destination, 2), (1, family.source, 0)];
        for (direction, address, port) in sides {
            for (protocol, ports, set) in services {
                self.rule(chain, |rule| {
                    load(rule, L4PROTO, REGISTER);
                    compare(rule, EQUAL, &[*protocol]);
                    payload(rule, REGISTER, TRANSPORT, port, 2);
                    let (first, last) = (ports.start.to_be_bytes(), ports.end.to_be_bytes());
                    if first == last {
                        compare(rule, EQUAL, &first);
                    } else {
                        compare(rule, AT_LEAST, &first);
                        compare(rule, AT_MOST, &last);
                    }
                    in_direction(rule, direction);
                    address_of(rule, family.protocol, address, family.length);
                    lookup(rule, set);
                    verdict(rule, ACCEPT);
                });
            }
        }
        let Some(set) = others else { return };
        for (direction, address, port) in sides {
            self.rule(chain, |rule| {
                in_direction(rule, direction);
                address_of(rule, family.protocol, address, family.length);
                // Behind the address.
                let protocol = FIRST_WORD + family.length / 4;
                load(rule, L4PROTO, protocol);
                payload(rule, protocol + 1, TRANSPORT, port, 2);
                lookup(rule, set);
                verdict(rule, ACCEPT);
            });
        }
    }

    fn rule(&mut self, chain: &str, fill: impl FnOnce(&mut Attributes<'_>)) {
        self.batch.message(Action::AddRule, self.table, |rule| {
            rule.text(2, chain);
            rule.nest(4, fill);
        });
    }
}

/// Fields of a concatenation begin at multiples of 4 bytes.
fn concatenated<A: Address>(address: A, protocol: u8, port: u16) -> Vec<u8> {
    let mut bytes = address.bytes();
    bytes.extend([protocol, 0, 0, 0]);
    bytes.extend(port.to_be_bytes());
    bytes.extend([0, 0]);
    bytes
}
