//! Splits an expression over aggregates into metrics of one aggregate each and arithmetic over them.

use super::manifest::Wrong;
use super::model::{Agg, FlowModel, Input, Measure, Metric, MetricKind, Source};
use super::scalar::parse;
use super::tables::name;
use super::words::words;
use serde_json::Value;
use sqlparser::ast::{
    DuplicateTreatment, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, VisitMut,
    VisitorMut,
};
use std::collections::BTreeSet;
use std::ops::ControlFlow;

/// Splits an expression into aggregates, each a metric of its own, and arithmetic over them.
pub(super) fn measured(
    model: &mut FlowModel,
    value: &Value,
    source: Option<&str>,
    expr: &str,
) -> Result<(), Wrong> {
    let name = &name(value)?;
    let mut parsed = parse(expr).map_err(|error| error.to_string())?;
    let mut split = Split { model, name, source, found: Vec::new(), others: Vec::new() };
    if let ControlFlow::Break(why) = parsed.visit(&mut split) {
        return Err(format!("metric `{name}`: {why}"));
    }
    let Split { found, others, .. } = split;
    let inputs = found.iter().map(|one| &one.name).chain(&others).map(|metric| Input {
        metric: metric.clone(),
        alias: Some(metric.replace('.', "_")),
        ..Input::default()
    });
    let kind = MetricKind::Derived { expr: parsed.to_string(), inputs: inputs.collect() };
    model.metrics.extend(found);
    let expression = Some(expr.to_owned());
    model.metrics.push(Metric { words: words(value), expression, ..Metric::new(name, kind) });
    Ok(())
}

struct Split<'a> {
    model: &'a FlowModel,
    name: &'a str,
    source: Option<&'a str>,
    found: Vec<Metric>,
    others: Vec<String>,
}

/// The function and its argument; none for `*`.
fn aggregate(function: &Function) -> Option<(Agg, Option<Expr>)> {
    let FunctionArguments::List(list) = &function.args else { return None };
    let distinct = list.duplicate_treatment == Some(DuplicateTreatment::Distinct);
    let argument = match list.args.as_slice() {
        [FunctionArg::Unnamed(FunctionArgExpr::Expr(expr))] => Some(expr.clone()),
        [FunctionArg::Unnamed(FunctionArgExpr::QualifiedWildcard(of))] => {
            let of = of.0.last().and_then(|part| part.as_ident())?;
            Some(Expr::CompoundIdentifier(vec![of.clone(), Ident::new("*")]))
        }
        [FunctionArg::Unnamed(FunctionArgExpr::Wildcard)] => None,
        _ => return None,
    };
    let agg = match (function.name.to_string().to_uppercase().as_str(), distinct) {
        ("COUNT", true) => Agg::CountDistinct,
        ("COUNT", false) => Agg::Count,
        ("SUM", false) => Agg::Sum,
        ("AVG", false) => Agg::Avg,
        ("MIN", _) => Agg::Min,
        ("MAX", _) => Agg::Max,
        ("MEDIAN", false) => Agg::Percentile { at: 0.5, discrete: false },
        _ => return None,
    };
    Some((agg, argument))
}

impl Split<'_> {
    /// A name outside of any aggregate is another metric, with or without its dataset before it.
    fn named(&mut self, expr: &mut Expr) {
        let metric = match &*expr {
            Expr::Identifier(name) => &name.value,
            Expr::CompoundIdentifier(names) => match names.last() {
                Some(name) => &name.value,
                None => return,
            },
            _ => return,
        };
        if self.model.metric(metric).is_some() {
            let metric = metric.clone();
            *expr = Expr::Identifier(Ident::new(metric.clone()));
            if !self.others.contains(&metric) {
                self.others.push(metric);
            }
        }
    }

    /// The dataset that an aggregate reads, and its expression over the columns of it.
    fn argument(&self, argument: Option<Expr>, whole: &str) -> Result<(String, String), Wrong> {
        let mut parsed = argument;
        let mut places = Places { model: self.model, found: BTreeSet::new() };
        if let Some(expr) = &mut parsed {
            let _ = VisitMut::visit(expr, &mut places);
        }
        let found: Vec<&String> = places.found.iter().collect();
        let source = match (found.as_slice(), self.source) {
            ([one], _) => one.as_str(),
            ([], Some(own)) => own,
            ([], None) => self
                .only_owner(parsed.as_ref())
                .ok_or_else(|| format!("`{whole}` does not say of which dataset it is"))?,
            _ => return Err(format!("`{whole}` reads more than one dataset; aggregate each apart")),
        };
        let source = self.model.source(source).ok_or_else(|| format!("there is no dataset `{source}`"))?;
        let Some(mut expr) = parsed else { return Ok((source.name.clone(), "1".to_owned())) };
        if let ControlFlow::Break(why) = VisitMut::visit(&mut expr, &mut Spelled { source }) {
            return Err(why);
        }
        let expr = expr.to_string();
        Ok((source.name.clone(), if expr == "*" { "1".to_owned() } else { expr }))
    }

    /// The only dataset with a field of that name.
    fn only_owner(&self, expr: Option<&Expr>) -> Option<&str> {
        let Expr::Identifier(name) = expr? else { return None };
        let mut owners = self.model.sources.iter().filter(|source| source.dim(&name.value).is_some());
        owners.next().filter(|_| owners.next().is_none()).map(|source| source.name.as_str())
    }
}

/// Datasets that stand before the names of columns.
struct Places<'a> {
    model: &'a FlowModel,
    found: BTreeSet<String>,
}

impl VisitorMut for Places<'_> {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::CompoundIdentifier(names) = expr
            && let Some(source) = names.first().and_then(|name| self.model.source(&name.value))
        {
            self.found.insert(source.name.clone());
        }
        ControlFlow::Continue(())
    }
}

/// Puts what a field is computed from in the place of its name.
struct Spelled<'a> {
    source: &'a Source,
}

impl VisitorMut for Spelled<'_> {
    type Break = Wrong;

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Wrong> {
        let name = match &*expr {
            Expr::Identifier(name) => name.clone(),
            Expr::CompoundIdentifier(names) => match names.last() {
                Some(name) => name.clone(),
                None => return ControlFlow::Continue(()),
            },
            _ => return ControlFlow::Continue(()),
        };
        *expr = match self.source.dim(&name.value) {
            Some(dim) => match parse(&dim.expr) {
                Ok(of @ (Expr::Identifier(_) | Expr::CompoundIdentifier(_) | Expr::Value(_))) => of,
                Ok(of) => Expr::Nested(Box::new(of)),
                Err(error) => return ControlFlow::Break(error.to_string()),
            },
            None => Expr::Identifier(name),
        };
        ControlFlow::Continue(())
    }
}

impl VisitorMut for Split<'_> {
    type Break = Wrong;

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Wrong> {
        let Expr::Function(function) = expr else {
            self.named(expr);
            return ControlFlow::Continue(());
        };
        let Some((agg, argument)) = aggregate(function) else { return ControlFlow::Continue(()) };
        let whole = function.to_string();
        if function.filter.is_some() {
            return ControlFlow::Break(format!("`{whole}` has a FILTER; write CASE WHEN inside it"));
        }
        let (source, expr_of) = match self.argument(argument, &whole) {
            Ok(found) => found,
            Err(why) => return ControlFlow::Break(why),
        };
        let name = format!("{}.{}", self.name, self.found.len() + 1);
        let measure = Measure { source, agg, expr: expr_of, time: None, semi: None };
        *expr = Expr::Identifier(Ident::new(name.replace('.', "_")));
        let kind = MetricKind::Simple(measure);
        self.found.push(Metric { inner: true, ..Metric::new(name, kind) });
        ControlFlow::Continue(())
    }
}
