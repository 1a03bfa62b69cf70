//! Consecutive days where a model names no table of them: from the first to the last day of the rows that a query
//! aggregates, and of the range that it asks for.

use super::engine::Engine;
use super::metric::Compiler;
use super::model::{FlowModel, Measure, Spine, Unit};
use super::request::Request;
use super::rows::Rows;
use crate::semantic::refusal::CompileError;
use std::collections::BTreeSet;

/// Most days that SQLite makes: the bound that the guard sees on the recursion.
const MOST_DAYS: u32 = 100_000;
const COLUMN: &str = "day";

impl Spine {
    /// What its times are read from.
    #[must_use]
    pub fn relation(&self, engine: Engine) -> String {
        self.sql.clone().unwrap_or_else(|| engine.table(&self.table))
    }
}

/// The model with the days that a query needs.
///
/// # Errors
/// When a metric is not known.
pub fn with_days(model: &FlowModel, request: &Request, engine: Engine) -> Result<FlowModel, CompileError> {
    let compiler = Compiler::new(model, engine);
    let mut leaves: Vec<&Measure> = Vec::new();
    for name in request.metrics.iter().chain(request.having.iter().map(|(name, _)| name)) {
        leaves.extend(compiler.leaves(compiler.metric(name)?, 0)?);
    }
    let mut ends = BTreeSet::new();
    for leaf in leaves {
        let (source, Some(time)) = (compiler.source(leaf)?, &leaf.time) else { continue };
        let rows = Rows::of(model, engine, source, Some(time))?;
        let at = engine.trunc(Unit::Day, rows.time.as_deref().unwrap_or("NULL"));
        ends.insert(format!("SELECT MIN({at}) AS a, MAX({at}) AS b FROM {}", rows.from));
    }
    let mut model = model.clone();
    if ends.is_empty() {
        return Ok(model);
    }
    let (start, end) = request.range;
    for day in [start, end].into_iter().flatten() {
        let day = engine.time(&format!("{day} 00:00:00"));
        ends.insert(format!("SELECT {day} AS a, {day} AS b"));
    }
    let ends = ends.into_iter().collect::<Vec<_>>().join(" UNION ALL ");
    // Where none can be made, only what needs them is refused.
    model.spines.extend(days(engine, &ends).map(|sql| Spine {
        table: Vec::new(),
        column: COLUMN.to_owned(),
        unit: Unit::Day,
        custom: Vec::new(),
        sql: Some(sql),
    }));
    Ok(model)
}

fn days(engine: Engine, ends: &str) -> Option<String> {
    Some(match engine {
        // More days than the recursion may make fail with an overflow, and do not come out as fewer.
        Engine::Sqlite => format!(
            "(WITH RECURSIVE days(n, {COLUMN}, last) AS (SELECT CASE WHEN julianday(MAX(b)) - julianday(MIN(a)) >= {MOST_DAYS} \
             THEN abs(-9223372036854775807 - 1) ELSE 0 END, MIN(a), MAX(b) FROM ({ends}) AS ends \
             UNION ALL SELECT n + 1, strftime('%Y-%m-%d 00:00:00', {COLUMN}, '+1 day'), last FROM days \
             WHERE n < {MOST_DAYS} AND {COLUMN} < last) SELECT {COLUMN} FROM days WHERE {COLUMN} IS NOT NULL)"
        ),
        Engine::Postgres => format!(
            "(SELECT g.{COLUMN} FROM (SELECT MIN(a) AS a, MAX(b) AS b FROM ({ends}) AS ends) AS e \
             CROSS JOIN LATERAL generate_series(e.a, e.b, INTERVAL '1 day') AS g({COLUMN}))"
        ),
        Engine::DuckDb => format!(
            "(SELECT UNNEST(generate_series(e.a, e.b, INTERVAL 1 DAY)) AS {COLUMN} \
             FROM (SELECT MIN(a) AS a, MAX(b) AS b FROM ({ends}) AS ends) AS e)"
        ),
        Engine::MySql => return None,
    })
}
