//! The gateways that devices are given to, as far as each enrolment needs them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use nexavpn_domain::{gateway::Gateway, ids::GatewayId};
use nexavpn_store::{Direct, Together};
use sqlx::{FromRow as _, Row as _};
use uuid::Uuid;

use crate::{CommandError, Commands};

/// How many devices a gateway has that is not drained.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    pub(crate) id: GatewayId,
    pub(crate) devices: i64,
}

/// A gateway's last event. Its transaction tells it from an event with the same sequence in another
/// database that was restored in the place of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
struct Version {
    sequence: i64,
    #[sqlx(rename = "gen")]
    generation: i16,
    tx: i64,
}

/// What is asked of gateways for each enrolment, and their states as loaded last: a gateway changes
/// rarely, and its state at a version never does.
pub(crate) struct Gateways {
    pub(super) loads: Together<(), Vec<Load>, sqlx::Error>,
    versions: Together<Uuid, Version, sqlx::Error>,
    loaded: Mutex<HashMap<GatewayId, (Version, Arc<Gateway>)>>,
}

impl Gateways {
    pub(crate) fn new(db: &Direct) -> Self {
        let (loads, versions) = (loads(db.clone()), versions(db.clone()));
        Self { loads, versions, loaded: Mutex::default() }
    }

    fn loaded(&self) -> MutexGuard<'_, HashMap<GatewayId, (Version, Arc<Gateway>)>> {
        // A panic elsewhere leaves the map usable.
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Commands {
    /// A gateway's present state.
    pub(crate) async fn gateway(&self, id: GatewayId) -> Result<Arc<Gateway>, CommandError> {
        let version = match self.gateways.versions.get(id.0).await? {
            Some(version) => version,
            None => return Ok(Arc::default()),
        };
        let known = self.gateways.loaded().get(&id).cloned();
        if let Some((_, state)) = known.filter(|(of, _)| *of == version) {
            return Ok(state);
        }
        let state = Arc::new(self.store.load::<Gateway>(id.0).await?.state);
        if state.fields().is_some() {
            self.gateways.loaded().insert(id, (version, Arc::clone(&state)));
        } else {
            self.gateways.loaded().remove(&id);
        }
        Ok(state)
    }
}

fn loads(db: Direct) -> Together<(), Vec<Load>, sqlx::Error> {
    Together::new(move |_| {
        let db = db.clone();
        async move {
            let rows: Vec<(Uuid, i64)> = sqlx::query_as(
                "SELECT g.id, coalesce(i.devices, 0) AS devices
                 FROM (SELECT aggregate_id::uuid AS id FROM claims WHERE kind = 'gateway_name') g
                 LEFT JOIN (SELECT gateway_id AS id, count(*) AS devices
                            FROM device_index GROUP BY 1) i USING (id)
                 WHERE NOT EXISTS (SELECT FROM gateway_drain d WHERE d.gateway_id = g.id)
                 ORDER BY devices, g.id",
            )
            .fetch_all(&db)
            .await?;
            let load = |(id, devices)| Load { id: GatewayId(id), devices };
            Ok(HashMap::from([((), rows.into_iter().map(load).collect())]))
        }
    })
}

fn versions(db: Direct) -> Together<Uuid, Version, sqlx::Error> {
    Together::new(move |ids: Vec<Uuid>| {
        let db = db.clone();
        async move {
            let rows = sqlx::query(
                "SELECT g.id, e.sequence, e.gen, e.tx FROM unnest($1::uuid[]) AS g (id)
                 CROSS JOIN LATERAL (
                     SELECT e.sequence, e.gen, e.tx FROM events e
                     WHERE e.aggregate_type = 'gateway' AND e.aggregate_id = g.id::text
                     ORDER BY e.sequence DESC LIMIT 1) e",
            )
            .bind(ids)
            .fetch_all(&db)
            .await?;
            rows.iter().map(|row| Ok((row.try_get("id")?, Version::from_row(row)?))).collect()
        }
    })
}
