//! Failures that sound the same on every server.

use vanna_actors::ports::sql::Failure;

pub(super) fn failed(message: &str) -> Failure {
    Failure::new("sql_failed", message, false)
}

pub(super) fn not_read_only() -> Failure {
    Failure::new("sql_not_read_only", "Only a SELECT may run; this would change the source.", false)
}

pub(super) fn no_select() -> Failure {
    Failure::new("sql_not_read_only", "The text is no SELECT; send exactly one SELECT.", false)
}

pub(super) fn too_big() -> Failure {
    let message = "The statement or one of its values is larger than the limits allow; ask for less.";
    Failure::new("sql_too_big", message, false)
}

pub(super) fn timeout() -> Failure {
    let message = "The statement took longer than its time limit and was stopped; narrow the question.";
    Failure::new("sql_timeout", message, true)
}

pub(super) fn busy() -> Failure {
    unavailable("all its connections are busy; try again later")
}

pub(super) fn unavailable(what: &str) -> Failure {
    Failure::new("source_unavailable", format!("The source is not available: {what}."), true)
}
