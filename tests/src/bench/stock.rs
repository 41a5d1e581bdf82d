//! postgres-es as it comes, with as many connections as writers.

use std::collections::HashMap;

use async_trait::async_trait;
use cqrs_es::{
    EventStore as _,
    persist::{EventStoreAggregateContext, PersistedEventStore},
};
use nexavpn_domain::group::{Group, GroupEvent};
use postgres_es::PostgresEventRepository;
use sqlx::postgres::PgPoolOptions;

use super::{
    Outcome,
    drive::Contender,
    ground::Ground,
    ours::{SampleRow, new_id},
};

/// An event store of the crate's.
pub(super) struct Stock {
    store: PersistedEventStore<PostgresEventRepository, Group>,
    event: GroupEvent,
    metadata: HashMap<String, String>,
    load: bool,
}

impl Stock {
    /// With `load` it asks for the new aggregate's events first, as `CqrsFramework::execute` does.
    pub(super) async fn prepare(
        ground: &Ground,
        row: &SampleRow,
        writers: usize,
        load: bool,
    ) -> Outcome<Self> {
        let name = if load { "bench_stock" } else { "bench_stock_commit" };
        let pool = PgPoolOptions::new().max_connections(u32::try_from(writers)?);
        let pool = pool.connect_with(ground.database(name).await?).await?;
        Ok(Self {
            store: PersistedEventStore::new_event_store(PostgresEventRepository::new(pool)),
            event: serde_json::from_str(&row.payload)?,
            metadata: serde_json::from_str(&row.metadata)?,
            load,
        })
    }
}

#[async_trait]
impl Contender for Stock {
    async fn act(&self) -> Outcome<()> {
        let id = new_id().to_string();
        let context = if self.load {
            self.store.load_aggregate(&id).await?
        } else {
            EventStoreAggregateContext {
                aggregate_id: id,
                aggregate: Group::default(),
                current_sequence: 0,
                current_snapshot: None,
            }
        };
        self.store.commit(vec![self.event.clone()], context, self.metadata.clone()).await?;
        Ok(())
    }
}
