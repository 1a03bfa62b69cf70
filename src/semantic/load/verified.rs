//! The native format of verified queries.

use super::keys::{Mapping, Report};
use super::node::Node;
use crate::semantic::verified::VerifiedQuery;

pub(super) const KEYS: &[&str] = &["name", "question", "semantic_query", "sql", "verified_at", "verified_by"];

/// Reads one verified query: a question, and either a semantic query or a statement.
pub(super) fn verified_query(report: &mut Report, node: &Node, path: &str) -> Option<VerifiedQuery> {
    let map = Mapping::open(report, node, path, KEYS)?;
    let name = map.required(report, "name");
    let question = map.required(report, "question");
    let query = map.get("semantic_query").map(Node::json);
    let sql = map.text(report, "sql");
    match (&query, &sql) {
        (Some(_), Some(_)) => {
            let message = "`semantic_query` and `sql` are both given; give one of them";
            map.fault(report, "sql", "conflicting_keys", message.to_owned());
        }
        (None, None) => {
            let message = "`semantic_query` is missing, or `sql` where no semantic query says it";
            map.fault(report, "semantic_query", "missing_key", message.to_owned());
        }
        _ => {}
    }
    let (verified_at, verified_by) = (map.text(report, "verified_at"), map.text(report, "verified_by"));
    Some(VerifiedQuery { name, question, query, sql, verified_at, verified_by })
}
