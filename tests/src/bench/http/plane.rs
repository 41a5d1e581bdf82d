//! A control plane with users and devices.

use std::sync::atomic::{AtomicUsize, Ordering};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use nexavpn_api::serve::Pace;
use nexavpn_commands::rows::PutAccount;
use nexavpn_domain::{
    ids::UserId,
    user::{User, UserCommand},
    values::Role,
};
use nexavpn_store::{Append, Keyring, MasterKey, Metadata, Options, Store, Stream};
use reqwest::Method;
use serde_json::{Value, json};

use super::super::{Outcome, ground::Ground, ours::new_id};
use crate::harness::{ADMIN, Answer, Client, MASTER_KEY, PASSWORD, TestServer, WIDE, poll_until};

/// How many work at filling a store.
const FILLERS: usize = 32;
/// Two networks that hold a device for each of a million enrolments.
const POOLS: (&str, &str) = ("10.0.0.0/12", "fd00:96::/64");

/// A running control plane and its admin.
pub(super) struct Plane {
    server: TestServer,
    pub(super) admin: Client,
    /// Ids of the users that it was filled with.
    pub(super) users: Vec<String>,
    devices: AtomicUsize,
    created: AtomicUsize,
}

impl Plane {
    /// Fills a store, then starts a control plane on it.
    pub(super) async fn start(ground: &Ground, name: &str, users: usize) -> Outcome<Self> {
        let connect = ground.database(name).await?;
        let pool = nexavpn_store::pool(connect, u32::try_from(FILLERS)?);
        let keyring = Keyring::open(pool.clone(), MasterKey::from_bytes(MASTER_KEY)).await?;
        let store = Store::open(pool.clone(), keyring, Options::default()).await?;
        let users: Vec<String> = stream::iter(0..users)
            .map(|n| create(&store, n))
            .buffer_unordered(FILLERS)
            .try_collect()
            .await?;
        pool.close().await;

        let url = ground.url(name);
        let server = TestServer::start_with(&url, |options| {
            options.database.max_connections = 32;
            options.pace = Pace::default();
            // One admin does it all.
            options.http.rate_per_principal = 0;
        })
        .await;
        let admin = server.client().login(ADMIN, PASSWORD).await;
        let plane = Self {
            server,
            admin,
            users,
            devices: AtomicUsize::new(0),
            created: AtomicUsize::new(1),
        };
        poll_until(WIDE * 4, async || {
            let total = plane.count("users").await;
            total == Some(plane.users.len() as u64 + 1)
        })
        .await;
        ground.analyze(name).await?;
        plane.post("/admin/gateways", gateway()).await?;
        Ok(plane)
    }

    /// Enrols so many devices, each for another user.
    pub(super) async fn enrol(&self, devices: usize) -> Outcome<()> {
        let all = stream::iter(0..devices).map(|_| self.enrol_one());
        all.buffer_unordered(FILLERS).try_collect().await
    }

    /// Enrols a device for the next user.
    pub(super) async fn enrol_one(&self) -> Outcome<()> {
        let n = self.devices.fetch_add(1, Ordering::Relaxed);
        let user = self.users.get(n % self.users.len()).ok_or("there are no users")?;
        let key = STANDARD.encode(rand::random::<[u8; 32]>());
        let device =
            json!({ "name": format!("Device {n}"), "platform": "linux", "public_key": key });
        self.post(&format!("/admin/users/{user}/devices"), device).await.map(drop)
    }

    /// Creates a user without a password.
    pub(super) async fn create_user(&self) -> Outcome<()> {
        let n = self.created.fetch_add(1, Ordering::Relaxed);
        let user = json!({
            "username": format!("new.user.{n}"),
            "display_name": format!("New User {n}"),
            "email": format!("new.user.{n}@example.com"),
        });
        self.post("/admin/users", user).await.map(drop)
    }

    /// POST that has to succeed, and to be readable with its answer.
    pub(super) async fn post(&self, path: &str, body: Value) -> Outcome<Answer> {
        self.change(Method::POST, path, body).await
    }

    /// Any change that has to succeed, and to be readable with its answer.
    pub(super) async fn change(&self, method: Method, path: &str, body: Value) -> Outcome<Answer> {
        let answer = self.admin.try_send(method, path, &[], Some(body)).await?;
        if !(200..300).contains(&answer.status) {
            return Err(format!("{path}: {} {}", answer.status, answer.body).into());
        }
        if answer.header("x-consistency") == "pending" {
            return Err(format!("{path} is not readable with its answer").into());
        }
        Ok(answer)
    }

    async fn count(&self, list: &str) -> Option<u64> {
        self.admin.get(&format!("/admin/{list}?page_size=1")).await.1["total"].as_u64()
    }

    /// Everything that was answered with success is there.
    pub(super) async fn check_and_stop(self) -> Outcome<()> {
        let devices = self.devices.load(Ordering::Relaxed) as u64;
        let users = (self.users.len() + self.created.load(Ordering::Relaxed)) as u64;
        let found = (self.count("devices").await, self.count("users").await);
        if found != (Some(devices), Some(users)) {
            return Err(format!("found {found:?} instead of {devices} and {users}").into());
        }
        self.server.stop().await;
        Ok(())
    }
}

fn gateway() -> Value {
    json!({
        "public_key": STANDARD.encode(rand::random::<[u8; 32]>()),
        "name": "primary", "endpoint": "vpn.example.com:51820",
        "address_pool_v4": POOLS.0, "address_pool_v6": POOLS.1, "dns_servers": ["172.16.0.53"],
    })
}

async fn create(store: &Store, n: usize) -> Outcome<String> {
    let id = UserId(new_id());
    let create = UserCommand::Create {
        username: format!("user.{n:06}"),
        display_name: format!("User Number {n}"),
        email: Some(format!("user.{n}@example.com")),
        role: Role::User,
        must_change_password: false,
    };
    let stream = Stream::new::<User>(id.0, 0, User::default().decide(create)?);
    let mut append = Append::new(vec![stream], Metadata::system("bench", new_id()));
    append.rows.push(Box::new(PutAccount {
        user_id: id,
        role: Role::User,
        must_change_password: false,
        password_hash: None,
    }));
    store.append(append).await?;
    Ok(id.to_string())
}
