//! Tokens whose signature was found good: checking one takes as long as all else that a small
//! request does, and the same token comes with each request of a session.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use sha2::{Digest, Sha256};

use super::Claims;

/// How many are remembered at most.
const CAPACITY: usize = 10_000;

/// The SHA-256 of a whole token, its signature included.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct TokenHash([u8; 32]);

impl TokenHash {
    pub(super) fn of(token: &str) -> Self {
        Self(Sha256::digest(token).into())
    }
}

/// What tokens said whose signature was good, and which key it was of. Whether that key still
/// verifies, whether the token's time has come and gone and whether its session may act is to be
/// asked each time.
#[derive(Default)]
pub(super) struct SeenTokens(Mutex<Generations>);

type Seen = HashMap<TokenHash, (Arc<str>, Claims)>;

/// What was not asked for while half of the capacity was filled is forgotten.
#[derive(Default)]
struct Generations {
    young: Seen,
    old: Seen,
}

impl Generations {
    fn put(&mut self, token: TokenHash, seen: (Arc<str>, Claims)) {
        if self.young.len() >= CAPACITY / 2 {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(token, seen);
    }
}

impl SeenTokens {
    pub(super) fn get(&self, token: &TokenHash) -> Option<(Arc<str>, Claims)> {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = seen.young.get(token) {
            return Some(found.clone());
        }
        let found = seen.old.remove(token)?;
        seen.put(*token, found.clone());
        Some(found)
    }

    /// Only for a token that was verified.
    pub(super) fn put(&self, token: TokenHash, kid: &Arc<str>, claims: &Claims) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.put(token, (Arc::clone(kid), claims.clone()));
    }
}

#[cfg(test)]
mod tests {
    use nexavpn_domain::ids::{SessionId, UserId};
    use uuid::Uuid;

    use super::*;

    #[test]
    fn only_what_is_asked_for_stays() {
        let seen = SeenTokens::default();
        let kid: Arc<str> = "k".into();
        let claims = |n: usize| Claims {
            sub: UserId(Uuid::from_u128(n as u128)),
            sid: SessionId(Uuid::nil()),
            iss: String::new(),
            iat: 0,
            exp: 900,
        };
        let hash = |n: usize| TokenHash::of(&n.to_string());
        for n in 0..CAPACITY * 3 {
            seen.put(hash(n), &kid, &claims(n));
            assert_eq!(seen.get(&hash(0)).map(|(_, c)| c), Some(claims(0)), "after {n}");
        }
        assert_eq!(seen.get(&hash(1)), None);
        let generations = seen.0.lock().unwrap_or_else(PoisonError::into_inner);
        assert!(generations.young.len() + generations.old.len() <= CAPACITY);
    }
}
