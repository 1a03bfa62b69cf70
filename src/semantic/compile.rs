//! From a semantic query to one SELECT, the same bytes for the same model and query.

use super::flow::answer;
use super::lower::lower;
use super::measure::Formula;
use super::model::{Dataset, Field, FieldKind, Model};
use super::plan::{Key, Named, Plan, Relation, Source, build, field_expr};
use super::query::SemanticQuery;
use super::refusal::{Code, CompileError};
use super::render;
use super::resolve::{By, Named as Meaning, Resolved, find, resolve};
use super::saved;
use super::select::{Select, Statement};
use crate::semantic::expr::Expr;
use crate::semantic::query::Grain;
use crate::sql::dialect::DialectKind;
use std::collections::BTreeSet;
use vanna_actors::ports::sql::{Format, Output, Role, Statement as SqlStatement, Value};

/// A compiled query.
#[derive(Clone, Debug, PartialEq)]
pub struct Compiled {
    /// The statement as people read it, values written as literals.
    pub sql: String,
    /// The statement as the engine gets it, values replaced by parameters.
    pub prepared: String,
    /// Parameters in the order of their numbers.
    pub params: Vec<Value>,
    /// Meaning of each column, in order.
    pub outputs: Vec<Output>,
    /// Tables that it reads, sorted.
    pub tables: Vec<String>,
    /// Columns that it reads as `table.column`, sorted.
    pub columns: Vec<String>,
    /// blake3 of the logical plan, in hex; the same for every dialect.
    pub plan_hash: String,
}

impl Compiled {
    /// The statement that computes it on a source.
    #[must_use]
    pub fn into_statement(self, source: &str, dialect: DialectKind) -> SqlStatement {
        SqlStatement {
            source: source.to_owned(),
            dialect: dialect.name().to_owned(),
            sql: self.sql,
            prepared: self.prepared,
            params: self.params,
            outputs: self.outputs,
            tables: self.tables,
            columns: self.columns,
        }
    }
}

/// Compiles a query.
///
/// # Errors
/// When the query does not fit the model: what is wrong, how much is covered, what to ask instead.
pub fn compile(model: &Model, query: &SemanticQuery, dialect: DialectKind) -> Result<Compiled, CompileError> {
    let query = query.clone().normalised();
    if let Some(imported) = &model.imported {
        let query = serde_json::to_value(&query).unwrap_or_default();
        return answer::compiled(model, &imported.model, &query, dialect);
    }
    if let Some(beside) = model.beside.as_deref().filter(|beside| beside.computes(&query)) {
        return answer::beside(model, beside, &query, dialect);
    }
    let resolved = resolve(model, &query)?;
    let plan = build(model, &resolved)?;
    let statement = lower(&plan);
    let spelling = dialect.spelling();
    let (prepared, params) = render::prepared(&statement, spelling);
    let (tables, columns) = reads(&plan);
    Ok(Compiled {
        sql: render::literal(&statement, spelling),
        prepared,
        params,
        outputs: outputs(&resolved),
        tables,
        columns,
        plan_hash: hash(&plan),
    })
}

/// Compiles a query written as JSON.
///
/// # Errors
/// As [`compile`]; text that is not a semantic query gives `bad_query`.
pub fn compile_json(model: &Model, query: &str, dialect: DialectKind) -> Result<Compiled, CompileError> {
    let bad = |why: &str| CompileError::missing(Code::BadQuery, format!("not a semantic query: {why}"));
    let json: serde_json::Value = serde_json::from_str(query).map_err(|error| bad(&error.to_string()))?;
    if !json.is_object() {
        return Err(bad("it is not a JSON object"));
    }
    if let Some(imported) = &model.imported {
        return answer::compiled(model, &imported.model, &json, dialect);
    }
    let json = saved::expanded(model, &json)?;
    let read = |json| serde_json::from_value::<SemanticQuery>(json).map_err(|error| bad(&error.to_string()));
    let own_grains = model.beside.as_deref().and_then(|beside| Some((beside, beside.in_days(&json)?)));
    if let Some((beside, plain)) = own_grains {
        return answer::by_own_grains(model, beside, (&json, &read(plain)?.normalised()), dialect);
    }
    compile(model, &read(json)?, dialect)
}

/// A statement that reads the distinct values of a text field in their order, at most `cap`.
///
/// # Errors
/// When there is no such field, or it does not hold text.
pub fn distinct_values_sql(
    model: &Model,
    field: &str,
    dialect: DialectKind,
    cap: u64,
) -> Result<String, CompileError> {
    let unknown = || {
        let message = format!("there is no text field `{field}`");
        CompileError::missing(Code::UnknownField, message).naming(field)
    };
    let found = match (&model.imported, find(model, field)) {
        (Some(_), _) => model.field(field),
        (None, Some(Meaning::Field(dataset, known))) => Some((dataset, known)),
        _ => None,
    };
    let (dataset, known) = found.ok_or_else(unknown)?;
    if known.kind != FieldKind::Categorical {
        return Err(unknown());
    }
    field_values_sql(model, dataset, known, dialect, cap)
}

/// A statement that reads the distinct values of any field in their order, at most `cap`.
///
/// # Errors
/// When its expression cannot be read.
pub fn field_values_sql(
    model: &Model,
    dataset: &Dataset,
    known: &Field,
    dialect: DialectKind,
    cap: u64,
) -> Result<String, CompileError> {
    if let Some(imported) = &model.imported {
        return answer::values(&imported.model, dataset, known, dialect, cap);
    }
    let of = field_expr(dataset, known)?;
    let body = Select {
        distinct: true,
        columns: vec![Named { name: known.name.clone(), expr: of.clone() }],
        from: Some(Relation { table: dataset.table.clone(), alias: dataset.name.clone() }),
        filters: vec![Expr::is_null(of, true)],
        order: vec![Key { column: known.name.clone(), descending: false }],
        limit: Some(cap),
        ..Select::default()
    };
    Ok(render::literal(&Statement { with: Vec::new(), body }, dialect.spelling()))
}

fn hash(plan: &Plan) -> String {
    #[expect(clippy::expect_used, reason = "text, finite numbers and lists always serialise")]
    let bytes = serde_json::to_vec(plan).expect("a plan serialises");
    blake3::hash(&bytes).to_hex().to_string()
}

fn outputs(resolved: &Resolved<'_>) -> Vec<Output> {
    let groups = resolved.groups.iter().map(|group| {
        let grain = match group.by {
            By::Time(grain) => Some(grain),
            By::Field(_, _, grain) => grain,
        };
        let (label, role) = match grain {
            Some(grain) => (grain_name(grain).to_owned(), Role::Time { grain: grain_name(grain).to_owned() }),
            None => (group.name.replace('_', " "), Role::Dimension),
        };
        Output { name: group.name.clone(), label, role, format: Format::Plain }
    });
    let metric = |formula: &Formula<'_>| Output {
        name: formula.metric.name.clone(),
        label: formula.metric.label.clone(),
        role: Role::Metric,
        format: formula.metric.format,
    };
    groups.chain(resolved.metrics.iter().map(metric)).collect()
}

fn grain_name(grain: Grain) -> &'static str {
    match grain {
        Grain::Day => "day",
        Grain::Week => "week",
        Grain::Month => "month",
        Grain::Quarter => "quarter",
        Grain::Year => "year",
    }
}

/// Tables and columns that a plan reads.
fn reads(plan: &Plan) -> (Vec<String>, Vec<String>) {
    let mut tables = BTreeSet::new();
    let mut columns = BTreeSet::new();
    for source in &plan.sources {
        let relations: Vec<&Relation> =
            source.joins.iter().map(|join| &join.relation).chain([&source.base]).collect();
        tables.extend(relations.iter().map(|relation| relation.table.clone()));
        for (alias, column) in exprs(source).flat_map(Expr::columns) {
            let relation = relations.iter().find(|relation| Some(&relation.alias) == alias.as_ref());
            columns.extend(relation.map(|relation| format!("{}.{column}", relation.table)));
        }
    }
    (tables.into_iter().collect(), columns.into_iter().collect())
}

fn exprs(source: &Source) -> impl Iterator<Item = &Expr> {
    let joins = source.joins.iter().map(|join| &join.on);
    let aggregates = source.aggregates.iter().map(|aggregate| &aggregate.expr);
    joins.chain(&source.conditions).chain(&source.groups).chain(aggregates)
}
