//! Files of users, as rows.

use nexavpn_commands::{ImportRow, NewUser, Secret};
use nexavpn_domain::FieldError;
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    cells,
    error::ApiError,
    extract::{from_value, parse},
};

/// A user as a row of a file names them.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = UserImportFields)]
pub(super) struct Fields {
    username: String,
    display_name: Option<String>,
    email: Option<String>,
    role: Option<String>,
    /// The names of groups that exist.
    #[serde(default)]
    groups: Vec<String>,
    password: Option<String>,
}

/// What a column is called, and what it fills.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Column {
    Username,
    DisplayName,
    Email,
    Role,
    Groups,
    Password,
    /// Of the export, and of no use here.
    PassedOver,
}

const COLUMNS: [(&str, Column); 11] = [
    ("username", Column::Username),
    ("display_name", Column::DisplayName),
    ("email", Column::Email),
    ("role", Column::Role),
    ("groups", Column::Groups),
    ("password", Column::Password),
    ("id", Column::PassedOver),
    ("status", Column::PassedOver),
    ("must_change_password", Column::PassedOver),
    ("created_at", Column::PassedOver),
    ("updated_at", Column::PassedOver),
];

impl From<Fields> for NewUser {
    fn from(fields: Fields) -> Self {
        Self {
            username: fields.username,
            display_name: fields.display_name,
            email: fields.email,
            role: fields.role,
            // Whoever made the file knows it.
            must_change_password: fields.password.is_some(),
            password: fields.password.map(Secret::new),
        }
    }
}

/// Reads a JSON array. An element that is no user is a row with problems.
///
/// # Errors
/// 400 where it is no array.
pub(super) fn json(bytes: &[u8]) -> Result<Vec<ImportRow>, ApiError> {
    let elements: Vec<Value> = parse(bytes)?;
    let rows = (1..).zip(elements).map(|(number, element)| {
        let username = element.get("username").and_then(Value::as_str).map(ToOwned::to_owned);
        match from_value::<Fields>(element) {
            Ok(mut fields) => {
                let groups = std::mem::take(&mut fields.groups);
                ImportRow { number, user: fields.into(), groups, problems: vec![] }
            }
            Err(error) => bad(number, username, error.into_fields().details),
        }
    });
    Ok(rows.collect())
}

/// Reads CSV. The header is row 1.
///
/// # Errors
/// 400 where it is no CSV in UTF-8, or has no header that we understand.
pub(super) fn csv(bytes: &[u8]) -> Result<Vec<ImportRow>, ApiError> {
    let text = std::str::from_utf8(bytes).map_err(|e| {
        let message = format!("is not UTF-8 (at byte {}): save it as UTF-8", e.valid_up_to());
        ApiError::field("body", message)
    })?;
    // What spreadsheets write before everything else.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
    let columns = columns(reader.headers().map_err(|e| unreadable(&e))?)?;
    let mut rows = Vec::new();
    for (number, record) in (2..).zip(reader.records()) {
        let record = record.map_err(|e| unreadable(&e))?;
        // Spreadsheets leave rows of commas behind.
        if record.iter().any(|cell| !cell.trim().is_empty()) {
            rows.push(row(number, &columns, &record));
        }
    }
    Ok(rows)
}

fn columns(header: &csv::StringRecord) -> Result<Vec<Column>, ApiError> {
    let known = || {
        let takes = COLUMNS.iter().filter(|(_, column)| *column != Column::PassedOver);
        takes.map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
    };
    let mut columns = Vec::with_capacity(header.len());
    let mut unknown = Vec::new();
    for cell in header {
        let name = cell.trim().to_lowercase();
        match COLUMNS.iter().find(|(column, _)| *column == name) {
            Some((_, column)) if *column != Column::PassedOver && columns.contains(column) => {
                return Err(ApiError::field("header", format!("has the column {name} twice")));
            }
            Some((_, column)) => columns.push(*column),
            None => unknown.push(format!("{:?}", cell.chars().take(64).collect::<String>())),
        }
    }
    // First: without a header it is a person's row, and may hold a password.
    if !columns.contains(&Column::Username) {
        let message = format!(
            "has no column username. The first row names the columns, separated by commas: {}",
            known()
        );
        return Err(ApiError::field("header", message));
    }
    if !unknown.is_empty() {
        let message = format!(
            "has columns that are not known: {}. The first row names the columns, separated by \
             commas: {}",
            unknown.join(", "),
            known()
        );
        return Err(ApiError::field("header", message));
    }
    Ok(columns)
}

fn row(number: u64, columns: &[Column], record: &csv::StringRecord) -> ImportRow {
    let cell = |wanted: Column| {
        let at = columns.iter().position(|column| *column == wanted)?;
        record.get(at).filter(|cell| !cell.trim().is_empty())
    };
    let text = |wanted: Column| cell(wanted).map(|cell| cells::unguarded(cell).to_owned());
    let username = text(Column::Username);
    if record.len() != columns.len() {
        let (has, wants) = (record.len(), columns.len());
        let message = format!("has {has} cells where the header has {wants}");
        return bad(number, username, vec![FieldError::new("row", message)]);
    }
    let fields = Fields {
        username: username.unwrap_or_default(),
        display_name: text(Column::DisplayName),
        email: text(Column::Email),
        role: text(Column::Role).map(|role| role.trim().to_lowercase()),
        groups: vec![],
        // As it is: nothing writes passwords, so no quote before it is ours.
        password: cell(Column::Password).map(ToOwned::to_owned),
    };
    let groups = text(Column::Groups).map(|groups| cells::split(&groups)).unwrap_or_default();
    ImportRow { number, user: fields.into(), groups, problems: vec![] }
}

fn bad(number: u64, username: Option<String>, problems: Vec<FieldError>) -> ImportRow {
    let user = NewUser {
        username: username.unwrap_or_default(),
        display_name: None,
        email: None,
        role: None,
        password: None,
        must_change_password: false,
    };
    ImportRow { number, user, groups: vec![], problems }
}

fn unreadable(error: &csv::Error) -> ApiError {
    let line = error.position().map(csv::Position::line);
    let place = line.map(|line| format!(" (line {line})")).unwrap_or_default();
    ApiError::field("body", format!("is no CSV that can be read{place}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(bytes: &[u8]) -> String {
        match csv(bytes) {
            Ok(rows) => panic!("{} rows were read", rows.len()),
            Err(error) => error.into_fields().message,
        }
    }

    #[test]
    fn files_are_read_as_spreadsheets_write_them() {
        let file = "\u{feff}Username, email,groups,display_name,password\r\n\
                    alice,a@example.com,\"Finance;A\\;B\",\"Alice \"\"A\"\"\r\nL.\",'=secret\r\n\
                    \r\n,,,,\r\nbob,,,'=1+1,\r\ncarol,x\r\n";
        let rows = csv(file.as_bytes()).unwrap();
        let names: Vec<&str> = rows.iter().map(|r| r.user.username.as_str()).collect();
        assert_eq!(names, ["alice", "bob", "carol"]);
        assert_eq!(rows[0].groups, ["Finance", "A;B"]);
        assert_eq!(rows[0].user.display_name.as_deref(), Some("Alice \"A\"\r\nL."));
        assert_eq!(rows[0].user.password.as_ref().unwrap().expose(), "'=secret");
        assert!(rows[0].user.must_change_password);
        assert_eq!((rows[1].user.email.as_deref(), rows[1].user.password.is_some()), (None, false));
        assert_eq!(rows[1].user.display_name.as_deref(), Some("=1+1"));
        assert_eq!(rows[2].problems[0].field, "row");
    }

    #[test]
    fn what_is_no_such_file_is_refused_in_words() {
        let unknown = refused(b"username,colour,\xc3\xa9t\xc3\xa9\nalice,red,x\n");
        assert!(unknown.contains("\"colour\", \"été\""), "{unknown}");
        let missing = refused(b"alice,alice@example.com\n");
        assert!(missing.contains("The first row names the columns"), "{missing}");
        assert!(!missing.contains("alice"), "it may hold a password: {missing}");
        assert!(refused(b"email\nx@y\n").contains("no column username"));
        assert!(refused(b"").contains("no column username"));
        assert!(refused(b"username,username\na,b\n").contains("twice"));
        assert!(refused(b"username\nal\xffice\n").contains("byte 11"));
        assert!(refused(b"username;email\na;b\n").contains("separated by commas"));
    }

    #[test]
    fn elements_that_are_no_users_are_rows_with_problems() {
        let file = r#"[{"username": "alice", "groups": ["a;b"]}, {"username": 7}, "bob",
                       {"username": "carol", "colour": "red"}, {}]"#;
        let rows = json(file.as_bytes()).unwrap();
        assert_eq!(rows[0].groups, ["a;b"]);
        let problems: Vec<&str> =
            rows[1..].iter().map(|row| row.problems[0].field.as_str()).collect();
        assert_eq!(problems, ["username", "body", "colour", "username"]);
        assert_eq!(rows[3].user.username, "carol");
        assert!(json(b"{}").is_err());
    }
}
