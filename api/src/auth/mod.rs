//! Who calls, and whether they may.

mod jwt;
mod layer;
pub mod permissions;
mod seen_tokens;
mod token_keys;

pub use jwt::{AccessTokens, Claims, JwtError, LIFETIME as ACCESS_TOKEN_LIFETIME};
pub use layer::{Caller, Origin, Principal, authorise};
pub(crate) use layer::{authenticate, sign_in};
pub use token_keys::TokenKeyInfo;
