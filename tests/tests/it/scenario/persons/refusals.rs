//! What is refused for what it says, with a secret in it. (With a wrong form: `faults.rs`.)

use nexavpn_tests::harness::Client;
use serde_json::json;

use super::{Marked, SECRET};

impl Marked {
    /// Passwords and tokens that are not taken, of the person of this id and login name.
    pub(super) async fn refusals(&mut self, id: &str, name: &str, password: &str, user: &Client) {
        let (stranger, admin) = (self.stranger.clone(), self.admin.clone());
        let drive = &mut self.drive;
        let (wrong, fine) = (format!("{SECRET}-wrong"), format!("{SECRET}-fine"));
        let login = json!({ "username": name, "password": wrong });
        for route in ["POST /auth/login", "POST /auth/browser/login"] {
            drive.refuses(&stranger, route, Some(login.clone()), &[], 401).await;
        }
        let long = SECRET.repeat(20);
        for (current, new) in [(&*wrong, &*fine), (password, password), (password, &*long)] {
            let change = json!({ "current_password": current, "password": new });
            drive.refuses(user, "POST /me/password", Some(change), &[], 400).await;
        }
        let route = "POST /admin/users/{id}/password";
        let known = json!({ "password": format!("{SECRET}-{name}") });
        drive.refuses(&admin, route, Some(known), &[id], 400).await;
        let taken = json!({ "username": name, "password": fine });
        drive.refuses(&admin, "POST /admin/users", Some(taken.clone()), &[], 409).await;
        let import = "POST /admin/users/import";
        drive.refuses(&admin, import, Some(json!([taken])), &[], 400).await;
        for file in [
            format!("username,password,email\n{name}.four,{fine},no address\n"),
            // Without its header.
            format!("{name}.four,{fine}\n{name}.five,{fine}\n"),
            format!("username,password\n{name}.four,{fine},more\n"),
        ] {
            drive.refuses_text(&admin, import, &[], "text/csv", file).await;
        }
        // A token that was used, and the session that ends with it.
        let other = drive.login(&stranger, name, password).await;
        let used = json!({ "refresh_token": other.session["refresh_token"] });
        let route = "POST /auth/refresh";
        let session = drive.call(&stranger, route, &[], Some(used.clone())).await;
        drive.told.note_session(&session);
        drive.refuses(&stranger, route, Some(used), &[], 401).await;
        drive.refuses(&stranger.in_session(session), "GET /auth/me", None, &[], 401).await;
    }
}
