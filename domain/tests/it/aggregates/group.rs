use nexavpn_domain::group::{Group, GroupCommand as C, GroupEvent as E};

use super::{decide, once, refusal, state};
use crate::given::{alice, bob};

fn created() -> E {
    E::Created { name: "Staff".into(), description: "All of us".into() }
}

fn create() -> C {
    C::Create { name: "Staff".into(), description: "All of us".into(), members: vec![] }
}

fn added(user_id: nexavpn_domain::ids::UserId) -> E {
    E::MemberAdded { user_id }
}

fn members(members: Vec<nexavpn_domain::ids::UserId>) -> C {
    C::Change { name: None, description: None, members: Some(members) }
}

#[test]
fn create_adds_each_first_member_once() {
    let command = C::Create {
        name: "Staff".into(),
        description: "All of us".into(),
        members: vec![bob(), alice(), bob()],
    };
    let events = vec![created(), added(alice()), added(bob())];
    assert_eq!(decide::<Group>(&[], command), Ok(events.clone()));
    assert!(state::<Group>(&events).exists());
}

#[test]
fn create_is_refused_for_an_id_that_was_ever_used() {
    assert_eq!(refusal::<Group>(&[created()], create()), "group_exists");
    assert_eq!(refusal::<Group>(&[created(), E::Deleted {}], create()), "group_exists");
}

#[test]
fn change_gives_only_what_differs() {
    let change = C::Change {
        name: Some("Team".into()),
        description: Some(String::new()),
        members: Some(vec![bob()]),
    };
    let events = vec![
        E::Renamed { name: "Team".into() },
        E::DescriptionChanged { description: String::new() },
        E::MemberRemoved { user_id: alice() },
        added(bob()),
    ];
    once::<Group>(&[created(), added(alice())], change, events);
    let same = C::Change {
        name: Some("Staff".into()),
        description: Some("All of us".into()),
        members: Some(vec![]),
    };
    assert_eq!(decide::<Group>(&[created()], same), Ok(vec![]));
    let nothing = C::Change { name: None, description: None, members: None };
    assert_eq!(decide::<Group>(&[created()], nothing), Ok(vec![]));
}

#[test]
fn a_members_list_replaces_the_whole_membership() {
    let given = [created(), added(alice()), added(bob())];
    once::<Group>(
        &given,
        members(vec![]),
        vec![E::MemberRemoved { user_id: alice() }, E::MemberRemoved { user_id: bob() }],
    );
    assert_eq!(decide::<Group>(&given, members(vec![bob(), alice(), bob()])), Ok(vec![]));
}

#[test]
fn members_come_and_go_once() {
    once::<Group>(&[created()], C::AddMember(alice()), vec![added(alice())]);
    let given = [created(), added(alice())];
    let removed = E::MemberRemoved { user_id: alice() };
    once::<Group>(&given, C::RemoveMember(alice()), vec![removed]);
    assert_eq!(decide::<Group>(&given, C::RemoveMember(bob())), Ok(vec![]));
}

#[test]
fn nothing_can_be_done_to_a_deleted_or_unknown_group() {
    assert_eq!(decide::<Group>(&[created()], C::Delete), Ok(vec![E::Deleted {}]));
    let deleted = [created(), added(alice()), E::Deleted {}];
    assert!(!state::<Group>(&deleted).exists());
    for given in [&deleted[..], &[]] {
        for command in
            [members(vec![alice()]), C::AddMember(bob()), C::RemoveMember(alice()), C::Delete]
        {
            assert_eq!(refusal::<Group>(given, command), "not_found");
        }
    }
}
