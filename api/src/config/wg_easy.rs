//! The wg-easy dialect.

use std::fmt;

use clap::Args;
use serde::Deserialize;

/// Options of `serve` about the wg-easy dialect.
#[derive(Clone, Default, Args, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[command(next_help_heading = "wg-easy (its HTTP API beside ours)")]
pub struct WgEasyArgs {
    /// Login name of the user who owns the clients of wg-easy's API; switches that API on, together
    /// with a password
    #[arg(
        long = "wg-easy-owner",
        env = "NEXAVPN_WG_EASY_OWNER",
        value_name = "NAME",
        hide_env_values = true
    )]
    #[serde(rename = "owner")]
    pub wg_easy_owner: Option<String>,

    /// Hash of the password of wg-easy's API, as `nexavpn wg-easy hash-password` prints it
    #[arg(
        long = "wg-easy-password-hash",
        env = "NEXAVPN_WG_EASY_PASSWORD_HASH",
        value_name = "HASH",
        hide_env_values = true
    )]
    #[serde(rename = "password_hash")]
    pub wg_easy_password_hash: Option<String>,

    /// Name of the gateway that new clients go to [default: the one with the fewest devices]
    #[arg(
        long = "wg-easy-gateway",
        env = "NEXAVPN_WG_EASY_GATEWAY",
        value_name = "NAME",
        hide_env_values = true
    )]
    #[serde(rename = "gateway")]
    pub wg_easy_gateway: Option<String>,

    /// Sign-ins a minute from one address; 0 switches the limit off [default: 5]
    #[arg(
        long = "wg-easy-rate-session",
        env = "NEXAVPN_WG_EASY_RATE_SESSION",
        value_name = "N",
        hide_env_values = true
    )]
    #[serde(rename = "rate_session")]
    pub wg_easy_rate_session: Option<u32>,

    /// New clients a minute; 0 switches the limit off [default: 10]
    #[arg(
        long = "wg-easy-rate-create",
        env = "NEXAVPN_WG_EASY_RATE_CREATE",
        value_name = "N",
        hide_env_values = true
    )]
    #[serde(rename = "rate_create")]
    pub wg_easy_rate_create: Option<u32>,

    /// Lists of clients a minute in one session; 0 switches the limit off [default: 60]
    #[arg(
        long = "wg-easy-rate-list",
        env = "NEXAVPN_WG_EASY_RATE_LIST",
        value_name = "N",
        hide_env_values = true
    )]
    #[serde(rename = "rate_list")]
    pub wg_easy_rate_list: Option<u32>,

    /// Deleted clients a minute; 0 switches the limit off [default: 10]
    #[arg(
        long = "wg-easy-rate-delete",
        env = "NEXAVPN_WG_EASY_RATE_DELETE",
        value_name = "N",
        hide_env_values = true
    )]
    #[serde(rename = "rate_delete")]
    pub wg_easy_rate_delete: Option<u32>,
}

/// Without the hash.
impl fmt::Debug for WgEasyArgs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WgEasyArgs").field("owner", &self.wg_easy_owner).finish_non_exhaustive()
    }
}

impl WgEasyArgs {
    /// These, and those of the file where these say nothing. A variable that is set to nothing
    /// says nothing.
    #[must_use]
    pub fn or(mut self, file: Self) -> Self {
        let said = |text: &String| !text.trim().is_empty();
        self.wg_easy_owner = self.wg_easy_owner.filter(said);
        self.wg_easy_password_hash = self.wg_easy_password_hash.filter(said);
        self.wg_easy_gateway = self.wg_easy_gateway.filter(said);
        or!(
            self,
            file,
            wg_easy_owner,
            wg_easy_password_hash,
            wg_easy_gateway,
            wg_easy_rate_session,
            wg_easy_rate_create,
            wg_easy_rate_list,
            wg_easy_rate_delete,
        )
    }
}
