//! Queries and their sources.

use super::Writer;
use crate::sql::guard::GuardDialect;
use crate::sql::guard::tree::{
    Alias, Body, Constraint, Cte, Expr, Ident, Item, Join, Joined, Order, Piece, Query, Relation, Select,
    Source, StarItem,
};

impl Writer {
    pub(crate) fn query(&mut self, query: &Query) {
        let Query { recursive, ctes, body, order, limit } = query;
        if !ctes.is_empty() {
            let word = *recursive && self.dialect != GuardDialect::Mssql;
            self.word(if word { "WITH RECURSIVE" } else { "WITH" });
            self.separated(ctes, Self::cte);
        }
        self.body(body);
        match order {
            None => {}
            Some(Order::All(pieces)) => {
                self.word("ORDER BY ALL");
                self.pieces(pieces);
            }
            Some(Order::Keys(pieces)) => {
                self.word("ORDER BY");
                self.pieces(pieces);
            }
        }
        self.pieces(limit);
    }

    fn separated<T>(&mut self, parts: &[T], mut write: impl FnMut(&mut Self, &T)) {
        for (at, part) in parts.iter().enumerate() {
            if at > 0 {
                self.comma();
            }
            write(self, part);
        }
    }

    fn cte(&mut self, cte: &Cte) {
        let Cte { name, columns, materialized, query } = cte;
        self.ident(name);
        if !columns.is_empty() {
            self.word("(");
            self.separated(columns, |writer, column| writer.ident(column));
            self.word(")");
        }
        self.word("AS");
        if let Some(materialized) = materialized {
            self.word(materialized);
        }
        self.bracketed(query);
    }

    fn bracketed(&mut self, query: &Query) {
        self.word("(");
        self.query(query);
        self.word(")");
    }

    fn body(&mut self, body: &Body) {
        match body {
            Body::Select(select) => self.select(select),
            Body::Query(query) => self.bracketed(query),
            Body::Set { left, operator, right } => {
                self.body(left);
                self.word(operator);
                self.body(right);
            }
            Body::Values { rows, row_word } => {
                self.word("VALUES");
                self.separated(rows, |writer, row| {
                    writer.word(if *row_word { "ROW(" } else { "(" });
                    writer.separated(row, Self::expr);
                    writer.word(")");
                });
            }
        }
    }

    fn select(&mut self, select: &Select) {
        let Select { head, items, from, filter, hierarchy, group, having, windows, qualify } = select;
        self.word("SELECT");
        self.pieces(head);
        self.separated(items, Self::item);
        if !from.is_empty() {
            self.word("FROM");
            self.separated(from, Self::joined);
        }
        self.clause("WHERE", filter.as_ref());
        self.pieces(hierarchy);
        if !group.is_empty() {
            self.word("GROUP BY");
            self.pieces(group);
        }
        self.clause("HAVING", having.as_ref());
        // BigQuery and DuckDB read windows and QUALIFY in either order.
        if !windows.is_empty() {
            self.word("WINDOW");
            self.separated(windows, |writer, (name, pieces): &(Ident, Vec<Piece>)| {
                writer.ident(name);
                writer.word("AS");
                writer.pieces(pieces);
            });
        }
        self.clause("QUALIFY", qualify.as_ref());
    }

    fn clause(&mut self, word: &str, expr: Option<&Expr>) {
        if let Some(expr) = expr {
            self.word(word);
            self.expr(expr);
        }
    }

    fn item(&mut self, item: &Item) {
        match item {
            Item::Expr { expr, alias } => {
                self.expr(expr);
                if let Some(alias) = alias {
                    self.word("AS");
                    self.ident(alias);
                }
            }
            Item::Star(star) => self.star(star),
        }
    }

    fn star(&mut self, star: &StarItem) {
        let StarItem { qualifier, pattern, without_word, without, replace, rename } = star;
        self.expr(&Expr::Star(qualifier.clone()));
        if let Some(pattern) = pattern {
            self.word("ILIKE");
            self.literal(&crate::sql::guard::tree::Literal::Text(pattern.clone()));
        }
        if !without.is_empty() {
            self.word(without_word);
            self.word("(");
            self.separated(without, |writer, name| writer.ident(name));
            self.word(")");
        }
        if !replace.is_empty() {
            self.word("REPLACE (");
            self.separated(replace, |writer, (expr, name): &(Expr, Ident)| {
                writer.expr(expr);
                writer.word("AS");
                writer.ident(name);
            });
            self.word(")");
        }
        if !rename.is_empty() {
            self.word("RENAME (");
            self.separated(rename, |writer, (from, to): &(Ident, Ident)| {
                writer.ident(from);
                writer.word("AS");
                writer.ident(to);
            });
            self.word(")");
        }
    }

    fn joined(&mut self, joined: &Joined) {
        let Joined { first, joins } = joined;
        self.source(first);
        for Join { words, source, nearest, constraint } in joins {
            self.word(words);
            self.source(source);
            if let Some(nearest) = nearest {
                self.word("MATCH_CONDITION (");
                self.expr(nearest);
                self.word(")");
            }
            match constraint {
                Constraint::On(expr) => self.clause("ON", Some(expr)),
                Constraint::Using(columns) => {
                    self.word("USING (");
                    self.separated(columns, |writer, column| writer.ident(column));
                    self.word(")");
                }
                Constraint::Natural | Constraint::None => {}
            }
        }
    }

    fn source(&mut self, source: &Source) {
        match source {
            Source::Relation(Relation { name, alias, sample, hints }) => {
                self.name(name);
                self.alias(alias.as_ref());
                self.pieces(sample);
                self.pieces(hints);
            }
            Source::Derived { lateral, query, alias, sample } => {
                if *lateral {
                    self.word("LATERAL");
                }
                self.bracketed(query);
                self.alias(alias.as_ref());
                self.pieces(sample);
            }
            Source::Rows { pieces, name: _, columns: _, alias, tail } => {
                self.pieces(pieces);
                self.alias(alias.as_ref());
                self.pieces(tail);
            }
            Source::Nested { joined, alias } => {
                self.word("(");
                self.joined(joined);
                self.word(")");
                self.alias(alias.as_ref());
            }
            Source::Turned { source, pieces, alias } => {
                self.source(source);
                self.pieces(pieces);
                self.alias(alias.as_ref());
            }
        }
    }

    fn alias(&mut self, alias: Option<&Alias>) {
        let Some(Alias { name, columns }) = alias else { return };
        self.word("AS");
        self.ident(name);
        if !columns.is_empty() {
            self.glue("(");
            self.separated(columns, |writer, (name, data_type): &(Ident, Option<String>)| {
                writer.ident(name);
                if let Some(data_type) = data_type {
                    writer.word(data_type);
                }
            });
            self.word(")");
        }
    }
}
