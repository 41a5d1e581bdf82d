//! CSV as RFC 4180 has it, and what goes into a cell.
//!
//! A spreadsheet takes a cell that begins with `=`, `+`, `-`, `@` or a tab for a formula, and runs
//! it. Such a text is written with a quote before it (OWASP, "CSV Injection"). So that nothing is
//! lost, a text that has such quotes itself gets one more, and reading takes one away again.

use serde_json::Value;

/// Between the elements of a list in one cell. In an element it is written with a backslash, as is
/// a backslash itself.
const SEPARATOR: char = ';';

/// Whether a spreadsheet could take the text, after its quotes, for a formula.
fn is_formula(text: &str) -> bool {
    text.trim_start_matches('\'').starts_with(['=', '+', '-', '@', '\t', '\r'])
}

/// A text that no spreadsheet runs.
pub(crate) fn guarded(text: &str) -> String {
    if is_formula(text) { format!("'{text}") } else { text.to_owned() }
}

/// The text that was guarded.
pub(crate) fn unguarded(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(text) if is_formula(text) => text,
        _ => cell,
    }
}

/// Several texts as one.
pub(crate) fn joined<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> String {
    let mut cell = String::new();
    for (i, text) in texts.into_iter().enumerate() {
        if i > 0 {
            cell.push(SEPARATOR);
        }
        for c in text.as_ref().chars() {
            if c == SEPARATOR || c == '\\' {
                cell.push('\\');
            }
            cell.push(c);
        }
    }
    cell
}

/// The texts that were joined, without blank ones.
pub(crate) fn split(cell: &str) -> Vec<String> {
    let mut texts = vec![String::new()];
    let mut chars = cell.chars();
    while let Some(c) = chars.next() {
        match c {
            SEPARATOR => texts.push(String::new()),
            c => {
                let c = if c == '\\' { chars.next().unwrap_or(c) } else { c };
                if let Some(last) = texts.last_mut() {
                    last.push(c);
                }
            }
        }
    }
    texts.retain(|text| !text.trim().is_empty());
    texts
}

/// A value of a view as a cell: nothing for null, a list of texts joined, what is deeper as JSON.
pub(crate) fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(text) => guarded(text),
        Value::Array(items) => {
            let texts: Option<Vec<&str>> = items.iter().map(Value::as_str).collect();
            texts.map_or_else(|| value.to_string(), |texts| guarded(&joined(texts)))
        }
        Value::Object(_) => value.to_string(),
    }
}

/// Rows as bytes, each ended by CRLF.
///
/// # Errors
/// Where memory could not be written to.
pub(crate) fn rows<R, C>(rows: R) -> Result<Vec<u8>, csv::Error>
where
    R: IntoIterator<Item = Vec<C>>,
    C: AsRef<[u8]>,
{
    let mut writer =
        csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    for row in rows {
        writer.write_record(row)?;
    }
    writer.into_inner().map_err(|e| csv::Error::from(e.into_error()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn formulas_are_quoted_and_lists_joined() {
        for text in ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "'=1", "''-"] {
            assert_eq!(guarded(text), format!("'{text}"));
        }
        for text in ["", "a=b", "'", "O'Neil", "'a"] {
            assert_eq!(guarded(text), text);
        }
        assert_eq!(cell(&json!(["a", "b;c", "d\\"])), "a;b\\;c;d\\\\");
        assert_eq!(cell(&json!(["-a"])), "'-a");
        assert_eq!(cell(&json!([{ "type": "user" }])), r#"[{"type":"user"}]"#);
        assert_eq!(cell(&json!(-1)), "-1");
        assert_eq!(cell(&Value::Null), "");
    }

    proptest! {
        #[test]
        fn what_was_guarded_and_joined_comes_back(
            text in "[=+@'\\t a-]{0,6}|\\PC*", texts in prop::collection::vec("[;\\\\a=]*[ab]", 0..4),
        ) {
            let guarded = guarded(&text);
            prop_assert!(!guarded.starts_with(['=', '+', '-', '@', '\t', '\r']));
            prop_assert_eq!(unguarded(&guarded), &text);
            prop_assert_eq!(split(&joined(&texts)), texts);
        }

        #[test]
        fn rows_are_read_as_they_were_written(
            written in prop::collection::vec(prop::collection::vec("[\",\r\n a]*", 3), 0..5),
        ) {
            let bytes = rows(written.clone()).unwrap();
            let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(&bytes[..]);
            let read: Vec<Vec<String>> = reader
                .records()
                .map(|r| r.unwrap().iter().map(ToOwned::to_owned).collect())
                .collect();
            prop_assert_eq!(read, written);
        }
    }
}
