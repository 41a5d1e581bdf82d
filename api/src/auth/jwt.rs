//! Access tokens: JWTs signed with Ed25519 (RFC 8037), 15 minutes, with a key id.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode,
};
use nexavpn_commands::Random;
use nexavpn_domain::ids::{SessionId, UserId};
use nexavpn_store::{KeyError, Keyring};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// How long an access token works, in seconds.
pub const LIFETIME: i64 = 900;
/// The name of the sealed secret that holds the signing key.
const SECRET: &str = "jwt-signing-key";
const ISSUER: &str = "nexavpn";

/// What a token says. It says who; whether that session may still act is asked each time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// The user.
    pub sub: UserId,
    /// The session.
    pub sid: SessionId,
    /// Who made the token.
    pub iss: String,
    /// When it was made, Unix seconds.
    pub iat: i64,
    /// When it stops working, Unix seconds.
    pub exp: i64,
}

/// Why there is no token service, or a token does not work.
#[derive(Debug, thiserror::Error)]
pub enum JwtError {
    /// The signing key could not be read or kept.
    #[error("the key for access tokens: {0}")]
    Key(#[from] KeyError),
    /// The key or a token could not be worked with.
    #[error("the access token: {0}")]
    Token(#[from] jsonwebtoken::errors::Error),
}

/// Makes and checks access tokens.
#[derive(Clone)]
pub struct AccessTokens {
    kid: Arc<str>,
    encoding: Arc<EncodingKey>,
    decoding: Arc<DecodingKey>,
}

impl AccessTokens {
    /// Reads the signing key from the keyring, or makes the first one.
    ///
    /// # Errors
    /// Where the keyring fails.
    pub async fn open(keyring: &Keyring, random: &dyn Random) -> Result<Self, JwtError> {
        let mut fresh = [0; 32];
        random.fill(&mut fresh);
        // Another process may have been first: what is stored counts.
        let seed = keyring.secret_or(SECRET, &fresh).await?;
        let seed = seed.try_into().map_err(|_| KeyError::Damaged(SECRET.into()))?;
        Ok(Self::from_seed(&seed))
    }

    fn from_seed(seed: &[u8; 32]) -> Self {
        let key = ed25519_dalek::SigningKey::from_bytes(seed);
        let public = key.verifying_key().to_bytes();
        let kid = hex::encode(&Sha256::digest(public)[..8]);
        Self {
            kid: kid.into(),
            encoding: Arc::new(EncodingKey::from_ed_der(&pkcs8(seed))),
            decoding: Arc::new(DecodingKey::from_ed_der(&public)),
        }
    }

    /// A token for a session.
    ///
    /// # Errors
    /// Where signing failed.
    pub fn issue(
        &self,
        user: UserId,
        session: SessionId,
        now: DateTime<Utc>,
    ) -> Result<String, JwtError> {
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some(self.kid.to_string());
        let iat = now.timestamp();
        let claims =
            Claims { sub: user, sid: session, iss: ISSUER.into(), iat, exp: iat + LIFETIME };
        Ok(encode(&header, &claims, &self.encoding)?)
    }

    /// What a token says, if we made it and it works now.
    #[must_use]
    pub fn check(&self, token: &str, now: DateTime<Utc>) -> Option<Claims> {
        let header = decode_header(token).ok()?;
        if header.alg != Algorithm::EdDSA || header.kid.as_deref() != Some(&*self.kid) {
            return None;
        }
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[ISSUER]);
        // Times are checked below against the clock that was passed in.
        validation.validate_exp = false;
        validation.set_required_spec_claims(&["exp", "iss", "sub"]);
        let claims = decode::<Claims>(token, &self.decoding, &validation).ok()?.claims;
        let now = now.timestamp();
        let valid =
            claims.iat <= now + 60 && now < claims.exp && claims.exp - claims.iat <= LIFETIME;
        valid.then_some(claims)
    }
}

/// A PKCS #8 document of an Ed25519 seed (RFC 8410, section 7), as the JWT library reads it.
fn pkcs8(seed: &[u8; 32]) -> Vec<u8> {
    const PREFIX: [u8; 16] =
        [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
    [&PREFIX[..], seed].concat()
}
