//! Writers of everything, who remember what was acknowledged.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use futures::future::join_all;
use nexavpn_tests::harness::Client;
use reqwest::Method;
use serde_json::{Value, json};

use super::{create, key};

/// How many steps one round of a writer has.
const ROUND: usize = 8;

/// Writers with the answers that they got.
pub struct Load {
    writers: Vec<Writer>,
    acknowledged: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    group: String,
}

/// One who does one thing after the other.
struct Writer {
    name: String,
    client: Client,
    acknowledged: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    group: String,
    user: Option<String>,
    device: Option<String>,
    /// By path, the fields whose value is known.
    known: BTreeMap<String, BTreeMap<&'static str, Value>>,
    members: Vec<String>,
    won: usize,
}

impl Load {
    /// Writers who share these clients, with a gateway to enrol at.
    pub async fn prepare(clients: &[Client], writers: usize) -> Self {
        super::gateway(&clients[0], "load", "100.96.0.0/16").await;
        let group = create(&clients[0], "groups", json!({ "name": "everybody" })).await;
        Self::again(clients, writers, group, "w")
    }

    /// New writers on the same ground, possibly at another server.
    pub fn next(&self, clients: &[Client], prefix: &str) -> Self {
        Self::again(clients, self.writers.len(), self.group.clone(), prefix)
    }

    fn again(clients: &[Client], writers: usize, group: String, prefix: &str) -> Self {
        let acknowledged = Arc::new(AtomicUsize::new(0));
        let stop = Arc::new(AtomicBool::new(false));
        let writer = |n: usize| Writer {
            name: format!("{prefix}{n}"),
            client: clients[n % clients.len()].clone(),
            acknowledged: Arc::clone(&acknowledged),
            stop: Arc::clone(&stop),
            group: group.clone(),
            user: None,
            device: None,
            known: BTreeMap::new(),
            members: vec![],
            won: 0,
        };
        let writers = (0..writers).map(writer).collect();
        Self { writers, acknowledged, stop, group }
    }

    /// Runs until every writer has done its steps, or its server is gone.
    pub async fn run(&mut self, steps: usize) {
        join_all(self.writers.iter_mut().map(|writer| writer.run(steps))).await;
    }

    /// Counts acknowledged commands while it runs.
    pub fn counter(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.acknowledged)
    }

    /// Makes every writer stop after what it is doing.
    pub fn stop(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.stop)
    }

    pub fn acknowledged(&self) -> usize {
        self.acknowledged.load(Ordering::Relaxed)
    }

    /// How many got a name that all wanted.
    pub fn contested_winners(&self) -> usize {
        self.writers.iter().map(|writer| writer.won).sum()
    }

    /// Everything acknowledged is there, and as it was left.
    pub async fn check(&self, admin: &Client) {
        let (_, group) = admin.get(&format!("/admin/groups/{}", self.group)).await;
        for writer in &self.writers {
            for (path, fields) in &writer.known {
                let (status, entity) = admin.get(path).await;
                assert_eq!(status, 200, "{}: {path}: {entity}", writer.name);
                for (field, value) in fields {
                    assert_eq!(&entity[field], value, "{}: {path}: {entity}", writer.name);
                }
            }
            for member in &writer.members {
                let members = group["members"].as_array().unwrap();
                assert!(members.contains(&json!(member)), "{}: {member}", writer.name);
            }
        }
    }
}

impl Writer {
    async fn run(&mut self, steps: usize) {
        for step in 0..steps {
            if self.stop.load(Ordering::Relaxed) || self.step(step).await.is_err() {
                return;
            }
        }
    }

    async fn step(&mut self, step: usize) -> reqwest::Result<()> {
        let round = step / ROUND;
        let user = self.user.clone().unwrap_or_default();
        match step % ROUND {
            0 => {
                let username = format!("{}-{round}", self.name);
                let body = json!({ "username": username });
                let made = self.post("/admin/users", body, &[201]).await?;
                self.user = made.and_then(|user| named(&user));
                self.device = None;
                if let Some(user) = self.user.clone() {
                    self.know(&user_path(&user), "username", json!(username));
                    self.know(&user_path(&user), "enabled", json!(true));
                }
            }
            // All want the same name.
            3 => {
                let prefix = self.name.trim_end_matches(|c: char| c.is_ascii_digit());
                let body = json!({ "username": format!("contested-{prefix}-{round}") });
                let made = self.post("/admin/users", body, &[201, 409]).await?;
                self.won += usize::from(made.is_some_and(|user| user["id"].is_string()));
            }
            _ if self.user.is_none() => {}
            1 => {
                let body = json!({ "name": "laptop", "public_key": key() });
                let path = format!("{}/devices", user_path(&user));
                let made = self.post(&path, body, &[201]).await?;
                self.device = made.and_then(|made| named(&made["device"]));
                if let Some(device) = &self.device {
                    self.know(&format!("/admin/devices/{device}"), "status", json!("active"));
                }
            }
            2 => {
                let name = json!(format!("Renamed by {}", self.name));
                let body = json!({ "display_name": name });
                self.change(Method::PATCH, &user_path(&user), body, ("display_name", name)).await?;
            }
            // All change the same aggregate: some have to give up.
            4 => {
                let path = format!("/admin/groups/{}/members/{user}", self.group);
                if self.send(Method::PUT, &path, None, &[200]).await?.is_some() {
                    self.members.push(user);
                }
            }
            5 => {
                let targets = json!([{ "type": "user", "id": user }]);
                let body = json!({
                    "name": format!("{}-{round}", self.name), "effect": "allow",
                    "destinations": ["172.16.0.0/16"], "targets": targets,
                });
                let made = self.post("/admin/policies", body, &[201]).await?;
                if let Some(policy) = made.and_then(|policy| named(&policy)) {
                    self.know(&format!("/admin/policies/{policy}"), "targets", targets);
                }
            }
            6 => {
                let Some(device) = self.device.clone() else { return Ok(()) };
                let path = format!("/admin/devices/{device}");
                self.act(&path, "revoke", ("status", json!("revoked"))).await?;
            }
            _ => self.act(&user_path(&user), "disable", ("enabled", json!(false))).await?,
        }
        Ok(())
    }

    fn know(&mut self, path: &str, field: &'static str, value: Value) {
        self.known.entry(path.to_owned()).or_default().insert(field, value);
    }

    async fn act(
        &mut self,
        entity: &str,
        verb: &str,
        outcome: (&'static str, Value),
    ) -> reqwest::Result<()> {
        let path = format!("{entity}/{verb}");
        self.change_at(Method::POST, &path, entity, json!({}), outcome).await
    }

    async fn change(
        &mut self,
        method: Method,
        entity: &str,
        body: Value,
        outcome: (&'static str, Value),
    ) -> reqwest::Result<()> {
        self.change_at(method, entity, entity, body, outcome).await
    }

    /// Sends a change of one field, which until the answer comes may have either value.
    async fn change_at(
        &mut self,
        method: Method,
        path: &str,
        entity: &str,
        body: Value,
        (field, value): (&'static str, Value),
    ) -> reqwest::Result<()> {
        if let Some(fields) = self.known.get_mut(entity) {
            fields.remove(field);
        }
        if self.send(method, path, Some(body), &[200]).await?.is_some() {
            self.know(entity, field, value);
        }
        Ok(())
    }

    async fn post(
        &mut self,
        path: &str,
        body: Value,
        expected: &[u16],
    ) -> reqwest::Result<Option<Value>> {
        self.send(Method::POST, path, Some(body), expected).await
    }

    /// An answer; none where the server could not say, or refused for the moment.
    async fn send(
        &mut self,
        method: Method,
        path: &str,
        body: Option<Value>,
        expected: &[u16],
    ) -> reqwest::Result<Option<Value>> {
        let answer = self.client.try_send(method, path, &[], body).await?;
        if answer.status == 503 {
            return Ok(None);
        }
        let (status, body) = (answer.status, answer.body);
        assert!(expected.contains(&status), "{}: {path}: {status}: {body}", self.name);
        self.acknowledged.fetch_add(usize::from(status < 300), Ordering::Relaxed);
        Ok(Some(body))
    }
}

/// The id in an answer, which is short where the read models could not be waited for.
fn named(entity: &Value) -> Option<String> {
    entity["id"].as_str().map(Into::into)
}

fn user_path(user: &str) -> String {
    format!("/admin/users/{user}")
}
