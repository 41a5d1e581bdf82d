//! What a bundle means at one moment: who is in the device maps and who is a
//! peer. Pure; the time is passed in.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use chrono::{DateTime, Utc};
use nexavpn_bundle::{Device, Payload, validate};

use crate::secrets::{PresharedKey, Secrets};

/// Which profile decides for which source address.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeviceMaps {
    /// IPv4 addresses.
    pub v4: BTreeMap<Ipv4Addr, String>,
    /// IPv6 addresses.
    pub v6: BTreeMap<Ipv6Addr, String>,
}

/// A peer as it should be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WantedPeer {
    /// Its addresses.
    pub ips: BTreeSet<IpAddr>,
    /// Its preshared key, if it has one.
    pub psk: Option<PresharedKey>,
}

/// Peers by public key (base64).
pub type Peers = BTreeMap<String, WantedPeer>;

/// The state that the node should be in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Desired {
    /// The device maps.
    pub maps: DeviceMaps,
    /// The WireGuard peers.
    pub peers: Peers,
    /// References of the preshared keys that peers wait for.
    pub missing: BTreeSet<String>,
    /// When the next device expires.
    pub next_expiry: Option<DateTime<Utc>>,
}

impl Desired {
    /// What `payload` means at `now`. A device whose `not_after` has passed is
    /// neither peer nor in a map. `stale` empties the maps and leaves the
    /// peers, so that service resumes without new handshakes. A device whose
    /// preshared key is not in `secrets` is no peer: without the key it would
    /// be less protected than its owner was told.
    #[must_use]
    pub fn new(payload: &Payload, now: DateTime<Utc>, stale: bool, secrets: &Secrets) -> Self {
        // An expiry that cannot be read has passed.
        let expiry = |device: &Device| {
            device.not_after.as_deref().map(|text| validate::time(text).unwrap_or_default())
        };
        let alive: Vec<&Device> = payload
            .devices
            .iter()
            .filter(|device| expiry(device).is_none_or(|end| end > now))
            .collect();
        let (mut peers, mut missing) = (Vec::with_capacity(alive.len()), BTreeSet::new());
        let mut maps = Collected::default();
        for device in &alive {
            let ips: Vec<IpAddr> =
                device.ips.iter().filter_map(|text| validate::host(text)).collect();
            if !stale {
                maps.add(&ips, &device.profile);
            }
            let psk = match &device.psk_ref {
                None => None,
                Some(reference) => match secrets.get(reference) {
                    Some(key) => Some(key.clone()),
                    None => {
                        missing.insert(reference.clone());
                        continue;
                    }
                },
            };
            let ips = ips.into_iter().collect();
            peers.push((device.public_key.clone(), WantedPeer { ips, psk }));
        }
        Self {
            maps: maps.finish(),
            peers: peers.into_iter().collect(),
            missing,
            next_expiry: alive.iter().filter_map(|device| expiry(device)).min(),
        }
    }
}

/// The maps of some devices.
pub fn device_maps<'a>(devices: impl IntoIterator<Item = &'a Device>) -> DeviceMaps {
    let mut maps = Collected::default();
    for device in devices {
        let ips: Vec<IpAddr> = device.ips.iter().filter_map(|text| validate::host(text)).collect();
        maps.add(&ips, &device.profile);
    }
    maps.finish()
}

/// What comes into the maps, in any order: sorted at once it costs a third of putting
/// one after the other into its place.
#[derive(Debug, Default)]
struct Collected {
    v4: Vec<(Ipv4Addr, String)>,
    v6: Vec<(Ipv6Addr, String)>,
}

impl Collected {
    fn add(&mut self, ips: &[IpAddr], profile: &str) {
        for address in ips {
            match address {
                IpAddr::V4(v4) => self.v4.push((*v4, profile.to_owned())),
                IpAddr::V6(v6) => self.v6.push((*v6, profile.to_owned())),
            }
        }
    }

    fn finish(self) -> DeviceMaps {
        DeviceMaps { v4: self.v4.into_iter().collect(), v6: self.v6.into_iter().collect() }
    }
}

/// How one map becomes another.
#[derive(Debug, PartialEq, Eq)]
pub struct Difference<'a, K, V> {
    /// What it has no more.
    pub gone: Vec<&'a K>,
    /// What it has with another value.
    pub changed: Vec<(&'a K, &'a V)>,
    /// What it has besides.
    pub new: Vec<(&'a K, &'a V)>,
}

impl<'a, K: Ord, V: PartialEq> Difference<'a, K, V> {
    /// Compares two maps, both in their order.
    #[must_use]
    pub fn between(from: &'a BTreeMap<K, V>, to: &'a BTreeMap<K, V>) -> Self {
        let mut difference = Self { gone: Vec::new(), changed: Vec::new(), new: Vec::new() };
        let (mut old, mut wanted) = (from.iter().peekable(), to.iter().peekable());
        loop {
            let order = match (old.peek(), wanted.peek()) {
                (Some((before, _)), Some((after, _))) => before.cmp(after),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => return difference,
            };
            let before = if order.is_le() { old.next() } else { None };
            let after = if order.is_ge() { wanted.next() } else { None };
            match (before, after) {
                (Some((key, _)), None) => difference.gone.push(key),
                (None, Some(pair)) => difference.new.push(pair),
                (Some((_, before)), Some(pair)) if before != pair.1 => {
                    difference.changed.push(pair);
                }
                _ => {}
            }
        }
    }

    /// What is to be written: what it has with another value, and what it has besides.
    pub fn written(&self) -> impl Iterator<Item = (&'a K, &'a V)> {
        self.changed.iter().chain(&self.new).copied()
    }

    /// What is to be taken away where nothing can be overwritten.
    pub fn taken_away(&self) -> impl Iterator<Item = &'a K> {
        self.gone.iter().copied().chain(self.changed.iter().map(|(key, _)| *key))
    }
}

/// Makes a map another one, at the cost of what differs.
fn become_another<K: Ord + Clone, V: PartialEq + Clone>(
    map: &mut BTreeMap<K, V>,
    to: &BTreeMap<K, V>,
) {
    let difference = Difference::between(map, to);
    let gone: Vec<K> = difference.gone.iter().map(|key| (*key).clone()).collect();
    let written: Vec<(K, V)> =
        difference.written().map(|(key, value)| (key.clone(), value.clone())).collect();
    for key in gone {
        map.remove(&key);
    }
    map.extend(written);
}

impl DeviceMaps {
    /// Makes these maps equal to others, at the cost of what differs.
    pub fn become_equal_to(&mut self, others: &Self) {
        become_another(&mut self.v4, &others.v4);
        become_another(&mut self.v6, &others.v6);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_names_each_key_once_and_leads_to_the_other_map() {
        // Each of four keys is missing, or has one of two values, on either side.
        let side = |code: u32| -> BTreeMap<u32, u32> {
            let values = (0..4).map(|key| (key, code / 3_u32.pow(key) % 3));
            values.filter(|(_, value)| *value > 0).collect()
        };
        for (from, to) in (0..81).flat_map(|from| (0..81).map(move |to| (side(from), side(to)))) {
            let difference = Difference::between(&from, &to);
            let mut named: Vec<u32> = difference.gone.iter().map(|key| **key).collect();
            named.extend(difference.written().map(|(key, _)| *key));
            named.sort_unstable();
            let differ: Vec<u32> = (0..4).filter(|key| from.get(key) != to.get(key)).collect();
            assert_eq!(named, differ, "{from:?} {to:?}");
            assert!(difference.taken_away().all(|key| from.contains_key(key)));
            assert!(difference.new.iter().all(|(key, _)| !from.contains_key(*key)));
            let mut became = from.clone();
            become_another(&mut became, &to);
            assert_eq!(became, to, "{from:?}");
        }
    }
}
