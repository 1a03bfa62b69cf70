//! What can go wrong, in words that never quote the server.

use crate::sql::runner::words::{failed, not_read_only, timeout, unavailable};
use mysql_async::{DriverError, Error};
use vanna_actors::ports::sql::Failure;

/// What an error of the server or of the connection means. Numbers: the server's error reference.
pub(super) fn of(error: &Error) -> Failure {
    let refused = match error {
        Error::Server(refused) => refused,
        Error::Driver(DriverError::StmtParamsMismatch { .. }) => {
            return failed("The statement and its parameters do not fit together.");
        }
        _ => return unavailable("the connection broke off; try again"),
    };
    let named = |what: &str| match name(&refused.message) {
        Some(name) => format!("There is no {what} {name}; check its name."),
        None => format!("The statement names a {what} that is not there; check its names."),
    };
    match refused.code {
        // Out of time, or ended by KILL.
        1317 | 1969 | 3024 => timeout(),
        // Not in a transaction that reads only; not while the server reads only; not to be prepared.
        1290 | 1792 | 1295 | 1314 => not_read_only(),
        1044 | 1142 | 1143 | 1227 => Failure::new(
            "sql_not_authorized",
            "The role of the service may not read this on the source.",
            false,
        ),
        1054 => failed(&named("column")),
        1051 | 1109 | 1146 => failed(&named("table")),
        // For an account that may not call it, a function that is not there is one that it may not call.
        1305 | 1128 | 1370 | 1630 => failed("There is no such function; check its name."),
        1052 => failed("A column is in several of the tables; put the name of one before it."),
        1055 | 1056 => failed("A column stands beside aggregates and is not grouped by; group by it."),
        1064 | 1149 => failed("The statement cannot be read; check its syntax."),
        1365 => failed("The statement divides by zero; use NULLIF for the divisor."),
        1205 | 1213 => unavailable("another program locks what is asked for; try again"),
        1040 | 1045 | 1053 | 1129 | 1130 | 1203 | 1226 | 1927 | 3159 => {
            unavailable("it does not take statements now; try again later")
        }
        _ => failed("The source could not run the statement; check its names, functions and types."),
    }
}

/// The name between the first quotes of a message, when it can only be one; without its database.
fn name(message: &str) -> Option<String> {
    let quoted = message.split('\'').nth(1)?;
    let name = quoted.rsplit('.').next().unwrap_or(quoted);
    let plain = |letter: char| letter.is_alphanumeric() || letter == '_';
    let is_name = !name.is_empty() && name.len() <= 100 && name.chars().all(plain);
    is_name.then(|| name.to_owned())
}
