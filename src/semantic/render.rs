//! Prints a SELECT in a dialect: with values as literals to read, or as parameters to run.

use super::expr::{BinaryOp, Expr, Function, Literal};
use super::model::Aggregate;
use super::plan::{Named, Relation};
use super::select::{Body, Select, Statement};
use crate::sql::dialect::Dialect;
use std::fmt::Write as _;
use vanna_actors::ports::sql::Value;

/// Prints a statement with its values as literals.
#[must_use]
pub fn literal(statement: &Statement, dialect: &dyn Dialect) -> String {
    Printer { dialect, params: None }.statement(statement)
}

/// Prints a statement with its values as parameters, in the order of their numbers.
#[must_use]
pub fn prepared(statement: &Statement, dialect: &dyn Dialect) -> (String, Vec<Value>) {
    let mut printer = Printer { dialect, params: Some(Vec::new()) };
    let sql = printer.statement(statement);
    (sql, printer.params.unwrap_or_default())
}

struct Printer<'a> {
    dialect: &'a dyn Dialect,
    params: Option<Vec<Value>>,
}

impl Printer<'_> {
    fn statement(&mut self, statement: &Statement) -> String {
        if self.dialect.orders_apart() && !statement.body.order.is_empty() {
            return self.parts(&statement.clone().ordered_apart());
        }
        self.parts(statement)
    }

    fn parts(&mut self, statement: &Statement) -> String {
        let mut parts = Vec::new();
        for (name, body) in &statement.with {
            let selects = match body {
                Body::One(select) => vec![self.select(select)],
                Body::All(selects) => selects.iter().map(|select| self.select(select)).collect(),
            };
            let inner = selects.join("\nUNION ALL\n").replace('\n', "\n  ");
            parts.push(format!("{} AS (\n  {inner}\n)", self.dialect.identifier(name)));
        }
        let body = self.select(&statement.body);
        if parts.is_empty() { body } else { format!("WITH {}\n{body}", parts.join(", ")) }
    }

    fn select(&mut self, select: &Select) -> String {
        let columns: Vec<String> = select.columns.iter().map(|column| self.column(column)).collect();
        let distinct = if select.distinct { "DISTINCT " } else { "" };
        let mut sql = format!("SELECT {distinct}{}", columns.join(", "));
        if let Some(from) = &select.from {
            let _ = write!(sql, "\nFROM {}", self.relation(from));
        }
        for join in &select.joins {
            let relation = self.relation(&join.relation);
            let on = self.expr(&join.on);
            let _ = write!(sql, "\nLEFT JOIN {relation} ON {on}");
        }
        self.conditions(&mut sql, "WHERE", &select.filters);
        if select.group_by > 0 {
            let numbers: Vec<String> = (1..=select.group_by).map(|number| number.to_string()).collect();
            let _ = write!(sql, "\nGROUP BY {}", numbers.join(", "));
        }
        self.conditions(&mut sql, "HAVING", &select.having);
        if !select.order.is_empty() {
            let key = |key: &super::plan::Key| {
                self.dialect.order_key(&self.dialect.identifier(&key.column), key.descending)
            };
            let keys: Vec<String> = select.order.iter().map(key).collect();
            let _ = write!(sql, "\nORDER BY {}", keys.join(", "));
        }
        if let Some(limit) = select.limit {
            let _ = write!(sql, "\nLIMIT {limit}");
        }
        sql
    }

    fn conditions(&mut self, sql: &mut String, keyword: &str, tests: &[Expr]) {
        for (index, test) in tests.iter().enumerate() {
            let keyword = if index == 0 { keyword } else { "  AND" };
            let _ = write!(sql, "\n{keyword} {}", self.above(test, Level::And));
        }
    }

    fn column(&mut self, column: &Named) -> String {
        format!("{} AS {}", self.expr(&column.expr), self.dialect.identifier(&column.name))
    }

    fn relation(&self, relation: &Relation) -> String {
        let parts: Vec<String> =
            relation.table.split('.').map(|part| self.dialect.identifier(part)).collect();
        let table = parts.join(".");
        if relation.table == relation.alias {
            table
        } else {
            format!("{table} AS {}", self.dialect.identifier(&relation.alias))
        }
    }

    fn expr(&mut self, expr: &Expr) -> String {
        match expr {
            Expr::Column { relation, name } => {
                let name = self.dialect.identifier(name);
                match relation {
                    Some(relation) => format!("{}.{name}", self.dialect.identifier(relation)),
                    None => name,
                }
            }
            Expr::Literal(literal) => self.value(literal),
            Expr::Param(value) => self.param(value),
            Expr::Negate(of) => format!("-{}", self.above(of, Level::Negate)),
            Expr::Not(of) => format!("NOT {}", self.above(of, Level::Not)),
            Expr::Binary { op, left, right } => self.binary(*op, left, right),
            Expr::IsNull { of, negated } => {
                let not = if *negated { "NOT " } else { "" };
                format!("{} IS {not}NULL", self.above(of, Level::Compare))
            }
            Expr::In { of, list, negated } => {
                let not = if *negated { "NOT " } else { "" };
                format!("{} {not}IN ({})", self.above(of, Level::Compare), self.list(list))
            }
            Expr::Case { operand, branches, otherwise } => {
                self.case(operand.as_deref(), branches, otherwise.as_deref())
            }
            Expr::Call { function: Function::Length, args } => {
                format!("{}({})", self.dialect.length(), self.list(args))
            }
            Expr::Call { function, args } => format!("{}({})", function_name(*function), self.list(args)),
            Expr::Cast { of, to } => format!("CAST({} AS {})", self.expr(of), self.dialect.type_name(*to)),
            Expr::Trunc { of, grain, week_start } => {
                let of = self.expr(of);
                self.dialect.trunc(&of, *grain, *week_start)
            }
            Expr::Back { of, months, days } => {
                let of = self.expr(of);
                self.dialect.back(&of, *months, *days)
            }
            Expr::Exact(of) => {
                let of = self.expr(of);
                self.dialect.exact(&of)
            }
            Expr::NullOf { relation, name } => {
                let (relation, name) = (self.dialect.identifier(relation), self.dialect.identifier(name));
                self.dialect.null_of(&relation, &name)
            }
            Expr::Contains { of, part } => {
                let (of, part) = (self.expr(of), self.expr(part));
                self.dialect.contains(&of, &part)
            }
            Expr::Aggregate { function, of } => {
                let of = of.as_deref().map_or_else(|| "*".to_owned(), |of| self.expr(of));
                self.aggregate(*function, &of)
            }
            Expr::Running { function, of, partition, order } => {
                let of = self.expr(of);
                let of = self.aggregate(*function, &of);
                let partition = match partition.as_slice() {
                    [] => String::new(),
                    keys => format!("PARTITION BY {} ", self.list(keys)),
                };
                let order = self.expr(order);
                format!("{of} OVER ({partition}ORDER BY {order} ROWS UNBOUNDED PRECEDING)")
            }
            // Lowering replaces every measure; what were left of them would be no value.
            Expr::Measure(_) => "NULL".to_owned(),
        }
    }

    fn aggregate(&self, function: Aggregate, of: &str) -> String {
        match function {
            Aggregate::Sum => format!("SUM({of})"),
            Aggregate::Avg => self.dialect.mean(of),
            Aggregate::Min => format!("MIN({of})"),
            Aggregate::Max => format!("MAX({of})"),
            Aggregate::Count => format!("COUNT({of})"),
            Aggregate::CountDistinct => format!("COUNT(DISTINCT {of})"),
        }
    }

    fn list(&mut self, exprs: &[Expr]) -> String {
        exprs.iter().map(|expr| self.expr(expr)).collect::<Vec<_>>().join(", ")
    }

    fn binary(&mut self, op: BinaryOp, left: &Expr, right: &Expr) -> String {
        let (sign, level) = match op {
            BinaryOp::Div => {
                let (left, right) = (self.expr(left), self.expr(right));
                return self.dialect.divide(&left, &right);
            }
            BinaryOp::Same => {
                let (left, right) = (self.above(left, Level::Compare), self.above(right, Level::Compare));
                return self.dialect.same(&left, &right);
            }
            BinaryOp::Or => ("OR", Level::Or),
            BinaryOp::And => ("AND", Level::And),
            BinaryOp::Eq => ("=", Level::Compare),
            BinaryOp::Ne => ("<>", Level::Compare),
            BinaryOp::Lt => ("<", Level::Compare),
            BinaryOp::Le => ("<=", Level::Compare),
            BinaryOp::Gt => (">", Level::Compare),
            BinaryOp::Ge => (">=", Level::Compare),
            BinaryOp::Add => ("+", Level::Add),
            BinaryOp::Sub => ("-", Level::Add),
            BinaryOp::Mul => ("*", Level::Multiply),
            BinaryOp::Mod => ("%", Level::Multiply),
            BinaryOp::Concat => ("||", Level::Concat),
        };
        // Chains of these read without brackets on the left side; comparisons do not chain.
        let chains = level != Level::Compare && Level::of(left) == level;
        let left = if chains { self.expr(left) } else { self.above(left, level) };
        let right = self.above(right, level);
        if op == BinaryOp::Concat {
            self.dialect.concat(&left, &right)
        } else {
            format!("{left} {sign} {right}")
        }
    }

    fn case(
        &mut self,
        operand: Option<&Expr>,
        branches: &[(Expr, Expr)],
        otherwise: Option<&Expr>,
    ) -> String {
        let mut sql = String::from("CASE");
        if let Some(operand) = operand {
            let _ = write!(sql, " {}", self.expr(operand));
        }
        for (when, then) in branches {
            let (when, then) = (self.expr(when), self.expr(then));
            let _ = write!(sql, " WHEN {when} THEN {then}");
        }
        if let Some(otherwise) = otherwise {
            let _ = write!(sql, " ELSE {}", self.expr(otherwise));
        }
        sql.push_str(" END");
        sql
    }

    /// An expression as an operand, in brackets unless it binds closer. Dialects disagree on how close
    /// `||` binds, so it is always bracketed inside other operators.
    fn above(&mut self, expr: &Expr, level: Level) -> String {
        let own = Level::of(expr);
        let sql = self.expr(expr);
        let closer = own > level && !(own == Level::Concat && level > Level::Compare);
        if closer { sql } else { format!("({sql})") }
    }

    fn param(&mut self, value: &Value) -> String {
        let Some(params) = &mut self.params else { return self.literal_of(value) };
        params.push(self.dialect.bind(value));
        self.dialect.placeholder(params.len())
    }

    fn literal_of(&self, value: &Value) -> String {
        match value {
            Value::Null => "NULL".to_owned(),
            Value::Bool(value) => self.dialect.boolean(*value),
            Value::Int(number) => number.to_string(),
            Value::Real(number) => self.dialect.real(*number),
            Value::Decimal(text)
            | Value::Text(text)
            | Value::Date(text)
            | Value::DateTime(text)
            | Value::Json(text) => self.dialect.text(text),
            Value::Blob(bytes) => self.dialect.text(&String::from_utf8_lossy(bytes)),
        }
    }

    fn value(&self, literal: &Literal) -> String {
        match literal {
            Literal::Null => "NULL".to_owned(),
            Literal::Bool(value) => self.dialect.boolean(*value),
            Literal::Int(number) => number.to_string(),
            Literal::Real(number) => self.dialect.real(*number),
            Literal::Text(text) => self.dialect.text(text),
        }
    }
}

/// How close an expression binds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Or,
    And,
    Not,
    Compare,
    Add,
    Multiply,
    Concat,
    Negate,
    Atom,
}

impl Level {
    fn of(expr: &Expr) -> Self {
        match expr {
            Expr::Binary { op, .. } => match op {
                BinaryOp::Or => Self::Or,
                BinaryOp::And => Self::And,
                BinaryOp::Add | BinaryOp::Sub => Self::Add,
                BinaryOp::Mul | BinaryOp::Div | BinaryOp::Mod => Self::Multiply,
                BinaryOp::Concat => Self::Concat,
                _ => Self::Compare,
            },
            Expr::Not(_) => Self::Not,
            Expr::Exact(of) => Self::of(of),
            Expr::IsNull { .. } | Expr::In { .. } | Expr::Contains { .. } => Self::Compare,
            // `--1` would begin a comment, so a minus sign never follows another.
            Expr::Negate(_) => Self::Negate,
            Expr::Literal(Literal::Int(number)) if *number < 0 => Self::Negate,
            Expr::Literal(Literal::Real(number)) if *number < 0.0 => Self::Negate,
            Expr::Param(Value::Int(number)) if *number < 0 => Self::Negate,
            Expr::Param(Value::Real(number)) if *number < 0.0 => Self::Negate,
            _ => Self::Atom,
        }
    }
}

fn function_name(function: Function) -> &'static str {
    Function::ALL.iter().find(|(_, known, ..)| *known == function).map_or("", |(name, ..)| name)
}
