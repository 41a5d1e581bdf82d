//! Names and descriptions: what people type, made safe to show, to log and to put into a file.

/// The most characters of a label.
const LABEL: usize = 64;

/// Trims, then refuses what is empty, too long or holds control characters (a newline in a name
/// would end a line of a WireGuard profile).
fn clean(input: &str, min: usize, max: usize) -> Result<String, String> {
    let s = input.trim();
    let n = s.chars().count();
    if n < min {
        return Err("must not be empty".into());
    }
    if n > max {
        return Err(format!("must have at most {max} characters, has {n}"));
    }
    if s.chars().any(is_unsafe) {
        return Err("must not contain control characters".into());
    }
    Ok(s.to_owned())
}

/// Control characters, and the invisible ones that turn or hide text (bidirectional overrides).
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}' | '\u{feff}')
}

/// A login name: 1–64 characters, letters, digits, `.`, `_`, `-`, `@` and `+`, beginning with a
/// letter or digit. Kept as typed; unique without regard to case.
///
/// # Errors
/// What is wrong, in words.
pub fn username(input: &str) -> Result<String, String> {
    let s = clean(input, 1, 64)?;
    if !s.chars().all(|c| c.is_ascii_alphanumeric() || "._-@+".contains(c)) {
        return Err("may only contain letters, digits and . _ - @ +".into());
    }
    if !s.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return Err("must begin with a letter or a digit".into());
    }
    Ok(s)
}

/// A person's name as shown: up to 128 characters.
///
/// # Errors
/// What is wrong, in words.
pub fn display_name(input: &str) -> Result<String, String> {
    clean(input, 0, 128)
}

/// An email address: one `@` with something on both sides, up to 254 characters (RFC 5321).
///
/// # Errors
/// What is wrong, in words.
pub fn email(input: &str) -> Result<String, String> {
    let s = clean(input, 1, 254)?;
    let ok = s.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty() && !domain.is_empty() && !domain.contains('@')
    });
    if !ok || s.contains(char::is_whitespace) {
        return Err("must be an email address such as alice@example.com".into());
    }
    Ok(s)
}

/// The name of a device, group, policy or gateway, and other short labels: 1–64 characters.
///
/// # Errors
/// What is wrong, in words.
pub fn label(input: &str) -> Result<String, String> {
    clean(input, 1, LABEL)
}

/// The label that comes nearest to a name from elsewhere: without what is not allowed in one, and
/// cut off where it is too long. `None` where nothing is left.
#[must_use]
pub fn nearest_label(input: &str) -> Option<String> {
    let shown: String = input.chars().map(|c| if is_unsafe(c) { ' ' } else { c }).collect();
    let cut: String = shown.trim().chars().take(LABEL).collect();
    label(&cut).ok()
}

/// A free text of at most 1,000 characters; may be empty and hold line breaks.
///
/// # Errors
/// What is wrong, in words.
pub fn description(input: &str) -> Result<String, String> {
    let n = input.chars().count();
    if n > 1000 {
        return Err(format!("must have at most 1000 characters, has {n}"));
    }
    if input.chars().any(|c| is_unsafe(c) && c != '\n' && c != '\t') {
        return Err("must not contain control characters".into());
    }
    Ok(input.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_nearest_label_keeps_what_can_be_kept() {
        for (name, nearest) in [
            ("Anna's phone", Some("Anna's phone")),
            ("  two\tlines\n", Some("two lines")),
            ("\u{202e}\u{7}", None),
            (" ", None),
        ] {
            assert_eq!(nearest_label(name).as_deref(), nearest, "{name:?}");
        }
        let long = "\u{e4}".repeat(65);
        assert_eq!(nearest_label(&long).unwrap().chars().count(), 64);
    }

    proptest! {
        #[test]
        fn the_nearest_label_is_one(name in any::<String>()) {
            if let Some(nearest) = nearest_label(&name) {
                prop_assert_eq!(label(&nearest), Ok(nearest.clone()));
            }
            if let Ok(same) = label(&name) {
                prop_assert_eq!(nearest_label(&name), Some(same));
            }
        }
    }
}
