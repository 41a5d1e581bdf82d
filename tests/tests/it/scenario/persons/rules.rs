//! What the person may reach, and what changes of that would do.

use serde_json::{Value, json};

use super::{MARK, Marked, drive::text};

impl Marked {
    pub(super) async fn groups_and_policies(&mut self, id: &str, laptop: &str) {
        let group = self.group.clone();
        let one = [group.as_str()];
        self.admin("PUT /admin/groups/{id}/members/{user_id}", &[&group, id], Value::Null).await;
        self.admin("GET /admin/groups", &[], Value::Null).await;
        self.admin("GET /admin/groups/{id}", &one, Value::Null).await;
        self.admin("GET /admin/groups/{id}/members", &one, Value::Null).await;
        let patch = json!({ "description": "pays" });
        self.admin("PATCH /admin/groups/{id}", &one, patch).await;
        let policy = json!({
            "name": "Ledger", "effect": "allow", "destinations": ["172.16.0.0/24"],
            "targets": [{ "type": "user", "id": id }, { "type": "group", "id": group }],
        });
        self.admin("POST /admin/preview/policies", &[], policy.clone()).await;
        let policy = self.admin("POST /admin/policies", &[], policy).await;
        let policy = text(&policy["id"]);
        let it = [policy.as_str()];
        self.admin("GET /admin/policies", &[], Value::Null).await;
        self.admin("GET /admin/policies/{id}", &it, Value::Null).await;
        self.admin("PATCH /admin/policies/{id}", &it, json!({ "priority": 7 })).await;
        self.previews(id, laptop, &group, &policy).await;
        let bulk = json!({ "action": "disable", "ids": [policy] });
        self.admin("POST /admin/policies/bulk", &[], bulk).await;
        let question = "destination=172.16.0.9&protocol=tcp&port=443";
        for route in ["access", "access/explain"] {
            let question = format!("GET /admin/{route}?user={id}&{question}");
            self.admin(&question, &[], Value::Null).await;
        }
        self.admin("GET /admin/access/diff?from=0", &[], Value::Null).await;
        self.admin("DELETE /admin/policies/{id}", &it, Value::Null).await;
        let newest = "GET /admin/audit-logs?event_type=policy.changed";
        let then = json!({ "at": self.admin(newest, &[], Value::Null).await["items"][0]["idx"] });
        for (route, id) in [("policies", &policy), ("groups", &group)] {
            let one = [id.as_str()];
            let preview = format!("POST /admin/preview/{route}/{{id}}/restore");
            self.admin(&preview, &one, then.clone()).await;
            self.admin(&format!("POST /admin/{route}/{{id}}/restore"), &one, then.clone()).await;
        }
        self.admin("POST /admin/preview/devices/{id}/restore", &[laptop], then.clone()).await;
        self.admin("POST /admin/devices/{id}/restore", &[laptop], then).await;
        let member = [group.as_str(), id];
        self.admin("DELETE /admin/groups/{id}/members/{user_id}", &member, Value::Null).await;
        self.admin("DELETE /admin/groups/{id}", &one, Value::Null).await;
    }

    /// What changes would do to the person and to what they have.
    async fn previews(&mut self, id: &str, laptop: &str, group: &str, policy: &str) {
        let all = format!("{MARK}'s friends");
        self.admin("POST /admin/preview/groups", &[], json!({ "name": all })).await;
        let member = [group, id];
        let route = "/admin/preview/groups/{id}/members/{user_id}";
        self.admin(&format!("PUT {route}"), &member, Value::Null).await;
        self.admin(&format!("DELETE {route}"), &member, Value::Null).await;
        for (route, id) in [("groups", group), ("policies", policy)] {
            let (change, delete) = (
                format!("PATCH /admin/preview/{route}/{{id}}"),
                format!("DELETE /admin/preview/{route}/{{id}}"),
            );
            self.admin(&change, &[id], json!({ "name": MARK })).await;
            self.admin(&delete, &[id], Value::Null).await;
        }
        self.admin("DELETE /admin/preview/users/{id}", &[id], Value::Null).await;
        for action in ["disable", "enable"] {
            let route = format!("POST /admin/preview/users/{{id}}/{action}");
            self.admin(&route, &[id], Value::Null).await;
            let route = format!("POST /admin/preview/devices/{{id}}/{action}");
            self.admin(&route, &[laptop], Value::Null).await;
        }
        let revoke = "POST /admin/preview/devices/{id}/revoke";
        self.admin(revoke, &[laptop], Value::Null).await;
        for (route, id) in [("users", id), ("devices", laptop), ("policies", policy)] {
            let body = json!({ "action": "disable", "ids": [id] });
            self.admin(&format!("POST /admin/preview/{route}/bulk"), &[], body).await;
        }
    }
}
