//! How HTTP is spoken.

use std::path::PathBuf;

use clap::Args;
use ipnetwork::IpNetwork;
use serde::Deserialize;

use crate::CorsOrigin;

/// Options of `serve` about HTTP.
#[derive(Debug, Clone, Default, Args, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[command(next_help_heading = "HTTP")]
pub struct HttpArgs {
    /// Certificate chain (PEM, the server's own first): NexaVPN then speaks TLS, and only TLS.
    /// Read again on SIGHUP
    #[arg(long, env = "NEXAVPN_TLS_CERT", value_name = "FILE", hide_env_values = true)]
    pub tls_cert: Option<PathBuf>,

    /// The certificate's private key (PEM)
    #[arg(long, env = "NEXAVPN_TLS_KEY", value_name = "FILE", hide_env_values = true)]
    pub tls_key: Option<PathBuf>,

    /// Web pages that may call the API from a browser, by their origins, such as
    /// https://admin.example.com; none unless given
    #[arg(
        long = "cors-origin",
        env = "NEXAVPN_CORS_ORIGINS",
        value_name = "ORIGIN,…",
        value_delimiter = ',',
        hide_env_values = true
    )]
    pub cors_origins: Option<Vec<CorsOrigin>>,

    /// Addresses or networks that see /metrics besides this machine itself
    #[arg(
        long,
        env = "NEXAVPN_METRICS_NETWORKS",
        value_name = "CIDR,…",
        value_delimiter = ',',
        hide_env_values = true
    )]
    pub metrics_networks: Option<Vec<IpNetwork>>,

    /// Requests a minute from one address (or IPv6 /64) where nobody is signed in, sign-ins among
    /// them; 0 switches the limit off [default: 600]
    #[arg(long, env = "NEXAVPN_RATE_PER_ADDRESS", value_name = "N", hide_env_values = true)]
    pub rate_per_address: Option<u32>,

    /// Requests a minute of one user or gateway; 0 switches the limit off [default: 12000]
    #[arg(long, env = "NEXAVPN_RATE_PER_PRINCIPAL", value_name = "N", hide_env_values = true)]
    pub rate_per_principal: Option<u32>,

    /// Connections at once; others wait. One address has at most a quarter of them [default: 8192]
    #[arg(
        long,
        env = "NEXAVPN_MAX_CLIENTS",
        value_name = "N",
        hide_env_values = true,
        value_parser = clap::value_parser!(u32).range(16..=1_000_000)
    )]
    pub max_clients: Option<u32>,
}

impl HttpArgs {
    /// These, and those of the file where these say nothing.
    #[must_use]
    pub fn or(self, file: Self) -> Self {
        or!(
            self,
            file,
            tls_cert,
            tls_key,
            cors_origins,
            metrics_networks,
            rate_per_address,
            rate_per_principal,
            max_clients,
        )
    }
}
