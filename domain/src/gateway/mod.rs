//! Gateways: the WireGuard servers that devices connect to.

mod events;
mod keys;
mod state;

pub use events::{GatewayChange, GatewayEvent, GatewayFields};
pub use keys::{GatewayKeys, KeyRotation};
pub use state::{Drain, Gateway, GatewayCommand};

crate::aggregate::aggregate!(Gateway, GatewayCommand, GatewayEvent);
