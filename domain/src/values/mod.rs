//! Value types: each can only hold what is valid, and says in words what is wrong otherwise.

mod endpoint;
mod key;
mod network;
mod policy;
mod pool;
mod psk;
mod role;
mod text;
mod webhook;

pub use endpoint::Endpoint;
pub use key::PublicKey;
pub use network::{DestinationList, parse_network, parse_networks};
pub use policy::{PolicyEffect, Ports, Protocol, Service, Target};
pub use pool::{Addresses, Pool, Slot};
pub use psk::PskRef;
pub use role::Role;
pub use text::{description, display_name, email, label, nearest_label, username};
pub use webhook::{event_types, literal_address, may_reach, webhook_url};
