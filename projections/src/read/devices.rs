//! Devices: the writer. The queries are in [`queries`](super::device_queries).

use std::net::IpAddr;

use async_trait::async_trait;
use nexavpn_domain::{
    Event, StoredEvent,
    device::{DeviceEvent, KeyOrigin},
    user::UserEvent,
};
use nexavpn_store::Recorded;
use sqlx::{PgConnection, types::ipnetwork::IpNetwork};
use uuid::Uuid;

use crate::{
    ApplyError, Projection,
    projection::{known, one, update},
};

/// The writer.
#[derive(Debug)]
pub struct Devices;

#[async_trait]
impl Projection for Devices {
    fn name(&self) -> &'static str {
        "devices"
    }

    fn version(&self) -> i32 {
        1
    }

    fn tables(&self) -> &'static [&'static str] {
        &["devices", "device_owners"]
    }

    fn reads(&self) -> &'static [&'static str] {
        &[DeviceEvent::AGGREGATE_TYPE, UserEvent::AGGREGATE_TYPE]
    }

    async fn apply(&self, conn: &mut PgConnection, event: &Recorded) -> Result<i64, ApplyError> {
        match known(event)? {
            Event::Device(id, DeviceEvent::Enrolled { .. }) => {
                enrolled(conn, event, id.0).await?;
                Ok(1)
            }
            Event::Device(id, e) => {
                changed(conn, event, id.0, e).await?;
                Ok(0)
            }
            Event::User(id, e) => {
                owner(conn, id.0, e).await?;
                Ok(0)
            }
            _ => Ok(0),
        }
    }
}

const fn origin(origin: KeyOrigin) -> &'static str {
    match origin {
        KeyOrigin::Client => "client",
        KeyOrigin::Server => "server",
    }
}

async fn enrolled(conn: &mut PgConnection, event: &Recorded, id: Uuid) -> Result<(), ApplyError> {
    let Event::Device(
        _,
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
            slot,
            addresses,
        },
    ) = known(event)?
    else {
        return Ok(());
    };
    let result = sqlx::query(
        "INSERT INTO devices (id, owner_id, name, os_version, fingerprint, platform, app_version,
             public_key, key_origin, key_changed_at, gateway_id, slot, address_v4, address_v6,
             enabled, owner_enabled, expired, rotation_lapsed, version, created_at, updated_at)
         VALUES ($1, $4, $5, $6, $7, $8, $9, $10, $11, $3, $12, $13, $14, $15, true,
             coalesce((SELECT o.enabled FROM device_owners o WHERE o.user_id = $4), false),
             false, false, $2, $3, $3)",
    )
    .bind(id)
    .bind(event.sequence)
    .bind(event.effective_time)
    .bind(owner.0)
    .bind(name.get())
    .bind(os_version.as_ref().and_then(|v| v.get()))
    .bind(fingerprint.as_ref().and_then(|f| f.get()))
    .bind(platform)
    .bind(app_version.as_deref())
    .bind(public_key.to_string())
    .bind(origin(*key_origin))
    .bind(gateway_id.0)
    .bind(i64::from(*slot))
    .bind(IpNetwork::from(IpAddr::V4(addresses.v4)))
    .bind(addresses.v6.map(|ip| IpNetwork::from(IpAddr::V6(ip))))
    .execute(conn)
    .await?;
    one(&result, event)
}

async fn changed(
    conn: &mut PgConnection,
    event: &Recorded,
    id: Uuid,
    e: &DeviceEvent,
) -> Result<(), ApplyError> {
    let query = match e {
        DeviceEvent::Enrolled { .. } => return Ok(()),
        DeviceEvent::Reprovisioned { public_key, key_origin, os_version, app_version, .. } => {
            update(
                "UPDATE devices SET public_key = $4, key_origin = $5, key_changed_at = $3,
                        os_version = coalesce($6, os_version),
                        app_version = coalesce($7, app_version),
                        rotation_deadline = NULL, rotation_lapsed = false,
                        version = $2, updated_at = $3
                 WHERE id = $1",
                id,
                event,
            )
            .bind(public_key.to_string())
            .bind(origin(*key_origin))
            .bind(os_version.as_ref().and_then(|v| v.get()))
            .bind(app_version.as_deref())
        }
        DeviceEvent::Renamed { name, .. } => update(
            "UPDATE devices SET name = $4, name_inherited = false, version = $2, updated_at = $3
             WHERE id = $1",
            id,
            event,
        )
        .bind(name.get()),
        DeviceEvent::PlatformChanged { platform } => update(
            "UPDATE devices SET platform = $4, version = $2, updated_at = $3 WHERE id = $1",
            id,
            event,
        )
        .bind(platform),
        DeviceEvent::OwnerChanged { owner, former_owners, name, os_version, fingerprint } => {
            update(
                "UPDATE devices SET owner_id = $4, former_owners = $5, name = $6,
                        name_inherited = true, os_version = $7, fingerprint = $8,
                        owner_enabled = coalesce(
                            (SELECT o.enabled FROM device_owners o WHERE o.user_id = $4), false),
                        version = $2, updated_at = $3
                 WHERE id = $1",
                id,
                event,
            )
            .bind(owner.0)
            .bind(former_owners.iter().map(|o| o.0).collect::<Vec<_>>())
            .bind(name.get())
            .bind(os_version.as_ref().and_then(|v| v.get()))
            .bind(fingerprint.as_ref().and_then(|f| f.get()))
        }
        DeviceEvent::AddressChanged { gateway_id: _, slot, addresses } => update(
            "UPDATE devices SET slot = $4, address_v4 = $5, address_v6 = $6, version = $2,
                    updated_at = $3
             WHERE id = $1",
            id,
            event,
        )
        .bind(i64::from(*slot))
        .bind(IpNetwork::from(IpAddr::V4(addresses.v4)))
        .bind(addresses.v6.map(|ip| IpNetwork::from(IpAddr::V6(ip)))),
        DeviceEvent::RotationRequested { deadline } => update(
            "UPDATE devices SET rotation_deadline = $4, rotation_lapsed = false, version = $2,
                    updated_at = $3
             WHERE id = $1",
            id,
            event,
        )
        .bind(deadline),
        DeviceEvent::RotationLapsed {} => update(
            "UPDATE devices SET rotation_lapsed = true, version = $2, updated_at = $3
             WHERE id = $1",
            id,
            event,
        ),
        DeviceEvent::Disabled {} => update(
            "UPDATE devices SET enabled = false, version = $2, updated_at = $3 WHERE id = $1",
            id,
            event,
        ),
        DeviceEvent::Enabled {} => update(
            "UPDATE devices SET enabled = true, version = $2, updated_at = $3 WHERE id = $1",
            id,
            event,
        ),
        DeviceEvent::ExpiryChanged { expires_at } => update(
            "UPDATE devices SET expires_at = $4, expired = false, version = $2, updated_at = $3
             WHERE id = $1",
            id,
            event,
        )
        .bind(expires_at),
        DeviceEvent::Expired {} => update(
            "UPDATE devices SET expired = true, version = $2, updated_at = $3 WHERE id = $1",
            id,
            event,
        ),
        DeviceEvent::Revoked { .. } => update(
            "UPDATE devices SET revoked_at = $3, version = $2, updated_at = $3 WHERE id = $1",
            id,
            event,
        ),
    };
    one(&query.execute(conn).await?, event)
}

/// What of a user matters to the user's devices.
async fn owner(conn: &mut PgConnection, id: Uuid, e: &UserEvent) -> Result<(), ApplyError> {
    match e {
        UserEvent::Created { .. } | UserEvent::Enabled { .. } => enable_owner(conn, id, true).await,
        UserEvent::Disabled {} | UserEvent::Deleted {} => enable_owner(conn, id, false).await,
        UserEvent::Erased {} => {
            enable_owner(conn, id, false).await?;
            // What came along from somebody is theirs too.
            sqlx::query(
                "UPDATE devices SET os_version = NULL, fingerprint = NULL,
                     name = CASE WHEN owner_id = $1 OR name_inherited THEN NULL ELSE name END
                 WHERE owner_id = $1 OR $1 = ANY (former_owners)",
            )
            .bind(id)
            .execute(conn)
            .await?;
            Ok(())
        }
        UserEvent::Renamed { .. }
        | UserEvent::DisplayNameChanged { .. }
        | UserEvent::EmailChanged { .. }
        | UserEvent::RoleChanged { .. }
        | UserEvent::PasswordChanged { .. } => Ok(()),
    }
}

async fn enable_owner(conn: &mut PgConnection, id: Uuid, on: bool) -> Result<(), ApplyError> {
    sqlx::query(
        "WITH owner AS (
             INSERT INTO device_owners (user_id, enabled) VALUES ($1, $2)
             ON CONFLICT (user_id) DO UPDATE SET enabled = excluded.enabled)
         UPDATE devices SET owner_enabled = $2 WHERE owner_id = $1 AND owner_enabled <> $2",
    )
    .bind(id)
    .bind(on)
    .execute(conn)
    .await?;
    Ok(())
}
