//! Folding a table anew while another one serves, at a pace that leaves room for everything else.

use super::engine::Inner;
use super::entry::{Entry, Progress};
use super::error::ProjectionError;
use super::fold::{Fold, SLICE};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Builds the next table of a projection and lets it serve.
///
/// # Errors
/// [`ProjectionError`]; what serves goes on to serve.
pub(super) async fn rebuild(inner: &Arc<Inner>, entry: &Arc<Entry>) -> Result<(), ProjectionError> {
    let (within, of) = (inner.clone(), entry.clone());
    let next = aside(move || of.next(within.store.as_ref())).await?;
    let (mut pace, mut before) = (inner.pace, None);
    loop {
        let took = slice(inner, &next).await?;
        let (position, head) = (next.position(), inner.journal.position());
        entry.rebuild.send_replace(Some(Progress { position, head }));
        let behind = head.saturating_sub(position);
        // The rest is taken in while the serving table stands still: a steady writer cannot put off the end.
        if behind <= SLICE as u64 {
            break;
        }
        if inner.stop.borrow().to_owned() {
            return Err(ProjectionError::Stopped);
        }
        if entry.serving().is_some() {
            pace = pace.against(before.replace(behind), behind);
            tokio::time::sleep(pace.rest_after(took)).await;
        }
    }
    let (within, of) = (inner.clone(), entry.clone());
    aside(move || {
        of.swap(within.store.as_ref(), within.journal.as_ref(), next)?;
        // It serves; what is left to do can be done later as well.
        if let Err(error) = of.sweep(within.store.as_ref()).and_then(|()| Ok(within.store.flush()?)) {
            tracing::warn!(%error, "the table before stays for a while");
        }
        Ok(())
    })
    .await
}

async fn slice(inner: &Arc<Inner>, next: &Arc<Fold>) -> Result<Duration, ProjectionError> {
    let (inner, next) = (inner.clone(), next.clone());
    aside(move || {
        let begun = Instant::now();
        next.advance(inner.journal.as_ref(), SLICE)?;
        Ok(begun.elapsed())
    })
    .await
}

/// Works on a thread that may wait for a disk.
pub(super) async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ProjectionError> + Send + 'static,
) -> Result<T, ProjectionError> {
    tokio::task::spawn_blocking(work).await.unwrap_or(Err(ProjectionError::Stopped))
}
