//! Secrets and persons: every route is driven with marked ones, and then everything that is kept
//! or was said is searched for them.

mod accounts;
mod devices;
mod drive;
mod faults;
mod machines;
mod refusals;
mod rules;
mod search;

use base64::{Engine, prelude::BASE64_STANDARD};
use nexavpn_tests::harness::{
    ADMIN, Client, MASTER_KEY, OwnServer, PASSWORD, ServerProcess, TestServer, WIDE, poll_until,
};
use reqwest::Method;
use serde_json::{Value, json};

use super::{gateway, settings, truth::assert_whole};
use drive::{Drive, text};
use search::Texts;

pub(crate) use search::tables;

/// In everything that is personal.
const MARK: &str = "Quillfeather";
/// In every password.
const SECRET: &str = "tangerine-umbrella-ostrich";
/// Where the marked person's requests seem to come from.
const ADDRESS: &str = "203.0.113.77";
/// PostgreSQL logs every statement with its parameters: all that it was ever told, also what is
/// gone from its tables.
const TALKATIVE: [(&str, &str); 2] =
    [("log_statement", "all"), ("log_parameter_max_length_on_error", "-1")];

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
    group: String,
    /// Who stays.
    other: String,
}

impl Marked {
    /// Waits until all that was done can be read: on a busy machine answers come before that.
    async fn settled(&self) {
        poll_until(WIDE, || async {
            let ask = |path| self.admin.send(Method::GET, path, &[], None);
            let answers = [ask("/admin/users").await, ask("/admin/audit-logs").await];
            answers.iter().all(|a| a.status == 200 && a.header("x-consistency") != "pending")
        })
        .await;
    }

    async fn new(server: &ServerProcess) -> Self {
        let stranger = server.client();
        let admin = stranger.login(ADMIN, PASSWORD).await;
        gateway(&admin, "berlin", "100.96.0.0/16").await;
        let (group, other) = (String::new(), String::new());
        let mut this = Self { admin, stranger, drive: Drive::new(), group, other };
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

    /// What the server made is told by the answer that is for that, and by no other.
    fn assert_told_once(&self) {
        let answers = Texts::new(self.drive.answers.iter().cloned());
        for (what, secret) in &self.drive.told.secrets {
            let told = answers.having(secret);
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
        answers.assert_without("a password", SECRET);
    }

    /// What was made and what was typed in.
    fn assert_without_secrets(&self, texts: &Texts) {
        for (what, secret) in &self.drive.told.secrets {
            texts.assert_without(what, secret);
        }
        texts.assert_without("a password", SECRET);
        texts.assert_without("the admin's password", PASSWORD);
        texts.assert_without("the master key", &BASE64_STANDARD.encode(MASTER_KEY));
    }
}

#[tokio::test]
async fn secrets_are_nowhere_and_erased_persons_neither() {
    let db = OwnServer::start_with(false, &TALKATIVE).await;
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
    marked.settled().await;
    let after = tables(&pool).await;
    let known = marked.drive.answers.len();
    for list in ["users", "devices"] {
        marked.admin(&format!("GET /admin/{list}"), &[], Value::Null).await;
    }
    let listed = marked.drive.answers[known..].iter().cloned();
    Texts::new(listed).assert_without("the person", MARK);
    pool.close().await;

    let (before, after) = (Texts::new(before), Texts::new(after));
    let output = server.output();
    assert!(server.stop().await.success());
    assert!(output.len() > 1000, "nothing was logged");
    let said = Texts::new([("the log".to_owned(), output)]);
    let log = db.log();
    assert!(log.to_lowercase().matches("parameters: $1").count() > 1000, "PostgreSQL says little");
    let postgres = Texts::new([("PostgreSQL's log".to_owned(), log)]);
    for texts in [&before, &after, &said, &postgres] {
        marked.assert_without_secrets(texts);
    }
    after.assert_without("the address", ADDRESS);
    for texts in [&after, &said] {
        texts.assert_without("the person", MARK);
    }
    marked.assert_told_once();
    assert_whole(&db).await;
    assert_eq!(marked.drive.undriven(), Vec::<String>::new(), "routes that were not driven");
    let unfaulted = marked.drive.unfaulted();
    assert_eq!(unfaulted, Vec::<String>::new(), "routes that were sent no secret with a fault");
}
