//! What a bundle means at one moment: who is in the device maps and who is a
//! peer. Pure; the time is passed in.

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
        let (mut peers, mut missing) = (Peers::new(), BTreeSet::new());
        for device in &alive {
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
            let ips = device.ips.iter().filter_map(|text| validate::host(text)).collect();
            peers.insert(device.public_key.clone(), WantedPeer { ips, psk });
        }
        Self {
            maps: if stale { DeviceMaps::default() } else { device_maps(alive.iter().copied()) },
            peers,
            missing,
            next_expiry: alive.iter().filter_map(|device| expiry(device)).min(),
        }
    }
}

/// The maps of some devices.
pub fn device_maps<'a>(devices: impl IntoIterator<Item = &'a Device>) -> DeviceMaps {
    let mut maps = DeviceMaps::default();
    for device in devices {
        for address in device.ips.iter().filter_map(|text| validate::host(text)) {
            match address {
                IpAddr::V4(v4) => maps.v4.insert(v4, device.profile.clone()),
                IpAddr::V6(v6) => maps.v6.insert(v6, device.profile.clone()),
            };
        }
    }
    maps
}
