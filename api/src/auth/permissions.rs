//! Who may call what: one table of every route.

use nexavpn_domain::values::Role;

/// Who may call a route. Ownership, where it matters, is checked by the handler, which knows the
/// object; another's object is 404.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// Everybody, without signing in.
    Public,
    /// Everybody who is signed in; about oneself only.
    SignedIn,
    /// The object's owner, and admins.
    OwnerOrAdmin,
    /// Admins and auditors.
    Reader,
    /// Admins.
    Admin,
    /// The gateway that the path names.
    OwnGateway,
    /// The gateway that the path names, and admins.
    OwnGatewayOrAdmin,
}

impl Who {
    /// Whether a signed-in user with this role may call the route at all.
    #[must_use]
    pub const fn admits(self, role: Role) -> bool {
        match self {
            Self::Public | Self::SignedIn | Self::OwnerOrAdmin => true,
            Self::Reader => matches!(role, Role::Admin | Role::Auditor),
            Self::Admin | Self::OwnGatewayOrAdmin => matches!(role, Role::Admin),
            Self::OwnGateway => false,
        }
    }

    /// Whether a gateway may call the route for itself.
    #[must_use]
    pub const fn admits_gateway(self) -> bool {
        matches!(self, Self::Public | Self::OwnGateway | Self::OwnGatewayOrAdmin)
    }
}

/// One route's permission.
#[derive(Debug, Clone, Copy)]
pub struct Permission {
    /// `GET`, `POST`, …
    pub method: &'static str,
    /// The route's pattern below `/api/v1`.
    pub path: &'static str,
    /// Who may call it.
    pub who: Who,
}

impl Permission {
    /// Method and pattern.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

const fn row(method: &'static str, path: &'static str, who: Who) -> Permission {
    Permission { method, path, who }
}

/// Every route. A route that is missing here is refused, and a test fails.
pub const TABLE: &[Permission] = &[
    row("POST", "/auth/login", Who::Public),
    row("POST", "/auth/refresh", Who::Public),
    row("POST", "/auth/logout", Who::Public),
    row("POST", "/auth/browser/login", Who::Public),
    row("POST", "/auth/browser/refresh", Who::Public),
    row("POST", "/auth/browser/logout", Who::Public),
    row("POST", "/auth/logout-all", Who::SignedIn),
    row("GET", "/auth/me", Who::SignedIn),
    row("GET", "/me/devices", Who::SignedIn),
    row("POST", "/me/devices", Who::SignedIn),
    row("GET", "/me/devices/{id}", Who::SignedIn),
    row("PATCH", "/me/devices/{id}", Who::SignedIn),
    row("GET", "/me/devices/{id}/profile", Who::SignedIn),
    row("GET", "/me/devices/{id}/profile.conf", Who::SignedIn),
    row("GET", "/me/profile", Who::SignedIn),
    row("POST", "/me/password", Who::SignedIn),
    row("GET", "/me/activity", Who::SignedIn),
    row("GET", "/me/sessions", Who::SignedIn),
    row("DELETE", "/me/sessions/{id}", Who::SignedIn),
    row("GET", "/connection/status", Who::SignedIn),
    row("POST", "/devices/enroll", Who::SignedIn),
    row("GET", "/devices/{id}/profile", Who::Admin),
    row("GET", "/devices/{id}/profile.conf", Who::Admin),
    row("POST", "/devices/{id}/rotate", Who::OwnerOrAdmin),
    row("POST", "/devices/{id}/key", Who::OwnerOrAdmin),
    row("POST", "/devices/{id}/revoke", Who::OwnerOrAdmin),
    row("POST", "/devices/{id}/heartbeat", Who::OwnerOrAdmin),
    row("GET", "/admin/users", Who::Reader),
    row("POST", "/admin/users", Who::Admin),
    row("POST", "/admin/users/bulk", Who::Admin),
    row("POST", "/admin/users/import", Who::Admin),
    row("GET", "/admin/users/{id}", Who::Reader),
    row("PATCH", "/admin/users/{id}", Who::Admin),
    row("DELETE", "/admin/users/{id}", Who::Admin),
    row("POST", "/admin/users/{id}/disable", Who::Admin),
    row("POST", "/admin/users/{id}/enable", Who::Admin),
    row("POST", "/admin/users/{id}/password", Who::Admin),
    row("POST", "/admin/users/{id}/erase", Who::Admin),
    row("POST", "/admin/users/{id}/devices", Who::Admin),
    row("GET", "/admin/users/{id}/sessions", Who::Reader),
    row("DELETE", "/admin/users/{id}/sessions", Who::Admin),
    row("DELETE", "/admin/users/{id}/sessions/{session_id}", Who::Admin),
    row("GET", "/admin/groups", Who::Reader),
    row("POST", "/admin/groups", Who::Admin),
    row("GET", "/admin/groups/{id}", Who::Reader),
    row("PATCH", "/admin/groups/{id}", Who::Admin),
    row("DELETE", "/admin/groups/{id}", Who::Admin),
    row("GET", "/admin/groups/{id}/members", Who::Reader),
    row("PUT", "/admin/groups/{id}/members/{user_id}", Who::Admin),
    row("DELETE", "/admin/groups/{id}/members/{user_id}", Who::Admin),
    row("POST", "/admin/groups/{id}/restore", Who::Admin),
    row("GET", "/admin/devices", Who::Reader),
    row("POST", "/admin/devices/bulk", Who::Admin),
    row("GET", "/admin/devices/{id}", Who::Reader),
    row("PATCH", "/admin/devices/{id}", Who::Admin),
    row("POST", "/admin/devices/{id}/enable", Who::Admin),
    row("POST", "/admin/devices/{id}/disable", Who::Admin),
    row("POST", "/admin/devices/{id}/revoke", Who::Admin),
    row("POST", "/admin/devices/{id}/rotate", Who::Admin),
    row("POST", "/admin/devices/{id}/restore", Who::Admin),
    row("GET", "/admin/policies", Who::Reader),
    row("POST", "/admin/policies", Who::Admin),
    row("POST", "/admin/policies/bulk", Who::Admin),
    row("GET", "/admin/policies/{id}", Who::Reader),
    row("PATCH", "/admin/policies/{id}", Who::Admin),
    row("DELETE", "/admin/policies/{id}", Who::Admin),
    row("POST", "/admin/policies/{id}/restore", Who::Admin),
    row("GET", "/admin/gateways", Who::Reader),
    row("POST", "/admin/gateways", Who::Admin),
    row("GET", "/admin/gateways/{id}", Who::Reader),
    row("PATCH", "/admin/gateways/{id}", Who::Admin),
    row("DELETE", "/admin/gateways/{id}", Who::Admin),
    row("POST", "/admin/gateways/{id}/drain", Who::Admin),
    row("GET", "/admin/gateways/{id}/drain", Who::Reader),
    row("DELETE", "/admin/gateways/{id}/drain", Who::Admin),
    row("POST", "/admin/gateways/{id}/key-rotation", Who::Admin),
    row("GET", "/admin/gateways/{id}/key-rotation", Who::Reader),
    row("DELETE", "/admin/gateways/{id}/key-rotation", Who::Admin),
    row("POST", "/admin/gateways/{id}/key-rotation/switch", Who::Admin),
    row("GET", "/admin/gateways/{id}/key-rotation/devices", Who::Reader),
    row("POST", "/admin/gateways/{id}/join-token", Who::Admin),
    row("GET", "/admin/gateways/{id}/convergence", Who::Reader),
    row("GET", "/admin/gateways/{id}/bundles", Who::Reader),
    row("GET", "/admin/gateways/{id}/bundle", Who::Reader),
    row("GET", "/admin/gateways/{id}/metrics", Who::Reader),
    row("GET", "/admin/gateways/{id}/secrets", Who::OwnGateway),
    row("GET", "/admin/gateways/{id}/signing-keys", Who::OwnGatewayOrAdmin),
    row("GET", "/admin/gateways/{id}/sync", Who::OwnGatewayOrAdmin),
    row("GET", "/admin/gateways/{id}/sync/stream", Who::OwnGatewayOrAdmin),
    row("POST", "/gateways/join", Who::Public),
    row("POST", "/gateways/{id}/status", Who::OwnGateway),
    row("GET", "/admin/audit/log", Who::Reader),
    row("GET", "/admin/audit/checkpoint", Who::Reader),
    row("GET", "/admin/audit/tile/{level}/{place}", Who::Reader),
    row("GET", "/admin/audit/inclusion", Who::Reader),
    row("GET", "/admin/audit/consistency", Who::Reader),
    row("GET", "/admin/audit/pins", Who::Reader),
    row("POST", "/admin/audit/pins", Who::Reader),
    row("GET", "/admin/audit/archive", Who::Reader),
    row("POST", "/admin/preview/policies", Who::Reader),
    row("PATCH", "/admin/preview/policies/{id}", Who::Reader),
    row("DELETE", "/admin/preview/policies/{id}", Who::Reader),
    row("POST", "/admin/preview/policies/{id}/restore", Who::Admin),
    row("POST", "/admin/preview/groups", Who::Reader),
    row("PATCH", "/admin/preview/groups/{id}", Who::Reader),
    row("DELETE", "/admin/preview/groups/{id}", Who::Reader),
    row("PUT", "/admin/preview/groups/{id}/members/{user_id}", Who::Reader),
    row("DELETE", "/admin/preview/groups/{id}/members/{user_id}", Who::Reader),
    row("POST", "/admin/preview/groups/{id}/restore", Who::Admin),
    row("DELETE", "/admin/preview/users/{id}", Who::Reader),
    row("POST", "/admin/preview/users/{id}/disable", Who::Reader),
    row("POST", "/admin/preview/users/{id}/enable", Who::Reader),
    row("POST", "/admin/preview/devices/{id}/disable", Who::Reader),
    row("POST", "/admin/preview/devices/{id}/enable", Who::Reader),
    row("POST", "/admin/preview/devices/{id}/revoke", Who::Reader),
    row("POST", "/admin/preview/devices/{id}/restore", Who::Admin),
    row("POST", "/admin/preview/users/bulk", Who::Reader),
    row("POST", "/admin/preview/devices/bulk", Who::Reader),
    row("POST", "/admin/preview/policies/bulk", Who::Reader),
    row("GET", "/admin/access", Who::Reader),
    row("GET", "/admin/access/explain", Who::Reader),
    row("GET", "/admin/access/diff", Who::Reader),
    row("GET", "/admin/audit-logs", Who::Reader),
    row("GET", "/admin/audit-logs/feed", Who::Reader),
    row("GET", "/admin/audit-logs/stream", Who::Reader),
    row("GET", "/admin/webhooks", Who::Reader),
    row("POST", "/admin/webhooks", Who::Admin),
    row("GET", "/admin/webhooks/{id}", Who::Reader),
    row("PATCH", "/admin/webhooks/{id}", Who::Admin),
    row("DELETE", "/admin/webhooks/{id}", Who::Admin),
    row("POST", "/admin/webhooks/{id}/rotate-secret", Who::Admin),
    row("POST", "/admin/webhooks/{id}/replay", Who::Admin),
    row("POST", "/admin/webhooks/{id}/test", Who::Admin),
    row("GET", "/openapi.json", Who::Public),
];

/// The permission of a route by method and pattern.
#[must_use]
pub fn find(method: &str, path: &str) -> Option<&'static Permission> {
    // Answering HEAD is answering GET without the body.
    let method = if method == "HEAD" { "GET" } else { method };
    let path = as_documented(path);
    TABLE.iter().find(|p| p.method == method && p.path == path)
}

/// A route's pattern as it is in the table and in the document: a parameter that is the rest of a
/// path is one like any other.
#[must_use]
pub fn as_documented(pattern: &str) -> String {
    pattern.replace("{*", "{")
}

/// Commands that read nothing from the read models before they act or for their answer, so that they
/// need not wait for what was acknowledged before to be there.
#[must_use]
pub fn reads_nothing(permission: &Permission) -> bool {
    matches!(
        (permission.method, permission.path),
        (
            "POST",
            "/admin/users"
                | "/admin/users/{id}/devices"
                | "/admin/policies"
                | "/me/devices"
                | "/devices/enroll"
        ) | ("PATCH", "/admin/policies/{id}")
            | (
                "DELETE",
                "/admin/users/{id}"
                    | "/admin/policies/{id}"
                    | "/admin/groups/{id}"
                    | "/admin/groups/{id}/members/{user_id}"
            )
    )
}

/// What a user may still do before choosing a new password.
#[must_use]
pub fn while_password_due(permission: &Permission) -> bool {
    permission.who == Who::Public
        || matches!(
            (permission.method, permission.path),
            ("GET", "/auth/me") | ("POST", "/me/password" | "/auth/logout-all")
        )
}
