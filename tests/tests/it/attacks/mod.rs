//! What attackers try, and what it gets them: nothing.

mod disabled_user;
mod enumeration;
mod forged_tokens;
mod others_bundle;
mod others_devices;
mod reused_refresh_token;
mod smuggled_role;
