//! What can be asked of schemas.

use super::diff::{self, DiffFiles};
use crate::cli::failure::CliError;
use clap::Subcommand;

/// What to do with schemas.
#[derive(Debug, Subcommand)]
pub enum Schema {
    /// Say what is different between two schemas, how bad it is, and which statements it touches.
    #[command(after_help = "Examples:
  vanna schema diff --before monday.json --after today.json
  vanna schema diff --before before.sql --after after.sql --dialect postgres
  vanna schema diff --before monday.json --after today.json --queries saved.jsonl --json
A file is a snapshot in JSON, or statements that declare a schema; no database is needed for either.")]
    Diff(DiffFiles),
}

pub(crate) fn run(command: &Schema) -> Result<(), CliError> {
    match command {
        Schema::Diff(files) => diff::run(files),
    }
}
