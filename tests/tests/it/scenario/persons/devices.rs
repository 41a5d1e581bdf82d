//! What is done with the person's devices.

use nexavpn_tests::harness::Client;
use serde_json::{Value, json};

use super::{MARK, Marked, drive::text};
use crate::scenario::key;

impl Marked {
    /// What the person does with devices; answers the ids of those that stay.
    pub(super) async fn devices(&mut self, user: &Client) -> Vec<String> {
        let enroll = json!({
            "name": format!("{MARK}'s laptop"), "platform": "linux",
            "os_version": format!("{MARK} OS 1"), "app_version": "0.1.0",
            "device_fingerprint": format!("sha256:{MARK}"), "public_key": key(),
        });
        let drive = &mut self.drive;
        let enrolled = drive.call(user, "POST /devices/enroll", &[], Some(enroll)).await;
        let laptop = text(&enrolled["device"]["id"]);
        let one = [laptop.as_str()];
        let beat = json!({ "app_version": "0.2.0", "profile_revision": 1 });
        drive.call(user, "POST /devices/{id}/heartbeat", &one, Some(beat)).await;
        drive.call(user, "POST /devices/{id}/rotate", &one, None).await;
        let again = json!({ "public_key": key() });
        drive.call(user, "POST /devices/{id}/key", &one, Some(again)).await;
        for route in
            ["/openapi.json", "/auth/me", "/me/devices", "/me/profile", "/connection/status"]
        {
            drive.call(user, &format!("GET {route}"), &[], None).await;
        }
        let served = json!({ "name": format!("{MARK}'s phone"), "generate_key": true });
        let phone = drive.call(user, "POST /me/devices", &[], Some(served)).await;
        drive.told.note_profile(&phone);
        let phone = text(&phone["device"]["id"]);
        let two = [phone.as_str()];
        let patch = json!({ "name": format!("{MARK}'s old phone") });
        drive.call(user, "PATCH /me/devices/{id}", &two, Some(patch)).await;
        drive.call(user, "GET /me/devices/{id}", &two, None).await;
        drive.call(user, "GET /me/devices/{id}/profile", &two, None).await;
        for form in ["image/svg+xml", "text/plain"] {
            drive.read_as(user, "GET /me/devices/{id}/profile", &two, form).await;
        }
        drive.call(user, "GET /me/devices/{id}/profile.conf", &two, None).await;
        drive.call(user, "POST /devices/{id}/revoke", &two, None).await;
        vec![laptop]
    }

    /// What an admin does with the person's devices.
    pub(super) async fn devices_by_admin(&mut self, id: &str, laptop: &str) {
        let served = json!({ "name": format!("{MARK}'s tablet"), "generate_key": true });
        let tablet = self.admin("POST /admin/users/{id}/devices", &[id], served).await;
        self.drive.told.note_profile(&tablet);
        let tablet = text(&tablet["device"]["id"]);
        let one = [tablet.as_str()];
        let patch = json!({ "name": format!("{MARK}'s other tablet") });
        self.admin("PATCH /admin/devices/{id}", &one, patch).await;
        for action in ["disable", "enable", "rotate"] {
            self.admin(&format!("POST /admin/devices/{{id}}/{action}"), &one, Value::Null).await;
        }
        self.admin("GET /devices/{id}/profile", &one, Value::Null).await;
        self.admin("GET /devices/{id}/profile.conf", &one, Value::Null).await;
        self.admin("GET /admin/devices/{id}", &one, Value::Null).await;
        self.admin(&format!("GET /admin/devices?q={MARK}"), &[], Value::Null).await;
        let bulk = json!({ "action": "enable", "ids": [tablet, laptop] });
        self.admin("POST /admin/devices/bulk", &[], bulk).await;
        // Somebody else's from now on, with the name that the person gave it.
        let owner = json!({ "user_id": self.other.clone() });
        self.admin("PATCH /admin/devices/{id}", &one, owner).await;
        let spare = json!({ "name": format!("{MARK}'s spare"), "public_key": key() });
        let spare = self.admin("POST /admin/users/{id}/devices", &[id], spare).await;
        let spare = text(&spare["device"]["id"]);
        let why = json!({ "reason": format!("{MARK} has lost it") });
        self.admin("POST /admin/devices/{id}/revoke", &[&spare], why).await;
    }
}
