//! Options of the `nexavpn` program: a flag, else the environment, else the file that `--config`
//! names, else a default.
//!
//! Each group of options is one struct that clap and the file both fill; to add an option, add a
//! field to its group and to the group's `or`.

/// Takes each listed field from `$other` where `$this` has none.
macro_rules! or {
    ($this:ident, $other:ident, $($field:ident),+ $(,)?) => {
        Self { $($field: $this.$field.or($other.$field)),+ }
    };
}

mod http;
mod wg_easy;

use std::{fmt, net::SocketAddr, path::PathBuf, str::FromStr};

use clap::{Args, ValueEnum, builder::BoolishValueParser};
use ipnetwork::IpNetwork;
use serde::Deserialize;

pub use http::HttpArgs;
pub use wg_easy::WgEasyArgs;

/// Where data is kept when nothing else is said.
pub const DATA_DIR: &str = "/var/lib/nexavpn";

/// The URL of a database, which may hold a password and therefore shows itself to nobody.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct DatabaseUrl(String);

impl DatabaseUrl {
    /// Wraps a URL.
    pub fn new(url: impl Into<String>) -> Self {
        Self(url.into())
    }

    /// The URL itself, for connecting.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl FromStr for DatabaseUrl {
    type Err = std::convert::Infallible;
    fn from_str(url: &str) -> Result<Self, Self::Err> {
        Ok(Self::new(url))
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DatabaseUrl(..)")
    }
}

/// Where the data is.
#[derive(Debug, Clone, Default, Args, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[command(next_help_heading = "Data")]
pub struct DatabaseArgs {
    /// Directory for everything that is kept: the embedded PostgreSQL and the master key
    /// [default: /var/lib/nexavpn; ./run uses .nexavpn in the checkout]
    #[arg(
        long,
        global = true,
        env = "NEXAVPN_DATA_DIR",
        value_name = "DIR",
        hide_env_values = true
    )]
    pub data_dir: Option<PathBuf>,

    /// A PostgreSQL (15 or newer) of your own instead of the embedded one:
    /// postgres://user:password@host/database
    #[arg(long, global = true, env = "DATABASE_URL", value_name = "URL", hide_env_values = true)]
    pub database_url: Option<DatabaseUrl>,

    /// The same database as the role that owns the tables, for migrations. With it, the role of
    /// DATABASE_URL needs no more than the right to connect, and cannot alter events
    #[arg(
        long,
        global = true,
        env = "NEXAVPN_MIGRATE_URL",
        value_name = "URL",
        hide_env_values = true
    )]
    pub migrate_url: Option<DatabaseUrl>,

    /// File with the key that seals personal data; made at the first start with mode 0600. Keep a
    /// copy apart from the database's backups: without it they cannot be read
    /// [default: master.key in the data directory]
    #[arg(
        long,
        global = true,
        env = "NEXAVPN_MASTER_KEY_FILE",
        value_name = "FILE",
        hide_env_values = true
    )]
    pub master_key_file: Option<PathBuf>,

    /// Connections to the database in the pool; up to 14 more append, number, fold and answer what
    /// every request asks [default: 32]
    #[arg(
        long,
        global = true,
        env = "NEXAVPN_MAX_CONNECTIONS",
        value_name = "N",
        hide_env_values = true,
        value_parser = clap::value_parser!(u32).range(4..=1000)
    )]
    pub max_connections: Option<u32>,
}

/// How logs are written.
#[derive(Debug, Clone, Default, Args, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[command(next_help_heading = "Log (on standard error)")]
pub struct LogArgs {
    /// One line of text or one JSON object for each message [default: text]
    #[arg(long, global = true, env = "NEXAVPN_LOG_FORMAT", hide_env_values = true)]
    pub log_format: Option<LogFormat>,

    /// What to log, such as `info` or `nexavpn_store=debug,warn`. RUST_LOG works too
    /// [default: info,sqlx=warn]
    #[arg(long, global = true, env = "NEXAVPN_LOG", value_name = "FILTER", hide_env_values = true)]
    pub log: Option<String>,
}

/// How a log line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// Options of `serve`.
#[derive(Debug, Clone, Default, Args, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServeArgs {
    /// Address and port to answer on; port 0 takes a free one [default: 127.0.0.1:8080]
    #[arg(long, env = "NEXAVPN_LISTEN", value_name = "ADDRESS:PORT", hide_env_values = true)]
    pub listen: Option<SocketAddr>,

    /// Allow plain HTTP on an address that other machines reach, instead of --tls-cert. Passwords
    /// and tokens then cross the network readable: only behind a proxy on a trusted network that
    /// speaks TLS
    #[arg(
        long,
        env = "NEXAVPN_INSECURE_HTTP",
        hide_env_values = true,
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        value_name = "BOOL",
        value_parser = BoolishValueParser::new()
    )]
    pub insecure_http: Option<bool>,

    /// Proxies (addresses or networks) whose X-Forwarded-For and X-Forwarded-Proto are believed
    #[arg(
        long,
        env = "NEXAVPN_TRUSTED_PROXIES",
        value_name = "CIDR,…",
        value_delimiter = ',',
        hide_env_values = true
    )]
    pub trusted_proxies: Option<Vec<IpNetwork>>,

    /// Login name of the first admin, made at the first start with a one-time password that is
    /// printed once, or with the password in the environment variable NEXAVPN_ADMIN_PASSWORD
    /// [default: admin]
    #[arg(long, env = "NEXAVPN_ADMIN_USERNAME", value_name = "NAME", hide_env_values = true)]
    pub admin_username: Option<String>,

    /// Devices that one user may have at once [default: 10]
    #[arg(long, env = "NEXAVPN_DEVICES_PER_USER", value_name = "N", hide_env_values = true)]
    pub devices_per_user: Option<u32>,

    /// Firewall entries (addresses × protocols × ports) that one policy may come to [default:
    /// 10000]
    #[arg(
        long,
        env = "NEXAVPN_MAX_PROFILE_BOXES",
        value_name = "N",
        hide_env_values = true,
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    pub max_profile_boxes: Option<u32>,

    /// Days that a session lasts after a login [default: 30]
    #[arg(
        long,
        env = "NEXAVPN_SESSION_DAYS",
        value_name = "DAYS",
        hide_env_values = true,
        value_parser = clap::value_parser!(u32).range(1..=3650)
    )]
    pub session_days: Option<u32>,

    /// Minutes that a gateway's join token works [default: 60]
    #[arg(
        long,
        env = "NEXAVPN_JOIN_TOKEN_MINUTES",
        value_name = "MINUTES",
        hide_env_values = true,
        value_parser = clap::value_parser!(u32).range(1..=10_080)
    )]
    pub join_token_minutes: Option<u32>,

    /// Days that a device may keep its old key after `rotate` [default: 7]
    #[arg(
        long,
        env = "NEXAVPN_ROTATION_DAYS",
        value_name = "DAYS",
        hide_env_values = true,
        value_parser = clap::value_parser!(u32).range(1..=365)
    )]
    pub rotation_days: Option<u32>,

    /// Days for which samples of the gateways' hosts are kept [default: 90]
    #[arg(
        long,
        env = "NEXAVPN_TELEMETRY_DAYS",
        value_name = "DAYS",
        hide_env_values = true,
        value_parser = clap::value_parser!(u16).range(1..=3650)
    )]
    pub telemetry_days: Option<u16>,

    /// Days after which the key that signs access tokens is followed by another one [default: 30]
    #[arg(
        long,
        env = "NEXAVPN_TOKEN_KEY_DAYS",
        value_name = "DAYS",
        hide_env_values = true,
        value_parser = clap::value_parser!(u32).range(1..=3650)
    )]
    pub token_key_days: Option<u32>,

    /// What the transparency log is called in its checkpoints, for example
    /// `vpn.example.com/log`; settled at the first start [default: a random one]
    #[arg(long, env = "NEXAVPN_LOG_NAME", value_name = "NAME", hide_env_values = true)]
    pub log_name: Option<String>,

    /// Minutes that a released address rests before another device may have it [default: 60]
    #[arg(
        long,
        env = "NEXAVPN_ADDRESS_REST_MINUTES",
        value_name = "MINUTES",
        hide_env_values = true,
        value_parser = clap::value_parser!(u32).range(0..=525_600)
    )]
    pub address_rest_minutes: Option<u32>,

    /// Allow webhooks with http:// addresses. What they are sent then crosses the network readable
    #[arg(
        long,
        env = "NEXAVPN_WEBHOOK_PLAIN_HTTP",
        hide_env_values = true,
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        value_name = "BOOL",
        value_parser = BoolishValueParser::new()
    )]
    pub webhook_plain_http: Option<bool>,

    /// Networks that webhooks may lead to although they are not of the public internet, such as the
    /// one of a log collector; none unless given
    #[arg(
        long,
        env = "NEXAVPN_WEBHOOK_NETWORKS",
        value_name = "CIDR,…",
        value_delimiter = ',',
        hide_env_values = true
    )]
    pub webhook_networks: Option<Vec<IpNetwork>>,

    /// `[http]` in the file.
    #[command(flatten)]
    #[serde(skip)]
    pub http: HttpArgs,

    /// `[wg_easy]` in the file.
    #[command(flatten)]
    #[serde(skip)]
    pub wg_easy: WgEasyArgs,
}

/// What a configuration file may hold: the options of each group by their long names, with `_`
/// for `-`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct File {
    /// `[database]`
    pub database: DatabaseArgs,
    /// `[log]`
    pub log: LogArgs,
    /// `[serve]`
    pub serve: ServeArgs,
    /// `[http]`
    pub http: HttpArgs,
    /// `[wg_easy]`
    pub wg_easy: WgEasyArgs,
}

/// Why a configuration file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It cannot be read.
    #[error("cannot read the configuration file {path}: {source}")]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is not what we expect. Says where, and never what: a value may be a password.
    #[error("the configuration file {path}{place}: {message}")]
    Malformed {
        /// Which.
        path: PathBuf,
        /// The line, where it is known.
        place: String,
        /// What is wrong.
        message: String,
    },
}

impl File {
    /// Reads a file.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn read(path: PathBuf) -> Result<Self, ConfigError> {
        match std::fs::read_to_string(&path) {
            Err(source) => Err(ConfigError::Unreadable { path, source }),
            Ok(text) => Self::parse(&text).map_err(|error| {
                let place = error.span().map(|span| {
                    let before = text.get(..span.start).unwrap_or(&text);
                    format!(", line {}", before.matches('\n').count() + 1)
                });
                let place = place.unwrap_or_default();
                ConfigError::Malformed { path, place, message: error.message().to_owned() }
            }),
        }
    }

    fn parse(text: &str) -> Result<Self, toml::de::Error> {
        toml::from_str(text)
    }
}

impl DatabaseArgs {
    /// These, and those of the file where these say nothing. A variable that is set to nothing
    /// says nothing.
    #[must_use]
    pub fn or(mut self, file: Self) -> Self {
        let said = |url: &DatabaseUrl| !url.expose().trim().is_empty();
        self.database_url = self.database_url.filter(said);
        self.migrate_url = self.migrate_url.filter(said);
        or!(self, file, data_dir, database_url, migrate_url, master_key_file, max_connections)
    }
}

impl LogArgs {
    /// These, and those of the file where these say nothing.
    #[must_use]
    pub fn or(self, file: Self) -> Self {
        or!(self, file, log_format, log)
    }
}

impl ServeArgs {
    /// These, and those of the file where these say nothing.
    #[must_use]
    pub fn or(self, file: Self) -> Self {
        or!(
            self,
            file,
            listen,
            insecure_http,
            trusted_proxies,
            admin_username,
            devices_per_user,
            max_profile_boxes,
            session_days,
            join_token_minutes,
            rotation_days,
            telemetry_days,
            token_key_days,
            log_name,
            address_rest_minutes,
            webhook_plain_http,
            webhook_networks,
            http,
            wg_easy,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = r#"
        [database]
        data_dir = "/srv/nexavpn"
        database_url = "postgres://nexavpn:secret@db/nexavpn"
        [log]
        log_format = "json"
        [serve]
        listen = "127.0.0.1:9000"
        trusted_proxies = ["10.0.0.0/8"]
        devices_per_user = 3
    "#;

    #[test]
    fn what_was_given_comes_before_the_file() {
        let file = File::parse(EXAMPLE).unwrap();
        let given = ServeArgs { devices_per_user: Some(5), ..ServeArgs::default() };
        let serve = given.or(file.serve);
        assert_eq!(serve.devices_per_user, Some(5));
        assert_eq!(serve.listen, Some("127.0.0.1:9000".parse().unwrap()));
        assert_eq!(serve.session_days, None);
    }

    #[test]
    fn an_empty_variable_says_nothing() {
        let file = File::parse(EXAMPLE).unwrap();
        let given =
            DatabaseArgs { database_url: Some(DatabaseUrl::new("")), ..DatabaseArgs::default() };
        let url = given.or(file.database).database_url.unwrap();
        assert_eq!(url.expose(), "postgres://nexavpn:secret@db/nexavpn");
    }

    #[test]
    fn a_mistyped_name_is_refused_with_its_line_and_without_values() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("nexavpn.toml");
        std::fs::write(&path, "[database]\ndatabase_ulr = \"postgres://u:secret@h/d\"\n").unwrap();
        let error = File::read(path).unwrap_err().to_string();
        assert!(error.contains("line 2"), "{error}");
        assert!(error.contains("database_ulr"), "{error}");
        assert!(!error.contains("secret"), "{error}");
    }

    #[test]
    fn a_url_is_never_shown() {
        let file = File::parse(EXAMPLE).unwrap();
        assert!(!format!("{file:?}").contains("secret"));
    }
}
