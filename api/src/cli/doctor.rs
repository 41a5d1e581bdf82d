//! `nexavpn doctor`
//!
//! To add a check: a method of [`Doctor`] and a line in [`Doctor::examine`].

use std::os::unix::fs::PermissionsExt as _;

use chrono::Utc;
use nexavpn_commands::{Commands, SIGNING_KEYS};
use nexavpn_domain::security::Security;
use nexavpn_gateway_projector::SigningKeys;
use nexavpn_projections::REGISTRY;
use nexavpn_store::Guard;
use sqlx::PgPool;

use super::{
    CliError, Context,
    output::{count, out},
    session::Session,
};
use crate::serve::open_commands;

/// A transaction that is open for longer holds everybody up.
const OLD: chrono::TimeDelta = chrono::TimeDelta::seconds(10);

pub(super) async fn run(context: Context) -> Result<(), CliError> {
    let session = Session::open_existing(context).await?;
    let mut doctor = Doctor { session: &session, problems: 0 };
    let done = doctor.examine().await;
    let problems = doctor.problems;
    session.close(done).await?;
    if problems == 0 {
        out("\nEverything is as it should be.");
        return Ok(());
    }
    out(&format!("\n{} to mend.", count(problems, "problem")));
    Err(CliError::Problems)
}

struct Doctor<'a> {
    session: &'a Session,
    problems: u64,
}

impl Doctor<'_> {
    async fn examine(&mut self) -> Result<(), CliError> {
        self.database().await?;
        self.master_key_file();
        if !self.schema().await? {
            return Ok(());
        }
        let commands = match open_commands(&self.session.pool, &self.session.options).await {
            Ok(commands) => {
                self.ok("keys", "the master key fits the database");
                commands
            }
            Err(error) => {
                self.problem("keys", &error.to_string());
                return Ok(());
            }
        };
        self.guard(&commands);
        self.roles(&commands).await?;
        self.horizon().await?;
        self.admin(&commands).await?;
        self.signing_key(&commands).await?;
        self.read_models().await
    }

    fn ok(&self, what: &str, text: &str) {
        out(&format!("ok       {what:<14} {text}"));
    }

    fn note(&self, what: &str, text: &str) {
        out(&format!("note     {what:<14} {text}"));
    }

    fn problem(&mut self, what: &str, text: &str) {
        self.problems += 1;
        out(&format!("PROBLEM  {what:<14} {}", text.replace('\n', "\n                        ")));
    }

    async fn database(&mut self) -> Result<(), CliError> {
        let version: String = sqlx::query_scalar("SELECT current_setting('server_version')")
            .fetch_one(&self.session.pool)
            .await?;
        let database = &self.session.database;
        let kind = match (database.is_embedded(), database.is_served()) {
            (false, _) => "",
            (true, true) => "embedded, in use by a running server, ",
            (true, false) => "embedded, started for this command, ",
        };
        self.ok("database", &format!("PostgreSQL {version}, {kind}{}", database.place));
        let durable: bool = sqlx::query_scalar(
            "SELECT current_setting('fsync')::bool AND current_setting('full_page_writes')::bool",
        )
        .fetch_one(&self.session.pool)
        .await?;
        if !durable {
            self.problem(
                "durability",
                "fsync or full_page_writes is off: a crash of the machine loses data",
            );
        }
        Ok(())
    }

    async fn schema(&mut self) -> Result<bool, CliError> {
        match self.session.database.pending().await {
            Ok(pending) if pending.is_empty() => {
                self.ok("schema", "up to date");
                return Ok(true);
            }
            Ok(pending) => {
                let n = count(pending.len() as u64, "migration");
                self.problem("schema", &format!("{n} to be done: run `nexavpn migrate`"));
            }
            Err(error) => self.problem("schema", &error.to_string()),
        }
        Ok(false)
    }

    fn master_key_file(&mut self) {
        let path = self.session.options.database.master_key_file();
        let shown = path.display();
        match std::fs::metadata(&path) {
            Err(error) => self.problem("master key", &format!("{shown}: {error}")),
            Ok(file) if file.permissions().mode() & 0o077 != 0 => {
                self.problem("master key", &format!("others may read it: chmod 600 {shown}"));
            }
            Ok(_) => self.ok("master key", &format!("{shown}, for its owner only")),
        }
    }

    fn guard(&mut self, commands: &Commands) {
        match commands.store().guard() {
            Guard::Ok => self.ok("history", &format!("epoch {}", commands.store().epoch())),
            Guard::Restored { why } => self.problem(
                "history",
                &format!(
                    "{why}: no writes until `nexavpn restore accept`, if this is the history to \
                     go on from"
                ),
            ),
        }
    }

    async fn roles(&mut self, commands: &Commands) -> Result<(), CliError> {
        if commands.store().could_alter_events().await? {
            self.problem(
                "roles",
                "the server's role could alter recorded events: set NEXAVPN_MIGRATE_URL to the \
                 role that owns the database, and DATABASE_URL to another one without rights",
            );
        } else {
            self.ok("roles", "the server can add events and not alter them");
        }
        Ok(())
    }

    async fn horizon(&mut self) -> Result<(), CliError> {
        let pool = &self.session.pool;
        let Some(open) = nexavpn_store::horizon(pool).await? else {
            self.ok("horizon", "no open transaction holds events back");
            return Ok(());
        };
        let age = open.since.map(|since| Utc::now() - since);
        if age.is_none_or(|age| age < OLD) {
            self.ok("horizon", "open transactions are young");
            return Ok(());
        }
        let seconds = age.map_or(0, |age| age.num_seconds());
        let who = format!(
            "process {} ({}) in database {}",
            open.pid.map_or_else(|| "of a prepared transaction".to_owned(), |pid| pid.to_string()),
            open.application.as_deref().unwrap_or("unnamed"),
            open.database.as_deref().unwrap_or("unknown"),
        );
        self.problem(
            "horizon",
            &format!(
                "a transaction of {who} has been open for {seconds} s and keeps all newer \
                 events, revocations too, out of sight: end it"
            ),
        );
        Ok(())
    }

    async fn admin(&mut self, commands: &Commands) -> Result<(), CliError> {
        if commands.needs_first_admin().await? {
            self.note("admin", "there is none yet: `nexavpn serve` or `admin create` makes one");
        } else {
            self.ok("admin", "there is an enabled one");
        }
        Ok(())
    }

    async fn signing_key(&mut self, commands: &Commands) -> Result<(), CliError> {
        let store = commands.store();
        let known = store.load::<Security>(SIGNING_KEYS).await?.state;
        let Some(key_id) = known.signing_key() else {
            self.note("signing key", "there is none yet: `nexavpn serve` makes one");
            return Ok(());
        };
        match SigningKeys::new(store.keyring().clone()).verifying_key(key_id).await {
            Ok(_) => self.ok("signing key", key_id),
            Err(error) => self.problem("signing key", &error.to_string()),
        }
        Ok(())
    }

    async fn read_models(&mut self) -> Result<(), CliError> {
        let checkpoints = checkpoints(&self.session.pool).await?;
        let served = self.session.database.is_served();
        for projection in REGISTRY {
            let name = projection.name();
            let Some(found) = checkpoints.iter().find(|c| c.name == name) else {
                self.note("read model", &format!("{name} is new: `nexavpn serve` fills it"));
                continue;
            };
            if found.version != projection.version() {
                self.problem(
                    "read model",
                    &format!("{name} is of an older version: run `nexavpn rebuild {name}`"),
                );
            } else if let Some(reason) = &found.failed_reason {
                let idx = found.failed_idx.unwrap_or_default();
                self.problem(
                    "read model",
                    &format!(
                        "{name} was stopped by event {idx}: {reason}. Update NexaVPN, or run \
                              `nexavpn rebuild {name}`"
                    ),
                );
            } else if found.behind > 0 {
                let behind = count(found.behind.unsigned_abs(), "event");
                let why = if served { "and catching up" } else { "which a server folds" };
                self.note("read model", &format!("{name} is {behind} behind, {why}"));
            } else {
                self.ok("read model", name);
            }
        }
        Ok(())
    }
}

#[derive(sqlx::FromRow)]
struct Checkpoint {
    name: String,
    version: i32,
    behind: i64,
    failed_idx: Option<i64>,
    failed_reason: Option<String>,
}

/// Read as they are: following them, as a server does, would change them.
async fn checkpoints(pool: &PgPool) -> Result<Vec<Checkpoint>, sqlx::Error> {
    sqlx::query_as(
        "SELECT c.name, c.version, h.idx - c.idx AS behind, c.failed_idx, c.failed_reason
         FROM read.projection_checkpoint c, log_head h",
    )
    .fetch_all(pool)
    .await
}
