//! Access tokens: JWTs signed with Ed25519 (RFC 8037), 15 minutes, with a key id.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{Algorithm, Header, Validation, decode, decode_header, encode};
use nexavpn_commands::Random;
use nexavpn_domain::ids::{SessionId, UserId};
use nexavpn_store::{KeyError, Keyring};
use serde::{Deserialize, Serialize};

use super::{
    seen_tokens::{SeenTokens, TokenHash},
    token_keys::{TokenKeyInfo, TokenKeys},
};

/// How long an access token works, in seconds.
pub const LIFETIME: i64 = 900;

/// What a token opens. One of a kind opens nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenUse {
    /// The native API.
    Access,
    /// The wg-easy dialect.
    WgEasy,
}

impl TokenUse {
    const fn issuer(self) -> &'static str {
        match self {
            Self::Access => "nexavpn",
            Self::WgEasy => "nexavpn-wg-easy",
        }
    }

    /// How long such a token works, in seconds.
    #[must_use]
    pub const fn lifetime(self) -> i64 {
        match self {
            Self::Access => LIFETIME,
            // As wg-easy's sessions, which cannot be refreshed.
            Self::WgEasy => 24 * 3600,
        }
    }
}

/// What became of a token that was shown to us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checked {
    /// It is one of ours and works now.
    Works(Claims),
    /// It is one of ours, and its time is over.
    Expired,
    /// It is none of ours, or is signed by a key that was dropped.
    Unknown,
}

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
    keys: TokenKeys,
    seen: Arc<SeenTokens>,
}

impl AccessTokens {
    /// The tokens of the installation that the keyring belongs to. A signing key that is older
    /// than `rotate_after` is followed by another one.
    #[must_use]
    pub fn new(keyring: Keyring, random: Arc<dyn Random>, rotate_after: TimeDelta) -> Self {
        Self { keys: TokenKeys::new(keyring, random, rotate_after), seen: Arc::default() }
    }

    /// The same, with a key to sign with: the first one is made here. Keys are kept for as long as
    /// tokens of these uses work.
    ///
    /// # Errors
    /// Where the keyring fails.
    pub async fn open(
        keyring: Keyring,
        random: Arc<dyn Random>,
        rotate_after: TimeDelta,
        uses: &[TokenUse],
        now: DateTime<Utc>,
    ) -> Result<Self, JwtError> {
        let mut tokens = Self::new(keyring, random, rotate_after);
        for kind in uses {
            tokens.keys.keep_for(kind.lifetime());
        }
        tokens.keys.look(now, TimeDelta::zero()).await?;
        Ok(tokens)
    }

    /// Makes the next signing key. All processes know it before it signs; tokens of those before
    /// it work until they expire. With `drop_old` it signs at once, and no token of the others
    /// works any more, in any process within a few seconds: for a key that somebody else has seen.
    ///
    /// # Errors
    /// Where the keyring fails.
    pub async fn rotate(&self, now: DateTime<Utc>, drop_old: bool) -> Result<(), JwtError> {
        Ok(self.keys.rotate(now, drop_old).await?)
    }

    /// All keys whose tokens may work, the oldest first.
    ///
    /// # Errors
    /// Where the keyring fails.
    pub async fn keys(&self) -> Result<Vec<TokenKeyInfo>, JwtError> {
        Ok(self.keys.list().await?)
    }

    /// A token for a session.
    ///
    /// # Errors
    /// Where signing failed.
    pub async fn issue(
        &self,
        user: UserId,
        session: SessionId,
        now: DateTime<Utc>,
    ) -> Result<String, JwtError> {
        self.issue_for(TokenUse::Access, user, session, now).await
    }

    /// The same for another use.
    ///
    /// # Errors
    /// Where signing failed.
    pub async fn issue_for(
        &self,
        kind: TokenUse,
        user: UserId,
        session: SessionId,
        now: DateTime<Utc>,
    ) -> Result<String, JwtError> {
        let key = self.keys.signing(now).await?;
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some(key.kid.clone());
        let iat = now.timestamp();
        let (iss, exp) = (kind.issuer().into(), iat + kind.lifetime());
        let claims = Claims { sub: user, sid: session, iss, iat, exp };
        Ok(encode(&header, &claims, &key.encoding)?)
    }

    /// What a token says, if we made it, and whether it works now.
    ///
    /// # Errors
    /// Where the keyring fails.
    pub async fn check(&self, token: &str, now: DateTime<Utc>) -> Result<Checked, JwtError> {
        self.check_for(TokenUse::Access, token, now).await
    }

    /// The same for another use.
    ///
    /// # Errors
    /// Where the keyring fails.
    pub async fn check_for(
        &self,
        kind: TokenUse,
        token: &str,
        now: DateTime<Utc>,
    ) -> Result<Checked, JwtError> {
        let hash = TokenHash::of(token);
        let (kid, claims) = match self.seen.get(&hash) {
            Some(seen) => seen,
            None => {
                let Some((kid, claims)) = self.verified(kind, token, now).await? else {
                    return Ok(Checked::Unknown);
                };
                self.seen.put(hash, &kid, &claims);
                (kid, claims)
            }
        };
        // Asked each time: a key that was dropped takes its tokens along.
        if self.keys.verifying(&kid, kind.lifetime(), now).await?.is_none() {
            return Ok(Checked::Unknown);
        }
        let now = now.timestamp();
        let lifetime = claims.exp.saturating_sub(claims.iat);
        // What was seen before may be of another use.
        if claims.iss != kind.issuer() || claims.iat > now + 60 || lifetime > kind.lifetime() {
            return Ok(Checked::Unknown);
        }
        Ok(if now < claims.exp { Checked::Works(claims) } else { Checked::Expired })
    }

    /// The claims of a token that one of our keys has signed, and which key. Its times are not
    /// looked at.
    async fn verified(
        &self,
        kind: TokenUse,
        token: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<(Arc<str>, Claims)>, JwtError> {
        let Ok(header) = decode_header(token) else { return Ok(None) };
        let Some(kid) = header.kid.filter(|_| header.alg == Algorithm::EdDSA) else {
            return Ok(None);
        };
        let Some(key) = self.keys.verifying(&kid, kind.lifetime(), now).await? else {
            return Ok(None);
        };
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[kind.issuer()]);
        // Times are checked each time, against the clock that is passed in.
        validation.validate_exp = false;
        validation.set_required_spec_claims(&["exp", "iss", "sub"]);
        let decoded = decode::<Claims>(token, &key.decoding, &validation);
        Ok(decoded.ok().map(|token| (kid.into(), token.claims)))
    }
}
