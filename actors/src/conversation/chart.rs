//! Which chart an answer gets: a line for one metric over time, bars for one dimension, none otherwise.

use crate::conversation::event::{ChartProposed, Mark};
use crate::ports::sql::{Output, ResultSet, Role, Statement};

/// More marks than this no one can read, and no chart may carry.
const MOST_ROWS: usize = 5_000;

pub(super) fn propose(statement: &Statement, result: &ResultSet, title: &str) -> Option<ChartProposed> {
    if result.rows.is_empty() || result.rows.len() > MOST_ROWS || result.truncated {
        return None;
    }
    let (metrics, groups): (Vec<&Output>, Vec<&Output>) =
        statement.outputs.iter().partition(|output| output.role == Role::Metric);
    let ([metric], [group]) = (metrics.as_slice(), groups.as_slice()) else { return None };
    let mark = match group.role {
        Role::Time { .. } => Mark::Line,
        Role::Dimension | Role::Metric => Mark::Bar,
    };
    Some(ChartProposed {
        mark,
        x: group.name.clone(),
        x_title: group.label.clone(),
        y: metric.name.clone(),
        y_title: metric.label.clone(),
        title: title.to_owned(),
    })
}
