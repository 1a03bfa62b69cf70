//! `vanna serve`: the service, until it is told to stop.

use super::args::Serve;
use super::failure::{CliError, app_error};
use crate::api::{Api, Settings, listen};
use crate::app;
use crate::config::Config;
use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use vanna_actors::runtime::{Ids, SystemIds};
use vanna_journal::Journal;
use vanna_journal::archive::Archiver;

/// How long running turns may go on after the signal to stop.
const DRAIN: Duration = Duration::from_secs(10);

pub(super) async fn run(mut config: Config, arguments: &Serve) -> Result<(), CliError> {
    if let Some(addr) = arguments.addr {
        config.addr = addr.to_string();
    }
    let addr = config.bind_address().map_err(CliError::input)?;
    let settings = Settings::of(&config).map_err(CliError::input)?;
    let journal = app::open_journal(&config.data, "serve").map_err(CliError::run)?;
    let vanna =
        Arc::new(app::start(&config, Arc::clone(&journal) as Arc<dyn Journal>).await.map_err(app_error)?);
    tokio::spawn(vanna.watch_schemas());
    let archiver = app::start_archiver(&config, &journal);
    let listener =
        listen(addr).map_err(|error| CliError::run(format!("cannot listen on {addr}: {error}")))?;
    let bound = listener.local_addr()?;
    let (stop, mut stopped) = watch::channel(None);
    let watcher = tokio::spawn(watch_for_end(Arc::clone(&vanna), stop));
    let ids = SystemIds;
    let api = Api::new(Arc::clone(&vanna) as Arc<_>, settings, move || ids.fresh());
    writeln!(std::io::stdout(), "Vanna listens on http://{bound} (data in {})", config.data.display())?;
    let told = async move {
        // A sender that is gone has told what there was to tell.
        stopped.wait_for(Option::is_some).await.ok().and_then(|drain| *drain).unwrap_or(DRAIN)
    };
    api.serve(listener, told).await;
    let ended = watcher.await.unwrap_or(Ok(()));
    let finished = vanna.drain(drain_of(&ended)).await;
    if let Some(archiver) = archiver {
        seal_the_rest(archiver, drain_of(&ended)).await;
    }
    vanna.close().await;
    if !finished {
        tracing::warn!("some turns were still running; they go on at the next start");
    }
    ended.map_err(|reason| CliError::run(format!("stopped: {reason}. Start again to recover.")))
}

/// The next start seals what is not sealed in time.
async fn seal_the_rest(archiver: Archiver, patience: Duration) {
    if tokio::time::timeout(patience, archiver.close()).await.is_err() {
        tracing::warn!("not everything is sealed into the archive yet; the next start goes on with it");
    }
}

/// Ends with a signal, or with a journal that cannot go on in this process.
async fn watch_for_end(
    vanna: Arc<crate::service::Vanna>,
    stop: watch::Sender<Option<Duration>>,
) -> Result<(), String> {
    let signals = async {
        let (mut term, mut interrupt) =
            (signal(SignalKind::terminate()).ok()?, signal(SignalKind::interrupt()).ok()?);
        tokio::select! {
            _ = term.recv() => Some("SIGTERM"),
            _ = interrupt.recv() => Some("SIGINT"),
        }
    };
    let ended = tokio::select! {
        name = signals => {
            tracing::info!(signal = name.unwrap_or("none"), "stopping");
            Ok(())
        }
        reason = vanna.watch_journal() => Err(reason),
    };
    stop.send_replace(Some(drain_of(&ended)));
    ended
}

/// Over a journal that takes nothing more no turn can end: waiting would only delay the next start.
fn drain_of(ended: &Result<(), String>) -> Duration {
    if ended.is_ok() { DRAIN } else { Duration::ZERO }
}
