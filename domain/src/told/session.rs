use super::{Told, value};
use crate::{
    ids::UserId,
    session::{EndReason, SessionEvent},
};

pub(super) fn told(event: &SessionEvent) -> Told {
    match event {
        SessionEvent::Started { user_id, method } => Told::new(format!("Signed in by {method}"))
            .turn("user_id", (), user_id)
            .turn("active", (), true),
        SessionEvent::DeviceBound { device_id } => Told::new(
            "Session belongs to a device's client from now on",
        )
        .turn("device_id", (), device_id),
        SessionEvent::TokenReused {} => Told::new("Refresh token used twice: somebody else has it"),
        SessionEvent::Ended { reason } => Told::new(match reason {
            EndReason::Logout => "Signed out",
            EndReason::Revoked => "Session revoked",
            EndReason::TokenReuse => "Session ended: its refresh token was used twice",
            EndReason::PasswordChanged => "Session ended: the password was changed",
            EndReason::UserDisabled => "Session ended: the user was disabled",
            EndReason::UserDeleted => "Session ended: the user was deleted",
            EndReason::DeviceOwnerChanged => "Session ended: its device has another owner",
            EndReason::RoleChanged => "Session ended: the user's role was changed",
        })
        .turn("active", true, false)
        .turn("end_reason", (), value(reason)),
    }
}

pub(super) const fn about(event: &SessionEvent) -> Option<UserId> {
    match event {
        SessionEvent::Started { user_id, .. } => Some(*user_id),
        SessionEvent::DeviceBound { .. }
        | SessionEvent::TokenReused {}
        | SessionEvent::Ended { .. } => None,
    }
}
