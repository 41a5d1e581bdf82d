//! Random histories: everything that can happen, in any order.

use chrono::{DateTime, Duration, Utc};
use ipnetwork::IpNetwork;
use nexavpn_domain::{
    device::{Device, DeviceCommand, KeyOrigin, Reprovision},
    gateway::{Drain, Gateway, GatewayChange, GatewayCommand},
    group::{Group, GroupCommand},
    ids::{DeviceId, GatewayId, GroupId, PolicyId, SessionId, UserId},
    policy::{Policy, PolicyChange, PolicyCommand, PolicyFields},
    security::{FailureKind, Security, SecurityCommand},
    session::{EndReason, Session, SessionCommand},
    user::{User, UserCommand},
    values::{PolicyEffect, Role, Service, Target},
};
use nexavpn_store::Store;
use rand::{Rng, RngExt as _, SeedableRng as _, rngs::StdRng, seq::IndexedRandom as _};
use serde_json::json;

use super::{command, create_user, enrol, erase, gateway, group, id, move_to, pool, random_key};

/// A writer's own things. Several writers share the store; names are told apart by number.
pub(crate) struct History {
    store: Store,
    writer: u8,
    rng: StdRng,
    made: u32,
    users: Vec<UserId>,
    groups: Vec<GroupId>,
    gateways: Vec<(GatewayId, u8)>,
    devices: Vec<DeviceId>,
    policies: Vec<PolicyId>,
    sessions: Vec<SessionId>,
}

fn now() -> DateTime<Utc> {
    // Any moment will do: what is due is decided by comparing with it.
    DateTime::from_timestamp(1_800_000_000, 0).unwrap()
}

impl History {
    pub(crate) fn new(store: Store, writer: u8, seed: u64) -> Self {
        Self {
            store,
            writer,
            rng: StdRng::seed_from_u64(seed + u64::from(writer)),
            made: 0,
            users: vec![],
            groups: vec![],
            gateways: vec![],
            devices: vec![],
            policies: vec![],
            sessions: vec![],
        }
    }

    pub(super) async fn write(mut self, steps: usize) {
        self.begin().await;
        for _ in 0..steps {
            self.step().await;
        }
    }

    /// Makes what everything else needs.
    pub(crate) async fn begin(&mut self) {
        for n in 0..2 {
            let number = self.writer * 2 + n;
            self.gateways.push((gateway(&self.store, number).await, number));
        }
    }

    /// Something happens, or is refused.
    pub(crate) async fn step(&mut self) {
        match self.rng.random_range(0..10) {
            0..3 => self.of_a_user().await,
            3 => self.of_a_group().await,
            4..7 => self.of_a_device().await,
            7 => self.of_a_policy().await,
            8 => self.of_a_gateway().await,
            _ => self.of_a_session().await,
        }
    }

    fn name(&mut self) -> String {
        self.made += 1;
        format!("n{}-{}", self.writer, self.made)
    }

    fn some_users(&mut self) -> Vec<UserId> {
        let n = self.rng.random_range(0..4);
        self.users.sample(&mut self.rng, n).copied().collect()
    }

    /// What is refused (a deleted user, a revoked device) is no part of the history.
    async fn of_a_user(&mut self) {
        let known = self.users.choose(&mut self.rng).copied();
        let Some(user) = known.filter(|_| self.rng.random_bool(0.7)) else {
            let (user, name) = (UserId(id()), self.name());
            let role = *[Role::Admin, Role::Auditor, Role::User].choose(&mut self.rng).unwrap();
            command::<User>(&self.store, user.0, create_user(&name, role)).await.unwrap();
            self.users.push(user);
            return;
        };
        let name = self.name();
        let change = |username, display_name, email, role| UserCommand::Change {
            username,
            display_name,
            email,
            role,
        };
        let wish = match self.rng.random_range(0..9) {
            0 => change(Some(name), None, None, None),
            1 => change(None, Some(name), Some(None), None),
            2 => change(None, None, Some(Some(name)), Some(Role::User)),
            3 => UserCommand::Disable,
            4 | 5 => UserCommand::Enable,
            6 => UserCommand::SetPassword { must_change_password: true },
            7 => UserCommand::Delete,
            _ => {
                let _ = erase(&self.store, user).await;
                return;
            }
        };
        let _ = command::<User>(&self.store, user.0, wish).await;
    }

    async fn of_a_group(&mut self) {
        let (name, members) = (self.name(), self.some_users());
        let known = self.groups.choose(&mut self.rng).copied();
        let Some(id) = known.filter(|_| self.rng.random_bool(0.8)) else {
            self.groups.push(group(&self.store, &name, &members).await);
            return;
        };
        let wish = match self.rng.random_range(0..8) {
            0 => GroupCommand::Change { name: Some(name), description: None, members: None },
            1..4 => {
                GroupCommand::Change { name: None, description: Some(name), members: Some(members) }
            }
            4 => GroupCommand::Delete,
            n => match members.first() {
                Some(user) if n == 5 => GroupCommand::RemoveMember(*user),
                Some(user) => GroupCommand::AddMember(*user),
                None => return,
            },
        };
        let _ = command::<Group>(&self.store, id.0, wish).await;
    }

    async fn of_a_device(&mut self) {
        let name = self.name();
        let known = self.devices.choose(&mut self.rng).copied();
        let Some(device) = known.filter(|_| self.rng.random_bool(0.7)) else {
            let owner = self.users.choose(&mut self.rng).copied();
            let at = self.gateways.choose(&mut self.rng).copied();
            let (Some(owner), Some((at, number))) = (owner, at) else { return };
            // A key of an erased owner is refused by the store: no enrolment.
            if !self.store.load::<User>(owner.0).await.unwrap().state.exists() {
                return;
            }
            let enrolled = enrol(&self.store, owner, &name, at, pool(number)).await;
            self.devices.extend(enrolled.ok());
            return;
        };
        let loaded = self.store.load::<Device>(device.0).await.unwrap();
        let owner = loaded.state.owner().unwrap();
        let here = self.store.load::<User>(owner.0).await.unwrap().state.exists();
        let past = now() - Duration::days(1);
        if loaded.state.exists() && self.rng.random_bool(0.1) {
            let other = |(at, _): &&(GatewayId, u8)| Some(*at) != loaded.state.gateway_id();
            if let Some((at, number)) = self.gateways.iter().find(other).copied() {
                let _ = move_to(&self.store, device, at, pool(number)).await;
            }
            return;
        }
        let wish = match self.rng.random_range(0..11) {
            0 if here => DeviceCommand::Reprovision(Reprovision {
                public_key: random_key(),
                key_origin: KeyOrigin::Server,
                os_version: self.rng.random_bool(0.5).then_some(name),
                app_version: None,
            }),
            1 if here => DeviceCommand::Rename(name),
            2 => DeviceCommand::Rotate { deadline: past },
            3 => DeviceCommand::LapseRotation { now: now() },
            4 => DeviceCommand::Disable,
            5 => DeviceCommand::Enable,
            6 => DeviceCommand::SetExpiry { expires_at: Some(past), now: now() },
            7 => DeviceCommand::SetExpiry { expires_at: None, now: now() },
            8 => DeviceCommand::Expire { now: now() },
            9 => {
                let to = self.users.choose(&mut self.rng).copied().unwrap();
                if !here || !self.store.load::<User>(to.0).await.unwrap().state.exists() {
                    return;
                }
                DeviceCommand::ChangeOwner(to)
            }
            _ => DeviceCommand::Revoke { reason: None },
        };
        let _ = command::<Device>(&self.store, device.0, wish).await;
    }

    async fn of_a_policy(&mut self) {
        let name = self.name();
        let known = self.policies.choose(&mut self.rng).copied();
        let soon = now() + Duration::days(1);
        let Some(policy) = known.filter(|_| self.rng.random_bool(0.8)) else {
            let mut targets: Vec<Target> =
                self.some_users().into_iter().map(Target::User).collect();
            targets.extend(self.groups.first().copied().map(Target::Group));
            targets.push(Target::Everyone);
            let effect = self.an_effect();
            let fields = PolicyFields {
                name,
                description: String::new(),
                priority: self.rng.random_range(0..100),
                effect,
                full_tunnel: effect == PolicyEffect::Allow && self.rng.random_bool(0.2),
                destinations: self.some_destinations(),
                targets,
                services: self.some_services(),
                enabled: true,
                valid_from: self.rng.random_bool(0.5).then_some(soon),
                valid_until: None,
            };
            let policy = PolicyId(id());
            let create = PolicyCommand::Create { fields: Box::new(fields), now: now() };
            command::<Policy>(&self.store, policy.0, create).await.unwrap();
            self.policies.push(policy);
            return;
        };
        let none = PolicyChange::default;
        let change = match self.rng.random_range(0..10) {
            0 => PolicyChange { name: Some(name), priority: Some(7), ..none() },
            1 => PolicyChange { valid_from: Some(None), valid_until: Some(Some(soon)), ..none() },
            2 => PolicyChange { valid_from: Some(Some(soon)), valid_until: Some(None), ..none() },
            3 => PolicyChange { destinations: Some(vec![]), enabled: Some(false), ..none() },
            4 => PolicyChange { enabled: Some(true), ..none() },
            5 => PolicyChange { effect: Some(self.an_effect()), ..none() },
            6 => PolicyChange { destinations: Some(self.some_destinations()), ..none() },
            7 => PolicyChange { services: Some(self.some_services()), ..none() },
            n => {
                let later = now() + Duration::days(2);
                let wish =
                    if n == 8 { PolicyCommand::Tick { now: later } } else { PolicyCommand::Delete };
                let _ = command::<Policy>(&self.store, policy.0, wish).await;
                return;
            }
        };
        let change = PolicyCommand::Change { change: Box::new(change), now: now() };
        let _ = command::<Policy>(&self.store, policy.0, change).await;
    }

    fn an_effect(&mut self) -> PolicyEffect {
        if self.rng.random_bool(0.3) { PolicyEffect::Deny } else { PolicyEffect::Allow }
    }

    /// Networks that lie within each other, so that order and effect matter.
    fn some_destinations(&mut self) -> Vec<IpNetwork> {
        let networks = ["172.16.0.0/12", "172.16.1.0/24", "10.0.0.0/24", "172.16.1.1/32"];
        let chosen = networks.sample(&mut self.rng, 2);
        chosen.map(|network| network.parse().unwrap()).collect()
    }

    fn some_services(&mut self) -> Vec<Service> {
        let tcp = json!([{ "protocol": "tcp", "ports": ["443", "8000-8100"] }]);
        let all = [json!([]), tcp, json!([{ "protocol": "udp", "ports": ["53"] }])];
        serde_json::from_value(all.choose(&mut self.rng).unwrap().clone()).unwrap()
    }

    async fn of_a_gateway(&mut self) {
        let Some((gateway, _)) = self.gateways.choose(&mut self.rng).copied() else { return };
        let name = self.name();
        let change = |change: GatewayChange, public_key| GatewayCommand::Change {
            change: Box::new(change),
            public_key,
        };
        let wish = match self.rng.random_range(0..11) {
            0 => change(GatewayChange { name: Some(name), ..GatewayChange::default() }, None),
            1 | 2 => {
                let mtu = Some(self.rng.random_range(1280..1420));
                let dns_servers = Some(vec!["10.0.0.53".parse().unwrap()]);
                let fields = GatewayChange { mtu, dns_servers, ..GatewayChange::default() };
                change(fields, Some(random_key()))
            }
            3..5 => GatewayCommand::IssueJoinToken { expires_at: now() },
            5..8 => {
                GatewayCommand::Join { public_key: random_key(), agent_version: "0.1.0".into() }
            }
            8 => GatewayCommand::StartDrain(Drain { target: None }),
            9 => GatewayCommand::EndDrain,
            _ => GatewayCommand::Delete,
        };
        let _ = command::<Gateway>(&self.store, gateway.0, wish).await;
    }

    async fn of_a_session(&mut self) {
        let known = self.sessions.choose(&mut self.rng).copied();
        let Some(session) = known.filter(|_| self.rng.random_bool(0.6)) else {
            let Some(user_id) = self.users.choose(&mut self.rng).copied() else { return };
            let session = SessionId(id());
            let start = SessionCommand::Start { user_id, method: "password".into() };
            command::<Session>(&self.store, session.0, start).await.unwrap();
            self.sessions.push(session);
            self.a_failure(user_id).await;
            return;
        };
        let device = self.devices.choose(&mut self.rng).copied();
        let wish = match (self.rng.random_range(0..3), device) {
            (0, Some(device)) => SessionCommand::BindDevice(device),
            (1, _) => SessionCommand::ReportReuse,
            _ => SessionCommand::End(EndReason::Logout),
        };
        let _ = command::<Session>(&self.store, session.0, wish).await;
    }

    async fn a_failure(&mut self, user: UserId) {
        let record = SecurityCommand::RecordFailure {
            kind: FailureKind::Login,
            user_id: Some(user),
            network: Some("192.0.2.0/24".into()),
            code: "invalid_credentials".into(),
            route: None,
        };
        let incident = id();
        command::<Security>(&self.store, incident, record).await.unwrap();
        if self.rng.next_u32().is_multiple_of(2) {
            let count = SecurityCommand::CountFailures(3);
            command::<Security>(&self.store, incident, count).await.unwrap();
        }
    }
}
