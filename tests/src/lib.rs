//! NexaVPN.
