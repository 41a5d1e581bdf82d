//! Passwords: which ones are taken, and how they are kept.

mod hasher;
mod policy;

pub use hasher::PasswordHasher;
pub use policy::PasswordPolicy;
