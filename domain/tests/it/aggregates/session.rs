use nexavpn_domain::{
    ids::DeviceId,
    session::{EndReason, Session, SessionCommand as C, SessionEvent as E},
};
use uuid::Uuid;

use super::{decide, once, refusal, state};
use crate::given::{alice, bob, laptop};

fn started() -> E {
    E::Started { user_id: alice(), method: "password".into() }
}

fn start() -> C {
    C::Start { user_id: alice(), method: "password".into() }
}

const REASONS: [EndReason; 7] = [
    EndReason::Logout,
    EndReason::Revoked,
    EndReason::TokenReuse,
    EndReason::PasswordChanged,
    EndReason::UserDisabled,
    EndReason::UserDeleted,
    EndReason::RoleChanged,
];

#[test]
fn start_belongs_to_one_user_for_ever() {
    assert_eq!(decide::<Session>(&[], start()), Ok(vec![started()]));
    assert_eq!(state::<Session>(&[started()]).user_id(), Some(alice()));
    let other = C::Start { user_id: bob(), method: "password".into() };
    assert_eq!(refusal::<Session>(&[started()], other.clone()), "session_exists");
    let ended = [started(), E::Ended { reason: EndReason::Logout }];
    assert_eq!(refusal::<Session>(&ended, other), "session_exists");
    assert_eq!(refusal::<Session>(&ended, start()), "session_exists");
}

#[test]
fn a_device_is_bound_once_and_another_replaces_it() {
    let bound = E::DeviceBound { device_id: laptop() };
    once::<Session>(&[started()], C::BindDevice(laptop()), vec![bound.clone()]);
    let phone = DeviceId(Uuid::from_u128(7));
    let rebound = E::DeviceBound { device_id: phone };
    once::<Session>(&[started(), bound], C::BindDevice(phone), vec![rebound]);
}

#[test]
fn token_reuse_is_recorded_and_ends_the_session() {
    let events = vec![E::TokenReused {}, E::Ended { reason: EndReason::TokenReuse }];
    once::<Session>(&[started()], C::ReportReuse, events);
}

#[test]
fn a_session_ends_once_for_the_first_reason() {
    for reason in REASONS {
        once::<Session>(&[started()], C::End(reason), vec![E::Ended { reason }]);
        let ended = [started(), E::Ended { reason }];
        for later in REASONS {
            assert_eq!(decide::<Session>(&ended, C::End(later)), Ok(vec![]));
        }
    }
}

#[test]
fn nothing_happens_to_a_session_after_its_user_was_deleted() {
    let ended = [started(), E::Ended { reason: EndReason::UserDeleted }];
    for command in [C::BindDevice(laptop()), C::ReportReuse, C::End(EndReason::Logout)] {
        assert_eq!(decide::<Session>(&ended, command), Ok(vec![]));
    }
}

#[test]
fn an_unknown_session_is_not_found() {
    for command in [C::BindDevice(laptop()), C::ReportReuse, C::End(EndReason::Logout)] {
        assert_eq!(refusal::<Session>(&[], command), "not_found");
    }
}
