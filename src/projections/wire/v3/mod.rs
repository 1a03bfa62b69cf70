//! The v3 event format.
//!
//! An event is a closed envelope of eight fields around one payload per event type. The JSON Schemas
//! under `docs/schemas/` are generated from these types.

mod cell;
mod event;
mod keyed;
mod payload;
mod schemas;

#[cfg(test)]
pub(crate) mod schema_check;

pub use cell::{cell, rows};
pub use event::{EventType, EventVersion, Payload, WireEvent};
pub use keyed::Keyed;
pub use payload::{
    AssistantText, ChartSpecPayload, Done, DoneStatus, ErrorPayload, Fallback, Lineage, Stage, Status,
    TableResult, ToolResult, ToolStart, Warning,
};
pub use schemas::schemas;
