use nexavpn_domain::values::{Role, description, display_name, email, label, username};
use proptest::prelude::*;

type Rule = fn(&str) -> Result<String, String>;

const ONE_LINE: [(&str, Rule, usize); 4] = [
    ("username", username, 64),
    ("display_name", display_name, 128),
    ("email", email, 254),
    ("label", label, 64),
];

/// NUL (PostgreSQL cannot store it), control characters, line and paragraph separators, and what
/// turns the direction of text.
const UNSAFE: [char; 16] = [
    '\0', '\u{1}', '\n', '\r', '\t', '\u{1b}', '\u{7f}', '\u{85}', '\u{9b}', '\u{202a}',
    '\u{202e}', '\u{2066}', '\u{2069}', '\u{2028}', '\u{2029}', '\u{feff}',
];

#[test]
fn unsafe_characters_are_refused_everywhere() {
    for c in UNSAFE {
        for (name, rule, _) in ONE_LINE {
            assert!(rule(&format!("a{c}b@example.com")).is_err(), "{name} {c:?}");
        }
        let in_description = description(&format!("a{c}b"));
        assert_eq!(in_description.is_ok(), c == '\n' || c == '\t', "{c:?}");
    }
}

#[test]
fn length_is_counted_in_characters() {
    for (name, rule, max) in ONE_LINE {
        let fill =
            |n: usize| if name == "email" { "a".repeat(n - 4) + "@b.c" } else { "a".repeat(n) };
        assert!(rule(&fill(max)).is_ok(), "{name}");
        let error = rule(&fill(max + 1)).unwrap_err();
        assert!(error.contains(&max.to_string()), "{name}: {error}");
    }
    assert!(label(&"ü".repeat(64)).is_ok());
    assert!(label(&"ü".repeat(65)).is_err());
    assert!(description(&"ü".repeat(1000)).is_ok());
    assert!(description(&"ü".repeat(1001)).is_err());
}

#[test]
fn emptiness_is_judged_after_trimming() {
    for blank in ["", " ", "\u{a0}\u{2003}"] {
        assert!(label(blank).is_err() && username(blank).is_err() && email(blank).is_err());
        assert_eq!(display_name(blank).unwrap(), "");
        assert_eq!(description(blank).unwrap(), "");
    }
    assert_eq!(label("  Alice's laptop ").unwrap(), "Alice's laptop");
    assert_eq!(display_name(" 山田 太郎 ").unwrap(), "山田 太郎");
}

#[test]
fn usernames_are_plain_ascii_and_keep_their_case() {
    for good in ["alice", "Alice", "a", "9lives", "alice.b_c-d+e@example.com"] {
        assert_eq!(username(good).unwrap(), good);
    }
    for bad in [".alice", "-alice", "@", "al ice", "älice", "аlice", "alice/..", "a:b", "a%00"] {
        assert!(username(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn an_email_has_one_at_and_two_sides() {
    assert_eq!(email(" alice@example.com ").unwrap(), "alice@example.com");
    for bad in ["alice", "@example.com", "alice@", "a@b@c", "a b@example.com", "a@b\u{a0}c"] {
        assert!(email(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn roles_have_exact_names() {
    for role in [Role::Admin, Role::Auditor, Role::User] {
        assert_eq!(Role::parse(role.as_str()), Ok(role));
        assert_eq!(serde_json::to_value(role).unwrap(), role.as_str());
    }
    for bad in ["", "Admin", " admin", "root", "admin\0"] {
        let error = Role::parse(bad).unwrap_err();
        assert!(error.contains("admin, auditor, user"), "{error}");
    }
}

proptest! {
    #[test]
    fn what_is_taken_is_clean_and_taken_again_as_it_is(text in ".{0,80}|\\PC{0,80}|[ a-z@.\\t]*") {
        for (name, rule, max) in ONE_LINE.into_iter().chain([("description", description as Rule, 1000)]) {
            let Ok(clean) = rule(&text) else { continue };
            prop_assert_eq!(clean.trim(), &clean, "{}", name);
            prop_assert!(clean.chars().count() <= max);
            prop_assert!(name == "description" || !clean.chars().any(char::is_control));
            prop_assert!(!clean.contains('\0'));
            prop_assert_eq!(rule(&clean), Ok(clean.clone()), "{}", name);
        }
    }
}
