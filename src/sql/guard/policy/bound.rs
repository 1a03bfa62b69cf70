//! A policy bound to a dialect, a catalog and a principal: what stands in place of each relation.

use super::binds::Binds;
use super::model::{Otherwise, Policy, Principal, RelationPolicy};
use crate::sql::guard::GuardDialect;
use crate::sql::guard::functions::Functions;
use crate::sql::guard::input::parse_expression;
use crate::sql::guard::lower::Lower;
use crate::sql::guard::refusal::{Checked, Code, Refusal};
use crate::sql::guard::resolve::{KnownRelation, Resolver, Schema};
use crate::sql::guard::tree::{
    Body, Expr, Ident, Item, Joined, Literal, Piece, Query, Relation, Select, Source,
};
use serde_json::Value;
use std::sync::Arc;

/// Marks where a principal's value goes while a filter is parsed; no site has such a column.
const MARK: &str = "vanna_principal_value_";

/// A policy at work.
pub(crate) struct BoundPolicy {
    policy: Arc<Policy>,
    dialect: GuardDialect,
    schema: Arc<Schema>,
    principal: Principal,
}

/// What of a relation may be read.
pub(crate) struct Permission {
    pub(crate) columns: Vec<String>,
    pub(crate) withheld: Vec<String>,
    /// What stands in place of the relation; `None` where it may be read as it is.
    pub(crate) source: Option<Query>,
    /// Names of the rules that were applied.
    pub(crate) notes: Vec<String>,
}

impl Permission {
    /// The whole relation.
    pub(crate) fn open(relation: &KnownRelation) -> Self {
        Self { columns: relation.columns.clone(), withheld: Vec::new(), source: None, notes: Vec::new() }
    }
}

impl BoundPolicy {
    pub(crate) fn new(
        policy: Arc<Policy>,
        dialect: GuardDialect,
        schema: Arc<Schema>,
        principal: Option<&Principal>,
    ) -> Self {
        let principal = principal.unwrap_or(&policy.principal).clone();
        Self { policy, dialect, schema, principal }
    }

    pub(crate) fn row_limit(&self) -> Option<u64> {
        self.policy.row_limit
    }

    /// Whether the policy names a relation as one that nobody may read.
    pub(crate) fn denies(&self, name: &[Ident], dialect: GuardDialect) -> bool {
        let last = name.last().map(|last| dialect.fold(last).into_owned());
        let full = name.iter().map(|part| dialect.fold(part).into_owned()).collect::<Vec<_>>().join(".");
        self.policy.denies(&last.into_iter().chain([full]).collect::<Vec<_>>())
    }

    /// What of a relation may be read.
    pub(crate) fn permission(&self, relation: &KnownRelation, binds: &mut Binds) -> Checked<Permission> {
        let default = self.schema.default_schema(self.dialect);
        let mut names = vec![relation.display(default)];
        let schema = relation.schema.as_deref().or(default);
        names.extend(schema.map(|schema| format!("{schema}.{}", relation.name)));
        if relation.schema.as_deref().is_none_or(|own| Some(own) == default) {
            names.push(relation.name.clone());
        }
        let open = RelationPolicy::default();
        let (key, rules) = match self.policy.relation(&names) {
            _denied if self.policy.denies(&names) => return Err(denied(relation)),
            Some(found) => found,
            // What a view shows of relations that have rules, nobody has decided.
            None if relation.is_view && self.policy.has_rules() => return Err(denied(relation)),
            None if self.policy.default == Otherwise::Allow => ("*", &open),
            None => return Err(denied(relation)),
        };
        let permitted = |column: &&String| {
            let named = |list: &[String]| list.iter().any(|name| name.eq_ignore_ascii_case(column));
            rules.allow_columns.as_deref().is_none_or(named) && !named(&rules.deny_columns)
        };
        let columns: Vec<String> = relation.columns.iter().filter(permitted).cloned().collect();
        let withheld = relation.columns.iter().filter(|column| !columns.contains(column)).cloned().collect();
        if columns.is_empty() {
            return Err(denied(relation));
        }
        let mut notes = vec![self.note(key, "columns")];
        let source = self.source(relation, rules, &columns, key, &mut notes, binds)?;
        Ok(Permission { columns, withheld, source: Some(source), notes })
    }

    fn shown(&self, relation: &KnownRelation) -> String {
        relation.display(self.schema.default_schema(self.dialect))
    }

    fn note(&self, relation: &str, rule: &str) -> String {
        let policy = if self.policy.name.is_empty() { "policy" } else { &self.policy.name };
        format!("{policy}/{relation}/{rule}")
    }

    /// `SELECT the permitted columns FROM the relation WHERE its filter` with a fence.
    fn source(
        &self,
        relation: &KnownRelation,
        rules: &RelationPolicy,
        columns: &[String],
        key: &str,
        notes: &mut Vec<String>,
        binds: &mut Binds,
    ) -> Checked<Query> {
        let mut items = Vec::with_capacity(columns.len());
        for column in columns {
            let ident = self.catalog_ident(column);
            let mask = rules.mask.iter().find(|(name, _)| name.eq_ignore_ascii_case(column));
            items.push(match mask {
                None => Item::Expr { expr: Expr::Column(vec![ident]), alias: None },
                Some((_, mask)) => {
                    notes.push(self.note(key, "mask"));
                    Item::Expr { expr: self.expression(mask, relation, binds)?, alias: Some(ident) }
                }
            });
        }
        let from =
            Relation { name: self.full_name(relation), alias: None, sample: Vec::new(), hints: Vec::new() };
        let from = Joined { first: Source::Relation(from), joins: Vec::new() };
        let mut select = Select::of(items, vec![from]);
        let mut limit = Vec::new();
        if let Some(filter) = &rules.row_filter {
            notes.push(self.note(key, "row_filter"));
            select.filter = Some(self.expression(filter, relation, binds)?);
            (select.head, limit) = fence(self.dialect);
        }
        Ok(Query { limit, ..Query::of(Body::Select(Box::new(select))) })
    }

    fn full_name(&self, relation: &KnownRelation) -> Vec<Ident> {
        let schema = relation.schema.as_deref().or_else(|| self.schema.default_schema(self.dialect));
        let parts = schema.into_iter().flat_map(|schema| schema.split('.')).chain([relation.name.as_str()]);
        parts.map(|part| self.catalog_ident(part)).collect()
    }

    /// A name of the catalog as it must be written to mean just that.
    fn catalog_ident(&self, name: &str) -> Ident {
        self.dialect.catalog_ident(name)
    }

    /// A filter or mask with the principal's values in it, its names resolved against the catalog as
    /// it is, without any policy.
    pub(super) fn expression(
        &self,
        text: &str,
        relation: &KnownRelation,
        binds: &mut Binds,
    ) -> Checked<Expr> {
        let (marked, values) = mark(text, |name| self.values(name))?;
        let parsed = parse_expression(&marked, self.dialect)
            .map_err(|refusal| Refusal::new(Code::PolicyInvalid, format!("Policy: {}", refusal.reason)))?;
        let functions = Functions::new(self.policy.functions.clone());
        let mut lower = Lower::new(self.dialect, &functions, 0);
        let mut expr = lower.expression(parsed).map_err(|refusal| {
            Refusal::new(
                Code::PolicyInvalid,
                format!("Policy of {}: {}", self.shown(relation), refusal.reason),
            )
        })?;
        fill_in(&mut expr, &values, binds)?;
        // SELECT <expression> FROM <relation>, to have its names resolved where they will stand.
        let from =
            Relation { name: self.full_name(relation), alias: None, sample: Vec::new(), hints: Vec::new() };
        let from = Joined { first: Source::Relation(from), joins: Vec::new() };
        let select = Select::of(vec![Item::Expr { expr, alias: None }], vec![from]);
        let mut query = Query::of(Body::Select(Box::new(select)));
        let mut resolver = Resolver::new(self.dialect, Some(&self.schema), None);
        resolver.resolve_as_policy();
        resolver.run(&mut query).map_err(|refusal| {
            Refusal::new(
                Code::PolicyInvalid,
                format!("Policy of {}: {}", self.shown(relation), refusal.reason),
            )
        })?;
        let Body::Select(select) = query.body else { return Err(broken()) };
        match select.items.into_iter().next() {
            Some(Item::Expr { expr, .. }) => Ok(expr),
            Some(Item::Star(_)) | None => Err(broken()),
        }
    }

    /// What a name stands for: one value, or as many as a list has. An empty list is a null, which equals
    /// nothing.
    fn values(&self, name: &str) -> Checked<Vec<Literal>> {
        let missing = |what: &str| {
            let reason = format!("The policy needs `{name}` of the principal, {what}.");
            Refusal::new(Code::PrincipalIncomplete, reason)
        };
        let simple = || missing("which must be a text, a whole number, a truth value, or a list of these");
        match self.principal.get(name) {
            Some(Value::Array(list)) if list.is_empty() => Ok(vec![Literal::Null]),
            Some(Value::Array(list)) => list.iter().map(|one| value(one).ok_or_else(simple)).collect(),
            Some(one) => Ok(vec![value(one).ok_or_else(simple)?]),
            None => Err(missing("which was not given")),
        }
    }
}

fn value(value: &Value) -> Option<Literal> {
    match value {
        Value::String(text) if !text.contains('\0') => Some(Literal::Text(text.clone())),
        Value::Number(number) if number.is_i64() || number.is_u64() => {
            Some(Literal::Number(number.to_string()))
        }
        Value::Bool(true) => Some(Literal::True),
        Value::Bool(false) => Some(Literal::False),
        Value::String(_) | Value::Number(_) | Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn denied(relation: &KnownRelation) -> Refusal {
    let reason = format!("You are not permitted to read {}.", relation.name);
    Refusal::new(Code::RelationNotPermitted, reason)
}

fn broken() -> Refusal {
    Refusal::new(Code::PolicyInvalid, "The policy's expression is no single value.")
}

/// Words that keep an engine from moving the statement's own conditions before the filter, where an
/// error would tell about hidden rows.
fn fence(dialect: GuardDialect) -> (Vec<Piece>, Vec<Piece>) {
    let number = |text: &str| Piece::Expr(Expr::Literal(Literal::Number(text.to_owned())));
    let all = || number("9223372036854775807");
    match dialect {
        GuardDialect::Postgres => (Vec::new(), vec![Piece::Word("OFFSET"), number("0")]),
        GuardDialect::Sqlite => {
            let none = Expr::Form(vec![Piece::Word("-"), number("1")]);
            (Vec::new(), vec![Piece::Word("LIMIT"), Piece::Expr(none), Piece::Word("OFFSET"), number("0")])
        }
        GuardDialect::Mysql | GuardDialect::Duckdb | GuardDialect::Snowflake | GuardDialect::Bigquery => {
            (Vec::new(), vec![Piece::Word("LIMIT"), all()])
        }
        GuardDialect::Mssql => {
            (vec![Piece::Word("TOP"), Piece::Type("(9223372036854775807)".to_owned())], Vec::new())
        }
    }
}

/// Puts marks in place of `{name}`, several with commas for a list; gives their values in order.
fn mark(text: &str, values_of: impl Fn(&str) -> Checked<Vec<Literal>>) -> Checked<(String, Vec<Literal>)> {
    let mut out = String::with_capacity(text.len());
    let mut values = Vec::new();
    for part in parts(text)? {
        match part {
            Part::Text(text) => out.push_str(text),
            Part::Name(name) => {
                let found = values_of(name)?;
                let marks = (values.len()..values.len() + found.len()).map(|at| format!("{MARK}{at}"));
                out.push_str(&format!(" {} ", marks.collect::<Vec<_>>().join(", ")));
                values.extend(found);
            }
        }
    }
    Ok((out, values))
}

/// A part of an expression of a policy.
pub(super) enum Part<'t> {
    /// SQL.
    Text(&'t str),
    /// The name of a principal's value, in braces.
    Name(&'t str),
}

/// An expression of a policy in parts.
pub(super) fn parts(text: &str) -> Checked<Vec<Part<'_>>> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((name, behind)) = after.split_once('}') else { return Err(broken()) };
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            return Err(Refusal::new(Code::PolicyInvalid, format!("`{{{name}}}` is no name of a value.")));
        }
        parts.extend([Part::Text(before), Part::Name(name)]);
        rest = behind;
    }
    parts.push(Part::Text(rest));
    Ok(parts)
}

/// Puts values, or parameters for them, in place of marks, wherever they stand.
fn fill_in(expr: &mut Expr, values: &[Literal], binds: &mut Binds) -> Checked<()> {
    crate::sql::guard::tree::each_expr(expr, &mut |expr| {
        let Expr::Column(parts) = expr else { return Ok(()) };
        let [only] = parts.as_slice() else { return Ok(()) };
        let Some(number) = only.text.strip_prefix(MARK) else { return Ok(()) };
        let value = number.parse().ok().and_then(|at: usize| values.get(at)).cloned();
        *expr = Expr::Literal(binds.bind(value.ok_or_else(broken)?));
        Ok(())
    })
}
