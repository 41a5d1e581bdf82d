//! Who calls, and whether they may.

mod jwt;
mod layer;
mod own_page;
pub mod permissions;
mod seen_tokens;
mod token_cookie;
mod token_keys;

pub use jwt::{
    AccessTokens, Checked, Claims, JwtError, LIFETIME as ACCESS_TOKEN_LIFETIME, TokenUse,
};
pub use layer::{Caller, Origin, Principal, authorise};
pub(crate) use layer::{authenticate, caller, sign_in};
pub(crate) use own_page::{OwnPage, is_own};
pub(crate) use token_cookie::TokenCookie;
pub use token_keys::TokenKeyInfo;
