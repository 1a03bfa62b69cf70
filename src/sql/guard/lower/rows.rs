//! Sources that compute rows: table functions, UNNEST, JSON_TABLE, OPENJSON.

use super::Lower;
use crate::sql::guard::functions::table_columns;
use crate::sql::guard::refusal::{Checked, Refusal};
use crate::sql::guard::tree::{Alias, Expr, Ident, Piece, Source};
use sqlparser::ast::{
    self, FunctionArg, JsonTableColumn, JsonTableColumnErrorHandling, OpenJsonTableColumn, TableFunctionArgs,
    ValueWithSpan,
};

impl Lower<'_> {
    pub(super) fn table_function(
        &mut self,
        name: ast::ObjectName,
        args: TableFunctionArgs,
        with_ordinality: bool,
        alias: Option<ast::TableAlias>,
    ) -> Checked<Source> {
        let TableFunctionArgs { args, settings } = args;
        if settings.is_some() {
            return Err(Refusal::clause("SETTINGS of a function"));
        }
        self.function_source(false, name, args, with_ordinality, alias)
    }

    pub(super) fn function_source(
        &mut self,
        lateral: bool,
        name: ast::ObjectName,
        args: Vec<FunctionArg>,
        with_ordinality: bool,
        alias: Option<ast::TableAlias>,
    ) -> Checked<Source> {
        let name = self.object_name(name)?;
        let (call, listed) = self.table_call(name, args)?;
        let mut pieces = if lateral { vec![Piece::Word("LATERAL")] } else { Vec::new() };
        pieces.extend(call);
        let mut columns = table_columns(&listed, self.dialect);
        if with_ordinality {
            pieces.push(Piece::Word("WITH ORDINALITY"));
            if let Some(columns) = &mut columns {
                columns.push("ordinality".to_owned());
            }
        }
        Ok(Source::Rows { pieces, name: listed, columns, alias: self.table_alias(alias)?, tail: Vec::new() })
    }

    /// `TABLE(function(…))` of Snowflake; a text in place of the function would name any table.
    pub(super) fn table_of(&mut self, expr: ast::Expr, alias: Option<ast::TableAlias>) -> Checked<Source> {
        let ast::Expr::Function(function) = expr else {
            return Err(Refusal::clause("TABLE(…) of something that is no function"));
        };
        let ast::Function {
            name,
            uses_odbc_syntax,
            parameters,
            args,
            within_group,
            filter,
            null_treatment,
            over,
        } = function;
        let plain = !uses_odbc_syntax
            && matches!(parameters, ast::FunctionArguments::None)
            && within_group.is_empty()
            && filter.is_none()
            && null_treatment.is_none()
            && over.is_none();
        let ast::FunctionArguments::List(ast::FunctionArgumentList {
            duplicate_treatment: None,
            args,
            clauses,
        }) = args
        else {
            return Err(Refusal::clause("TABLE(…) of something that is no plain call"));
        };
        if !plain || !clauses.is_empty() {
            return Err(Refusal::clause("TABLE(…) of something that is no plain call"));
        }
        let name = self.object_name(name)?;
        let (call, listed) = self.table_call(name, args)?;
        let mut pieces = vec![Piece::Word("TABLE(")];
        pieces.extend(call);
        pieces.push(Piece::Word(")"));
        let columns = table_columns(&listed, self.dialect);
        Ok(Source::Rows { pieces, name: listed, columns, alias: self.table_alias(alias)?, tail: Vec::new() })
    }

    pub(super) fn unnest(
        &mut self,
        alias: Option<ast::TableAlias>,
        arrays: Vec<ast::Expr>,
        with_offset: bool,
        offset_alias: Option<ast::Ident>,
        with_ordinality: bool,
    ) -> Checked<Source> {
        self.used.insert("unnest".to_owned());
        let mut pieces = vec![Piece::Word("UNNEST(")];
        pieces.extend(self.comma_list(arrays)?);
        pieces.push(Piece::Word(")"));
        if with_ordinality {
            pieces.push(Piece::Word("WITH ORDINALITY"));
        }
        let mut tail = Vec::new();
        if with_offset {
            tail.push(Piece::Word("WITH OFFSET"));
            if let Some(alias) = offset_alias {
                tail.extend([Piece::Word("AS"), Piece::Ident(self.alias(alias)?)]);
            }
        }
        Ok(Source::Rows {
            pieces,
            name: "unnest".to_owned(),
            columns: None,
            alias: self.table_alias(alias)?,
            tail,
        })
    }

    pub(super) fn json_table(
        &mut self,
        json: ast::Expr,
        path: ValueWithSpan,
        columns: Vec<JsonTableColumn>,
        alias: Option<ast::TableAlias>,
    ) -> Checked<Source> {
        self.used.insert("json_table".to_owned());
        let mut pieces = vec![Piece::Word("JSON_TABLE("), Piece::Expr(self.expr(json)?), Piece::Glue(",")];
        pieces.extend([Piece::Expr(Expr::Literal(self.text_value(path)?)), Piece::Word("COLUMNS (")]);
        let mut names = Vec::new();
        self.json_columns(columns, &mut pieces, &mut names, 0)?;
        pieces.push(Piece::Word("))"));
        let alias = self.table_alias(alias)?;
        Ok(Source::Rows {
            pieces,
            name: "json_table".to_owned(),
            columns: Some(names),
            alias,
            tail: Vec::new(),
        })
    }

    fn json_columns(
        &mut self,
        columns: Vec<JsonTableColumn>,
        pieces: &mut Vec<Piece>,
        names: &mut Vec<String>,
        depth: usize,
    ) -> Checked<()> {
        if depth > 8 {
            return Err(Refusal::clause("JSON_TABLE nested this deeply"));
        }
        for (at, column) in columns.into_iter().enumerate() {
            if at > 0 {
                pieces.push(Piece::Glue(","));
            }
            match column {
                JsonTableColumn::Named(column) => self.json_column(column, pieces, names)?,
                JsonTableColumn::ForOrdinality(name) => {
                    let name = self.output_name(name, names)?;
                    pieces.extend([Piece::Ident(name), Piece::Word("FOR ORDINALITY")]);
                }
                JsonTableColumn::Nested(ast::JsonTableNestedColumn { path, columns }) => {
                    let path = Expr::Literal(self.text_value(path)?);
                    pieces.extend([Piece::Word("NESTED PATH"), Piece::Expr(path), Piece::Word("COLUMNS (")]);
                    self.json_columns(columns, pieces, names, depth + 1)?;
                    pieces.push(Piece::Word(")"));
                }
            }
        }
        Ok(())
    }

    fn json_column(
        &mut self,
        column: ast::JsonTableNamedColumn,
        pieces: &mut Vec<Piece>,
        names: &mut Vec<String>,
    ) -> Checked<()> {
        let ast::JsonTableNamedColumn { name, r#type, path, exists, on_empty, on_error } = column;
        let name = self.output_name(name, names)?;
        pieces.extend([Piece::Ident(name), Piece::Type(self.data_type(r#type)?)]);
        pieces.push(Piece::Word(if exists { "EXISTS PATH" } else { "PATH" }));
        pieces.push(Piece::Expr(Expr::Literal(self.text_value(path)?)));
        for (handling, word) in [(on_empty, "ON EMPTY"), (on_error, "ON ERROR")] {
            match handling {
                None => continue,
                Some(JsonTableColumnErrorHandling::Null) => pieces.push(Piece::Word("NULL")),
                Some(JsonTableColumnErrorHandling::Error) => pieces.push(Piece::Word("ERROR")),
                Some(JsonTableColumnErrorHandling::Default(value)) => {
                    pieces.extend([Piece::Word("DEFAULT"), Piece::Expr(self.value(value)?)]);
                }
            }
            pieces.push(Piece::Word(word));
        }
        Ok(())
    }

    pub(super) fn open_json(
        &mut self,
        json: ast::Expr,
        path: Option<ValueWithSpan>,
        columns: Vec<OpenJsonTableColumn>,
        alias: Option<ast::TableAlias>,
    ) -> Checked<Source> {
        self.used.insert("openjson".to_owned());
        let mut pieces = vec![Piece::Word("OPENJSON("), Piece::Expr(self.expr(json)?)];
        if let Some(path) = path {
            pieces.extend([Piece::Glue(","), Piece::Expr(Expr::Literal(self.text_value(path)?))]);
        }
        pieces.push(Piece::Word(")"));
        let mut names = Vec::new();
        if columns.is_empty() {
            names.extend(["key", "value", "type"].map(str::to_owned));
        } else {
            pieces.push(Piece::Word("WITH ("));
            for (at, OpenJsonTableColumn { name, r#type, path, as_json }) in columns.into_iter().enumerate() {
                if at > 0 {
                    pieces.push(Piece::Glue(","));
                }
                let name = self.output_name(name, &mut names)?;
                pieces.extend([Piece::Ident(name), Piece::Type(self.data_type(r#type)?)]);
                if let Some(path) = path {
                    let path = self.literal(ast::Value::SingleQuotedString(path))?;
                    pieces.push(Piece::Expr(Expr::Literal(path)));
                }
                if as_json {
                    pieces.push(Piece::Word("AS JSON"));
                }
            }
            pieces.push(Piece::Word(")"));
        }
        let alias: Option<Alias> = self.table_alias(alias)?;
        Ok(Source::Rows {
            pieces,
            name: "openjson".to_owned(),
            columns: Some(names),
            alias,
            tail: Vec::new(),
        })
    }

    fn output_name(&mut self, name: ast::Ident, names: &mut Vec<String>) -> Checked<Ident> {
        let name = self.ident(name)?;
        names.push(self.dialect.fold(&name).into_owned());
        Ok(name)
    }
}
