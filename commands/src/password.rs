//! Passwords.

use std::sync::Arc;

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash},
};
use tokio::sync::Semaphore;

use crate::{CommandError, Secret};

/// The rules for new passwords: length and a list of what is guessed first, not composition (NIST
/// SP 800-63B, section 3.1.1.2).
#[derive(Debug, Clone, Copy)]
pub struct PasswordPolicy;

impl PasswordPolicy {
    /// The fewest characters.
    pub const MIN: usize = 12;
    /// The most characters.
    pub const MAX: usize = 256;

    /// So many characters are looked at in search of what is easy to guess: the time that takes
    /// grows faster than the length.
    const LOOKED_AT: usize = 64;

    /// Checks a new password of somebody of whom others know `about`: names, addresses.
    ///
    /// # Errors
    /// What is wrong and what to do about it, in words, without the password.
    pub fn check(password: &Secret, username: Option<&str>, about: &[&str]) -> Result<(), String> {
        let n = password.expose().chars().count();
        if n < Self::MIN {
            return Err(format!("must have at least {} characters", Self::MIN));
        }
        if n > Self::MAX {
            return Err(format!("must have at most {} characters", Self::MAX));
        }
        let lower = password.expose().to_lowercase();
        if username.is_some_and(|u| u.len() >= 4 && lower.contains(&u.to_lowercase())) {
            return Err("must not contain the username".into());
        }
        let start: String = password.expose().chars().take(Self::LOOKED_AT).collect();
        let known = about.iter().flat_map(|text| {
            // An email address, and what is before its @.
            std::iter::once(*text).chain(text.split_once('@').map(|(name, _)| name))
        });
        let known: Vec<&str> = known.chain(username).chain(["nexavpn"]).collect();
        if zxcvbn::zxcvbn(&start, &known).score() < zxcvbn::Score::Three {
            return Err(
                "is too easy to guess: it is, or resembles, a common or leaked password, a \
                        name or a pattern. Choose another one, for example of several words that \
                        have nothing to do with each other"
                    .into(),
            );
        }
        Ok(())
    }
}

/// How many may wait for each hash that runs.
const WAITING: usize = 64;

/// Hashes with argon2id, off the async threads, so many at a time.
#[derive(Clone)]
pub struct PasswordHasher {
    argon2: Argon2<'static>,
    permits: Arc<Semaphore>,
    /// Those who may wait for one: more would only wait longer than anybody does.
    waiting: Arc<Semaphore>,
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
        let decoy = hash(&argon2, "decoy", &[7; 16])?;
        let permits = Arc::new(Semaphore::new(concurrency.max(1)));
        let waiting = Arc::new(Semaphore::new(concurrency.max(1) * WAITING));
        Ok(Self { argon2, permits, waiting, decoy: decoy.into() })
    }

    /// The PHC string of a password.
    ///
    /// # Errors
    /// Where hashing failed.
    pub async fn hash(&self, password: Secret, salt: [u8; 16]) -> Result<String, CommandError> {
        let argon2 = self.argon2.clone();
        self.run(move || hash(&argon2, password.expose(), &salt)).await?
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
        let argon2 = self.argon2.clone();
        let decoy = Arc::clone(&self.decoy);
        self.run(move || {
            let known = stored.is_some();
            let stored = stored.unwrap_or_else(|| decoy.to_string());
            let hash = PasswordHash::new(&stored).map_err(|_| CommandError::Hashing)?;
            Ok(argon2.verify_password(password.expose().as_bytes(), &hash).is_ok() && known)
        })
        .await?
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, CommandError> {
        let waiting = self.waiting.try_acquire().map_err(|_| CommandError::Overloaded)?;
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        let permit = permit.map_err(|_| CommandError::Hashing)?;
        drop(waiting);
        tokio::task::spawn_blocking(move || {
            let result = work();
            drop(permit);
            result
        })
        .await
        .map_err(|_| CommandError::Hashing)
    }
}

fn hash(argon2: &Argon2<'_>, password: &str, salt: &[u8]) -> Result<String, CommandError> {
    argon2
        .hash_password_with_salt(password.as_bytes(), salt)
        .map(|h| h.to_string())
        .map_err(|_| CommandError::Hashing)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(password: &str) -> Result<(), String> {
        let about = ["Alice Liddell", "wonderland.girl@example.com"];
        PasswordPolicy::check(&Secret::new(password), Some("alice"), &about)
    }

    #[test]
    fn length_counts_in_characters() {
        assert!(check("kürzer").unwrap_err().contains("at least 12"));
        assert!(check(&"nine lives ".repeat(24)).unwrap_err().contains("at most 256"));
        assert_eq!(check("ölfarbe bricht nie"), Ok(()));
        assert_eq!(check("correct horse battery staple"), Ok(()));
    }

    #[test]
    fn what_is_guessed_first_is_refused() {
        for weak in [
            "password1234",
            "P4ssw0rd1234",
            "letmein123456",
            "123456789012",
            "aaaaaaaaaaaaaaaa",
            "qwertyuiop[]",
            "iloveyou2024!",
            "trustno1trustno1",
            "nexavpnnexavpn",
            "NexaVPN2026!",
            "Alice Liddell",
            "wonderland.girl",
            "wonderland.girl@example.com",
            "my name is alice, hello",
        ] {
            assert!(check(weak).is_err(), "{weak}");
        }
    }

    /// The error may be shown and logged.
    #[test]
    fn the_refusal_does_not_repeat_the_password() {
        assert!(!check("password1234").unwrap_err().contains("password1234"));
    }
}
