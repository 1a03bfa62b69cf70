//! Queries: WITH, set operations, ORDER BY and LIMIT.

use super::Lower;
use crate::sql::guard::GuardDialect;
use crate::sql::guard::refusal::{Checked, Code, Refusal};
use crate::sql::guard::tree::{
    Body, Cte, Expr, Ident, Item, Joined, Order, Piece, Query, Relation, Select, Source, StarItem,
};
use sqlparser::ast::{
    self, CteAsMaterialized, Fetch, LimitClause, Offset, OffsetRows, OrderByKind, OrderByOptions,
    OrderBySort, SetExpr, SetOperator, SetQuantifier, Statement,
};

/// The query of a statement that is one.
pub(crate) fn query_of(statement: Statement) -> Checked<Box<ast::Query>> {
    match statement {
        Statement::Query(query) => Ok(query),
        other => {
            let text = other.to_string();
            let word: String = text.chars().take_while(char::is_ascii_alphabetic).take(20).collect();
            let reason = format!("{} is no query; only SELECT may run.", word.to_ascii_uppercase());
            Err(Refusal::new(Code::NotAQuery, reason))
        }
    }
}

impl Lower<'_> {
    pub(crate) fn query(&mut self, query: ast::Query) -> Checked<Query> {
        let ast::Query {
            with,
            body,
            order_by,
            limit_clause,
            fetch,
            locks,
            for_clause,
            settings,
            format_clause,
            pipe_operators,
        } = query;
        if !locks.is_empty() {
            return Err(Refusal::write("A lock (FOR UPDATE, FOR SHARE)"));
        }
        if for_clause.is_some() {
            return Err(Refusal::clause("FOR XML, FOR JSON or FOR BROWSE"));
        }
        if settings.is_some() || format_clause.is_some() {
            return Err(Refusal::clause("SETTINGS or FORMAT"));
        }
        if !pipe_operators.is_empty() {
            return Err(Refusal::clause("A pipe operator"));
        }
        let (recursive, ctes) = self.with(with)?;
        let body = self.body(*body)?;
        let order = order_by.map(|order| self.order_by(order)).transpose()?;
        let limit = self.limit(limit_clause, fetch)?;
        Ok(Query { recursive, ctes, body, order, limit })
    }

    fn with(&mut self, with: Option<ast::With>) -> Checked<(bool, Vec<Cte>)> {
        let Some(ast::With { with_token: _, recursive, cte_tables }) = with else {
            return Ok((false, Vec::new()));
        };
        let ctes = cte_tables.into_iter().map(|cte| self.cte(cte)).collect::<Checked<Vec<_>>>()?;
        // SQL Server has recursion without the word.
        let recursive = recursive || self.dialect == GuardDialect::Mssql;
        Ok((recursive, ctes))
    }

    fn cte(&mut self, cte: ast::Cte) -> Checked<Cte> {
        let ast::Cte { alias, query, from, materialized, closing_paren_token: _ } = cte;
        if from.is_some() {
            return Err(Refusal::clause("FROM behind a common table expression"));
        }
        let ast::TableAlias { explicit: _, name, columns, at } = alias;
        if at.is_some() || columns.iter().any(|column| column.data_type.is_some()) {
            return Err(Refusal::clause("A typed column of a common table expression"));
        }
        let columns =
            columns.into_iter().map(|column| self.ident(column.name)).collect::<Checked<Vec<_>>>()?;
        let materialized = materialized.map(|kind| match kind {
            CteAsMaterialized::Materialized => "MATERIALIZED",
            CteAsMaterialized::NotMaterialized => "NOT MATERIALIZED",
        });
        Ok(Cte { name: self.alias(name)?, columns, materialized, query: self.query(*query)? })
    }

    fn body(&mut self, body: SetExpr) -> Checked<Body> {
        match body {
            SetExpr::Select(select) => Ok(Body::Select(Box::new(self.select(*select)?))),
            SetExpr::Query(query) => Ok(Body::Query(Box::new(self.query(*query)?))),
            SetExpr::SetOperation { left, op, set_quantifier, right } => {
                let operator = set_operator(op, set_quantifier)?;
                let left = Box::new(self.body(*left)?);
                Ok(Body::Set { left, operator, right: Box::new(self.body(*right)?) })
            }
            SetExpr::Values(values) => self.values(values),
            SetExpr::Table(table) => self.table(*table),
            SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_) => {
                Err(Refusal::write("INSERT, UPDATE, DELETE or MERGE inside of a query"))
            }
        }
    }

    fn values(&mut self, values: ast::Values) -> Checked<Body> {
        let ast::Values { explicit_row, value_keyword: _, rows } = values;
        let rows = rows
            .into_iter()
            .map(|row| {
                let ast::Parens { opening_token: _, content, closing_token: _ } = row;
                content.into_iter().map(|expr| self.expr(expr)).collect()
            })
            .collect::<Checked<Vec<_>>>()?;
        Ok(Body::Values { rows, row_word: explicit_row })
    }

    /// `TABLE t` means `SELECT * FROM t`, and is written so.
    fn table(&mut self, table: ast::Table) -> Checked<Body> {
        let ast::Table { table_name, schema_name } = table;
        let part = |text: String| match text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) {
            Some(inner) => ast::Ident::with_quote('"', inner.replace("\"\"", "\"")),
            None => ast::Ident::new(text),
        };
        let parts: Vec<ast::Ident> = schema_name.into_iter().chain(table_name).map(part).collect();
        if parts.is_empty() {
            return Err(Refusal::clause("TABLE without a name"));
        }
        let name = self.relation_name(ast::ObjectName::from(parts))?;
        let relation = Relation { name, alias: None, sample: Vec::new(), hints: Vec::new() };
        let from = Joined { first: Source::Relation(relation), joins: Vec::new() };
        Ok(Body::Select(Box::new(Select::of(vec![Item::Star(StarItem::default())], vec![from]))))
    }

    pub(super) fn order_by(&mut self, order: ast::OrderBy) -> Checked<Order> {
        let ast::OrderBy { kind, interpolate } = order;
        if interpolate.is_some() {
            return Err(Refusal::clause("INTERPOLATE"));
        }
        match kind {
            OrderByKind::All(options) => Ok(Order::All(direction(options)?)),
            OrderByKind::Expressions(keys) => Ok(Order::Keys(self.order_keys(keys)?)),
        }
    }

    /// Keys of an order with commas between them.
    pub(super) fn order_keys(&mut self, keys: Vec<ast::OrderByExpr>) -> Checked<Vec<Piece>> {
        let mut pieces = Vec::with_capacity(keys.len() * 3);
        for (at, key) in keys.into_iter().enumerate() {
            let ast::OrderByExpr { expr, options, with_fill } = key;
            if with_fill.is_some() {
                return Err(Refusal::clause("WITH FILL"));
            }
            if at > 0 {
                pieces.push(Piece::Glue(","));
            }
            pieces.push(Piece::Expr(self.expr(expr)?));
            pieces.extend(direction(options)?);
        }
        Ok(pieces)
    }

    fn limit(&mut self, limit: Option<LimitClause>, fetch: Option<Fetch>) -> Checked<Vec<Piece>> {
        let mut pieces = Vec::new();
        match limit {
            None => {}
            Some(LimitClause::LimitOffset { limit, offset, limit_by }) => {
                if !limit_by.is_empty() {
                    return Err(Refusal::clause("LIMIT BY"));
                }
                if let Some(limit) = limit {
                    pieces.extend([Piece::Word("LIMIT"), Piece::Expr(self.expr(limit)?)]);
                }
                if let Some(Offset { value, rows }) = offset {
                    pieces.extend([Piece::Word("OFFSET"), Piece::Expr(self.expr(value)?)]);
                    match rows {
                        OffsetRows::None => {}
                        OffsetRows::Row | OffsetRows::Rows => pieces.push(Piece::Word("ROWS")),
                    }
                }
            }
            Some(LimitClause::OffsetCommaLimit { offset, limit }) => {
                let (offset, limit) = (self.expr(offset)?, self.expr(limit)?);
                let words =
                    [Piece::Word("LIMIT"), Piece::Expr(limit), Piece::Word("OFFSET"), Piece::Expr(offset)];
                pieces.extend(words);
            }
        }
        if let Some(Fetch { with_ties: false, percent: true, quantity: Some(quantity) }) = &fetch
            && self.dialect == GuardDialect::Duckdb
        {
            let share = Piece::Expr(self.expr(quantity.clone())?);
            pieces.extend([Piece::Word("LIMIT"), share, Piece::Glue("%")]);
        } else if let Some(Fetch { with_ties, percent, quantity }) = fetch {
            pieces.push(Piece::Word("FETCH FIRST"));
            if let Some(quantity) = quantity {
                pieces.push(Piece::Expr(self.expr(quantity)?));
            }
            if percent {
                pieces.push(Piece::Word("PERCENT"));
            }
            pieces.push(Piece::Word(if with_ties { "ROWS WITH TIES" } else { "ROWS ONLY" }));
        }
        Ok(pieces)
    }
}

fn direction(options: OrderByOptions) -> Checked<Vec<Piece>> {
    let OrderByOptions { sort, nulls_first } = options;
    let mut pieces = Vec::new();
    match sort {
        None => {}
        Some(OrderBySort::Asc) => pieces.push(Piece::Word("ASC")),
        Some(OrderBySort::Desc) => pieces.push(Piece::Word("DESC")),
        Some(OrderBySort::Using(_)) => return Err(Refusal::clause("ORDER BY … USING an operator")),
    }
    match nulls_first {
        None => {}
        Some(true) => pieces.push(Piece::Word("NULLS FIRST")),
        Some(false) => pieces.push(Piece::Word("NULLS LAST")),
    }
    Ok(pieces)
}

fn set_operator(operator: SetOperator, quantifier: SetQuantifier) -> Checked<&'static str> {
    Ok(match (operator, quantifier) {
        (SetOperator::Union, SetQuantifier::None) => "UNION",
        (SetOperator::Union, SetQuantifier::All) => "UNION ALL",
        (SetOperator::Union, SetQuantifier::Distinct) => "UNION DISTINCT",
        (SetOperator::Union, SetQuantifier::ByName) => "UNION BY NAME",
        (SetOperator::Union, SetQuantifier::AllByName) => "UNION ALL BY NAME",
        (SetOperator::Intersect, SetQuantifier::None) => "INTERSECT",
        (SetOperator::Intersect, SetQuantifier::All) => "INTERSECT ALL",
        (SetOperator::Intersect, SetQuantifier::Distinct) => "INTERSECT DISTINCT",
        (SetOperator::Except, SetQuantifier::None) => "EXCEPT",
        (SetOperator::Except, SetQuantifier::All) => "EXCEPT ALL",
        (SetOperator::Except, SetQuantifier::Distinct) => "EXCEPT DISTINCT",
        (SetOperator::Minus, SetQuantifier::None) => "MINUS",
        (
            SetOperator::Union | SetOperator::Intersect | SetOperator::Except | SetOperator::Minus,
            SetQuantifier::All
            | SetQuantifier::Distinct
            | SetQuantifier::ByName
            | SetQuantifier::AllByName
            | SetQuantifier::DistinctByName,
        ) => return Err(Refusal::clause(&format!("{operator} {quantifier}"))),
    })
}

/// Commas between what is written.
pub(super) fn comma_separated(exprs: impl IntoIterator<Item = Expr>) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for expr in exprs {
        if !pieces.is_empty() {
            pieces.push(Piece::Glue(","));
        }
        pieces.push(Piece::Expr(expr));
    }
    pieces
}

/// Names with commas between them.
pub(super) fn names_separated(names: impl IntoIterator<Item = Ident>) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for name in names {
        if !pieces.is_empty() {
            pieces.push(Piece::Glue(","));
        }
        pieces.push(Piece::Ident(name));
    }
    pieces
}
