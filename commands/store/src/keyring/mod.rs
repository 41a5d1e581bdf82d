//! The master key and what it wraps: people's data keys and the installation's secrets.

mod answers;
mod crypto;
mod master;
mod sealing_keys;
mod wrapped;

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use aws_lc_rs::hmac;
use nexavpn_domain::{ClaimKind, ids::UserId};
use sqlx::{PgConnection, PgPool, postgres::PgConnectOptions};
use uuid::Uuid;

pub use answers::ForgetAnswers;
pub(crate) use crypto::Key;
pub use master::MasterKey;
pub use wrapped::WrappedKey;

use crate::{Direct, KeyError};
use sealing_keys::SealingKeys;
use wrapped::Sealers;

/// A known text under the master key: tells a wrong one before it does harm.
const CHECK: &str = "master_key_check";
const CHECK_TEXT: &[u8] = b"nexavpn";
/// The key of claims' HMACs. Wrapped like any secret, so that another master key changes no claim.
const CLAIMS: &str = "claims_hmac";

/// How many connections there are besides the pool's for what every request asks.
const DIRECT: usize = 8;

/// Wraps and unwraps keys. Cheap to clone; clones share the master key.
#[derive(Clone)]
pub struct Keyring {
    pool: PgPool,
    direct: Direct,
    sealing: Arc<SealingKeys>,
    master: Arc<RwLock<Key>>,
    claims: hmac::Key,
    sealers: Arc<Sealers>,
}

impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keyring(..)")
    }
}

impl Keyring {
    /// Checks the master key against the database, or sets a new database up with it.
    ///
    /// # Errors
    /// [`KeyError::WrongMasterKey`] where the database was set up with another one.
    pub async fn open(pool: PgPool, master: MasterKey) -> Result<Self, KeyError> {
        let master = master.0;
        let mut conn = pool.acquire().await?;
        let check = ensure_secret(&mut conn, &master, CHECK, CHECK_TEXT).await?;
        let opened = master.open(&secret_context(CHECK), &check);
        if opened.as_deref() != Some(CHECK_TEXT) {
            return Err(KeyError::WrongMasterKey);
        }
        let fresh = Key::random()?;
        let claims = ensure_secret(&mut conn, &master, CLAIMS, fresh.bytes()).await?;
        let claims = master
            .open(&secret_context(CLAIMS), &claims)
            .ok_or_else(|| KeyError::Damaged(CLAIMS.into()))?;
        drop(conn);
        let claims = hmac::Key::new(hmac::HMAC_SHA256, &claims);
        let master = Arc::new(RwLock::new(master));
        let (sealing, sealers) = (Arc::default(), Arc::default());
        let direct = Direct::new(PgConnectOptions::clone(&pool.connect_options()), DIRECT);
        Ok(Self { pool, direct, sealing, master, claims, sealers })
    }

    /// For the statements that run with every request.
    pub(crate) const fn direct(&self) -> &Direct {
        &self.direct
    }

    /// The stored key of a personal claim.
    #[must_use]
    pub fn claims_hmac(&self, kind: ClaimKind, key: &str) -> String {
        let mut context = hmac::Context::with_key(&self.claims);
        context.update(kind.as_str().as_bytes());
        context.update(b"\0");
        context.update(key.as_bytes());
        hex::encode(context.sign())
    }

    /// The keyed hash of a personal value that is looked up by equality and is no claim. `domain`
    /// says what it is, so that equal values of two kinds have different hashes.
    #[must_use]
    pub fn lookup_hmac(&self, domain: &str, value: &str) -> String {
        let mut context = hmac::Context::with_key(&self.claims);
        context.update(b"lookup\0");
        context.update(domain.as_bytes());
        context.update(b"\0");
        context.update(value.as_bytes());
        hex::encode(context.sign())
    }

    /// Stores a secret of the installation, wrapped, under a new name.
    ///
    /// # Errors
    /// Where the database fails, also because the name is taken.
    pub async fn seal_secret(&self, name: &str, bytes: &[u8]) -> Result<(), KeyError> {
        let wrapped = self.master().seal(&secret_context(name), bytes)?;
        sqlx::query("INSERT INTO sealed_secret (name, wrapped) VALUES ($1, $2)")
            .bind(name)
            .bind(wrapped)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// A stored secret.
    ///
    /// # Errors
    /// [`KeyError::Damaged`] where it was not wrapped by this master key under this name.
    pub async fn open_secret(&self, name: &str) -> Result<Option<Vec<u8>>, KeyError> {
        let wrapped: Option<Vec<u8>> =
            sqlx::query_scalar("SELECT wrapped FROM sealed_secret WHERE name = $1")
                .bind(name)
                .fetch_optional(&self.pool)
                .await?;
        wrapped
            .map(|w| {
                self.master()
                    .open(&secret_context(name), &w)
                    .ok_or_else(|| KeyError::Damaged(name.to_owned()))
            })
            .transpose()
    }

    /// The stored secret, or this one, stored now; of two processes at once both get the same.
    ///
    /// # Errors
    /// As [`open_secret`](Self::open_secret).
    pub async fn secret_or(&self, name: &str, fresh: &[u8]) -> Result<Vec<u8>, KeyError> {
        let master = self.master();
        let mut conn = self.pool.acquire().await?;
        let wrapped = ensure_secret(&mut conn, &master, name, fresh).await?;
        master.open(&secret_context(name), &wrapped).ok_or_else(|| KeyError::Damaged(name.into()))
    }

    /// The stored secrets whose names begin so, by name.
    ///
    /// # Errors
    /// As [`open_secret`](Self::open_secret).
    pub async fn secrets(&self, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, KeyError> {
        let wrapped: Vec<(String, Vec<u8>)> = sqlx::query_as(
            "SELECT name, wrapped FROM sealed_secret WHERE starts_with(name, $1) ORDER BY name",
        )
        .bind(prefix)
        .fetch_all(&self.pool)
        .await?;
        let master = self.master();
        let open = |(name, wrapped): (String, Vec<u8>)| match master
            .open(&secret_context(&name), &wrapped)
        {
            Some(bytes) => Ok((name, bytes)),
            None => Err(KeyError::Damaged(name)),
        };
        wrapped.into_iter().map(open).collect()
    }

    /// Destroys a stored secret. One that is not there is no fault: another process was first.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn drop_secret(&self, name: &str) -> Result<(), KeyError> {
        sqlx::query("DELETE FROM sealed_secret WHERE name = $1")
            .bind(name)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Wraps everything with another master key, in one transaction. No other process may be
    /// running: it would go on with the old one.
    ///
    /// # Errors
    /// Where something cannot be unwrapped; nothing has changed then.
    pub async fn rewrap(&self, new: MasterKey) -> Result<(), KeyError> {
        let old = self.master();
        let mut tx = self.pool.begin().await?;
        sqlx::query("LOCK TABLE data_key, sealed_secret IN EXCLUSIVE MODE")
            .execute(&mut *tx)
            .await?;
        let secrets: Vec<(String, Vec<u8>)> =
            sqlx::query_as("SELECT name, wrapped FROM sealed_secret").fetch_all(&mut *tx).await?;
        let mut names = Vec::new();
        let mut wrapped = Vec::new();
        for (name, w) in secrets {
            let context = secret_context(&name);
            let plain = old.open(&context, &w).ok_or_else(|| KeyError::Damaged(name.clone()))?;
            wrapped.push(new.0.seal(&context, &plain)?);
            names.push(name);
        }
        sqlx::query(
            "UPDATE sealed_secret s SET wrapped = n.wrapped
             FROM unnest($1::text[], $2::bytea[]) AS n (name, wrapped) WHERE s.name = n.name",
        )
        .bind(names)
        .bind(wrapped)
        .execute(&mut *tx)
        .await?;
        let keys: Vec<(Uuid, Vec<u8>)> =
            sqlx::query_as("SELECT user_id, wrapped FROM data_key").fetch_all(&mut *tx).await?;
        let mut ids = Vec::new();
        let mut wrapped = Vec::new();
        for (id, w) in keys {
            let key = unwrap_key(&old, UserId(id), &w)?;
            wrapped.push(new.0.seal(&key_context(UserId(id)), key.bytes())?);
            ids.push(id);
        }
        sqlx::query(
            "UPDATE data_key d SET wrapped = n.wrapped
             FROM unnest($1::uuid[], $2::bytea[]) AS n (user_id, wrapped)
             WHERE d.user_id = n.user_id",
        )
        .bind(ids)
        .bind(wrapped)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        *self.master.write().unwrap_or_else(PoisonError::into_inner) = new.0;
        Ok(())
    }

    /// A new data key, and what is stored of it.
    pub(crate) fn new_data_key(&self, user: UserId) -> Result<(Key, Vec<u8>), KeyError> {
        let key = Key::random()?;
        let wrapped = self.master().seal(&key_context(user), key.bytes())?;
        Ok((key, wrapped))
    }

    /// The data keys of those who still have one, for opening. Asked for each time: a kept key
    /// could open what was erased.
    pub(crate) async fn data_keys(&self, users: &[UserId]) -> Result<DataKeys, KeyError> {
        if users.is_empty() {
            return Ok(DataKeys::default());
        }
        let ids: Vec<Uuid> = users.iter().map(|u| u.0).collect();
        let found: Vec<(Uuid, Vec<u8>)> =
            sqlx::query_as("SELECT user_id, wrapped FROM data_key WHERE user_id = ANY($1)")
                .bind(ids)
                .fetch_all(&self.direct)
                .await?;
        let master = self.master();
        let key = |(id, w): (Uuid, Vec<u8>)| {
            let user = UserId(id);
            unwrap_key(&master, user, &w).map(|k| (user, k))
        };
        found.into_iter().map(key).collect()
    }

    /// The same for sealing, where a key may have been destroyed a moment ago.
    pub(crate) async fn sealing_keys(&self, users: &[UserId]) -> Result<DataKeys, KeyError> {
        let kept = |user: &UserId| Some((*user, self.sealing.get(*user)?));
        let mut keys: DataKeys = users.iter().filter_map(kept).collect();
        let missing: Vec<UserId> =
            users.iter().filter(|user| !keys.contains_key(user)).copied().collect();
        for (user, key) in self.data_keys(&missing).await? {
            self.sealing.keep(user, &key);
            keys.insert(user, key);
        }
        Ok(keys)
    }

    /// Lets go of keys that are being destroyed.
    pub(crate) fn forget(&self, users: &[UserId]) {
        self.sealing.forget(users);
    }

    fn master(&self) -> Key {
        self.master.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Data keys by whose they are.
pub(crate) type DataKeys = HashMap<UserId, Key>;

fn unwrap_key(master: &Key, user: UserId, wrapped: &[u8]) -> Result<Key, KeyError> {
    master
        .open(&key_context(user), wrapped)
        .and_then(|k| <[u8; 32]>::try_from(k).ok())
        .map(Key::from_bytes)
        .ok_or_else(|| KeyError::Damaged(format!("data key of {user}")))
}

fn key_context(user: UserId) -> Vec<u8> {
    format!("data_key|{user}").into_bytes()
}

fn secret_context(name: &str) -> Vec<u8> {
    format!("sealed_secret|{name}").into_bytes()
}

async fn ensure_secret(
    conn: &mut PgConnection,
    master: &Key,
    name: &str,
    fresh: &[u8],
) -> Result<Vec<u8>, KeyError> {
    const READ: &str = "SELECT wrapped FROM sealed_secret WHERE name = $1";
    let stored: Option<Vec<u8>> =
        sqlx::query_scalar(READ).bind(name).fetch_optional(&mut *conn).await?;
    if let Some(stored) = stored {
        return Ok(stored);
    }
    sqlx::query("INSERT INTO sealed_secret (name, wrapped) VALUES ($1, $2) ON CONFLICT DO NOTHING")
        .bind(name)
        .bind(master.seal(&secret_context(name), fresh)?)
        .execute(&mut *conn)
        .await?;
    Ok(sqlx::query_scalar(READ).bind(name).fetch_one(&mut *conn).await?)
}
