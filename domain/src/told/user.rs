use super::{Told, quoted};
use crate::user::UserEvent;

pub(super) fn told(event: &UserEvent) -> Told {
    match event {
        UserEvent::Created { username, display_name, email, role, must_change_password } => {
            let role_word = role.as_str();
            Told::new(format!("User {} created with the role {role_word}", quoted(username)))
                .set("username", username)
                .set("display_name", display_name)
                .set("email", email)
                .set("role", role)
                .set("must_change_password", must_change_password)
                .set("enabled", true)
        }
        UserEvent::Renamed { username } => {
            Told::new(format!("Username changed to {}", quoted(username))).set("username", username)
        }
        UserEvent::DisplayNameChanged { display_name } => {
            Told::new(format!("Display name changed to {}", quoted(display_name)))
                .set("display_name", display_name)
        }
        UserEvent::EmailChanged { email } => Told::new(match email {
            Some(email) => format!("Email address changed to {}", quoted(email)),
            None => "Email address removed".to_owned(),
        })
        .set("email", email),
        UserEvent::RoleChanged { from, to, enabled: _ } => {
            let (was, is) = (from.as_str(), to.as_str());
            Told::new(format!("Role changed from {was} to {is}")).set("role", to)
        }
        UserEvent::Disabled {} => Told::new("User disabled").set("enabled", false),
        UserEvent::Enabled { role: _ } => Told::new("User enabled").set("enabled", true),
        UserEvent::PasswordChanged { must_change_password } => {
            Told::new(if *must_change_password {
                "Password reset: it has to be changed at the next login"
            } else {
                "Password changed"
            })
            .set("must_change_password", must_change_password)
        }
        UserEvent::Deleted {} => Told::new("User deleted").ending(),
        UserEvent::Erased {} => Told::new("Personal data of the user erased").ending(),
    }
}
