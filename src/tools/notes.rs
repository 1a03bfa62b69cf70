//! Keeping and finding notes, by whatever name a tool goes.

use super::data::marked;
use super::statement::refused;
use super::world::World;
use crate::sql::guard::Code;
use crate::sql::runner::GuardedSource;
use std::collections::BTreeSet;
use vanna_actors::ports::memory::{Among, Lookup, Memory, Note, Pattern};
use vanna_actors::ports::sql::Failure;
use vanna_actors::ports::tools::{Caller, ToolOutcome, ToolUse};

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
        Ok(database) => permitted(&database.source, &given.caller, found).await,
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

/// Those of the notes that say nothing of what the policy of a source keeps from a caller: they name no
/// relation that the caller may not read, and no statement of theirs is forbidden.
///
/// # Errors
/// The source is not available.
pub(crate) async fn permitted(
    source: &GuardedSource,
    caller: &Caller,
    mut found: Vec<Memory>,
) -> Result<Vec<Memory>, Failure> {
    let Some(permit) = source.permit(caller).await? else { return Ok(found) };
    let catalog = source.engine().catalog().await?;
    let sight = permit.sight();
    let hidden = catalog.relations().filter(|relation| sight.relation(&relation.name).is_none());
    let hidden: BTreeSet<String> = hidden.map(|relation| relation.name.to_lowercase()).collect();
    let is_forbidden = |sql: &str| {
        let refusal = permit.guard().check(sql).err();
        refusal.is_some_and(|refusal| {
            matches!(
                refusal.code,
                Code::RelationNotPermitted | Code::ColumnNotPermitted | Code::PrincipalIncomplete
            )
        })
    };
    found.retain(|memory| {
        let text = told(memory).to_lowercase();
        let mut words = text.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
        let names_hidden = words.any(|word| hidden.contains(word));
        let arguments = memory.note.pattern.as_ref().map(|pattern| pattern.arguments.value());
        let sql = arguments.as_ref().and_then(|arguments| arguments.get("sql")).and_then(|sql| sql.as_str());
        !names_hidden && !sql.is_some_and(is_forbidden)
    });
    Ok(found)
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
