//! Value types: what they take, what they refuse, and that they never change their minds.

mod endpoint;
mod key;
mod network;
mod policy;
mod pool;
mod text;
mod webhook;
