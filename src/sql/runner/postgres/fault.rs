//! What can go wrong, in words that never quote the server.

pub(super) use crate::sql::runner::words::{busy, failed, no_select, not_read_only, timeout, unavailable};
use tokio_postgres::Error;
use tokio_postgres::error::SqlState;
use vanna_actors::ports::sql::Failure;

/// What an error of the server or of the connection means.
pub(super) fn of(error: &Error) -> Failure {
    let Some(refused) = error.as_db_error() else {
        return if error.is_closed() || std::error::Error::source(error).is_some_and(is_io) {
            unavailable("the connection broke off; try again")
        } else {
            failed("The source could not run the statement; check its names, functions and types.")
        };
    };
    let named = |what: &str| match name(refused.message()) {
        Some(name) => format!("There is no {what} {name}; check its name."),
        None => format!("The statement names a {what} that is not there; check its names."),
    };
    let code = refused.code();
    if *code == SqlState::QUERY_CANCELED {
        timeout()
    } else if *code == SqlState::READ_ONLY_SQL_TRANSACTION {
        not_read_only()
    } else if *code == SqlState::INSUFFICIENT_PRIVILEGE {
        Failure::new("sql_not_authorized", "The role of the service may not read this on the source.", false)
    } else if *code == SqlState::UNDEFINED_COLUMN {
        failed(&named("column"))
    } else if *code == SqlState::UNDEFINED_TABLE {
        failed(&named("table"))
    } else if *code == SqlState::UNDEFINED_FUNCTION {
        failed("There is no such function or operator for these types; check names and types.")
    } else if *code == SqlState::AMBIGUOUS_COLUMN {
        failed("A column is in several of the tables; put the name of one before it.")
    } else if *code == SqlState::SYNTAX_ERROR {
        failed("The statement cannot be read; check its syntax.")
    } else if *code == SqlState::DIVISION_BY_ZERO {
        failed("The statement divides by zero; use NULLIF for the divisor.")
    } else if *code == SqlState::LOCK_NOT_AVAILABLE {
        unavailable("another program locks what is asked for; try again")
    } else if ["08", "53", "57", "58"].iter().any(|class| code.code().starts_with(class)) {
        unavailable("it does not take statements now; try again later")
    } else {
        failed("The source could not run the statement; check its names, functions and types.")
    }
}

fn is_io(error: &(dyn std::error::Error + 'static)) -> bool {
    error.is::<std::io::Error>()
}

/// The name between the first quotes of a message, when it can only be one.
fn name(message: &str) -> Option<String> {
    let mut parts = message.split('"');
    let quoted = parts.nth(1).map(str::to_owned);
    let bare = || {
        let word = message.strip_prefix("column ").and_then(|rest| rest.split(' ').next());
        word.map(str::to_owned)
    };
    let plain = |letter: char| letter.is_alphanumeric() || "_.".contains(letter);
    quoted.or_else(bare).filter(|name| !name.is_empty() && name.len() <= 100 && name.chars().all(plain))
}
