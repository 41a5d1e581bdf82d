//! Uniqueness across aggregates, also when everybody comes at once.

use nexavpn_domain::{
    DomainError,
    gateway::{Gateway, GatewayCommand},
    group::{Group, GroupCommand},
    user::{User, UserCommand},
    values::Role,
};
use nexavpn_store::{AppendError, verify};
use nexavpn_tests::harness::{TestDb, WIDE, poll_until};

use super::{
    command, conflict_code, create_gateway, create_group, create_user, gateway, id, open, pool_of,
    random_key, user,
};

#[tokio::test]
async fn of_32_who_claim_one_username_one_wins() {
    let db = TestDb::new().await;
    let store = open(&db.pool).await;
    let attempts = (0..32).map(|n| {
        let store = store.clone();
        let name = if n % 2 == 0 { "ann" } else { "ANN" };
        tokio::spawn(
            async move { command::<User>(&store, id(), create_user(name, Role::User)).await },
        )
    });
    let results: Vec<_> = futures::future::join_all(attempts).await;
    let (won, lost): (Vec<_>, Vec<_>) =
        results.into_iter().map(Result::unwrap).partition(Result::is_ok);
    assert_eq!((won.len(), lost.len()), (1, 31));
    for result in lost {
        let Err(AppendError::Conflict(DomainError::Conflict { code, field, .. })) = result else {
            panic!("expected a conflict: {result:?}");
        };
        assert_eq!((code, field), ("username_taken", Some("username")));
    }
}

#[tokio::test]
async fn a_username_is_free_again_after_a_rename_and_a_deletion() {
    let db = TestDb::new().await;
    let store = open(&db.pool).await;
    let ann = user(&store, "ann", Role::User).await;
    let change = |name: &str| UserCommand::Change {
        username: Some(name.into()),
        display_name: None,
        email: None,
        role: None,
    };
    command::<User>(&store, ann.0, change("Ann")).await.unwrap();
    command::<User>(&store, ann.0, change("anna")).await.unwrap();
    let other = user(&store, "ann", Role::User).await;
    let taken = command::<User>(&store, other.0, change("ANNA")).await;
    assert_eq!(conflict_code(&taken), "username_taken");
    command::<User>(&store, ann.0, UserCommand::Delete).await.unwrap();
    command::<User>(&store, other.0, change("ANNA")).await.unwrap();
}

/// Appends that give up names share transactions, and so do those that take names, but never both:
/// the claims stay what the events say in their order.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn names_that_are_given_up_and_taken_at_once_have_one_holder() {
    let db = TestDb::new().await;
    let store = open(&db.pool).await;
    let mut groups = Vec::new();
    for n in 0..24 {
        let group = id();
        command::<Group>(&store, group, create_group(&format!("g{n}"))).await.unwrap();
        groups.push(group);
    }
    for round in 0..6 {
        let work = groups.iter().enumerate().flat_map(|(n, group)| {
            let (deleting, creating) = (store.clone(), store.clone());
            let (old, new) = (*group, id());
            let delete = async move {
                command::<Group>(&deleting, old, GroupCommand::Delete).await.unwrap();
                None
            };
            let create = async move {
                let created =
                    command::<Group>(&creating, new, create_group(&format!("G{n}"))).await;
                if let Err(error) = &created {
                    assert_eq!(conflict_code(&created), "group_name_taken", "{error}");
                }
                created.is_ok().then_some(new)
            };
            [tokio::spawn(delete), tokio::spawn(create)]
        });
        let made = futures::future::join_all(work).await;
        let mut next: Vec<_> = made.into_iter().filter_map(Result::unwrap).collect();
        // Whose name was still taken is made now.
        for n in 0..24 {
            let group = id();
            let name = format!("g{n}");
            if command::<Group>(&store, group, create_group(&name)).await.is_ok() {
                next.push(group);
            }
        }
        assert_eq!(next.len(), 24, "in round {round}");
        groups = next;
    }
    poll_until(WIDE, async || {
        store.sequence_once().await.unwrap();
        verify(&db.pool, store.keyring()).await.unwrap().problems.is_empty()
    })
    .await;
}

#[tokio::test]
async fn two_admins_who_disable_each_other_leave_one() {
    let db = TestDb::new().await;
    let store = open(&db.pool).await;
    let one = user(&store, "one", Role::Admin).await;
    let two = user(&store, "two", Role::Admin).await;
    let plain = user(&store, "plain", Role::User).await;
    for round in 0..20 {
        let (a, b) = tokio::join!(
            command::<User>(&store, one.0, UserCommand::Disable),
            command::<User>(&store, two.0, UserCommand::Disable),
        );
        let lost = if a.is_ok() { &b } else { &a };
        assert!(a.is_ok() != b.is_ok(), "round {round}: {a:?} {b:?}");
        assert_eq!(conflict_code(lost), "last_admin");
        let gone = if a.is_ok() { one } else { two };
        command::<User>(&store, gone.0, UserCommand::Enable).await.unwrap();
    }
    command::<User>(&store, plain.0, UserCommand::Disable).await.unwrap();
    command::<User>(&store, one.0, UserCommand::Delete).await.unwrap();
    let demote = UserCommand::Change {
        username: None,
        display_name: None,
        email: None,
        role: Some(Role::Auditor),
    };
    for last in [UserCommand::Disable, UserCommand::Delete, demote] {
        assert_eq!(conflict_code(&command::<User>(&store, two.0, last).await), "last_admin");
    }
}

#[tokio::test]
async fn pools_may_not_overlap_in_either_family() {
    let db = TestDb::new().await;
    let store = open(&db.pool).await;
    let create = |name: &str, v4: &str, v6: Option<&str>| {
        let command_ = create_gateway(name, pool_of(v4, v6));
        let store = store.clone();
        async move { command::<Gateway>(&store, id(), command_).await }
    };
    let first = gateway(&store, "a", pool_of("100.96.0.0/16", Some("fd00:1::/64"))).await;
    let overlap = create("b", "100.96.128.0/24", None).await;
    assert_eq!(conflict_code(&overlap), "pool_overlap");
    let overlap = create("b", "100.97.0.0/16", Some("fd00:1::/112")).await;
    assert_eq!(conflict_code(&overlap), "pool_overlap");
    let overlap = create("b", "100.0.0.0/8", Some("fd00:2::/64")).await;
    assert_eq!(conflict_code(&overlap), "pool_overlap");
    create("b", "100.97.0.0/16", Some("fd00:2::/64")).await.unwrap();
    assert_eq!(conflict_code(&create("A", "100.98.0.0/16", None).await), "gateway_name_taken");
    command::<Gateway>(&store, first.0, GatewayCommand::Delete).await.unwrap();
    create("A", "100.96.0.0/16", Some("fd00:1::/64")).await.unwrap();
}

#[tokio::test]
async fn a_public_key_is_used_once_and_for_all() {
    let db = TestDb::new().await;
    let store = open(&db.pool).await;
    let key = random_key();
    let join = || GatewayCommand::Join { public_key: key.clone(), agent_version: "1".into() };
    let one = gateway(&store, "one", pool_of("100.96.0.0/24", None)).await;
    let two = gateway(&store, "two", pool_of("100.97.0.0/24", None)).await;
    command::<Gateway>(&store, one.0, join()).await.unwrap();
    let reused = command::<Gateway>(&store, two.0, join()).await;
    assert_eq!(conflict_code(&reused), "public_key_taken");
    command::<Gateway>(&store, one.0, GatewayCommand::Delete).await.unwrap();
    let reused = command::<Gateway>(&store, two.0, join()).await;
    assert_eq!(conflict_code(&reused), "public_key_taken");
}
