//! From what was typed to an exit code.

use super::args::{Cli, Command, Journal, Semantic};
use super::failure::CliError;
use super::{
    ask, conversations, journal, lineage, projections, replay, schema, semantic, semantic_model, serve, sql,
};
use crate::config::Config;

/// Runs what was typed.
///
/// # Errors
/// [`CliError`] with the exit code and, unless all was said, the words for standard error.
pub async fn run(cli: Cli) -> Result<(), CliError> {
    let config = || configuration(&cli);
    match &cli.command {
        Command::Serve(args) => serve::run(config()?, args).await,
        Command::Ask(args) => ask::run(config()?, args).await,
        Command::Replay(args) => replay::run(config()?, args).await,
        Command::Conversations(args) => conversations::run(&config()?, args).await,
        Command::Journal(command) => look_after(command, config).await,
        Command::Projections(command) => projections::run(&config()?, command).await,
        Command::Semantic(Semantic::Plan(args)) => semantic::plan(args).await,
        Command::Semantic(Semantic::Compile(args)) => semantic::compile(args),
        Command::Semantic(Semantic::Import(args)) => semantic_model::import(args),
        Command::Semantic(Semantic::Export(args)) => semantic_model::export(args),
        Command::Semantic(Semantic::Validate(args)) => semantic_model::validate(args),
        Command::Sql(command) => sql::run(command),
        Command::Schema(command) => schema::run(command, config).await,
        Command::Lineage(command) => lineage::run(&config()?, command).await,
    }
}

async fn look_after(
    command: &Journal,
    config: impl Fn() -> Result<Config, CliError>,
) -> Result<(), CliError> {
    match command {
        Journal::Verify { server, json } => journal::verify(&config()?, server, *json).await,
        Journal::Stats { server, json } => journal::stats(&config()?, server, *json).await,
        Journal::Tail { count, json } => journal::tail(&config()?, *count, *json).await,
        Journal::Export { file, format } => journal::export(&config()?, file, *format).await,
        Journal::Import { file, json } => journal::import(&config()?, file, *json),
        Journal::Backup { dir, json } => journal::backup(&config()?, dir, *json).await,
        Journal::Restore(args) => journal::restore(&config()?, args),
        Journal::Seal { json } => journal::seal(&config()?, *json).await,
        Journal::Scrub { json } => journal::scrub(&config()?, *json),
        Journal::Reindex { json } => journal::reindex(&config()?, *json).await,
        Journal::Compact { json } => journal::compact(&config()?, *json),
        Journal::Prove { event_id, conversation } => journal::prove(&config()?, event_id, conversation).await,
        Journal::VerifyProof(args) => journal::verify_proof(args),
    }
}

fn configuration(cli: &Cli) -> Result<Config, CliError> {
    let mut config = Config::load(cli.config.as_deref()).map_err(CliError::input)?;
    if let Some(data) = &cli.data {
        config.data.clone_from(data);
    }
    Ok(config)
}
