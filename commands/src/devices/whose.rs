//! Whose devices a command reaches.

use nexavpn_domain::{
    DomainError,
    device::Device,
    ids::{DeviceId, UserId},
};
use nexavpn_store::Loaded;

use crate::{CommandError, Commands, Request, transact::is_as_seen};

/// Whose device a command may be about. It is decided on the state that the change is conditional
/// on: a device that is given away in the meantime is out of its former owner's reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// Anybody's: an admin commands, or the control plane itself.
    Anybodys,
    /// This user's. One of somebody else's does not exist for them.
    Of(UserId),
}

impl Whose {
    /// Refuses a device out of reach as if it were not there.
    pub(super) fn check(self, device: &Device) -> Result<(), DomainError> {
        match self {
            Self::Of(owner) if device.owner() != Some(owner) => {
                Err(DomainError::not_found("device"))
            }
            Self::Of(_) | Self::Anybodys => Ok(()),
        }
    }
}

impl Commands {
    /// Loads a device for a command. Whoever does not reach it is not told either whether its
    /// version is another one.
    pub(super) async fn load_device(
        &self,
        request: &Request,
        whose: Whose,
        id: DeviceId,
    ) -> Result<Loaded<Device>, CommandError> {
        let device = self.store.load::<Device>(id.0).await?;
        whose.check(&device.state)?;
        is_as_seen(request, "device", &device)?;
        Ok(device)
    }
}
