//! The gateways that devices are given to, as far as each enrolment needs them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use nexavpn_domain::{gateway::Gateway, ids::GatewayId};
use nexavpn_store::{Direct, Together};
use sqlx::{FromRow as _, Row as _, postgres::PgRow};
use uuid::Uuid;

use crate::{CommandError, Commands};

/// How many devices a gateway has that is not drained.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    pub(crate) id: GatewayId,
    pub(crate) devices: i64,
    /// Of the gateway with the fewest devices only, which is the one that is looked at nearly always.
    pub(super) version: Option<Version>,
}

impl Load {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        let id = row.try_get::<&str, _>("id")?.parse();
        let version = match row.try_get::<Option<i64>, _>("sequence")? {
            Some(_) => Some(Version::from_row(row)?),
            None => None,
        };
        Ok(Self {
            id: id.map_err(|error| sqlx::Error::Decode(Box::new(error)))?,
            devices: row.try_get("devices")?,
            version,
        })
    }
}

/// A gateway's last event. Its transaction tells it from an event with the same sequence in another
/// database that was restored in the place of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub(super) struct Version {
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
        match self.gateways.versions.get(id.0).await? {
            Some(version) => self.gateway_at(id, version).await,
            None => Ok(Arc::default()),
        }
    }

    /// The state of a gateway that was at this version a moment ago.
    pub(super) async fn gateway_at(
        &self,
        id: GatewayId,
        version: Version,
    ) -> Result<Arc<Gateway>, CommandError> {
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
            let rows = sqlx::query(
                "SELECT g.id, g.devices, e.sequence, e.gen, e.tx
                 FROM (SELECT g.id, g.devices, row_number() OVER (ORDER BY g.devices, g.id) AS n
                       FROM (SELECT c.aggregate_id AS id,
                                    coalesce(sum(l.devices), 0)::bigint AS devices
                             FROM claims c
                             LEFT JOIN gateway_load l ON l.gateway_id = c.aggregate_id::uuid
                             WHERE c.kind = 'gateway_name' AND NOT EXISTS (
                                 SELECT FROM gateway_drain d
                                 WHERE d.gateway_id = c.aggregate_id::uuid)
                             GROUP BY c.aggregate_id) g) g
                 LEFT JOIN LATERAL (
                     SELECT e.sequence, e.gen, e.tx FROM events e
                     WHERE g.n = 1 AND e.aggregate_type = 'gateway' AND e.aggregate_id = g.id
                     ORDER BY e.sequence DESC LIMIT 1) e ON true
                 ORDER BY g.n",
            )
            .fetch_all(&db)
            .await?;
            let loads: Result<Vec<Load>, sqlx::Error> = rows.iter().map(Load::from_row).collect();
            Ok(HashMap::from([((), loads?)]))
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
