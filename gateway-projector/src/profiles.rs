//! Profiles as bundles hold them, each written and checked once for all gateways.

use std::{
    collections::HashMap,
    fmt::Display,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use nexavpn_bundle::{BundleError, CheckedProfile, PortBox, Profile};
use nexavpn_domain::access::{self, FlatProfile};

/// Below this it is not worth looking for what nobody uses any more.
const LEAST_ROOM: usize = 64;

/// What has been written. The fleet shares equal profiles, so they are told apart by where they
/// are; while an entry is kept nothing else can be there.
#[derive(Debug, Default)]
pub(crate) struct Profiles(Mutex<Written>);

#[derive(Debug, Default)]
struct Written {
    by_address: HashMap<usize, (Weak<FlatProfile>, Arc<CheckedProfile>)>,
    room: usize,
}

impl Profiles {
    /// The profile as a bundle holds it.
    ///
    /// # Errors
    /// Where a node would refuse it.
    pub(crate) fn written(
        &self,
        flat: &Arc<FlatProfile>,
    ) -> Result<Arc<CheckedProfile>, BundleError> {
        let address = Arc::as_ptr(flat).addr();
        if let Some((_, written)) = self.lock().by_address.get(&address) {
            return Ok(Arc::clone(written));
        }
        let written = Arc::new(CheckedProfile::new(profile(flat))?);
        let mut all = self.lock();
        if all.by_address.len() >= all.room.max(LEAST_ROOM) {
            all.by_address.retain(|_, (flat, _)| flat.strong_count() > 0);
            all.room = 2 * all.by_address.len();
        }
        all.by_address.insert(address, (Arc::downgrade(flat), Arc::clone(&written)));
        drop(all);
        Ok(written)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Written> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn profile(flat: &FlatProfile) -> Profile {
    Profile {
        v4: flat.v4.iter().map(|(a, b)| span(a, b)).collect(),
        v6: flat.v6.iter().map(|(a, b)| span(a, b)).collect(),
        v4_ports: flat.v4_ports.iter().map(port_box).collect(),
        v6_ports: flat.v6_ports.iter().map(port_box).collect(),
    }
}

fn port_box(one: &access::PortBox) -> PortBox {
    let (first, last): (IpAddr, IpAddr) = (one.first, one.last);
    let (low, high) = one.protocols;
    PortBox {
        dst: span(first, last),
        proto: if low == high { low.to_string() } else { span(low, high) },
        ports: span(one.ports.0, one.ports.1),
    }
}

fn span<T: Display>(first: T, last: T) -> String {
    format!("{first}-{last}")
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn each_profile_is_written_once_and_goes_with_those_who_have_it() {
        let profiles = Profiles::default();
        let flat = |n: u32| {
            let ip = Ipv4Addr::from_bits(n);
            Arc::new(FlatProfile { v4: vec![(ip, ip)], ..FlatProfile::default() })
        };
        let kept: Vec<_> = (0..100).map(flat).collect();
        let first: Vec<_> = kept.iter().map(|flat| profiles.written(flat).unwrap()).collect();
        for n in 100..10_000 {
            let one = flat(n);
            let range = format!("{0}-{0}", Ipv4Addr::from_bits(n));
            // Often at the place of one that is gone.
            assert_eq!(profiles.written(&one).unwrap().profile().v4, [range]);
            assert!(profiles.lock().by_address.len() <= 2 * kept.len(), "{n}");
        }
        for (flat, first) in kept.iter().zip(first) {
            assert!(Arc::ptr_eq(&profiles.written(flat).unwrap(), &first));
        }
    }
}
