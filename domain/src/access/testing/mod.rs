//! For tests, here and in other packages: random policies and packets, and an independent
//! reference for what they mean.

mod reference;
mod rewritten;
mod strategies;

pub use reference::{decide, is_public, opened_by};
pub use rewritten::pairs;
pub use strategies::{Case, cases, cases_of, probes, services_of_interest};
