//! The gateway node: takes signed bundles from the control plane and makes
//! nftables and WireGuard agree with them.
//!
//! | module | does |
//! | --- | --- |
//! | [`host`] | reads how the node's host is |
//! | [`join`] | becomes a gateway with a join token |
//! | [`run`](mod@run) | the loop: fetch, verify, apply, report |
//! | [`contact`] | how long the control plane has been silent |
//! | [`backoff`] | pauses between attempts |
//! | [`trouble`] | says a trouble once, not at each attempt |
//! | [`engine`] | verifies a bundle and applies it, step by step |
//! | [`desired`] | what a bundle means at a moment |
//! | [`nft`] | renders nftables scripts; pure |
//! | [`rules`] | a profile as rules and sets; pure |
//! | [`netfilter`] | changes the ruleset by netlink, without `nft` |
//! | [`firewall`] | loads them, changed parts only |
//! | [`tunnel`] | WireGuard, in the kernel or in user space |
//! | [`listing`] | reads back what nftables holds |
//! | [`key_file`] | the private key of a server that the node replaces |
//! | [`keys`] | the node's WireGuard keys, and their rotation |
//! | [`link`] | addresses, MTU, forwarding |
//! | [`client`] | HTTP to the control plane |
//! | [`metrics`] | the agent in numbers, for Prometheus |
//! | [`report`] | status reports |
//! | [`secrets`] | preshared keys |
//! | [`state`] | what the node keeps on disk |
//! | [`local`] | `status` and `leave` |
//! | [`doctor`] | looks whether the node can be a gateway |
//! | [`prompt`] | asks for the join token |
//!
//! A further firewall backend is one file beside [`firewall`] and one arm of
//! [`firewall::Firewall`]; a further tunnel is one file in `tunnel/` and one arm
//! of [`tunnel::Tunnel`].

pub mod backoff;
pub mod client;
pub mod command;
pub mod contact;
pub mod desired;
pub mod doctor;
pub mod engine;
pub mod firewall;
pub mod host;
pub mod join;
pub mod key_file;
pub mod keys;
pub mod link;
pub mod listing;
pub mod local;
pub mod metrics;
pub mod netfilter;
pub mod nft;
pub mod pin;
pub mod prompt;
pub mod report;
pub mod rules;
pub mod run;
pub mod secrets;
pub mod state;
pub mod trouble;
pub mod tunnel;

/// The version that the agent reports.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
