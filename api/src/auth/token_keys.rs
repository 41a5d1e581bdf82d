//! The keys of access tokens: the newest signs, each verifies until its last token has expired.
//!
//! They are sealed secrets of the installation, one by one, numbered. Every process looks at them
//! again every few seconds of use, and at once for a key that it does not know; a new key signs
//! only once all have had the time to learn of it.

use std::sync::{Arc, PoisonError, RwLock};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{DecodingKey, EncodingKey};
use nexavpn_commands::Random;
use nexavpn_store::{KeyError, Keyring};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::jwt::LIFETIME;

/// What the names of the sealed secrets begin with; a number follows.
const PREFIX: &str = "access-token-key/";
/// How long a new key waits until it signs. Longer than the two pauses below together.
const INTRODUCTION: TimeDelta = TimeDelta::seconds(15);
/// How long the keys are not looked at again.
const FRESH: TimeDelta = TimeDelta::seconds(5);
/// The same where a token names a key that is not known: so that such tokens cost nothing much.
const FRESH_FOR_UNKNOWN: TimeDelta = TimeDelta::seconds(1);
/// How far the clocks of two processes may be apart.
const SKEW: TimeDelta = TimeDelta::seconds(60);

/// A key as it is sealed.
#[derive(Serialize, Deserialize)]
struct Stored {
    /// 32 bytes in base64.
    seed: String,
    /// When it was made.
    made_at: DateTime<Utc>,
    /// From when it signs.
    signs_from: DateTime<Utc>,
}

/// A key.
pub(super) struct TokenKey {
    number: u64,
    pub(super) kid: String,
    made_at: DateTime<Utc>,
    signs_from: DateTime<Utc>,
    pub(super) encoding: EncodingKey,
    pub(super) decoding: DecodingKey,
}

/// What an operator is told of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenKeyInfo {
    /// Its id in tokens.
    pub kid: String,
    /// When it was made.
    pub made_at: DateTime<Utc>,
    /// From when it signs.
    pub signs_from: DateTime<Utc>,
}

impl TokenKey {
    fn new(number: u64, stored: &Stored) -> Option<Self> {
        let seed: [u8; 32] = BASE64_STANDARD.decode(&stored.seed).ok()?.try_into().ok()?;
        let public = ed25519_dalek::SigningKey::from_bytes(&seed).verifying_key().to_bytes();
        Some(Self {
            number,
            kid: hex::encode(&Sha256::digest(public)[..8]),
            made_at: stored.made_at,
            signs_from: stored.signs_from,
            encoding: EncodingKey::from_ed_der(&pkcs8(&seed)),
            decoding: DecodingKey::from_ed_der(&public),
        })
    }

    fn info(&self) -> TokenKeyInfo {
        let Self { kid, made_at, signs_from, .. } = self;
        TokenKeyInfo { kid: kid.clone(), made_at: *made_at, signs_from: *signs_from }
    }
}

fn name(number: u64) -> String {
    format!("{PREFIX}{number:010}")
}

/// A PKCS #8 document of an Ed25519 seed (RFC 8410, section 7), as the JWT library reads it.
fn pkcs8(seed: &[u8; 32]) -> Vec<u8> {
    const PREFIX: [u8; 16] =
        [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
    [&PREFIX[..], seed].concat()
}

/// The keys as last looked at, by number.
#[derive(Clone, Default)]
struct Known {
    keys: Vec<Arc<TokenKey>>,
    looked_at: Option<DateTime<Utc>>,
}

impl Known {
    fn is_fresh(&self, now: DateTime<Utc>, bound: TimeDelta) -> bool {
        self.looked_at.is_some_and(|at| (now - at).abs() < bound)
    }

    /// Until when tokens of a key that work for `lifetime` seconds may be about: the next one signs, and its last token expires.
    fn ends(&self, key: &TokenKey, lifetime: i64) -> Option<DateTime<Utc>> {
        let next = self.keys.iter().find(|k| k.number > key.number)?;
        Some(next.signs_from + TimeDelta::seconds(lifetime) + SKEW)
    }
}

/// The keys of this installation. Cheap to clone; clones share what they know.
#[derive(Clone)]
pub(super) struct TokenKeys {
    keyring: Keyring,
    random: Arc<dyn Random>,
    /// The age at which the newest key is followed by another one.
    rotate_after: TimeDelta,
    /// How long the longest of their tokens work, in seconds.
    longest: i64,
    known: Arc<RwLock<Known>>,
    looking: Arc<tokio::sync::Mutex<()>>,
}

impl TokenKeys {
    pub(super) fn new(keyring: Keyring, random: Arc<dyn Random>, rotate_after: TimeDelta) -> Self {
        let (known, looking) = (Arc::default(), Arc::default());
        Self { keyring, random, rotate_after, longest: LIFETIME, known, looking }
    }

    /// Keeps each key until tokens that work so many seconds have expired.
    pub(super) fn keep_for(&mut self, seconds: i64) {
        self.longest = self.longest.max(seconds);
    }

    /// The key that signs now.
    pub(super) async fn signing(&self, now: DateTime<Utc>) -> Result<Arc<TokenKey>, KeyError> {
        self.look(now, FRESH).await?;
        let known = self.known();
        let signs = known.keys.iter().rev().find(|k| k.signs_from <= now);
        // A clock that was set back makes the oldest one sign.
        let key = signs.or_else(|| known.keys.first());
        key.cloned().ok_or_else(|| KeyError::Damaged(PREFIX.into()))
    }

    /// The key with this id, while those of its tokens may be about that work so many seconds.
    pub(super) async fn verifying(
        &self,
        kid: &str,
        lifetime: i64,
        now: DateTime<Utc>,
    ) -> Result<Option<Arc<TokenKey>>, KeyError> {
        self.look(now, FRESH).await?;
        let find = |known: &Known| {
            let key = known.keys.iter().find(|k| k.kid == kid)?;
            known.ends(key, lifetime).is_none_or(|end| now < end).then(|| Arc::clone(key))
        };
        let found = find(&self.known());
        if found.is_some() {
            return Ok(found);
        }
        self.look(now, FRESH_FOR_UNKNOWN).await?;
        Ok(find(&self.known()))
    }

    /// Makes the next key. With `drop_old` it signs at once and no other one verifies any more:
    /// every access token has to be refreshed.
    pub(super) async fn rotate(&self, now: DateTime<Utc>, drop_old: bool) -> Result<(), KeyError> {
        let _looking = self.looking.lock().await;
        let before = self.read().await?;
        let wait = if drop_old { TimeDelta::zero() } else { INTRODUCTION };
        let next = before.last().map_or(0, |k| k.number) + 1;
        self.make(next, now, now + wait).await?;
        if drop_old {
            for key in before {
                self.keyring.drop_secret(&name(key.number)).await?;
            }
        }
        self.set_known(self.read().await?, now);
        Ok(())
    }

    /// All keys, the oldest first.
    pub(super) async fn list(&self) -> Result<Vec<TokenKeyInfo>, KeyError> {
        Ok(self.read().await?.iter().map(|k| k.info()).collect())
    }

    /// Looks at the stored keys, unless that was done within the bound. Makes the first one, and
    /// the next one where the newest is old; drops those whose tokens have all expired.
    pub(super) async fn look(&self, now: DateTime<Utc>, bound: TimeDelta) -> Result<(), KeyError> {
        if self.known().is_fresh(now, bound) {
            return Ok(());
        }
        let _looking = self.looking.lock().await;
        if self.known().is_fresh(now, bound) {
            return Ok(());
        }
        let mut keys = self.read().await?;
        let newest = keys.last();
        if newest.is_none_or(|k| k.made_at + self.rotate_after <= now) {
            let number = newest.map_or(0, |k| k.number) + 1;
            // The first one of all has nobody to wait for.
            let wait = if newest.is_some() { INTRODUCTION } else { TimeDelta::zero() };
            self.make(number, now, now + wait).await?;
            keys = self.read().await?;
        }
        self.set_known(keys, now);
        let known = self.known();
        let over = |key: &&Arc<TokenKey>| {
            known.ends(key, self.longest).is_some_and(|end| end + SKEW < now)
        };
        for key in known.keys.iter().filter(over) {
            self.keyring.drop_secret(&name(key.number)).await?;
        }
        Ok(())
    }

    /// Stores a key under this number, unless another process was first.
    async fn make(
        &self,
        number: u64,
        made_at: DateTime<Utc>,
        signs_from: DateTime<Utc>,
    ) -> Result<(), KeyError> {
        let mut seed = [0; 32];
        self.random.fill(&mut seed);
        let stored = Stored { seed: BASE64_STANDARD.encode(seed), made_at, signs_from };
        let bytes = serde_json::to_vec(&stored).map_err(|_| KeyError::Crypto)?;
        self.keyring.secret_or(&name(number), &bytes).await?;
        Ok(())
    }

    async fn read(&self) -> Result<Vec<Arc<TokenKey>>, KeyError> {
        let key = |(name, bytes): (String, Vec<u8>)| {
            let number = name.strip_prefix(PREFIX).and_then(|n| n.parse().ok());
            let stored = serde_json::from_slice(&bytes).ok();
            number
                .zip(stored)
                .and_then(|(number, stored)| TokenKey::new(number, &stored))
                .map(Arc::new)
                .ok_or(KeyError::Damaged(name))
        };
        let mut keys: Vec<Arc<TokenKey>> =
            self.keyring.secrets(PREFIX).await?.into_iter().map(key).collect::<Result<_, _>>()?;
        keys.sort_by_key(|k| k.number);
        Ok(keys)
    }

    fn known(&self) -> Known {
        self.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_known(&self, keys: Vec<Arc<TokenKey>>, now: DateTime<Utc>) {
        let known = Known { keys, looked_at: Some(now) };
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = known;
    }
}
