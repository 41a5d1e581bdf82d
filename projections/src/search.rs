//! What people type into a search box, as conditions.

use nexavpn_domain::DomainError;

/// The longest text to search for, in characters.
const LONGEST: usize = 256;

/// A search: rows that have, for each word given, a word that begins with it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Search {
    /// For PostgreSQL's `to_tsquery`; none where the text holds no word.
    pub(crate) words: Option<String>,
    /// Patterns for LIKE of the terms with punctuation: `bob_` is more than the word `bob`. The
    /// words find the rows, these choose among them.
    pub(crate) literals: Vec<String>,
}

impl Search {
    /// Takes a text apart as the function `read.words` does.
    ///
    /// # Errors
    /// `validation_error` where it is too long.
    pub(crate) fn of(text: &str) -> Result<Self, DomainError> {
        if text.chars().count() > LONGEST {
            let message = format!("must have at most {LONGEST} characters");
            return Err(DomainError::field("q", message));
        }
        let text = text.to_lowercase();
        let words: Vec<String> = text
            .split(|c: char| c.is_whitespace() || c.is_control() || c.is_ascii_punctuation())
            .filter(|word| !word.is_empty())
            .map(|word| format!("'{word}':*"))
            .collect();
        let literals = text
            .split_whitespace()
            .filter(|term| term.contains(|c: char| c.is_ascii_punctuation()))
            .map(pattern)
            .collect();
        Ok(Self { words: (!words.is_empty()).then(|| words.join(" & ")), literals })
    }
}

/// LIKE's pattern for a text that holds this one.
fn pattern(literal: &str) -> String {
    let mut pattern = String::with_capacity(literal.len() + 2);
    pattern.push('%');
    for c in literal.chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_by_their_beginning_and_punctuation_is_kept() {
        let search = Search::of("  Anna.B@x  O'Neil 50%_\\ zoë ").unwrap();
        let words = "'anna':* & 'b':* & 'x':* & 'o':* & 'neil':* & '50':* & 'zoë':*";
        assert_eq!(search.words.as_deref(), Some(words));
        assert_eq!(search.literals, ["%anna.b@x%", "%o'neil%", r"%50\%\_\\%"]);
        assert_eq!(Search::of(" @ ").unwrap().words, None);
        assert!(Search::of(&"a".repeat(257)).is_err());
    }
}
