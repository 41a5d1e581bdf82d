//! The person's account, password and sessions, and others with the same mark.

use nexavpn_tests::harness::Client;
use serde_json::{Value, json};

use super::{
    MARK, Marked, SECRET,
    drive::{Drive, text},
};

impl Marked {
    /// The person's account; answers its id and the client of a session.
    pub(super) async fn account(&mut self) -> (String, Client) {
        let passwords = [1, 2, 3].map(|n| format!("{SECRET}-{n}"));
        let name = format!("{MARK}.One").to_lowercase();
        let new = json!({
            "username": format!("{name}.first"), "display_name": format!("{MARK} One"),
            "email": format!("{name}@example.com"), "password": passwords[0],
            "must_change_password": true,
        });
        let user = self.admin("POST /admin/users", &[], new).await;
        let id = text(&user["id"]);
        let one = [id.as_str()];
        let patch = json!({ "username": name, "display_name": format!("{MARK} the First") });
        self.admin("PATCH /admin/users/{id}", &one, patch).await;
        self.admin("GET /admin/users/{id}", &one, Value::Null).await;
        self.admin(&format!("GET /admin/users?q={MARK}"), &[], Value::Null).await;
        self.admin("POST /admin/users/{id}/disable", &one, Value::Null).await;
        self.admin("POST /admin/users/{id}/enable", &one, Value::Null).await;
        let bulk = json!({ "action": "enable", "ids": [id] });
        self.admin("POST /admin/users/bulk", &[], bulk).await;
        let password = json!({ "password": passwords[1], "must_change_password": true });
        self.admin("POST /admin/users/{id}/password", &one, password).await;

        let stranger = self.stranger.clone();
        let user = self.drive.login(&stranger, &name, &passwords[1]).await;
        let change = json!({ "current_password": passwords[1], "password": passwords[2] });
        self.drive.call(&user, "POST /me/password", &[], Some(change)).await;
        // That ended the other sessions, at most.
        let user = self.drive.login(&stranger, &name, &passwords[2]).await;
        self.sessions(&id, &name, &passwords[2], &user).await;
        let refresh = json!({ "refresh_token": user.session["refresh_token"] });
        let session = self.drive.call(&stranger, "POST /auth/refresh", &[], Some(refresh)).await;
        self.drive.told.note_session(&session);
        self.browser(&name, &passwords[2]).await;
        let user = stranger.in_session(session);
        self.refusals(&id, &name, &passwords[2], &user).await;
        (id, user)
    }

    /// A session of a web page.
    async fn browser(&mut self, name: &str, password: &str) {
        let stranger = self.stranger.clone();
        let login = Some(json!({ "username": name, "password": password }));
        for (route, body) in [("login", login), ("refresh", None)] {
            let route = format!("POST /auth/browser/{route}");
            let session = self.drive.call(&stranger, &route, &[], body).await;
            self.drive.told.note("a refresh token", &self.drive.cookie_token());
            self.drive.told.note("an access token", &session["access_token"]);
        }
        self.drive.call(&stranger, "POST /auth/browser/logout", &[], None).await;
        assert_eq!(self.drive.cookie, "nexavpn_refresh=", "the cookie stays");
    }

    /// Sessions beside this one, each of them ended in another way.
    async fn sessions(&mut self, id: &str, name: &str, password: &str, user: &Client) {
        let stranger = self.stranger.clone();
        let other = async |drive: &mut Drive| {
            let client = drive.login(&stranger, name, password).await;
            drive.call(&client, "GET /me/activity", &[], None).await;
            let listed = drive.call(&client, "GET /me/sessions", &[], None).await;
            let sessions = listed["items"].as_array().unwrap().clone();
            let own = sessions.iter().find(|session| session["current"] == true).unwrap();
            (text(&own["id"]), client)
        };
        let drive = &mut self.drive;
        let (first, _) = other(drive).await;
        drive.call(user, "DELETE /me/sessions/{id}", &[&first], None).await;
        let (second, _) = other(drive).await;
        let admin = &self.admin;
        drive.call(admin, "GET /admin/users/{id}/sessions", &[id], None).await;
        let one = "DELETE /admin/users/{id}/sessions/{session_id}";
        drive.call(admin, one, &[id, &second], None).await;
    }

    /// Somebody with the same mark, who is deleted first.
    pub(super) async fn deleted(&mut self) -> String {
        let name = format!("{MARK}.Two").to_lowercase();
        let user = self.admin("POST /admin/users", &[], json!({ "username": name })).await;
        let id = text(&user["id"]);
        self.admin("DELETE /admin/users/{id}", &[&id], Value::Null).await;
        id
    }

    /// Somebody else who is imported, and signs out everywhere or is signed out.
    pub(super) async fn imported(&mut self) -> String {
        let name = format!("{MARK}.Three").to_lowercase();
        let password = format!("{SECRET}-4");
        let rows = json!([{ "username": name, "display_name": MARK, "password": password }]);
        self.admin("POST /admin/users/import", &[], rows).await;
        self.settled().await;
        let found = self.admin(&format!("GET /admin/users?q={name}"), &[], Value::Null).await;
        let id = text(&found["items"][0]["id"]);
        let stranger = self.stranger.clone();
        let user = self.drive.login(&stranger, &name, &password).await;
        self.drive.call(&user, "POST /auth/logout-all", &[], None).await;
        self.drive.login(&stranger, &name, &password).await;
        self.admin("DELETE /admin/users/{id}/sessions", &[&id], Value::Null).await;
        id
    }
}
