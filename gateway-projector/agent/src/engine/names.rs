//! The names in use on the node, and who may use them.

use std::fs::File;
use std::time::Duration;

use tokio::time::{Instant, sleep};
use tracing::warn;

use super::{ApplyError, DEFAULT_INTERFACE, Engine};
use crate::firewall::{Firewall, Nftables};
use crate::state::{Runtime, StateDir, StateError};
use crate::tunnel::{self, TunnelError};

/// How long a start waits for what an agent that was killed has left under way.
const LEFT_UNDER_WAY: Duration = Duration::from_secs(10);

impl Engine {
    /// Takes note of the table before it is made, so that a crash cannot make
    /// it look like somebody else's. Refuses one that is.
    pub(super) async fn claim_table(&self) -> Result<(), ApplyError> {
        let earlier = self.state.runtime()?;
        let table = &self.options.table;
        let mut old_tables = earlier.as_ref().map(|old| old.old_tables.clone()).unwrap_or_default();
        let is_ours =
            earlier.as_ref().is_some_and(|old| old.table == *table) || old_tables.contains(table);
        if !is_ours && self.firewall.exists().await.map_err(ApplyError::Firewall)? {
            return Err(ApplyError::ForeignTable(table.clone()));
        }
        old_tables.extend(earlier.as_ref().map(|old| old.table.clone()));
        old_tables.retain(|old| old != table);
        let interface = earlier.and_then(|old| old.interface);
        Ok(self.state.save_runtime(&Runtime { table: table.clone(), old_tables, interface })?)
    }

    /// Removes the tables of earlier choices, now that another one guards the interface.
    pub(super) async fn remove_old_tables(&self) -> Result<(), ApplyError> {
        let Some(mut runtime) = self.state.runtime()? else { return Ok(()) };
        if runtime.old_tables.is_empty() {
            return Ok(());
        }
        for old in std::mem::take(&mut runtime.old_tables) {
            let mut old = Firewall::Nftables(Nftables::new(old));
            old.remove().await.map_err(ApplyError::Firewall)?;
        }
        Ok(self.state.save_runtime(&runtime)?)
    }

    /// Removes an interface of an earlier choice. One that has become somebody
    /// else's is no longer our concern.
    pub(super) async fn remove_old(&self, interface: &str) -> Result<(), TunnelError> {
        match tunnel::remove_own(interface, &self.keys.public()).await {
            Err(TunnelError::Foreign { .. }) => {
                warn!(
                    interface,
                    "an interface of an earlier run is somebody else's now, left alone"
                );
                Ok(())
            }
            done => done,
        }
    }

    pub(super) fn interface_of(&self, named: Option<&str>) -> String {
        let chosen = self.options.interface.as_deref().or(named);
        chosen.unwrap_or(DEFAULT_INTERFACE).to_owned()
    }

    pub(super) fn save_interface(&self, interface: &str) -> Result<(), StateError> {
        let interface = Some(interface.to_owned());
        let table = self.options.table.clone();
        self.state.save_runtime(&Runtime { table, old_tables: Vec::new(), interface })
    }
}

/// Becomes the one agent of the state directory. What one that was killed has
/// left `nft` at may still be under way: it must not come after what this one
/// loads, and so holds the lock.
pub(super) async fn take_lock(state: &StateDir) -> Result<File, StateError> {
    let deadline = Instant::now() + LEFT_UNDER_WAY;
    loop {
        match state.lock() {
            Err(StateError::Locked(_)) if Instant::now() < deadline => {
                sleep(Duration::from_millis(10)).await;
            }
            taken => return taken,
        }
    }
}
