use nexavpn_domain::{
    Personal,
    user::{User, UserCommand as C, UserEvent as E},
    values::Role,
};

use super::{decide, once, refusal, state};

fn created(role: Role) -> E {
    E::Created {
        username: "alice".into(),
        display_name: "Alice".into(),
        email: Some("alice@example.com".into()),
        role,
        must_change_password: true,
    }
}

fn create(role: Role) -> C {
    C::Create {
        username: "alice".into(),
        display_name: "Alice".into(),
        email: Some("alice@example.com".into()),
        role,
        must_change_password: true,
    }
}

fn no_change() -> C {
    C::Change { username: None, display_name: None, email: None, role: None }
}

fn every_command() -> Vec<C> {
    vec![
        no_change(),
        C::Disable,
        C::Enable,
        C::SetPassword { must_change_password: false },
        C::Delete,
    ]
}

#[test]
fn create_makes_an_enabled_user() {
    assert_eq!(decide::<User>(&[], create(Role::Auditor)), Ok(vec![created(Role::Auditor)]));
    let user: User = state(&[created(Role::Auditor)]);
    assert!(user.exists() && user.is_enabled() && user.must_change_password());
    assert_eq!(user.role(), Role::Auditor);
    assert_eq!(user.username().get(), Some("alice"));
    assert_eq!(user.display_name().get(), Some("Alice"));
}

#[test]
fn create_is_refused_for_an_id_that_was_ever_used() {
    let gone = [vec![], vec![E::Deleted {}], vec![E::Erased {}]];
    for then in gone {
        let given = [vec![created(Role::User)], then].concat();
        assert_eq!(refusal::<User>(&given, create(Role::User)), "user_exists");
    }
}

#[test]
fn change_gives_one_event_for_each_field_that_differs() {
    let change = C::Change {
        username: Some("alice.b".into()),
        display_name: Some("Alice B".into()),
        email: Some(None),
        role: Some(Role::Admin),
    };
    let events = vec![
        E::Renamed { username: "alice.b".into() },
        E::DisplayNameChanged { display_name: "Alice B".into() },
        E::EmailChanged { email: None },
        E::RoleChanged { from: Role::User, to: Role::Admin, enabled: true },
    ];
    once::<User>(&[created(Role::User)], change, events);
}

#[test]
fn change_to_what_is_already_gives_nothing() {
    let same = C::Change {
        username: Some("alice".into()),
        display_name: Some("Alice".into()),
        email: Some(Some("alice@example.com".into())),
        role: Some(Role::User),
    };
    assert_eq!(decide::<User>(&[created(Role::User)], same), Ok(vec![]));
    assert_eq!(decide::<User>(&[created(Role::User)], no_change()), Ok(vec![]));
}

#[test]
fn another_case_of_the_username_is_a_change() {
    let change =
        C::Change { username: Some("Alice".into()), display_name: None, email: None, role: None };
    let renamed = E::Renamed { username: "Alice".into() };
    once::<User>(&[created(Role::User)], change, vec![renamed]);
}

#[test]
fn role_change_says_whether_the_user_is_enabled() {
    let change =
        C::Change { username: None, display_name: None, email: None, role: Some(Role::Admin) };
    let event = E::RoleChanged { from: Role::User, to: Role::Admin, enabled: false };
    once::<User>(&[created(Role::User), E::Disabled {}], change, vec![event]);
}

#[test]
fn disable_and_enable_happen_once() {
    let given = [created(Role::Admin)];
    once::<User>(&given, C::Disable, vec![E::Disabled {}]);
    assert_eq!(decide::<User>(&given, C::Enable), Ok(vec![]));
    let given = [created(Role::Admin), E::Disabled {}];
    assert!(!state::<User>(&given).is_enabled());
    once::<User>(&given, C::Enable, vec![E::Enabled { role: Role::Admin }]);
    let given = [created(Role::Admin), E::Disabled {}, E::Enabled { role: Role::Admin }];
    assert!(state::<User>(&given).is_enabled());
}

#[test]
fn enable_tells_the_role_of_that_moment() {
    let demoted = E::RoleChanged { from: Role::Admin, to: Role::User, enabled: false };
    let given = [created(Role::Admin), E::Disabled {}, demoted];
    once::<User>(&given, C::Enable, vec![E::Enabled { role: Role::User }]);
}

#[test]
fn every_new_password_is_recorded() {
    let set = C::SetPassword { must_change_password: false };
    let event = E::PasswordChanged { must_change_password: false };
    let given = [created(Role::User)];
    assert_eq!(decide::<User>(&given, set.clone()), Ok(vec![event.clone()]));
    let given = [created(Role::User), event.clone()];
    assert!(!state::<User>(&given).must_change_password());
    assert_eq!(decide::<User>(&given, set), Ok(vec![event]));
}

#[test]
fn a_deleted_user_can_only_be_erased() {
    let given = [created(Role::Admin), E::Deleted {}];
    let user: User = state(&given);
    assert!(!user.exists() && !user.is_enabled());
    for command in every_command() {
        assert_eq!(refusal::<User>(&given, command), "not_found");
    }
    once::<User>(&given, C::Erase, vec![E::Erased {}]);
}

#[test]
fn delete_removes_a_present_user() {
    assert_eq!(decide::<User>(&[created(Role::User)], C::Delete), Ok(vec![E::Deleted {}]));
    let disabled = [created(Role::User), E::Disabled {}];
    assert_eq!(decide::<User>(&disabled, C::Delete), Ok(vec![E::Deleted {}]));
}

#[test]
fn erase_leaves_nothing_personal() {
    let given = [created(Role::Admin)];
    once::<User>(&given, C::Erase, vec![E::Erased {}]);
    let given = [created(Role::Admin), E::Erased {}];
    let user: User = state(&given);
    assert!(!user.exists() && !user.is_enabled());
    assert_eq!(user.username(), &Personal::ERASED);
    assert_eq!(user.display_name(), &Personal::ERASED);
    let kept = serde_json::to_string(&user).unwrap();
    assert!(!kept.to_lowercase().contains("alice"), "{kept}");
    for command in every_command() {
        assert_eq!(refusal::<User>(&given, command), "not_found");
    }
}

#[test]
fn an_unknown_user_is_not_found() {
    for command in every_command().into_iter().chain([C::Erase]) {
        assert_eq!(refusal::<User>(&[], command), "not_found");
    }
}
