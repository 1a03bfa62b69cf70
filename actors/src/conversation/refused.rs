//! What a check that forbids a run comes to: in words for people, with a code for programs.

use crate::ports::sql::{COST_CHECK, Check, Failure, NOT_PERMITTED, POLICY_CHECK};

/// Why a statement was not run.
pub(super) fn failure(check: &Check) -> Failure {
    let Check { name, detail, .. } = check;
    match name.as_str() {
        POLICY_CHECK => Failure::new(NOT_PERMITTED, detail.clone(), false),
        COST_CHECK => {
            let message = format!("The query was not run: {detail}. Ask for less, or for a shorter time.");
            Failure::new("query_too_costly", message, false)
        }
        _ => {
            let message = format!(
                "The query was not run: the check `{name}` failed ({detail}). The semantic model and the \
                 source disagree; tell whoever keeps the model."
            );
            Failure::new("check_failed", message, false)
        }
    }
}

/// The check of a policy that ended a turn before there was a statement.
pub(super) fn policy(failure: &Failure) -> Check {
    Check { name: POLICY_CHECK.to_owned(), passed: false, blocking: true, detail: failure.message.clone() }
}
