//! How passwords are kept.

use std::sync::{Arc, Mutex, PoisonError};

use argon2::{
    Algorithm, Argon2, Block, Params, Version,
    password_hash::phc::{Output, ParamsString, PasswordHash, Salt},
};
use tokio::sync::Semaphore;

use crate::{CommandError, Secret};

/// How many may wait for each hash that runs.
const WAITING: usize = 64;

type Memory = Vec<Block>;

/// Hashes with argon2id, off the async threads, so many at a time.
#[derive(Clone)]
pub struct PasswordHasher {
    argon2: Argon2<'static>,
    permits: Arc<Semaphore>,
    /// Those who may wait for one: more would only wait longer than anybody does.
    waiting: Arc<Semaphore>,
    /// Memory of hashes that have ended. Made anew each time, it would be scattered by what is
    /// allocated beside it, and hundreds of megabytes would stay behind after a hundred logins.
    spare: Arc<Mutex<Vec<Memory>>>,
    /// Verified when the account is unknown, so that it takes as long as for a known one.
    decoy: Arc<str>,
}

impl PasswordHasher {
    /// OWASP's parameters: 19 MiB, 2 passes, 1 lane.
    pub const OWASP: (u32, u32, u32) = (19 * 1024, 2, 1);

    /// A hasher with the given memory (KiB), passes and lanes that runs at most `concurrency`
    /// hashes at once (each takes its memory).
    ///
    /// # Errors
    /// Where argon2 does not accept the parameters.
    pub fn new(
        (memory, passes, lanes): (u32, u32, u32),
        concurrency: usize,
    ) -> Result<Self, CommandError> {
        let params = Params::new(memory, passes, lanes, None).map_err(|_| CommandError::Hashing)?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let mut memory = Memory::new();
        let decoy = hash(&argon2, "decoy", &[7; 16], &mut memory)?;
        let spare = Arc::new(Mutex::new(vec![memory]));
        let permits = Arc::new(Semaphore::new(concurrency.max(1)));
        let waiting = Arc::new(Semaphore::new(concurrency.max(1) * WAITING));
        Ok(Self { argon2, permits, waiting, spare, decoy: decoy.into() })
    }

    /// Whether a text is a hash of argon2id that passwords can be held against.
    #[must_use]
    pub fn reads(stored: &str) -> bool {
        PasswordHash::new(stored).is_ok_and(|hash| {
            hash.algorithm == Algorithm::Argon2id.ident()
                && hash.salt.is_some()
                && hash.hash.is_some()
                && Params::try_from(&hash).is_ok()
        })
    }

    /// The PHC string of a password.
    ///
    /// # Errors
    /// Where hashing failed.
    pub async fn hash(&self, password: Secret, salt: [u8; 16]) -> Result<String, CommandError> {
        let argon2 = self.argon2.clone();
        self.run(move |memory| hash(&argon2, password.expose(), &salt, memory)).await?
    }

    /// Whether the password fits the hash. Takes the same time without a hash.
    ///
    /// # Errors
    /// Where the stored hash cannot be read.
    pub async fn verify(
        &self,
        password: Secret,
        stored: Option<String>,
    ) -> Result<bool, CommandError> {
        let decoy = Arc::clone(&self.decoy);
        self.run(move |memory| {
            let known = stored.is_some();
            let stored = stored.unwrap_or_else(|| decoy.to_string());
            Ok(verify(&stored, password.expose(), memory)? && known)
        })
        .await?
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Memory) -> T + Send + 'static,
    ) -> Result<T, CommandError> {
        let waiting = self.waiting.try_acquire().map_err(|_| CommandError::Overloaded)?;
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        let permit = permit.map_err(|_| CommandError::Hashing)?;
        drop(waiting);
        let spare = Arc::clone(&self.spare);
        tokio::task::spawn_blocking(move || {
            let kept = spare.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let mut memory = kept.unwrap_or_default();
            let result = work(&mut memory);
            spare.lock().unwrap_or_else(PoisonError::into_inner).push(memory);
            drop(permit);
            result
        })
        .await
        .map_err(|_| CommandError::Hashing)
    }
}

fn hash(
    argon2: &Argon2<'_>,
    password: &str,
    salt: &[u8; 16],
    memory: &mut Memory,
) -> Result<String, CommandError> {
    let salt = Salt::new(salt).map_err(|_| CommandError::Hashing)?;
    let output = output(argon2, password, &salt, Params::DEFAULT_OUTPUT_LEN, memory)?;
    let params = ParamsString::try_from(argon2.params()).map_err(|_| CommandError::Hashing)?;
    let hash = PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params,
        salt: Some(salt),
        hash: Some(output),
    };
    Ok(hash.to_string())
}

/// Hashes with the stored hash's own parameters, which may be those of an older version.
fn verify(stored: &str, password: &str, memory: &mut Memory) -> Result<bool, CommandError> {
    let stored = PasswordHash::new(stored).map_err(|_| CommandError::Hashing)?;
    let (Some(salt), Some(expected)) = (&stored.salt, &stored.hash) else {
        return Err(CommandError::Hashing);
    };
    let algorithm =
        Algorithm::try_from(stored.algorithm.as_str()).map_err(|_| CommandError::Hashing)?;
    let version = stored.version.map(Version::try_from).transpose();
    let version = version.map_err(|_| CommandError::Hashing)?.unwrap_or_default();
    let params = Params::try_from(&stored).map_err(|_| CommandError::Hashing)?;
    let argon2 = Argon2::new(algorithm, version, params);
    // Compared in constant time.
    Ok(output(&argon2, password, salt, expected.len(), memory)? == *expected)
}

fn output(
    argon2: &Argon2<'_>,
    password: &str,
    salt: &[u8],
    length: usize,
    memory: &mut Memory,
) -> Result<Output, CommandError> {
    let blocks = argon2.params().block_count();
    if memory.len() < blocks {
        memory.resize(blocks, Block::default());
    }
    let memory = memory.get_mut(..blocks).ok_or(CommandError::Hashing)?;
    let mut out = [0; Output::MAX_LENGTH];
    let out = out.get_mut(..length).ok_or(CommandError::Hashing)?;
    argon2
        .hash_password_into_with_memory(password.as_bytes(), salt, &mut *out, memory)
        .map_err(|_| CommandError::Hashing)?;
    Output::new(out).map_err(|_| CommandError::Hashing)
}

#[cfg(test)]
mod tests {
    use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};

    use super::*;

    #[tokio::test]
    async fn hashes_are_those_of_the_crate() {
        let hasher = PasswordHasher::new((64, 2, 1), 2).unwrap();
        let ours = hasher.hash(Secret::new("correct horse"), [3; 16]).await.unwrap();
        assert!(Argon2::default().verify_password(b"correct horse", ours.as_str()).is_ok());
        assert!(Argon2::default().verify_password(b"another", ours.as_str()).is_err());
        // Also with parameters that were in use before, larger and smaller.
        for (memory, passes) in [(8, 1), (256, 3)] {
            let params = Params::new(memory, passes, 1, None).unwrap();
            let theirs = Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
                .hash_password_with_salt(b"correct horse", &[9; 16])
                .unwrap()
                .to_string();
            for (password, fits) in [("correct horse", true), ("another", false)] {
                let stored = Some(theirs.clone());
                let verified = hasher.verify(Secret::new(password), stored).await.unwrap();
                assert_eq!(verified, fits, "{password} {memory}");
            }
        }
        assert!(!hasher.verify(Secret::new("decoy"), None).await.unwrap());
        assert!(hasher.verify(Secret::new("x"), Some("nonsense".into())).await.is_err());
        assert_eq!(hasher.spare.lock().unwrap().len(), 1);
        assert!(PasswordHasher::reads(&ours));
        let other = ours.replace("argon2id", "argon2i");
        for text in ["nonsense", "", other.as_str(), "$argon2id$v=19$m=8,t=1,p=1"] {
            assert!(!PasswordHasher::reads(text), "{text}");
        }
    }
}
