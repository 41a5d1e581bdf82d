//! Why a bundle is not in force.

use nexavpn_bundle::BundleError;
use thiserror::Error;

use crate::command::CommandError;
use crate::state::StateError;
use crate::tunnel::TunnelError;

/// A bundle that could not be brought into force. The next attempt goes on
/// from whatever it finds.
#[derive(Debug, Error)]
pub enum ApplyError {
    /// The firewall.
    #[error("firewall: {0}")]
    Firewall(CommandError),
    /// Somebody else's table has the name.
    #[error(
        "the table inet {0} is there and not of this agent; remove it if nobody needs it, or choose another --table"
    )]
    ForeignTable(String),
    /// The tunnel.
    #[error("tunnel: {0}")]
    Tunnel(#[from] TunnelError),
    /// The interface's addresses.
    #[error("interface: {0}")]
    Link(CommandError),
    /// The key in force is none of this node's.
    #[error("key: {0}")]
    Key(#[from] BundleError),
    /// The state directory.
    #[error("state: {0}")]
    State(#[from] StateError),
}

impl ApplyError {
    /// What an operator of the node can do about it.
    #[must_use]
    pub fn advice(&self) -> &'static str {
        match self {
            Self::Firewall(_) => {
                "see that nft 1.0.6 or newer is there and the agent may use it (CAP_NET_ADMIN)"
            }
            Self::ForeignTable(_) => {
                "remove that table if nobody needs it, or run with another --table"
            }
            Self::Tunnel(TunnelError::Foreign { .. }) => {
                "remove that interface if nobody needs it, or run with another --interface"
            }
            Self::Tunnel(_) => "see that the UDP port is free and WireGuard is there",
            Self::Link(_) => "see that the addresses of the gateway are on no other interface",
            Self::Key(_) => "`leave`, then `join` with a new token",
            Self::State(_) => "make room on the disk, or the directory writable",
        }
    }
}
