use serde_json::Value;

use super::{Told, quoted};
use crate::{
    device::{DeviceEvent, KeyOrigin},
    ids::UserId,
    values::Addresses,
};

impl Told {
    fn set_addresses(self, addresses: &Addresses) -> Self {
        self.set("address_v4", addresses.v4).set("address_v6", addresses.v6)
    }

    fn set_key(self, public_key: &crate::values::PublicKey, origin: KeyOrigin) -> Self {
        self.set("public_key", public_key).set("key_origin", origin)
    }
}

pub(super) fn told(event: &DeviceEvent) -> Told {
    match event {
        DeviceEvent::Enrolled {
            owner,
            name,
            platform,
            os_version,
            app_version,
            fingerprint,
            public_key,
            key_origin,
            gateway_id,
            slot: _,
            addresses,
        } => Told::new(format!("Device {} enrolled with {}", quoted(name), addresses.v4))
            .set("user_id", owner)
            .set("name", name)
            .set("platform", platform)
            .set("os_version", os_version)
            .set("app_version", app_version)
            .set("fingerprint", fingerprint)
            .set_key(public_key, *key_origin)
            .set("gateway_id", gateway_id)
            .set_addresses(addresses)
            .set("enabled", true),
        DeviceEvent::Reprovisioned {
            owner: _,
            public_key,
            key_origin,
            os_version,
            app_version,
        } => Told::new("New key of the device in force, the old one is out")
            .set_key(public_key, *key_origin)
            .set("os_version", os_version)
            .set("app_version", app_version)
            .set("rotation_deadline", Value::Null)
            .set_first("rotation_lapsed", false, false),
        DeviceEvent::PresharedKeyChanged { psk_ref } => Told::new(if psk_ref.is_some() {
            "Preshared key of the device replaced"
        } else {
            "Preshared key of the device removed"
        })
        .set("psk_ref", psk_ref),
        DeviceEvent::Renamed { owner: _, name } => {
            Told::new(format!("Device renamed to {}", quoted(name))).set("name", name)
        }
        DeviceEvent::PlatformChanged { platform } => {
            Told::new(format!("Platform of the device changed to “{platform}”"))
                .set("platform", platform)
        }
        DeviceEvent::OwnerChanged { owner, former_owners: _, name, os_version, fingerprint } => {
            Told::new("Device handed to another owner")
                .set("user_id", owner)
                .set("name", name)
                .set("os_version", os_version)
                .set("fingerprint", fingerprint)
        }
        DeviceEvent::AddressChanged { gateway_id, slot: _, addresses } => {
            Told::new(format!("Address of the device changed to {}", addresses.v4))
                .set("gateway_id", gateway_id)
                .set_addresses(addresses)
        }
        DeviceEvent::GatewayChanged { gateway_id, slot: _, addresses } => {
            Told::new(format!("Device moved to another gateway, with {}", addresses.v4))
                .set("gateway_id", gateway_id)
                .set_addresses(addresses)
        }
        DeviceEvent::RotationRequested { deadline } => {
            Told::new(format!("New key of the device asked for until {deadline}"))
                .set("rotation_deadline", deadline)
                .set_first("rotation_lapsed", false, false)
        }
        DeviceEvent::RotationLapsed {} => Told::new(
            "Device cut off: no new key came before the deadline",
        )
        .set_first("rotation_lapsed", false, true),
        DeviceEvent::Disabled {} => Told::new("Device disabled").set("enabled", false),
        DeviceEvent::Enabled {} => Told::new("Device enabled").set("enabled", true),
        DeviceEvent::ExpiryChanged { expires_at } => Told::new(match expires_at {
            Some(at) => format!("Expiry of the device set to {at}"),
            None => "Expiry of the device removed".to_owned(),
        })
        .set("expires_at", expires_at)
        .set_first("expired", false, false),
        DeviceEvent::Expired {} => {
            Told::new("Device cut off: it has expired").set_first("expired", false, true)
        }
        DeviceEvent::Revoked { owner: _, reason } => Told::new(match reason {
            Some(reason) => format!("Device revoked: {}", reason.get().unwrap_or("(erased)")),
            None => "Device revoked".to_owned(),
        })
        .turn("revoked", false, true),
    }
}

pub(super) const fn about(event: &DeviceEvent) -> Option<UserId> {
    match event {
        DeviceEvent::Enrolled { owner, .. }
        | DeviceEvent::Reprovisioned { owner, .. }
        | DeviceEvent::Renamed { owner, .. }
        | DeviceEvent::OwnerChanged { owner, .. }
        | DeviceEvent::Revoked { owner, .. } => Some(*owner),
        DeviceEvent::PresharedKeyChanged { .. }
        | DeviceEvent::PlatformChanged { .. }
        | DeviceEvent::AddressChanged { .. }
        | DeviceEvent::GatewayChanged { .. }
        | DeviceEvent::RotationRequested { .. }
        | DeviceEvent::RotationLapsed {}
        | DeviceEvent::Disabled {}
        | DeviceEvent::Enabled {}
        | DeviceEvent::ExpiryChanged { .. }
        | DeviceEvent::Expired {} => None,
    }
}
