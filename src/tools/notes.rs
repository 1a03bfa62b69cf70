//! Keeping and finding notes, by whatever name a tool goes.

use super::data::marked;
use super::recall::offered;
use super::statement::refused;
use super::world::World;
use vanna_actors::ports::memory::{Among, Lookup, Memory, Note, Pattern};
use vanna_actors::ports::tools::{ToolOutcome, ToolUse};

/// What is asked of memory.
pub(super) struct Wanted<'a> {
    pub(super) question: &'a str,
    pub(super) among: Among,
    pub(super) least: Option<f64>,
    pub(super) limit: usize,
}

/// Finds notes, and tells the model what they say.
pub(super) async fn find(world: &World, given: &ToolUse, wanted: Wanted<'_>) -> ToolOutcome {
    let lookup = Lookup {
        tenant: given.caller.conversation.tenant().to_owned(),
        reader: given.caller.principal.clone(),
        question: wanted.question.to_owned(),
        among: wanted.among,
        least: wanted.least,
        limit: wanted.limit,
    };
    let found = match world.memory.search(lookup).await {
        Ok(found) => found,
        Err(failure) => return refused(failure),
    };
    let found = match world.database(&given.source) {
        Ok(database) => offered(&database.source, &given.caller, found).await,
        Err(failure) => Err(failure),
    };
    let found = match found {
        Ok(found) => found,
        Err(failure) => return refused(failure),
    };
    let outcome = if found.is_empty() {
        ToolOutcome::told("nothing found", "Nothing is remembered about such a question.")
    } else {
        let notes: Vec<String> = found.iter().map(told).collect();
        ToolOutcome::told(format!("{} found", found.len()), marked(&notes.join("\n\n")))
    };
    ToolOutcome { found: Some(found), ..outcome }
}

/// A note as a model is told it.
pub(crate) fn told(memory: &Memory) -> String {
    let note = &memory.note;
    let call = |pattern: &Pattern| format!("{} {}", pattern.tool, pattern.arguments.as_str());
    let parts =
        [note.question.clone(), note.text.clone(), note.pattern.as_ref().map(call).unwrap_or_default()];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n")
}

/// Keeps a note. What a reviewer has kept, everybody in the tenant finds; others find their own alone, so
/// that nobody's conversation can change another's answers.
pub(super) async fn keep(
    world: &World,
    given: &ToolUse,
    question: &str,
    text: &str,
    pattern: Option<Pattern>,
) -> ToolOutcome {
    let (tenant, author) = (given.caller.conversation.tenant(), &given.caller.principal);
    let note = Note {
        id: id(given),
        author: author.clone(),
        shared: world.groups.is_reviewer(tenant, author),
        question: question.to_owned(),
        text: text.to_owned(),
        pattern,
    };
    match world.memory.save(tenant, note.clone()).await {
        Ok(()) => {
            let content = format!("Kept under {}.", note.id);
            ToolOutcome { noted: Some(note), ..ToolOutcome::told("noted", content) }
        }
        Err(failure) => refused(failure),
    }
}

/// Of the call itself: one that is made again after a crash keeps one note.
fn id(given: &ToolUse) -> String {
    let mut hasher = blake3::Hasher::new();
    let conversation = &given.caller.conversation;
    for part in [conversation.tenant(), conversation.id(), &given.tool_call_id] {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    let mut bytes = [0; 16];
    hasher.finalize_xof().fill(&mut bytes);
    uuid::Builder::from_custom_bytes(bytes).into_uuid().to_string()
}
