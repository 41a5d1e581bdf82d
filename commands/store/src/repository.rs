//! postgres-es's repository for loading, with personal data opened on the way.

use std::collections::HashMap;

use cqrs_es::{
    Aggregate,
    persist::{
        PersistedEventRepository, PersistenceError, ReplayStream, SerializedEvent,
        SerializedSnapshot,
    },
};
use nexavpn_domain::event::FIRST_VERSION;
use postgres_es::PostgresEventRepository;
use serde_json::{Value, json};

use crate::{
    Keyring, StoreError,
    sealing::{Place, Sealed, open_all},
};

/// Loads; the other methods of the trait refuse. Appending is
/// [`Store::append`](crate::Store::append)'s, snapshots and streams are not used: they lose
/// events or end early.
pub(crate) struct LoadingRepository {
    inner: PostgresEventRepository,
    keyring: Keyring,
}

impl LoadingRepository {
    pub(crate) fn new(pool: sqlx::PgPool, keyring: Keyring) -> Self {
        Self { inner: PostgresEventRepository::new(pool), keyring }
    }

    async fn open(
        &self,
        mut events: Vec<SerializedEvent>,
    ) -> Result<Vec<SerializedEvent>, PersistenceError> {
        for event in &mut events {
            if event.event_version != FIRST_VERSION {
                return Err(unreadable(event, &format!("version {}", event.event_version)));
            }
            // No decision depends on who did it from where. Opening that would take a statement, for
            // the keys of whoever did.
            event.metadata = json!({});
        }
        let mut none = vec![HashMap::new(); events.len()];
        let mut sealed: Vec<Sealed<'_>> = events
            .iter_mut()
            .zip(&mut none)
            .map(|(event, metadata)| Sealed {
                place: Place {
                    aggregate_type: &event.aggregate_type,
                    aggregate_id: &event.aggregate_id,
                    sequence: i64::try_from(event.sequence).unwrap_or(i64::MAX),
                },
                event_type: &event.event_type,
                payload: &mut event.payload,
                metadata,
            })
            .collect();
        let opened = open_all(&self.keyring, &mut sealed)
            .await
            .map_err(|e| PersistenceError::ConnectionError(Box::new(e)))?;
        drop(sealed);
        for (event, opened) in events.iter().zip(opened) {
            opened.map_err(|reason| unreadable(event, &reason))?;
        }
        Ok(events)
    }
}

fn unreadable(event: &SerializedEvent, reason: &str) -> PersistenceError {
    let SerializedEvent { event_type, aggregate_id, sequence, .. } = event;
    let text = format!("{event_type} {sequence} of {aggregate_id}: {reason}");
    PersistenceError::DeserializationError(Box::new(StoreError::Unreadable(text)))
}

fn refused(what: &str) -> PersistenceError {
    PersistenceError::UnknownError(format!("{what} is not the way of this store").into())
}

impl PersistedEventRepository for LoadingRepository {
    async fn get_events<A: Aggregate>(
        &self,
        aggregate_id: &str,
    ) -> Result<Vec<SerializedEvent>, PersistenceError> {
        self.open(self.inner.get_events::<A>(aggregate_id).await?).await
    }

    async fn get_last_events<A: Aggregate>(
        &self,
        aggregate_id: &str,
        last_sequence: usize,
    ) -> Result<Vec<SerializedEvent>, PersistenceError> {
        self.open(self.inner.get_last_events::<A>(aggregate_id, last_sequence).await?).await
    }

    async fn get_snapshot<A: Aggregate>(
        &self,
        _: &str,
    ) -> Result<Option<SerializedSnapshot>, PersistenceError> {
        Err(refused("a snapshot"))
    }

    async fn persist<A: Aggregate>(
        &self,
        _: &[SerializedEvent],
        _: Option<(String, Value, usize)>,
    ) -> Result<(), PersistenceError> {
        Err(refused("persist"))
    }

    async fn stream_events<A: Aggregate>(&self, _: &str) -> Result<ReplayStream, PersistenceError> {
        Err(refused("a replay stream"))
    }

    async fn stream_all_events<A: Aggregate>(&self) -> Result<ReplayStream, PersistenceError> {
        Err(refused("a replay stream"))
    }
}
