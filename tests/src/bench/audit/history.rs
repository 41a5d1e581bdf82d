//! A long history of a small fleet.

use std::time::{Duration, Instant};

use nexavpn_domain::{
    device::{Device, DeviceEvent},
    ids::UserId,
    policy::{Policy, PolicyEvent},
    security::{FailureKind, Security, SecurityEvent},
    user::{User, UserEvent},
};
use nexavpn_store::{Actor, Append, Metadata, Stream};
use uuid::Uuid;

use super::super::{Outcome, fleet::world, ours::new_id};
use crate::harness::TestServer;

const GATEWAYS: usize = 10;
/// On each of them.
const DEVICES: usize = 200;
/// Of each append: a thousand events, few of which concern many. The last are failures.
const CHANGED: [usize; 4] = [880, 95, 5, 20];
const PATIENCE: Duration = Duration::from_secs(1800);

/// What was made.
pub(super) struct History {
    /// The number of the last event by which everything was there.
    laid: i64,
    /// The number of the last event.
    pub(super) head: i64,
    pub(super) devices: Vec<Uuid>,
    pub(super) users: Vec<Uuid>,
    pub(super) policies: Vec<Uuid>,
}

impl History {
    /// Fills a fleet, and lets it change until there are so many events and all have been folded.
    pub(super) async fn make(server: &TestServer, events: usize) -> Outcome<Self> {
        let store = server.commands().store().clone();
        world::fill(&store, GATEWAYS, DEVICES, world::POLICIES).await?;
        world::publish_all(server).await?;
        let made = |event_type: &'static str| {
            // What has had but one event: so the admin, who signs in, is none of them.
            let sql = "SELECT aggregate_id::uuid FROM events e WHERE event_type = $1 AND NOT EXISTS
                           (SELECT FROM events l WHERE l.aggregate_type = e.aggregate_type
                              AND l.aggregate_id = e.aggregate_id AND l.sequence > e.sequence)
                       ORDER BY 1";
            sqlx::query_scalar(sql).bind(event_type).fetch_all(store.pool())
        };
        let mut history = Self {
            laid: store.log().head().await?.idx,
            head: 0,
            devices: made("device.enrolled").await?,
            users: made("user.created").await?,
            policies: made("policy.created").await?,
        };
        let actor = UserId(*history.users.first().ok_or("no users")?);
        let mut sequences = Sequences::default();
        let begin = Instant::now();
        let mut round = 0;
        loop {
            let head = store.log().head().await?.idx;
            if usize::try_from(head)? >= events {
                break;
            }
            let mut streams = Vec::with_capacity(1000);
            for n in 0..CHANGED[0] {
                let id = history.devices[(round * CHANGED[0] + n) % history.devices.len()];
                let sequence = sequences.next(id);
                let even = sequence % 2 == 1;
                let event = if even { DeviceEvent::Disabled {} } else { DeviceEvent::Enabled {} };
                streams.push(Stream::new::<Device>(id, sequence, vec![event]));
            }
            for n in 0..CHANGED[1] {
                let id = history.users[(round * CHANGED[1] + n) % history.users.len()];
                let display_name = format!("Name {round}").into();
                let event = UserEvent::DisplayNameChanged { display_name };
                streams.push(Stream::new::<User>(id, sequences.next(id), vec![event]));
            }
            for n in 0..CHANGED[2] {
                let id = history.policies[(round * CHANGED[2] + n) % history.policies.len()];
                let event = PolicyEvent::Changed {
                    name: None,
                    description: Some(format!("Round {round}")),
                    priority: Some(u32::try_from(round % 100)?),
                    effect: None,
                    full_tunnel: None,
                    destinations: None,
                    targets: None,
                    services: None,
                    enabled: None,
                    validity: None,
                };
                streams.push(Stream::new::<Policy>(id, sequences.next(id), vec![event]));
            }
            for n in 0..CHANGED[3] {
                let event = SecurityEvent::Failure {
                    kind: FailureKind::Login,
                    user_id: Some(UserId(history.user(round * CHANGED[3] + n))),
                    network: Some("192.0.2.0/24".into()),
                    code: "invalid_credentials".into(),
                    route: None,
                };
                streams.push(Stream::new::<Security>(new_id(), 0, vec![event]));
            }
            let metadata = Metadata {
                actor: Actor::User(actor),
                client_address: Some([192, 0, 2, 77].into()),
                user_agent: Some("Mozilla/5.0 (X11; Linux x86_64; rv:128.0)".into()),
                ..Metadata::system("bench", new_id())
            };
            let position = store.append(Append::new(streams, metadata)).await?;
            store.wait_sequenced(position, Instant::now() + PATIENCE).await?;
            round += 1;
        }
        eprintln!("made in {:.0} s", begin.elapsed().as_secs_f64());
        history.head = store.log().head().await?.idx;
        history.folded(server).await?;
        eprintln!("folded after {:.0} s", begin.elapsed().as_secs_f64());
        Ok(history)
    }

    /// Waits until fleet, audit log and tree have all events.
    async fn folded(&self, server: &TestServer) -> Outcome<()> {
        let deadline = Instant::now() + PATIENCE;
        server.app.fleet.wait_for(self.head, deadline).await;
        let pool = server.commands().store().pool().clone();
        loop {
            let (log, tree): (i64, i64) = sqlx::query_as(
                "SELECT (SELECT min(idx) FROM read.projection_checkpoint),
                        (SELECT size FROM log_tree)",
            )
            .fetch_one(&pool)
            .await?;
            if log.min(tree) >= self.head {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err("the read models do not catch up".into());
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Some event's number, another one each time, all over the history since everything was there.
    pub(super) fn at(&self, n: usize) -> i64 {
        let step = i64::try_from(n).unwrap_or_default().wrapping_mul(7_919_003);
        self.laid + step.rem_euclid((self.head - self.laid).max(1))
    }

    pub(super) fn device(&self, n: usize) -> Uuid {
        self.devices[n % self.devices.len()]
    }

    pub(super) fn user(&self, n: usize) -> Uuid {
        self.users[n % self.users.len()]
    }

    pub(super) fn policy(&self, n: usize) -> Uuid {
        self.policies[n % self.policies.len()]
    }
}

/// The number of each aggregate's last event.
#[derive(Default)]
struct Sequences(std::collections::HashMap<Uuid, u64>);

impl Sequences {
    /// The number of the last event before the next one.
    fn next(&mut self, id: Uuid) -> u64 {
        let sequence = self.0.entry(id).or_insert(1);
        *sequence += 1;
        *sequence - 1
    }
}
