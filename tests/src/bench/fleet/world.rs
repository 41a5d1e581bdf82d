//! A fleet with users, groups, policies, gateways and devices.

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use async_trait::async_trait;
use chrono::DateTime;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use nexavpn_api::serve::Pace;
use nexavpn_domain::{
    Decider,
    device::{Device, DeviceCommand, DeviceEvent, Enrolment, KeyOrigin},
    gateway::{Gateway, GatewayCommand, GatewayFields},
    group::{Group, GroupCommand},
    ids::{DeviceId, GatewayId, GroupId, PolicyId, UserId},
    policy::{Policy, PolicyCommand, PolicyFields},
    user::{User, UserCommand},
    values::{Endpoint, PolicyEffect, Pool, PublicKey, Role, Target},
};
use nexavpn_store::{Append, Metadata, Position, Reservation, SlotRequest, Store, Stream};

use super::super::{Outcome, drive::Contender, ground::Ground, ours::new_id};
use crate::harness::TestServer;

/// How many work at filling a store.
const FILLERS: usize = 32;
/// Devices of each user.
const EACH: usize = 10;
const GROUPS: usize = 20;
/// Policies up to this one are for a group, or for everyone; further ones for one user each.
pub(in super::super) const POLICIES: usize = 50;
/// Everything is folded at last.
const PATIENCE: Duration = Duration::from_secs(600);

/// A running control plane and its devices.
pub(super) struct World {
    server: TestServer,
    devices: Vec<Changed>,
    next: AtomicUsize,
}

/// A device that is disabled and enabled in turn.
struct Changed {
    id: DeviceId,
    gateway: GatewayId,
    sequence: AtomicI64,
}

/// A control plane on a database that was laid out.
pub(in super::super) async fn start(ground: &Ground, name: &str) -> TestServer {
    TestServer::start_with(&ground.url(name), |options| {
        options.database.max_connections = 32;
        options.pace = Pace::default();
    })
    .await
}

impl World {
    /// Starts a control plane and fills it.
    pub(super) async fn start(
        ground: &Ground,
        name: &str,
        gateways: usize,
        devices: usize,
    ) -> Outcome<Self> {
        drop(ground.database(name).await?);
        let server = start(ground, name).await;
        let store = server.commands().store().clone();
        fill(&store, gateways, devices, POLICIES).await?;
        ground.analyze(name).await?;
        Self::of(server).await
    }

    /// Starts a control plane on what was filled before.
    pub(super) async fn open(ground: &Ground, name: &str) -> Outcome<Self> {
        Self::of(start(ground, name).await).await
    }

    async fn of(server: TestServer) -> Outcome<Self> {
        publish_all(&server).await?;
        let devices: Vec<(DeviceId, GatewayId)> = server.app.fleet.read(|fleet| {
            let of = |id: GatewayId| fleet.devices_of_gateway(id).map(move |(d, _)| (d, id));
            fleet.gateways().flat_map(|(id, _)| of(id)).collect()
        });
        let store = server.commands().store();
        let device = |(id, gateway): (DeviceId, GatewayId)| async move {
            let loaded = store.load::<Device>(id.0).await?;
            let sequence = AtomicI64::new(i64::try_from(loaded.sequence)?);
            Outcome::Ok(Changed { id, gateway, sequence })
        };
        // One of each hundred is enough to be changed.
        let chosen = devices.into_iter().step_by(97).map(device);
        let devices = stream::iter(chosen).buffered(FILLERS).try_collect().await?;
        Ok(Self { server, devices, next: AtomicUsize::new(0) })
    }

    pub(super) async fn stop(self) {
        self.server.stop().await;
    }
}

#[async_trait]
impl Contender for World {
    /// Changes a device, and has what leads its gateway to the bundle with it.
    async fn act(&self) -> Outcome<()> {
        let n = self.next.fetch_add(1, Ordering::Relaxed);
        let device = self.devices.get(n % self.devices.len()).ok_or("there are no devices")?;
        let publisher = &self.server.app.publisher;
        let mut revisions = publisher.revisions(device.gateway).ok_or("no such gateway")?;
        let before = *revisions.borrow_and_update();
        let sequence = device.sequence.fetch_add(1, Ordering::Relaxed);
        let event =
            if sequence % 2 == 1 { DeviceEvent::Disabled {} } else { DeviceEvent::Enabled {} };
        let stream = Stream::new::<Device>(device.id.0, sequence.unsigned_abs(), vec![event]);
        let store = self.server.commands().store();
        let position = append(store, vec![stream]).await?;
        // As the answer to a command waits, which hurries the order on.
        store.wait_sequenced(position, Instant::now() + PATIENCE).await?;
        revisions.changed().await?;
        let now = self.server.commands().now();
        let served = publisher.serve(device.gateway, Some(before), true, now).await?;
        match served.delta {
            Some(_) => Ok(()),
            None => Err("there was no delta".into()),
        }
    }
}

/// Waits until all is folded, and publishes the bundle of every gateway.
pub(in super::super) async fn publish_all(server: &TestServer) -> Outcome<()> {
    let app = &server.app;
    let head = app.commands.store().log().head().await?.idx;
    let deadline = Instant::now() + PATIENCE;
    if !app.fleet.wait_until_live(deadline).await {
        return Err("the fleet does not catch up".into());
    }
    app.fleet.wait_for(head, deadline).await;
    let gateways: Vec<GatewayId> =
        app.fleet.read(|fleet| fleet.gateways().map(|(id, _)| id).collect());
    for id in gateways {
        app.publisher.bundle(id, app.commands.now()).await?;
    }
    Ok(())
}

async fn append(store: &Store, streams: Vec<Stream>) -> Outcome<Position> {
    Ok(store.append(Append::new(streams, Metadata::system("bench", new_id()))).await?)
}

fn first<A: Decider>(id: uuid::Uuid, command: A::Command) -> Outcome<Stream>
where
    A::Error: std::error::Error + Send + Sync + 'static,
{
    Ok(Stream::new::<A>(id, 0, A::default().decide(command)?))
}

/// So many devices on each gateway, ten of each user's, on as many gateways as there are.
pub(in super::super) async fn fill(
    store: &Store,
    gateways: usize,
    devices: usize,
    policies: usize,
) -> Outcome<()> {
    let owners = gateways * devices / EACH;
    let user = |n: usize| async move {
        let id = UserId(new_id());
        let create = UserCommand::Create {
            username: format!("user.{n:06}"),
            display_name: format!("User Number {n}"),
            email: None,
            role: Role::User,
            must_change_password: false,
        };
        append(store, vec![first::<User>(id.0, create)?]).await?;
        Outcome::Ok(id)
    };
    let users: Vec<UserId> =
        stream::iter(0..owners).map(user).buffer_unordered(FILLERS).try_collect().await?;
    let mut groups = Vec::new();
    for n in 0..GROUPS {
        let id = GroupId(new_id());
        let members = users.iter().skip(n).step_by(GROUPS).copied().take(1_000).collect();
        let create =
            GroupCommand::Create { name: format!("Group {n}"), description: "".into(), members };
        append(store, vec![first::<Group>(id.0, create)?]).await?;
        groups.push(id);
    }
    for n in 0..policies {
        let target = match (groups.get(n), n.checked_sub(POLICIES)) {
            (Some(group), _) => Target::Group(*group),
            (None, None) => Target::Everyone,
            (None, Some(n)) => Target::User(*users.get(n).ok_or("too few users")?),
        };
        append(store, vec![first::<Policy>(PolicyId(new_id()).0, policy(n, target))?]).await?;
    }
    let never: &[IpAddr] = &[];
    let mut place = Vec::new();
    for n in 0..gateways {
        let pool = Pool::new(format!("10.{n}.0.0/16").parse()?, None).map_err(|(_, why)| why)?;
        let id = GatewayId(new_id());
        append(store, vec![first::<Gateway>(id.0, gateway(n, pool)?)?]).await?;
        place.push((id, pool));
    }
    let place = Arc::new(place);
    let users = Arc::new(users);
    let enrol = |n: usize| {
        let (place, users) = (Arc::clone(&place), Arc::clone(&users));
        async move {
            let (gateway, pool) = *place.get(n % gateways).ok_or("no gateway")?;
            let ttl = Duration::from_secs(60);
            let request = SlotRequest { gateway, pool: &pool, wanted: None, never, ttl };
            let reserved = store.reserve_slot(request).await?;
            let device = DeviceId(new_id());
            let enrolment = Enrolment {
                owner: *users.get(n / EACH).ok_or("no user")?,
                name: format!("Device {n}"),
                platform: "linux".into(),
                os_version: None,
                app_version: None,
                fingerprint: None,
                public_key: PublicKey::from_bytes(rand::random())?,
                key_origin: KeyOrigin::Client,
                gateway_id: gateway,
                slot: reserved.slot,
                addresses: pool.addresses(reserved.slot).ok_or("no address")?,
            };
            let stream = first::<Device>(device.0, DeviceCommand::Enrol(Box::new(enrolment)))?;
            let mut append = Append::new(vec![stream], Metadata::system("bench", new_id()));
            let (token, slot) = (reserved.token, reserved.slot);
            append.reservations.push(Reservation { token: Some(token), gateway, slot, device });
            store.append(append).await?;
            Outcome::Ok(())
        }
    };
    let all = stream::iter(0..gateways * devices).map(enrol);
    all.buffer_unordered(FILLERS).try_collect().await
}

fn policy(n: usize, target: Target) -> PolicyCommand {
    PolicyCommand::Create {
        fields: Box::new(PolicyFields {
            name: format!("Policy {n}"),
            description: String::new(),
            priority: 100,
            effect: PolicyEffect::Allow,
            full_tunnel: false,
            destinations: [format!("172.16.{n}.0/24"), format!("172.17.{n}.0/25")]
                .iter()
                .filter_map(|net| net.parse().ok())
                .collect(),
            targets: vec![target],
            services: vec![],
            enabled: true,
            valid_from: None,
            valid_until: None,
        }),
        now: DateTime::UNIX_EPOCH,
    }
}

fn gateway(n: usize, pool: Pool) -> Outcome<GatewayCommand> {
    Ok(GatewayCommand::Create {
        fields: Box::new(GatewayFields {
            name: format!("gateway {n}"),
            endpoint: Endpoint::parse("vpn.example.org:51820")?,
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
    })
}
