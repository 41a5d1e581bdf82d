//! Devices: the writer. The queries are in [`queries`](super::device_queries).

use std::{collections::HashSet, net::IpAddr};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
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
    projection::{each, known, one, update},
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
            Event::Device(_, DeviceEvent::Enrolled { .. }) => enrolled(conn, &[event]).await,
            Event::User(_, UserEvent::Created { .. }) => {
                new_owners(conn, &[event]).await?;
                Ok(0)
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

    async fn apply_all(
        &self,
        conn: &mut PgConnection,
        events: &[&Recorded],
    ) -> Result<i64, ApplyError> {
        let mut grown = 0;
        let mut rest = events;
        while let Some(first) = rest.first() {
            let alike = enrolments(rest).max(rest.iter().take_while(|e| is_new_owner(e)).count());
            let (run, others) = rest.split_at(alike.max(1));
            rest = others;
            grown += match run {
                [event] => self.apply(conn, event).await?,
                run if is_enrolled(first) => enrolled(conn, run).await?,
                run => new_owners(conn, run).await.map(|()| 0)?,
            };
        }
        Ok(grown)
    }
}

/// How many of the next events are enrolments, with the preshared keys that come with them.
fn enrolments(events: &[&Recorded]) -> usize {
    let mut new = HashSet::new();
    let mut belongs = |id, event| {
        is_enrolled(event) && new.insert(id) || is_preshared_key(event) && new.contains(id)
    };
    events.iter().take_while(|event| belongs(event.aggregate_id.as_str(), event)).count()
}

fn is_preshared_key(event: &Recorded) -> bool {
    matches!(event.event, Ok(Event::Device(_, DeviceEvent::PresharedKeyChanged { .. })))
}

fn is_enrolled(event: &Recorded) -> bool {
    matches!(event.event, Ok(Event::Device(_, DeviceEvent::Enrolled { .. })))
}

fn is_new_owner(event: &Recorded) -> bool {
    matches!(event.event, Ok(Event::User(_, UserEvent::Created { .. })))
}

const fn origin(origin: KeyOrigin) -> &'static str {
    match origin {
        KeyOrigin::Client => "client",
        KeyOrigin::Server => "server",
    }
}

/// The columns of devices that were just enrolled.
#[derive(Default)]
struct Enrolments<'a> {
    ids: Vec<Uuid>,
    versions: Vec<i64>,
    created: Vec<DateTime<Utc>>,
    updated: Vec<DateTime<Utc>>,
    owners: Vec<Uuid>,
    names: Vec<Option<&'a str>>,
    os_versions: Vec<Option<&'a str>>,
    fingerprints: Vec<Option<&'a str>>,
    platforms: Vec<&'a str>,
    app_versions: Vec<Option<&'a str>>,
    public_keys: Vec<String>,
    origins: Vec<&'static str>,
    gateways: Vec<Uuid>,
    slots: Vec<i64>,
    v4: Vec<IpNetwork>,
    v6: Vec<Option<IpNetwork>>,
}

async fn enrolled(conn: &mut PgConnection, events: &[&Recorded]) -> Result<i64, ApplyError> {
    let mut new = Enrolments::default();
    for event in events {
        let Event::Device(
            id,
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
            // A preshared key, which only the gateway's bundle names.
            let of = new.ids.iter().position(|id| id.to_string() == event.aggregate_id);
            let entry = of.and_then(|n| new.versions.get_mut(n).zip(new.updated.get_mut(n)));
            if let Some((version, updated)) = entry {
                (*version, *updated) = (event.sequence, event.effective_time);
            }
            continue;
        };
        new.ids.push(id.0);
        new.versions.push(event.sequence);
        new.created.push(event.effective_time);
        new.updated.push(event.effective_time);
        new.owners.push(owner.0);
        new.names.push(name.get());
        new.os_versions.push(os_version.as_ref().and_then(|v| v.get()));
        new.fingerprints.push(fingerprint.as_ref().and_then(|f| f.get()));
        new.platforms.push(platform);
        new.app_versions.push(app_version.as_deref());
        new.public_keys.push(public_key.to_string());
        new.origins.push(origin(*key_origin));
        new.gateways.push(gateway_id.0);
        new.slots.push(i64::from(*slot));
        new.v4.push(IpNetwork::from(IpAddr::V4(addresses.v4)));
        new.v6.push(addresses.v6.map(|ip| IpNetwork::from(IpAddr::V6(ip))));
    }
    let result = sqlx::query(
        "INSERT INTO devices (id, version, key_changed_at, created_at, updated_at, owner_id, name,
             os_version, fingerprint, platform, app_version, public_key, key_origin, gateway_id,
             slot, address_v4, address_v6, enabled, owner_enabled, expired, rotation_lapsed)
         SELECT t.id, t.version, t.at, t.at, t.updated, t.owner, t.name, t.os_version,
             t.fingerprint, t.platform, t.app_version, t.public_key, t.origin, t.gateway, t.slot, t.v4, t.v6,
             true,
             coalesce((SELECT o.enabled FROM device_owners o WHERE o.user_id = t.owner), false),
             false, false
         FROM unnest($1::uuid[], $2::bigint[], $3::timestamptz[], $4::uuid[], $5::text[],
                     $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[],
                     $12::uuid[], $13::bigint[], $14::inet[], $15::inet[], $16::timestamptz[])
              AS t (id, version, at, owner, name, os_version, fingerprint, platform, app_version,
                    public_key, origin, gateway, slot, v4, v6, updated)",
    )
    .bind(&new.ids)
    .bind(new.versions)
    .bind(new.created)
    .bind(new.owners)
    .bind(new.names)
    .bind(new.os_versions)
    .bind(new.fingerprints)
    .bind(new.platforms)
    .bind(new.app_versions)
    .bind(new.public_keys)
    .bind(new.origins)
    .bind(new.gateways)
    .bind(new.slots)
    .bind(new.v4)
    .bind(new.v6)
    .bind(new.updated)
    .execute(conn)
    .await?;
    each(&result, &new.ids)
}

/// Whose devices may be peers. Nobody who was just created has any yet.
async fn new_owners(conn: &mut PgConnection, events: &[&Recorded]) -> Result<(), ApplyError> {
    let ids: Vec<Uuid> = events
        .iter()
        .filter_map(|e| match e.event {
            Ok(Event::User(id, UserEvent::Created { .. })) => Some(id.0),
            _ => None,
        })
        .collect();
    let result = sqlx::query(
        "INSERT INTO device_owners (user_id, enabled) SELECT id, true FROM unnest($1::uuid[]) t (id)",
    )
    .bind(ids)
    .execute(conn)
    .await?;
    each(&result, events).map(drop)
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
        // Only the gateway's bundle names it.
        DeviceEvent::PresharedKeyChanged { .. } => {
            update("UPDATE devices SET version = $2, updated_at = $3 WHERE id = $1", id, event)
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
        DeviceEvent::GatewayChanged { gateway_id, slot, addresses } => update(
            "UPDATE devices SET gateway_id = $4, slot = $5, address_v4 = $6, address_v6 = $7,
                    version = $2, updated_at = $3
             WHERE id = $1",
            id,
            event,
        )
        .bind(gateway_id.0)
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
        UserEvent::Enabled { .. } => enable_owner(conn, id, true).await,
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
        UserEvent::Created { .. }
        | UserEvent::Renamed { .. }
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
