//! Uses of columns that an engine refuses for their types.
//!
//! Only what is certain is found: an expression whose type is not known fits everywhere.

use super::arms::mismatches;
use super::families::Family;
use super::grouping::ungrouped;
use super::reads::{ReadSet, Reader};
use crate::catalog::snapshot::Snapshot;
use crate::sql::guard::GuardDialect;
use sqlparser::ast::{
    BinaryOperator, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, ObjectName,
    Query, Select, SelectItem, SetExpr, TableFactor, UnaryOperator, Value, Visit, Visitor,
};
use sqlparser::parser::Parser;
use std::collections::{BTreeSet, HashMap};
use std::convert::Infallible;
use std::ops::ControlFlow;

/// What a statement does that its types do not allow, in words; and the names in it that stand alone.
#[derive(Debug, Default)]
pub(super) struct Uses {
    pub(super) misfits: BTreeSet<String>,
    /// Columns that are named without their table.
    pub(super) bare: BTreeSet<String>,
    /// Types that values are cast to.
    pub(super) cast_to: BTreeSet<String>,
}

/// Looks through a statement that reads `reads`. Engines that convert everything refuse nothing.
pub(super) fn uses(sql: &str, reads: &ReadSet, reader: &Reader<'_>, dialect: GuardDialect) -> Uses {
    let snapshot = reader.snapshot();
    let Ok(statements) = Parser::parse_sql(dialect.parser(), sql) else { return Uses::default() };
    let strict = matches!(dialect, GuardDialect::Postgres | GuardDialect::Duckdb);
    let mut looking = Looking {
        reads,
        snapshot,
        dialect,
        strict,
        aliases: HashMap::new(),
        outputs: BTreeSet::new(),
        found: Uses::default(),
    };
    // Names of sources may stand after the expressions that use them.
    let _aliases = statements.visit(&mut Aliases(&mut looking.aliases, &mut looking.outputs, dialect));
    let _done = statements.visit(&mut looking);
    let mismatches = mismatches(&statements, reader, &looking);
    looking.found.misfits.extend(mismatches);
    looking.found
}

struct Aliases<'l>(&'l mut HashMap<String, String>, &'l mut BTreeSet<String>, GuardDialect);

impl Visitor for Aliases<'_> {
    type Break = Infallible;

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<Infallible> {
        for item in &select.projection {
            if let SelectItem::ExprWithAlias { alias, .. } = item {
                self.1.insert(fold(alias, self.2));
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<Infallible> {
        if let TableFactor::Table { name, alias, .. } = factor
            && let Some(table) = name.0.last().and_then(|part| part.as_ident())
        {
            let table = fold(table, self.2);
            let alias = alias.as_ref().map_or(table.clone(), |alias| fold(&alias.name, self.2));
            self.0.insert(alias, table);
        }
        ControlFlow::Continue(())
    }
}

pub(super) fn fold(ident: &Ident, dialect: GuardDialect) -> String {
    let keeps = ident.quote_style.is_some() && dialect == GuardDialect::Postgres;
    if keeps { ident.value.clone() } else { ident.value.to_ascii_lowercase() }
}

pub(super) struct Looking<'l> {
    pub(super) reads: &'l ReadSet,
    pub(super) snapshot: &'l Snapshot,
    pub(super) dialect: GuardDialect,
    strict: bool,
    aliases: HashMap<String, String>,
    /// Names that the statement gives to outputs, its own and those of its parts.
    outputs: BTreeSet<String>,
    found: Uses,
}

/// What is known of the type of an expression.
pub(super) enum Known {
    Is(Family),
    /// A text in quotes, which becomes what its neighbour is.
    Literal(String),
    Nothing,
}

impl Visitor for Looking<'_> {
    type Break = Infallible;

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<Infallible> {
        for condition in select.selection.iter().chain(&select.having) {
            self.truth(condition);
        }
        for name in ungrouped(select, self) {
            self.misfit(format!("{name} is neither grouped by nor aggregated"));
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Infallible> {
        match expr {
            Expr::Identifier(name) => {
                self.found.bare.insert(fold(name, self.dialect));
            }
            Expr::BinaryOp { left, op, right } => self.binary(left, op, right),
            Expr::UnaryOp { op: UnaryOperator::Not, expr } => self.truth(expr),
            Expr::IsTrue(expr) | Expr::IsFalse(expr) | Expr::IsNotTrue(expr) | Expr::IsNotFalse(expr) => {
                self.truth(expr);
            }
            Expr::InList { expr, list, .. } => list.iter().for_each(|item| self.same(expr, item)),
            Expr::Between { expr, low, high, .. } => {
                self.same(expr, low);
                self.same(expr, high);
            }
            Expr::Like { expr, .. } | Expr::ILike { expr, .. } | Expr::SimilarTo { expr, .. } => {
                self.needs(expr, "LIKE", |family| *family == Family::Text);
            }
            Expr::Extract { expr, .. } => self.needs(expr, "EXTRACT", is_temporal),
            Expr::Ceil { expr, .. } | Expr::Floor { expr, .. } => {
                self.needs(expr, "rounding", |family| *family == Family::Number);
            }
            Expr::Substring { expr, .. } | Expr::Trim { expr, .. } => {
                self.needs(expr, "a text function", is_textual);
            }
            Expr::Cast { expr, data_type, .. } => self.cast(expr, &data_type.to_string()),
            Expr::InSubquery { expr, subquery, .. } => self.same_as_rows(expr, subquery),
            Expr::Case { operand: Some(operand), conditions, .. } => {
                conditions.iter().for_each(|when| self.same(operand, &when.condition));
            }
            Expr::Case { operand: None, conditions, .. } => {
                conditions.iter().for_each(|when| self.truth(&when.condition));
            }
            Expr::Function(call) => self.call(call),
            _other => {}
        }
        ControlFlow::Continue(())
    }
}

fn is_temporal(family: &Family) -> bool {
    matches!(family, Family::Date | Family::Time | Family::Interval)
}

fn is_textual(family: &Family) -> bool {
    matches!(family, Family::Text | Family::Bytes)
}

impl Looking<'_> {
    pub(super) fn is_strict(&self) -> bool {
        self.strict
    }

    fn cast(&mut self, expr: &Expr, data_type: &str) {
        if let (Known::Literal(text), Some(Family::Enum(labels))) =
            (self.known(expr), Family::of_column(data_type, self.snapshot))
            && !labels.contains(&text)
        {
            self.misfit(format!("'{text}' is no {data_type}"));
        }
        self.found.cast_to.insert(data_type.to_ascii_lowercase().replace('"', ""));
    }

    fn same_as_rows(&mut self, expr: &Expr, rows: &Query) {
        if let SetExpr::Select(select) = rows.body.as_ref()
            && let [SelectItem::UnnamedExpr(column)] = select.projection.as_slice()
        {
            self.same(expr, column);
        }
    }

    fn misfit(&mut self, what: String) {
        if self.strict {
            self.found.misfits.insert(what);
        }
    }

    fn binary(&mut self, left: &Expr, op: &BinaryOperator, right: &Expr) {
        use BinaryOperator as Op;
        match op {
            Op::Eq | Op::NotEq | Op::Lt | Op::LtEq | Op::Gt | Op::GtEq => self.same(left, right),
            Op::Plus | Op::Minus | Op::Multiply | Op::Divide | Op::Modulo => {
                for side in [left, right] {
                    let what = op.to_string();
                    self.needs(side, &what, |family| {
                        matches!(family, Family::Number) || is_temporal(family) || *family == Family::Json
                    });
                }
            }
            Op::And | Op::Or => {
                self.truth(left);
                self.truth(right);
            }
            Op::Arrow | Op::LongArrow | Op::HashArrow | Op::HashLongArrow => {
                self.needs(left, "->", |family| *family == Family::Json);
            }
            Op::AtArrow | Op::ArrowAt | Op::PGOverlap => {
                self.needs(left, &op.to_string(), |family| matches!(family, Family::Array | Family::Json));
            }
            Op::PGRegexMatch | Op::PGRegexIMatch | Op::PGRegexNotMatch | Op::PGRegexNotIMatch => {
                self.needs(left, "a pattern", |family| *family == Family::Text);
            }
            _other => {}
        }
    }

    fn truth(&mut self, condition: &Expr) {
        if let Expr::Identifier(_) | Expr::CompoundIdentifier(_) = condition {
            self.needs(condition, "a condition", |family| *family == Family::Bool);
        }
    }

    fn needs(&mut self, expr: &Expr, what: &str, fits: impl Fn(&Family) -> bool) {
        if let Known::Is(family) = self.known(expr)
            && !fits(&family)
        {
            self.misfit(format!("{what} does not take {expr}"));
        }
    }

    fn same(&mut self, left: &Expr, right: &Expr) {
        let fits = match (self.known(left), self.known(right)) {
            (Known::Is(own), Known::Is(other)) => own.compares_with(&other),
            (Known::Is(family), Known::Literal(text)) | (Known::Literal(text), Known::Is(family)) => {
                family != Family::Json && family.reads(&text)
            }
            (Known::Literal(_) | Known::Nothing, _) | (_, Known::Nothing) => true,
        };
        if !fits {
            self.misfit(format!("{left} does not compare with {right}"));
        }
    }

    fn call(&mut self, call: &Function) {
        let Some(name) = last_word(&call.name) else { return };
        let arguments = arguments(call);
        let Some(first) = arguments.first() else { return };
        match name.as_str() {
            "sum" | "avg" => self.needs(first, &name, |f| matches!(f, Family::Number | Family::Interval)),
            "stddev" | "variance" | "stddev_pop" | "stddev_samp" | "var_pop" | "var_samp" | "round"
            | "abs" | "ceil" | "ceiling" | "floor" | "sqrt" | "power" | "mod" | "sign" | "ln" | "exp"
            | "trunc" | "median" => self.needs(first, &name, |f| *f == Family::Number),
            "min" | "max" => {
                let dialect = self.dialect;
                self.needs(first, &name, |f| is_ordered(f, dialect));
            }
            "upper" | "lower" | "initcap" | "btrim" | "ltrim" | "rtrim" | "trim" | "substr" | "substring"
            | "replace" | "length" | "char_length" | "position" | "strpos" | "split_part" | "left"
            | "right" | "lpad" | "rpad" | "starts_with" | "regexp_replace" | "string_agg" | "reverse" => {
                self.needs(first, &name, is_textual);
            }
            "bool_and" | "bool_or" | "every" => self.needs(first, &name, |f| *f == Family::Bool),
            "age" => self.needs(first, &name, is_temporal),
            "date_trunc" | "date_part" => {
                if let Some(second) = arguments.get(1) {
                    self.needs(second, &name, is_temporal);
                }
            }
            "to_char" => self.needs(first, &name, |f| is_temporal(f) || *f == Family::Number),
            "unnest" | "array_length" | "cardinality" => {
                self.needs(first, &name, |f| *f == Family::Array);
            }
            "coalesce" | "nullif" | "greatest" | "least" => {
                for other in arguments.iter().skip(1) {
                    self.same(first, other);
                }
            }
            _other => {}
        }
    }

    pub(super) fn known(&self, expr: &Expr) -> Known {
        let number = || Known::Is(Family::Number);
        match expr {
            Expr::Nested(inner) => self.known(inner),
            Expr::Identifier(name) => self.column(None, name),
            Expr::CompoundIdentifier(parts) => match parts.as_slice() {
                [.., table, name] => self.column(Some(table), name),
                _short => Known::Nothing,
            },
            Expr::Value(value) => match &value.value {
                Value::Number(..) => number(),
                Value::Boolean(_) => Known::Is(Family::Bool),
                Value::SingleQuotedString(text) => Known::Literal(text.clone()),
                _other => Known::Nothing,
            },
            Expr::UnaryOp { op: UnaryOperator::Minus | UnaryOperator::Plus, expr } => self.known(expr),
            Expr::Cast { data_type, .. } => {
                let family = Family::of_column(&data_type.to_string(), self.snapshot);
                family.map_or(Known::Nothing, Known::Is)
            }
            Expr::Function(call) => match last_word(&call.name).as_deref() {
                Some("count" | "length" | "char_length" | "round" | "abs" | "avg") => match arguments(call)
                    .first()
                {
                    Some(first) if matches!(self.known(first), Known::Is(Family::Interval)) => Known::Nothing,
                    _other => number(),
                },
                Some("upper" | "lower" | "initcap" | "to_char" | "replace" | "concat" | "substr") => {
                    Known::Is(Family::Text)
                }
                Some("sum" | "min" | "max" | "coalesce") => {
                    arguments(call).first().map_or(Known::Nothing, |first| self.known(first))
                }
                _other => Known::Nothing,
            },
            _other => Known::Nothing,
        }
    }

    /// The family of a column that the statement reads, when all that it can mean agree.
    fn column(&self, table: Option<&Ident>, name: &Ident) -> Known {
        let name = fold(name, self.dialect);
        let table = match table.map(|table| self.aliases.get(&fold(table, self.dialect))) {
            Some(Some(relation)) => Some(relation),
            // A source of the statement's own making: its columns keep their names unless it says so.
            Some(None) if self.outputs.contains(&name) => return Known::Nothing,
            Some(None) | None => None,
        };
        let matches = |own: &str, wanted: &str| {
            if self.dialect == GuardDialect::Postgres {
                own == wanted
            } else {
                own.eq_ignore_ascii_case(wanted)
            }
        };
        let mut families = self.reads.columns.iter().filter_map(|[schema, relation, column]| {
            let named = matches(column, &name) && table.as_ref().is_none_or(|table| matches(relation, table));
            let found = self.snapshot.table(schema, relation).filter(|_| named)?.column(column)?;
            Some(Family::of_column(&found.data_type, self.snapshot))
        });
        let Some(Some(first)) = families.next() else { return Known::Nothing };
        if families.all(|family| family.as_ref() == Some(&first)) { Known::Is(first) } else { Known::Nothing }
    }
}

fn is_ordered(family: &Family, dialect: GuardDialect) -> bool {
    dialect != GuardDialect::Postgres || !matches!(family, Family::Bool | Family::Json | Family::Uuid)
}

fn last_word(name: &ObjectName) -> Option<String> {
    name.0.last().and_then(|part| part.as_ident()).map(|ident| ident.value.to_ascii_lowercase())
}

fn arguments(call: &Function) -> Vec<&Expr> {
    let FunctionArguments::List(list) = &call.args else { return Vec::new() };
    list.args
        .iter()
        .filter_map(|argument| match argument {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
            _other => None,
        })
        .collect()
}
