//! Commands that meet: over HTTP, at two servers on one database.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::join_all;
use nexavpn_tests::harness::{ADMIN, Client, OwnServer, PASSWORD, TestServer};
use reqwest::Method;
use serde_json::{Value, json};

use super::{code, device, enrol, gateway, key, load::Load, truth::assert_whole, user};

const WRITERS: usize = 32;

/// Two servers with sequencers and runners of their own.
struct Pair {
    servers: [TestServer; 2],
    admins: [Client; 2],
    // Dropped last: the servers still use it.
    db: OwnServer,
}

impl Pair {
    async fn start() -> Self {
        let db = OwnServer::start(false).await;
        let servers = [
            TestServer::start_with(&db.server_url(), |_| {}).await,
            TestServer::start_with(&db.server_url(), |_| {}).await,
        ];
        let admins = [servers[0].admin().await, servers[1].admin().await];
        Self { servers, admins, db }
    }

    fn admin(&self, n: usize) -> &Client {
        &self.admins[n % 2]
    }

    async fn end(self) {
        assert_whole(&self.db).await;
        for server in self.servers {
            server.stop().await;
        }
    }
}

/// How many answers there are of each kind.
fn tally(answers: &[(u16, Value)]) -> BTreeMap<(u16, String), usize> {
    let mut tally = BTreeMap::new();
    for (status, body) in answers {
        *tally.entry((*status, code(body).to_owned())).or_default() += 1;
    }
    tally
}

#[tokio::test]
async fn one_of_many_gets_the_username() {
    let pair = Pair::start().await;
    let creations = (0..WRITERS).map(|n| {
        let name = if n % 3 == 0 { "Contested" } else { "contested" };
        pair.admin(n).post("/admin/users", json!({ "username": name }))
    });
    let answers = join_all(creations).await;
    let expected = BTreeMap::from([
        ((201, String::new()), 1),
        ((409, "username_taken".to_owned()), WRITERS - 1),
    ]);
    assert_eq!(tally(&answers), expected, "{answers:?}");
    for (_, body) in answers.iter().filter(|(status, _)| *status == 409) {
        assert_eq!(body["error"]["details"][0]["field"], "username", "{body}");
    }
    pair.end().await;
}

#[tokio::test]
async fn a_small_pool_is_given_out_to_the_last_address() {
    let pair = Pair::start().await;
    // Eight addresses: not the network's, the broadcast's and the gateway's.
    gateway(pair.admin(0), "small", "100.96.0.0/29").await;
    let users = join_all((0..WRITERS).map(|n| {
        let (admin, name) = (pair.admin(n), format!("user-{n}"));
        async move { user(admin, &name).await }
    }))
    .await;
    let enrolments = users.iter().enumerate().map(|(n, u)| enrol(pair.admin(n), u, "laptop"));
    let answers = join_all(enrolments).await;
    let expected =
        BTreeMap::from([((201, String::new()), 5), ((409, "pool_exhausted".to_owned()), 27)]);
    assert_eq!(tally(&answers), expected, "{answers:?}");
    let given = answers.iter().filter(|(status, _)| *status == 201);
    let given: BTreeSet<_> =
        given.map(|(_, a)| a["peer"]["assigned_ip"].as_str().unwrap().to_owned()).collect();
    let all: BTreeSet<_> = (2..=6).map(|n| format!("100.96.0.{n}/32")).collect();
    assert_eq!(given, all);
    pair.end().await;
}

#[tokio::test]
async fn of_two_admins_who_disable_each_other_one_stays() {
    let pair = Pair::start().await;
    let other = pair.servers[1].user("other", "admin").await;
    let ids = [pair.admins[0].user_id().to_owned(), other.user_id().to_owned()];
    let mut clients = [pair.admins[0].clone(), other];
    for round in 0..20 {
        let disable = |n: usize| {
            let path = format!("/admin/users/{}/disable", ids[1 - n]);
            let client = &clients[n];
            async move { client.post(&path, json!({})).await }
        };
        let (first, second) = tokio::join!(disable(0), disable(1));
        let won: Vec<usize> = [first.0, second.0]
            .iter()
            .enumerate()
            .filter_map(|(n, status)| (*status == 200).then_some(n))
            .collect();
        let [winner] = won[..] else { panic!("round {round}: {first:?}, {second:?}") };
        let lost = if winner == 0 { &second } else { &first };
        let refused = match lost.0 {
            409 => code(&lost.1) == "last_admin",
            // Disabled before the request was looked at.
            401 => true,
            _ => false,
        };
        assert!(refused, "round {round}: {lost:?}");
        let loser = 1 - winner;
        let path = format!("/admin/users/{}/enable", ids[loser]);
        let (status, body) = clients[winner].post(&path, json!({})).await;
        assert_eq!(status, 200, "round {round}: {body}");
        let name = [ADMIN, "other"][loser];
        clients[loser] = pair.servers[loser].client().login(name, PASSWORD).await;
    }
    pair.end().await;
}

/// Many writers of everything, with transactions among them that are rolled back, at two servers.
#[tokio::test]
async fn everything_at_once_is_folded_exactly_once() {
    let pair = Pair::start().await;
    let mut load = Load::prepare(&pair.admins, WRITERS).await;
    let pool = pair.db.pool();
    let (_, ()) = tokio::join!(load.run(8), roll_back(&pool, 100));
    pool.close().await;
    assert!(load.acknowledged() > WRITERS * 4, "{} commands", load.acknowledged());
    assert_eq!(load.contested_winners(), 1);
    for admin in &pair.admins {
        load.check(admin).await;
    }
    pair.end().await;
}

/// Appends that take numbers, transaction ids and locks, and never happened.
async fn roll_back(pool: &sqlx::PgPool, times: usize) {
    for _ in 0..times {
        let mut tx = pool.begin().await.unwrap();
        sqlx::query(
            "INSERT INTO events (aggregate_type, aggregate_id, sequence, event_type,
                                 event_version, payload, metadata)
             SELECT 'group', gen_random_uuid(), 1, 'group.created', '1.0',
                    '{\"type\": \"group.created\", \"name\": \"never\", \"description\": \"\"}', '{}'
             FROM generate_series(1, 3)",
        )
        .execute(&mut *tx)
        .await
        .unwrap();
        tokio::task::yield_now().await;
        tx.rollback().await.unwrap();
    }
}

/// A login or an enrolment beside the end of an account leaves nothing behind that goes on.
#[tokio::test]
async fn nothing_outlives_an_account_that_ends_beside_it() {
    let pair = Pair::start().await;
    gateway(pair.admin(0), "gw", "100.96.0.0/16").await;
    for round in 0..4 {
        let name = format!("leaver-{round}");
        let leaver = pair.servers[0].user(&name, "user").await;
        let path = format!("/admin/users/{}", leaver.user_id());
        device(pair.admin(0), leaver.user_id(), "old").await;
        let enrolments = join_all((0..6).map(|n| {
            let name = format!("new-{n}");
            let (admin, id) = (pair.admin(n), leaver.user_id());
            async move { enrol(admin, id, &name).await }
        }));
        let logins = join_all((0..6).map(|n| {
            let body = json!({ "username": name, "password": PASSWORD });
            let client = pair.servers[n % 2].client();
            async move { client.post("/auth/login", body).await }
        }));
        let (deleted, enrolled, logged_in) =
            tokio::join!(pair.admin(round).delete(&path), enrolments, logins);
        assert_eq!(deleted.0, 204, "{}", deleted.1);
        for (status, body) in enrolled {
            assert!([201, 404].contains(&status), "{status}: {body}");
            if status == 201 {
                let path = format!("/admin/devices/{}", super::id(&body["device"]));
                assert_eq!(pair.admin(0).get(&path).await.1["status"], "revoked");
            }
        }
        for (status, body) in logged_in {
            assert!([200, 401].contains(&status), "{status}: {body}");
            let token = body["access_token"].as_str().unwrap_or("none");
            let me = pair.servers[0].client().with_token(token).get("/auth/me").await;
            assert_eq!(me.0, 401, "{}", me.1);
        }
    }
    pair.end().await;
}

/// Whoever signs in with the old password while it is being replaced is out afterwards, and stays
/// out where the account is disabled and enabled again.
#[tokio::test]
async fn no_session_outlives_the_password_or_the_state_it_was_opened_in() {
    let pair = Pair::start().await;
    for round in 0..4 {
        let name = format!("changed-{round}");
        let user = pair.servers[0].user(&name, "user").await;
        let path = format!("/admin/users/{}", user.user_id());
        let logins = join_all((0..8).map(|n| {
            let body = json!({ "username": name, "password": PASSWORD });
            let client = pair.servers[n % 2].client();
            async move { client.post("/auth/login", body).await }
        }));
        let disables = round % 2 == 0;
        let change = async {
            if disables {
                pair.admin(1).post(&format!("{path}/disable"), json!({})).await
            } else {
                let body = json!({ "password": "entirely different words" });
                pair.admin(1).post(&format!("{path}/password"), body).await
            }
        };
        let (changed, logged_in) = tokio::join!(change, logins);
        assert_eq!(changed.0, 200, "{}", changed.1);
        if disables {
            let (status, body) = pair.admin(0).post(&format!("{path}/enable"), json!({})).await;
            assert_eq!(status, 200, "{body}");
        }
        for (status, body) in logged_in {
            assert!([200, 401].contains(&status), "{status}: {body}");
            let token = body["access_token"].as_str().unwrap_or("none");
            let me = pair.servers[1].client().with_token(token).get("/auth/me").await;
            assert_eq!(me.0, 401, "round {round}: {}", me.1);
            let refresh = json!({ "refresh_token": body["refresh_token"].as_str().unwrap_or("") });
            let again = pair.servers[1].client().post("/auth/refresh", refresh).await;
            assert_ne!(again.0, 200, "round {round}: {}", again.1);
        }
    }
    pair.end().await;
}

/// A gateway is not deleted from under a device that enrols at it.
#[tokio::test]
async fn no_device_is_left_at_a_deleted_gateway() {
    let pair = Pair::start().await;
    let owner = user(pair.admin(0), "owner").await;
    for round in 0..8 {
        let pool = format!("100.{}.0.0/24", 64 + round);
        let id = gateway(pair.admin(0), &format!("gw-{round}"), &pool).await;
        let force = round % 2 == 0;
        let path = format!("/admin/gateways/{id}?force={force}");
        let enrolments = join_all((0..4).map(|n| {
            let body =
                json!({ "name": format!("d-{round}-{n}"), "public_key": key(), "gateway_id": id });
            let (admin, path) = (pair.admin(n), format!("/admin/users/{owner}/devices"));
            async move { admin.post(&path, body).await }
        }));
        let deletion = pair.admin(1).send(Method::DELETE, &path, &[], None);
        let (deleted, enrolled) = tokio::join!(deletion, enrolments);
        let gone = deleted.status == 204;
        assert!(gone || (!force && code(&deleted.body) == "gateway_in_use"), "{deleted:?}");
        for (status, body) in enrolled {
            assert!([201, 400, 404].contains(&status), "{status}: {body}");
            if status == 201 {
                let path = format!("/admin/devices/{}", super::id(&body["device"]));
                let (_, device) = pair.admin(0).get(&path).await;
                let expected = if gone { "revoked" } else { "active" };
                assert_eq!(device["status"], expected, "round {round}: {device}");
                pair.admin(0).post(&format!("{path}/revoke"), json!({})).await;
            }
        }
    }
    pair.end().await;
}
