//! `nexavpn import wg-easy`: a server with its clients moves over, all of it or nothing.

mod conflicts;
mod database;
mod file;
mod unharmed;

use std::path::{Path, PathBuf};

use base64::{Engine, prelude::BASE64_STANDARD};
use nexavpn_tests::harness::{run_program, write_master_key};
use serde_json::{Value, json};
use x25519_dalek::{PublicKey, StaticSecret};

use crate::api_admin::Plane;

/// A key pair in base64, the private half first.
pub(crate) fn pair() -> (String, String) {
    let private = StaticSecret::from(rand::random::<[u8; 32]>());
    let public = PublicKey::from(&private);
    (BASE64_STANDARD.encode(private.to_bytes()), BASE64_STANDARD.encode(public.as_bytes()))
}

fn preshared_key() -> String {
    BASE64_STANDARD.encode(rand::random::<[u8; 32]>())
}

/// A client as version 14 writes it.
pub(crate) fn client(name: &str, address: &str) -> Value {
    let (private, public) = pair();
    json!({
        "id": "not used", "name": name, "address": address,
        "privateKey": private, "publicKey": public, "preSharedKey": preshared_key(),
        "createdAt": "2024-05-01T10:00:00.000Z", "updatedAt": "2024-05-02T10:00:00.000Z",
        "expiredAt": null, "enabled": true,
    })
}

/// Version 14's `wg0.json`. Its ids say nothing about the order.
pub(crate) fn wg0_json(server: &(String, String), clients: &[Value]) -> Value {
    let clients = clients.iter().enumerate();
    let clients: serde_json::Map<String, Value> =
        clients.map(|(n, client)| (format!("{:02x}-{n}", 255 - n % 256), client.clone())).collect();
    json!({
        "server": { "privateKey": server.0, "publicKey": server.1, "address": "10.8.0.1" },
        "clients": clients,
    })
}

/// The program on a database, with files.
pub(crate) struct Importer {
    url: String,
    dir: tempfile::TempDir,
}

impl Importer {
    pub(crate) fn new(server_url: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        // That of every test database.
        let _ = write_master_key(dir.path());
        Self { url: server_url.to_owned(), dir }
    }

    fn of(plane: &Plane) -> Self {
        Self::new(&plane.db.server_url)
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    fn variables(&self) -> [(String, String); 3] {
        let directory = self.path().display().to_string();
        let key = self.path().join("master.key").display().to_string();
        [
            ("DATABASE_URL".to_owned(), self.url.clone()),
            ("NEXAVPN_DATA_DIR".to_owned(), directory),
            ("NEXAVPN_MASTER_KEY_FILE".to_owned(), key),
        ]
    }

    /// Runs the import: whether it succeeded, and what it said.
    async fn import(&self, file: &Path, options: &[&str]) -> (bool, String) {
        let file = file.display().to_string();
        let arguments = [&["import", "wg-easy", &file], options].concat();
        let variables = self.variables();
        let variables: Vec<(&str, &str)> =
            variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let (ok, said) = run_program(&arguments, &variables).await;
        assert!(!said.contains("panicked"), "{said}");
        (ok, said)
    }

    /// The same, of which something is expected.
    pub(crate) async fn imports(&self, file: &Path, options: &[&str]) -> String {
        let (ok, said) = self.import(file, options).await;
        assert!(ok, "{said}");
        said
    }

    /// The same, of which nothing is expected but a refusal.
    async fn refuses(&self, file: &Path, options: &[&str]) -> String {
        let (ok, said) = self.import(file, options).await;
        assert!(!ok, "{said}");
        said
    }
}

/// How many events there are.
async fn events(pool: &sqlx::PgPool) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM events").fetch_one(pool).await.unwrap()
}

/// The devices of everybody, the oldest first.
async fn devices(plane: &Plane) -> Vec<Value> {
    let (status, page) = plane.admin.get("/admin/devices?page_size=200&sort=created_at").await;
    assert_eq!(status, 200, "{page}");
    page["items"].as_array().unwrap().clone()
}

/// A text in each row of what each device has.
fn each<'a>(devices: &'a [Value], field: &str) -> Vec<&'a str> {
    devices.iter().map(|device| device[field].as_str().unwrap_or_default()).collect()
}
