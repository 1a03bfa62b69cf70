//! Queries: WITH, set operations, ORDER BY, LIMIT.

use super::deps::{Deps, OutColumn, Shape};
use super::frame::Frame;
use super::resolver::{CteName, Resolver};
use crate::sql::guard::GuardDialect;
use crate::sql::guard::cost;
use crate::sql::guard::refusal::{Checked, Code, Refusal};
use crate::sql::guard::tree::{Body, Cte, Ident, Order, Query};

impl Resolver<'_> {
    pub(super) fn query(&mut self, query: &mut Query) -> Checked<Shape> {
        let in_sight = self.ctes.len();
        for at in 0..query.ctes.len() {
            let Some(cte) = query.ctes.get_mut(at) else { break };
            let recursive = query.recursive || self.recurses_unsaid(&cte.name);
            let before = std::mem::replace(&mut self.widest, 1);
            let shape = self.cte(cte, recursive)?;
            let many = cost::gives_many_rows(&cte.query);
            let width = self.width_of(&cte.query, before);
            let name = self.dialect.fold(&cte.name).into_owned();
            self.ctes.push(CteName { name, written: cte.name.text.clone(), shape, many, width });
        }
        let (shape, frame) = self.body(&mut query.body)?;
        self.frames.push(frame);
        let tail = self.tail(query);
        self.frames.pop();
        tail?;
        self.ctes.truncate(in_sight);
        Ok(shape)
    }

    fn tail(&mut self, query: &mut Query) -> Checked<()> {
        match &mut query.order {
            None => {}
            Some(Order::All(pieces)) => {
                self.pieces(pieces)?;
            }
            Some(Order::Keys(pieces)) => self.order_keys(pieces)?,
        }
        self.pieces(&mut query.limit)?;
        Ok(())
    }

    /// Whether an expression may name itself without the word RECURSIVE. Where its name is a table's as well,
    /// Snowflake's word decides.
    fn recurses_unsaid(&self, name: &Ident) -> bool {
        match self.dialect {
            GuardDialect::Sqlite => true,
            GuardDialect::Snowflake => self
                .schema
                .is_none_or(|schema| schema.find(std::slice::from_ref(name), self.dialect).is_none()),
            GuardDialect::Postgres
            | GuardDialect::Mysql
            | GuardDialect::Duckdb
            | GuardDialect::Bigquery
            | GuardDialect::Mssql => false,
        }
    }

    fn cte(&mut self, cte: &mut Cte, recursive: bool) -> Checked<Shape> {
        self.check_shadow(cte)?;
        let shape = if recursive && cost::names_itself(cte, self.dialect) {
            let is_table = |name: &[Ident]| match name {
                [only] => {
                    let only = self.dialect.fold(only);
                    !self.ctes.iter().any(|cte| cte.name == *only)
                }
                _qualified => true,
            };
            cost::check_recursion(cte, self.dialect, &is_table)?;
            self.recursive(cte)?
        } else {
            self.query(&mut cte.query)?
        };
        Ok(self.renamed(shape, &cte.columns))
    }

    /// Filters of a policy name base relations. Where these have no schema to be told by, an expression
    /// of the statement must not take their names.
    fn check_shadow(&self, cte: &Cte) -> Checked<()> {
        let (Some(schema), Some(_)) = (self.schema, self.policy) else { return Ok(()) };
        let named = schema.default_schema(self.dialect).is_some();
        if named || schema.find(std::slice::from_ref(&cte.name), self.dialect).is_none() {
            return Ok(());
        }
        let reason = format!("{} is a table of the schema; take another name.", cte.name.text);
        Err(Refusal::new(Code::NameNotAllowed, reason))
    }

    /// A shape with the names of a column list.
    pub(super) fn renamed(&self, shape: Shape, names: &[Ident]) -> Shape {
        if names.is_empty() {
            return shape;
        }
        let rename = |columns: Vec<OutColumn>| {
            let mut columns = columns.into_iter();
            let mut out: Vec<OutColumn> = Vec::new();
            for name in names {
                let deps = columns.next().map_or_else(Deps::unknown, |column| column.deps);
                let shown = name.text.clone();
                out.push(OutColumn { name: self.dialect.fold(name).into_owned(), shown, deps });
            }
            out.extend(columns);
            out
        };
        match shape {
            Shape::Known(columns) => Shape::Known(rename(columns)),
            Shape::Open { relation: _, known: _, deps } => {
                let columns = names.iter().map(|name| OutColumn {
                    name: self.dialect.fold(name).into_owned(),
                    shown: name.text.clone(),
                    deps: Deps { open: true, ..deps.clone() },
                });
                Shape::Known(columns.collect())
            }
        }
    }

    /// Resolves a body; gives back what it offers and the names that ORDER BY may use.
    pub(super) fn body(&mut self, body: &mut Body) -> Checked<(Shape, Frame)> {
        match body {
            Body::Select(select) => self.select(select),
            Body::Query(query) => {
                let shape = self.query(query)?;
                let frame = outputs_only(&shape);
                Ok((shape, frame))
            }
            Body::Set { left, operator, right } => {
                let (left, _) = self.body(left)?;
                let (right, _) = self.body(right)?;
                let shape =
                    if operator.ends_with("BY NAME") { by_name(left, right) } else { by_place(left, &right) };
                let frame = outputs_only(&shape);
                Ok((shape, frame))
            }
            Body::Values { rows, row_word: _ } => {
                let mut columns: Vec<OutColumn> = Vec::new();
                for row in rows {
                    for (at, expr) in row.iter_mut().enumerate() {
                        let deps = self.expr(expr)?;
                        let name = format!("column{}", at + 1);
                        match columns.get_mut(at) {
                            Some(column) => column.deps.add(&deps),
                            None => columns.push(OutColumn { name: name.clone(), shown: name, deps }),
                        }
                    }
                }
                let shape = Shape::Known(columns);
                let frame = outputs_only(&shape);
                Ok((shape, frame))
            }
        }
    }

    /// What a recursive expression must be.
    pub(super) fn too_open(&self) -> Refusal {
        Refusal::new(Code::ClauseNotAllowed, "A recursive query must be a UNION of a start and a step.")
    }
}

fn outputs_only(shape: &Shape) -> Frame {
    Frame { outputs: shape.columns().to_vec(), outputs_open: shape.is_open(), ..Frame::default() }
}

fn by_place(left: Shape, right: &Shape) -> Shape {
    if left.is_open() || right.is_open() {
        let mut deps = left.all();
        deps.add(&right.all());
        let mut known = left.columns().to_vec();
        for column in &mut known {
            column.deps.open = true;
        }
        return Shape::Open { relation: None, known, deps };
    }
    let mut columns = left.columns().to_vec();
    for (column, other) in columns.iter_mut().zip(right.columns()) {
        column.deps.add(&other.deps);
    }
    Shape::Known(columns)
}

fn by_name(left: Shape, right: Shape) -> Shape {
    if left.is_open() || right.is_open() {
        return by_place(left, &right);
    }
    let mut columns = left.columns().to_vec();
    for other in right.columns() {
        match columns.iter_mut().find(|column| column.name == other.name) {
            Some(column) => column.deps.add(&other.deps),
            None => columns.push(other.clone()),
        }
    }
    Shape::Known(columns)
}
