//! What clients of version 2 are shown of memories.

use super::component::{Piece, card, status_bar};
use serde_json::{Value as Json, json};
use vanna_actors::ports::memory::{Memory, Note};

/// What a search found, with every detail.
pub(super) fn found_card(id: String, found: &[Memory]) -> Piece {
    let (title, content) = if found.is_empty() {
        let nothing = "No similar tool usage patterns found for this question.\n\nSearched agent memory with no matches.";
        ("🧠 Memory Search: 0 Results".to_owned(), nothing.to_owned())
    } else {
        let parts: Vec<String> =
            found.iter().enumerate().map(|(index, memory)| detail(index, memory)).collect();
        let content = format!("**Retrieved memories passed to LLM:**\n\n{}", parts.join("\n\n"));
        (format!("🧠 Memory Search: {} Result(s)", found.len()), content)
    };
    card(id, &title, &content, "🔍", "info", json!([])).with("collapsible", true).with("collapsed", true)
}

fn detail(index: usize, memory: &Memory) -> String {
    let note = &memory.note;
    let place = index + 1;
    let (name, told) = match &note.pattern {
        Some(pattern) => {
            (pattern.tool.as_str(), format!("- **Arguments:** `{}`", python(&pattern.arguments.value())))
        }
        None => ("note", format!("- **Content:** {}", note.text)),
    };
    format!(
        "**{place}. {name}** (similarity: {:.2})\n- **Question:** {}\n{told}\n- **Timestamp:** {}\n- **ID:** `{}`",
        memory.score,
        note.question,
        stamp(memory.at),
        note.id
    )
}

/// That a search found something, without what.
pub(super) fn found_bar(found: &[Memory]) -> Piece {
    match found.len() {
        0 => status_bar("idle", "No similar patterns found", "Searched agent memory"),
        many => {
            status_bar("success", &format!("Found {many} similar pattern(s)"), "Retrieved from agent memory")
        }
    }
}

/// That something was kept.
pub(super) fn noted_bar(note: &Note) -> Piece {
    match &note.pattern {
        Some(pattern) => {
            status_bar("success", "Saved to memory", &format!("Saved pattern for '{}'", pattern.tool))
        }
        None => status_bar("success", "Saved text memory", &format!("ID: {}", note.id)),
    }
}

/// A memory with a button that has it forgotten.
#[must_use]
pub fn memory_card(id: String, memory: &Memory) -> Piece {
    let note = &memory.note;
    let delete =
        json!([{"label": "🗑️ Delete", "action": format!("/delete {}", note.id), "variant": "error"}]);
    let end = format!("**Timestamp:** {}\n\n**ID:** `{}`", stamp(memory.at), note.id);
    match &note.pattern {
        Some(pattern) => {
            let content = format!(
                "**Question:** {}\n\n**Tool:** {tool}\n\n**Arguments:** `{}`\n\n**Success:** ✅ Yes\n\n{end}",
                note.question,
                python(&pattern.arguments.value()),
                tool = pattern.tool,
            );
            card(id, &format!("Tool: {}", pattern.tool), &content, "🔧", "success", delete)
        }
        None => {
            let about = if note.question.is_empty() {
                String::new()
            } else {
                format!("**Question:** {}\n\n", note.question)
            };
            let content = format!("{about}**Content:** {}\n\n{end}", note.text);
            card(id, "Text Memory", &content, "📝", "", delete)
                .with("status", Json::Null)
                .with("markdown", false)
        }
    }
}

fn stamp(at: i64) -> String {
    let instant = jiff::Timestamp::from_microsecond(at).unwrap_or_default();
    instant.strftime("%Y-%m-%dT%H:%M:%S.%6f").to_string()
}

/// A value as Python writes it: readers of version 2 know arguments in this form.
fn python(value: &Json) -> String {
    match value {
        Json::Null => "None".to_owned(),
        Json::Bool(true) => "True".to_owned(),
        Json::Bool(false) => "False".to_owned(),
        Json::Number(number) => number.to_string(),
        Json::String(text) => python_text(text),
        Json::Array(items) => format!("[{}]", items.iter().map(python).collect::<Vec<_>>().join(", ")),
        Json::Object(members) => {
            let members =
                members.iter().map(|(key, value)| format!("{}: {}", python_text(key), python(value)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
        }
    }
}

fn python_text(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut out = String::with_capacity(text.len() + 2);
    out.push(quote);
    for letter in text.chars() {
        match letter {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            _ if letter == quote => out.extend(['\\', letter]),
            _ => out.push(letter),
        }
    }
    out.push(quote);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_written_as_python_writes_them() {
        let value = json!({"sql": "SELECT 'a'", "n": [1, 2.5, null, true, false], "t": "it's \"so\"\n"});
        let told = r#"{'n': [1, 2.5, None, True, False], 'sql': "SELECT 'a'", 't': 'it\'s "so"\n'}"#;
        assert_eq!(python(&value), told);
    }
}
