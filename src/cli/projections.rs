//! `vanna projections`: how they stand, fold them anew, compare them with a fresh fold.

use super::args::Projections as Arguments;
use super::failure::{CliError, app_error};
use super::table;
use crate::app;
use crate::config::Config;
use serde_json::json;
use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::time::Duration;
use vanna_journal::projection::{Pace, Progress, ProjectionError, Projections, Status};
use vanna_journal::{Journal, hex};

/// Nothing else is served while these commands run.
const PACE: Pace = Pace { share: 1.0 };
/// How often a wait for the head tells how far it is.
const BEAT: Duration = Duration::from_secs(1);

pub(super) async fn run(config: &Config, arguments: &Arguments) -> Result<(), CliError> {
    let journal: Arc<dyn Journal> =
        app::open_existing_journal(&config.data, "projections").map_err(app_error)?;
    let opened = app::open_projections(&config.data, Arc::clone(&journal), PACE).await;
    let done = match opened {
        Ok(projections) => {
            let done = carry_out(&projections, arguments).await;
            projections.close().await;
            done
        }
        Err(error) => Err(app_error(error)),
    };
    journal.close().await;
    done
}

async fn carry_out(projections: &Projections, arguments: &Arguments) -> Result<(), CliError> {
    match arguments {
        Arguments::List { json } => list(projections, *json).await,
        Arguments::Rebuild { name, json } => rebuild(projections, name.as_deref(), *json).await,
        Arguments::Verify { name, json } => verify(projections, name.as_deref(), *json).await,
    }
}

async fn list(projections: &Projections, as_json: bool) -> Result<(), CliError> {
    settle(projections).await;
    print(&projections.status(), as_json)
}

async fn rebuild(projections: &Projections, name: Option<&str>, as_json: bool) -> Result<(), CliError> {
    let mut statuses = Vec::new();
    for name in names(projections, name)? {
        projections.rebuild(name).map_err(failed)?;
        let status = projections.rebuilt(name, |progress| tell(name, progress)).await.map_err(failed)?;
        if let Some(trouble) = &status.trouble {
            return Err(CliError::run(format!("`{name}` could not be rebuilt: {trouble}")));
        }
        statuses.push(status);
    }
    told_all();
    print(&statuses, as_json)
}

async fn verify(projections: &Projections, name: Option<&str>, as_json: bool) -> Result<(), CliError> {
    settle(projections).await;
    let mut all_agree = true;
    let out = &mut io::stdout().lock();
    for name in names(projections, name)? {
        let verdict = projections.verify(name).await.map_err(failed)?;
        all_agree &= verdict.agrees();
        let (serving, fresh) = (hex(&verdict.serving), hex(&verdict.fresh));
        if as_json {
            let verdict = json!({
                "name": name, "agrees": verdict.agrees(), "position": verdict.position, "rows": verdict.rows,
                "digest": serving, "fresh_digest": fresh,
            });
            writeln!(out, "{verdict}")?;
        } else if verdict.agrees() {
            writeln!(
                out,
                "{name}: {} rows at position {} are what a fresh fold gives, digest {serving}",
                verdict.rows, verdict.position
            )?;
        } else {
            writeln!(
                out,
                "{name}: differs from a fresh fold at position {}: {serving} is not {fresh}; \
                 `vanna projections rebuild {name}` mends it",
                verdict.position
            )?;
        }
    }
    if all_agree { Ok(()) } else { Err(CliError::said_no()) }
}

/// Waits until every projection has taken in what the journal holds.
async fn settle(projections: &Projections) {
    for Status { name, head, .. } in projections.status() {
        while !projections.reached(name, head, BEAT).await {
            match projections.status_of(name) {
                Ok(Status { trouble: None, position, rebuild, head, .. }) => {
                    tell(name, rebuild.unwrap_or(Progress { position, head }));
                }
                // It is said in the list.
                _ => break,
            }
        }
    }
    told_all();
}

fn names<'a>(projections: &Projections, name: Option<&'a str>) -> Result<Vec<&'a str>, CliError>
where
    'static: 'a,
{
    match name {
        Some(name) => projections.status_of(name).map(|_| vec![name]).map_err(failed),
        None => Ok(projections.status().iter().map(|status| status.name).collect()),
    }
}

fn print(statuses: &[Status], as_json: bool) -> Result<(), CliError> {
    let out = &mut io::stdout().lock();
    if as_json {
        writeln!(out, "{}", json!(statuses))?;
        return Ok(());
    }
    let columns = ["projection", "version", "serving", "position", "lag", "state"].map(str::to_owned);
    let row = |status: &Status| {
        let state = json!(status.state);
        vec![
            status.name.to_owned(),
            status.version.to_string(),
            status.serving.map_or_else(|| "-".to_owned(), |version| version.to_string()),
            status.position.to_string(),
            status.lag.to_string(),
            state.as_str().unwrap_or_default().to_owned(),
        ]
    };
    let rows: Vec<Vec<String>> = statuses.iter().map(row).collect();
    write!(out, "{}", table::render(&columns, &rows, &[false, true, true, true, true]))?;
    for status in statuses {
        if let Some(trouble) = &status.trouble {
            writeln!(out, "{}: {trouble}", status.name)?;
        }
    }
    Ok(())
}

/// One line that is written over, for people only.
fn tell(name: &str, progress: Progress) {
    let mut err = io::stderr();
    if err.is_terminal() {
        // Progress that cannot be shown is no reason to stop.
        let _ = write!(err, "\r{name}: {} of {}\x1b[K", progress.position, progress.head);
    }
}

fn told_all() {
    let mut err = io::stderr();
    if err.is_terminal() {
        let _ = write!(err, "\r\x1b[K");
    }
}

fn failed(error: ProjectionError) -> CliError {
    match error {
        ProjectionError::Unknown { .. } => CliError::input(error),
        other => CliError::run(other),
    }
}
