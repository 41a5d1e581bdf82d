//! The rules for new passwords, wherever one is set.

use nexavpn_api::auth::permissions::{TABLE, Who, while_password_due};
use nexavpn_tests::harness::{PASSWORD, request};
use serde_json::{Value, json};

use crate::api_admin::{Plane, assert_error, id};

/// 400 that names the field, says what to do and does not repeat the password.
fn assert_weak((status, answer): (u16, Value), password: &str) {
    assert_error(&(status, answer.clone()), 400, "validation_error");
    assert_eq!(answer["error"]["details"][0]["field"], "password", "{answer}");
    let text = answer.to_string();
    assert!(text.contains("hoose another") || text.contains("must"), "{password}: {text}");
    assert!(!text.contains(password), "{text}");
}

#[tokio::test]
async fn a_password_that_is_easy_to_guess_is_refused_everywhere() {
    let plane = Plane::start().await;
    let alice = plane.server.user("alice", "user").await;
    let other = json!({
        "username": "bert.b", "display_name": "Bertram Baldrick",
        "email": "b.baldrick@example.com",
    });
    let bert = id(&plane.create("users", other).await);
    for weak in ["password1234", "qwertyuiop[]", "nexavpnnexavpn"] {
        let new = json!({ "username": "carol", "password": weak });
        assert_weak(plane.admin.post("/admin/users", new).await, weak);
        let reset = format!("/admin/users/{bert}/password");
        assert_weak(plane.admin.post(&reset, json!({ "password": weak })).await, weak);
        let own = json!({ "current_password": PASSWORD, "password": weak });
        assert_weak(alice.post("/me/password", own).await, weak);
        let commands = plane.server.commands();
        let secret = || Some(nexavpn_commands::Secret::new(weak));
        assert!(commands.create_admin(&request(), "zoe", secret()).await.is_err());
        assert!(commands.reset_admin(&request(), "alice", secret()).await.is_err());
    }
    // Nothing of the refused reset happened.
    let view = format!("/admin/users/{}", alice.user_id());
    assert_eq!(plane.admin.get(&view).await.1["role"], "user");
    let reset = format!("/admin/users/{bert}/password");
    for own in ["Bertram Baldrick", "b.baldrick@example.com", "bert.b is bert.b"] {
        assert_weak(plane.admin.post(&reset, json!({ "password": own })).await, own);
    }
    let good = json!({ "password": "seven drizzled marbles" });
    assert_eq!(plane.admin.post(&reset, good).await.0, 200);
}

/// From the first sign-in with a password that somebody else chose, to the first of one's own.
#[tokio::test]
async fn a_first_password_opens_nothing_but_its_change() {
    let plane = Plane::start().await;
    let first = "seven drizzled marbles";
    let new = json!({ "username": "alice", "password": first });
    plane.create("users", new).await;
    let alice = plane.server.client().login("alice", first).await;
    assert_eq!(alice.session["password_change_required"], true);
    for row in TABLE {
        let open = row.who == Who::Public || while_password_due(row);
        if open || !row.who.admits(nexavpn_domain::values::Role::User) {
            continue;
        }
        let path = row.path.replace("{id}", "00000000-0000-4000-8000-000000000000");
        let method = row.method.parse().unwrap();
        let answer = alice.send(method, &path, &[], None).await;
        assert_error(&(answer.status, answer.body), 403, "password_change_required");
    }
    // Refreshing does not get around it.
    let refresh = json!({ "refresh_token": alice.session["refresh_token"] });
    let (_, next) = alice.post("/auth/refresh", refresh).await;
    assert_eq!(next["password_change_required"], true, "{next}");
    let same = json!({ "current_password": first, "password": first });
    assert_error(&alice.post("/me/password", same).await, 400, "validation_error");
    let own = json!({ "current_password": first, "password": "a jar of quiet thunder" });
    assert_eq!(alice.post("/me/password", own).await.0, 204);
    assert_eq!(alice.get("/me/devices").await.0, 200);
    let again = plane.server.client().login("alice", "a jar of quiet thunder").await;
    assert_eq!(again.session["password_change_required"], false);
}

#[tokio::test]
async fn what_the_database_did_not_answer_was_no_wrong_password() {
    let plane = Plane::start().await;
    let alice = plane.server.user("alice", "user").await;
    let rename = async |from: &str, to: &str| {
        let text = format!("ALTER TABLE account RENAME COLUMN {from} TO {to}");
        sqlx::raw_sql(&text).execute(&plane.db.owner_pool).await.unwrap();
    };
    let new = "tangerine umbrella ostrich";
    let change = json!({ "current_password": PASSWORD, "password": new });
    let login = json!({ "username": "alice", "password": PASSWORD });
    rename("password_hash", "away").await;
    // More often than a wrong one may be tried.
    for _ in 0..=10 {
        for (path, body) in [("/me/password", &change), ("/auth/login", &login)] {
            let (status, answer) = alice.post(path, body.clone()).await;
            assert!(status >= 500, "{path}: {status} {answer}");
        }
    }
    rename("away", "password_hash").await;
    let (status, answer) = alice.post("/auth/login", login).await;
    assert_eq!(status, 200, "{answer}");
    let (status, answer) = alice.post("/me/password", change).await;
    assert_eq!(status, 204, "{answer}");
}
