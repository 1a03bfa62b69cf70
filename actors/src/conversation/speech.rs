//! Listening to a model: what it says is joined for a moment before it is recorded.

use super::command::Command;
use crate::conversation::event::Token;
use crate::ports::model::{Deltas, Model, ModelAnswer, ModelRequest};
use crate::ports::sql::Failure;
use crate::runtime::effects::Progress;
use std::time::Duration;
use tokio::time::Instant;

/// How long pieces of text are joined: a fact costs a sync of the disk, and readers see no difference.
const JOINED: Duration = Duration::from_millis(50);
/// Pieces of text that may wait.
const PIECES: usize = 64;

/// Calls a model and reports its text while it arrives. What arrived last may be left out: the answer
/// holds all of it.
pub(super) async fn listen(
    model: &dyn Model,
    token: Token,
    request: &ModelRequest,
    progress: &Progress<Command>,
) -> Result<ModelAnswer, Failure> {
    let (deltas, mut pieces) = Deltas::channel(PIECES);
    let mut call = model.call(request, &deltas);
    let (mut heard, mut due) = (String::new(), None::<Instant>);
    loop {
        let wait = async {
            match due {
                Some(due) => tokio::time::sleep_until(due).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            answer = &mut call => return answer,
            () = wait => {
                due = None;
                let said = Command::Said { token, text: std::mem::take(&mut heard) };
                // Without anybody to record it, the call goes on for the answer alone.
                progress.report(said).await;
            }
            Some(piece) = pieces.recv() => {
                heard.push_str(&piece);
                due.get_or_insert_with(|| Instant::now() + JOINED);
            }
        }
    }
}
