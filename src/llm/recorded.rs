//! Exchanges on disk, one file per request digest: recorded once, replayed without a network.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::mpsc;
use vanna_actors::ports::model::{Deltas, Model, ModelAnswer, ModelMark, ModelRequest};
use vanna_actors::ports::sql::Failure;

/// Pieces of text that may wait between the model and the recorder.
const QUEUE: usize = 16;

/// One exchange. The request is in it for people; its digest is the name of the file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Exchange {
    request: ModelRequest,
    deltas: Vec<String>,
    answer: ModelAnswer,
}

/// Whether the model is asked or the recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// Ask the model and keep its answer.
    Record,
    /// Never ask the model.
    Replay,
}

/// A model with its recordings.
pub(super) struct Recorded {
    pub(super) model: Arc<dyn Model>,
    pub(super) folder: PathBuf,
    pub(super) mode: Mode,
}

#[async_trait]
impl Model for Recorded {
    fn mark(&self, request: &ModelRequest) -> ModelMark {
        self.model.mark(request)
    }

    async fn call(&self, request: &ModelRequest, deltas: &Deltas) -> Result<ModelAnswer, Failure> {
        let mark = self.mark(request);
        let digest = mark.request_digest.replace(':', "-");
        let path = self.folder.join(format!("{}-{digest}.json", mark.provider));
        match self.mode {
            Mode::Replay => replay(&path, request, deltas).await,
            Mode::Record => self.record(path, request, deltas).await,
        }
    }
}

impl Recorded {
    async fn record(
        &self,
        path: PathBuf,
        request: &ModelRequest,
        deltas: &Deltas,
    ) -> Result<ModelAnswer, Failure> {
        let (heard, mut pieces) = Deltas::channel(QUEUE);
        let ask = async {
            let answer = self.model.call(request, &heard).await;
            drop(heard);
            answer
        };
        let (answer, heard) = futures::join!(ask, pass_on(&mut pieces, deltas));
        let answer = answer?;
        let exchange = Exchange { request: request.clone(), deltas: heard, answer };
        let answer = exchange.answer.clone();
        let written = tokio::task::spawn_blocking(move || write(&path, &exchange)).await;
        match written.map_err(io::Error::other).and_then(|written| written) {
            Ok(()) => {}
            Err(error) => tracing::warn!(kind = %error.kind(), "a model answer could not be recorded"),
        }
        Ok(answer)
    }
}

async fn pass_on(pieces: &mut mpsc::Receiver<String>, deltas: &Deltas) -> Vec<String> {
    let mut heard = Vec::new();
    while let Some(piece) = pieces.recv().await {
        deltas.hand_out(&piece).await;
        heard.push(piece);
    }
    heard
}

/// Whole or not at all: written aside and renamed.
fn write(path: &Path, exchange: &Exchange) -> io::Result<()> {
    let aside = path.with_extension("part");
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(&aside, serde_json::to_vec_pretty(exchange)?)?;
    std::fs::rename(&aside, path)
}

async fn replay(path: &Path, request: &ModelRequest, deltas: &Deltas) -> Result<ModelAnswer, Failure> {
    let owned = path.to_owned();
    let read = tokio::task::spawn_blocking(move || std::fs::read(owned)).await;
    let exchange: Option<Exchange> = read
        .map_err(io::Error::other)
        .and_then(|read| read)
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .filter(|exchange: &Exchange| exchange.request == *request);
    let Some(exchange) = exchange else {
        let message = "This request was not recorded; record it with a model first.";
        return Err(Failure::new("model_not_recorded", message, false));
    };
    for piece in &exchange.deltas {
        deltas.hand_out(piece).await;
    }
    Ok(exchange.answer)
}
