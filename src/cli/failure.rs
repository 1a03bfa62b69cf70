//! Why a command ends without doing what was asked, and the exit code that says so.

use crate::app::AppError;
use std::fmt;

/// Exit code for a check that said no.
pub(super) const SAID_NO: u8 = 1;
/// Exit code for bad usage or input.
pub(super) const BAD_INPUT: u8 = 2;
/// Exit code for what could not run.
pub(super) const COULD_NOT_RUN: u8 = 3;

/// A command's end that is not fine.
#[derive(Debug)]
pub struct CliError {
    /// Exit code.
    pub code: u8,
    /// For standard error; empty when everything was said on standard output.
    pub message: String,
}

impl CliError {
    pub(super) fn said_no() -> Self {
        Self { code: SAID_NO, message: String::new() }
    }

    pub(super) fn input(message: impl fmt::Display) -> Self {
        Self { code: BAD_INPUT, message: message.to_string() }
    }

    pub(super) fn run(message: impl fmt::Display) -> Self {
        Self { code: COULD_NOT_RUN, message: message.to_string() }
    }
}

/// Writing to standard output failed, most often because the reader has gone.
impl From<std::io::Error> for CliError {
    fn from(error: std::io::Error) -> Self {
        Self::run(format!("could not write the output: {error}"))
    }
}

/// The application could not be put together: bad input, or a machine that did not let us.
pub(super) fn app_error(error: AppError) -> CliError {
    match error {
        AppError::Input(message) => CliError::input(message),
        AppError::Journal(error) => CliError::run(error),
        AppError::Machine(message) => CliError::run(message),
    }
}
