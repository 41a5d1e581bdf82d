//! Conflicts with the present state.

use super::names::{
    CHANGE, CHANGE_OWN, DRAIN, ENROL, GATEWAY, GROUP, JOIN, MEMBERS, NEXT_KEY, Names, POLICY,
    REPORT, RESTORE_DEVICE, RESTORE_GROUP, RESTORE_POLICY, ROTATE, ROTATE_KEY, SWITCH,
};

/// The code, what is said, and where.
pub(super) const CONFLICTS: &[(&str, &str, &[Names])] = &[
    (
        "username_taken",
        "this username is taken",
        &[&["POST /admin/users", "PATCH /admin/users/{id}"]],
    ),
    (
        "last_admin",
        "somebody must stay who can administer",
        &[&[
            "PATCH /admin/users/{id}",
            "DELETE /admin/users/{id}",
            "POST /admin/users/{id}/disable",
            "POST /admin/users/{id}/erase",
        ]],
    ),
    ("group_name_taken", "this name is taken", &[GROUP, RESTORE_GROUP]),
    (
        "no_such_state",
        "there was no such policy then: choose a moment at which it existed",
        &[RESTORE_DEVICE, RESTORE_GROUP, RESTORE_POLICY],
    ),
    (
        "profile_too_large",
        "all policies of device … together would come to 12000 firewall entries",
        &[ENROL, CHANGE, GROUP, MEMBERS, RESTORE_GROUP, POLICY, RESTORE_POLICY],
    ),
    (
        "device_name_taken",
        "the user has a device of this name already",
        &[ENROL, CHANGE, CHANGE_OWN, RESTORE_DEVICE],
    ),
    (
        "device_revoked",
        "the device is revoked: enrol it again",
        &[ENROL, CHANGE, CHANGE_OWN, RESTORE_DEVICE, SWITCH, ROTATE, NEXT_KEY],
    ),
    ("device_limit", "the user has 10 devices already: revoke one first", &[ENROL, CHANGE]),
    ("user_disabled", "the user is disabled: enable the user first", &[ENROL, CHANGE]),
    (
        "address_taken",
        "this address is in use or rests after a revocation: choose another one",
        &[ENROL, CHANGE],
    ),
    (
        "public_key_taken",
        "this key belongs to somebody else",
        &[ENROL, NEXT_KEY, GATEWAY, JOIN, REPORT],
    ),
    ("pool_exhausted", "the gateway's address pool has no free address", &[ENROL, CHANGE]),
    ("no_gateway", "there is no gateway yet: an admin creates one", &[ENROL]),
    (
        "gateway_draining",
        "the gateway is being drained: choose another one, or end the drain",
        &[ENROL, CHANGE, DRAIN],
    ),
    (
        "gateway_not_ready",
        "the gateway has no WireGuard key yet: let its node join first",
        &[ENROL, CHANGE, DRAIN, ROTATE_KEY],
    ),
    ("gateway_name_taken", "this name is taken", &[GATEWAY]),
    (
        "pool_overlap",
        "the pool overlaps that of another gateway: choose another network",
        &[&["POST /admin/gateways"]],
    ),
    (
        "gateway_in_use",
        "2 devices are assigned to this gateway",
        &[&["DELETE /admin/gateways/{id}"]],
    ),
    (
        "agent_too_old",
        "the agent of the gateway's node cannot rotate its key: upgrade it",
        &[ROTATE_KEY],
    ),
    (
        "next_key_missing",
        "the gateway's node has not announced its next key yet",
        &[&["POST /admin/gateways/{id}/key-rotation/switch"]],
    ),
    (
        "gateway_key_mismatch",
        "this gateway was made for another WireGuard key: join with its private key",
        &[JOIN],
    ),
    (
        "profile_too_long",
        "the profile is longer than a QR code can hold: fetch it as text",
        &[&["GET /me/profile"]],
    ),
    (
        "history_changed",
        "the log does not continue a checkpoint that was signed before",
        &[&["POST /admin/audit/pins"]],
    ),
];
