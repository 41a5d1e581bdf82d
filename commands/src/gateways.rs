//! Commands about gateways.

use std::{net::IpAddr, ops::RangeInclusive};

use chrono::{DateTime, Utc};
use ipnetwork::IpNetwork;
use nexavpn_domain::{
    DomainError, Problems,
    device::Device,
    gateway::{Gateway, GatewayChange, GatewayCommand, GatewayFields},
    ids::{DeviceId, GatewayId},
    values::{self, Endpoint, Pool, PublicKey},
};
use nexavpn_store::Actor;
use uuid::Uuid;

use crate::{
    CommandError, Commands, Done, Request, Secret,
    devices::plan_revocation,
    rows::{JOIN_TOKEN_REFUSED, PutJoinToken, RemoveGateway, UseJoinToken},
    transact::{Plan, fresh},
};

/// WireGuard's usual port.
const DEFAULT_PORT: u16 = 51820;
/// WireGuard's usual MTU over Ethernet.
const DEFAULT_MTU: u16 = 1420;
/// Keeps NAT mappings alive (wireguard.com/quickstart).
const DEFAULT_KEEPALIVE: u16 = 25;
/// For how many seconds a gateway may go on alone: not so few that it would stop with each restart
/// of the control plane, and at most a year.
const STALE: RangeInclusive<u32> = 60..=31_536_000;

/// A gateway to create.
#[derive(Debug, Clone, Default)]
pub struct GatewayInput {
    /// Its name.
    pub name: String,
    /// Where devices reach it.
    pub endpoint: String,
    /// Its WireGuard key, where it is known before the node joins.
    pub public_key: Option<String>,
    /// The IPv4 network of its tunnel.
    pub address_pool_v4: String,
    /// The IPv6 network of its tunnel.
    pub address_pool_v6: Option<String>,
    /// Everything else.
    pub rest: GatewayPatch,
}

/// What to change of a gateway.
#[derive(Debug, Clone, Default)]
pub struct GatewayPatch {
    /// Another name.
    pub name: Option<String>,
    /// Another endpoint.
    pub endpoint: Option<String>,
    /// Another key.
    pub public_key: Option<String>,
    /// Another port to listen on; the endpoint's where it is left out at first.
    pub listen_port: Option<i64>,
    /// Other resolvers.
    pub dns_servers: Option<Vec<String>>,
    /// Other search domains.
    pub dns_search: Option<Vec<String>>,
    /// Another MTU.
    pub mtu: Option<i64>,
    /// Another keepalive.
    pub persistent_keepalive: Option<i64>,
    /// Other interfaces to masquerade on.
    pub masquerade_interfaces: Option<Vec<String>>,
    /// Other networks that a full tunnel does not open.
    pub internal_networks: Option<Vec<String>>,
    /// Whether its devices get preshared keys.
    pub preshared_keys: Option<bool>,
    /// For how many seconds it goes on without the control plane; 0 means for ever.
    pub max_stale_s: Option<i64>,
}

/// A fresh join token: its secret part is shown once.
#[derive(Debug, Clone)]
pub struct JoinToken {
    /// The secret part.
    pub secret: Secret,
    /// Until when it works.
    pub expires_at: DateTime<Utc>,
}

/// What a node gets when it joins.
#[derive(Debug, Clone)]
pub struct Joined {
    /// What it proves itself with from now on; shown once.
    pub credential: Secret,
    /// The gateway's name.
    pub name: String,
}

impl Commands {
    /// Creates a gateway.
    ///
    /// # Errors
    /// `validation_error`, `gateway_name_taken`, `pool_overlap` or `public_key_taken`.
    pub async fn create_gateway(
        &self,
        request: &Request,
        input: GatewayInput,
    ) -> Result<Done<GatewayId>, CommandError> {
        let mut problems = Problems::default();
        let pool = check_pools(&input, &mut problems);
        let (fields, public_key) = check_new(input, pool, &mut problems);
        problems.finish()?;
        let Some(fields) = fields else {
            return Err(DomainError::field("name", "is required").into());
        };
        let id = GatewayId(self.new_id());
        self.transact(request, "gateway", || async {
            let mut plan = Plan::new(id);
            let command = GatewayCommand::Create {
                fields: Box::new(fields.clone()),
                public_key: public_key.clone(),
            };
            plan.decide::<Gateway>(id.0, &fresh(), command)?;
            Ok(plan)
        })
        .await
    }

    /// Changes what the patch names.
    ///
    /// # Errors
    /// `validation_error`, `not_found`, `gateway_name_taken` or `public_key_taken`.
    pub async fn change_gateway(
        &self,
        request: &Request,
        id: GatewayId,
        patch: GatewayPatch,
    ) -> Result<Done<()>, CommandError> {
        let mut problems = Problems::default();
        let (change, public_key) = check(patch, &mut problems);
        problems.finish()?;
        self.transact(request, "gateway", || async {
            let gateway = self.load_for::<Gateway>(request, "gateway", id.0).await?;
            let mut plan = Plan::new(());
            let command = GatewayCommand::Change {
                change: Box::new(change.clone()),
                public_key: public_key.clone(),
            };
            self.plan_of_gateway(&mut plan, id, &gateway, command)?;
            Ok(plan)
        })
        .await
    }

    /// Deletes a gateway. With `force` its devices are revoked with it.
    ///
    /// # Errors
    /// `not_found`, or `gateway_in_use` while devices are assigned.
    pub async fn delete_gateway(
        &self,
        request: &Request,
        id: GatewayId,
        force: bool,
    ) -> Result<Done<()>, CommandError> {
        self.transact(request, "gateway", || async {
            let gateway = self.load_for::<Gateway>(request, "gateway", id.0).await?;
            let mut plan = Plan::new(());
            self.plan_of_gateway(&mut plan, id, &gateway, GatewayCommand::Delete)?;
            plan.because_of_its("gateway.deleted");
            if force {
                for device in self.device_ids("gateway_id", id.0).await? {
                    let reason = Some("its gateway was deleted".to_owned());
                    let loaded = self.store.load::<Device>(device.0).await?;
                    plan_revocation(&mut plan, device, &loaded, reason)?;
                }
            }
            plan.row(RemoveGateway { gateway_id: id, force });
            Ok(plan)
        })
        .await
    }

    /// Makes a token with which a node can become this gateway. The token before it is void.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn issue_join_token(
        &self,
        request: &Request,
        id: GatewayId,
    ) -> Result<Done<JoinToken>, CommandError> {
        let secret = self.new_token();
        self.transact(request, "gateway", || async {
            let gateway = self.load_for::<Gateway>(request, "gateway", id.0).await?;
            let expires_at = self.now() + self.settings.join_token_lifetime;
            let mut plan = Plan::new(JoinToken { secret: secret.clone(), expires_at });
            plan.decide(id.0, &gateway, GatewayCommand::IssueJoinToken { expires_at })?;
            plan.row(PutJoinToken { gateway_id: id, hash: secret.hash(), expires_at });
            Ok(plan)
        })
        .await
    }

    /// Makes a node the gateway that its token names, and uses the token up.
    ///
    /// # Errors
    /// `forbidden` where the token does not work, `validation_error` for a bad key,
    /// `public_key_taken`.
    pub async fn join_gateway(
        &self,
        request: &Request,
        id: GatewayId,
        token: Secret,
        public_key: &str,
        agent_version: &str,
    ) -> Result<Done<Joined>, CommandError> {
        let mut problems = Problems::default();
        let public_key = problems.check("public_key", PublicKey::parse(public_key));
        let agent_version = problems.check("agent_version", values::label(agent_version));
        problems.finish()?;
        let (Some(public_key), Some(agent_version)) = (public_key, agent_version) else {
            return Err(DomainError::field("public_key", "is required").into());
        };
        // Before anything that could tell whether the key is in use.
        if !self.is_join_token(id, &token).await? {
            return Err(token_refused());
        }
        let credential = self.new_token();
        // With its token the node acts as the gateway that it becomes.
        let request = &Request { actor: Actor::Gateway(id), ..request.clone() };
        self.transact(request, "gateway", || async {
            let gateway = self.store.load::<Gateway>(id.0).await?;
            // An unknown gateway is answered like a bad token.
            let Some(fields) = gateway.state.fields() else { return Err(token_refused()) };
            let name = fields.name.clone();
            let mut plan = Plan::new(Joined { credential: credential.clone(), name });
            let command = GatewayCommand::Join {
                public_key: public_key.clone(),
                agent_version: agent_version.clone(),
            };
            self.plan_of_gateway(&mut plan, id, &gateway, command)?;
            plan.row(UseJoinToken {
                gateway_id: id,
                token_hash: token.hash(),
                credential_hash: credential.hash(),
                now: self.now(),
            });
            Ok(plan)
        })
        .await
    }

    async fn is_join_token(&self, id: GatewayId, token: &Secret) -> Result<bool, CommandError> {
        Ok(sqlx::query_scalar(
            "SELECT EXISTS (SELECT FROM gateway_join_token
                            WHERE gateway_id = $1 AND hash = $2 AND expires_at > $3)",
        )
        .bind(id.0)
        .bind(&token.hash()[..])
        .bind(self.now())
        .fetch_one(&self.pool)
        .await?)
    }

    /// The devices of a user or gateway that are not revoked.
    pub(crate) async fn device_ids(
        &self,
        column: &'static str,
        id: Uuid,
    ) -> Result<Vec<DeviceId>, CommandError> {
        let sql = format!("SELECT device_id FROM device_index WHERE {column} = $1 ORDER BY 1");
        let ids: Vec<Uuid> = sqlx::query_scalar(&sql).bind(id).fetch_all(&self.pool).await?;
        Ok(ids.into_iter().map(DeviceId).collect())
    }
}

fn token_refused() -> CommandError {
    DomainError::Forbidden(JOIN_TOKEN_REFUSED.into()).into()
}

/// The settings of a new gateway, unless something about them is wrong; and its key.
pub(crate) fn check_new(
    input: GatewayInput,
    pool: Option<Pool>,
    problems: &mut Problems,
) -> (Option<GatewayFields>, Option<PublicKey>) {
    let (name, endpoint) = (Some(input.name), Some(input.endpoint));
    let patch = GatewayPatch { name, endpoint, public_key: input.public_key, ..input.rest };
    let (change, public_key) = check(patch, problems);
    let (Some(name), Some(endpoint), Some(pool)) = (change.name, change.endpoint, pool) else {
        return (None, public_key);
    };
    let fields = GatewayFields {
        name,
        listen_port: change.listen_port.unwrap_or(match endpoint.port() {
            0 => DEFAULT_PORT,
            port => port,
        }),
        endpoint,
        pool,
        dns_servers: change.dns_servers.unwrap_or_default(),
        dns_search: change.dns_search.unwrap_or_default(),
        mtu: change.mtu.unwrap_or(DEFAULT_MTU),
        persistent_keepalive: change.persistent_keepalive.unwrap_or(DEFAULT_KEEPALIVE),
        masquerade_interfaces: change.masquerade_interfaces.unwrap_or_default(),
        internal_networks: change.internal_networks.unwrap_or_default(),
        preshared_keys: change.preshared_keys.unwrap_or_default(),
        max_stale_s: change.max_stale_s.unwrap_or_default(),
    };
    (Some(fields), public_key)
}

/// The networks of a new gateway.
pub(crate) fn check_pools(input: &GatewayInput, problems: &mut Problems) -> Option<Pool> {
    let v4 = problems.check("address_pool_v4", values::parse_network(&input.address_pool_v4));
    let v6 = input.address_pool_v6.as_deref();
    let v6 = v6.map(|v6| problems.check("address_pool_v6", values::parse_network(v6)));
    match (v4, v6) {
        (Some(v4), None) => check_pool(v4, None, problems),
        (Some(v4), Some(Some(v6))) => check_pool(v4, Some(v6), problems),
        _ => None,
    }
}

fn check_pool(v4: IpNetwork, v6: Option<IpNetwork>, problems: &mut Problems) -> Option<Pool> {
    Pool::new(v4, v6).map_err(|(part, why)| problems.add(format!("address_pool_{part}"), why)).ok()
}

fn check(patch: GatewayPatch, problems: &mut Problems) -> (GatewayChange, Option<PublicKey>) {
    let public_key =
        patch.public_key.and_then(|k| problems.check("public_key", PublicKey::parse(&k)));
    let mut number = |field: &str, value: Option<i64>, least: u16, most: u16| {
        value.and_then(|v| {
            let valid = u16::try_from(v).ok().filter(|v| (least..=most).contains(v));
            let why = || format!("must be between {least} and {most}");
            problems.check(field, valid.ok_or_else(why))
        })
    };
    let listen_port = number("listen_port", patch.listen_port, 1, u16::MAX);
    // 1280 is the least MTU of IPv6 (RFC 8200); what is beyond 9000 no network carries.
    let mtu = number("mtu", patch.mtu, 1280, 9000);
    let persistent_keepalive =
        number("persistent_keepalive", patch.persistent_keepalive, 0, u16::MAX);
    let max_stale_s = patch.max_stale_s.and_then(|v| {
        let valid = u32::try_from(v).ok().filter(|v| *v == 0 || STALE.contains(v));
        let why = || format!("must be 0 or between {} and {}", STALE.start(), STALE.end());
        problems.check("max_stale_s", valid.ok_or_else(why))
    });
    let change = GatewayChange {
        name: patch.name.and_then(|n| problems.check("name", values::label(&n))),
        endpoint: patch.endpoint.and_then(|e| problems.check("endpoint", Endpoint::parse(&e))),
        listen_port,
        dns_servers: patch.dns_servers.map(|l| each("dns_servers", &l, problems, resolver)),
        dns_search: patch.dns_search.map(|l| each("dns_search", &l, problems, domain)),
        mtu,
        persistent_keepalive,
        masquerade_interfaces: patch
            .masquerade_interfaces
            .map(|l| each("masquerade_interfaces", &l, problems, interface)),
        internal_networks: patch
            .internal_networks
            .map(|l| values::parse_networks("internal_networks", &l, problems)),
        preshared_keys: patch.preshared_keys,
        max_stale_s,
    };
    (change, public_key)
}

/// Checks every element of a list; names the bad ones as `field[i]`.
fn each<T: PartialEq>(
    field: &str,
    list: &[String],
    problems: &mut Problems,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Vec<T> {
    let mut values = Vec::with_capacity(list.len());
    for (i, text) in list.iter().enumerate() {
        if let Some(value) = problems.check(&format!("{field}[{i}]"), parse(text))
            && !values.contains(&value)
        {
            values.push(value);
        }
    }
    values
}

fn resolver(text: &str) -> Result<IpAddr, String> {
    let ip: IpAddr = text.trim().parse().map_err(|_| "must be an IP address".to_owned())?;
    if ip.is_unspecified() || ip.is_multicast() || ip.is_loopback() {
        return Err("must be the address of a resolver that devices can reach".into());
    }
    Ok(ip)
}

/// A search domain; `Endpoint` knows what a host name is.
fn domain(text: &str) -> Result<String, String> {
    Endpoint::parse(&format!("{}:1", text.trim()))
        .ok()
        .filter(|e| e.ip().is_none())
        .map(|_| text.trim().to_ascii_lowercase())
        .ok_or_else(|| "must be a domain such as corp.example.com".into())
}

/// A network interface's name as bundles carry it (design, section 7).
fn interface(text: &str) -> Result<String, String> {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_.-".contains(&b);
    let ok = (1..=15).contains(&text.len()) && text.bytes().all(allowed);
    if ok && text != "." && text != ".." {
        Ok(text.to_owned())
    } else {
        Err("must be an interface name such as eth0: 1 to 15 of a-z, 0-9, _ . -".into())
    }
}
