//! Every route, who may call it and how often.

/// Who may call a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opens {
    /// Everybody.
    Public,
    /// A session of this dialect; no other credential.
    Session,
}

/// Which limit a route counts to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Counted {
    /// The contract's for signing in: by address.
    Session,
    /// The contract's for new clients: all together.
    Create,
    /// The contract's for lists: by session.
    List,
    /// The contract's for deleting: all together.
    Delete,
    /// That of the native API: by address or by user.
    Usual,
}

/// One route.
#[derive(Debug, Clone, Copy)]
pub struct Route {
    /// `GET`, `POST`, …
    pub method: &'static str,
    /// The pattern.
    pub path: &'static str,
    /// Who may call it.
    pub opens: Opens,
    pub(super) counted: Counted,
}

impl Route {
    /// Whether it needs nothing of the read models, neither before it acts nor for its answer.
    pub(super) fn reads_nothing(&self) -> bool {
        matches!(self.counted, Counted::Create | Counted::Delete)
    }

    /// Whether it is there to change something.
    #[must_use]
    pub fn is_command(&self) -> bool {
        self.method != "GET"
    }
}

const fn row(method: &'static str, path: &'static str, opens: Opens, counted: Counted) -> Route {
    Route { method, path, opens, counted }
}

const fn public(path: &'static str) -> Route {
    row("GET", path, Opens::Public, Counted::Usual)
}

const fn session(method: &'static str, path: &'static str) -> Route {
    row(method, path, Opens::Session, Counted::Usual)
}

/// Every route. One that is missing here is refused.
pub const TABLE: &[Route] = &[
    row("POST", "/api/session", Opens::Public, Counted::Session),
    public("/api/session"),
    session("DELETE", "/api/session"),
    row("POST", "/api/wireguard/client", Opens::Session, Counted::Create),
    row("GET", "/api/wireguard/client", Opens::Session, Counted::List),
    session("GET", "/api/wireguard/client/{id}"),
    row("DELETE", "/api/wireguard/client/{id}", Opens::Session, Counted::Delete),
    session("POST", "/api/wireguard/client/{id}/enable"),
    session("POST", "/api/wireguard/client/{id}/disable"),
    session("PUT", "/api/wireguard/client/{id}/name"),
    session("PUT", "/api/wireguard/client/{id}/address"),
    session("PUT", "/api/wireguard/client/{id}/expireDate"),
    session("GET", "/api/wireguard/client/{id}/configuration"),
    session("GET", "/api/wireguard/client/{id}/qrcode.svg"),
    session("GET", "/api/wireguard/backup"),
    public("/api/release"),
    public("/api/lang"),
    public("/api/remember-me"),
    public("/api/ui-traffic-stats"),
    public("/api/ui-chart-type"),
    public("/api/ui-sort-clients"),
    public("/api/ui-avatar-settings"),
    public("/api/wg-enable-one-time-links"),
    public("/api/wg-enable-expire-time"),
];

/// The row of a route, by the router's pattern.
pub(super) fn find(method: &str, pattern: &str) -> Option<&'static Route> {
    let path = pattern.strip_suffix('/').unwrap_or(pattern);
    let method = if method == "HEAD" { "GET" } else { method };
    TABLE.iter().find(|row| row.method == method && row.path == path)
}
