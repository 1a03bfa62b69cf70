//! Reads Snowflake semantic models and views, and Open Semantic Interchange.

use super::manifest::{Wrong, list, scalar, text};
use super::model::{
    Agg, Dim, Entity, EntityKind, FlowModel, Input, Measure, Metric, MetricKind, Source, Unit,
};
use super::scalar::parse;
use serde_json::Value;
use sqlparser::ast::{Expr, Ident, VisitMut, VisitorMut};
use std::ops::ControlFlow;

/// Reads a Snowflake semantic model or view.
///
/// # Errors
/// What is missing or not understood.
pub fn snowflake(root: &Value) -> Result<FlowModel, Wrong> {
    let mut model = FlowModel { short_names: true, ..FlowModel::default() };
    for table in list(root, "tables") {
        let base = table.get("base_table").unwrap_or(&Value::Null);
        let parts = ["database", "schema", "table"].iter().filter_map(|key| text(base, key)).collect();
        let mut source = Source { name: name(table)?, table: parts, ..Source::default() };
        for (kind, grain) in [("dimensions", None), ("time_dimensions", Some(Unit::Day)), ("facts", None)] {
            for field in list(table, kind) {
                let name = name(field)?;
                let expr = text(field, "expr").unwrap_or_else(|| name.clone());
                source.dims.push(Dim { name, expr, grain, ..Dim::default() });
            }
        }
        model.sources.push(source);
    }
    for relation in list(root, "relationships") {
        let pairs: Vec<&Value> = list(relation, "relationship_columns").collect();
        let side = |key: &str| pairs.iter().filter_map(|pair| text(pair, key)).collect::<Vec<_>>();
        let ends = (text(relation, "left_table"), text(relation, "right_table"));
        relate(&mut model, &name(relation)?, ends, (side("left_column"), side("right_column")))?;
    }
    for table in list(root, "tables") {
        let source = name(table)?;
        for metric in list(table, "metrics") {
            let expr = text(metric, "expr").ok_or("a metric has no expr")?;
            measured(&mut model, &name(metric)?, Some(&source), &expr)?;
        }
    }
    for metric in list(root, "metrics") {
        let expr = text(metric, "expr").ok_or("a metric has no expr")?;
        measured(&mut model, &name(metric)?, None, &expr)?;
    }
    Ok(model)
}

/// Reads an Open Semantic Interchange model.
///
/// # Errors
/// What is missing or not understood.
pub fn osi(root: &Value) -> Result<FlowModel, Wrong> {
    let mut model = FlowModel { short_names: true, ..FlowModel::default() };
    let own = list(root, "semantic_model").next().ok_or("there is no model in it")?;
    for dataset in list(own, "datasets") {
        let table = text(dataset, "source").unwrap_or_default();
        let table = table.split('.').map(str::to_owned).collect();
        let mut source = Source { name: name(dataset)?, table, ..Source::default() };
        for field in list(dataset, "fields") {
            let name = name(field)?;
            let expr = spoken(field).unwrap_or_else(|| name.clone());
            let time = field.get("dimension").is_some_and(|dim| super::manifest::flag(dim, "is_time"));
            source.dims.push(Dim { name, expr, grain: time.then_some(Unit::Day), ..Dim::default() });
        }
        model.sources.push(source);
    }
    for relation in list(own, "relationships") {
        let side = |key: &str| list(relation, key).filter_map(scalar).collect::<Vec<_>>();
        let ends = (text(relation, "from"), text(relation, "to"));
        relate(&mut model, &name(relation)?, ends, (side("from_columns"), side("to_columns")))?;
    }
    for metric in list(own, "metrics") {
        let expr = spoken(metric).ok_or("a metric has no expression")?;
        measured(&mut model, &name(metric)?, None, &expr)?;
    }
    Ok(model)
}

fn name(value: &Value) -> Result<String, Wrong> {
    text(value, "name").ok_or_else(|| "something has no name".to_owned())
}

fn spoken(value: &Value) -> Option<String> {
    let dialects = value.get("expression")?;
    let ansi = list(dialects, "dialects").find(|one| text(one, "dialect").as_deref() == Some("ANSI_SQL"));
    text(ansi?, "expression")
}

fn relate(
    model: &mut FlowModel,
    name: &str,
    ends: (Option<String>, Option<String>),
    keys: (Vec<String>, Vec<String>),
) -> Result<(), Wrong> {
    if keys.0.is_empty() || keys.0.len() != keys.1.len() {
        return Err(format!("relationship `{name}` has no pairs of columns"));
    }
    for (end, exprs, kind) in [(ends.0, keys.0, EntityKind::Foreign), (ends.1, keys.1, EntityKind::Primary)] {
        let known = model.sources.iter_mut().find(|source| Some(&source.name) == end.as_ref());
        let source = known.ok_or_else(|| format!("relationship `{name}` leads to no dataset"))?;
        source.entities.push(Entity { name: name.to_owned(), kind, exprs });
    }
    Ok(())
}

/// Splits an expression into aggregates, each a metric of its own, and arithmetic over them.
fn measured(model: &mut FlowModel, name: &str, source: Option<&str>, expr: &str) -> Result<(), Wrong> {
    let mut parsed = parse(expr).map_err(|error| error.to_string())?;
    let mut split = Split { model, name, source, found: Vec::new() };
    if let ControlFlow::Break(why) = parsed.visit(&mut split) {
        return Err(format!("metric `{name}`: {why}"));
    }
    let found = split.found;
    let inputs = found.iter().map(|one| Input {
        metric: one.name.clone(),
        alias: Some(one.name.replace('.', "_")),
        ..Input::default()
    });
    let kind = MetricKind::Derived { expr: parsed.to_string(), inputs: inputs.collect() };
    model.metrics.extend(found);
    let metric =
        Metric { name: name.to_owned(), kind, filters: Vec::new(), grain: None, fill: None, spine: false };
    model.metrics.push(metric);
    Ok(())
}

struct Split<'a> {
    model: &'a FlowModel,
    name: &'a str,
    source: Option<&'a str>,
    found: Vec<Metric>,
}

impl VisitorMut for Split<'_> {
    type Break = Wrong;

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Wrong> {
        let Expr::Function(function) = expr else { return ControlFlow::Continue(()) };
        let whole = function.to_string();
        let Some((agg, inner)) = whole.split_once('(') else { return ControlFlow::Continue(()) };
        let inner = inner.strip_suffix(')').unwrap_or(inner).trim();
        let (distinct, inner) = inner.strip_prefix("DISTINCT ").map_or((false, inner), |rest| (true, rest));
        let agg = match (agg.to_uppercase().as_str(), distinct) {
            ("COUNT", true) => Agg::CountDistinct,
            ("COUNT", false) => Agg::Count,
            ("SUM", false) => Agg::Sum,
            ("AVG", false) => Agg::Avg,
            ("MIN", false) => Agg::Min,
            ("MAX", false) => Agg::Max,
            _ => return ControlFlow::Continue(()),
        };
        let before = inner.split_once('.').map(|(table, _)| table);
        let named = before.filter(|table| self.model.source(table).is_some()).or(self.source);
        let Some(source) = named.and_then(|name| self.model.source(name)) else {
            return ControlFlow::Break(format!("`{whole}` does not say of which dataset it is"));
        };
        let field = before.map_or(inner, |_| inner.split_once('.').map_or(inner, |(_, rest)| rest));
        let field = if field == "*" { "1" } else { field };
        let expr_of = source.dim(field).map_or(field, |dim| dim.expr.as_str());
        let name = format!("{}.{}", self.name, self.found.len() + 1);
        let measure =
            Measure { source: source.name.clone(), agg, expr: expr_of.to_owned(), time: None, semi: None };
        *expr = Expr::Identifier(Ident::new(name.replace('.', "_")));
        let kind = MetricKind::Simple(measure);
        self.found.push(Metric { name, kind, filters: Vec::new(), grain: None, fill: None, spine: false });
        ControlFlow::Continue(())
    }
}
