//! The node's WireGuard keys: the present one, the next one of a planned
//! rotation, and for a while the one before.
//!
//! A bundle names the key in force by its public half. So it matters little
//! which file a key is in, but much that none is lost that was ever announced:
//! whatever moves is written to its new place before it leaves the old one.

use chrono::{DateTime, TimeDelta, Utc};
use nexavpn_bundle::{BundleError, NextKey, Payload, PeerStatus};
use tracing::{info, warn};

use crate::state::{FurtherKeys, NextPrivateKey, OldPrivateKey, PrivateKey, StateDir, StateError};

/// For how long the key before is kept where nobody uses the new one.
const OLD_KEPT: TimeDelta = TimeDelta::days(1);

/// The keys, as they are on disk.
#[derive(Debug)]
pub struct Keys {
    state: StateDir,
    present: PrivateKey,
    further: FurtherKeys,
}

impl Keys {
    /// The keys of a state directory; `None` before any was made.
    ///
    /// # Errors
    /// [`StateError`] if they cannot be read.
    pub fn read(state: &StateDir) -> Result<Option<Self>, StateError> {
        let Some(present) = state.private_key()? else { return Ok(None) };
        Ok(Some(Self { state: state.clone(), present, further: state.further_keys()? }))
    }

    fn all(&self) -> impl Iterator<Item = &PrivateKey> {
        let FurtherKeys { next, old } = &self.further;
        let next = next.as_ref().map(|next| &next.private_key);
        let old = old.as_ref().map(|old| &old.private_key);
        [Some(&self.present), next, old].into_iter().flatten()
    }

    /// The key in force where no bundle says otherwise.
    #[must_use]
    pub const fn present(&self) -> &PrivateKey {
        &self.present
    }

    /// The public halves of all keys: an interface with any of them is ours.
    #[must_use]
    pub fn public(&self) -> Vec<String> {
        self.all().map(PrivateKey::public_key).collect()
    }

    /// The key that a bundle has in force.
    ///
    /// # Errors
    /// [`BundleError::UnknownGatewayKey`] where it names none of this node's.
    pub fn of(&self, payload: &Payload) -> Result<&PrivateKey, BundleError> {
        let Some(named) = &payload.interface.public_key else { return Ok(&self.present) };
        let found = self.all().find(|key| key.public_key() == *named);
        found.ok_or_else(|| BundleError::UnknownGatewayKey(named.clone()))
    }

    /// The next key, to announce. It is on disk.
    #[must_use]
    pub fn next(&self) -> Option<NextKey> {
        let NextPrivateKey { rotation, private_key } = self.further.next.as_ref()?;
        Some(NextKey { rotation: *rotation, public_key: private_key.public_key() })
    }

    /// Follows a bundle that is in force: takes the next key for the present
    /// one where it has come into force, makes one where it is asked for, and
    /// forgets it where it is not any more.
    ///
    /// # Errors
    /// [`StateError`] if something could not be kept; nothing is lost then.
    pub fn follow(&mut self, payload: &Payload, now: DateTime<Utc>) -> Result<(), StateError> {
        let named = payload.interface.public_key.as_ref();
        let is_named = |next: &&NextPrivateKey| Some(&next.private_key.public_key()) == named;
        if named != Some(&self.present.public_key())
            && let Some(next) = self.further.next.as_ref().filter(is_named)
        {
            let next = next.private_key.clone();
            let old = OldPrivateKey { private_key: self.present.clone(), since: now };
            self.keep(FurtherKeys { old: Some(old), ..self.further.clone() })?;
            self.state.save_private_key(&next)?;
            info!(public_key = next.public_key(), "the next key has come into force");
            self.present = next;
        }
        let asked = payload.interface.key_rotation;
        let made = self.further.next.as_ref().map(|next| next.rotation);
        if asked == made {
            return Ok(());
        }
        let next = asked.map(|rotation| {
            let private_key = PrivateKey::generate();
            info!(rotation, public_key = private_key.public_key(), "made the next key");
            NextPrivateKey { rotation, private_key }
        });
        self.keep(FurtherKeys { next, ..self.further.clone() })
    }

    /// Forgets the key before once somebody has shaken hands with the new one,
    /// or a day has passed; not where a control plane that was restored has
    /// gone back to it.
    pub fn forget_old(&mut self, payload: &Payload, peers: &[PeerStatus], now: DateTime<Utc>) {
        let Some(old) = &self.further.old else { return };
        let in_use = payload.interface.public_key == Some(old.private_key.public_key());
        let since = old.since.timestamp();
        let used = peers.iter().any(|peer| peer.latest_handshake.is_some_and(|at| at > since));
        if in_use || !(used || now - old.since >= OLD_KEPT) {
            return;
        }
        match self.keep(FurtherKeys { old: None, ..self.further.clone() }) {
            Ok(()) => info!("the key before is deleted"),
            Err(error) => warn!(%error, "cannot delete the key before, trying again"),
        }
    }

    fn keep(&mut self, further: FurtherKeys) -> Result<(), StateError> {
        self.state.save_further_keys(&further)?;
        self.further = further;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use nexavpn_bundle::{Input, Interface, Nat};

    use super::*;

    fn payload(key: Option<&str>, key_rotation: Option<u32>) -> Payload {
        Payload {
            format: 1,
            gateway_id: String::new(),
            epoch: 1,
            revision: 1,
            issued_at: String::new(),
            max_stale_s: None,
            interface: Interface {
                name: "wg0".to_owned(),
                listen_port: 1,
                mtu: 1420,
                addresses: vec![],
                public_key: key.map(ToOwned::to_owned),
                key_rotation,
            },
            input: Input { dns: false, icmp_echo: false },
            devices: vec![],
            profiles: std::collections::BTreeMap::new(),
            nat: Nat::default(),
        }
    }

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    fn shaken(seconds: i64) -> Vec<PeerStatus> {
        let latest_handshake = Some(at(seconds).timestamp());
        vec![PeerStatus { public_key: String::new(), latest_handshake, rx_bytes: 0, tx_bytes: 0 }]
    }

    fn fresh() -> (tempfile::TempDir, StateDir, Keys) {
        let directory = tempfile::tempdir().unwrap();
        let state = StateDir::open(directory.path()).unwrap();
        assert!(Keys::read(&state).unwrap().is_none());
        state.save_private_key(&PrivateKey::generate()).unwrap();
        let keys = Keys::read(&state).unwrap().unwrap();
        (directory, state, keys)
    }

    /// The node as the agent finds it after each of the writes of a switch.
    #[test]
    fn a_switch_that_was_cut_off_anywhere_is_made_again() {
        for writes in 0..=2 {
            let (_directory, state, mut keys) = fresh();
            let old = keys.present().clone();
            keys.follow(&payload(Some(&old.public_key()), Some(1)), at(0)).unwrap();
            let next = keys.next().unwrap().public_key;
            let kept = state.further_keys().unwrap();
            let new = kept.next.clone().unwrap();
            if writes > 0 {
                let old = OldPrivateKey { private_key: old.clone(), since: at(1) };
                state.save_further_keys(&FurtherKeys { old: Some(old), ..kept }).unwrap();
            }
            if writes > 1 {
                state.save_private_key(&new.private_key).unwrap();
            }
            let mut found = Keys::read(&state).unwrap().unwrap();
            let switched = payload(Some(&next), None);
            assert_eq!(found.of(&switched).unwrap().public_key(), next, "{writes}");
            let before = payload(Some(&old.public_key()), Some(1));
            assert_eq!(found.of(&before).unwrap().public_key(), old.public_key(), "{writes}");
            found.follow(&switched, at(2)).unwrap();
            let found = Keys::read(&state).unwrap().unwrap();
            assert_eq!((found.present().public_key(), found.next()), (next, None), "{writes}");
            assert_eq!(found.public().len(), 2, "the key before is there");
        }
    }

    #[test]
    fn the_key_before_goes_once_it_is_of_no_use() {
        let (_directory, state, mut keys) = fresh();
        let old = keys.present().public_key();
        keys.follow(&payload(None, Some(1)), at(0)).unwrap();
        let next = keys.next().unwrap().public_key;
        let switched = payload(Some(&next), None);
        keys.follow(&switched, at(100)).unwrap();
        let kept = |keys: &Keys| keys.public().contains(&old);
        keys.forget_old(&switched, &shaken(100), at(200));
        assert!(kept(&keys), "nobody has shaken hands since");
        // In force again, by a restored control plane.
        keys.forget_old(&payload(Some(&old), None), &shaken(150), at(200_000));
        assert!(kept(&keys));
        keys.forget_old(&switched, &shaken(101), at(200));
        assert!(!kept(&keys) && !kept(&Keys::read(&state).unwrap().unwrap()));

        keys.follow(&payload(Some(&next), Some(2)), at(300)).unwrap();
        let third = payload(Some(&keys.next().unwrap().public_key), None);
        keys.follow(&third, at(300)).unwrap();
        keys.forget_old(&third, &[], at(300 + 86_399));
        assert_eq!(keys.public().len(), 2);
        keys.forget_old(&third, &[], at(300 + 86_400));
        assert_eq!(keys.public().len(), 1);
    }

    #[test]
    fn a_key_is_made_once_for_each_rotation_and_hidden() {
        let (_directory, state, mut keys) = fresh();
        keys.follow(&payload(None, Some(3)), at(0)).unwrap();
        let first = keys.next();
        keys.follow(&payload(None, Some(3)), at(1)).unwrap();
        assert_eq!(keys.next(), first);
        assert_eq!(Keys::read(&state).unwrap().unwrap().next(), first);
        keys.follow(&payload(None, Some(4)), at(2)).unwrap();
        assert_ne!(keys.next(), first);
        let secret = state.further_keys().unwrap().next.unwrap().private_key.expose();
        assert!(!format!("{keys:?}").contains(&secret));
        keys.follow(&payload(None, None), at(3)).unwrap();
        assert_eq!(keys.next(), None);
        let stranger = PrivateKey::generate().public_key();
        let refused = keys.of(&payload(Some(&stranger), None)).unwrap_err();
        assert_eq!(refused.reason_code(), "unknown_gateway_key");
    }
}
