//! Looks for secrets, in whatever shape they are kept or said.

use base64::{
    Engine,
    prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD},
};
use serde_json::Value;
use sqlx::{PgPool, Row as _};

use super::drive::text;

/// What the server made and told one time.
#[derive(Default)]
pub(super) struct Told {
    pub(super) secrets: Vec<(&'static str, String)>,
}

impl Told {
    pub(super) fn note(&mut self, what: &'static str, secret: &Value) {
        self.secrets.push((what, text(secret)));
    }

    /// The tokens of an answer to a login or a refresh.
    pub(super) fn note_session(&mut self, session: &Value) {
        self.note("a refresh token", &session["refresh_token"]);
        self.note("an access token", &session["access_token"]);
    }

    /// The private key in a complete profile, and the preshared key if there is one.
    pub(super) fn note_profile(&mut self, answer: &Value) {
        let content = text(&answer["profile"]["content"]);
        let key =
            |name| content.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
        self.secrets.push(("a private key", key("PrivateKey = ").unwrap()));
        self.secrets.extend(key("PresharedKey = ").map(|key| ("a preshared key", key)));
    }
}

/// Every table of the database, row by row as text, in lower case.
pub(crate) async fn tables(pool: &PgPool) -> Vec<(String, String)> {
    let names: Vec<String> = sqlx::query_scalar(
        "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c
         JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE c.relkind IN ('r', 'p', 'm') AND n.nspname IN ('public', 'read')",
    )
    .fetch_all(pool)
    .await
    .unwrap();
    assert!(names.len() > 15, "{names:?}");
    let mut rows = Vec::new();
    for name in names {
        let sql = format!("SELECT t::text FROM {name} t");
        for row in sqlx::query(&sql).fetch_all(pool).await.unwrap() {
            rows.push((name.clone(), row.get::<String, _>(0).to_lowercase()));
        }
    }
    rows
}

/// The part of a token that is secret: the last one of a JWT, the third one of a join token, what
/// is behind the prefix of a webhook's secret.
fn core(secret: &str) -> &str {
    let parts: Vec<&str> = secret.split('.').collect();
    match parts[..] {
        ["nxg1", _, core, ..] | [_, _, core] => core,
        _ => secret.strip_prefix("whsec_").unwrap_or(secret),
    }
}

/// How a secret could be written, in lower case: its text, and the bytes that this text stands for,
/// each also as a bytea shows it, in base64, and as a list of numbers.
fn shapes(secret: &str) -> Vec<String> {
    let core = core(secret).trim_end_matches('=');
    let decoded = BASE64_STANDARD_NO_PAD.decode(core);
    let decoded = decoded.or_else(|_| BASE64_URL_SAFE_NO_PAD.decode(core));
    // No text of ours that stands for fewer bytes is a key.
    let decoded = decoded.ok().filter(|bytes| bytes.len() >= 16);
    let mut shapes = vec![core.to_owned()];
    for bytes in [Some(core.as_bytes().to_vec()), decoded].into_iter().flatten() {
        // What is left of the last three bytes would be written otherwise where the text goes on.
        let whole = &bytes[..bytes.len() / 3 * 3];
        let numbers = bytes.iter().map(u8::to_string).collect::<Vec<_>>();
        shapes.extend([
            bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
            BASE64_STANDARD_NO_PAD.encode(whole),
            BASE64_URL_SAFE_NO_PAD.encode(whole),
            numbers.join(","),
            numbers.join(", "),
        ]);
    }
    shapes.iter().map(|shape| shape.to_lowercase()).collect()
}

/// Texts in which secrets are looked for.
pub(super) struct Texts(Vec<(String, String)>);

impl Texts {
    pub(super) fn new(texts: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(texts.into_iter().map(|(name, text)| (name, text.to_lowercase())).collect())
    }

    /// Where a secret is, and what is around it.
    fn find(&self, secret: &str) -> Vec<(&str, String)> {
        let shapes = shapes(secret);
        let found = self.0.iter().filter_map(|(name, text)| {
            let at = shapes.iter().find_map(|shape| text.find(shape))?;
            let around: String = text[..at].chars().rev().take(200).collect();
            let around = around.chars().rev().chain(text[at..].chars().take(200));
            Some((name.as_str(), around.collect()))
        });
        found.collect()
    }

    /// The names of those that have it.
    pub(super) fn having(&self, secret: &str) -> Vec<&str> {
        self.find(secret).into_iter().map(|(name, _)| name).collect()
    }

    pub(super) fn assert_without(&self, what: &str, secret: &str) {
        let found = self.find(secret);
        assert!(found.is_empty(), "{what} is in {:?}", found[0]);
    }
}

#[test]
fn a_secret_is_found_in_whatever_shape() {
    let bytes: [u8; 32] = std::array::from_fn(|n| u8::try_from(n * 7 + 3).unwrap());
    let standard = BASE64_STANDARD_NO_PAD.encode(bytes);
    let url = BASE64_URL_SAFE_NO_PAD.encode(bytes);
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let kept = [
        format!("(1,{standard}=)"),
        format!("{{\"key\": \"{url}\"}}"),
        format!("(\\\\x{})", hex(&bytes)),
        hex(&bytes).to_uppercase(),
        hex(standard.as_bytes()),
        BASE64_STANDARD_NO_PAD.encode(format!("{standard}=")),
        format!("{bytes:?}"),
        serde_json::to_string(&bytes).unwrap(),
    ];
    let told = format!("{standard}=");
    for text in kept {
        let texts = Texts::new([("here".to_owned(), format!("before {text} after"))]);
        assert_eq!(texts.having(&told), ["here"], "{text}");
    }
    let other = Texts::new([("here".to_owned(), hex(&[1; 32]))]);
    assert_eq!(other.having(&told), Vec::<&str>::new());
    // Of what is more than a secret, the secret.
    for token in [
        format!("eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJhIn0.{url}"),
        format!("nxg1.00000000-0000-4000-8000-000000000000.{url}.AAAA"),
        format!("whsec_{standard}"),
    ] {
        let texts = Texts::new([("here".to_owned(), hex(&bytes))]);
        assert_eq!(texts.having(&token), ["here"], "{token}");
    }
}
