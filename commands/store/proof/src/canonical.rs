//! JSON in canonical form (RFC 8785), and its hash.

use serde_json::Value;
use sha2::{Digest, Sha256};

/// Deeper than this a text is not looked at here.
const DEEPEST: u8 = 32;
/// Integers of so many digits have an exact form.
const DIGITS: usize = 15;

/// SHA-256 in hexadecimal of a value's canonical form.
///
/// # Errors
/// Where a number has no exact form there.
pub fn sha256(value: &Value) -> Result<String, serde_json::Error> {
    Ok(hex::encode(Sha256::digest(serde_json_canonicalizer::to_vec(value)?)))
}

/// The same of a value that is at hand as text. What is written as events are is hashed as it is,
/// without taking it apart.
///
/// # Errors
/// As [`sha256`], and where it is no JSON.
pub fn sha256_of_text(text: &str) -> Result<String, serde_json::Error> {
    if is_canonical(text) {
        return Ok(hex::encode(Sha256::digest(text)));
    }
    sha256(&serde_json::from_str(text)?)
}

/// Whether a text is certainly in canonical form. Some that are do not pass: those with fractions,
/// with keys that are not plain, with escapes that are seldom needed.
fn is_canonical(text: &str) -> bool {
    let mut scan = Scan(text.as_bytes());
    scan.value(0) && scan.0.is_empty()
}

/// What is left of a text.
struct Scan<'a>(&'a [u8]);

impl<'a> Scan<'a> {
    fn takes(&mut self, token: &[u8]) -> bool {
        let rest = self.0.strip_prefix(token);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    fn value(&mut self, depth: u8) -> bool {
        match self.0.first() {
            _ if depth > DEEPEST => false,
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'"') => self.string().is_some(),
            Some(b'-' | b'0'..=b'9') => self.integer(),
            _ => self.takes(b"true") || self.takes(b"false") || self.takes(b"null"),
        }
    }

    fn object(&mut self, depth: u8) -> bool {
        if !self.takes(b"{") {
            return false;
        }
        if self.takes(b"}") {
            return true;
        }
        let mut before: Option<&[u8]> = None;
        loop {
            let Some(key) = self.string() else { return false };
            // In bytes they have the order that they have in UTF-16 only where they are plain.
            let plain = key.iter().all(|byte| byte.is_ascii() && *byte != b'\\');
            if !plain || before.is_some_and(|before| before >= key) {
                return false;
            }
            before = Some(key);
            if !self.takes(b":") || !self.value(depth + 1) {
                return false;
            }
            if !self.takes(b",") {
                return self.takes(b"}");
            }
        }
    }

    fn array(&mut self, depth: u8) -> bool {
        if !self.takes(b"[") {
            return false;
        }
        if self.takes(b"]") {
            return true;
        }
        loop {
            if !self.value(depth + 1) {
                return false;
            }
            if !self.takes(b",") {
                return self.takes(b"]");
            }
        }
    }

    /// What is between the quotation marks.
    fn string(&mut self) -> Option<&'a [u8]> {
        let text = self.0.strip_prefix(b"\"")?;
        let mut escaped = false;
        for (at, byte) in text.iter().enumerate() {
            match byte {
                _ if escaped => {
                    // The others have another form, or are for what needs no escape.
                    if !matches!(byte, b'"' | b'\\' | b'b' | b'f' | b'n' | b'r' | b't') {
                        return None;
                    }
                    escaped = false;
                }
                b'\\' => escaped = true,
                b'"' => {
                    let (inside, rest) = text.split_at_checked(at)?;
                    self.0 = rest.strip_prefix(b"\"")?;
                    return Some(inside);
                }
                0..0x20 => return None,
                _ => {}
            }
        }
        None
    }

    fn integer(&mut self) -> bool {
        let negative = self.takes(b"-");
        let digits = self.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let Some((number, rest)) = self.0.split_at_checked(digits) else { return false };
        self.0 = rest;
        let zero = number.first() == Some(&b'0');
        let exact = (1..=DIGITS).contains(&digits) && !(zero && (digits > 1 || negative));
        exact && !matches!(rest.first(), Some(b'.' | b'e' | b'E'))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The text's canonical form by the library.
    fn canonical(text: &str) -> Option<String> {
        let value: Value = serde_json::from_str(text).ok()?;
        serde_json_canonicalizer::to_string(&value).ok()
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            (-1000..1000i64).prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::btree_map("[a-z_é\u{1F600}\u{E000}\"\\\\]{0,4}", inner, 0..5)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            failure_persistence: None,
            ..ProptestConfig::with_cases(2000)
        })]

        #[test]
        fn what_passes_is_its_own_canonical_form(value in json()) {
            let text = value.to_string();
            if is_canonical(&text) {
                prop_assert_eq!(canonical(&text), Some(text.clone()));
            }
            prop_assert_eq!(sha256_of_text(&text).ok(), sha256(&value).ok());
        }

        /// Also where it is hardly JSON.
        #[test]
        fn nothing_else_passes(text in r#"[\[\]{}",:\\ntrue01\-.e ]{0,12}"#) {
            if is_canonical(&text) {
                prop_assert_eq!(canonical(&text), Some(text.clone()));
            }
        }
    }

    #[test]
    fn events_are_hashed_as_they_are_and_others_are_taken_apart() {
        for text in [
            r#"{"description":"a \"quoted\"\nline","members":[],"name":"é","type":"group.created"}"#,
            r#"{"a":{"$sealed":"v1.x.y"},"b":null,"n":[0,-12,999999999999999],"t":true}"#,
            "[]",
            "{}",
            r#""""#,
        ] {
            assert!(is_canonical(text), "{text}");
            assert_eq!(canonical(text).as_deref(), Some(text));
        }
        for text in [
            r#"{"b":1,"a":2}"#,
            r#"{"a":1,"a":1}"#,
            r#"{"a": 1}"#,
            r#"{"a":1.0}"#,
            r#"{"a":01}"#,
            r#"{"a":-0}"#,
            r#"{"a":1e3}"#,
            r#"{"a":9007199254740993}"#,
            r#"{"a":"\u0041"}"#,
            r#"{"a":"\/"}"#,
            "{\"a\":\"\t\"}",
            r#"{"a":1}x"#,
            r#"{"a":1"#,
            r#"{"a":1,}"#,
            "[1,]",
            "[",
            "{",
            "",
            "nul",
        ] {
            assert!(!is_canonical(text), "{text}");
        }
    }
}
