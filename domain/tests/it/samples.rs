//! One event of every stored shape: the full one of each wire name first, then variants in which
//! optional fields are absent or a value is stored in another shape.

use nexavpn_domain::{
    Event,
    device::{DeviceEvent, KeyOrigin},
    gateway::{GatewayChange, GatewayEvent, GatewayFields},
    group::GroupEvent,
    policy::{PolicyEvent, PolicyFields, Validity},
    security::{FailureKind, SecurityEvent},
    session::{EndReason, SessionEvent},
    user::UserEvent,
    values::{
        Addresses, Endpoint, PolicyEffect, Pool, Ports, Protocol, PskRef, Role, Service, Target,
    },
    webhook::{DisabledBecause, WebhookEvent},
};

use crate::given::{
    ID, addresses, alice, bob, gateway, key, laptop, minute, other_gateway, other_key, pool, staff,
};

/// A stored shape: the variant's name (none for the full shape) and an event of it.
pub type Sample = (Option<&'static str>, Event);

pub fn all() -> Vec<Sample> {
    let users = user().into_iter().map(|(v, e)| (v, Event::User(ID.into(), e)));
    let groups = group().into_iter().map(|e| (None, Event::Group(ID.into(), e)));
    let devices = device().into_iter().map(|(v, e)| (v, Event::Device(ID.into(), e)));
    let policies = policy().into_iter().map(|(v, e)| (v, Event::Policy(ID.into(), e)));
    let gateways = gateways().into_iter().map(|(v, e)| (v, Event::Gateway(ID.into(), e)));
    let sessions = session().into_iter().map(|(v, e)| (v, Event::Session(ID.into(), e)));
    let security = security().into_iter().map(|(v, e)| (v, Event::Security(ID, e)));
    users
        .chain(groups)
        .chain(devices)
        .chain(policies)
        .chain(gateways)
        .chain(sessions)
        .chain(security)
        .chain(webhook().into_iter().map(|(v, e)| (v, Event::Webhook(ID.into(), e))))
        .collect()
}

fn user() -> Vec<(Option<&'static str>, UserEvent)> {
    use UserEvent as E;
    let created = |email: Option<&str>, role| E::Created {
        username: "alice".into(),
        display_name: "Alice Example".into(),
        email: email.map(Into::into),
        role,
        must_change_password: true,
    };
    let email = |email: Option<&str>| E::EmailChanged { email: email.map(Into::into) };
    vec![
        (None, created(Some("alice@example.com"), Role::Admin)),
        (Some("no_email"), created(None, Role::Auditor)),
        (None, E::Renamed { username: "alice.example".into() }),
        (None, E::DisplayNameChanged { display_name: "Alice E.".into() }),
        (None, email(Some("a@example.com"))),
        (Some("removed"), email(None)),
        (None, E::RoleChanged { from: Role::User, to: Role::Admin, enabled: true }),
        (None, E::Disabled {}),
        (None, E::Enabled { role: Role::User }),
        (None, E::PasswordChanged { must_change_password: false }),
        (None, E::Deleted {}),
        (None, E::Erased {}),
    ]
}

fn group() -> Vec<GroupEvent> {
    use GroupEvent as E;
    vec![
        E::Created { name: "Finance".into(), description: "Those who count".into() },
        E::Renamed { name: "Billing".into() },
        E::DescriptionChanged { description: String::new() },
        E::MemberAdded { user_id: alice() },
        E::MemberRemoved { user_id: alice() },
        E::Deleted {},
        E::Restored { name: "Finance".into(), description: "Those who count again".into() },
    ]
}

fn device() -> Vec<(Option<&'static str>, DeviceEvent)> {
    use DeviceEvent as E;
    let revoked =
        |reason: Option<&str>| E::Revoked { owner: alice(), reason: reason.map(Into::into) };
    vec![
        (
            None,
            E::Enrolled {
                owner: alice(),
                name: "Alice MacBook Pro".into(),
                platform: "macos".into(),
                os_version: Some("14.4".into()),
                app_version: Some("0.1.0".into()),
                fingerprint: Some("sha256:0123456789abcdef".into()),
                public_key: key(),
                key_origin: KeyOrigin::Client,
                gateway_id: gateway(),
                slot: 10,
                addresses: addresses(),
            },
        ),
        (
            Some("bare"),
            E::Enrolled {
                owner: alice(),
                name: "router".into(),
                platform: "linux".into(),
                os_version: None,
                app_version: None,
                fingerprint: None,
                public_key: key(),
                key_origin: KeyOrigin::Server,
                gateway_id: gateway(),
                slot: 10,
                addresses: Addresses { v6: None, ..addresses() },
            },
        ),
        (
            None,
            E::Reprovisioned {
                owner: alice(),
                public_key: other_key(),
                key_origin: KeyOrigin::Client,
                os_version: Some("15.0".into()),
                app_version: Some("0.2.0".into()),
            },
        ),
        (
            Some("bare"),
            E::Reprovisioned {
                owner: alice(),
                public_key: other_key(),
                key_origin: KeyOrigin::Server,
                os_version: None,
                app_version: None,
            },
        ),
        (None, E::PresharedKeyChanged { psk_ref: Some(PskRef::of(&[7; 32])) }),
        (Some("none"), E::PresharedKeyChanged { psk_ref: None }),
        (None, E::Renamed { owner: alice(), name: "Old laptop".into() }),
        (None, E::PlatformChanged { platform: "linux".into() }),
        (
            None,
            E::OwnerChanged {
                owner: alice(),
                former_owners: vec![bob()],
                name: "Old laptop".into(),
                os_version: Some("15.0".into()),
                fingerprint: Some("sha256:0123456789abcdef".into()),
            },
        ),
        (
            Some("bare"),
            E::OwnerChanged {
                owner: alice(),
                former_owners: vec![bob()],
                name: "Old laptop".into(),
                os_version: None,
                fingerprint: None,
            },
        ),
        (None, E::AddressChanged { gateway_id: gateway(), slot: 11, addresses: addresses() }),
        (None, E::GatewayChanged { gateway_id: other_gateway(), slot: 11, addresses: addresses() }),
        (None, E::RotationRequested { deadline: minute(60) }),
        (None, E::RotationLapsed {}),
        (None, E::Disabled {}),
        (None, E::Enabled {}),
        (None, E::ExpiryChanged { expires_at: Some(minute(90)) }),
        (Some("never"), E::ExpiryChanged { expires_at: None }),
        (None, E::Expired {}),
        (None, revoked(Some("left on a train"))),
        (Some("no_reason"), revoked(None)),
    ]
}

fn services() -> Vec<Service> {
    vec![
        Service {
            protocol: Protocol::TCP,
            ports: vec![Ports { first: 443, last: 443 }, Ports { first: 8000, last: 8100 }],
        },
        Service { protocol: Protocol::ICMP, ports: vec![] },
        Service { protocol: Protocol(47), ports: vec![] },
    ]
}

fn targets() -> Vec<Target> {
    vec![Target::User(alice()), Target::Group(staff()), Target::Device(laptop()), Target::Everyone]
}

fn policy() -> Vec<(Option<&'static str>, PolicyEvent)> {
    use PolicyEvent as E;
    let full = PolicyFields {
        name: "Finance subnet".into(),
        description: "Access for the finance team".into(),
        priority: 100,
        effect: PolicyEffect::Allow,
        full_tunnel: true,
        destinations: vec!["172.16.20.0/24".parse().unwrap(), "fd00:20::/64".parse().unwrap()],
        targets: targets(),
        services: services(),
        enabled: true,
        valid_from: Some(minute(0)),
        valid_until: Some(minute(600)),
    };
    let bare = PolicyFields {
        name: "Nothing yet".into(),
        description: String::new(),
        priority: 0,
        effect: PolicyEffect::Deny,
        full_tunnel: false,
        destinations: vec![],
        targets: vec![],
        services: vec![],
        enabled: false,
        valid_from: None,
        valid_until: None,
    };
    let changed = E::Changed {
        name: Some("Finance".into()),
        description: Some("Theirs".into()),
        priority: Some(50),
        effect: Some(PolicyEffect::Deny),
        full_tunnel: Some(false),
        destinations: Some(vec!["172.16.21.10/32".parse().unwrap()]),
        targets: Some(targets()),
        services: Some(services()),
        enabled: Some(false),
        validity: Some(Validity { from: Some(minute(1)), until: Some(minute(2)) }),
    };
    let only_validity = E::Changed {
        name: None,
        description: None,
        priority: None,
        effect: None,
        full_tunnel: None,
        destinations: None,
        targets: None,
        services: None,
        enabled: None,
        validity: Some(Validity { from: None, until: None }),
    };
    vec![
        (None, E::Restored { fields: full.clone() }),
        (None, E::Created { fields: full }),
        (Some("bare"), E::Created { fields: bare }),
        (None, changed),
        (Some("always_valid"), only_validity),
        (None, E::Activated {}),
        (None, E::Expired {}),
        (None, E::Deleted {}),
    ]
}

fn gateways() -> Vec<(Option<&'static str>, GatewayEvent)> {
    use GatewayEvent as E;
    let full = GatewayFields {
        name: "primary-gateway".into(),
        endpoint: Endpoint::parse("vpn.example.com:51820").unwrap(),
        listen_port: 51820,
        pool: pool(),
        dns_servers: vec!["10.20.0.53".parse().unwrap(), "fd00:20::53".parse().unwrap()],
        dns_search: vec!["corp.example.com".into()],
        mtu: 1420,
        persistent_keepalive: 25,
        masquerade_interfaces: vec!["eth1".into()],
        internal_networks: vec!["203.0.113.0/24".parse().unwrap()],
        preshared_keys: false,
        max_stale_s: 0,
    };
    let bare = GatewayFields {
        name: "second".into(),
        endpoint: Endpoint::parse("[2001:db8::1]:443").unwrap(),
        listen_port: 443,
        pool: Pool { v6: None, ..pool() },
        dns_servers: vec![],
        dns_search: vec![],
        mtu: 1280,
        persistent_keepalive: 0,
        masquerade_interfaces: vec![],
        internal_networks: vec![],
        preshared_keys: false,
        max_stale_s: 0,
    };
    let change = GatewayChange {
        name: Some("gate".into()),
        endpoint: Some(Endpoint::parse("198.51.100.7:51821").unwrap()),
        listen_port: Some(51821),
        dns_servers: Some(vec!["10.20.0.54".parse().unwrap()]),
        dns_search: Some(vec!["example.org".into()]),
        mtu: Some(1380),
        persistent_keepalive: Some(15),
        masquerade_interfaces: Some(vec!["eth0".into()]),
        internal_networks: Some(vec!["2001:db8:5::/48".parse().unwrap()]),
        preshared_keys: None,
        max_stale_s: None,
    };
    let hardened = GatewayFields { preshared_keys: true, max_stale_s: 86_400, ..bare.clone() };
    let softened = GatewayChange {
        preshared_keys: Some(false),
        max_stale_s: Some(0),
        ..GatewayChange::default()
    };
    let one = GatewayChange { mtu: Some(1400), ..Default::default() };
    vec![
        (None, E::Created { fields: full }),
        (Some("bare"), E::Created { fields: bare }),
        (Some("hardened"), E::Created { fields: hardened }),
        (None, E::Changed { change }),
        (Some("one_field"), E::Changed { change: one }),
        (Some("softened"), E::Changed { change: softened }),
        (None, E::KeySet { public_key: key() }),
        (None, E::KeyRotationRequested { switch_at: minute(60) }),
        (None, E::NextKeyAnnounced { public_key: key() }),
        (None, E::KeySwitched { public_key: key() }),
        (None, E::KeyRotationCalledOff {}),
        (None, E::JoinTokenIssued { expires_at: minute(60) }),
        (None, E::Joined { agent_version: "0.1.0".into() }),
        (None, E::DrainStarted { target: Some(other_gateway()) }),
        (Some("anywhere"), E::DrainStarted { target: None }),
        (None, E::DrainEnded {}),
        (None, E::Deleted {}),
    ]
}

fn session() -> Vec<(Option<&'static str>, SessionEvent)> {
    use SessionEvent as E;
    let ended = |reason| E::Ended { reason };
    vec![
        (None, E::Started { user_id: alice(), method: "password".into() }),
        (None, E::DeviceBound { device_id: laptop() }),
        (None, E::TokenReused {}),
        (None, ended(EndReason::Logout)),
        (Some("revoked"), ended(EndReason::Revoked)),
        (Some("token_reuse"), ended(EndReason::TokenReuse)),
        (Some("password_changed"), ended(EndReason::PasswordChanged)),
        (Some("user_disabled"), ended(EndReason::UserDisabled)),
        (Some("user_deleted"), ended(EndReason::UserDeleted)),
        (Some("device_owner_changed"), ended(EndReason::DeviceOwnerChanged)),
        (Some("role_changed"), ended(EndReason::RoleChanged)),
    ]
}

fn security() -> Vec<(Option<&'static str>, SecurityEvent)> {
    use SecurityEvent as E;
    let failure = |kind| E::Failure {
        kind,
        user_id: None,
        network: None,
        code: "forbidden".into(),
        route: None,
    };
    let key = |signature: Option<&str>| E::SigningKeyIntroduced {
        key_id: "k_0123456789abcdef".into(),
        public_key: "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=".into(),
        signed_by_previous: signature.map(Into::into),
    };
    vec![
        (
            None,
            E::Failure {
                kind: FailureKind::Login,
                user_id: Some(alice()),
                network: Some("198.51.100.0/24".into()),
                code: "invalid_credentials".into(),
                route: Some("POST /api/v1/auth/login".into()),
            },
        ),
        (Some("forbidden"), failure(FailureKind::Forbidden)),
        (Some("refused"), failure(FailureKind::Refused)),
        (Some("token"), failure(FailureKind::Token)),
        (Some("gateway_join"), failure(FailureKind::GatewayJoin)),
        (None, E::FailuresRepeated { count: 41 }),
        (None, key(Some("c2lnbmF0dXJlIGJ5IHRoZSBrZXkgYmVmb3Jl"))),
        (Some("first"), key(None)),
    ]
}

fn webhook() -> Vec<(Option<&'static str>, WebhookEvent)> {
    use WebhookEvent as E;
    let created = |event_types: &[&str]| E::Created {
        url: "https://example.com/hooks/nexavpn".into(),
        description: "For the SIEM".into(),
        event_types: event_types.iter().map(|t| (*t).to_owned()).collect(),
    };
    let disabled = |because| E::Disabled { because };
    vec![
        (None, created(&["user.*", "device.revoked"])),
        (Some("all"), created(&[])),
        (
            None,
            E::Changed {
                url: Some("https://example.com/hooks/other".into()),
                description: Some(String::new()),
                event_types: Some(vec![]),
            },
        ),
        (
            Some("one_field"),
            E::Changed { url: None, description: Some("Ours".into()), event_types: None },
        ),
        (None, E::SecretRotated { previous_until: minute(5) }),
        (None, E::Enabled {}),
        (None, disabled(DisabledBecause::Requested)),
        (Some("gone"), disabled(DisabledBecause::Gone)),
        (None, E::Replayed { from: 17 }),
        (None, E::Deleted {}),
    ]
}
