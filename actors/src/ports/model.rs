//! Asking a language model, and what comes back. Values are journaled: their shapes are plain.

use super::sql::Failure;
use crate::json::Json;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::mpsc;

/// A call that the model wants to be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolCall {
    /// Pairs with the answer; unique within one model answer. Made up where the provider gives none.
    pub id: String,
    /// Name of the tool as the model wrote it; it need not be one that was offered.
    pub name: String,
    /// Arguments exactly as the model wrote them.
    pub arguments: String,
    /// What is wrong with the arguments, in words to feed back to the model; none: they are one
    /// JSON object.
    pub malformed: Option<String>,
    /// Opaque text of the provider that has to be sent back with the call.
    pub signature: Option<String>,
}

/// One message of the exchange so far.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Message {
    /// What the asker said.
    User {
        /// The text.
        text: String,
    },
    /// What the model said before.
    Assistant {
        /// The text; may be empty when there are calls.
        text: String,
        /// The calls that it wanted, in order.
        tool_calls: Vec<ToolCall>,
    },
    /// What came out of a call.
    ToolAnswer {
        /// Of which call.
        call_id: String,
        /// Name of the tool.
        tool: String,
        /// What the model is shown.
        content: String,
        /// Whether the call did not work.
        failed: bool,
    },
}

/// A tool that the model may call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolSpec {
    /// 1 to 64 letters, digits, `_` or `-`.
    pub name: String,
    /// What it does, for the model.
    pub description: String,
    /// JSON Schema of its arguments, an object.
    pub parameters: Json,
}

/// Whether the model may or must call tools.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToolChoice {
    /// As it likes.
    #[default]
    Auto,
    /// At least one call.
    Required,
    /// None, although tools are described.
    Forbidden,
}

/// Parameters of one call. All of them are sent; nothing is added on the way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelSettings {
    /// Most tokens of the answer.
    pub max_tokens: u32,
    /// Randomness, from 0; the provider's own default when absent.
    pub temperature: Option<f64>,
    /// Share of probability that is sampled from; the provider's own default when absent.
    pub top_p: Option<f64>,
    /// Texts that end the answer.
    pub stop: Vec<String>,
    /// Seed for repeatable answers, where the provider has one.
    pub seed: Option<u32>,
    /// Whether tools may or must be called; without tools it means nothing.
    pub tool_choice: ToolChoice,
}

impl Default for ModelSettings {
    fn default() -> Self {
        Self {
            max_tokens: 4_096,
            temperature: None,
            top_p: None,
            stop: Vec::new(),
            seed: None,
            tool_choice: ToolChoice::Auto,
        }
    }
}

/// What a model is asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelRequest {
    /// Standing instructions; empty: none.
    pub system: String,
    /// The exchange so far, oldest first.
    pub messages: Vec<Message>,
    /// Tools that may be called.
    pub tools: Vec<ToolSpec>,
    /// Parameters.
    pub settings: ModelSettings,
}

/// Which model was asked what, exactly.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelMark {
    /// Name of the configured provider.
    pub provider: String,
    /// Model as the provider calls it.
    pub model: String,
    /// `blake3:` and the hash of the exact bytes of the request's body. No key is in the body.
    pub request_digest: String,
}

/// Why the model stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    /// It had said everything.
    Stop,
    /// It waits for the answers of its calls.
    ToolCalls,
    /// The bound on tokens was reached: text and arguments may be cut.
    Length,
    /// It or a filter of the provider declined.
    Refused,
    /// Something that this list does not know.
    Other,
}

/// Tokens of one call, as the provider counts them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Tokens of the request.
    pub input: u64,
    /// Tokens of the answer.
    pub output: u64,
}

/// A model that was asked before the one that answered, and did not answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PassedOver {
    /// Which one, and what it was asked.
    pub mark: ModelMark,
    /// Why it did not answer.
    pub failure: Failure,
}

/// What a model answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelAnswer {
    /// Which model was asked what.
    pub mark: ModelMark,
    /// The text: all deltas joined. May be empty.
    pub text: String,
    /// The calls that it wants, in order.
    pub tool_calls: Vec<ToolCall>,
    /// Why it stopped.
    pub stop_reason: StopReason,
    /// What it took; none when the provider does not say.
    pub usage: Option<Usage>,
    /// Attempts that it took with this model, from 1.
    pub attempts: u32,
    /// Models that were asked before and did not answer.
    pub passed_over: Vec<PassedOver>,
}

/// Where the text goes while it arrives: a bounded queue that remembers whether anything was
/// handed out, because from then on a call must not be repeated.
#[derive(Debug)]
pub struct Deltas {
    queue: mpsc::Sender<String>,
    started: AtomicBool,
}

impl Deltas {
    /// A queue of at most `bound` (at least 1) pieces of text. A slow reader holds the call up,
    /// within the call's own deadline; a reader that went away does not.
    #[must_use]
    pub fn channel(bound: usize) -> (Deltas, mpsc::Receiver<String>) {
        let (queue, reader) = mpsc::channel(bound.max(1));
        (Deltas { queue, started: AtomicBool::new(false) }, reader)
    }

    /// For callers that only want the whole answer.
    #[must_use]
    pub fn ignored() -> Deltas {
        Deltas::channel(1).0
    }

    /// Hands out a piece of text. Empty ones are left out.
    pub async fn hand_out(&self, text: &str) {
        if !text.is_empty() && self.queue.send(text.to_owned()).await.is_ok() {
            self.started.store(true, Ordering::Release);
        }
    }

    /// Whether someone was handed a piece of text.
    #[must_use]
    pub fn started(&self) -> bool {
        self.started.load(Ordering::Acquire)
    }
}

/// A language model.
///
/// Failures have the codes `model_*` and are listed in the documents of the adapters.
#[async_trait]
pub trait Model: Send + Sync + 'static {
    /// What a call with this request would send, and to whom first: for the intent that has to be
    /// durable before the call.
    fn mark(&self, request: &ModelRequest) -> ModelMark;

    /// Asks. Text is handed out while it arrives; calls come only with the whole answer. Once
    /// text was handed out nothing is tried again. Dropping the future cancels the call at once.
    async fn call(&self, request: &ModelRequest, deltas: &Deltas) -> Result<ModelAnswer, Failure>;
}

/// Tells what a request would send, and nothing else of a model: decisions may ask it.
#[derive(Clone)]
pub struct Marker(Arc<dyn Model>);

impl Marker {
    /// Of a model.
    #[must_use]
    pub fn of(model: &Arc<dyn Model>) -> Self {
        Self(Arc::clone(model))
    }

    /// As [`Model::mark`].
    #[must_use]
    pub fn mark(&self, request: &ModelRequest) -> ModelMark {
        self.0.mark(request)
    }
}

impl fmt::Debug for Marker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Marker")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vanna_journal::codec::{decode, encode};

    #[test]
    fn requests_and_answers_come_back_from_the_journal_as_they_were() {
        let call = ToolCall {
            id: "c1".into(),
            name: "run_sql".into(),
            arguments: "{\"a\":".into(),
            malformed: Some("the JSON ends too early".into()),
            signature: None,
        };
        let request = ModelRequest {
            system: "be brief".into(),
            messages: vec![
                Message::User { text: "how many".into() },
                Message::Assistant { text: String::new(), tool_calls: vec![call.clone()] },
                Message::ToolAnswer {
                    call_id: "c1".into(),
                    tool: "run_sql".into(),
                    content: "no".into(),
                    failed: true,
                },
            ],
            tools: vec![ToolSpec {
                name: "run_sql".into(),
                description: "runs".into(),
                parameters: Json::new(&serde_json::json!({"type": "object"})),
            }],
            settings: ModelSettings { temperature: Some(0.5), ..ModelSettings::default() },
        };
        assert_eq!(decode::<ModelRequest>(&encode(&request).unwrap()).unwrap(), request);
        let mark = ModelMark { provider: "p".into(), model: "m".into(), request_digest: "blake3:0".into() };
        let answer = ModelAnswer {
            mark: mark.clone(),
            text: "three".into(),
            tool_calls: vec![call],
            stop_reason: StopReason::Length,
            usage: Some(Usage { input: 7, output: 1 }),
            attempts: 2,
            passed_over: vec![PassedOver { mark, failure: Failure::new("model_timeout", "slow", true) }],
        };
        assert_eq!(decode::<ModelAnswer>(&encode(&answer).unwrap()).unwrap(), answer);
    }

    #[tokio::test]
    async fn only_text_that_reached_a_reader_counts_as_handed_out() {
        let nobody = Deltas::ignored();
        nobody.hand_out("x").await;
        assert!(!nobody.started());
        let (deltas, mut reader) = Deltas::channel(2);
        deltas.hand_out("").await;
        assert!(!deltas.started());
        deltas.hand_out("x").await;
        assert!(deltas.started());
        assert_eq!(reader.recv().await.as_deref(), Some("x"));
    }
}
