//! Lists: pages, orders, filters, totals.

use nexavpn_domain::{
    DomainError,
    user::{User, UserCommand},
};
use nexavpn_projections::{ListQuery, ReadError, devices, groups, users};

use super::{World, command, enrol, gateway, group, pool, soon, user};

fn refused<T: std::fmt::Debug>(result: Result<T, ReadError>) -> String {
    match result {
        Err(ReadError::Invalid(DomainError::Validation(fields))) => fields[0].field.clone(),
        other => panic!("expected a validation error: {other:?}"),
    }
}

/// Made by SQL: what is tested is the reading.
async fn many_users(world: &World, n: i32) {
    sqlx::query(
        "INSERT INTO read.users (id, username, display_name, role, enabled, must_change_password,
                                 version, created_at, updated_at)
         SELECT gen_random_uuid(), 'user' || n, 'Name ' || (n % 7),
                CASE WHEN n % 5 = 0 THEN 'admin' ELSE 'user' END, true, false, 1,
                now() + (n / 3) * interval '1 second', now()
         FROM generate_series(1, $1) n",
    )
    .bind(n)
    .execute(&world.db.pool)
    .await
    .unwrap();
    sqlx::query("UPDATE read.projection_checkpoint SET total = $1 WHERE name = 'users'")
        .bind(i64::from(n))
        .execute(&world.db.pool)
        .await
        .unwrap();
}

#[tokio::test]
async fn pages_in_every_order_hold_every_row_once() {
    let world = World::new().await;
    drop(world.runner().await);
    many_users(&world, 450).await;
    let pool = &world.db.pool;
    for sort in ["username", "display_name", "created_at"] {
        let mut walked = Vec::new();
        for order in [sort.to_owned(), format!("-{sort}")] {
            let mut query = ListQuery { page_size: 100, ..ListQuery::default() };
            query.sort = Some(order.clone());
            let mut by_number = Vec::new();
            for page in 1..=5 {
                let paged = ListQuery { page, ..query.clone() };
                by_number.extend(users::list(pool, &paged).await.unwrap().items);
            }
            let mut by_cursor = Vec::new();
            loop {
                let page = users::list(pool, &query).await.unwrap();
                assert_eq!((page.total, page.total_capped), (450, false));
                by_cursor.extend(page.items);
                query.after = page.next;
                if query.after.is_none() {
                    break;
                }
            }
            assert_eq!(by_cursor.len(), 450, "{order}");
            assert_eq!(by_cursor, by_number, "{order}");
            walked.push(by_cursor);
        }
        let backwards: Vec<_> = walked[1].iter().rev().cloned().collect();
        assert_eq!(walked[0], backwards);
    }
}

#[tokio::test]
async fn totals_are_exact_up_to_ten_thousand() {
    let world = World::new().await;
    drop(world.runner().await);
    many_users(&world, 12_600).await;
    let list = |query: ListQuery| {
        let pool = world.db.pool.clone();
        async move { users::list(&pool, &query).await }
    };
    let all = list(ListQuery::default()).await.unwrap();
    assert_eq!((all.total, all.total_capped), (12_600, false));
    let admins = list(ListQuery::default().filter("role", "admin")).await.unwrap();
    assert_eq!((admins.total, admins.total_capped), (2_520, false));
    let most = list(ListQuery::default().filter("role", "user")).await.unwrap();
    assert_eq!((most.total, most.total_capped), (10_000, true));
    let far = ListQuery { page: 201, page_size: 50, ..ListQuery::default() };
    assert_eq!(refused(list(far.clone()).await), "page");
    let by_cursor = ListQuery { after: all.next, ..far };
    assert_eq!(list(by_cursor).await.unwrap().items.len(), 50);
}

#[tokio::test]
async fn searches_and_filters_find_what_they_name() {
    let world = World::new().await;
    let runner = world.runner().await;
    let store = &world.store;
    let (a, b) = (user(store, "ann").await, user(store, "Anna").await);
    let c = user(store, "bob_1").await;
    let d = user(store, "bobx1").await;
    let gone = user(store, "gone").await;
    command::<User>(store, gone.0, UserCommand::Delete).await.unwrap();
    command::<User>(store, b.0, UserCommand::Disable).await.unwrap();
    let crew = group(store, "crew", &[a, c]).await;
    let at = gateway(store, 3).await;
    let laptop = enrol(store, a, "Laptop", at, pool(3)).await.unwrap();
    let phone = enrol(store, b, "phone", at, pool(3)).await.unwrap();
    runner.handle().caught_up(soon()).await.unwrap();
    let head = store.log().head().await.unwrap();
    let deadline = std::time::Instant::now() + nexavpn_tests::harness::WIDE;
    let position = store.append(nexavpn_store::Append::new(
        vec![],
        nexavpn_store::Metadata::system("test", super::id()),
    ));
    assert!(position.await.unwrap() >= head.position());
    let events = world.count("SELECT count(*) FROM events").await;
    let idx = loop {
        let idx = store.log().head().await.unwrap().idx;
        if idx == events {
            break idx;
        }
        assert!(std::time::Instant::now() < deadline);
        tokio::task::yield_now().await;
    };
    runner.handle().wait_for_all(idx, soon()).await.unwrap();

    let db = &world.db.pool;
    let search = |q: &str| ListQuery { q: Some(q.into()), ..ListQuery::default() };
    let ids = |query: ListQuery| async move {
        let page = users::list(db, &query).await.unwrap();
        assert_eq!(page.total, i64::try_from(page.items.len()).unwrap());
        page.items.into_iter().map(|u| u.id).collect::<Vec<_>>()
    };
    assert_eq!(users::list(db, &ListQuery::default()).await.unwrap().total, 4);
    assert_eq!(ids(search("AN")).await, [a, b]);
    assert_eq!(ids(search("the ann")).await, [a, b], "by the display name");
    assert_eq!(ids(search("bob the")).await, [c, d], "words of several names, in any order");
    assert_eq!(ids(search("org ANNA")).await, [b], "by a word within");
    assert_eq!(ids(search("na")).await, [], "words begin with it");
    assert_eq!(ids(search("ann.")).await, [], "what is no letter counts too");
    assert_eq!(ids(search("' & '':* | \\ %")).await, [], "nothing to inject");
    assert_eq!(ids(search("anna@example.org")).await, [b], "by the address");
    assert_eq!(ids(search("bob_")).await, [c], "no wildcard");
    assert_eq!(ids(search("gone")).await, []);
    assert_eq!(ids(ListQuery::default().filter("group", crew)).await, [a, c]);
    assert_eq!(ids(ListQuery::default().filter("status", "disabled")).await, [b]);
    let groups_of = ListQuery::default().filter("member", c);
    assert_eq!(groups::list(db, &groups_of).await.unwrap().items[0].id, crew);

    let own = devices::list(db, &ListQuery::default().filter("owner", a)).await.unwrap();
    assert_eq!((own.items.len(), own.items[0].id), (1, laptop));
    assert_eq!(own.items[0].owner_username.as_deref(), Some("ann"));
    assert_eq!(own.items[0].gateway_name.as_deref(), Some("gateway 3"));
    let cut_off = ListQuery::default().filter("status", "owner_disabled");
    assert_eq!(devices::list(db, &cut_off).await.unwrap().items[0].id, phone);
    for q in [own.items[0].address_v4.to_string(), own.items[0].public_key.to_string()] {
        assert_eq!(devices::list(db, &search(&q)).await.unwrap().items[0].id, laptop, "{q}");
    }

    let bad = |name: &str, value: &str| ListQuery::default().filter(name, value);
    assert_eq!(refused(users::list(db, &bad("colour", "red")).await), "colour");
    assert_eq!(refused(users::list(db, &bad("group", "red")).await), "group");
    assert_eq!(refused(users::list(db, &bad("role", "king")).await), "role");
    let sort = |s: &str| ListQuery { sort: Some(s.into()), ..ListQuery::default() };
    assert_eq!(refused(users::list(db, &sort("password")).await), "sort");
    assert_eq!(refused(users::list(db, &search(&"a".repeat(257))).await), "q");
    let size = ListQuery { page_size: 201, ..ListQuery::default() };
    assert_eq!(refused(users::list(db, &size).await), "page_size");
    let one = ListQuery { page_size: 1, ..ListQuery::default() };
    let next = users::list(db, &one).await.unwrap().next;
    let misused = ListQuery { after: next, ..sort("-created_at") };
    assert_eq!(refused(users::list(db, &misused).await), "after");
}
