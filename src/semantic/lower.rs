//! From a plan to a SELECT.
//!
//! One source without history becomes one plain SELECT. Otherwise each source becomes a WITH part; parts
//! meet by UNION ALL and grouping, which pairs null keys too and needs no FULL JOIN, since each part has
//! at most one row per group.

use super::expr::{BinaryOp, Expr, Literal};
use super::model::Aggregate;
use super::plan::{Earlier, History, Join, Named, Plan, Relation, Source, ValueOf};
use super::select::{Body, Select, Statement};

/// Lowers a plan.
#[must_use]
pub fn lower(plan: &Plan) -> Statement {
    match plan.sources.as_slice() {
        // Without groups a condition after aggregation would need HAVING without GROUP BY.
        [source] if source.history.is_none() && (plan.having.is_empty() || !plan.groups.is_empty()) => {
            Statement { with: Vec::new(), body: plain(plan, source) }
        }
        _ => staged(plan),
    }
}

fn plain(plan: &Plan, source: &Source) -> Select {
    let value = |number: usize| {
        let (_, source, value) = plan.value(number)?;
        source.aggregates.get(value.aggregate()).map(|aggregate| aggregate.expr.clone())
    };
    let mut columns = group_columns(plan, &source.groups);
    columns.extend(outputs(plan, &value));
    Select {
        columns,
        having: plan.having.iter().map(|test| fill(test, &value)).collect(),
        order: plan.order.clone(),
        limit: plan.limit,
        ..rows(plan, source)
    }
}

/// The read part of a source: relations, conditions and grouping.
fn rows(plan: &Plan, source: &Source) -> Select {
    Select {
        from: Some(source.base.clone()),
        joins: source.joins.clone(),
        filters: source.conditions.clone(),
        group_by: plan.groups.len(),
        ..Select::default()
    }
}

fn group_columns(plan: &Plan, exprs: &[Expr]) -> Vec<Named> {
    let named = plan.groups.iter().zip(exprs);
    named.map(|(name, expr)| Named { name: name.clone(), expr: expr.clone() }).collect()
}

fn outputs(plan: &Plan, value: &impl Fn(usize) -> Option<Expr>) -> Vec<Named> {
    let filled = plan.outputs.iter();
    filled.map(|output| Named { name: output.name.clone(), expr: fill(&output.expr, value) }).collect()
}

/// An expression with its measures replaced by what gives their values.
fn fill(expr: &Expr, value: &impl Fn(usize) -> Option<Expr>) -> Expr {
    expr.clone().rewrite(&|node| match node {
        Expr::Measure(number) => value(number).unwrap_or(Expr::Literal(Literal::Null)),
        other => other,
    })
}

fn staged(plan: &Plan) -> Statement {
    let mut stage = Stage { plan, with: Vec::new() };
    let parts: Vec<String> =
        plan.sources.iter().enumerate().map(|(index, source)| stage.part(index + 1, source)).collect();
    let last = match parts.as_slice() {
        [only] => only.clone(),
        _ => stage.meet(&parts),
    };
    let value = |number: usize| plan.value(number).map(|(_, _, value)| Expr::column(&last, value.name()));
    let keys: Vec<Expr> = plan.groups.iter().map(|name| Expr::column(&last, name)).collect();
    let mut columns = group_columns(plan, &keys);
    columns.extend(outputs(plan, &value));
    let body = Select {
        columns,
        from: Some(itself(&last)),
        filters: plan.having.iter().map(|test| fill(test, &value)).collect(),
        order: plan.order.clone(),
        limit: plan.limit,
        ..Select::default()
    };
    Statement { with: stage.with, body }
}

struct Stage<'a> {
    plan: &'a Plan,
    with: Vec<(String, Body)>,
}

impl Stage<'_> {
    /// Adds an intermediate result under a name that no table has.
    fn add(&mut self, wanted: String, body: Body) -> String {
        let relations = |source: &Source| {
            let joined = source.joins.iter().map(|join| join.relation.table.to_lowercase());
            joined.chain([source.base.table.to_lowercase()]).collect::<Vec<_>>()
        };
        let taken: Vec<String> = self.plan.sources.iter().flat_map(relations).collect();
        let mut name = wanted;
        while taken.contains(&name) {
            name.push('_');
        }
        self.with.push((name.clone(), body));
        name
    }

    /// The values of one source, one row per group.
    fn part(&mut self, number: usize, source: &Source) -> String {
        let aggregates = source.aggregates.iter();
        let aggregates = aggregates.map(|one| Named { name: one.name.clone(), expr: one.expr.clone() });
        let mut columns = group_columns(self.plan, &source.groups);
        columns.extend(aggregates);
        let select = Select { columns, ..rows(self.plan, source) };
        let Some(history) = &source.history else {
            return self.add(format!("part_{number}"), Body::One(select));
        };
        let periods = self.add(format!("periods_{number}"), Body::One(select));
        let select = self.look_back(source, history, &periods);
        self.keep(number, source, history, select)
    }

    /// Each period with the values of the periods before it.
    fn look_back(&self, source: &Source, history: &History, periods: &str) -> Select {
        let groups = &self.plan.groups;
        let now: Vec<Expr> = groups.iter().map(|name| Expr::column("now", name)).collect();
        let mut columns = group_columns(self.plan, &now);
        let aggregate = |relation: &str, number: usize| {
            let name = source.aggregates.get(number).map(|one| one.name.as_str()).unwrap_or_default();
            Expr::column(relation, name)
        };
        let time = now.get(history.time).cloned().unwrap_or(Expr::Literal(Literal::Null));
        for value in &source.values {
            let expr = match value {
                ValueOf::Now { aggregate: number, .. } => aggregate("now", *number),
                ValueOf::Earlier { aggregate: number, earlier, .. } => {
                    aggregate(&format!("earlier_{}", earlier + 1), *number)
                }
                ValueOf::Running { aggregate: number, function, .. } => Expr::Running {
                    function: *function,
                    of: Box::new(aggregate("now", *number)),
                    partition: without(&now, history.time),
                    order: Box::new(time.clone()),
                },
            };
            columns.push(Named { name: value.name().to_owned(), expr });
        }
        let joins = history.earlier.iter().enumerate();
        let joins = joins.map(|(index, back)| {
            let alias = format!("earlier_{}", index + 1);
            let on = self.meets(history, *back, &alias);
            Join { relation: Relation { table: periods.to_owned(), alias }, on }
        });
        let from = Relation { table: periods.to_owned(), alias: "now".to_owned() };
        Select { columns, from: Some(from), joins: joins.collect(), ..Select::default() }
    }

    /// When an earlier period is the one that a period looks back at.
    fn meets(&self, history: &History, back: Earlier, alias: &str) -> Expr {
        let tests = self.plan.groups.iter().enumerate().map(|(index, name)| {
            let (now, then) = (Expr::column("now", name), Expr::column(alias, name));
            if index != history.time {
                return Expr::binary(BinaryOp::Same, then, now);
            }
            let day = Expr::Back { of: Box::new(now), months: back.months, days: back.days };
            let period =
                Expr::Trunc { of: Box::new(day), grain: history.grain, week_start: history.week_start };
            Expr::binary(BinaryOp::Eq, then, period)
        });
        let all = tests.reduce(|all, test| Expr::binary(BinaryOp::And, all, test));
        all.unwrap_or(Expr::Literal(Literal::Bool(true)))
    }

    /// Only the periods that were asked for: cut after looking back, so that the history stays whole.
    fn keep(&mut self, number: usize, source: &Source, history: &History, select: Select) -> String {
        let name = self.add(format!("part_{number}"), Body::One(select));
        if history.keep.is_empty() {
            return name;
        }
        let kept = Select {
            columns: self.same_columns(&name, source.values.iter().map(ValueOf::name)),
            from: Some(itself(&name)),
            filters: history.keep.iter().map(|test| of_relation(test, &name)).collect(),
            ..Select::default()
        };
        self.add(format!("kept_{number}"), Body::One(kept))
    }

    fn same_columns<'b>(&self, relation: &str, values: impl Iterator<Item = &'b str>) -> Vec<Named> {
        let column = |name: &str| Named { name: name.to_owned(), expr: Expr::column(relation, name) };
        self.plan.groups.iter().map(|name| column(name)).chain(values.map(column)).collect()
    }

    /// All parts side by side: one row per group, with the values of every part that has the group.
    fn meet(&mut self, parts: &[String]) -> String {
        let values =
            |source: &Source| source.values.iter().map(|value| value.name().to_owned()).collect::<Vec<_>>();
        let all: Vec<Vec<String>> = self.plan.sources.iter().map(values).collect();
        let selects = parts.iter().zip(&all).map(|(part, own)| {
            let mut columns = self.same_columns(part, std::iter::empty());
            let named =
                parts.iter().zip(&all).flat_map(|(of, names)| names.iter().map(move |name| (of, name)));
            columns.extend(named.map(|(of, name)| {
                let expr = match (own.contains(name), parts.len()) {
                    (true, _) => Expr::column(part, name),
                    // Beside a value, a null takes its type; two of them have none.
                    (false, 2) => Expr::Literal(Literal::Null),
                    (false, _) => Expr::NullOf { relation: of.clone(), name: name.clone() },
                };
                Named { name: name.clone(), expr }
            }));
            Select { columns, from: Some(itself(part)), ..Select::default() }
        });
        let stacked = selects.collect();
        let stacked = self.add("stacked".to_owned(), Body::All(stacked));
        let mut columns = self.same_columns(&stacked, std::iter::empty());
        columns.extend(all.iter().flatten().map(|name| {
            let of = Some(Box::new(Expr::column(&stacked, name)));
            Named { name: name.clone(), expr: Expr::Aggregate { function: Aggregate::Max, of } }
        }));
        let group_by = self.plan.groups.len();
        let select = Select { columns, from: Some(itself(&stacked)), group_by, ..Select::default() };
        self.add("joined".to_owned(), Body::One(select))
    }
}

fn itself(name: &str) -> Relation {
    Relation { table: name.to_owned(), alias: name.to_owned() }
}

fn without(exprs: &[Expr], index: usize) -> Vec<Expr> {
    exprs.iter().enumerate().filter(|(at, _)| *at != index).map(|(_, expr)| expr.clone()).collect()
}

fn of_relation(expr: &Expr, relation: &str) -> Expr {
    expr.clone().rewrite(&|node| match node {
        Expr::Column { relation: None, name } => Expr::column(relation, &name),
        other => other,
    })
}
