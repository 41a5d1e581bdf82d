//! Benchmarks: what `./bench <name>` measures, and on what.
//!
//! | file | holds |
//! | --- | --- |
//! | `append.rs` | the rounds of `./bench append` |
//! | `http/` | those of `./bench http`: its control planes, and what clients do |
//! | `fleet/` | those of `./bench fleet`: fleets of two sizes, and a change in each |
//! | `propagation/` | those of `./bench propagation`: waiting gateways, and changes meanwhile |
//! | `apply/` | those of `./bench apply`: an agent's engine on a node of its own, and packets |
//! | `wg_easy/` | those of `./bench wg-easy`: clients of the dialect made, listed and deleted |
//! | `audit/` | those of `./bench audit`: a long history, and who asks about it |
//! | `ground.rs` | the cluster, its databases, and what the machine is |
//! | `drive.rs` | any number of clients at work, and what they measured |
//! | `pgbench.rs`, `stock.rs`, `ours.rs` | contenders |
//! | `report.rs` | medians, ratios, the table and the JSON |

pub mod append;
pub mod apply;
pub mod audit;
mod drive;
pub mod fleet;
mod ground;
pub mod http;
mod ours;
mod pgbench;
pub mod propagation;
mod report;
mod stock;
pub mod wg_easy;

/// Whatever goes wrong ends the benchmark, in words.
pub type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;
