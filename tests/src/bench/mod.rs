//! Benchmarks: what `./bench <name>` measures, and on what.
//!
//! | file | holds |
//! | --- | --- |
//! | `append.rs` | the rounds of `./bench append` |
//! | `ground.rs` | the cluster, its databases, and what the machine is |
//! | `drive.rs` | any number of writers at work, and what they measured |
//! | `pgbench.rs`, `stock.rs`, `ours.rs` | the contenders |
//! | `report.rs` | medians, ratios, the table and the JSON |

pub mod append;
mod drive;
mod ground;
mod ours;
mod pgbench;
mod report;
mod stock;

/// Whatever goes wrong ends the benchmark, in words.
pub type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;
