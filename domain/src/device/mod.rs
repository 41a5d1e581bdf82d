//! Devices: the WireGuard peers of users (life of a device: design, section 5).

mod commands;
mod events;
mod state;

pub use commands::{DeviceCommand, Enrolment, Reprovision};
pub use events::{DeviceEvent, KeyOrigin, personal_fields};
pub use state::{Device, DeviceSettings};

crate::aggregate::aggregate!(Device, DeviceCommand, DeviceEvent);
