//! What clients do.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use async_trait::async_trait;
use reqwest::Method;
use serde_json::json;

use super::{
    super::{Outcome, drive::Contender},
    plane::Plane,
};

/// Enrols a device of a user's.
pub(super) struct Enrol(Arc<Plane>);

impl Enrol {
    pub(super) fn new(plane: &Arc<Plane>) -> Self {
        Self(Arc::clone(plane))
    }
}

#[async_trait]
impl Contender for Enrol {
    async fn act(&self) -> Outcome<()> {
        self.0.enrol_one().await
    }
}

/// Creates a user without a password.
pub(super) struct CreateUser(Arc<Plane>);

impl CreateUser {
    pub(super) fn new(plane: &Arc<Plane>) -> Self {
        Self(Arc::clone(plane))
    }
}

#[async_trait]
impl Contender for CreateUser {
    async fn act(&self) -> Outcome<()> {
        self.0.create_user().await
    }
}

/// Changes the destinations of a policy that targets one user with one device.
pub(super) struct EditPolicy {
    plane: Arc<Plane>,
    policies: Vec<String>,
    edits: AtomicUsize,
}

impl EditPolicy {
    /// Creates policies, so many that no two clients edit the same.
    pub(super) async fn prepare(plane: &Arc<Plane>, clients: usize) -> Outcome<Self> {
        let mut policies = Vec::new();
        for (n, user) in plane.users.iter().enumerate().take(clients * 8) {
            let policy = json!({
                "name": format!("Access {n}"), "effect": "allow",
                "destinations": ["172.16.0.0/24"], "targets": [{ "type": "user", "id": user }],
            });
            let answer = plane.post("/admin/policies", policy).await?;
            policies.push(answer.body["id"].as_str().unwrap_or_default().to_owned());
        }
        Ok(Self { plane: Arc::clone(plane), policies, edits: AtomicUsize::new(0) })
    }
}

#[async_trait]
impl Contender for EditPolicy {
    async fn act(&self) -> Outcome<()> {
        let n = self.edits.fetch_add(1, Ordering::Relaxed);
        let policy = self.policies.get(n % self.policies.len()).ok_or("there are no policies")?;
        // Another network each time, or nothing would change.
        let network = format!("172.{}.{}.0/24", 17 + n / 256 % 14, n % 256);
        let body = json!({ "destinations": [network] });
        let path = format!("/admin/policies/{policy}");
        self.plane.change(Method::PATCH, &path, body).await.map(drop)
    }
}

/// Reads a page of users.
pub(super) struct ListUsers {
    plane: Arc<Plane>,
    path: String,
}

impl ListUsers {
    /// The first page.
    pub(super) fn first(plane: &Arc<Plane>) -> Self {
        Self { plane: Arc::clone(plane), path: "/admin/users?page_size=50".to_owned() }
    }

    /// The page in the middle of the list, by its cursor.
    pub(super) async fn after(plane: &Arc<Plane>) -> Outcome<Self> {
        let mut list = Self::first(plane);
        let middle = plane.users.len() / 2;
        let first = list.path.clone();
        for _ in 0..middle.div_ceil(200) {
            let path = format!("{}&page_size=200", list.path.replace("page_size=50", ""));
            let path = path.replace("?&", "?");
            let (status, page) = plane.admin.get(&path).await;
            let next = page["next"].as_str().ok_or(format!("{path}: {status} {page}"))?;
            list.path = format!("{first}&after={next}");
        }
        Ok(list)
    }
}

#[async_trait]
impl Contender for ListUsers {
    async fn act(&self) -> Outcome<()> {
        let (status, page) = self.plane.admin.get(&self.path).await;
        match page["items"].as_array().map(Vec::len) {
            Some(50) if status == 200 => Ok(()),
            _ => Err(format!("{}: {status} {page}", self.path).into()),
        }
    }
}
