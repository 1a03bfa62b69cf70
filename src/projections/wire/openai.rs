//! Answers as OpenAI's chat completions: text alone, for clients that know nothing else.
//!
//! A table becomes a Markdown table of its first rows, a warning a line in italics; charts and evidence are
//! left out and stay in the record, under the ids that the answer names.

use super::v3::{Keyed, Payload, TableResult, WireEvent};
use serde_json::Value as Json;

/// Rows of a table that are shown.
const ROWS: usize = 20;

/// What a v3 event says in plain text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// More text.
    Text(String),
    /// The answer is over.
    End,
    /// There is none.
    Failed {
        /// Stable code.
        code: String,
        /// For people.
        message: String,
    },
}

/// Turns v3 events, from the first of a turn on, into text.
#[derive(Clone, Debug, Default)]
pub struct PlainText {
    /// What was said of the present message.
    said: String,
    begun: bool,
}

impl PlainText {
    /// What an event adds.
    pub fn apply(&mut self, event: &WireEvent) -> Option<Said> {
        match &event.payload {
            Payload::AssistantText(text) if text.delta => {
                let gap = self.said.is_empty();
                self.said.push_str(&text.text);
                self.more(&text.text, gap)
            }
            Payload::AssistantText(text) => {
                let known = std::mem::take(&mut self.said);
                if known == text.text { None } else { self.more(&text.text, true) }
            }
            Payload::TableResult(table) => {
                self.said.clear();
                self.more(&markdown(table), true)
            }
            Payload::Warning(warning) => {
                self.said.clear();
                self.more(&format!("*{}*", warning.message), true)
            }
            Payload::Error(error) => {
                Some(Said::Failed { code: error.code.clone(), message: error.message.clone() })
            }
            Payload::Done(_) => Some(Said::End),
            Payload::Status(_)
            | Payload::ToolStart(_)
            | Payload::ToolResult(_)
            | Payload::ChartSpec(_)
            | Payload::Lineage(_) => None,
        }
    }

    fn more(&mut self, text: &str, gap: bool) -> Option<Said> {
        if text.is_empty() {
            return None;
        }
        let gap = if gap && self.begun { "\n\n" } else { "" };
        self.begun = true;
        Some(Said::Text(format!("{gap}{text}")))
    }
}

fn markdown(table: &TableResult) -> String {
    let row = |cells: Vec<String>| format!("| {} |", cells.join(" | "));
    let mut lines = vec![row(table.columns.iter().map(|name| cell(&Json::String(name.clone()))).collect())];
    lines.push(row(table.columns.iter().map(|_| "---".to_owned()).collect()));
    let cells = |keyed: &Keyed<Json>| {
        table.columns.iter().map(|name| keyed.get(name).map_or(String::new(), cell)).collect()
    };
    lines.extend(table.rows.iter().take(ROWS).map(|keyed| row(cells(keyed))));
    if table.rows.len() > ROWS || table.truncated {
        lines.push(format!("\n{} of {} rows", table.rows.len().min(ROWS), table.row_count));
    }
    lines.join("\n")
}

fn cell(value: &Json) -> String {
    match value {
        Json::Null => String::new(),
        Json::String(text) => text.replace('|', "\\|").replace(['\n', '\r'], " "),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::projections::facts_for_tests::{Story, good_turn};
    use crate::projections::transcript::Transcript;

    #[test]
    fn an_answer_reads_as_text_with_its_table_and_ends_once() {
        let mut story = Story::new("c-1");
        good_turn(&mut story, "r-1");
        let mut transcript = Transcript::new(story.stream.clone());
        let mut plain = PlainText::default();
        let events = story.facts.iter().flat_map(|(record, event)| transcript.apply(record, event));
        let said: Vec<Said> = events.filter_map(|event| plain.apply(&event)).collect();
        assert_eq!(said.last(), Some(&Said::End));
        assert_eq!(said.iter().filter(|said| **said == Said::End).count(), 1);
        let text: String = said
            .iter()
            .filter_map(|said| if let Said::Text(text) = said { Some(text.as_str()) } else { None })
            .collect();
        assert!(text.contains("| month | revenue |\n| --- | --- |\n"), "{text}");
        assert!(!text.starts_with('\n'));
    }

    #[test]
    fn a_cell_cannot_break_its_table() {
        assert_eq!(cell(&Json::String("a|b\nc".into())), "a\\|b c");
    }
}
