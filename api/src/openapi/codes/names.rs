//! Operations that have errors in common, by method and path.

/// Some operations.
pub(super) type Names = &'static [&'static str];

pub(super) const LOGIN: Names = &["POST /auth/login", "POST /auth/browser/login"];
pub(super) const REFRESH: Names = &["POST /auth/refresh", "POST /auth/browser/refresh"];
pub(super) const OWN_PASSWORD: Names = &["POST /me/password"];
pub(super) const ENROL: Names =
    &["POST /devices/enroll", "POST /me/devices", "POST /admin/users/{id}/devices"];
pub(super) const NEXT_KEY: Names = &["POST /devices/{id}/key"];
/// Changes whatever there is of a device.
pub(super) const CHANGE: Names = &["PATCH /admin/devices/{id}"];
pub(super) const CHANGE_OWN: Names = &["PATCH /me/devices/{id}"];
pub(super) const RESTORE_DEVICE: Names = &["POST /admin/devices/{id}/restore"];
pub(super) const RESTORE_GROUP: Names = &["POST /admin/groups/{id}/restore"];
pub(super) const RESTORE_POLICY: Names = &["POST /admin/policies/{id}/restore"];
pub(super) const SWITCH: Names =
    &["POST /admin/devices/{id}/enable", "POST /admin/devices/{id}/disable"];
pub(super) const ROTATE: Names = &["POST /admin/devices/{id}/rotate", "POST /devices/{id}/rotate"];
pub(super) const GROUP: Names = &["POST /admin/groups", "PATCH /admin/groups/{id}"];
pub(super) const MEMBERS: Names = &[
    "DELETE /admin/groups/{id}",
    "PUT /admin/groups/{id}/members/{user_id}",
    "DELETE /admin/groups/{id}/members/{user_id}",
    "POST /admin/users/bulk",
];
pub(super) const POLICY: Names =
    &["POST /admin/policies", "PATCH /admin/policies/{id}", "DELETE /admin/policies/{id}"];
pub(super) const GATEWAY: Names = &["POST /admin/gateways", "PATCH /admin/gateways/{id}"];
pub(super) const DRAIN: Names = &["POST /admin/gateways/{id}/drain"];
pub(super) const ROTATE_KEY: Names = &["POST /admin/gateways/{id}/key-rotation"];
pub(super) const JOIN: Names = &["POST /gateways/join"];
pub(super) const REPORT: Names = &["POST /gateways/{id}/status"];
pub(super) const SYNC: Names =
    &["GET /admin/gateways/{id}/sync", "GET /admin/gateways/{id}/sync/stream"];
pub(super) const PROOFS_OF: Names =
    &["GET /admin/audit/archive", "GET /admin/audit/consistency", "GET /admin/audit/inclusion"];
