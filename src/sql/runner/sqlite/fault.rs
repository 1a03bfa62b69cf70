//! What can go wrong with a SQLite source, in words that never quote the engine.

use crate::sql::runner::error::SourceError;
use rusqlite::ErrorCode;
use std::path::Path;
use vanna_actors::ports::sql::Failure;

impl SourceError {
    /// What a failed open or first read means.
    pub(super) fn from_engine(path: &Path, error: &rusqlite::Error) -> Self {
        let path = path.to_owned();
        match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => Self::NotADatabase(path),
            Some(ErrorCode::PermissionDenied) => Self::NoPermission(path),
            _ => Self::Unreadable(path),
        }
    }
}

/// What an engine error means when neither the guard nor a stop caused it.
pub(super) fn from_engine(error: &rusqlite::Error) -> Failure {
    if matches!(error, rusqlite::Error::MultipleStatement) {
        return not_read_only("The text holds more than one statement; send exactly one SELECT.");
    }
    match error.sqlite_error_code() {
        Some(ErrorCode::AuthorizationForStatementDenied) => not_authorized("The statement"),
        Some(ErrorCode::ReadOnly) if needs_recovery(error) => {
            unavailable("its last writer did not finish; open it once with a program that may write", false)
        }
        Some(ErrorCode::ReadOnly) => not_read_only("Only a SELECT may run; this would change the source."),
        Some(ErrorCode::TooBig | ErrorCode::OutOfMemory) => too_big(),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            unavailable("another program locks it; try again", true)
        }
        Some(ErrorCode::SchemaChanged) => unavailable("its schema changed during the run; try again", true),
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
            unavailable("its file is not a SQLite database, or it is damaged", false)
        }
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied | ErrorCode::SystemIoFailure) => {
            unavailable("its file cannot be read now; try again later", true)
        }
        Some(ErrorCode::OperationInterrupted) => interrupted(),
        _ => failed(&misunderstood(error)),
    }
}

/// What the engine did not understand, in our words: of its own only names of the statement are kept.
fn misunderstood(error: &rusqlite::Error) -> String {
    let text = match error {
        rusqlite::Error::SqliteFailure(_, Some(text)) => text.as_str(),
        rusqlite::Error::SqlInputError { msg, .. } => msg.as_str(),
        _ => "",
    };
    let after = |start: &str| text.strip_prefix(start).and_then(name);
    let near = || name(text.strip_prefix("near \"")?.strip_suffix("\": syntax error")?);
    if let Some(column) = after("no such column: ") {
        format!("There is no column {column} here; check its name and its table.")
    } else if let Some(table) = after("no such table: ") {
        format!("There is no table {table}; check its name.")
    } else if let Some(function) = after("no such function: ") {
        format!("There is no function {function} in this dialect.")
    } else if let Some(column) = after("ambiguous column name: ") {
        format!("The column {column} is in several of the tables; put the name of one before it.")
    } else if let Some(word) = near() {
        format!("The statement cannot be read near {word}; check its syntax.")
    } else if text == "incomplete input" {
        "The statement ends too early; check its syntax.".to_owned()
    } else {
        "The source could not run the statement; check its names, functions and types.".to_owned()
    }
}

/// A text that can only be a name.
fn name(text: &str) -> Option<&str> {
    let plain = |letter: char| letter.is_alphanumeric() || "_.".contains(letter);
    (!text.is_empty() && text.len() <= 100 && text.chars().all(plain)).then_some(text)
}

/// Whether the engine would first have to write to bring the file into order.
fn needs_recovery(error: &rusqlite::Error) -> bool {
    matches!(error, rusqlite::Error::SqliteFailure(code, _) if code.extended_code != rusqlite::ffi::SQLITE_READONLY)
}

pub(super) fn failed(message: &str) -> Failure {
    Failure::new("sql_failed", message, false)
}

pub(super) fn not_read_only(message: &str) -> Failure {
    Failure::new("sql_not_read_only", message, false)
}

/// `what` begins the sentence, such as "The function x".
pub(super) fn not_authorized(what: &str) -> Failure {
    Failure::new("sql_not_authorized", format!("{what} is not allowed on this source."), false)
}

pub(super) fn too_big() -> Failure {
    let message = "The statement or one of its values is larger than the limits allow; ask for less.";
    Failure::new("sql_too_big", message, false)
}

pub(super) fn timeout() -> Failure {
    let message = "The statement took longer than its time limit and was stopped; narrow the question.";
    Failure::new("sql_timeout", message, true)
}

pub(super) fn interrupted() -> Failure {
    Failure::new("sql_interrupted", "The statement was stopped before its end.", true)
}

pub(super) fn busy() -> Failure {
    unavailable("all its connections are busy; try again later", true)
}

fn unavailable(what: &str, retryable: bool) -> Failure {
    Failure::new("source_unavailable", format!("The source is not available: {what}."), retryable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_not_there_is_told_and_nothing_else_of_the_engine() {
        let connection = rusqlite::Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE t (a)").unwrap();
        let told = |sql: &str| from_engine(&connection.prepare(sql).err().unwrap()).message;
        assert!(told("SELECT b FROM t").contains("no column b"));
        assert!(told("SELECT a FROM u").contains("no table u"));
        assert!(told("SELECT odd(a) FROM t").contains("no function odd"));
        assert!(told("SELEC a FROM t").contains("near SELEC"));
        assert!(told("SELECT sum(count(a)) FROM t").starts_with("The source could not run"));
    }
}
