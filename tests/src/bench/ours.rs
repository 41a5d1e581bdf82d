//! NexaVPN's write path: decide and append, with the claim on the name, as a signed-in admin.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use nexavpn_api::{App, serve::Pace};
use nexavpn_commands::Request;
use nexavpn_domain::{
    group::{Group, GroupCommand},
    ids::UserId,
    user::{User, UserCommand},
    values::Role,
};
use nexavpn_store::{
    Actor, Append, Keyring, Loaded, MasterKey, Metadata, Options, Position, Store, Stream,
};
use serde::Serialize;
use tokio::sync::watch;
use uuid::Uuid;

use super::{Outcome, drive::Contender, ground::Ground};
use crate::harness::{MASTER_KEY, TestServer};

/// With it the payload has about 400 bytes.
const DESCRIPTION: usize = 310;
/// A read that is waited for comes at last, however busy the machine is: its latency says so.
const PATIENCE: Duration = Duration::from_secs(30);
/// All that was appended is in order soon after the last append.
const CHECK: Duration = Duration::from_secs(60);

/// A store and what runs beside it.
pub(super) struct Ours {
    store: Store,
    actor: UserId,
    description: String,
    /// Ends the sequencer.
    stop: Option<watch::Sender<bool>>,
    /// With everything on: the whole control plane.
    server: Option<TestServer>,
}

/// The row that everybody inserts.
#[derive(Debug, Clone, Serialize, sqlx::FromRow)]
pub(super) struct SampleRow {
    pub(super) aggregate_type: String,
    pub(super) event_type: String,
    pub(super) event_version: String,
    pub(super) payload: String,
    pub(super) metadata: String,
}

impl Ours {
    /// The event store with its sequencer.
    pub(super) async fn start(ground: &Ground, writers: usize) -> Outcome<Self> {
        let (store, stop, _) = Self::store(ground, "bench_ours", writers).await?;
        Self::on(store, Some(stop), None).await
    }

    /// The same, whose events are hashed into the tree that proves them, in a database of its own.
    pub(super) async fn start_with_tree(
        ground: &Ground,
        database: &str,
        writers: usize,
    ) -> Outcome<Self> {
        // What follows the log has a connection besides those of the writers.
        let (store, stop, stopped) = Self::store(ground, database, writers + 1).await?;
        drop(store.spawn_log_tree(stopped));
        Self::on(store, Some(stop), None).await
    }

    async fn store(
        ground: &Ground,
        database: &str,
        connections: usize,
    ) -> Outcome<(Store, watch::Sender<bool>, watch::Receiver<bool>)> {
        let connections = u32::try_from(connections)?;
        let pool = nexavpn_store::pool(ground.database(database).await?, connections);
        let keyring = Keyring::open(pool.clone(), MasterKey::from_bytes(MASTER_KEY)).await?;
        let store = Store::open(pool, keyring, Options::default()).await?;
        let (stop, stopped) = watch::channel(false);
        drop(store.spawn_sequencer(stopped.clone()));
        Ok((store, stop, stopped))
    }

    /// The control plane: sequencer, projections, fleet, clock, and the wait for reads.
    pub(super) async fn start_everything(ground: &Ground, writers: usize) -> Outcome<Self> {
        let connections = u32::try_from(writers)?;
        let server = TestServer::start_with(&ground.server.server_url(), |options| {
            options.database.max_connections = connections;
            options.http.consistency_wait = PATIENCE;
            options.pace = Pace::default();
        })
        .await;
        let store = server.commands().store().clone();
        Self::on(store, None, Some(server)).await
    }

    async fn on(
        store: Store,
        stop: Option<watch::Sender<bool>>,
        server: Option<TestServer>,
    ) -> Outcome<Self> {
        let actor = UserId(new_id());
        let create = UserCommand::Create {
            username: "bench".into(),
            display_name: "The one who writes".into(),
            email: None,
            role: Role::Admin,
            must_change_password: false,
        };
        let stream = Stream::new::<User>(actor.0, 0, User::default().decide(create)?);
        store.append(Append::new(vec![stream], Metadata::system("bench", new_id()))).await?;
        let description = "What this group is for. ".chars().cycle().take(DESCRIPTION).collect();
        Ok(Self { store, actor, description, stop, server })
    }

    /// A command that creates does not load, except to be compared with one that does.
    async fn group(&self, load: bool) -> Outcome<(Uuid, Position)> {
        let id = new_id();
        let fresh = Loaded { state: Group::default(), sequence: 0 };
        let loaded = if load { self.store.load(id).await? } else { fresh };
        let events = loaded.state.decide(GroupCommand::Create {
            name: format!("Group {id}"),
            description: self.description.clone(),
            members: vec![],
        })?;
        let stream = Stream::new::<Group>(id, loaded.sequence, events);
        let append = Append::new(vec![stream], self.metadata());
        Ok((id, self.store.append(append).await?))
    }

    /// As of a signed-in admin's request.
    fn metadata(&self) -> Metadata {
        let Request { request_id, correlation_id, .. } = Request::user(self.actor, new_id());
        Metadata {
            actor: Actor::User(self.actor),
            request_id,
            correlation_id,
            client_address: Some([192, 0, 2, 77].into()),
            user_agent: Some("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Firefox/128.0".into()),
            auth_method: Some("password".into()),
            reason: None,
        }
    }

    /// One row as this path stores it.
    pub(super) async fn sample_row(&self) -> Outcome<SampleRow> {
        let (id, _) = self.group(false).await?;
        let row = sqlx::query_as(
            "SELECT aggregate_type, event_type, event_version, payload::text, metadata::text
             FROM events WHERE aggregate_id = $1",
        );
        Ok(row.bind(id.to_string()).fetch_one(self.store.pool()).await?)
    }

    /// Nothing that was acknowledged is missing from the order, and every group has its claim.
    pub(super) async fn check(&self) -> Outcome<()> {
        let (_, last) = self.group(false).await?;
        let idx = self.store.wait_sequenced(last, std::time::Instant::now() + CHECK).await?;
        let (events, numbered, groups, claims): (i64, i64, i64, i64) = sqlx::query_as(
            "SELECT (SELECT count(*) FROM events), (SELECT count(*) FROM log_index),
                    (SELECT count(*) FROM events WHERE event_type = 'group.created'),
                    (SELECT count(*) FROM claims WHERE kind = 'group_name')",
        )
        .fetch_one(self.store.pool())
        .await?;
        if (events, events, groups) != (numbered, idx, claims) {
            let found = format!("{events} events, {numbered} of them numbered, up to {idx}");
            return Err(format!("{found}; {groups} groups with {claims} claims").into());
        }
        Ok(())
    }

    pub(super) async fn stop(self) {
        if let Some(stop) = self.stop {
            stop.send_replace(true);
        }
        if let Some(server) = self.server {
            server.stop().await;
        }
    }

    fn app(&self) -> Option<&App> {
        self.server.as_ref().map(|server| &server.app)
    }
}

#[async_trait]
impl Contender for Ours {
    async fn act(&self) -> Outcome<()> {
        let (_, position) = self.group(false).await?;
        if let Some(app) = self.app() {
            app.settle(Some(position)).await;
        }
        Ok(())
    }
}

/// The same on an aggregate that is loaded, as most commands do.
pub(super) struct LoadFirst(pub(super) Arc<Ours>);

#[async_trait]
impl Contender for LoadFirst {
    async fn act(&self) -> Outcome<()> {
        self.0.group(true).await?;
        Ok(())
    }
}

/// A random id.
pub(super) fn new_id() -> Uuid {
    uuid::Builder::from_random_bytes(rand::random()).into_uuid()
}
