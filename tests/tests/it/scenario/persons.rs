//! Secrets and persons: every route is driven with marked ones, and then everything that is kept
//! or was said is searched for them.

use std::collections::BTreeSet;

use nexavpn_api::auth::permissions;
use nexavpn_tests::harness::{ADMIN, Client, OwnServer, PASSWORD, ServerProcess, TestServer};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{PgPool, Row as _};

use super::{gateway, key, settings, truth::assert_whole, unjoined};

/// In everything that is personal.
const MARK: &str = "Quillfeather";
/// In every password.
const SECRET: &str = "tangerine-umbrella-ostrich";
/// Where the marked person's requests seem to come from.
const ADDRESS: &str = "203.0.113.77";

/// Calls routes, and remembers which, and what was answered.
struct Drive {
    driven: BTreeSet<(String, String)>,
    answers: Vec<(String, String)>,
    keys: usize,
    /// The cookie that a browser would have, as it sends it.
    cookie: String,
}

impl Drive {
    /// Calls `method pattern`, the parameters of which are filled with `ids` in their order.
    async fn call(
        &mut self,
        client: &Client,
        route: &str,
        ids: &[&str],
        body: Option<Value>,
    ) -> Value {
        let (method, pattern) = route.split_once(' ').unwrap();
        let (pattern, query) = pattern.split_once('?').map_or((pattern, ""), |(p, q)| (p, q));
        let mut path = String::new();
        let mut ids = ids.iter();
        for (n, part) in pattern.split('/').enumerate() {
            let separator = if n == 0 { "" } else { "/" };
            let part = if part.starts_with('{') { ids.next().unwrap() } else { part };
            path.push_str(separator);
            path.push_str(part);
        }
        if !query.is_empty() {
            path = format!("{path}?{query}");
        }
        let (reason, agent) = (format!("asked for by {MARK}"), format!("{MARK}/1.0"));
        self.keys += 1;
        let idempotency = format!("key-{}", self.keys);
        let mut headers = vec![];
        // A node is nobody.
        if !pattern.starts_with("/gateways/")
            && !pattern.contains("/sync")
            && !pattern.ends_with("/signing-keys")
            && !pattern.ends_with("/secrets")
        {
            headers.push(("x-reason", reason.as_str()));
            headers.push(("user-agent", agent.as_str()));
            headers.push(("x-forwarded-for", ADDRESS));
        }
        let without = ["/auth/", "/gateways/", "/admin/preview/"];
        let takes_key = !without.iter().any(|start| pattern.starts_with(start));
        if method != "GET" && takes_key {
            headers.push(("idempotency-key", &idempotency));
        }
        let cookie = self.cookie.clone();
        if pattern.starts_with("/auth/browser/") && !cookie.is_empty() {
            headers.push(("cookie", &cookie));
        }
        let method_ = Method::from_bytes(method.as_bytes()).unwrap();
        let answer = client.send(method_, &path, &headers, body).await;
        assert!((200..300).contains(&answer.status), "{route}: {} {}", answer.status, answer.body);
        self.driven.insert((method.to_owned(), pattern.to_owned()));
        let set = answer.header("set-cookie");
        if let Some((cookie, _)) = set.split_once(';') {
            self.cookie = cookie.to_owned();
        }
        self.answers.push((route.to_owned(), format!("{} {set}", answer.body)));
        answer.body
    }

    /// The refresh token in the cookie.
    fn cookie_token(&self) -> Value {
        json!(self.cookie.split_once('=').unwrap().1)
    }

    /// Signs in, marked.
    async fn login(&mut self, client: &Client, username: &str, password: &str) -> Client {
        let body = json!({ "username": username, "password": password });
        client.in_session(self.call(client, "POST /auth/login", &[], Some(body)).await)
    }

    fn undriven(&self) -> Vec<String> {
        let rows = permissions::TABLE.iter();
        rows.filter(|p| !self.driven.contains(&(p.method.to_owned(), p.path.to_owned())))
            .map(|p| format!("{} {}", p.method, p.path))
            .collect()
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

/// What the server made and told one time.
#[derive(Default)]
struct Told {
    secrets: Vec<(&'static str, String)>,
}

impl Told {
    fn note(&mut self, what: &'static str, secret: &Value) {
        self.secrets.push((what, text(secret)));
    }

    /// The private key in a complete profile, and the preshared key if there is one.
    fn note_profile(&mut self, answer: &Value) {
        let content = text(&answer["profile"]["content"]);
        let key =
            |name| content.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
        self.secrets.push(("a private key", key("PrivateKey = ").unwrap()));
        self.secrets.extend(key("PresharedKey = ").map(|key| ("a preshared key", key)));
    }
}

/// Every table of the database, row by row as text, in lower case.
pub(crate) async fn tables(pool: &PgPool) -> Vec<(String, String)> {
    let names: Vec<String> = sqlx::query_scalar(
        "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c
         JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE c.relkind IN ('r', 'p', 'm') AND n.nspname IN ('public', 'read')",
    )
    .fetch_all(pool)
    .await
    .unwrap();
    assert!(names.len() > 15, "{names:?}");
    let mut rows = Vec::new();
    for name in names {
        let sql = format!("SELECT t::text FROM {name} t");
        for row in sqlx::query(&sql).fetch_all(pool).await.unwrap() {
            rows.push((name.clone(), row.get::<String, _>(0).to_lowercase()));
        }
    }
    rows
}

/// As it is, and as a bytea shows it.
fn shapes(secret: &str) -> [String; 2] {
    let hex = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    [secret.to_lowercase(), hex]
}

fn assert_absent(what: &str, secret: &str, rows: &[(String, String)]) {
    for shape in shapes(secret) {
        let found = rows.iter().find(|(_, row)| row.to_lowercase().contains(&shape));
        assert!(found.is_none(), "{what} is in {found:?}");
    }
}

async fn start(db: &OwnServer) -> ServerProcess {
    let variables = settings(db);
    let mut variables: Vec<_> = variables.iter().map(|(k, v)| (*k, v.as_str())).collect();
    // All that it could ever say.
    variables.push(("NEXAVPN_LOG", "debug"));
    variables.push(("NEXAVPN_WEBHOOK_PLAIN_HTTP", "true"));
    variables.push(("NEXAVPN_WEBHOOK_NETWORKS", "127.0.0.0/8"));
    ServerProcess::start_with(&["--trusted-proxies", "127.0.0.1"], &variables).await
}

/// One person, and everything that anybody can do with or about them.
struct Marked {
    admin: Client,
    /// Has not signed in.
    stranger: Client,
    drive: Drive,
    told: Told,
    group: String,
    /// Who stays.
    other: String,
}

impl Marked {
    async fn new(server: &ServerProcess) -> Self {
        let stranger = server.client();
        let admin = stranger.login(ADMIN, PASSWORD).await;
        gateway(&admin, "berlin", "100.96.0.0/16").await;
        let drive =
            Drive { driven: BTreeSet::new(), answers: vec![], keys: 0, cookie: String::new() };
        let (told, group, other) = (Told::default(), String::new(), String::new());
        let mut this = Self { admin, stranger, drive, told, group, other };
        let group = this.admin("POST /admin/groups", &[], json!({ "name": "finance" })).await;
        this.group = text(&group["id"]);
        let other = this.admin("POST /admin/users", &[], json!({ "username": "other" })).await;
        this.other = text(&other["id"]);
        this
    }

    async fn admin(&mut self, route: &str, ids: &[&str], body: Value) -> Value {
        let body = (!body.is_null()).then_some(body);
        self.drive.call(&self.admin, route, ids, body).await
    }

    /// The person's account; answers its id and the client of a session.
    async fn account(&mut self) -> (String, Client) {
        let passwords = [1, 2, 3].map(|n| format!("{SECRET}-{n}"));
        let name = format!("{MARK}.One").to_lowercase();
        let new = json!({
            "username": format!("{name}.first"), "display_name": format!("{MARK} One"),
            "email": format!("{name}@example.com"), "password": passwords[0],
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
        let password = json!({ "password": passwords[1] });
        self.admin("POST /admin/users/{id}/password", &one, password).await;

        // A wrong password is a failure that is recorded.
        let wrong = json!({ "username": name, "password": format!("{SECRET}-wrong") });
        let (status, _) = self.stranger.post("/auth/login", wrong).await;
        assert_eq!(status, 401);
        let stranger = self.stranger.clone();
        let user = self.drive.login(&stranger, &name, &passwords[1]).await;
        self.told.note("a refresh token", &user.session["refresh_token"]);
        let change = json!({ "current_password": passwords[1], "password": passwords[2] });
        self.drive.call(&user, "POST /me/password", &[], Some(change)).await;
        // That ended the other sessions, at most.
        let user = self.drive.login(&stranger, &name, &passwords[2]).await;
        self.sessions(&id, &name, &passwords[2], &user).await;
        let refresh = json!({ "refresh_token": user.session["refresh_token"] });
        let session = self.drive.call(&stranger, "POST /auth/refresh", &[], Some(refresh)).await;
        self.told.note("a refresh token", &session["refresh_token"]);
        self.told.note("an access token", &session["access_token"]);
        self.browser(&name, &passwords[2]).await;
        (id, stranger.in_session(session))
    }

    /// A session of a web page.
    async fn browser(&mut self, name: &str, password: &str) {
        let stranger = self.stranger.clone();
        let login = Some(json!({ "username": name, "password": password }));
        for (route, body) in [("login", login), ("refresh", None)] {
            let route = format!("POST /auth/browser/{route}");
            let session = self.drive.call(&stranger, &route, &[], body).await;
            self.told.note("a refresh token", &self.drive.cookie_token());
            self.told.note("an access token", &session["access_token"]);
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

    /// What the person does with devices; answers the ids of those that stay.
    async fn devices(&mut self, user: &Client) -> Vec<String> {
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
        self.told.note_profile(&phone);
        let phone = text(&phone["device"]["id"]);
        let two = [phone.as_str()];
        let patch = json!({ "name": format!("{MARK}'s old phone") });
        drive.call(user, "PATCH /me/devices/{id}", &two, Some(patch)).await;
        drive.call(user, "GET /me/devices/{id}", &two, None).await;
        drive.call(user, "GET /me/devices/{id}/profile", &two, None).await;
        drive.call(user, "GET /me/devices/{id}/profile.conf", &two, None).await;
        drive.call(user, "POST /devices/{id}/revoke", &two, None).await;
        vec![laptop]
    }

    /// What an admin does with the person's devices.
    async fn devices_by_admin(&mut self, id: &str, laptop: &str) {
        let served = json!({ "name": format!("{MARK}'s tablet"), "generate_key": true });
        let tablet = self.admin("POST /admin/users/{id}/devices", &[id], served).await;
        self.told.note_profile(&tablet);
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

    async fn groups_and_policies(&mut self, id: &str, laptop: &str) {
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

    async fn gateways(&mut self, person: &str) {
        let created = self.admin("POST /admin/gateways", &[], unjoined("oslo", "100.97.0.0/16"));
        let id = text(&created.await["id"]);
        let one = [id.as_str()];
        self.admin("GET /admin/gateways", &[], Value::Null).await;
        self.admin("GET /admin/gateways/{id}", &one, Value::Null).await;
        let patch = json!({ "mtu": 1380, "preshared_keys": true });
        self.admin("PATCH /admin/gateways/{id}", &one, patch).await;
        let issued = self.admin("POST /admin/gateways/{id}/join-token", &one, json!({})).await;
        self.told.note("a join token", &issued["token"]);
        let join = json!({
            "token": issued["token"], "public_key": key(), "agent_version": "0.1.0",
        });
        let stranger = self.stranger.clone();
        let joined = self.drive.call(&stranger, "POST /gateways/join", &[], Some(join)).await;
        self.told.note("a gateway's credential", &joined["credential"]);
        let node = stranger.with_token(text(&joined["credential"]));
        self.drive.call(&node, "GET /admin/gateways/{id}/signing-keys", &one, None).await;
        let tv = json!({ "name": format!("{MARK}'s TV"), "generate_key": true, "gateway_id": id });
        let tv = self.admin("POST /admin/users/{id}/devices", &[person], tv).await;
        self.told.note_profile(&tv);
        let secrets = self.drive.call(&node, "GET /admin/gateways/{id}/secrets", &one, None).await;
        assert_eq!(secrets["secrets"].as_object().unwrap().len(), 1, "{secrets}");
        self.drive.call(&node, "GET /admin/gateways/{id}/sync", &one, None).await;
        self.drive.call(&node, "GET /admin/gateways/{id}/sync/stream", &one, None).await;
        let status = json!({
            "agent_version": "0.1.0", "peers": [], "reported_at": "2026-05-03T12:00:00Z",
            "features": ["key_rotation"],
        });
        self.drive.call(&node, "POST /gateways/{id}/status", &one, Some(status.clone())).await;
        let rotation = "/admin/gateways/{id}/key-rotation";
        for number in 1..=2 {
            let at = chrono::Utc::now() + chrono::TimeDelta::days(1);
            let start = json!({ "switch_at": at });
            self.admin(&format!("POST {rotation}"), &one, start).await;
            self.admin(&format!("GET {rotation}"), &one, Value::Null).await;
            self.admin(&format!("GET {rotation}/devices"), &one, Value::Null).await;
            let mut status = status.clone();
            status["next_key"] = json!({ "rotation": number, "public_key": key() });
            self.drive.call(&node, "POST /gateways/{id}/status", &one, Some(status)).await;
            if number == 1 {
                self.admin(&format!("DELETE {rotation}"), &one, Value::Null).await;
            } else {
                self.admin(&format!("POST {rotation}/switch"), &one, json!({})).await;
            }
        }
        self.admin("GET /admin/gateways/{id}/convergence", &one, Value::Null).await;
        self.admin("GET /admin/gateways/{id}/bundles", &one, Value::Null).await;
        self.admin("GET /admin/gateways/{id}/bundle", &one, Value::Null).await;
        self.admin("GET /admin/gateways/{id}/metrics", &one, Value::Null).await;
        let tv = text(&tv["device"]["id"]);
        self.admin("POST /admin/devices/{id}/revoke", &[&tv], json!({})).await;
        self.admin("POST /admin/gateways/{id}/drain", &one, json!({})).await;
        self.admin("GET /admin/gateways/{id}/drain", &one, Value::Null).await;
        self.admin("DELETE /admin/gateways/{id}/drain", &one, Value::Null).await;
        self.admin("DELETE /admin/gateways/{id}", &one, Value::Null).await;
    }

    /// Where nobody answers.
    async fn webhooks(&mut self) {
        let new = json!({ "url": "http://127.0.0.1:9/" });
        let made = self.admin("POST /admin/webhooks", &[], new).await;
        self.told.note("a webhook's secret", &made["secret"]);
        let id = text(&made["id"]);
        let one = [id.as_str()];
        self.admin("GET /admin/webhooks", &[], Value::Null).await;
        let patch = json!({ "description": "for the record" });
        self.admin("PATCH /admin/webhooks/{id}", &one, patch).await;
        let route = "POST /admin/webhooks/{id}/rotate-secret";
        let rotated = self.admin(route, &one, json!({})).await;
        self.told.note("a webhook's secret", &rotated["secret"]);
        self.admin("POST /admin/webhooks/{id}/replay", &one, json!({ "from": 1 })).await;
        self.admin("POST /admin/webhooks/{id}/test", &one, json!({})).await;
        self.admin("GET /admin/webhooks/{id}", &one, Value::Null).await;
        self.admin("DELETE /admin/webhooks/{id}", &one, Value::Null).await;
    }

    /// Somebody with the same mark, who is deleted first.
    async fn deleted(&mut self) -> String {
        let name = format!("{MARK}.Two").to_lowercase();
        let user = self.admin("POST /admin/users", &[], json!({ "username": name })).await;
        let id = text(&user["id"]);
        self.admin("DELETE /admin/users/{id}", &[&id], Value::Null).await;
        id
    }

    /// Somebody else who is imported, and signs out everywhere or is signed out.
    async fn imported(&mut self) -> String {
        let name = format!("{MARK}.Three").to_lowercase();
        let password = format!("{SECRET}-4");
        let rows = json!([{ "username": name, "display_name": MARK, "password": password }]);
        self.admin("POST /admin/users/import", &[], rows).await;
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

impl Marked {
    /// What proves that nobody edited the record.
    async fn proofs(&mut self) {
        for route in ["log", "checkpoint", "inclusion?idx=1", "consistency?from=1", "archive"] {
            self.admin(&format!("GET /admin/audit/{route}"), &[], Value::Null).await;
        }
        let tile = ["entries", "000.p/1"];
        self.admin("GET /admin/audit/tile/{level}/{place}", &tile, Value::Null).await;
        let pins = self.admin("GET /admin/audit/pins", &[], Value::Null).await;
        let note = json!({ "note": pins["checkpoint"] });
        self.admin("POST /admin/audit/pins", &[], note).await;
    }
}

#[tokio::test]
async fn secrets_are_nowhere_and_erased_persons_neither() {
    let db = OwnServer::start(false).await;
    TestServer::start_with(&db.server_url(), |_| {}).await.stop().await;
    let server = start(&db).await;
    let mut marked = Marked::new(&server).await;

    let (person, user) = marked.account().await;
    let devices = marked.devices(&user).await;
    marked.devices_by_admin(&person, &devices[0]).await;
    marked.groups_and_policies(&person, &devices[0]).await;
    marked.gateways(&person).await;
    marked.webhooks().await;
    let deleted = marked.deleted().await;
    let imported = marked.imported().await;
    marked.admin("GET /admin/audit-logs?page_size=200", &[], Value::Null).await;
    marked.admin("GET /admin/audit-logs/feed?limit=500", &[], Value::Null).await;
    marked.admin("GET /admin/audit-logs/stream?after=0", &[], Value::Null).await;
    marked.proofs().await;
    let refresh = json!({ "refresh_token": user.session["refresh_token"] });
    marked.drive.call(&user, "POST /auth/logout", &[], Some(refresh)).await;

    let pool = db.owner_pool();
    let before = tables(&pool).await;
    let sealed: Vec<_> = before.iter().filter(|(name, _)| !name.starts_with("read.")).collect();
    for (name, row) in &sealed {
        assert!(!row.contains(&MARK.to_lowercase()), "{name} has it in the clear: {row}");
        assert!(!row.contains(ADDRESS), "{name} has the address in the clear: {row}");
    }
    assert!(
        before.iter().any(|(name, row)| name == "read.users" && row.contains(&MARK.to_lowercase())),
        "the search finds nothing at all"
    );

    for id in [&person, &deleted, &imported] {
        marked.admin("POST /admin/users/{id}/erase", &[id], Value::Null).await;
    }
    let after = tables(&pool).await;
    let said = [("the log".to_owned(), server.output())];
    assert!(said[0].1.len() > 1000, "nothing was logged");
    assert_absent("the person", MARK, &after);
    assert_absent("the person", MARK, &said);
    assert_absent("the address", ADDRESS, &after);
    assert_absent("a password", SECRET, &after);
    assert_absent("a password", SECRET, &said);
    assert_absent("a password", SECRET, &marked.drive.answers);
    for (what, secret) in &marked.told.secrets {
        assert_absent(what, secret, &before);
        assert_absent(what, secret, &after);
        assert_absent(what, secret, &said);
        let answers = &marked.drive.answers;
        let told = answers.iter().filter(|(_, answer)| answer.contains(secret.as_str()));
        let told: Vec<&str> = told.map(|(route, _)| route.as_str()).collect();
        // Two access tokens of the same second and session are the same.
        let expected = if *what == "an access token" { "POST /auth/" } else { "POST " };
        let to_node = |route: &str| *what == "a preshared key" && route.ends_with("/secrets");
        assert!(
            told.iter().all(|route| route.starts_with(expected) || to_node(route)),
            "{what} is told by {told:?}"
        );
        let times = told.iter().filter(|route| !to_node(route)).count();
        assert!(times == 1 || *what == "an access token", "{what} is told by {told:?}");
    }
    pool.close().await;
    assert!(server.stop().await.success());
    assert_whole(&db).await;
    assert_eq!(marked.drive.undriven(), Vec::<String>::new(), "routes that were not driven");
}
