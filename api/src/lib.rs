//! NexaVPN.
pub mod postgres;
