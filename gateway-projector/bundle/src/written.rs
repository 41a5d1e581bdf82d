//! The canonical bytes of devices and profiles, of which a bundle has thousands: written directly,
//! where [`canonical_value`](crate::canonical) goes by way of a tree. Both write the same.

use std::{ops::Range, sync::Arc};

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::{
    BundleError, Device, PortBox, Profile,
    validate::{self, invalid},
};

/// A profile that keeps all rules, with its name and its canonical bytes. Made once, it can be part
/// of any number of bundles.
#[derive(Debug, PartialEq, Eq)]
pub struct CheckedProfile {
    pub(crate) name: String,
    pub(crate) profile: Profile,
    pub(crate) bytes: Vec<u8>,
}

impl CheckedProfile {
    /// Checks a profile and names it.
    ///
    /// # Errors
    /// [`BundleError::Invalid`] naming the first thing that is wrong.
    pub fn new(profile: Profile) -> Result<Self, BundleError> {
        let bytes = profile_bytes(&profile)?;
        let name = name_of(&bytes);
        validate::profile(&name, &profile)?;
        Ok(Self { name, profile, bytes })
    }

    /// Its [name](Profile::name).
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it opens.
    #[must_use]
    pub fn profile(&self) -> &Profile {
        &self.profile
    }
}

/// A profile that comes with a name, to be part of a bundle.
pub trait IntoChecked {
    /// The profile, checked.
    ///
    /// # Errors
    /// [`BundleError::Invalid`] naming the first thing that is wrong.
    fn into_checked(self, name: &str) -> Result<Arc<CheckedProfile>, BundleError>;
}

impl IntoChecked for Profile {
    fn into_checked(self, name: &str) -> Result<Arc<CheckedProfile>, BundleError> {
        Arc::new(CheckedProfile::new(self)?).into_checked(name)
    }
}

impl IntoChecked for Arc<CheckedProfile> {
    fn into_checked(self, name: &str) -> Result<Arc<CheckedProfile>, BundleError> {
        if self.name == name {
            Ok(self)
        } else {
            Err(invalid(format!("profile {name} does not have the content of its name")))
        }
    }
}

/// The name that a profile with these canonical bytes has.
pub(crate) fn name_of(bytes: &[u8]) -> String {
    let digest = hex::encode(Sha256::digest(bytes));
    format!("p_{}", &digest[..16])
}

/// The canonical bytes of a profile.
pub(crate) fn profile_bytes(profile: &Profile) -> Result<Vec<u8>, BundleError> {
    let Profile { v4, v6, v4_ports, v6_ports } = profile;
    let mut out = Vec::with_capacity(64 + 32 * (v4.len() + v6.len()));
    // In the order of the names.
    out.extend(b"{\"v4\":");
    array(&mut out, v4, scalar)?;
    out.extend(b",\"v4_ports\":");
    array(&mut out, v4_ports, port_box)?;
    out.extend(b",\"v6\":");
    array(&mut out, v6, scalar)?;
    out.extend(b",\"v6_ports\":");
    array(&mut out, v6_ports, port_box)?;
    out.push(b'}');
    Ok(out)
}

/// The canonical bytes of a device.
pub(crate) fn device_bytes(device: &Device) -> Result<Vec<u8>, BundleError> {
    let Device { id, public_key, ips, profile, not_after, psk_ref } = device;
    let mut out = Vec::with_capacity(256);
    out.extend(b"{\"id\":");
    scalar(&mut out, id)?;
    out.extend(b",\"ips\":");
    array(&mut out, ips, scalar)?;
    out.extend(b",\"not_after\":");
    scalar(&mut out, not_after)?;
    out.extend(b",\"profile\":");
    scalar(&mut out, profile)?;
    out.extend(b",\"psk_ref\":");
    scalar(&mut out, psk_ref)?;
    out.extend(b",\"public_key\":");
    scalar(&mut out, public_key)?;
    out.push(b'}');
    Ok(out)
}

fn port_box(out: &mut Vec<u8>, one: &PortBox) -> Result<(), BundleError> {
    let PortBox { dst, proto, ports } = one;
    out.extend(b"{\"dst\":");
    scalar(out, dst)?;
    out.extend(b",\"ports\":");
    scalar(out, ports)?;
    out.extend(b",\"proto\":");
    scalar(out, proto)?;
    out.push(b'}');
    Ok(())
}

/// A string or nothing. `serde_json` escapes what RFC 8785 escapes, in the same form.
fn scalar<T: Serialize>(out: &mut Vec<u8>, value: &T) -> Result<(), BundleError> {
    serde_json::to_writer(out, value).map_err(|error| BundleError::Malformed(error.to_string()))
}

/// The elements in the order of their bytes.
fn array<T>(
    out: &mut Vec<u8>,
    items: &[T],
    write: impl Fn(&mut Vec<u8>, &T) -> Result<(), BundleError>,
) -> Result<(), BundleError> {
    let mut written = Vec::with_capacity(32 * items.len());
    let mut places: Vec<Range<usize>> = Vec::with_capacity(items.len());
    for item in items {
        let begin = written.len();
        write(&mut written, item)?;
        places.push(begin..written.len());
    }
    places.sort_unstable_by(|a, b| written[a.clone()].cmp(&written[b.clone()]));
    out.push(b'[');
    for (n, place) in places.into_iter().enumerate() {
        if n > 0 {
            out.push(b',');
        }
        out.extend(&written[place]);
    }
    out.push(b']');
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, option, prelude::*};

    use super::*;
    use crate::canonical::canonical_value;

    /// Ranges as they are, and whatever else a string may hold.
    fn text() -> impl Strategy<Value = String> {
        prop_oneof!["[0-9.:/-]{0,12}", any::<String>(), "[\\x00-\\x7f]{0,4}"]
    }

    prop_compose! {
        fn port_box()(dst in text(), proto in text(), ports in text()) -> PortBox {
            PortBox { dst, proto, ports }
        }
    }

    prop_compose! {
        fn profile()(
            v4 in vec(text(), 0..6), v6 in vec(text(), 0..3),
            v4_ports in vec(port_box(), 0..4), v6_ports in vec(port_box(), 0..3),
        ) -> Profile {
            Profile { v4, v6, v4_ports, v6_ports }
        }
    }

    prop_compose! {
        fn device()(
            id in text(), public_key in text(), ips in vec(text(), 0..4), profile in text(),
            not_after in option::of(text()), psk_ref in option::of(text()),
        ) -> Device {
            Device { id, public_key, ips, profile, not_after, psk_ref }
        }
    }

    proptest! {
        #[test]
        fn profiles_are_written_as_everything_is(profile in profile()) {
            prop_assert_eq!(profile_bytes(&profile).unwrap(), canonical_value(&profile).unwrap());
        }

        #[test]
        fn devices_are_written_as_everything_is(device in device()) {
            prop_assert_eq!(device_bytes(&device).unwrap(), canonical_value(&device).unwrap());
        }
    }
}
