//! Lineage: what an answer rests on, gathered from the facts of its request, and how far to trust it.

mod call;
mod chain;
mod confidence;
mod evidence;
mod gather;
mod open_lineage;

pub use call::Call;
pub use chain::Chain;
pub use confidence::{Coverage, Drift, End, RULES, RULES_VERSION, Rule, Signals, Tier, judge};
pub use evidence::{
    CallResult, Confidence, CoverageName, Evidence, ExecutedSql, JournalSpan, RetrievedMemory,
    SemanticEvidence, ToolCall, ValidationCheck,
};
pub use gather::Gathered;
pub(in crate::projections) use gather::{fallback_reason, millis};
pub use open_lineage::{Ran, Statements, run_event};
