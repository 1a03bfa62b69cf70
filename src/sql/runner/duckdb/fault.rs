//! What can go wrong, in words that never quote the engine.

use crate::sql::runner::words::{failed, not_read_only, too_big, unavailable};
use duckdb::Error;
use vanna_actors::ports::sql::Failure;

/// The code of a failure that a stop has caused.
pub(super) const INTERRUPTED: &str = "sql_interrupted";

/// What an error of the engine means. It tells the kind of an error by the first words of its text.
pub(super) fn of(error: &Error) -> Failure {
    let text = match error {
        Error::DuckDBFailure(_, Some(text)) => text.as_str(),
        Error::InvalidParameterCount(..) => {
            return failed("The statement and its parameters do not fit together.");
        }
        Error::NulError(_) => return failed("The statement holds a NUL character; remove it."),
        _ => "",
    };
    let (kind, rest) = text.split_once(" Error: ").unwrap_or(("", text));
    match kind {
        "INTERRUPT" => Failure::new(INTERRUPTED, "The statement was stopped before its end.", true),
        "Out of Memory" => too_big(),
        "Permission" => {
            Failure::new("sql_not_authorized", "The statement asks for what is closed on this source.", false)
        }
        "IO" => unavailable("its file cannot be read now; see that no program is writing it, and try again"),
        "Fatal" | "INTERNAL" | "Internal" => unavailable("the engine broke off; try again"),
        "Invalid Input" if rest.contains("read-only mode") => not_read_only(),
        "Catalog" | "Binder" => failed(&misunderstood(rest)),
        "Parser" => failed("The statement cannot be read; check its syntax."),
        "Conversion" | "Out of Range" => {
            failed("A value does not fit the type that the statement asks for; check its casts.")
        }
        _ => failed("The source could not run the statement; check its names, functions and types."),
    }
}

/// What the engine did not understand, in our words: of its own only names of the statement are kept.
fn misunderstood(text: &str) -> String {
    let between = |start: &str, end: &str| name(text.split_once(start)?.1.split_once(end)?.0);
    let after = |start: &str| name(text.split_once(start)?.1.split([' ', '!', '\n']).next()?);
    if let Some(column) = between("column \"", "\" not found") {
        format!("There is no column {column} here; check its name and its table.")
    } else if let Some(table) = after("Table with name ") {
        format!("There is no table {table}; check its name.")
    } else if let Some(function) = after("Function with name ") {
        format!("There is no function {function} in this dialect.")
    } else if let Some(column) = between("column name \"", "\"") {
        format!("The column {column} is in several of the tables; put the name of one before it.")
    } else if text.contains("must appear in the GROUP BY") {
        "A column stands beside aggregates and is not grouped by; group by it.".to_owned()
    } else {
        "The source could not run the statement; check its names, functions and types.".to_owned()
    }
}

/// A text that can only be a name.
fn name(text: &str) -> Option<&str> {
    let plain = |letter: char| letter.is_alphanumeric() || "_.".contains(letter);
    (!text.is_empty() && text.len() <= 100 && text.chars().all(plain)).then_some(text)
}
