//! What is told of a server, looked at by itself.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};
use nexavpn_domain::{
    Problems,
    gateway::GatewayFields,
    values::{Pool, PublicKey, nearest_label},
};
use x25519_dalek::{PublicKey as X25519Public, StaticSecret};

use super::{AdoptedClient, Adoption, names::device_names};
use crate::{
    Secret,
    gateways::{check_new, check_pools},
};

/// A server with its clients, and what is wrong with what is told of it.
pub(super) struct Input {
    pub(super) owner: String,
    pub(super) gateway_name: String,
    pub(super) pool: Option<Pool>,
    /// None where something is wrong with it.
    pub(super) gateway: Option<GatewayFields>,
    pub(super) public_key: Option<PublicKey>,
    /// Those with which nothing is wrong so far.
    pub(super) clients: Vec<Client>,
    pub(super) allow_all: bool,
    /// With the settings of a new gateway.
    pub(super) gateway_problems: Problems,
    /// With everything else.
    pub(super) problems: Problems,
}

/// A client.
pub(super) struct Client {
    /// What messages call it.
    pub(super) label: String,
    pub(super) former_name: String,
    pub(super) name: String,
    pub(super) v4: Ipv4Addr,
    pub(super) v6: Option<Ipv6Addr>,
    pub(super) public_key: PublicKey,
    pub(super) private_key: Option<Secret>,
    pub(super) preshared_key: Option<[u8; 32]>,
    pub(super) enabled: bool,
    pub(super) expires_at: Option<DateTime<Utc>>,
}

impl Input {
    pub(super) fn check(adoption: Adoption) -> Self {
        let Adoption { owner, mut gateway, clients, allow_all } = adoption;
        let mut problems = Problems::default();
        let key = gateway.public_key.take().unwrap_or_default();
        let public_key = problems.check("server's public key", PublicKey::parse(&key));
        let gateway_name = gateway.name.trim().to_owned();
        let mut gateway_problems = Problems::default();
        let pool = check_pools(&gateway, &mut problems);
        let (checked, _) = check_new(gateway, pool, &mut gateway_problems);
        let addresses = clients.iter().map(|client| client.address_v4.trim().parse().ok());
        let names = device_names(clients.iter().map(|client| client.name.as_str()).zip(addresses));
        let clients = clients.into_iter().zip(names);
        let clients: Vec<Client> = clients
            .filter_map(|(client, name)| check_client(client, name, &mut problems))
            .collect();
        only_once(&clients, public_key.as_ref(), &mut problems);
        Self {
            owner,
            gateway_name,
            pool,
            gateway: checked,
            public_key,
            clients,
            allow_all,
            gateway_problems,
            problems,
        }
    }
}

fn check_client(client: AdoptedClient, name: String, problems: &mut Problems) -> Option<Client> {
    let address = nearest_label(&client.address_v4).unwrap_or_default();
    let label = format!("client {name:?} ({address})");
    let mut wrong = |why: &str| problems.add(label.clone(), why);
    let v4: Option<Ipv4Addr> = client.address_v4.trim().parse().ok();
    if v4.is_none() {
        wrong("its address is no IPv4 address");
    }
    let v6 = match client.address_v6.as_deref().map(|text| text.trim().parse()) {
        None => Some(None),
        Some(Ok(v6)) => Some(Some(v6)),
        Some(Err(_)) => {
            wrong("its second address is no IPv6 address");
            None
        }
    };
    let preshared_key = match client.preshared_key.as_ref().map(key_bytes) {
        None => Some(None),
        Some(Some(key)) => Some(Some(key)),
        Some(None) => {
            wrong("its preshared key is no WireGuard key");
            None
        }
    };
    let derived = match client.private_key.as_ref().map(key_bytes) {
        None => Some(None),
        Some(Some(key)) => {
            let public = X25519Public::from(&StaticSecret::from(key)).to_bytes();
            Some(PublicKey::from_bytes(public).ok())
        }
        Some(None) => {
            wrong("its private key is no WireGuard key");
            None
        }
    };
    let public_key = match PublicKey::parse(&client.public_key) {
        Ok(key) => Some(key),
        Err(why) => {
            wrong(&format!("its public key {why}"));
            None
        }
    };
    if let (Some(Some(derived)), Some(public)) = (&derived, &public_key)
        && derived != public
    {
        wrong("its private key is not that of its public key");
        return None;
    }
    derived?;
    Some(Client {
        v4: v4?,
        v6: v6?,
        public_key: public_key?,
        private_key: client.private_key,
        preshared_key: preshared_key?,
        enabled: client.enabled,
        expires_at: client.expires_at,
        former_name: client.name,
        name,
        label,
    })
}

/// No two clients may share an address or a key, with the server neither.
fn only_once(clients: &[Client], server: Option<&PublicKey>, problems: &mut Problems) {
    let mut keys: HashMap<&PublicKey, &str> = HashMap::new();
    keys.extend(server.map(|key| (key, "the server")));
    let mut addresses: HashMap<IpAddr, &str> = HashMap::new();
    for client in clients {
        if let Some(first) = keys.insert(&client.public_key, &client.label) {
            problems.add(&client.label, format!("its public key is that of {first} too"));
        }
        if let Some(first) = addresses.insert(client.v4.into(), &client.label) {
            problems.add(&client.label, format!("its address is that of {first} too"));
        }
    }
}

/// The bytes of a private or preshared key.
fn key_bytes(key: &Secret) -> Option<[u8; 32]> {
    STANDARD.decode(key.expose().trim()).ok()?.try_into().ok()
}
