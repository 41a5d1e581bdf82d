//! `nexavpn keys`

use chrono::SubsecRound as _;
use clap::{Args, Subcommand};
use nexavpn_commands::{Commands, Request, SIGNING_KEYS};
use nexavpn_domain::security::Security;
use nexavpn_gateway_projector::SigningKeys;

use super::{CliError, Context, output::out, session::Session};
use crate::{auth::AccessTokens, serve::ServeError};

/// What to do.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List the keys that sign access tokens
    List,
    /// Make the next key that signs access tokens, before the present one is due; running servers
    /// learn of it by themselves
    Rotate(Rotate),
    /// Make the next key that signs the gateways' bundles, signed by the present one; running
    /// servers and gateways learn of it by themselves, and no gateway goes without a bundle
    RotateBundles,
}

/// How.
#[derive(Debug, Args)]
pub(super) struct Rotate {
    /// Destroy the other keys at once: every client has to refresh its access token. For a key
    /// that somebody else has seen
    #[arg(long)]
    drop_old: bool,
}

pub(super) async fn run(context: Context, command: Command) -> Result<(), CliError> {
    let session = Session::open_existing(context).await?;
    let done = act(&session, command).await;
    let lines = session.close(done).await?;
    lines.iter().for_each(|line| out(line));
    Ok(())
}

async fn act(session: &Session, command: Command) -> Result<Vec<String>, CliError> {
    let commands = session.commands().await?;
    if matches!(command, Command::RotateBundles) {
        return rotate_bundles(session, &commands).await;
    }
    let (keyring, random) =
        (commands.store().keyring().clone(), std::sync::Arc::clone(&session.options.random));
    let tokens = AccessTokens::new(keyring, random, session.options.token_key_age);
    if let Command::Rotate(Rotate { drop_old }) = command {
        tokens.rotate(commands.now(), drop_old).await.map_err(ServeError::from)?;
    }
    let keys = tokens.keys().await.map_err(ServeError::from)?;
    let line = |key: &crate::auth::TokenKeyInfo| {
        let time = |at: chrono::DateTime<chrono::Utc>| at.trunc_subsecs(0).to_rfc3339();
        format!("{}  made {}  signs from {}", key.kid, time(key.made_at), time(key.signs_from))
    };
    Ok(keys.iter().map(line).collect())
}

async fn rotate_bundles(session: &Session, commands: &Commands) -> Result<Vec<String>, CliError> {
    let keys = SigningKeys::new(commands.store().keyring().clone());
    let known = commands.store().load::<Security>(SIGNING_KEYS).await.map_err(ServeError::from)?;
    let Some(in_force) = known.state.signing_key() else {
        return Err(CliError::Said(
            "there is no key yet: `nexavpn serve` makes the first one".into(),
        ));
    };
    let mut seed = [0; 32];
    session.options.random.fill(&mut seed);
    let introduce = keys.next(in_force, &seed).await.map_err(ServeError::from)?;
    let request = Request::system("cli", commands.new_id());
    commands.introduce_signing_key(&request, introduce).await.map_err(ServeError::from)?;
    let known = commands.store().load::<Security>(SIGNING_KEYS).await.map_err(ServeError::from)?;
    let now = known.state.signing_key().unwrap_or_default();
    Ok(vec![format!("{now} signs bundles from now on, after {in_force}")])
}
