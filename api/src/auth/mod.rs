//! Who calls, and whether they may.

mod jwt;
mod layer;
pub mod permissions;

pub use jwt::{AccessTokens, Claims, JwtError, LIFETIME as ACCESS_TOKEN_LIFETIME};
pub use layer::{Caller, Origin, Principal, authorise};
