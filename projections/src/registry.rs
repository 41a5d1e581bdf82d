//! All projections.

use crate::{
    Projection,
    audit::AuditLog,
    read::{
        devices::Devices, gateways::Gateways, groups::Groups, policies::Policies,
        sessions::Sessions, users::Users, webhooks::Webhooks,
    },
};

/// Every read model, one line each. To add one: a migration with its tables in the schema `read`,
/// a file in `read/` with its writer and queries, and a line here. Checkpoint, catching up and
/// `nexavpn rebuild` come with it.
pub static REGISTRY: &[&dyn Projection] =
    &[&Users, &Groups, &Devices, &Policies, &Gateways, &Sessions, &Webhooks, &AuditLog];

/// The projection of this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static dyn Projection> {
    REGISTRY.iter().copied().find(|p| p.name() == name)
}
