//! What can be asked of schemas.

use super::diff::{self, DiffFiles};
use super::sync;
use crate::cli::failure::CliError;
use crate::cli::remote::Server;
use crate::config::Config;
use clap::Subcommand;

/// What to do with schemas.
#[derive(Debug, Subcommand)]
pub enum Schema {
    /// Read the schemas of the sources now; exit 1 when one cannot be read.
    #[command(after_help = "Examples:
  vanna schema sync
  vanna schema sync --source shop --json
  vanna schema sync --server http://127.0.0.1:8080")]
    Sync {
        /// Only this source.
        #[arg(long, value_name = "NAME")]
        source: Option<String>,
        /// Whom to ask.
        #[command(flatten)]
        server: Server,
        /// Print JSON instead of text.
        #[arg(long)]
        json: bool,
    },
    /// How the schemas of the sources stand.
    Status {
        /// Whom to ask.
        #[command(flatten)]
        server: Server,
        /// Print JSON instead of text.
        #[arg(long)]
        json: bool,
    },
    /// Say what is different between two schemas, how bad it is, and which statements it touches.
    #[command(after_help = "Examples:
  vanna schema diff --before monday.json --after today.json
  vanna schema diff --before before.sql --after after.sql
  vanna schema diff --before monday.json --after today.json --queries saved.jsonl --json
A file is a snapshot in JSON, or statements that declare a schema; no database is needed for either.")]
    Diff(DiffFiles),
}

pub(crate) async fn run(
    command: &Schema,
    config: impl Fn() -> Result<Config, CliError>,
) -> Result<(), CliError> {
    match command {
        Schema::Sync { source, server, json } => {
            sync::sync(&config()?, source.as_deref(), server, *json).await
        }
        Schema::Status { server, json } => sync::status(&config()?, server, *json).await,
        Schema::Diff(files) => diff::run(files),
    }
}
