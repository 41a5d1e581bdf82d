//! Access tokens that we did not make, or not for now.

use std::sync::Arc;

use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD as URL},
};
use chrono::{TimeDelta, Utc};
use ed25519_dalek::{Signer, SigningKey};
use nexavpn_tests::harness::{Client, TestDb, TestServer};
use serde_json::{Value, json};

use crate::{
    api_admin::{Plane, assert_error},
    api_client::TurnableClock,
};

/// The key that the server signs with: what an attacker does not have.
async fn signing_key(server: &TestServer) -> SigningKey {
    let keys = server.commands().store().keyring().secrets("access-token-key/").await.unwrap();
    let newest: Value = serde_json::from_slice(&keys.last().unwrap().1).unwrap();
    let seed = BASE64_STANDARD.decode(newest["seed"].as_str().unwrap()).unwrap();
    SigningKey::from_bytes(&seed.try_into().unwrap())
}

/// Header and claims of a client's own token.
fn parts(client: &Client) -> (Value, Value) {
    let token = client.session["access_token"].as_str().unwrap();
    let part = |n: usize| {
        let bytes = URL.decode(token.split('.').nth(n).unwrap()).unwrap();
        serde_json::from_slice(&bytes).unwrap()
    };
    (part(0), part(1))
}

fn unsigned(header: &Value, claims: &Value) -> String {
    format!("{}.{}", URL.encode(header.to_string()), URL.encode(claims.to_string()))
}

fn signed(key: &SigningKey, header: &Value, claims: &Value) -> String {
    let text = unsigned(header, claims);
    let signature = URL.encode(key.sign(text.as_bytes()).to_bytes());
    format!("{text}.{signature}")
}

fn with(value: &Value, field: &str, new: Value) -> Value {
    let mut value = value.clone();
    value[field] = new;
    value
}

/// HMAC-SHA-256 (RFC 2104), by hand: the tests have no crate for it.
fn hmac_sha256(key: &[u8], text: &[u8]) -> Vec<u8> {
    use sha2::{Digest, Sha256};
    let mut block = [0; 64];
    if key.len() > 64 {
        block[..32].copy_from_slice(&Sha256::digest(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let inner = Sha256::new().chain_update(block.map(|b| b ^ 0x36)).chain_update(text).finalize();
    Sha256::new().chain_update(block.map(|b| b ^ 0x5c)).chain_update(inner).finalize().to_vec()
}

async fn refused(server: &TestServer, token: &str, why: &str) {
    for path in ["/auth/me", "/admin/users"] {
        let answer = server.client().with_token(token).get(path).await;
        assert_eq!(answer.0, 401, "{why}: {}", answer.1);
        assert_error(&answer, 401, "invalid_token");
    }
}

#[tokio::test]
async fn a_token_with_another_algorithm_or_key_does_not_work() {
    let plane = Plane::start().await;
    let server = &plane.server;
    let (header, claims) = parts(&plane.admin);
    let key = signing_key(server).await;
    // What is refused below is refused for what is changed: made like this, it works.
    let own = signed(&key, &header, &claims);
    assert_eq!(server.client().with_token(own.as_str()).get("/admin/users").await.0, 200);

    for alg in ["none", "None", "NONE", "nOnE", ""] {
        let text = unsigned(&with(&header, "alg", json!(alg)), &claims);
        refused(server, &format!("{text}."), alg).await;
        refused(server, &format!("{text}.AA"), alg).await;
    }
    // The public key, which is no secret, as the secret of an HMAC, in all the shapes it has.
    let public = key.verifying_key().to_bytes();
    let der = [&[0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0][..], &public].concat();
    let pem = format!(
        "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
        BASE64_STANDARD.encode(&der)
    );
    let shapes = [public.to_vec(), der, pem.into_bytes(), URL.encode(public).into_bytes()];
    for secret in &shapes {
        let text = unsigned(&with(&header, "alg", json!("HS256")), &claims);
        let mac = URL.encode(hmac_sha256(secret, text.as_bytes()));
        refused(server, &format!("{text}.{mac}"), "HS256 with the public key").await;
        // The same with the right name of the algorithm.
        let text = unsigned(&header, &claims);
        let mac = URL.encode(hmac_sha256(secret, text.as_bytes()));
        refused(server, &format!("{text}.{mac}"), "an HMAC as EdDSA").await;
    }
    for alg in ["RS256", "ES256", "PS512"] {
        let token = signed(&key, &with(&header, "alg", json!(alg)), &claims);
        refused(server, &token, alg).await;
    }
    let mine = SigningKey::from_bytes(&[9; 32]);
    refused(server, &signed(&mine, &header, &claims), "another key").await;
    for kid in [json!("0000000000000000"), json!(""), json!("../../etc/passwd"), Value::Null] {
        let token = signed(&key, &with(&header, "kid", kid.clone()), &claims);
        refused(server, &token, &format!("kid {kid}")).await;
        let token = signed(&mine, &with(&header, "kid", kid.clone()), &claims);
        refused(server, &token, &format!("kid {kid}, another key")).await;
    }
    // A key that comes along is not believed.
    let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "x": URL.encode(mine.verifying_key()) });
    let header_with_key = with(&with(&header, "jwk", jwk), "jku", json!("http://127.0.0.1:1/"));
    refused(server, &signed(&mine, &header_with_key, &claims), "a key of its own").await;
    for broken in ["a.b.c", "..", ".", "a.b", &format!("{own}.x"), &own[..own.len() - 3]] {
        refused(server, broken, broken).await;
    }
}

#[tokio::test]
async fn a_token_that_says_something_else_does_not_work() {
    let plane = Plane::start().await;
    let server = &plane.server;
    let user = server.user("ulrich", "user").await;
    let (header, claims) = parts(&user);
    let key = signing_key(server).await;
    let (_, of_admin) = parts(&plane.admin);
    // Changed without the key.
    let token = user.session["access_token"].as_str().unwrap();
    let signature = token.rsplit('.').next().unwrap();
    let changed = unsigned(&header, &with(&claims, "sub", of_admin["sub"].clone()));
    refused(server, &format!("{changed}.{signature}"), "another user").await;
    // Even with the key: a session speaks for its own user, and must be one.
    for (field, value) in [
        ("sub", of_admin["sub"].clone()),
        ("sid", json!("00000000-0000-4000-8000-000000000000")),
        ("iss", json!("somebody")),
        ("sub", Value::Null),
        ("exp", Value::Null),
        ("exp", json!("never")),
    ] {
        let token = signed(&key, &header, &with(&claims, field, value.clone()));
        refused(server, &token, &format!("{field} {value}")).await;
    }
    let role = signed(&key, &header, &with(&claims, "role", json!("admin")));
    let answer = server.client().with_token(role).get("/admin/users").await;
    assert_error(&answer, 403, "forbidden");
}

#[tokio::test]
async fn a_token_of_the_past_or_of_the_future_does_not_work() {
    let db = TestDb::new().await;
    let clock = TurnableClock::default();
    let turned = clock.clone();
    let server = TestServer::start_with(&db.server_url, |o| o.clock = Arc::new(turned)).await;
    let admin = server.admin().await;
    let (header, claims) = parts(&admin);
    let key = signing_key(&server).await;
    let now = Utc::now().timestamp();
    for (iat, exp, why) in [
        (now - 1_000, now - 100, "expired"),
        (now - 900, now - 1, "just expired"),
        (now + 3_600, now + 4_500, "of the future"),
        (now, now + 10 * 365 * 86_400, "for ten years"),
        (now, i64::MAX, "for ever"),
        (i64::MIN, i64::MAX, "of all times"),
        (now + 10, now, "backwards"),
    ] {
        let claims = with(&with(&claims, "iat", json!(iat)), "exp", json!(exp));
        refused(&server, &signed(&key, &header, &claims), why).await;
    }
    assert_eq!(admin.get("/admin/users").await.0, 200);
    clock.forward(TimeDelta::seconds(901));
    assert_error(&admin.get("/auth/me").await, 401, "invalid_token");
}
