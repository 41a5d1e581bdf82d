//! The event store on a real PostgreSQL.

mod append;
mod claims;
mod direct;
mod handed_on;
mod load;
mod order;
mod restore;
mod sealing;
mod slots;
mod verify;

use std::net::IpAddr;

use ipnetwork::IpNetwork;
use nexavpn_domain::{
    Decider,
    device::{Device, DeviceCommand, Enrolment, KeyOrigin},
    gateway::{Gateway, GatewayCommand, GatewayFields},
    group::{Group, GroupCommand},
    ids::{DeviceId, GatewayId, UserId},
    user::{User, UserCommand},
    values::{Endpoint, Pool, PublicKey, Role, Slot},
};
use nexavpn_store::{
    Append, AppendError, Keyring, MasterKey, Metadata, Options, Position, Reservation, Store,
    Stream,
};
use sqlx::PgPool;
use tokio::sync::watch;
use uuid::Uuid;

const MASTER: [u8; 32] = [7; 32];

async fn open(pool: &PgPool) -> Store {
    open_with(pool, Options::default()).await
}

async fn open_with(pool: &PgPool, options: Options) -> Store {
    let keyring = Keyring::open(pool.clone(), MasterKey::from_bytes(MASTER)).await.unwrap();
    Store::open(pool.clone(), keyring, options).await.unwrap()
}

/// A sequencer that ends with this value.
fn sequencing(store: &Store) -> watch::Sender<bool> {
    let (stop, stopped) = watch::channel(false);
    drop(store.spawn_sequencer(stopped));
    stop
}

fn id() -> Uuid {
    uuid::Builder::from_random_bytes(rand::random()).into_uuid()
}

fn metadata() -> Metadata {
    Metadata::system("test", id())
}

fn append(streams: Vec<Stream>) -> Append {
    Append::new(streams, metadata())
}

/// Load, decide, append: once.
async fn command<A: Decider>(
    store: &Store,
    id: Uuid,
    command: A::Command,
) -> Result<Position, AppendError> {
    store.append(append(vec![decided::<A>(store, id, command).await])).await
}

async fn decided<A: Decider>(store: &Store, id: Uuid, command: A::Command) -> Stream {
    let loaded = store.load::<A>(id).await.unwrap();
    Stream::new::<A>(id, loaded.sequence, loaded.state.decide(command).unwrap())
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

async fn user(store: &Store, name: &str, role: Role) -> UserId {
    let user = UserId(id());
    command::<User>(store, user.0, create_user(name, role)).await.unwrap();
    user
}

fn create_group(name: &str) -> GroupCommand {
    GroupCommand::Create { name: name.into(), description: String::new(), members: vec![] }
}

async fn group(store: &Store, name: &str) -> Result<Position, AppendError> {
    command::<Group>(store, id(), create_group(name)).await
}

fn pool_of(v4: &str, v6: Option<&str>) -> Pool {
    let network = |n: &str| n.parse::<IpNetwork>().unwrap();
    Pool::new(network(v4), v6.map(network)).unwrap()
}

fn create_gateway(name: &str, pool: Pool) -> GatewayCommand {
    GatewayCommand::Create {
        fields: Box::new(GatewayFields {
            name: name.into(),
            endpoint: Endpoint::parse("vpn.example.org:51820").unwrap(),
            listen_port: 51820,
            pool,
            dns_servers: vec![],
            dns_search: vec![],
            mtu: 1420,
            persistent_keepalive: 25,
            masquerade_interfaces: vec![],
            internal_networks: vec![],
            preshared_keys: false,
            max_stale_s: 0,
        }),
        public_key: None,
    }
}

async fn gateway(store: &Store, name: &str, pool: Pool) -> GatewayId {
    let gateway = GatewayId(id());
    command::<Gateway>(store, gateway.0, create_gateway(name, pool)).await.unwrap();
    gateway
}

fn random_key() -> PublicKey {
    PublicKey::from_bytes(rand::random()).unwrap()
}

struct Place {
    gateway: GatewayId,
    pool: Pool,
    slot: Slot,
    token: Uuid,
}

/// The append of an enrolment into a reserved place.
async fn enrolment(store: &Store, owner: UserId, name: &str, place: &Place) -> (DeviceId, Append) {
    let device = DeviceId(id());
    let Place { gateway, pool, slot, token } = *place;
    let stream = decided::<Device>(
        store,
        device.0,
        DeviceCommand::Enrol(Box::new(Enrolment {
            owner,
            name: name.into(),
            platform: "linux".into(),
            os_version: Some("os-marker".into()),
            app_version: None,
            fingerprint: Some("fingerprint-marker".into()),
            public_key: random_key(),
            key_origin: KeyOrigin::Client,
            gateway_id: gateway,
            slot,
            addresses: pool.addresses(slot).unwrap(),
        })),
    )
    .await;
    let mut append = append(vec![stream]);
    append.reservations.push(Reservation { token: Some(token), gateway, slot, device });
    (device, append)
}

/// Reserves any place.
async fn place(store: &Store, gateway: GatewayId, pool: Pool) -> Place {
    let never: &[IpAddr] = &[];
    let ttl = std::time::Duration::from_secs(60);
    let request = nexavpn_store::SlotRequest { gateway, pool: &pool, wanted: None, never, ttl };
    let reserved = store.reserve_slot(request).await.unwrap();
    Place { gateway, pool, slot: reserved.slot, token: reserved.token }
}

async fn enrol(
    store: &Store,
    owner: UserId,
    name: &str,
    gateway: GatewayId,
    pool: Pool,
) -> DeviceId {
    let place = place(store, gateway, pool).await;
    let (device, append) = enrolment(store, owner, name, &place).await;
    store.append(append).await.unwrap();
    device
}

fn conflict_code(result: &Result<Position, AppendError>) -> &'static str {
    match result {
        Err(AppendError::Conflict(e)) => e.code(),
        other => panic!("expected a conflict: {other:?}"),
    }
}

fn sql_code(error: &sqlx::Error) -> String {
    error.as_database_error().unwrap().code().unwrap().into_owned()
}
