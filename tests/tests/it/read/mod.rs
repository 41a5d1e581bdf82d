//! Read models on a real PostgreSQL: folded exactly once, rebuilt to the same rows, listed in
//! pages, and up to date when a write is answered.

mod audit;
pub(crate) mod history;
mod indexes;
mod lists;
mod rebuild;
mod runner;

use std::{net::IpAddr, time::Duration};

use nexavpn_domain::{
    Decider, DomainError,
    device::{Device, DeviceCommand, Enrolment, KeyOrigin},
    gateway::{Gateway, GatewayCommand, GatewayFields},
    group::{Group, GroupCommand},
    ids::{DeviceId, GatewayId, GroupId, UserId},
    user::{User, UserCommand},
    values::{Endpoint, Pool, PublicKey, Role},
};
use nexavpn_projections::{Difference, Handle, REGISTRY, Runner, compare};
use nexavpn_store::{
    Append, AppendError, Keyring, MasterKey, Metadata, Options, Position, Reservation, Reserved,
    SlotRequest, Store, Stream,
};
use nexavpn_tests::harness::{TestDb, WIDE};
use sqlx::PgPool;
use tokio::{sync::watch, time::Instant};
use uuid::Uuid;

/// A database with a store and a sequencer: what one process has without its runner.
struct World {
    db: TestDb,
    store: Store,
    _sequencing: watch::Sender<bool>,
}

impl World {
    async fn new() -> Self {
        let db = TestDb::new().await;
        let (store, sequencing) = open(&db.pool).await;
        Self { db, store, _sequencing: sequencing }
    }

    async fn runner(&self) -> Runner {
        start(&self.db.pool, &self.store).await
    }

    /// Every read model differs in nothing from one that is folded anew.
    async fn assert_equal_to_rebuilt(&self) {
        for projection in REGISTRY {
            let differences = self.compare(projection.name()).await;
            assert!(differences.is_empty(), "{}: {differences:#?}", projection.name());
        }
    }

    async fn compare(&self, name: &str) -> Vec<Difference> {
        compare(&self.db.owner_pool, &self.store.log(), name).await.unwrap()
    }

    async fn count(&self, sql: &str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&self.db.pool).await.unwrap()
    }
}

/// A store with a sequencer, as another process would have one.
async fn open(pool: &PgPool) -> (Store, watch::Sender<bool>) {
    let keyring = Keyring::open(pool.clone(), MasterKey::from_bytes([7; 32])).await.unwrap();
    let store = Store::open(pool.clone(), keyring, Options::default()).await.unwrap();
    let (stop, stopped) = watch::channel(false);
    drop(store.spawn_sequencer(stopped));
    (store, stop)
}

async fn start(pool: &PgPool, store: &Store) -> Runner {
    Runner::start(pool.clone(), store.log(), store.head(), REGISTRY).await.unwrap()
}

fn id() -> Uuid {
    uuid::Builder::from_random_bytes(rand::random()).into_uuid()
}

fn soon() -> Instant {
    Instant::now() + WIDE
}

/// Waits for the read models as the answer of a write does.
async fn seen(store: &Store, handle: &Handle, position: Position) {
    let idx = store.wait_sequenced(position, std::time::Instant::now() + WIDE).await.unwrap();
    handle.wait_for_all(idx, soon()).await.unwrap();
}

/// Load, decide, append; again where somebody else was faster.
async fn command<A: Decider>(
    store: &Store,
    id: Uuid,
    command: A::Command,
) -> Result<Position, DomainError>
where
    A::Command: Clone,
{
    loop {
        let stream = decided::<A>(store, id, command.clone()).await?;
        let append = Append::new(vec![stream], Metadata::system("test", self::id()));
        match store.append(append).await {
            Ok(position) => return Ok(position),
            Err(AppendError::Sequence) => {}
            Err(AppendError::Conflict(e)) => return Err(e),
            Err(other) => panic!("{other}"),
        }
    }
}

async fn decided<A: Decider>(
    store: &Store,
    id: Uuid,
    command: A::Command,
) -> Result<Stream, DomainError> {
    let loaded = store.load::<A>(id).await.unwrap();
    Ok(Stream::new::<A>(id, loaded.sequence, loaded.state.decide(command)?))
}

fn create_user(name: &str, role: Role) -> UserCommand {
    UserCommand::Create {
        username: name.into(),
        display_name: format!("The {name}"),
        email: Some(format!("{name}@example.org")),
        role,
        must_change_password: false,
    }
}

async fn user(store: &Store, name: &str) -> UserId {
    let user = UserId(id());
    command::<User>(store, user.0, create_user(name, Role::User)).await.unwrap();
    user
}

async fn group(store: &Store, name: &str, members: &[UserId]) -> GroupId {
    let group = GroupId(id());
    let create = GroupCommand::Create {
        name: name.into(),
        description: "d".into(),
        members: members.to_vec(),
    };
    command::<Group>(store, group.0, create).await.unwrap();
    group
}

fn pool(n: u8) -> Pool {
    let v6 = format!("fd00:{n}::/64").parse().unwrap();
    Pool::new(format!("10.{n}.0.0/16").parse().unwrap(), Some(v6)).unwrap()
}

async fn gateway(store: &Store, n: u8) -> GatewayId {
    let gateway = GatewayId(id());
    let fields = GatewayFields {
        name: format!("gateway {n}"),
        endpoint: Endpoint::parse("vpn.example.org:51820").unwrap(),
        listen_port: 51820,
        pool: pool(n),
        dns_servers: vec![],
        dns_search: vec![],
        mtu: 1420,
        persistent_keepalive: 25,
        masquerade_interfaces: vec![],
        internal_networks: vec![],
        preshared_keys: false,
        max_stale_s: 0,
    };
    let create = GatewayCommand::Create { fields: Box::new(fields), public_key: None };
    command::<Gateway>(store, gateway.0, create).await.unwrap();
    gateway
}

fn random_key() -> PublicKey {
    PublicKey::from_bytes(rand::random()).unwrap()
}

/// Enrols a device into the next free place of the gateway's pool.
async fn enrol(
    store: &Store,
    owner: UserId,
    name: &str,
    gateway: GatewayId,
    pool: Pool,
) -> Result<DeviceId, DomainError> {
    let reserved = reserve(store, gateway, pool).await;
    let device = DeviceId(id());
    let enrolment = Enrolment {
        owner,
        name: name.into(),
        platform: "linux".into(),
        os_version: Some("6.1".into()),
        app_version: Some("0.1.0".into()),
        fingerprint: Some("sha256:aa".into()),
        public_key: random_key(),
        key_origin: KeyOrigin::Client,
        gateway_id: gateway,
        slot: reserved.slot,
        addresses: pool.addresses(reserved.slot).unwrap(),
    };
    hold(store, device, DeviceCommand::Enrol(Box::new(enrolment)), gateway, reserved).await?;
    Ok(device)
}

/// Gives a device another gateway and the next free place of its pool.
async fn move_to(
    store: &Store,
    device: DeviceId,
    gateway: GatewayId,
    pool: Pool,
) -> Result<(), DomainError> {
    let reserved = reserve(store, gateway, pool).await;
    let slot = reserved.slot;
    let addresses = pool.addresses(slot).unwrap();
    let command = DeviceCommand::ChangeGateway { gateway_id: gateway, slot, addresses };
    hold(store, device, command, gateway, reserved).await
}

async fn reserve(store: &Store, gateway: GatewayId, pool: Pool) -> Reserved {
    let never: &[IpAddr] = &[];
    let ttl = Duration::from_secs(60);
    let request = SlotRequest { gateway, pool: &pool, wanted: None, never, ttl };
    store.reserve_slot(request).await.unwrap()
}

async fn hold(
    store: &Store,
    device: DeviceId,
    command: DeviceCommand,
    gateway: GatewayId,
    Reserved { token, slot }: Reserved,
) -> Result<(), DomainError> {
    let stream = decided::<Device>(store, device.0, command).await?;
    let mut append = Append::new(vec![stream], Metadata::system("test", id()));
    append.reservations.push(Reservation { token: Some(token), gateway, slot, device });
    match store.append(append).await {
        Ok(_) => Ok(()),
        Err(AppendError::Conflict(e)) => Err(e),
        Err(other) => panic!("{other}"),
    }
}

/// Deletes the data key and appends `user.erased`, as the command does.
async fn erase(store: &Store, user: UserId) -> Result<Position, DomainError> {
    loop {
        let stream = decided::<User>(store, user.0, UserCommand::Erase).await?;
        let mut append = Append::new(vec![stream], Metadata::system("test", id()));
        append.forget.push(user);
        match store.append(append).await {
            Ok(position) => return Ok(position),
            Err(AppendError::Sequence) => {}
            // The last admin stays.
            Err(AppendError::Conflict(e)) => return Err(e),
            Err(other) => panic!("{other}"),
        }
    }
}
