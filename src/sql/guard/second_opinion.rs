//! What PostgreSQL's own parser says of a statement that the guard has written. Only in builds with the feature
//! `libpg-query`, which need a C compiler and libclang; the guard does not rest on it.

use super::refusal::{Checked, Code, Refusal};
use pg_query::NodeRef;
use std::collections::BTreeSet;

/// Passes what PostgreSQL reads as one query that changes and locks nothing, and that reads no other relations.
pub(super) fn agrees(sql: &str, tables: &[String]) -> Checked<()> {
    // What this version of the parser cannot read, a server of that version will not run.
    let Ok(parsed) = pg_query::parse(sql) else { return Ok(()) };
    if parsed.statement_types() != ["SelectStmt"] {
        return Err(disagreement("PostgreSQL's parser reads it as something else than one query"));
    }
    let changes = parsed.protobuf.nodes().into_iter().any(|(node, ..)| match node {
        NodeRef::SelectStmt(select) => select.into_clause.is_some() || !select.locking_clause.is_empty(),
        NodeRef::InsertStmt(_)
        | NodeRef::UpdateStmt(_)
        | NodeRef::DeleteStmt(_)
        | NodeRef::MergeStmt(_)
        | NodeRef::IntoClause(_)
        | NodeRef::LockingClause(_) => true,
        _ => false,
    });
    if changes {
        return Err(disagreement("PostgreSQL's parser reads a change or a lock in it"));
    }
    let known: BTreeSet<String> = tables.iter().map(|table| last_part(table)).collect();
    let strange = parsed.select_tables().into_iter().find(|table| !known.contains(&last_part(table)));
    match strange {
        Some(table) => Err(disagreement(&format!("PostgreSQL's parser reads `{table}` in it as well"))),
        None => Ok(()),
    }
}

fn last_part(name: &str) -> String {
    name.rsplit('.').next().unwrap_or(name).trim_matches('"').to_lowercase()
}

fn disagreement(what: &str) -> Refusal {
    Refusal::new(Code::RenderMismatch, format!("{what}; put the statement in simpler words."))
}
