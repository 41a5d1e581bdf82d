//! The gateway bundle: its types, its canonical bytes, its signature, and what
//! a node checks before it believes one. No I/O, no clock, no randomness, so
//! that the control plane and the agent share one meaning.
//!
//! | module | holds |
//! | --- | --- |
//! | [`payload`] | the payload's types, profile names |
//! | [`canonical`](mod@canonical) | RFC 8785 bytes with every array sorted |
//! | [`chain`] | how a node comes to trust the next signing key |
//! | [`contents`] | a payload that is changed piece by piece |
//! | [`delta`] | what leads from one bundle to a later one |
//! | [`envelope`] | signing and verifying |
//! | [`ranges`] | the textual ranges inside profiles |
//! | [`validate`](mod@validate) | what a payload must satisfy beyond its types |
//! | [`secrets`] | preshared keys, apart from the bundle |
//! | [`token`] | the join token |
//! | `written` | the canonical bytes of devices and profiles |
//! | [`wire`] | requests and answers between agent and control plane |

pub mod canonical;
pub mod chain;
pub mod contents;
pub mod delta;
pub mod envelope;
mod error;
pub mod payload;
pub mod ranges;
pub mod secrets;
pub mod token;
pub mod validate;
pub mod wire;
mod written;

pub use canonical::canonical;
pub use chain::{ChainedKey, SigningKeyChain, sign_key};
pub use contents::{Change, Contents};
pub use delta::{Base, Delta, DeltaEnvelope, is_delta, verify_delta};
pub use envelope::{
    Envelope, Seal, SignedBundle, VerifiedBundle, etag, key_id, sign, sign_contents, signer, verify,
};
pub use error::BundleError;
pub use payload::{
    Device, FORMAT, Frame, Input, Interface, Masquerade, Nat, Payload, PortBox, Profile,
};
pub use secrets::{GatewaySecrets, psk_ref};
pub use token::{JoinToken, TokenError};
pub use validate::{is_interface_name, is_uuid, validate};
pub use wire::{
    Applied, HostCpu, HostInterface, HostMetrics, JoinRequest, JoinResponse, KEY_ROTATION, NextKey,
    PeerStatus, Rejected, StatusReport,
};
pub use written::{CheckedProfile, IntoChecked};
