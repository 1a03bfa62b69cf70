//! Order and limit of a query.

use super::query::{By, Resolved};
use crate::semantic::query::{Direction, METRIC_TIME, SemanticQuery};
use crate::semantic::refusal::{Code, CompileError};

/// Largest limit.
const MAX_LIMIT: u64 = 1_000_000;

/// The keys that were asked for, then the group columns, time first, so that the order is the same every time.
pub(super) fn keys(
    query: &SemanticQuery,
    resolved: &Resolved<'_>,
) -> Result<Vec<(String, bool)>, CompileError> {
    let mut keys: Vec<(String, bool)> = Vec::new();
    for key in &query.order_by {
        let name = column(resolved, &key.field).ok_or_else(|| {
            let message = format!("`{}` is not returned by this query, so it cannot order it", key.field);
            let columns = resolved.groups.iter().map(|group| group.name.clone());
            let metrics = resolved.metrics.iter().map(|formula| formula.metric.name.clone());
            let error = CompileError::partial(Code::UnknownOrder, message).naming(&key.field);
            error.suggesting(columns.chain(metrics).collect())
        })?;
        if keys.iter().any(|(known, _)| *known == name) {
            let message = format!("the order names `{name}` twice");
            return Err(CompileError::partial(Code::DuplicateOrder, message).naming(name));
        }
        keys.push((name, key.direction == Direction::Desc));
    }
    let time = resolved.groups.iter().filter(|group| matches!(group.by, By::Time(_)));
    let others = resolved.groups.iter().filter(|group| !matches!(group.by, By::Time(_)));
    for group in time.chain(others) {
        if !keys.iter().any(|(known, _)| *known == group.name) {
            keys.push((group.name.clone(), false));
        }
    }
    Ok(keys)
}

/// The column that a key means; `metric_time` also means a time that was asked for by its own name.
fn column(resolved: &Resolved<'_>, name: &str) -> Option<String> {
    let metric = resolved.metrics.iter().find(|formula| formula.metric.name == name);
    let group = resolved.groups.iter().find(|group| {
        let path = match group.by {
            By::Field(dataset, field, _) => name == format!("{}.{}", dataset.name, field.name),
            By::Time(_) => name == METRIC_TIME,
        };
        group.name == name || path
    });
    metric.map(|formula| formula.metric.name.clone()).or_else(|| group.map(|group| group.name.clone()))
}

/// The limit, when it is one.
pub(super) fn limit(query: &SemanticQuery) -> Result<Option<u64>, CompileError> {
    match query.limit {
        Some(limit) if !(1..=MAX_LIMIT).contains(&limit) => {
            let message = format!("the limit must be 1 to {MAX_LIMIT}");
            Err(CompileError::partial(Code::BadLimit, message).naming(limit.to_string()))
        }
        limit => Ok(limit),
    }
}
