//! A user's sessions.

use std::collections::{HashMap, hash_map::Entry};

use chrono::{DateTime, Utc};
use nexavpn_commands::ListedSession;
use nexavpn_domain::ids::{DeviceId, SessionId, UserId};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{App, error::ApiError};

/// All sessions of a user that may act, the one used last first.
#[derive(Serialize, ToSchema)]
#[schema(as = Sessions)]
pub(crate) struct SessionsView {
    items: Vec<SessionView>,
    total: usize,
}

/// A session.
#[derive(Serialize, ToSchema)]
#[schema(as = Session)]
struct SessionView {
    id: SessionId,
    /// Whether it is the one that asks.
    current: bool,
    /// When the user signed in.
    created_at: DateTime<Utc>,
    /// To the minute.
    last_used_at: DateTime<Utc>,
    /// When it is over without another login.
    expires_at: DateTime<Utc>,
    /// Where the user signed in from, unless that was erased.
    client_address: Option<String>,
    /// With what, as that calls itself.
    user_agent: Option<String>,
    /// How the user signed in.
    auth_method: Option<String>,
    /// The device whose client it is.
    device: Option<SessionDevice>,
}

/// The device that a session is bound to.
#[derive(Clone, Serialize, ToSchema)]
struct SessionDevice {
    id: DeviceId,
    name: Option<String>,
}

impl SessionsView {
    /// Reads them; 404 for an unknown user.
    pub(crate) async fn load(
        app: &App,
        user: UserId,
        current: SessionId,
    ) -> Result<Self, ApiError> {
        let sessions = app.commands.sessions_of(user).await?;
        let mut devices: HashMap<DeviceId, SessionDevice> = HashMap::new();
        for id in sessions.iter().filter_map(|s| s.device_id) {
            if let Entry::Vacant(entry) = devices.entry(id) {
                let row = nexavpn_projections::devices::get(app.direct(), id).await?;
                entry.insert(SessionDevice { id, name: row.and_then(|d| d.name) });
            }
        }
        let view = |session: ListedSession| SessionView {
            id: session.session_id,
            current: session.session_id == current,
            created_at: session.started_at,
            last_used_at: session.last_used_at,
            expires_at: session.expires_at,
            client_address: session.client_address,
            user_agent: session.user_agent,
            auth_method: session.method,
            device: session.device_id.and_then(|id| devices.get(&id).cloned()),
        };
        let items: Vec<SessionView> = sessions.into_iter().map(view).collect();
        Ok(Self { total: items.len(), items })
    }
}
