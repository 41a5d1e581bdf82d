//! A control plane for a test.

use std::{
    net::{IpAddr, Ipv4Addr},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

use ipnetwork::IpNetwork;
use nexavpn_api::{
    App,
    config::DatabaseUrl,
    serve::{DatabaseOptions, FirstAdminOptions, Pace, Running, ServeOptions, start},
};
use nexavpn_commands::{Commands, Request, Secret};

use super::{Client, TestDb};

/// The login name of every test server's admin.
pub const ADMIN: &str = "admin";
/// The admin's password.
pub const PASSWORD: &str = "correct horse battery staple";
/// The master key of every test database, so that any server can be started on it.
pub const MASTER_KEY: [u8; 32] = [7; 32];

/// A control plane in this process, on a port of its own.
pub struct TestServer {
    /// Where it answers.
    pub base_url: String,
    /// Its parts.
    pub app: App,
    running: Running,
    _keys: tempfile::TempDir,
}

impl TestServer {
    /// Starts one on a test's database, with an admin whose password is [`PASSWORD`].
    ///
    /// # Panics
    /// Where it does not start.
    pub async fn start(db: &TestDb) -> Self {
        Self::start_with(&db.server_url, |_| {}).await
    }

    /// Starts one on the migrated database of this URL, with other options.
    ///
    /// # Panics
    /// Where it does not start.
    pub async fn start_with(server_url: &str, change: impl FnOnce(&mut ServeOptions)) -> Self {
        let keys = tempfile::tempdir().unwrap();
        let mut options = options(server_url, keys.path());
        change(&mut options);
        let running = start(options).await;
        let running = running.unwrap_or_else(|error| panic!("the server did not start: {error}"));
        if running.first_admin.is_some() {
            settle_admin(&running).await;
        }
        let app = running.app.clone();
        Self { base_url: running.base_url.clone(), app, running, _keys: keys }
    }

    /// The write side.
    #[must_use]
    pub fn commands(&self) -> &Commands {
        &self.app.commands
    }

    /// A client that has not signed in.
    #[must_use]
    pub fn client(&self) -> Client {
        Client::new(&self.base_url)
    }

    /// The admin's client.
    ///
    /// # Panics
    /// Where the login fails.
    pub async fn admin(&self) -> Client {
        self.client().login(ADMIN, PASSWORD).await
    }

    /// Makes a user with [`PASSWORD`] and signs in.
    ///
    /// # Panics
    /// Where either fails.
    pub async fn user(&self, username: &str, role: &str) -> Client {
        let new = nexavpn_commands::NewUser {
            username: username.to_owned(),
            display_name: None,
            email: None,
            role: Some(role.to_owned()),
            password: Some(Secret::new(PASSWORD)),
            must_change_password: false,
        };
        let done = self.commands().create_user(&request(), new).await;
        let done = done.unwrap_or_else(|error| panic!("no user {username}: {error}"));
        self.app.settle(done.position).await;
        self.client().login(username, PASSWORD).await
    }

    /// Stops it as an operator does.
    ///
    /// # Panics
    /// Where it does not stop cleanly.
    pub async fn stop(self) {
        let stopped = self.running.shutdown().await;
        stopped.unwrap_or_else(|error| panic!("the server did not stop: {error}"));
    }
}

/// A request by the test itself.
#[must_use]
pub fn request() -> Request {
    Request::system("test", uuid::Builder::from_random_bytes(rand::random()).into_uuid())
}

fn options(server_url: &str, keys: &Path) -> ServeOptions {
    let mut database = DatabaseOptions::new(keys);
    database.database_url = Some(DatabaseUrl::new(server_url));
    database.master_key_file = Some(write_master_key(keys));
    database.max_connections = 10;
    let mut options = ServeOptions::new(database);
    // As cheap as argon2 allows.
    options.argon2 = (8, 1, 1);
    options.first_admin =
        FirstAdminOptions { username: ADMIN.into(), password: Some(Secret::new(PASSWORD)) };
    // The suite shares two processors: an answer may take its time, and is still right.
    options.http.consistency_wait = super::WIDE;
    // A test is in more of a hurry than an admin.
    options.http.rate_per_address = 0;
    options.http.rate_per_principal = 0;
    // What receives webhooks in a test is on this machine, and is not slow.
    options.settings.webhooks.plain_http = true;
    options.settings.webhooks.networks = vec![IpNetwork::from(IpAddr::from(Ipv4Addr::LOCALHOST))];
    options.pace = Pace {
        webhooks: Duration::from_millis(20),
        clock: Duration::from_millis(20),
        watch: Duration::from_millis(50),
        establish: super::WIDE,
        ..Pace::default()
    };
    options
}

/// The admin of a test has changed the one-time password already.
async fn settle_admin(running: &Running) {
    let Some(admin) = &running.first_admin else { return };
    let password = Secret::new(PASSWORD);
    let done = running.commands().reset_password(&request(), admin.user_id, password, false).await;
    let done = done.unwrap_or_else(|error| panic!("the admin's password: {error}"));
    running.app.settle(done.position).await;
}

/// Writes [`MASTER_KEY`] to a file in this directory.
///
/// # Panics
/// Where it cannot be written.
#[must_use]
pub fn write_master_key(dir: &Path) -> PathBuf {
    use std::io::Write;
    let path = dir.join("master.key");
    let mut file = std::fs::OpenOptions::new();
    let mut file = file.write(true).create(true).truncate(true).mode(0o600).open(&path).unwrap();
    let hex: String = MASTER_KEY.iter().map(|byte| format!("{byte:02x}")).collect();
    writeln!(file, "{hex}").unwrap();
    path
}

/// A directory in which a real server may keep its data, durably where the test asks for that.
///
/// # Panics
/// Where it cannot be made.
#[must_use]
pub fn data_dir(durable: bool) -> tempfile::TempDir {
    let parent = if durable { PathBuf::from("/var/tmp") } else { super::shared::fast_dir() };
    let mut builder = tempfile::Builder::new();
    // Passable, because PostgreSQL may have to run as another user than root.
    builder.prefix("nexavpn-data-").permissions(std::fs::Permissions::from_mode(0o711));
    builder.tempdir_in(parent).unwrap()
}
