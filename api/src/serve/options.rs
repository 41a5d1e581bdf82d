//! What a server is started with.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use chrono::TimeDelta;
use nexavpn_commands::{Clock, OsRandom, PasswordHasher, Random, Secret, Settings, SystemClock};
use nexavpn_gateway_projector::TELEMETRY_DAYS;

use super::{
    ServeError,
    connections::ConnectionLimits,
    tls::{TlsError, TlsOptions},
};
use crate::{
    HttpOptions,
    config::{DATA_DIR, DatabaseArgs, DatabaseUrl, HttpArgs, ServeArgs, WgEasyArgs},
    dialects::wg_easy::{WgEasyError, WgEasyOptions, WgEasyRates},
};

/// Which database, and what opens its seals.
#[derive(Debug, Clone)]
pub struct DatabaseOptions {
    /// For the embedded PostgreSQL and the master key.
    pub data_dir: PathBuf,
    /// A database of one's own; without it the embedded one.
    pub database_url: Option<DatabaseUrl>,
    /// The same database as its owner.
    pub migrate_url: Option<DatabaseUrl>,
    /// The master key's file, where it is not in the data directory.
    pub master_key_file: Option<PathBuf>,
    /// Connections in the pool.
    pub max_connections: u32,
}

impl DatabaseOptions {
    /// Everything in one directory.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            database_url: None,
            migrate_url: None,
            master_key_file: None,
            max_connections: 32,
        }
    }

    /// Where the master key is.
    #[must_use]
    pub fn master_key_file(&self) -> PathBuf {
        self.master_key_file.clone().unwrap_or_else(|| self.data_dir.join("master.key"))
    }
}

impl From<DatabaseArgs> for DatabaseOptions {
    fn from(args: DatabaseArgs) -> Self {
        let defaults = Self::new(args.data_dir.unwrap_or_else(|| DATA_DIR.into()));
        Self {
            database_url: args.database_url,
            migrate_url: args.migrate_url,
            master_key_file: args.master_key_file,
            max_connections: args.max_connections.unwrap_or(defaults.max_connections),
            ..defaults
        }
    }
}

/// The admin who is made where there is none.
#[derive(Debug, Clone)]
pub struct FirstAdminOptions {
    /// The login name.
    pub username: String,
    /// The first password; generated where it is left out. To be changed at the first login in
    /// any case.
    pub password: Option<Secret>,
}

/// How often and how patiently the background tasks work.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// The longest pause of the clock that appends what is due.
    pub clock: Duration,
    /// How often the guard and the horizon are looked at.
    pub watch: Duration,
    /// How old an open transaction is before the log names it.
    pub horizon: Duration,
    /// How often the partitions of telemetry are made and dropped.
    pub telemetry: Duration,
    /// The pause after the first attempt of a webhook that fails; it doubles with each further one.
    pub webhooks: Duration,
    /// How long the first start waits until the new signing key is known everywhere.
    pub establish: Duration,
    /// How long requests may take to finish at a shutdown.
    pub drain: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            clock: Duration::from_secs(60),
            watch: Duration::from_secs(5),
            horizon: Duration::from_secs(10),
            telemetry: Duration::from_secs(3600),
            webhooks: Duration::from_secs(1),
            establish: Duration::from_secs(5),
            drain: Duration::from_secs(10),
        }
    }
}

/// Everything that a server is started with.
#[derive(Clone)]
pub struct ServeOptions {
    /// Where the data is.
    pub database: DatabaseOptions,
    /// Where to answer.
    pub listen: SocketAddr,
    /// Whether to answer other machines without TLS.
    pub insecure_http: bool,
    /// The certificate, where TLS is spoken.
    pub tls: Option<TlsOptions>,
    /// What connections may take.
    pub connections: ConnectionLimits,
    /// How HTTP is spoken.
    pub http: HttpOptions,
    /// The wg-easy dialect, where it is switched on.
    pub wg_easy: Option<WgEasyOptions>,
    /// Limits of the commands.
    pub settings: Settings,
    /// How the event store works.
    pub store: nexavpn_store::Options,
    /// The age at which the key that signs access tokens is followed by another one.
    pub token_key_age: TimeDelta,
    /// What the transparency log is called from its first start on; a name of its own where it is
    /// left out.
    pub log_name: Option<String>,
    /// For how many days samples of the gateways' hosts are kept.
    pub telemetry_days: u16,
    /// Memory, passes and lanes of argon2.
    pub argon2: (u32, u32, u32),
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Gives ids, tokens and keys.
    pub random: Arc<dyn Random>,
    /// The admin who is made where there is none.
    pub first_admin: FirstAdminOptions,
    /// How often the background tasks work.
    pub pace: Pace,
}

impl ServeOptions {
    /// The defaults, on a free port of the loopback address.
    #[must_use]
    pub fn new(database: DatabaseOptions) -> Self {
        Self {
            database,
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            insecure_http: false,
            tls: None,
            connections: ConnectionLimits::default(),
            http: HttpOptions::default(),
            wg_easy: None,
            settings: Settings::default(),
            store: nexavpn_store::Options::default(),
            token_key_age: TimeDelta::days(30),
            log_name: None,
            telemetry_days: TELEMETRY_DAYS,
            argon2: PasswordHasher::OWASP,
            clock: Arc::new(SystemClock),
            random: Arc::new(OsRandom),
            first_admin: FirstAdminOptions { username: "admin".into(), password: None },
            pace: Pace::default(),
        }
    }

    /// What the command line, the environment and the file say.
    ///
    /// # Errors
    /// Where one option needs another.
    pub fn from_args(
        database: DatabaseArgs,
        serve: ServeArgs,
        admin_password: Option<Secret>,
    ) -> Result<Self, ServeError> {
        let mut options = Self::new(database.into());
        options.listen =
            serve.listen.unwrap_or_else(|| SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)));
        options.insecure_http = serve.insecure_http.unwrap_or(false);
        options.http.trusted_proxies = serve.trusted_proxies.unwrap_or_default();
        if let Some(name) = serve.admin_username {
            options.first_admin.username = name;
        }
        options.first_admin.password = admin_password;
        let settings = &mut options.settings;
        if let Some(n) = serve.devices_per_user {
            settings.devices_per_user = n;
        }
        if let Some(n) = serve.max_profile_boxes {
            settings.max_profile_boxes = usize::try_from(n).unwrap_or(usize::MAX);
        }
        if let Some(plain) = serve.webhook_plain_http {
            settings.webhooks.plain_http = plain;
        }
        if let Some(networks) = serve.webhook_networks {
            settings.webhooks.networks = networks;
        }
        if let Some(days) = serve.session_days {
            settings.session_lifetime = TimeDelta::days(days.into());
        }
        if let Some(minutes) = serve.join_token_minutes {
            settings.join_token_lifetime = TimeDelta::minutes(minutes.into());
        }
        if let Some(days) = serve.rotation_days {
            settings.rotation_period = TimeDelta::days(days.into());
        }
        if let Some(days) = serve.telemetry_days {
            options.telemetry_days = days;
        }
        options.log_name = serve.log_name.filter(|name| !name.is_empty());
        if let Some(days) = serve.token_key_days {
            options.token_key_age = TimeDelta::days(days.into());
        }
        if let Some(minutes) = serve.address_rest_minutes {
            options.store.rest = Duration::from_secs(u64::from(minutes) * 60);
        }
        options.wg_easy = wg_easy(serve.wg_easy)?;
        options.speak_http(serve.http)?;
        Ok(options)
    }

    fn speak_http(&mut self, args: HttpArgs) -> Result<(), ServeError> {
        self.tls = match (args.tls_cert, args.tls_key) {
            (Some(cert), Some(key)) => Some(TlsOptions { cert, key }),
            (None, None) => None,
            _ => return Err(TlsError::OnlyOne.into()),
        };
        self.http.cors_origins = args.cors_origins.unwrap_or_default();
        self.http.metrics_networks = args.metrics_networks.unwrap_or_default();
        if let Some(n) = args.rate_per_address {
            self.http.rate_per_address = n;
        }
        if let Some(n) = args.rate_per_principal {
            self.http.rate_per_principal = n;
        }
        if let Some(n) = args.max_clients {
            self.connections.total = n as usize;
        }
        Ok(())
    }
}

fn wg_easy(args: WgEasyArgs) -> Result<Option<WgEasyOptions>, WgEasyError> {
    let (owner, password_hash) = match (args.wg_easy_owner, args.wg_easy_password_hash) {
        (Some(owner), Some(hash)) => (owner, hash.trim().to_owned()),
        (None, None) => return Ok(None),
        _ => return Err(WgEasyError::Incomplete),
    };
    let rates = WgEasyRates::default();
    let rates = WgEasyRates {
        session: args.wg_easy_rate_session.unwrap_or(rates.session),
        create: args.wg_easy_rate_create.unwrap_or(rates.create),
        list: args.wg_easy_rate_list.unwrap_or(rates.list),
        delete: args.wg_easy_rate_delete.unwrap_or(rates.delete),
    };
    let options = WgEasyOptions { owner, password_hash, gateway: args.wg_easy_gateway, rates };
    options.check()?;
    Ok(Some(options))
}
