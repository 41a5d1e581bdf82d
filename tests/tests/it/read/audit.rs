//! The audit log: the stream as people read it.

use nexavpn_domain::{
    ids::UserId,
    security::{FailureKind, Security, SecurityCommand},
    user::{User, UserCommand},
};
use nexavpn_projections::{ListQuery, audit, audit::AuditQuery};
use nexavpn_store::{Actor, Append, Metadata};

use super::{World, command, decided, erase, id, seen, soon, user};

async fn rename_as(world: &World, actor: UserId, user: UserId) -> nexavpn_store::Position {
    let mut metadata = Metadata::system("unused", id());
    metadata.actor = Actor::User(actor);
    metadata.client_address = Some("192.0.2.7".parse().unwrap());
    metadata.user_agent = Some("browser-marker".into());
    metadata.reason = Some("she married".into());
    let change = UserCommand::Change {
        username: None,
        display_name: Some("Ann Other".into()),
        email: None,
        role: None,
    };
    let stream = decided::<User>(&world.store, user.0, change).await.unwrap();
    world.store.append(Append::new(vec![stream], metadata)).await.unwrap()
}

#[tokio::test]
async fn entries_tell_who_did_what_from_where() {
    let world = World::new().await;
    let runner = world.runner().await;
    runner.handle().caught_up(soon()).await.unwrap();
    let (db, log) = (&world.db.pool, world.store.log());
    let root = user(&world.store, "root").await;
    let ann = user(&world.store, "ann").await;
    seen(&world.store, &runner.handle(), rename_as(&world, root, ann).await).await;

    let page = audit::list(db, &log, &AuditQuery::default()).await.unwrap();
    assert_eq!(page.total, 3);
    let entry = &page.items[0];
    assert_eq!((entry.idx, entry.sequence), (3, 2));
    assert_eq!(entry.event_type, "user.display_name_changed");
    assert_eq!((entry.entity_type.as_str(), &entry.entity_id), ("user", &ann.to_string()));
    assert_eq!(entry.actor.name.as_deref(), Some("root"));
    assert_eq!(entry.client_address.as_deref(), Some("192.0.2.7"));
    assert_eq!(entry.user_agent.as_deref(), Some("browser-marker"));
    assert_eq!(entry.reason.as_deref(), Some("she married"));
    assert_eq!(entry.data, serde_json::json!({"display_name": "Ann Other"}));
    assert_eq!(page.items[1].actor.kind, "system");
    assert_eq!(page.items[1].actor.name.as_deref(), Some("test"));

    // Erased people are gone from the entries, theirs and those about them.
    erase(&world.store, root).await.unwrap();
    let position = erase(&world.store, ann).await.unwrap();
    seen(&world.store, &runner.handle(), position).await;
    let page = audit::list(db, &log, &AuditQuery::default()).await.unwrap();
    let entry = &page.items[2];
    assert_eq!((entry.idx, &entry.data), (3, &serde_json::json!({"display_name": null})));
    assert_eq!((&entry.actor.name, &entry.user_agent), (&None, &None));
    assert_eq!(entry.actor.id, Some(root.to_string()));
}

#[tokio::test]
async fn entries_are_filtered_and_paged() {
    let world = World::new().await;
    let runner = world.runner().await;
    runner.handle().caught_up(soon()).await.unwrap();
    let (db, log) = (&world.db.pool, world.store.log());
    let mut incident = None;
    let mut position = None;
    for n in 0..45 {
        user(&world.store, &format!("user{n}")).await;
        if n % 15 == 0 {
            let failure = SecurityCommand::RecordFailure {
                kind: FailureKind::Login,
                user_id: None,
                network: Some("192.0.2.0/24".into()),
                code: "invalid_credentials".into(),
                route: None,
            };
            let of = *incident.insert(id());
            command::<Security>(&world.store, of, failure).await.unwrap();
            let more = SecurityCommand::CountFailures(2);
            position = Some(command::<Security>(&world.store, of, more).await.unwrap());
        }
    }
    let last = user(&world.store, "last").await;
    let change = command::<User>(&world.store, last.0, UserCommand::Disable).await.unwrap();
    assert!(position < Some(change));
    seen(&world.store, &runner.handle(), change).await;

    let of = |query: AuditQuery| {
        let (db, log) = (db.clone(), log.clone());
        async move { audit::list(&db, &log, &query).await.unwrap() }
    };
    let word = |s: &str| Some(s.to_owned());
    let failures = of(AuditQuery { status: word("failure"), ..AuditQuery::default() }).await;
    assert_eq!(failures.total, 6);
    assert!(failures.items.iter().all(|e| e.data.is_object() && e.entity_type == "security"));
    let created = AuditQuery { event_type: word("user.created"), ..AuditQuery::default() };
    assert_eq!(of(created).await.total, 46);
    let about = AuditQuery { entity_id: Some(last.to_string()), ..AuditQuery::default() };
    let about = of(about).await;
    let types: Vec<_> = about.items.iter().map(|e| e.event_type.as_str()).collect();
    assert_eq!(types, ["user.disabled", "user.created"]);

    let mut query = AuditQuery { entity_type: word("user"), ..AuditQuery::default() };
    query.list.page_size = 10;
    let mut walked = Vec::new();
    loop {
        let page = of(query.clone()).await;
        assert_eq!(page.total, 47);
        walked.extend(page.items.iter().map(|e| e.idx));
        query.list.after = page.next;
        if query.list.after.is_none() {
            break;
        }
    }
    assert_eq!(walked.len(), 47);
    assert!(walked.is_sorted_by(|newer, older| newer > older));
    let second = ListQuery { page: 2, page_size: 10, ..ListQuery::default() };
    let second = AuditQuery { list: second, entity_type: word("user"), ..AuditQuery::default() };
    let numbers: Vec<_> = of(second).await.items.iter().map(|e| e.idx).collect();
    assert_eq!(numbers, walked[10..20]);
    assert!(AuditQuery::of(ListQuery::default().filter("status", "maybe")).is_err());
}
