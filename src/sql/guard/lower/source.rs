//! FROM: relations, derived tables, joins, pivots.

use super::Lower;
use super::query::{comma_separated, names_separated};
use crate::sql::guard::GuardDialect;
use crate::sql::guard::refusal::{Checked, Refusal};
use crate::sql::guard::tree::{Alias, Constraint, Expr, Join, Joined, Piece, Relation, Source};
use sqlparser::ast::{
    self, JoinConstraint, JoinOperator, NullInclusion, PivotValueSource, TableFactor,
    TableIndexHintForClause, TableIndexHintType, TableIndexType, TableSampleKind, TableSampleMethod,
    TableSampleModifier, TableSampleSeedModifier, TableSampleUnit,
};

impl Lower<'_> {
    pub(super) fn joined(&mut self, joined: ast::TableWithJoins) -> Checked<Joined> {
        let ast::TableWithJoins { relation, joins } = joined;
        let first = self.source(relation)?;
        let joins = joins.into_iter().map(|join| self.join(join)).collect::<Checked<Vec<_>>>()?;
        Ok(Joined { first, joins })
    }

    fn join(&mut self, join: ast::Join) -> Checked<Join> {
        let ast::Join { relation, global, join_operator } = join;
        if global {
            return self.nearest_join(relation, join_operator);
        }
        let (words, natural, constraint, nearest) = match join_operator {
            JoinOperator::Join(on) => ("JOIN", "NATURAL JOIN", on, None),
            JoinOperator::Inner(on) => ("INNER JOIN", "NATURAL INNER JOIN", on, None),
            JoinOperator::Left(on) => ("LEFT JOIN", "NATURAL LEFT JOIN", on, None),
            JoinOperator::LeftOuter(on) => ("LEFT JOIN", "NATURAL LEFT JOIN", on, None),
            JoinOperator::Right(on) => ("RIGHT JOIN", "NATURAL RIGHT JOIN", on, None),
            JoinOperator::RightOuter(on) => ("RIGHT JOIN", "NATURAL RIGHT JOIN", on, None),
            JoinOperator::FullOuter(on) => ("FULL JOIN", "NATURAL FULL JOIN", on, None),
            JoinOperator::CrossJoin(on) => ("CROSS JOIN", "CROSS JOIN", on, None),
            JoinOperator::Semi(on) => ("SEMI JOIN", "SEMI JOIN", on, None),
            JoinOperator::LeftSemi(on) => ("LEFT SEMI JOIN", "LEFT SEMI JOIN", on, None),
            JoinOperator::RightSemi(on) => ("RIGHT SEMI JOIN", "RIGHT SEMI JOIN", on, None),
            JoinOperator::Anti(on) => ("ANTI JOIN", "ANTI JOIN", on, None),
            JoinOperator::LeftAnti(on) => ("LEFT ANTI JOIN", "LEFT ANTI JOIN", on, None),
            JoinOperator::RightAnti(on) => ("RIGHT ANTI JOIN", "RIGHT ANTI JOIN", on, None),
            JoinOperator::CrossApply => ("CROSS APPLY", "CROSS APPLY", JoinConstraint::None, None),
            JoinOperator::OuterApply => ("OUTER APPLY", "OUTER APPLY", JoinConstraint::None, None),
            JoinOperator::AsOf { match_condition, constraint } => {
                ("ASOF JOIN", "ASOF JOIN", constraint, Some(self.expr(match_condition)?))
            }
            JoinOperator::StraightJoin(on) => ("STRAIGHT_JOIN", "STRAIGHT_JOIN", on, None),
            JoinOperator::ArrayJoin | JoinOperator::LeftArrayJoin | JoinOperator::InnerArrayJoin => {
                return Err(Refusal::clause("ARRAY JOIN"));
            }
        };
        let constraint = match constraint {
            JoinConstraint::On(expr) => Constraint::On(self.expr(expr)?),
            JoinConstraint::Using(names) => Constraint::Using(self.using(names)?),
            JoinConstraint::Natural => Constraint::Natural,
            JoinConstraint::None => Constraint::None,
        };
        let words = if constraint == Constraint::Natural { natural } else { words };
        Ok(Join { words, source: self.source(relation)?, nearest, constraint })
    }

    /// `ASOF JOIN` and `POSITIONAL JOIN` of DuckDB, which come marked as global.
    fn nearest_join(&mut self, relation: TableFactor, operator: JoinOperator) -> Checked<Join> {
        if let (GuardDialect::Duckdb, JoinOperator::CrossJoin(JoinConstraint::None)) =
            (self.dialect, &operator)
        {
            let source = self.source(relation)?;
            let words = "POSITIONAL JOIN";
            return Ok(Join { words, source, nearest: None, constraint: Constraint::None });
        }
        let (words, on) = match operator {
            JoinOperator::Join(on) | JoinOperator::Inner(on) => ("ASOF JOIN", on),
            JoinOperator::Left(on) | JoinOperator::LeftOuter(on) => ("ASOF LEFT JOIN", on),
            _other => return Err(Refusal::clause("GLOBAL JOIN")),
        };
        let constraint = match on {
            JoinConstraint::On(expr) => Constraint::On(self.expr(expr)?),
            JoinConstraint::Using(names) => Constraint::Using(self.using(names)?),
            JoinConstraint::Natural | JoinConstraint::None => {
                return Err(Refusal::clause("ASOF JOIN without ON"));
            }
        };
        if self.dialect != GuardDialect::Duckdb {
            return Err(Refusal::clause("GLOBAL JOIN"));
        }
        Ok(Join { words, source: self.source(relation)?, nearest: None, constraint })
    }

    fn using(&mut self, names: Vec<ast::ObjectName>) -> Checked<Vec<crate::sql::guard::tree::Ident>> {
        let mut columns = Vec::new();
        for name in names {
            let mut parts = self.object_name(name)?;
            match (parts.pop(), parts.is_empty()) {
                (Some(column), true) => columns.push(column),
                (_, _) => return Err(Refusal::clause("USING with a qualified name")),
            }
        }
        Ok(columns)
    }

    pub(super) fn table_alias(&mut self, alias: Option<ast::TableAlias>) -> Checked<Option<Alias>> {
        let Some(ast::TableAlias { explicit: _, name, columns, at }) = alias else { return Ok(None) };
        if at.is_some() {
            return Err(Refusal::clause("AT behind a table"));
        }
        let columns = columns
            .into_iter()
            .map(|ast::TableAliasColumnDef { name, data_type }| {
                let data_type = data_type.map(|data_type| self.data_type(data_type)).transpose()?;
                Ok((self.alias(name)?, data_type))
            })
            .collect::<Checked<Vec<_>>>()?;
        Ok(Some(Alias { name: self.alias(name)?, columns }))
    }

    #[expect(clippy::too_many_lines, reason = "one arm for each kind of source")]
    pub(super) fn source(&mut self, factor: TableFactor) -> Checked<Source> {
        match factor {
            TableFactor::Table {
                name,
                alias,
                args,
                with_hints,
                version,
                with_ordinality,
                partitions,
                json_path,
                sample,
                index_hints,
            } => {
                if version.is_some() || !partitions.is_empty() || json_path.is_some() {
                    return Err(Refusal::clause("Time travel, PARTITION or a path behind a table"));
                }
                if let Some(args) = args {
                    if !with_hints.is_empty() || !index_hints.is_empty() || sample.is_some() {
                        return Err(Refusal::clause("A hint or a sample of a function"));
                    }
                    return self.table_function(name, args, with_ordinality, alias);
                }
                if with_ordinality {
                    return Err(Refusal::clause("WITH ORDINALITY behind a table"));
                }
                let mut hints = self.read_hints(with_hints)?;
                hints.extend(self.index_hints(index_hints)?);
                let sample = self.sample(sample)?;
                Ok(Source::Relation(Relation {
                    name: self.relation_name(name)?,
                    alias: self.table_alias(alias)?,
                    sample,
                    hints,
                }))
            }
            TableFactor::Derived { lateral, subquery, alias, sample } => Ok(Source::Derived {
                lateral,
                query: Box::new(self.query(*subquery)?),
                alias: self.table_alias(alias)?,
                sample: self.sample(sample)?,
            }),
            TableFactor::TableFunction { expr, alias } => self.table_of(expr, alias),
            TableFactor::Function { lateral, name, args, with_ordinality, alias } => {
                self.function_source(lateral, name, args, with_ordinality, alias)
            }
            TableFactor::UNNEST { alias, array_exprs, with_offset, with_offset_alias, with_ordinality } => {
                self.unnest(alias, array_exprs, with_offset, with_offset_alias, with_ordinality)
            }
            TableFactor::JsonTable { json_expr, json_path, columns, alias } => {
                self.json_table(json_expr, json_path, columns, alias)
            }
            TableFactor::OpenJsonTable { json_expr, json_path, columns, alias } => {
                self.open_json(json_expr, json_path, columns, alias)
            }
            TableFactor::NestedJoin { table_with_joins, alias } => Ok(Source::Nested {
                joined: Box::new(self.joined(*table_with_joins)?),
                alias: self.table_alias(alias)?,
            }),
            TableFactor::Pivot {
                table,
                aggregate_functions,
                value_column,
                value_source,
                default_on_null,
                alias,
            } => {
                let source = Box::new(self.source(*table)?);
                let pieces = self.pivot(aggregate_functions, value_column, value_source, default_on_null)?;
                Ok(Source::Turned { source, pieces, alias: self.table_alias(alias)? })
            }
            TableFactor::Unpivot { table, value, name, columns, null_inclusion, alias } => {
                let source = Box::new(self.source(*table)?);
                let pieces = self.unpivot(value, name, columns, null_inclusion)?;
                Ok(Source::Turned { source, pieces, alias: self.table_alias(alias)? })
            }
            TableFactor::UnpivotExpr { .. } => Err(Refusal::clause("UNPIVOT of a value")),
            TableFactor::MatchRecognize { .. } => Err(Refusal::clause("MATCH_RECOGNIZE")),
            TableFactor::XmlTable { .. } => Err(Refusal::clause("XMLTABLE")),
            TableFactor::SemanticView { .. } => Err(Refusal::clause("SEMANTIC_VIEW")),
        }
    }

    /// The one hint that takes no lock.
    fn read_hints(&mut self, hints: Vec<ast::Expr>) -> Checked<Vec<Piece>> {
        let mut pieces = Vec::new();
        for hint in hints {
            let ast::Expr::Identifier(ident) = hint else { return Err(Refusal::write("A table hint")) };
            if self.dialect != GuardDialect::Mssql || !ident.value.eq_ignore_ascii_case("nolock") {
                return Err(Refusal::write(&format!("The table hint {}", ident.value)));
            }
            pieces = vec![Piece::Word("WITH (NOLOCK)")];
        }
        Ok(pieces)
    }

    fn index_hints(&mut self, hints: Vec<ast::TableIndexHints>) -> Checked<Vec<Piece>> {
        let mut pieces = Vec::new();
        for ast::TableIndexHints { hint_type, index_type, for_clause, index_names } in hints {
            pieces.push(Piece::Word(match hint_type {
                TableIndexHintType::Use => "USE",
                TableIndexHintType::Ignore => "IGNORE",
                TableIndexHintType::Force => "FORCE",
            }));
            pieces.push(Piece::Word(match index_type {
                TableIndexType::Index => "INDEX",
                TableIndexType::Key => "KEY",
            }));
            pieces.extend(for_clause.map(|clause| {
                Piece::Word(match clause {
                    TableIndexHintForClause::Join => "FOR JOIN",
                    TableIndexHintForClause::OrderBy => "FOR ORDER BY",
                    TableIndexHintForClause::GroupBy => "FOR GROUP BY",
                })
            }));
            pieces.push(Piece::Word("("));
            pieces.extend(names_separated(self.idents(index_names)?));
            pieces.push(Piece::Word(")"));
        }
        Ok(pieces)
    }

    fn sample(&mut self, sample: Option<TableSampleKind>) -> Checked<Vec<Piece>> {
        let sample = match sample {
            None => return Ok(Vec::new()),
            Some(TableSampleKind::BeforeTableAlias(sample) | TableSampleKind::AfterTableAlias(sample)) => {
                *sample
            }
        };
        let ast::TableSample { modifier, name, quantity, seed, bucket, offset } = sample;
        if bucket.is_some() || offset.is_some() {
            return Err(Refusal::clause("A sample by buckets"));
        }
        let mut pieces = vec![Piece::Word(match modifier {
            TableSampleModifier::Sample => "SAMPLE",
            TableSampleModifier::TableSample => "TABLESAMPLE",
        })];
        pieces.extend(name.map(|name| {
            Piece::Word(match name {
                TableSampleMethod::Row => "ROW",
                TableSampleMethod::Bernoulli => "BERNOULLI",
                TableSampleMethod::System => "SYSTEM",
                TableSampleMethod::Block => "BLOCK",
            })
        }));
        if let Some(ast::TableSampleQuantity { parenthesized: _, value, unit }) = quantity {
            pieces.extend([Piece::Word("("), Piece::Expr(self.expr(value)?)]);
            pieces.extend(unit.map(|unit| {
                Piece::Word(match unit {
                    TableSampleUnit::Rows => "ROWS",
                    TableSampleUnit::Percent => "PERCENT",
                })
            }));
            pieces.push(Piece::Word(")"));
        }
        if let Some(ast::TableSampleSeed { modifier, value }) = seed {
            pieces.push(Piece::Word(match modifier {
                TableSampleSeedModifier::Repeatable => "REPEATABLE (",
                TableSampleSeedModifier::Seed => "SEED (",
            }));
            pieces.extend([Piece::Expr(self.value(value)?), Piece::Word(")")]);
        }
        Ok(pieces)
    }

    fn named_exprs(&mut self, exprs: Vec<ast::ExprWithAlias>) -> Checked<Vec<Piece>> {
        let mut pieces = Vec::new();
        for (at, ast::ExprWithAlias { expr, alias }) in exprs.into_iter().enumerate() {
            if at > 0 {
                pieces.push(Piece::Glue(","));
            }
            pieces.push(Piece::Expr(self.expr(expr)?));
            if let Some(alias) = alias {
                pieces.extend([Piece::Word("AS"), Piece::Ident(self.alias(alias)?)]);
            }
        }
        Ok(pieces)
    }

    /// Values that become columns. SQL Server and DuckDB write them as names, which are no columns that are read.
    fn pivot_values(&mut self, values: Vec<ast::ExprWithAlias>) -> Checked<Vec<Piece>> {
        let mut pieces = Vec::new();
        let names = matches!(self.dialect, GuardDialect::Mssql | GuardDialect::Duckdb);
        let name = |value: &ast::ExprWithAlias| match &value.expr {
            ast::Expr::Identifier(ident) if names && value.alias.is_none() => Some(ident.clone()),
            _other => None,
        };
        let all: Option<Vec<ast::Ident>> = values.iter().map(name).collect();
        match all {
            Some(idents) => pieces.extend(names_separated(self.idents(idents)?)),
            None => pieces.extend(self.named_exprs(values)?),
        }
        Ok(pieces)
    }

    fn pivot(
        &mut self,
        aggregates: Vec<ast::ExprWithAlias>,
        columns: Vec<ast::Expr>,
        values: PivotValueSource,
        default: Option<ast::Expr>,
    ) -> Checked<Vec<Piece>> {
        let mut pieces = vec![Piece::Word("PIVOT (")];
        pieces.extend(self.named_exprs(aggregates)?);
        pieces.push(Piece::Word("FOR"));
        let columns = self.exprs(columns)?;
        if columns.len() == 1 {
            pieces.extend(comma_separated(columns));
        } else {
            pieces.push(Piece::Word("("));
            pieces.extend(comma_separated(columns));
            pieces.push(Piece::Word(")"));
        }
        pieces.push(Piece::Word("IN ("));
        match values {
            PivotValueSource::List(values) => pieces.extend(self.pivot_values(values)?),
            PivotValueSource::Any(order) => {
                pieces.push(Piece::Word("ANY"));
                if !order.is_empty() {
                    pieces.push(Piece::Word("ORDER BY"));
                    pieces.extend(self.order_keys(order)?);
                }
            }
            PivotValueSource::Subquery(_) => {
                return Err(Refusal::clause("PIVOT with a query for its values"));
            }
        }
        pieces.push(Piece::Word(")"));
        if let Some(default) = default {
            pieces.extend([
                Piece::Word("DEFAULT ON NULL ("),
                Piece::Expr(self.expr(default)?),
                Piece::Word(")"),
            ]);
        }
        pieces.push(Piece::Word(")"));
        Ok(pieces)
    }

    fn unpivot(
        &mut self,
        value: ast::Expr,
        name: ast::Ident,
        columns: Vec<ast::ExprWithAlias>,
        nulls: Option<NullInclusion>,
    ) -> Checked<Vec<Piece>> {
        let mut pieces = vec![Piece::Word("UNPIVOT")];
        pieces.extend(nulls.map(|nulls| {
            Piece::Word(match nulls {
                NullInclusion::IncludeNulls => "INCLUDE NULLS",
                NullInclusion::ExcludeNulls => "EXCLUDE NULLS",
            })
        }));
        // The value column is a new name, not one that is read.
        let value = match self.expr(value)? {
            Expr::Column(mut parts) if parts.len() == 1 => parts.pop().map(Piece::Ident),
            _other => None,
        };
        let Some(value) = value else { return Err(Refusal::clause("UNPIVOT into several columns")) };
        pieces.extend([Piece::Word("("), value, Piece::Word("FOR"), Piece::Ident(self.ident(name)?)]);
        pieces.push(Piece::Word("IN ("));
        pieces.extend(self.named_exprs(columns)?);
        pieces.push(Piece::Word("))"));
        Ok(pieces)
    }
}
