//! Which of the notes that were found are of use to a caller, on a source as it is now.

use super::notes::told;
use crate::sql::guard::{Code, Guard, Refusal};
use crate::sql::runner::{GuardedSource, Permit};
use std::collections::BTreeSet;
use std::sync::Arc;
use vanna_actors::ports::memory::Memory;
use vanna_actors::ports::sql::Failure;
use vanna_actors::ports::tools::Caller;

/// Notes that a model may be told: permitted ones whose statement still finds its tables and columns.
///
/// # Errors
/// As [`permitted`].
pub(crate) async fn offered(
    source: &GuardedSource,
    caller: &Caller,
    found: Vec<Memory>,
) -> Result<Vec<Memory>, Failure> {
    let mut found = permitted(source, caller, found).await?;
    // Without a schema nothing is known to be broken.
    if found.iter().any(|memory| statement(memory).is_some())
        && let Ok(guard) = source.guard(caller).await
    {
        found.retain(|memory| broken(&guard, memory).is_none());
    }
    Ok(found)
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
    let hidden = hidden(source, &permit).await?;
    found.retain(|memory| {
        let text = told(memory).to_lowercase();
        let mut words = text.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
        let names_hidden = words.any(|word| hidden.contains(word));
        let sql = statement(memory);
        !names_hidden && !sql.is_some_and(|sql| is_forbidden(permit.guard(), &sql))
    });
    Ok(found)
}

/// Relations that a caller may not read, in lower case.
async fn hidden(source: &GuardedSource, permit: &Permit) -> Result<BTreeSet<String>, Failure> {
    let catalog = source.engine().catalog().await?;
    let sight = permit.sight();
    let hidden = catalog.relations().filter(|relation| sight.relation(&relation.name).is_none());
    Ok(hidden.map(|relation| relation.table.to_lowercase()).collect())
}

fn is_forbidden(guard: &Guard, sql: &str) -> bool {
    let forbids = [Code::RelationNotPermitted, Code::ColumnNotPermitted, Code::PrincipalIncomplete];
    guard.check(sql).is_err_and(|refusal| forbids.contains(&refusal.code))
}

/// For each note, why its statement works on none of the sources; none: it does, or the note has none, or a
/// source cannot be asked now.
pub(crate) async fn broken_everywhere(
    sources: &[Arc<GuardedSource>],
    caller: &Caller,
    notes: Vec<Memory>,
) -> Vec<(Memory, Option<String>)> {
    let mut guards = Vec::new();
    for source in sources {
        match source.guard(caller).await {
            Ok(guard) => guards.push(guard),
            Err(_) => return notes.into_iter().map(|note| (note, None)).collect(),
        }
    }
    let judged = notes.clone();
    let why = move |note: &Memory| {
        let all: Option<Vec<Refusal>> = guards.iter().map(|guard| broken(guard, note)).collect();
        all?.pop().map(|refusal| refusal.reason)
    };
    // Parsing is computing: keep it off the threads that serve.
    let reasons = tokio::task::spawn_blocking(move || judged.iter().map(why).collect::<Vec<_>>()).await;
    let reasons = reasons.unwrap_or_else(|_| vec![None; notes.len()]);
    notes.into_iter().zip(reasons).collect()
}

/// Why the statement of a note does not fit a schema any more: a table or column of it is gone.
fn broken(guard: &Guard, memory: &Memory) -> Option<Refusal> {
    let refusal = guard.check(&statement(memory)?).err()?;
    [Code::RelationUnknown, Code::ColumnUnknown].contains(&refusal.code).then_some(refusal)
}

/// The statement that a note holds.
fn statement(memory: &Memory) -> Option<String> {
    let arguments = memory.note.pattern.as_ref()?.arguments.value();
    arguments.get("sql")?.as_str().map(str::to_owned)
}
