//! A payload that is changed piece by piece: each device and profile is checked and written down
//! once, so that a change costs what it touches, and one hash of the whole.

use std::{
    collections::{BTreeMap, HashSet},
    net::IpAddr,
    sync::Arc,
};

use crate::{
    BundleError, CheckedProfile, Device, Frame, IntoChecked, Payload, Profile,
    canonical::canonical_value,
    validate::{self, invalid},
    written::device_bytes,
};

/// A payload that keeps all rules (see [`validate`](crate::validate())), with the canonical bytes
/// of its parts. Clones share the parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents {
    frame: Arc<WrittenFrame>,
    devices: BTreeMap<String, Arc<WrittenDevice>>,
    profiles: BTreeMap<String, WrittenProfile>,
    keys: HashSet<[u8; 32]>,
    addresses: HashSet<IpAddr>,
}

#[derive(Debug, PartialEq, Eq)]
struct WrittenFrame {
    frame: Frame,
    own: HashSet<IpAddr>,
    /// Up to the devices, from there to the profiles, and what follows them.
    bytes: [Vec<u8>; 3],
}

#[derive(Debug, PartialEq, Eq)]
struct WrittenDevice {
    device: Device,
    key: [u8; 32],
    addresses: Vec<IpAddr>,
    bytes: Vec<u8>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct WrittenProfile {
    written: Arc<CheckedProfile>,
    /// How many devices have it.
    devices: usize,
}

/// What leads from one payload to another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change<P = Profile> {
    /// Devices that are new or other than before.
    pub put_devices: Vec<Device>,
    /// The ids of devices that were there.
    pub removed_devices: Vec<String>,
    /// Profiles that were not there, by name.
    pub put_profiles: BTreeMap<String, P>,
    /// The names of profiles that were there, and that no device has any more.
    pub removed_profiles: Vec<String>,
}

impl<P> Default for Change<P> {
    fn default() -> Self {
        Self {
            put_devices: vec![],
            removed_devices: vec![],
            put_profiles: BTreeMap::new(),
            removed_profiles: vec![],
        }
    }
}

impl Contents {
    /// Takes a payload apart.
    ///
    /// # Errors
    /// [`BundleError::Invalid`] naming the first thing that is wrong.
    pub fn new(payload: Payload) -> Result<Self, BundleError> {
        let (frame, put_devices, put_profiles) = payload.into_parts();
        let change = Change { put_devices, put_profiles, ..Change::default() };
        Self::empty(frame)?.into_changed(change)
    }

    /// No device and no profile.
    ///
    /// # Errors
    /// [`BundleError::Invalid`] naming the first thing that is wrong.
    pub fn empty(frame: Frame) -> Result<Self, BundleError> {
        Ok(Self {
            frame: Arc::new(WrittenFrame::new(frame)?),
            devices: BTreeMap::new(),
            profiles: BTreeMap::new(),
            keys: HashSet::new(),
            addresses: HashSet::new(),
        })
    }

    /// The contents after a change.
    ///
    /// # Errors
    /// [`BundleError::Invalid`] naming the first thing that is wrong.
    pub fn changed<P: IntoChecked>(
        &self,
        frame: Frame,
        change: Change<P>,
    ) -> Result<Self, BundleError> {
        let mut next = self.clone();
        let frame = WrittenFrame::new(frame)?;
        if let Some(own) = frame.own.iter().find(|own| next.addresses.contains(own)) {
            // Unless that device goes, or changes its address, with the same change.
            let goes = |device: &WrittenDevice| {
                let id = &device.device.id;
                change.removed_devices.contains(id)
                    || change.put_devices.iter().any(|put| put.id == *id)
            };
            let stays = next.devices.values().any(|d| d.addresses.contains(own) && !goes(d));
            if stays {
                return Err(invalid(format!("{own} of a device is the gateway's own")));
            }
        }
        next.frame = Arc::new(frame);
        next.into_changed(change)
    }

    fn into_changed<P: IntoChecked>(mut self, change: Change<P>) -> Result<Self, BundleError> {
        // All that goes first: a new device may have its address.
        for id in &change.removed_devices {
            if !self.remove_device(id) {
                return Err(invalid(format!("device {id} is removed and was not there")));
            }
        }
        let mut put = HashSet::new();
        for device in &change.put_devices {
            if !put.insert(device.id.as_str()) {
                return Err(invalid(format!("device {} is there twice", device.id)));
            }
            self.remove_device(&device.id);
        }
        for (name, profile) in change.put_profiles {
            self.put_profile(name, profile)?;
        }
        for device in change.put_devices {
            self.put_device(device)?;
        }
        for name in change.removed_profiles {
            match self.profiles.remove(&name) {
                Some(profile) if profile.devices == 0 => {}
                Some(_) => return Err(invalid(format!("profile {name} is removed and in use"))),
                None => {
                    return Err(invalid(format!("profile {name} is removed and was not there")));
                }
            }
        }
        Ok(self)
    }

    fn remove_device(&mut self, id: &str) -> bool {
        let Some(gone) = self.devices.remove(id) else { return false };
        self.keys.remove(&gone.key);
        for address in &gone.addresses {
            self.addresses.remove(address);
        }
        if let Some(profile) = self.profiles.get_mut(&gone.device.profile) {
            profile.devices -= 1;
        }
        true
    }

    fn put_profile(&mut self, name: String, profile: impl IntoChecked) -> Result<(), BundleError> {
        if self.profiles.contains_key(&name) {
            return Err(invalid(format!("profile {name} is there already")));
        }
        let written = profile.into_checked(&name)?;
        self.profiles.insert(name, WrittenProfile { written, devices: 0 });
        Ok(())
    }

    fn put_device(&mut self, device: Device) -> Result<(), BundleError> {
        let (key, addresses) = validate::device(&device)?;
        let id = &device.id;
        if !self.keys.insert(key) {
            return Err(invalid(format!("the public key of device {id} is there twice")));
        }
        for address in &addresses {
            if self.frame.own.contains(address) {
                return Err(invalid(format!("{address} of device {id} is the gateway's own")));
            }
            if !self.addresses.insert(*address) {
                return Err(invalid(format!("{address} of device {id} is there twice")));
            }
        }
        let profile = self.profiles.get_mut(&device.profile);
        profile.ok_or_else(|| invalid(format!("device {id} has an unknown profile")))?.devices += 1;
        let bytes = device_bytes(&device)?;
        let id = id.clone();
        self.devices.insert(id, Arc::new(WrittenDevice { device, key, addresses, bytes }));
        Ok(())
    }

    /// What is neither device nor profile.
    #[must_use]
    pub fn frame(&self) -> &Frame {
        &self.frame.frame
    }

    /// A device by its id.
    #[must_use]
    pub fn device(&self, id: &str) -> Option<&Device> {
        self.devices.get(id).map(|written| &written.device)
    }

    /// How many devices there are.
    #[must_use]
    pub fn devices(&self) -> usize {
        self.devices.len()
    }

    /// A profile by its name, and how many devices have it.
    #[must_use]
    pub fn profile(&self, name: &str) -> Option<(&Profile, usize)> {
        self.profiles.get(name).map(|profile| (&profile.written.profile, profile.devices))
    }

    /// The whole payload.
    #[must_use]
    pub fn payload(&self) -> Payload {
        let devices = self.devices.values().map(|written| written.device.clone()).collect();
        let profiles =
            self.profiles.iter().map(|(name, p)| (name.clone(), p.written.profile.clone()));
        Payload::from_parts(self.frame.frame.clone(), devices, profiles.collect())
    }

    /// The canonical bytes: those of [`canonical`](crate::canonical()) for the payload.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let [head, middle, tail] = &self.frame.bytes;
        let length = self.devices.values().map(|d| d.bytes.len() + 1).sum::<usize>()
            + self.profiles.iter().map(|(n, p)| n.len() + p.written.bytes.len() + 4).sum::<usize>();
        let mut bytes = Vec::with_capacity(head.len() + middle.len() + tail.len() + length);
        bytes.extend(head);
        // In the order of ids, which are of one length and the first thing in a device's bytes:
        // so in the order of the bytes.
        for (n, device) in self.devices.values().enumerate() {
            if n > 0 {
                bytes.push(b',');
            }
            bytes.extend(&device.bytes);
        }
        bytes.extend(middle);
        for (n, (name, profile)) in self.profiles.iter().enumerate() {
            // A name is `p_` and hexadecimal digits: nothing that JSON would escape.
            let comma = if n > 0 { "," } else { "" };
            bytes.extend(format!("{comma}\"{name}\":").as_bytes());
            bytes.extend(&profile.written.bytes);
        }
        bytes.extend(tail);
        bytes
    }
}

impl WrittenFrame {
    fn new(frame: Frame) -> Result<Self, BundleError> {
        let own = validate::frame(&frame)?;
        let Frame { format, gateway_id, epoch, revision, issued_at, max_stale_s, .. } = &frame;
        let Frame { interface, input, nat, .. } = &frame;
        // The fields in the order of their names.
        let mut middle = b"]".to_vec();
        let mut field = |name: &str, value: Vec<u8>| {
            middle.extend(format!(",\"{name}\":").as_bytes());
            middle.extend(value);
        };
        field("epoch", canonical_value(epoch)?);
        field("format", canonical_value(format)?);
        field("gateway_id", canonical_value(gateway_id)?);
        field("input", canonical_value(input)?);
        field("interface", canonical_value(interface)?);
        field("issued_at", canonical_value(issued_at)?);
        field("max_stale_s", canonical_value(max_stale_s)?);
        field("nat", canonical_value(nat)?);
        middle.extend(b",\"profiles\":{");
        let mut tail = b"},\"revision\":".to_vec();
        tail.extend(canonical_value(revision)?);
        tail.push(b'}');
        let bytes = [b"{\"devices\":[".to_vec(), middle, tail];
        Ok(Self { frame, own, bytes })
    }
}
