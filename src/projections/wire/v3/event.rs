//! The envelope: exactly eight fields, whatever the payload.

use super::payload::{
    AssistantText, ChartSpecPayload, Done, ErrorPayload, Lineage, Status, TableResult, ToolResult, ToolStart,
    Warning,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One v3 event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "Unchecked", deny_unknown_fields)]
pub struct WireEvent {
    /// Always `v3`.
    pub event_version: EventVersion,
    /// What the payload is.
    pub event_type: EventType,
    /// Opaque and unique; the cursor to resume after within its conversation.
    #[schema(pattern = "^[A-Za-z0-9._:-]+$")]
    pub event_id: String,
    /// 0, 1, 2 … without a gap within one request.
    pub sequence: u64,
    /// The conversation.
    #[schema(pattern = "^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$")]
    pub conversation_id: String,
    /// The request.
    #[schema(pattern = "^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$")]
    pub request_id: String,
    /// When the fact was recorded: RFC 3339, UTC, milliseconds.
    #[schema(pattern = r"^-?\d{4,6}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")]
    pub timestamp: String,
    /// What happened.
    pub payload: Payload,
}

/// Version of the event format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum EventVersion {
    /// This format.
    V3,
}

/// What an event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each is its payload, documented there")]
pub enum EventType {
    Status,
    ToolStart,
    ToolResult,
    AssistantText,
    TableResult,
    ChartSpec,
    Warning,
    Lineage,
    Error,
    Done,
}

/// What an event says.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(untagged)]
#[expect(missing_docs, reason = "each variant is its payload, documented there")]
pub enum Payload {
    Status(Status),
    ToolStart(ToolStart),
    ToolResult(ToolResult),
    AssistantText(AssistantText),
    TableResult(TableResult),
    ChartSpec(Box<ChartSpecPayload>),
    Warning(Warning),
    Lineage(Box<Lineage>),
    Error(ErrorPayload),
    Done(Done),
}

impl EventType {
    /// All event types.
    pub const ALL: [Self; 10] = [
        Self::Status,
        Self::ToolStart,
        Self::ToolResult,
        Self::AssistantText,
        Self::TableResult,
        Self::ChartSpec,
        Self::Warning,
        Self::Lineage,
        Self::Error,
        Self::Done,
    ];

    /// The type that has this name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The name as events carry it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::ToolStart => "tool_start",
            Self::ToolResult => "tool_result",
            Self::AssistantText => "assistant_text",
            Self::TableResult => "table_result",
            Self::ChartSpec => "chart_spec",
            Self::Warning => "warning",
            Self::Lineage => "lineage",
            Self::Error => "error",
            Self::Done => "done",
        }
    }

    /// Whether no event of the request follows.
    #[must_use]
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Error | Self::Done)
    }
}

impl Payload {
    /// What the payload is.
    #[must_use]
    pub fn event_type(&self) -> EventType {
        match self {
            Self::Status(_) => EventType::Status,
            Self::ToolStart(_) => EventType::ToolStart,
            Self::ToolResult(_) => EventType::ToolResult,
            Self::AssistantText(_) => EventType::AssistantText,
            Self::TableResult(_) => EventType::TableResult,
            Self::ChartSpec(_) => EventType::ChartSpec,
            Self::Warning(_) => EventType::Warning,
            Self::Lineage(_) => EventType::Lineage,
            Self::Error(_) => EventType::Error,
            Self::Done(_) => EventType::Done,
        }
    }

    fn read(kind: EventType, value: serde_json::Value) -> Result<Self, serde_json::Error> {
        use serde_json::from_value;
        Ok(match kind {
            EventType::Status => Self::Status(from_value(value)?),
            EventType::ToolStart => Self::ToolStart(from_value(value)?),
            EventType::ToolResult => Self::ToolResult(from_value(value)?),
            EventType::AssistantText => Self::AssistantText(from_value(value)?),
            EventType::TableResult => Self::TableResult(from_value(value)?),
            EventType::ChartSpec => Self::ChartSpec(from_value(value)?),
            EventType::Warning => Self::Warning(from_value(value)?),
            EventType::Lineage => Self::Lineage(from_value(value)?),
            EventType::Error => Self::Error(from_value(value)?),
            EventType::Done => Self::Done(from_value(value)?),
        })
    }
}

impl WireEvent {
    /// Whether no event of the request follows.
    #[must_use]
    pub fn is_terminal(&self) -> bool {
        self.event_type.is_terminal()
    }
}

/// An event as read, before its payload is matched with its type.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Unchecked {
    event_version: EventVersion,
    event_type: EventType,
    event_id: String,
    sequence: u64,
    conversation_id: String,
    request_id: String,
    timestamp: String,
    payload: serde_json::Value,
}

impl TryFrom<Unchecked> for WireEvent {
    type Error = serde_json::Error;

    fn try_from(read: Unchecked) -> Result<Self, serde_json::Error> {
        Ok(Self {
            event_version: read.event_version,
            event_type: read.event_type,
            event_id: read.event_id,
            sequence: read.sequence,
            conversation_id: read.conversation_id,
            request_id: read.request_id,
            timestamp: read.timestamp,
            payload: Payload::read(read.event_type, read.payload)?,
        })
    }
}
