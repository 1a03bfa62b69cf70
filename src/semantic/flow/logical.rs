//! Statements of authors over the datasets of a model, as Snowflake's verified queries are written: a dataset is
//! named with two underscores before it, and its columns are its fields.

use super::engine::Engine;
use super::model::{FlowModel, Source};
use sqlparser::ast::{Query, Statement, visit_relations};
use sqlparser::dialect::GenericDialect;
use sqlparser::parser::Parser;
use std::collections::BTreeSet;
use std::ops::ControlFlow;

/// What stands before the name of a dataset.
const MARK: &str = "__";

/// The statement over the tables themselves: each dataset that it names goes before it, as a query over its
/// table. None when it is not one SELECT, or a field of the dataset cannot be spelled.
#[must_use]
pub fn physical(model: &FlowModel, engine: Engine, sql: &str) -> Option<String> {
    let mut query = parsed(sql)?;
    let mut named = BTreeSet::new();
    let _: ControlFlow<()> = visit_relations(&query, |relation| {
        named.insert(relation.to_string().trim_matches('"').to_lowercase());
        ControlFlow::Continue(())
    });
    let used = model.sources.iter().filter(|source| named.contains(&marked(source).to_lowercase()));
    let datasets = used.map(|source| dataset(engine, source)).collect::<Option<Vec<String>>>()?;
    if datasets.is_empty() {
        return Some(query.to_string());
    }
    let mut with = parsed(&format!("WITH {} SELECT 1", datasets.join(", ")))?.with?;
    if let Some(own) = query.with.take() {
        with.recursive = own.recursive;
        with.cte_tables.extend(own.cte_tables);
    }
    query.with = Some(with);
    Some(query.to_string())
}

fn parsed(sql: &str) -> Option<Query> {
    let mut parser = Parser::new(&GenericDialect {}).with_recursion_limit(64).try_with_sql(sql).ok()?;
    let mut statements = parser.parse_statements().ok()?;
    match (statements.pop(), statements.is_empty()) {
        (Some(Statement::Query(query)), true) => Some(*query),
        _ => None,
    }
}

fn marked(source: &Source) -> String {
    format!("{MARK}{}", source.name)
}

fn dataset(engine: Engine, source: &Source) -> Option<String> {
    let mut fields: Vec<(&str, &str)> =
        source.dims.iter().map(|dim| (dim.name.as_str(), dim.expr.as_str())).collect();
    // Keys join datasets, whether they are fields or not.
    for key in source.key.iter().chain(source.entities.iter().flat_map(|entity| &entity.exprs)) {
        if fields.iter().all(|(name, _)| !name.eq_ignore_ascii_case(key)) {
            fields.push((key, key));
        }
    }
    let fields = fields.into_iter().map(|(name, expr)| {
        let of = super::scalar::parse(expr).ok()?;
        Some(format!("{of} AS {}", engine.name(name)))
    });
    let fields = fields.collect::<Option<Vec<String>>>()?;
    let (name, table) = (engine.name(&marked(source)), engine.table(&source.table));
    (!fields.is_empty()).then(|| format!("{name} AS (SELECT {} FROM {table})", fields.join(", ")))
}
