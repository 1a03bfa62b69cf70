//! Running a statement for a model: checked like any other, its rows recorded and shown.

use super::data::{csv, marked};
use super::world::{Database, World};
use vanna_actors::conversation::result_file;
use vanna_actors::ports::sql::{
    COST_CHECK, Check, Failure, NOT_PERMITTED, POLICY_CHECK, ResultSet, SourceRun, SqlSource, Statement,
};
use vanna_actors::ports::tools::{Executed, ToolOutcome, ToolUse};

/// Checks a statement and runs it.
pub(super) async fn run(
    world: &World,
    database: &Database,
    given: &ToolUse,
    statement: Statement,
) -> ToolOutcome {
    let checks = database.source.check(&given.caller, &statement).await;
    if let Some(failed) = checks.iter().find(|check| check.blocking && !check.passed) {
        let outcome = match failed.name.as_str() {
            POLICY_CHECK => ToolOutcome::failed(NOT_PERMITTED, failed.detail.clone()),
            COST_CHECK => ToolOutcome::failed("query_too_costly", format!("Not run: {}.", failed.detail)),
            name => {
                ToolOutcome::failed("check_failed", format!("The check {name} failed: {}", failed.detail))
            }
        };
        return ToolOutcome { checks, ..outcome };
    }
    match database.source.run(&given.caller, &statement, world.limits(given.rows)).await {
        Err(failure) => ToolOutcome { checks, ..refused(failure) },
        Ok(SourceRun { run, applied }) => {
            let (micros, row_count, schema) = (run.micros, run.result.row_count, run.schema);
            let executed = Executed { statement, micros, row_count, schema };
            ToolOutcome { applied, ..shown(given, run.result, executed, checks) }
        }
    }
}

/// A failure as a model and people are told it. What a policy forbids is a check of the evidence, too.
pub(super) fn refused(failure: Failure) -> ToolOutcome {
    let Failure { code, message, .. } = failure;
    let name = POLICY_CHECK.to_owned();
    let forbidden = Check { name, passed: false, blocking: true, detail: message.clone() };
    let checks = if code == NOT_PERMITTED { vec![forbidden] } else { Vec::new() };
    ToolOutcome { checks, ..ToolOutcome::failed(code, message) }
}

fn shown(given: &ToolUse, result: ResultSet, executed: Executed, checks: Vec<Check>) -> ToolOutcome {
    let (rows, columns) = (result.rows.len(), result.columns.len());
    let (text, fit) = csv(&result);
    let file = result_file(&given.tool_call_id);
    let mut content = format!("{rows} rows with {columns} columns, kept as {file}.");
    if result.truncated {
        content.push_str(" A limit cut the rows: there are more.");
    }
    if fit < rows {
        content
            .push_str(&format!(" Only the first {fit} are shown here; the reader sees all that are kept."));
    }
    content.push('\n');
    content.push_str(&marked(&text));
    ToolOutcome {
        error_code: None,
        summary: if rows == 1 { "1 row".to_owned() } else { format!("{rows} rows") },
        content,
        row_count: Some(result.row_count),
        executed: Some(executed),
        checks,
        result: Some(result),
        ..ToolOutcome::default()
    }
}
