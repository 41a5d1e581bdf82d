//! What the dialect is switched on with.

use std::sync::Arc;

use nexavpn_commands::{CommandError, PasswordHasher};

use super::{WgEasy, limits::Limits};
use crate::App;

/// Requests a minute; 0 means any number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WgEasyRates {
    /// Sign-ins from one address.
    pub session: u32,
    /// New clients, of all callers together.
    pub create: u32,
    /// Lists in one session.
    pub list: u32,
    /// Deleted clients, of all callers together.
    pub delete: u32,
}

impl Default for WgEasyRates {
    /// Those of wg-easy's contract.
    fn default() -> Self {
        Self { session: 5, create: 10, list: 60, delete: 10 }
    }
}

/// What the dialect is switched on with.
#[derive(Clone)]
pub struct WgEasyOptions {
    /// The login name of the user who owns its clients.
    pub owner: String,
    /// The PHC string (argon2id) of its password.
    pub password_hash: String,
    /// The name of the gateway for new clients; the one with the fewest devices otherwise.
    pub gateway: Option<String>,
    /// How often its clients may call.
    pub rates: WgEasyRates,
}

/// Why the dialect cannot be switched on.
#[derive(Debug, thiserror::Error)]
pub enum WgEasyError {
    /// One without the other.
    #[error(
        "the wg-easy dialect needs both --wg-easy-owner and --wg-easy-password-hash \
         (NEXAVPN_WG_EASY_OWNER and NEXAVPN_WG_EASY_PASSWORD_HASH)"
    )]
    Incomplete,
    /// The hash is none.
    #[error(
        "NEXAVPN_WG_EASY_PASSWORD_HASH is not a hash of argon2id: make one with `nexavpn wg-easy \
         hash-password`, and keep the shell from replacing its $ signs (single quotes)"
    )]
    Hash,
    /// Nobody has that name.
    #[error(
        "the user {0:?} who should own the clients of the wg-easy dialect does not exist: make the \
         user first, or name another one with --wg-easy-owner"
    )]
    Owner(String),
    /// No gateway has that name.
    #[error("there is no gateway {0:?} for the clients of the wg-easy dialect (--wg-easy-gateway)")]
    Gateway(String),
    /// The names could not be looked up.
    #[error(transparent)]
    Command(#[from] CommandError),
}

impl WgEasyOptions {
    /// Looks at what can be told without a database.
    ///
    /// # Errors
    /// Where the hash is none.
    pub fn check(&self) -> Result<(), WgEasyError> {
        if PasswordHasher::reads(&self.password_hash) { Ok(()) } else { Err(WgEasyError::Hash) }
    }
}

impl WgEasy {
    /// Switches it on. Names are looked up once: user and gateway may be renamed then.
    ///
    /// # Errors
    /// [`WgEasyError`].
    pub async fn open(app: App, options: WgEasyOptions) -> Result<Self, WgEasyError> {
        options.check()?;
        let WgEasyOptions { owner, password_hash, gateway, rates } = options;
        let named = app.commands.user_named(&owner).await?;
        let owner = named.ok_or(WgEasyError::Owner(owner))?;
        let gateway = match gateway {
            None => None,
            Some(name) => {
                let named = app.commands.gateway_named(&name).await?;
                Some(named.ok_or(WgEasyError::Gateway(name))?)
            }
        };
        let (password_hash, limits) = (password_hash.into(), Arc::new(Limits::new(rates)));
        let last_list = super::clients::list::LastList::default();
        Ok(Self { app, owner, password_hash, gateway, limits, last_list })
    }
}
