//! What gateways get, and what they report.

mod failing;
mod host;
mod publishing;
mod reporting;
mod snapshots;
mod telemetry;

use std::{sync::Arc, time::Instant};

use chrono::{DateTime, TimeDelta, Utc};
use ed25519_dalek::VerifyingKey;
use nexavpn_bundle::{Applied, PeerStatus, StatusReport, VerifiedBundle, verify};
use nexavpn_domain::{
    Decider,
    device::{Device, DeviceEvent, KeyOrigin},
    gateway::{Gateway, GatewayChange, GatewayEvent, GatewayFields},
    ids::{DeviceId, GatewayId, UserId},
    policy::{Policy, PolicyEvent, PolicyFields},
    security::{Security, SecurityCommand},
    user::{User, UserEvent},
    values::{Endpoint, PolicyEffect, Pool, PublicKey, Role, Target},
};
use nexavpn_gateway_projector::{
    FleetHandle, PublishError, Published, Publisher, Reports, SigningKeys, Waited,
};
use nexavpn_store::{
    Append, Keyring, MasterKey, Metadata, Options, Reservation, SlotRequest, Store, Stream,
};
use nexavpn_tests::harness::{TestDb, WIDE};
use tokio::sync::watch;
use uuid::Uuid;

const MASTER: [u8; 32] = [7; 32];
/// The stream of signing keys.
const SIGNING: Uuid = Uuid::from_u128(1);

/// The gateways' side of one control-plane process.
struct Process {
    store: Store,
    keys: SigningKeys,
    fleet: FleetHandle,
    publisher: Publisher,
    reports: Reports,
    _sequencing: watch::Sender<bool>,
}

/// A database with one process on it, and what the test has made there.
struct World {
    db: TestDb,
    one: Process,
    owner: UserId,
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap()
}

fn later(seconds: i64) -> DateTime<Utc> {
    now() + TimeDelta::seconds(seconds)
}

fn soon() -> Instant {
    Instant::now() + WIDE
}

fn random_key() -> PublicKey {
    PublicKey::from_bytes(rand::random()).unwrap()
}

/// After how many events the state is kept.
const KEPT: i64 = 10;

impl Process {
    async fn start(db: &TestDb) -> Self {
        let keyring = Keyring::open(db.pool.clone(), MasterKey::from_bytes(MASTER)).await.unwrap();
        let keys = SigningKeys::new(keyring.clone());
        let store = Store::open(db.pool.clone(), keyring, Options::default()).await.unwrap();
        let (sequencing, shutdown) = watch::channel(false);
        drop(store.spawn_sequencer(shutdown));
        let fleet = FleetHandle::start_keeping(store.clone(), KEPT);
        let publisher = Publisher::new(fleet.clone(), keys.clone());
        let reports = Reports::new(fleet.clone());
        Self { store, keys, fleet, publisher, reports, _sequencing: sequencing }
    }

    /// Waits until it has folded all that is in the database.
    async fn caught_up(&self, idx: i64) {
        assert!(self.fleet.wait_until_live(soon()).await, "{:?}", self.fleet.status());
        assert_eq!(self.fleet.wait_for(idx, soon()).await, Waited::Reached);
    }

    async fn bundle(&self, id: GatewayId) -> Result<Arc<Published>, PublishError> {
        self.publisher.bundle(id, now()).await
    }

    /// The bundle as the gateway's agent takes it.
    async fn verified(&self, id: GatewayId) -> VerifiedBundle {
        let published = self.bundle(id).await.unwrap();
        let key = self.trusted().await;
        let verified = verify(&published.body, &[key]).unwrap();
        verified.check_gateway(&id.to_string()).unwrap();
        assert_eq!(verified.position(), (published.epoch, published.revision));
        assert_eq!(
            (&verified.sha256, verified.etag()),
            (&published.sha256, published.etag.clone())
        );
        verified
    }

    async fn trusted(&self) -> VerifyingKey {
        let key_id = self.fleet.read(|fleet| fleet.signing_key().map(str::to_owned)).unwrap();
        self.keys.verifying_key(&key_id).await.unwrap()
    }
}

impl World {
    /// An empty database with one process, which has nothing to sign with yet.
    async fn unsigned() -> Self {
        let db = TestDb::new().await;
        let one = Process::start(&db).await;
        assert!(one.fleet.wait_until_live(soon()).await);
        Self { db, one, owner: UserId(Uuid::from_u128(2)) }
    }

    /// The same after the first start: with a signing key and a user.
    async fn new() -> Self {
        let world = Self::unsigned().await;
        let command = world.one.keys.ensure(None, &rand::random()).await.unwrap().unwrap();
        world.introduce(command).await;
        let created = UserEvent::Created {
            username: "alice".into(),
            display_name: "Alice".into(),
            email: None,
            role: Role::User,
            must_change_password: false,
        };
        world.append::<User>(world.owner.0, vec![created]).await;
        world
    }

    async fn introduce(&self, command: SecurityCommand) -> i64 {
        let loaded = self.one.store.load::<Security>(SIGNING).await.unwrap();
        self.append::<Security>(SIGNING, loaded.state.decide(command).unwrap()).await
    }

    /// Appends and waits until the fleet has it; answers the idx of the last event.
    async fn append<A: Decider>(&self, id: Uuid, events: Vec<A::Event>) -> i64 {
        self.append_with::<A>(id, events, vec![]).await
    }

    async fn append_with<A: Decider>(
        &self,
        id: Uuid,
        events: Vec<A::Event>,
        reservations: Vec<Reservation>,
    ) -> i64 {
        let store = &self.one.store;
        let loaded = store.load::<A>(id).await.unwrap();
        let stream = Stream::new::<A>(id, loaded.sequence, events);
        let metadata = Metadata::system("test", Uuid::from_u128(9));
        let append = Append { reservations, ..Append::new(vec![stream], metadata) };
        let position = store.append(append).await.unwrap();
        let idx = store.wait_sequenced(position, soon()).await.unwrap();
        self.one.caught_up(idx).await;
        idx
    }

    async fn gateway(&self, n: u8) -> GatewayId {
        let id = GatewayId(Uuid::from_u128(0x50 + u128::from(n)));
        let v4 = format!("100.{}.0.0/16", 96 + n).parse().unwrap();
        let v6 = format!("fd00:{n}::/64").parse().unwrap();
        let fields = GatewayFields {
            name: format!("gateway {n}"),
            endpoint: Endpoint::parse("198.51.100.7:51820").unwrap(),
            listen_port: 51820,
            pool: Pool::new(v4, Some(v6)).unwrap(),
            dns_servers: vec![],
            dns_search: vec![],
            mtu: 1420,
            persistent_keepalive: 25,
            masquerade_interfaces: vec!["eth0".to_owned()],
            internal_networks: vec![],
            preshared_keys: false,
            max_stale_s: 0,
        };
        self.append::<Gateway>(id.0, vec![GatewayEvent::Created { fields }]).await;
        id
    }

    async fn set_mtu(&self, id: GatewayId, mtu: u16) -> i64 {
        let change = GatewayChange { mtu: Some(mtu), ..GatewayChange::default() };
        self.append::<Gateway>(id.0, vec![GatewayEvent::Changed { change }]).await
    }

    async fn device(&self, at: GatewayId) -> (DeviceId, PublicKey) {
        let id = DeviceId(Uuid::from_u128(rand::random()));
        let pool = self.one.fleet.read(|fleet| fleet.gateway(at).unwrap().fields.pool);
        let request = SlotRequest { gateway: at, pool: &pool, wanted: None, never: &[], ttl: WIDE };
        let reserved = self.one.store.reserve_slot(request).await.unwrap();
        let public_key = random_key();
        let enrolled = DeviceEvent::Enrolled {
            owner: self.owner,
            name: format!("device {id}").into(),
            platform: "linux".to_owned(),
            os_version: None,
            app_version: None,
            fingerprint: None,
            public_key: public_key.clone(),
            key_origin: KeyOrigin::Client,
            gateway_id: at,
            slot: reserved.slot,
            addresses: pool.addresses(reserved.slot).unwrap(),
        };
        let reservation = Reservation {
            token: Some(reserved.token),
            gateway: at,
            slot: reserved.slot,
            device: id,
        };
        self.append_with::<Device>(id.0, vec![enrolled], vec![reservation]).await;
        (id, public_key)
    }

    async fn allow_everyone(&self, destination: &str) -> i64 {
        let fields = PolicyFields {
            name: "open".to_owned(),
            description: String::new(),
            priority: 10,
            effect: PolicyEffect::Allow,
            full_tunnel: false,
            destinations: vec![destination.parse().unwrap()],
            targets: vec![Target::Everyone],
            services: vec![],
            enabled: true,
            valid_from: None,
            valid_until: None,
        };
        let id = Uuid::from_u128(rand::random());
        self.append::<Policy>(id, vec![PolicyEvent::Created { fields }]).await
    }

    async fn count(&self, table: &str) -> i64 {
        let count = format!("SELECT count(*) FROM {table}");
        sqlx::query_scalar(&count).fetch_one(&self.db.pool).await.unwrap()
    }
}

/// A report of an agent that has this bundle in force.
fn report(applied: Option<&Published>) -> StatusReport {
    StatusReport {
        agent_version: "0.1.0".to_owned(),
        applied: applied.map(|published| Applied {
            epoch: published.epoch,
            revision: published.revision,
            sha256: published.sha256.clone(),
        }),
        rejected: None,
        peers: vec![],
        reported_at: "2027-01-15T08:00:00Z".to_owned(),
        host: None,
        features: vec![],
        next_key: None,
    }
}

fn peer(key: &PublicKey, latest_handshake: Option<i64>, rx_bytes: u64) -> PeerStatus {
    PeerStatus { public_key: key.to_string(), latest_handshake, rx_bytes, tx_bytes: 5 }
}
