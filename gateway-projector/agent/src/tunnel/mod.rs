//! The WireGuard interface: in the kernel where it can, else wireguard-go.

mod kernel;
mod netlink;
mod uapi;
mod userspace;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use clap::ValueEnum;
use thiserror::Error;
use tokio::time::{Instant, sleep};
use tracing::{info, warn};

use crate::command::{self, CommandError};
use crate::desired::{Difference, Peers, WantedPeer};
use crate::secrets::PresharedKey;
use crate::state::PrivateKey;

pub use kernel::Kernel;
pub use userspace::Userspace;

/// How long an interface may outlive its wireguard-go.
const GOING: Duration = Duration::from_secs(1);
/// How often peers are written and read back before it counts as failed.
const ATTEMPTS: usize = 3;

/// Which kind of interface to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// The kernel's where it has WireGuard, else wireguard-go.
    Auto,
    /// The kernel's.
    Kernel,
    /// wireguard-go.
    Userspace,
}

/// A tunnel that does not do what it should.
#[derive(Debug, Error)]
pub enum TunnelError {
    /// A tool failed.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// The userspace socket or netlink failed.
    #[error("WireGuard socket of {interface}: {source}")]
    Socket {
        /// The interface.
        interface: String,
        /// Why.
        source: std::io::Error,
    },
    /// WireGuard refused a setting.
    #[error("WireGuard on {interface} answered errno {errno}")]
    Refused {
        /// The interface.
        interface: String,
        /// Its errno.
        errno: String,
    },
    /// What it says of itself cannot be read.
    #[error("cannot read what WireGuard on {interface} says: {what}")]
    Unreadable {
        /// The interface.
        interface: String,
        /// Which part.
        what: &'static str,
    },
    /// wireguard-go did not come up.
    #[error("wireguard-go did not bring up {interface}; see {log}")]
    NotStarted {
        /// The interface.
        interface: String,
        /// Its log file.
        log: String,
    },
    /// Somebody else's interface has the name.
    #[error("{interface} exists and is not of this agent; remove it or choose another --interface")]
    Foreign {
        /// The interface.
        interface: String,
    },
    /// The peers are not what was asked for, also after retrying.
    #[error("{missing} peers of {interface} are not as they should be after {ATTEMPTS} attempts")]
    NotConverged {
        /// The interface.
        interface: String,
        /// How many differ.
        missing: usize,
    },
}

/// What WireGuard knows about a peer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Peer {
    /// Addresses routed to it, `None` for a prefix that is not one address.
    pub allowed_ips: BTreeSet<Option<IpAddr>>,
    /// Its preshared key, if it has one.
    pub psk: Option<PresharedKey>,
    /// Unix time of the latest handshake.
    pub latest_handshake: Option<i64>,
    /// Bytes received.
    pub rx_bytes: u64,
    /// Bytes sent.
    pub tx_bytes: u64,
}

/// What WireGuard says about an interface.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Device {
    /// Its public key in base64, where it has a private key.
    pub public_key: Option<String>,
    /// The UDP port it listens on.
    pub listen_port: u16,
    /// Its peers by public key in base64.
    pub peers: BTreeMap<String, Peer>,
}

/// An open WireGuard interface.
#[derive(Debug)]
pub enum Tunnel {
    /// wireguard-go, over its socket.
    Userspace(Userspace),
    /// The kernel's, by netlink.
    Kernel(Kernel),
}

impl Tunnel {
    /// Adopts the interface that is there if it is ours, or makes one. `keys`
    /// are the public halves of this node's.
    ///
    /// # Errors
    /// [`TunnelError`] if there is none and none can be made.
    pub async fn open(
        interface: &str,
        kind: Kind,
        state: &Path,
        keys: &[String],
    ) -> Result<Self, TunnelError> {
        match own(interface, keys).await? {
            Found::Ours(tunnel) => {
                info!(interface, "adopting the WireGuard interface of an earlier run");
                return Ok(*tunnel);
            }
            Found::Foreign => {
                return Err(TunnelError::Foreign { interface: interface.to_owned() });
            }
            Found::Nothing => {}
        }
        if kind != Kind::Userspace {
            match Kernel::create(interface).await {
                Ok(kernel) => {
                    info!(interface, "made a WireGuard interface in the kernel");
                    return Ok(Self::Kernel(kernel));
                }
                Err(error) if kind == Kind::Kernel => return Err(error.into()),
                Err(error) => {
                    info!(interface, %error, "no WireGuard in the kernel, using wireguard-go");
                }
            }
        }
        Ok(Self::Userspace(Userspace::start(interface, state).await?))
    }

    /// The interface's name.
    #[must_use]
    pub fn interface(&self) -> &str {
        match self {
            Self::Userspace(userspace) => userspace.interface(),
            Self::Kernel(kernel) => kernel.interface(),
        }
    }

    /// Whether the interface still answers.
    pub async fn is_alive(&mut self) -> bool {
        match self {
            Self::Userspace(userspace) => userspace.is_alive().await,
            Self::Kernel(kernel) => {
                matches!(link_kind(kernel.interface()).await, Ok(Some(kind)) if kind == "wireguard")
            }
        }
    }

    /// Reads the interface.
    ///
    /// # Errors
    /// [`TunnelError`] if it does not answer.
    pub async fn read(&self) -> Result<Device, TunnelError> {
        match self {
            Self::Userspace(userspace) => userspace.read().await,
            Self::Kernel(kernel) => kernel.read().await,
        }
    }

    async fn set_own(&self, key: &PrivateKey, port: u16) -> Result<(), TunnelError> {
        match self {
            Self::Userspace(userspace) => userspace.set_own(key, port).await,
            Self::Kernel(kernel) => kernel.set_own(key, port).await,
        }
    }

    async fn remove_peers(&self, keys: &[&String]) -> Result<(), TunnelError> {
        match self {
            Self::Userspace(userspace) => userspace.remove_peers(keys).await,
            Self::Kernel(kernel) => kernel.remove_peers(keys).await,
        }
    }

    async fn set_peers(&self, peers: &[(&String, &WantedPeer)]) -> Result<(), TunnelError> {
        match self {
            Self::Userspace(userspace) => userspace.set_peers(peers).await,
            Self::Kernel(kernel) => kernel.set_peers(peers).await,
        }
    }

    /// Step 3: key, port and peers, changed ones only, removals first. What was
    /// written is read back, because `set` is not atomic.
    ///
    /// # Errors
    /// [`TunnelError`] if the interface refuses or does not get there.
    pub async fn apply(
        &self,
        key: &PrivateKey,
        port: u16,
        peers: &Peers,
    ) -> Result<(), TunnelError> {
        let interface = self.interface();
        let mut missing = 0;
        for attempt in 0..=ATTEMPTS {
            let found = self.read().await?;
            let drift = found.drift(&key.public_key(), port, peers);
            if drift.is_none() {
                return Ok(());
            }
            let Drift { own, gone, changed } = drift;
            missing = gone.len() + changed.len();
            if attempt == ATTEMPTS {
                break;
            }
            if attempt > 0 {
                warn!(interface, peers = missing, "peers not as written, writing them again");
            }
            if own {
                self.set_own(key, port).await?;
            }
            self.remove_peers(&gone).await?;
            self.set_peers(&changed).await?;
        }
        Err(TunnelError::NotConverged { interface: interface.to_owned(), missing })
    }

    /// Step 3 where the interface is known to be as it was left: the difference
    /// alone, removals first. Reading 10,000 peers back takes longer than all the
    /// rest; a request that is answered well was carried out, and
    /// [`Tunnel::read`] tells later what somebody else has done.
    ///
    /// # Errors
    /// [`TunnelError`] if the interface refuses; it is then to be read.
    pub async fn change(&self, from: &Peers, to: &Peers) -> Result<(), TunnelError> {
        let difference = Difference::between(from, to);
        self.remove_peers(&difference.gone).await?;
        self.set_peers(&difference.written().collect::<Vec<_>>()).await
    }

    /// Removes the interface; a wireguard-go ends with it.
    ///
    /// # Errors
    /// [`TunnelError`] if the interface stays.
    pub async fn remove(self) -> Result<(), TunnelError> {
        delete(self.interface()).await?;
        match self {
            Self::Userspace(userspace) => userspace.ended().await,
            Self::Kernel(_) => Ok(()),
        }
    }
}

/// How an interface differs from what is wanted.
#[derive(Debug)]
pub struct Drift<'a> {
    /// Its key or its port differ.
    own: bool,
    /// Peers that should not be there.
    gone: Vec<&'a String>,
    /// Peers that are missing or have other addresses or another preshared key.
    changed: Vec<(&'a String, &'a WantedPeer)>,
}

impl Drift<'_> {
    /// Whether there is no difference.
    #[must_use]
    pub fn is_none(&self) -> bool {
        !self.own && self.gone.is_empty() && self.changed.is_empty()
    }
}

impl Device {
    /// Compares the interface with what is wanted.
    #[must_use]
    pub fn drift<'a>(&'a self, public_key: &str, port: u16, peers: &'a Peers) -> Drift<'a> {
        let is_as_wanted = |key: &String, wanted: &WantedPeer| {
            let found = self.peers.get(key);
            found.is_some_and(|peer| peer.routes(&wanted.ips) && peer.psk == wanted.psk)
        };
        Drift {
            own: self.public_key.as_deref() != Some(public_key) || self.listen_port != port,
            gone: self.peers.keys().filter(|key| !peers.contains_key(*key)).collect(),
            changed: peers.iter().filter(|(key, wanted)| !is_as_wanted(key, wanted)).collect(),
        }
    }
}

impl Peer {
    fn routes(&self, ips: &BTreeSet<IpAddr>) -> bool {
        self.allowed_ips.len() == ips.len()
            && ips.iter().all(|ip| self.allowed_ips.contains(&Some(*ip)))
    }
}

/// Parses an allowed IP as one address.
fn allowed_ip(text: &str) -> Option<IpAddr> {
    let network: ipnetwork::IpNetwork = text.parse().ok()?;
    let length = if network.is_ipv4() { 32 } else { 128 };
    (network.prefix() == length).then(|| network.ip())
}

/// `None` without such an interface; a TUN device's kind is `tun`.
async fn link_kind(interface: &str) -> Result<Option<String>, CommandError> {
    // `ip link show dev X` fails for a missing X; listing all tells it apart
    // from a tool that does not work.
    let output = command::run("ip", &["-j", "-d", "link", "show"], None).await?;
    let links: serde_json::Value = serde_json::from_slice(&output).unwrap_or_default();
    let link = links.as_array().into_iter().flatten().find(|link| link["ifname"] == interface);
    Ok(link.map(|link| link["linkinfo"]["info_kind"].as_str().unwrap_or("other").to_owned()))
}

/// Whether there is an interface of that name.
///
/// # Errors
/// [`CommandError`] if the interfaces cannot be listed.
pub async fn exists(interface: &str) -> Result<bool, CommandError> {
    Ok(link_kind(interface).await?.is_some())
}

/// What there is under an interface's name.
enum Found {
    Nothing,
    Ours(Box<Tunnel>),
    Foreign,
}

/// Looks what is there. Ours is a WireGuard interface with a key of this node's,
/// or with none yet: a crash may have come before it was set.
async fn own(interface: &str, keys: &[String]) -> Result<Found, CommandError> {
    let deadline = Instant::now() + GOING;
    loop {
        let tunnel = match link_kind(interface).await?.as_deref() {
            None => return Ok(Found::Nothing),
            Some("wireguard") => Tunnel::Kernel(Kernel::adopt(interface)),
            Some("tun") => Tunnel::Userspace(Userspace::adopt(interface)),
            Some(_) => return Ok(Found::Foreign),
        };
        if let Ok(device) = tunnel.read().await {
            let ours = device.public_key.is_none_or(|found| keys.contains(&found));
            return Ok(if ours { Found::Ours(Box::new(tunnel)) } else { Found::Foreign });
        }
        // A wireguard-go that has just ended takes its interface with it.
        if Instant::now() > deadline {
            return Ok(Found::Foreign);
        }
        sleep(Duration::from_millis(20)).await;
    }
}

/// Removes an interface of an earlier run, where it is ours.
///
/// # Errors
/// [`TunnelError::Foreign`] where it is not, and [`TunnelError`] if it stays.
pub async fn remove_own(interface: &str, keys: &[String]) -> Result<(), TunnelError> {
    match own(interface, keys).await? {
        Found::Nothing => Ok(()),
        Found::Ours(tunnel) => tunnel.remove().await,
        Found::Foreign => Err(TunnelError::Foreign { interface: interface.to_owned() }),
    }
}

async fn delete(interface: &str) -> Result<(), CommandError> {
    command::run("ip", &["link", "del", "dev", interface], None).await.map(|_| ())
}
