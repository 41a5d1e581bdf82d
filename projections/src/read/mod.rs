//! The read models.

pub mod device_queries;
pub mod devices;
pub mod gateways;
pub mod groups;
pub mod owned_devices;
pub mod policies;
pub mod sessions;
pub mod users;
pub mod webhooks;
