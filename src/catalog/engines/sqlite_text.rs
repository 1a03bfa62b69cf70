//! What SQLite tells only in the text of a declaration: expressions, checks, collations.

use crate::catalog::snapshot::{Constraint, Extra, Table};
use serde_json::Value as JsonValue;
use sqlparser::ast::{CheckConstraint, ColumnDef, ColumnOption, Statement, TableConstraint};
use sqlparser::dialect::SQLiteDialect;
use sqlparser::parser::Parser;

/// Facts out of a declaration.
pub(super) struct Told {
    columns: Vec<ToldColumn>,
    checks: Vec<(Option<String>, String)>,
}

#[derive(Default)]
struct ToldColumn {
    name: String,
    generated: Option<String>,
    collation: Option<String>,
    counts_up: bool,
}

impl Told {
    /// Reads a declaration; `None` when the parser does not understand it.
    pub(super) fn of(text: &str) -> Option<Self> {
        let mut statements = Parser::parse_sql(&SQLiteDialect {}, text).ok()?;
        let Some(Statement::CreateTable(table)) = statements.pop() else { return None };
        let mut told = Self { columns: Vec::new(), checks: Vec::new() };
        for column in &table.columns {
            told.column(column);
        }
        for constraint in &table.constraints {
            if let TableConstraint::Check(check) = constraint {
                told.check(check.name.as_ref().map(|name| name.value.clone()), check);
            }
        }
        Some(told)
    }

    fn column(&mut self, column: &ColumnDef) {
        let mut own = ToldColumn { name: column.name.value.clone(), ..ToldColumn::default() };
        for option in &column.options {
            match &option.option {
                ColumnOption::Generated { generation_expr: Some(expr), .. } => {
                    own.generated = Some(expr.to_string());
                }
                ColumnOption::Collation(name) => own.collation = Some(name.to_string()),
                ColumnOption::Check(check) => {
                    let name = check.name.as_ref().or(option.name.as_ref());
                    self.check(name.map(|name| name.value.clone()), check);
                }
                ColumnOption::DialectSpecific(words) => {
                    own.counts_up |=
                        words.iter().any(|word| word.to_string().eq_ignore_ascii_case("autoincrement"));
                }
                _other => {}
            }
        }
        self.columns.push(own);
    }

    fn check(&mut self, name: Option<String>, check: &CheckConstraint) {
        self.checks.push((name, check.expr.to_string()));
    }

    pub(super) fn put_into(self, table: &mut Table) {
        for told in self.columns {
            let Some(column) =
                table.columns.iter_mut().find(|column| column.name.eq_ignore_ascii_case(&told.name))
            else {
                continue;
            };
            if let (Some(how), Some(expr)) = (&column.generated, told.generated) {
                column.generated = Some(format!("{expr} {how}"));
            }
            if let Some(collation) = told.collation {
                column.more.insert("collation".to_owned(), JsonValue::String(collation));
            }
            if told.counts_up {
                column.auto = Some("autoincrement".to_owned());
            }
        }
        table.constraints.extend(self.checks.into_iter().map(|(name, text)| Constraint {
            name,
            kind: "check".to_owned(),
            columns: Vec::new(),
            ref_table: None,
            ref_columns: None,
            on_delete: None,
            on_update: None,
            definition: Some(text),
            more: Extra::new(),
        }));
    }
}

/// The query of a view, out of its declaration.
pub(crate) fn query_of(text: &str) -> &str {
    let text = text.trim().trim_end_matches(';').trim_end();
    let lower = text.to_ascii_lowercase();
    let start = lower.match_indices("as").find(|(at, _)| {
        let before = lower.get(..*at).and_then(|text| text.chars().next_back());
        let after = lower.get(at + 2..).unwrap_or_default();
        let query = after.trim_start();
        before.is_some_and(|c| c.is_whitespace() || c == ')')
            && after.starts_with(|c: char| c.is_whitespace() || c == '(')
            && ["select", "with", "(", "values"].iter().any(|word| query.starts_with(word))
    });
    start.and_then(|(at, _)| text.get(at + 2..)).map_or(text, str::trim)
}
