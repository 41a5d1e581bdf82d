use nexavpn_domain::security::{FailureKind, Security, SecurityCommand as C, SecurityEvent as E};

use super::{decide, once, refusal, state};
use crate::given::alice;

fn introduced(key_id: &str, signed: bool) -> E {
    E::SigningKeyIntroduced {
        key_id: key_id.into(),
        public_key: "cHVibGlj".into(),
        signed_by_previous: signed.then(|| "c2lnbmF0dXJl".into()),
    }
}

fn introduce(key_id: &str, signed: bool) -> C {
    C::IntroduceSigningKey {
        key_id: key_id.into(),
        public_key: "cHVibGlj".into(),
        previous: signed.then(|| "k1".into()),
        signed_by_previous: signed.then(|| "c2lnbmF0dXJl".into()),
    }
}

#[test]
fn a_failure_is_recorded_as_it_is() {
    let command = C::RecordFailure {
        kind: FailureKind::Login,
        user_id: Some(alice()),
        network: Some("198.51.100.0/24".into()),
        code: "invalid_credentials".into(),
        route: Some("POST /auth/login".into()),
    };
    let event = E::Failure {
        kind: FailureKind::Login,
        user_id: Some(alice()),
        network: Some("198.51.100.0/24".into()),
        code: "invalid_credentials".into(),
        route: Some("POST /auth/login".into()),
    };
    assert_eq!(decide::<Security>(&[], command), Ok(vec![event]));
}

#[test]
fn counting_no_failure_gives_nothing() {
    assert_eq!(decide::<Security>(&[], C::CountFailures(0)), Ok(vec![]));
    let repeated = E::FailuresRepeated { count: 12 };
    assert_eq!(decide::<Security>(&[], C::CountFailures(12)), Ok(vec![repeated]));
}

#[test]
fn a_stored_count_never_overflows_the_fold() {
    let most = E::FailuresRepeated { count: u64::MAX };
    state::<Security>(&[most.clone(), most]);
}

#[test]
fn the_first_signing_key_needs_no_signature() {
    once::<Security>(&[], introduce("k1", false), vec![introduced("k1", false)]);
    let security: Security = state(&[introduced("k1", false)]);
    assert_eq!(security.signing_key(), Some("k1"));
}

#[test]
fn a_later_signing_key_must_be_signed_by_the_one_before() {
    let given = [introduced("k1", false)];
    assert_eq!(refusal::<Security>(&given, introduce("k2", false)), "unsigned_key");
    once::<Security>(&given, introduce("k2", true), vec![introduced("k2", true)]);
    let given = [introduced("k1", false), introduced("k2", true)];
    let security: Security = state(&given);
    assert_eq!(security.signing_key(), Some("k2"));
    // Two admins at once: the key that signed this one is the newest no more.
    assert_eq!(refusal::<Security>(&given, introduce("k3", true)), "another_key");
    once::<Security>(&given, introduce("k2", true), vec![]);
}
