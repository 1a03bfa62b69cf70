//! One turn: which chunks each of its facts gives, in the order that clients of version 2 know.

use super::chunk::{Chunk, Scene};
use super::component::{
    Piece, add_task, chat_input, complete_task, notification, status_bar, status_card, text,
};
use super::features::Features;
use super::{figure, memory, table};
use crate::projections::lineage::Call;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use vanna_actors::events::{ConversationEvent as Event, ResultDrawn, ResultRecorded, TextProduced};
use vanna_actors::ports::sql::{NOT_PERMITTED, ResultSet};
use vanna_journal::Record;

const TOOL_ICON: &str = "⚙️";
const DONE: &str = "Tool completed successfully";
/// Results that may still be drawn.
const DRAWABLE: usize = 8;

/// A turn that has begun and not ended.
#[derive(Clone, Debug)]
pub(super) struct Turn {
    features: Features,
    conversation_id: String,
    request_id: String,
    /// The task of loading the context, until it is done.
    loading: Option<String>,
    calls: BTreeMap<String, Call>,
    /// Names of the results of calls.
    files: BTreeMap<String, String>,
    results: Vec<(String, ResultSet)>,
    /// What the model said with the calls that run.
    remark: String,
    answer: String,
    /// Whether the model's whole answer is known, so that its parts do not count.
    whole: bool,
    /// Why the turn was stopped early.
    limit: Option<String>,
    ended: bool,
}

impl Turn {
    /// Begins with the record of the question.
    pub(super) fn begin(record: &Record, features: Features) -> Self {
        Self {
            features,
            conversation_id: record.stream.id().to_owned(),
            request_id: record.request_id.clone().unwrap_or_default(),
            loading: None,
            calls: BTreeMap::new(),
            files: BTreeMap::new(),
            results: Vec::new(),
            remark: String::new(),
            answer: String::new(),
            whole: false,
            limit: None,
            ended: false,
        }
    }

    /// Whether the last chunk was given.
    pub(super) fn has_ended(&self) -> bool {
        self.ended
    }

    /// The chunks that a fact gives.
    pub(super) fn apply(&mut self, record: &Record, event: &Event) -> Vec<Chunk> {
        let scene = Scene {
            conversation_id: self.conversation_id.clone(),
            request_id: self.request_id.clone(),
            at: record.at,
            seed: record.version.to_string(),
        };
        self.pieces(&scene, event).into_iter().map(|piece| scene.chunk(piece)).collect()
    }

    fn pieces(&mut self, scene: &Scene, event: &Event) -> Vec<Piece> {
        match event {
            Event::QuestionAsked(_) => self.begins(scene),
            Event::PlanMade(_) | Event::PlanFailed(_) => self.loaded(),
            Event::ModelCallFinished(answer) => {
                self.whole = true;
                self.speaks(scene, &answer.text, answer.calls.len())
            }
            Event::SqlRunStarted(started) => self.call_begins(scene, Call::from(&**started)),
            Event::ToolStarted(started) => self.call_begins(scene, Call::from(started)),
            Event::SqlRunFinished(end) => self.call_ends(scene, &end.tool_call_id, None),
            Event::SqlRunFailed(end) => self.call_ends(scene, &end.tool_call_id, Some(&end.failure.message)),
            Event::ToolFinished(end) => {
                if let Some(file) = &end.file {
                    self.files.insert(end.tool_call_id.clone(), file.clone());
                }
                let failure = (!end.success).then_some(end.summary.as_str());
                self.call_ends(scene, &end.tool_call_id, failure)
            }
            Event::ToolRefused(refused) => self.refused(scene, Call::from(refused), &refused.message),
            Event::ResultRecorded(recorded) => self.shown(scene, recorded),
            Event::ChartProposed(proposed) => {
                let newest = self.results.last().map(|(_, result)| result);
                let drawn = newest.and_then(|result| figure::proposed(scene.id("chart"), proposed, result));
                drawn.into_iter().collect()
            }
            Event::ResultDrawn(drawn) => self.drawn(scene, drawn).into_iter().collect(),
            Event::MemoriesFound(looked) if self.features.memory_detailed_results => {
                vec![memory::found_card(scene.id("found"), &looked.found)]
            }
            Event::MemoriesFound(looked) => vec![memory::found_bar(&looked.found)],
            Event::MemoryNoted(noted) => vec![memory::noted_bar(&noted.note)],
            Event::TextProduced(said) => {
                self.says(said);
                Vec::new()
            }
            Event::WarningRaised(raised) => {
                if raised.code == "tool_limit" {
                    self.limit = Some(raised.message.clone());
                }
                Vec::new()
            }
            Event::TurnFinished(_) => self.ends(scene),
            // It is an answer to whoever asked, and nothing that another try mends.
            Event::TurnFailed(failed) if failed.failure.code == NOT_PERMITTED => {
                self.answer.clone_from(&failed.failure.message);
                self.ends(scene)
            }
            Event::TurnFailed(_) => self.fails(scene),
            Event::TurnCancelled(_) => self.cancelled(),
            Event::PlanStarted(_)
            | Event::ChecksMade(_)
            | Event::PolicyApplied(_)
            | Event::EffectInterrupted(_)
            | Event::ModelBriefed(_)
            | Event::ModelCallStarted(_)
            | Event::ModelCallFailed(_)
            | Event::Unknown(_) => Vec::new(),
        }
    }

    fn begins(&mut self, scene: &Scene) -> Vec<Piece> {
        let task = scene.id("context");
        let (title, about) = ("Load conversation context", "Reading message history and user context");
        let pieces = vec![
            status_bar("working", "Processing your request...", "Analyzing query"),
            add_task(&task, title, about, "pending", &scene.stamp()),
        ];
        self.loading = Some(task);
        pieces
    }

    fn loaded(&mut self) -> Vec<Piece> {
        self.loading.take().map(|task| complete_task(&task, None)).into_iter().collect()
    }

    /// What the model says: the answer, or a remark on the calls that it wants.
    fn speaks(&mut self, scene: &Scene, said: &str, calls: usize) -> Vec<Piece> {
        if calls == 0 {
            said.clone_into(&mut self.answer);
            return Vec::new();
        }
        said.clone_into(&mut self.remark);
        self.answer.clear();
        match (said.is_empty(), self.features.tool_invocation_message_in_chat) {
            (true, _) => Vec::new(),
            (false, true) => vec![
                text(scene.id("remark"), said).said(said),
                status_bar("working", "Executing tools...", &format!("Running {calls} tools")),
            ],
            (false, false) => vec![status_bar("working", said, "")],
        }
    }

    fn says(&mut self, said: &TextProduced) {
        if self.whole && said.delta {
            return;
        }
        if !said.delta {
            self.answer.clear();
        }
        self.answer.push_str(&said.text);
    }

    fn call_begins(&mut self, scene: &Scene, call: Call) -> Vec<Piece> {
        // A further attempt of a call that readers already see as running is no second call.
        if self.calls.contains_key(&call.tool_call_id) {
            return Vec::new();
        }
        let pieces = self.beginning(scene, &call);
        self.calls.insert(call.tool_call_id.clone(), call);
        pieces
    }

    fn beginning(&self, scene: &Scene, call: &Call) -> Vec<Piece> {
        let (title, about) = (format!("Execute {}", call.name), "Running tool with provided arguments");
        let running = format!("Running tool with {} arguments", call.arguments.len());
        let task = add_task(&self.task(call), &title, about, "in_progress", &scene.stamp());
        let named = self.features.tool_names.then_some(task);
        let card = self.call_card(call, "running", &running).said(self.remark.clone());
        named.into_iter().chain(self.features.tool_arguments.then_some(card)).collect()
    }

    fn call_ends(&mut self, scene: &Scene, id: &str, failure: Option<&str>) -> Vec<Piece> {
        let Some(call) = self.calls.remove(id) else { return Vec::new() };
        let mut pieces = self.ending(&call, failure);
        if let Some(failure) = failure.filter(|_| self.features.tool_error) {
            let prefix = if call.name == "run_sql" { "Error executing query: " } else { "" };
            pieces.push(notification(scene.id(id), &format!("{prefix}{failure}"), "error"));
        }
        pieces
    }

    fn ending(&self, call: &Call, failure: Option<&str>) -> Vec<Piece> {
        let (status, description, detail) = match failure {
            None => ("success", DONE.to_owned(), DONE),
            Some(failure) => ("error", format!("Tool failed: {failure}"), "Tool return an error"),
        };
        let card = self.call_card(call, status, &description).update().said(description.clone());
        let named = self.features.tool_names.then(|| complete_task(&self.task(call), Some(detail)));
        self.features.tool_arguments.then_some(card).into_iter().chain(named).collect()
    }

    fn refused(&self, scene: &Scene, call: Call, message: &str) -> Vec<Piece> {
        let mut pieces = self.beginning(scene, &call);
        pieces.extend(self.ending(&call, Some(message)));
        pieces
    }

    fn call_card(&self, call: &Call, status: &str, description: &str) -> Piece {
        let title = format!("Executing {}", call.name);
        let metadata = Json::Object(call.arguments.clone());
        status_card(self.of_call(call, "card"), (&title, TOOL_ICON), status, description, metadata)
    }

    fn task(&self, call: &Call) -> String {
        self.of_call(call, "task")
    }

    /// An id that is the same whenever something of this call is shown.
    fn of_call(&self, call: &Call, what: &str) -> String {
        let scene = Scene {
            conversation_id: self.conversation_id.clone(),
            request_id: self.request_id.clone(),
            at: 0,
            seed: call.tool_call_id.clone(),
        };
        scene.id(what)
    }

    fn shown(&mut self, scene: &Scene, recorded: &ResultRecorded) -> Vec<Piece> {
        let file = self.files.get(&recorded.tool_call_id).map(String::as_str);
        let piece = table::dataframe(scene.id("table"), &recorded.result, file);
        self.results.push((recorded.tool_call_id.clone(), recorded.result.clone()));
        if self.results.len() > DRAWABLE {
            self.results.remove(0);
        }
        vec![piece]
    }

    fn drawn(&self, scene: &Scene, drawn: &ResultDrawn) -> Option<Piece> {
        let recorded = self.results.iter().find(|(call, _)| *call == drawn.of).map(|(_, result)| result);
        let result = drawn.earlier.as_ref().or(recorded)?;
        let title = drawn.title.as_deref();
        figure::drawn(scene.id("chart"), drawn.picture.as_ref()?, title, &drawn.file, result)
    }

    fn ends(&mut self, scene: &Scene) -> Vec<Piece> {
        self.ended = true;
        let mut pieces = self.loaded();
        if let Some(limit) = &self.limit {
            let warning = if self.answer.is_empty() { limit } else { &self.answer };
            pieces.push(status_bar("warning", "Tool limit reached", limit));
            pieces.push(text(scene.id("answer"), warning).said(warning.clone()));
            pieces.push(chat_input("Ask a follow-up question..."));
            return pieces;
        }
        pieces.push(status_bar("idle", "Response complete", "Ready for next message"));
        pieces.push(chat_input("Ask a follow-up question..."));
        if !self.answer.is_empty() {
            pieces.push(text(scene.id("answer"), &self.answer).said(self.answer.clone()));
        }
        pieces
    }

    fn fails(&mut self, scene: &Scene) -> Vec<Piece> {
        self.ended = true;
        let mut pieces = self.loaded();
        pieces.extend(failure(scene));
        pieces
    }

    fn cancelled(&mut self) -> Vec<Piece> {
        self.ended = true;
        let mut pieces = self.loaded();
        pieces.push(status_bar("idle", "Cancelled", "Ready for next message"));
        pieces.push(chat_input("Ask a follow-up question..."));
        pieces
    }
}

/// What is shown when something went wrong that the reader cannot mend.
#[must_use]
pub fn failure(scene: &Scene) -> [Piece; 3] {
    let id = &scene.conversation_id;
    let about = "An unexpected error occurred while processing your message";
    let description = format!("{about}. Please try again.\n\nConversation ID: {id}");
    let said = format!("Error: An unexpected error occurred. Please try again. (Conversation ID: {id})");
    let title = ("Error Processing Message", "⚠️");
    [
        status_card(scene.id("failure"), title, "error", &description, json!({})).said(said),
        status_bar("error", "Error occurred", about),
        chat_input("Try again..."),
    ]
}
