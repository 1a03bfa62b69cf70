//! The AG-UI protocol: v3 events as clients of agent user interfaces read them.
//!
//! Texts, tool calls and the beginning and end of a run have events of their own there; tables, charts,
//! warnings and evidence go as `CUSTOM` events with the v3 payload, under names that begin with `vanna.`.
//! Source of the names: the AG-UI protocol, <https://docs.ag-ui.com/concepts/events>.

use super::v3::{Payload, Stage, WireEvent};
use serde_json::{Value as Json, json};

/// Turns v3 events, from the first of a turn on, into AG-UI events.
#[derive(Clone, Debug, Default)]
pub struct AgUi {
    /// The message that is being said: its id, and what was said.
    open: Option<(String, String)>,
}

impl AgUi {
    /// The AG-UI events of one v3 event, in order.
    pub fn apply(&mut self, event: &WireEvent) -> Vec<Json> {
        let run = json!({"threadId": event.conversation_id, "runId": event.request_id});
        let mut events = Vec::new();
        if event.sequence == 0 {
            events.push(with("RUN_STARTED", run.clone()));
        }
        if !matches!(event.payload, Payload::AssistantText(_)) {
            events.extend(self.ends());
        }
        match &event.payload {
            Payload::Status(status) if status.stage == Stage::Accepted => {}
            Payload::ToolStart(call) => {
                let id = &call.tool_call_id;
                let arguments = Json::Object(call.arguments.clone()).to_string();
                events.push(with("TOOL_CALL_START", json!({"toolCallId": id, "toolCallName": call.name})));
                events.push(with("TOOL_CALL_ARGS", json!({"toolCallId": id, "delta": arguments})));
                events.push(with("TOOL_CALL_END", json!({"toolCallId": id})));
            }
            Payload::ToolResult(result) => {
                let content = json!(result).to_string();
                let (id, message) = (&result.tool_call_id, &event.event_id);
                let fields =
                    json!({"messageId": message, "toolCallId": id, "content": content, "role": "tool"});
                events.push(with("TOOL_CALL_RESULT", fields));
            }
            Payload::AssistantText(said) => events.extend(self.says(&event.event_id, &said.text, said.delta)),
            Payload::Error(error) => {
                events.push(with("RUN_ERROR", json!({"message": error.message, "code": error.code})));
            }
            Payload::Done(_) => events.push(with("RUN_FINISHED", run)),
            Payload::Status(_)
            | Payload::TableResult(_)
            | Payload::ChartSpec(_)
            | Payload::Warning(_)
            | Payload::Lineage(_) => {
                let name = format!("vanna.{}", event.event_type.name());
                events.push(with("CUSTOM", json!({"name": name, "value": event.payload})));
            }
        }
        let at = event.timestamp.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_millisecond);
        for made in &mut events {
            if let (Some(object), Some(at)) = (made.as_object_mut(), at) {
                object.insert("timestamp".to_owned(), json!(at));
            }
        }
        events
    }

    fn says(&mut self, event_id: &str, text: &str, delta: bool) -> Vec<Json> {
        if !delta {
            // The whole text: what was said already is not said again, and what was not replaces it.
            let said = self.open.as_ref().map(|(_, said)| said.as_str());
            if said == Some(text) {
                return self.ends();
            }
            let mut events = self.ends();
            events.extend(self.says(event_id, text, true));
            events.extend(self.ends());
            return events;
        }
        if text.is_empty() {
            return Vec::new();
        }
        let mut events = Vec::new();
        if self.open.is_none() {
            let id = event_id.to_owned();
            events.push(with("TEXT_MESSAGE_START", json!({"messageId": id, "role": "assistant"})));
            self.open = Some((id, String::new()));
        }
        if let Some((id, said)) = &mut self.open {
            said.push_str(text);
            events.push(with("TEXT_MESSAGE_CONTENT", json!({"messageId": id, "delta": text})));
        }
        events
    }

    fn ends(&mut self) -> Vec<Json> {
        let open = self.open.take();
        open.map(|(id, _)| with("TEXT_MESSAGE_END", json!({"messageId": id}))).into_iter().collect()
    }
}

fn with(kind: &str, mut fields: Json) -> Json {
    if let Some(object) = fields.as_object_mut() {
        object.insert("type".to_owned(), json!(kind));
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::projections::facts_for_tests::{Story, good_turn};
    use crate::projections::transcript::Transcript;

    fn events(story: &Story) -> Vec<Json> {
        let mut transcript = Transcript::new(story.stream.clone());
        let mut agui = AgUi::default();
        let facts = story.facts.iter();
        facts
            .flat_map(|(record, event)| transcript.apply(record, event))
            .flat_map(|e| agui.apply(&e))
            .collect()
    }

    #[test]
    fn a_run_begins_once_ends_once_and_every_message_and_call_is_closed() {
        let mut story = Story::new("c-1");
        good_turn(&mut story, "r-1");
        let events = events(&story);
        let kinds: Vec<&str> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
        assert_eq!((kinds[0], kinds[kinds.len() - 1]), ("RUN_STARTED", "RUN_FINISHED"));
        let count = |wanted: &str| kinds.iter().filter(|kind| **kind == wanted).count();
        assert_eq!((count("RUN_STARTED"), count("RUN_FINISHED"), count("RUN_ERROR")), (1, 1, 0));
        assert!(count("TEXT_MESSAGE_START") > 0);
        assert_eq!(count("TEXT_MESSAGE_START"), count("TEXT_MESSAGE_END"));
        assert!(count("TOOL_CALL_START") > 0);
        assert_eq!(count("TOOL_CALL_START"), count("TOOL_CALL_RESULT"));
        for name in ["vanna.table_result", "vanna.chart_spec", "vanna.lineage"] {
            assert_eq!(events.iter().filter(|event| event["name"] == name).count(), 1, "{name}");
        }
        assert!(events.iter().all(|event| event["timestamp"].is_i64()));
    }

    #[test]
    fn a_whole_text_after_its_parts_is_not_said_twice() {
        let mut agui = AgUi::default();
        let mut kinds = Vec::new();
        for (text, delta) in [("Hello, ", true), ("you.", true), ("Hello, you.", false), ("Other.", false)] {
            kinds.extend(agui.says("e", text, delta));
        }
        let kinds: Vec<&str> = kinds.iter().map(|event| event["type"].as_str().unwrap()).collect();
        let (start, content, end) = ("TEXT_MESSAGE_START", "TEXT_MESSAGE_CONTENT", "TEXT_MESSAGE_END");
        assert_eq!(kinds, [start, content, content, end, start, content, end]);
    }
}
