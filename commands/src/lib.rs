//! The write side: one use case per command.
//!
//! Every command loads, lets the domain decide, and appends the events together with the rows that
//! must live or die with them ([`rows`]). A command that lost a race loads and decides again.

mod admin;
mod adoption;
pub mod clock;
mod context;
mod credentials;
mod devices;
mod drain;
mod error;
mod foresight;
mod gateways;
mod groups;
mod import;
mod key_rotation;
mod once;
mod password;
mod policies;
mod rehearse;
mod restore;
pub mod rows;
mod schedule;
mod secrets;
mod security;
mod sessions;
mod throttle;
mod transact;
mod users;
mod webhooks;

pub use admin::FirstAdmin;
pub use adoption::{Adopted, AdoptedClient, AdoptedDevice, Adoption, Standing};
pub use clock::{Clock, SystemClock};
pub use context::{Commands, Request, Settings};
pub use devices::{
    DeviceChange, DeviceSecrets, EnrolRequest, Enrolled, ForUser, Meanwhile, NewKey, Whose,
};
pub use drain::{DrainFailure, DrainProgress, Drains};
pub use error::CommandError;
pub use foresight::Foresight;
pub use gateways::{GatewayInput, GatewayPatch, JoinToken, Joined};
pub use groups::{GroupInput, GroupPatch, Membership};
pub use import::{Import, ImportRow, Imported};
pub use once::{Once, Recorded};
pub use password::{PasswordHasher, PasswordPolicy};
pub use policies::{PolicyInput, PolicyPatch, TargetInput};
pub use rehearse::{Change, Rehearsal};
pub use secrets::{OsRandom, Random, Secret};
pub use security::SIGNING_KEYS;
pub use sessions::{Authenticated, DialectLogin, ListedSession, LoggedIn, RefreshedSession};
pub use throttle::client_network;
pub use transact::Done;
pub use users::{NewUser, UserPatch};
pub use webhooks::{
    Attempt, Claimed, Deliveries, WebhookInput, WebhookIssued, WebhookPatch, WebhookRules,
};
