//! Which passwords are taken.

use crate::Secret;

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
