//! Components: what is shown, with every field that clients of version 2 expect.
//!
//! Titles and texts are put into pages as HTML by the element of version 2, so that whatever could be a
//! tag is escaped here.

use crate::projections::wire::v3::Keyed;
use serde_json::{Value as Json, json};

/// A component on its way into a chunk.
#[derive(Clone, Debug, PartialEq)]
pub struct Piece {
    pub(super) id: String,
    pub(super) kind: &'static str,
    pub(super) lifecycle: &'static str,
    pub(super) data: Keyed<Json>,
    pub(super) simple: Option<String>,
}

impl Piece {
    /// A new component.
    #[must_use]
    pub fn new<const N: usize>(id: impl Into<String>, kind: &'static str, data: [(&str, Json); N]) -> Piece {
        let data = data.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        Piece { id: id.into(), kind, lifecycle: "create", data, simple: None }
    }

    /// With another value in one of its fields.
    #[must_use]
    pub(super) fn with(mut self, field: &str, value: impl Into<Json>) -> Piece {
        self.data.set(field, value.into());
        self
    }

    /// With the text for those who show text only.
    #[must_use]
    pub fn said(self, text: impl Into<String>) -> Piece {
        Piece { simple: Some(text.into()), ..self }
    }

    /// As the next state of a component that is there.
    #[must_use]
    pub fn update(self) -> Piece {
        Piece { lifecycle: "update", ..self }
    }
}

/// A text as HTML that shows just that text.
#[must_use]
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// The bar that tells what is going on.
#[must_use]
pub fn status_bar(status: &str, message: &str, detail: &str) -> Piece {
    let data =
        [("status", json!(status)), ("message", json!(escaped(message))), ("detail", json!(escaped(detail)))];
    Piece::new("vanna-status-bar", "status_bar_update", data)
}

/// What the input field shows. Fields that are not set are left out: the element of version 2 takes null
/// as an order to empty the field.
#[must_use]
pub fn chat_input(placeholder: &str) -> Piece {
    let data = [("placeholder", json!(placeholder)), ("disabled", json!(false))];
    Piece::new("vanna-chat-input", "chat_input_update", data)
}

/// A text with marks.
#[must_use]
pub fn text(id: impl Into<String>, content: &str) -> Piece {
    let data = [
        ("content", json!(escaped(content))),
        ("markdown", json!(true)),
        ("code_language", Json::Null),
        ("font_size", Json::Null),
        ("font_weight", Json::Null),
        ("text_align", Json::Null),
    ];
    Piece::new(id, "text", data)
}

/// A card with buttons.
#[must_use]
pub fn card(
    id: impl Into<String>,
    title: &str,
    content: &str,
    icon: &str,
    status: &str,
    actions: Json,
) -> Piece {
    let data = [
        ("title", json!(escaped(title))),
        ("content", json!(escaped(content))),
        ("subtitle", Json::Null),
        ("icon", json!(icon)),
        ("status", json!(status)),
        ("actions", actions),
        ("collapsible", json!(false)),
        ("collapsed", json!(false)),
        ("markdown", json!(true)),
    ];
    Piece::new(id, "card", data)
}

/// A card that tells how something stands.
#[must_use]
pub fn status_card(
    id: impl Into<String>,
    (title, icon): (&str, &str),
    status: &str,
    description: &str,
    metadata: Json,
) -> Piece {
    let data = [
        ("title", json!(escaped(title))),
        ("status", json!(status)),
        ("description", json!(escaped(description))),
        ("icon", json!(icon)),
        ("metadata", metadata),
        ("actions", json!([])),
        ("collapsible", json!(false)),
        ("collapsed", json!(false)),
    ];
    Piece::new(id, "status_card", data)
}

/// A notice.
pub(super) fn notification(id: impl Into<String>, message: &str, level: &str) -> Piece {
    let data = [
        ("message", json!(escaped(message))),
        ("title", Json::Null),
        ("level", json!(level)),
        ("icon", Json::Null),
        ("dismissible", json!(true)),
        ("auto_dismiss", json!(false)),
        ("auto_dismiss_delay", json!(5000)),
        ("actions", json!([])),
    ];
    Piece::new(id, "notification", data).said(message)
}

/// A task that begins.
pub(super) fn add_task(id: &str, title: &str, description: &str, status: &str, at: &str) -> Piece {
    let task = json!({
        "id": id, "title": escaped(title), "description": description, "status": status, "progress": null,
        "created_at": at, "completed_at": null, "metadata": {},
    });
    task_tracker("add_task", task, Json::Null, Json::Null, Json::Null)
}

/// A task that is done.
pub(super) fn complete_task(id: &str, detail: Option<&str>) -> Piece {
    task_tracker("update_task", Json::Null, json!(id), json!("completed"), json!(detail))
}

fn task_tracker(operation: &str, task: Json, task_id: Json, status: Json, detail: Json) -> Piece {
    let data = [
        ("operation", json!(operation)),
        ("task", task),
        ("task_id", task_id),
        ("status", status),
        ("progress", Json::Null),
        ("detail", detail),
    ];
    Piece::new("vanna-task-tracker", "task_tracker_update", data)
}
