//! Expressions with a syntax of their own: CASE, CAST, TRIM, arrays, structs.

use super::Lower;
use super::expr::form;
use super::query::comma_separated;
use super::time::field_word;
use crate::sql::guard::GuardDialect;
use crate::sql::guard::refusal::{Checked, Code, Refusal};
use crate::sql::guard::tree::{Expr, Ident, Literal, Piece};
use sqlparser::ast::{
    self, AccessExpr, CastFormat, CastKind, CeilFloorKind, DataType, DateTimeField, JsonKeyUniqueness,
    JsonPathElem, JsonPredicateType, LambdaSyntax, NormalizationForm, ObjectName, OneOrManyWithParens,
    SearchModifier, Subscript, TrimWhereField, ValueWithSpan,
};

/// Character sets that MySQL lets stand before a text.
const INTRODUCERS: &[&str] = &["_utf8mb4", "_utf8", "_utf8mb3", "_latin1", "_ascii", "_binary"];

/// Collations by name; a collation of a schema may be anybody's.
const COLLATION_LENGTH: usize = 64;

impl Lower<'_> {
    pub(super) fn identifier(&mut self, ident: ast::Ident) -> Checked<Expr> {
        Ok(Expr::Column(vec![self.column_name(ident)?]))
    }

    /// `value.field`, `value[index]`, `value[from:to]`, in any order.
    pub(super) fn access(&mut self, root: ast::Expr, chain: Vec<AccessExpr>) -> Checked<Expr> {
        let mut expr = self.expr(root)?;
        for access in chain {
            expr = match access {
                AccessExpr::Dot(ast::Expr::Identifier(field)) => {
                    Expr::Field(Box::new(expr), self.ident(field)?)
                }
                AccessExpr::Dot(_) => return Err(Refusal::clause("A method of a value")),
                AccessExpr::Subscript(subscript) => self.subscript(expr, subscript)?,
            };
        }
        Ok(expr)
    }

    fn subscript(&mut self, expr: Expr, subscript: Subscript) -> Checked<Expr> {
        let mut pieces = vec![Piece::Expr(expr), Piece::Glue("[")];
        match subscript {
            Subscript::Index { index } => pieces.push(Piece::Expr(self.expr(index)?)),
            Subscript::Slice { lower_bound, upper_bound, stride } => {
                pieces.extend(self.optional(lower_bound)?.map(Piece::Expr));
                pieces.push(Piece::Glue(":"));
                pieces.extend(self.optional(upper_bound)?.map(Piece::Expr));
                if let Some(stride) = stride {
                    pieces.extend([Piece::Glue(":"), Piece::Expr(self.expr(stride)?)]);
                }
            }
        }
        pieces.push(Piece::Glue("]"));
        Ok(Expr::Form(pieces))
    }

    /// `value:key.key[0]` of Snowflake.
    pub(super) fn json_access(&mut self, value: ast::Expr, path: ast::JsonPath) -> Checked<Expr> {
        let mut pieces = vec![Piece::Expr(self.expr(value)?)];
        for (at, element) in path.path.into_iter().enumerate() {
            match element {
                JsonPathElem::Dot { key, quoted } => {
                    pieces.push(Piece::Glue(if at == 0 { ":" } else { "." }));
                    let quote_style = quoted.then_some('"');
                    pieces
                        .push(Piece::Ident(self.ident(ast::Ident { quote_style, ..ast::Ident::new(key) })?));
                }
                JsonPathElem::Bracket { key } => {
                    pieces.extend([Piece::Glue("["), Piece::Expr(self.expr(key)?), Piece::Glue("]")]);
                }
                JsonPathElem::ColonBracket { key } => {
                    pieces.extend([Piece::Glue(":["), Piece::Expr(self.expr(key)?), Piece::Glue("]")]);
                }
            }
        }
        Ok(Expr::Form(pieces))
    }

    pub(super) fn is_json(
        &mut self,
        expr: ast::Expr,
        kind: Option<JsonPredicateType>,
        unique: Option<JsonKeyUniqueness>,
        negated: bool,
    ) -> Checked<Expr> {
        let mut pieces =
            vec![Piece::Expr(self.expr(expr)?), Piece::Word(if negated { "IS NOT JSON" } else { "IS JSON" })];
        pieces.extend(kind.map(|kind| {
            Piece::Word(match kind {
                JsonPredicateType::Value => "VALUE",
                JsonPredicateType::Scalar => "SCALAR",
                JsonPredicateType::Array => "ARRAY",
                JsonPredicateType::Object => "OBJECT",
            })
        }));
        pieces.extend(unique.map(|unique| {
            Piece::Word(match unique {
                JsonKeyUniqueness::WithUniqueKeys => "WITH UNIQUE KEYS",
                JsonKeyUniqueness::WithoutUniqueKeys => "WITHOUT UNIQUE KEYS",
            })
        }));
        Ok(Expr::Form(pieces))
    }

    pub(super) fn is_normalized(
        &mut self,
        expr: ast::Expr,
        form: Option<NormalizationForm>,
        negated: bool,
    ) -> Checked<Expr> {
        let mut pieces =
            vec![Piece::Expr(self.expr(expr)?), Piece::Word(if negated { "IS NOT" } else { "IS" })];
        pieces.extend(form.map(|form| {
            Piece::Word(match form {
                NormalizationForm::NFC => "NFC",
                NormalizationForm::NFD => "NFD",
                NormalizationForm::NFKC => "NFKC",
                NormalizationForm::NFKD => "NFKD",
            })
        }));
        pieces.push(Piece::Word("NORMALIZED"));
        Ok(Expr::Form(pieces))
    }

    pub(super) fn convert(
        &mut self,
        is_try: bool,
        expr: ast::Expr,
        data_type: Option<DataType>,
        charset: Option<ObjectName>,
        target_first: bool,
        styles: Vec<ast::Expr>,
    ) -> Checked<Expr> {
        let expr = Piece::Expr(self.expr(expr)?);
        let to = data_type.map(|to| self.data_type(to)).transpose()?;
        let mut pieces = vec![Piece::Word(if is_try { "TRY_CONVERT(" } else { "CONVERT(" })];
        match (to, charset) {
            (Some(to), None) if target_first => pieces.extend([Piece::Type(to), Piece::Glue(","), expr]),
            (Some(to), None) => pieces.extend([expr, Piece::Glue(","), Piece::Type(to)]),
            (None, Some(charset)) => {
                let [charset] = <[Ident; 1]>::try_from(self.object_name(charset)?)
                    .map_err(|_| Refusal::clause("A character set of a schema"))?;
                pieces.extend([expr, Piece::Word("USING"), Piece::Ident(charset)]);
            }
            (None, None) | (Some(_), Some(_)) => return Err(Refusal::clause("CONVERT without one target")),
        }
        for style in styles {
            pieces.extend([Piece::Glue(","), Piece::Expr(self.expr(style)?)]);
        }
        pieces.push(Piece::Word(")"));
        Ok(Expr::Form(pieces))
    }

    pub(super) fn cast(
        &mut self,
        kind: CastKind,
        expr: ast::Expr,
        data_type: DataType,
        format: Option<CastFormat>,
    ) -> Checked<Expr> {
        let expr = Piece::Expr(self.expr(expr)?);
        let to = Piece::Type(self.data_type(data_type)?);
        let open = match kind {
            CastKind::DoubleColon => return Ok(Expr::Form(vec![expr, Piece::Glue("::"), to])),
            CastKind::Cast => "CAST(",
            CastKind::TryCast => "TRY_CAST(",
            CastKind::SafeCast => "SAFE_CAST(",
        };
        let mut pieces = vec![Piece::Word(open), expr, Piece::Word("AS"), to];
        match format {
            None => {}
            Some(CastFormat::Value(format)) => {
                pieces.extend([Piece::Word("FORMAT"), Piece::Expr(Expr::Literal(self.text_value(format)?))]);
            }
            Some(CastFormat::ValueAtTimeZone(format, zone)) => {
                pieces.extend([Piece::Word("FORMAT"), Piece::Expr(Expr::Literal(self.text_value(format)?))]);
                pieces.extend([
                    Piece::Word("AT TIME ZONE"),
                    Piece::Expr(Expr::Literal(self.text_value(zone)?)),
                ]);
            }
        }
        pieces.push(Piece::Word(")"));
        Ok(Expr::Form(pieces))
    }

    pub(super) fn rounded(
        &mut self,
        open: &'static str,
        expr: ast::Expr,
        field: CeilFloorKind,
    ) -> Checked<Expr> {
        let mut pieces = vec![Piece::Word(open), Piece::Expr(self.expr(expr)?)];
        match field {
            CeilFloorKind::DateTimeField(DateTimeField::NoDateTime) => {}
            CeilFloorKind::DateTimeField(field) => {
                pieces.extend([Piece::Word("TO"), Piece::Type(field_word(field)?)])
            }
            CeilFloorKind::Scale(scale) => pieces.extend([Piece::Glue(","), Piece::Expr(self.value(scale)?)]),
        }
        pieces.push(Piece::Word(")"));
        Ok(Expr::Form(pieces))
    }

    pub(super) fn substring(
        &mut self,
        expr: ast::Expr,
        from: Option<Box<ast::Expr>>,
        length: Option<Box<ast::Expr>>,
        special: bool,
        shorthand: bool,
    ) -> Checked<Expr> {
        let mut pieces = vec![
            Piece::Word(if shorthand { "SUBSTR(" } else { "SUBSTRING(" }),
            Piece::Expr(self.expr(expr)?),
        ];
        let comma = special || shorthand;
        for (word, part) in [("FROM", from), ("FOR", length)] {
            if let Some(part) = part {
                pieces.push(if comma { Piece::Glue(",") } else { Piece::Word(word) });
                pieces.push(Piece::Expr(self.expr(*part)?));
            }
        }
        pieces.push(Piece::Word(")"));
        Ok(Expr::Form(pieces))
    }

    pub(super) fn trim(
        &mut self,
        side: Option<TrimWhereField>,
        what: Option<Box<ast::Expr>>,
        expr: ast::Expr,
        characters: Option<Vec<ast::Expr>>,
    ) -> Checked<Expr> {
        let mut pieces = vec![Piece::Word("TRIM(")];
        pieces.extend(side.map(|side| {
            Piece::Word(match side {
                TrimWhereField::Both => "BOTH",
                TrimWhereField::Leading => "LEADING",
                TrimWhereField::Trailing => "TRAILING",
            })
        }));
        if let Some(what) = what {
            pieces.extend([Piece::Expr(self.expr(*what)?), Piece::Word("FROM")]);
        }
        pieces.push(Piece::Expr(self.expr(expr)?));
        for part in characters.into_iter().flatten() {
            pieces.extend([Piece::Glue(","), Piece::Expr(self.expr(part)?)]);
        }
        pieces.push(Piece::Word(")"));
        Ok(Expr::Form(pieces))
    }

    pub(super) fn overlay(
        &mut self,
        expr: ast::Expr,
        what: ast::Expr,
        from: ast::Expr,
        length: Option<Box<ast::Expr>>,
    ) -> Checked<Expr> {
        let mut pieces = vec![Piece::Word("OVERLAY("), Piece::Expr(self.expr(expr)?)];
        pieces.extend([Piece::Word("PLACING"), Piece::Expr(self.expr(what)?)]);
        pieces.extend([Piece::Word("FROM"), Piece::Expr(self.expr(from)?)]);
        if let Some(length) = length {
            pieces.extend([Piece::Word("FOR"), Piece::Expr(self.expr(*length)?)]);
        }
        pieces.push(Piece::Word(")"));
        Ok(Expr::Form(pieces))
    }

    pub(super) fn collate(&mut self, expr: ast::Expr, collation: ObjectName) -> Checked<Expr> {
        let expr = self.expr(expr)?;
        // There a collation is a text.
        if matches!(self.dialect, GuardDialect::Snowflake | GuardDialect::Bigquery)
            && let [ast::ObjectNamePart::Identifier(ident)] = collation.0.as_slice()
            && ident.quote_style == Some('\'')
            && ident.value.len() <= COLLATION_LENGTH
            && ident.value.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b':'))
        {
            let name = Expr::Literal(Literal::Text(ident.value.clone()));
            return Ok(Expr::Form(vec![Piece::Expr(expr), Piece::Word("COLLATE"), Piece::Expr(name)]));
        }
        let mut name = self.object_name(collation)?;
        let system = match name.as_slice() {
            [_] => true,
            [schema, _] => self.dialect == GuardDialect::Postgres && schema.is_word("pg_catalog"),
            _ => false,
        };
        let plain = name.last().is_some_and(|last| {
            last.text.len() <= COLLATION_LENGTH
                && last
                    .text
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b'@'))
        });
        let Some(last) = name.pop().filter(|_| system && plain) else {
            return Err(Refusal::clause("A collation of a schema"));
        };
        Ok(Expr::Form(vec![Piece::Expr(expr), Piece::Word("COLLATE"), Piece::Ident(last)]))
    }

    pub(super) fn prefixed(&mut self, prefix: ast::Ident, value: ast::Expr) -> Checked<Expr> {
        if self.dialect == GuardDialect::Snowflake && prefix.value.eq_ignore_ascii_case("connect_by_root") {
            return Ok(form!["CONNECT_BY_ROOT", self.expr(value)?]);
        }
        let known = INTRODUCERS.iter().copied().find(|word| prefix.value.eq_ignore_ascii_case(word));
        match (known, self.expr(value)?) {
            (Some(word), literal @ Expr::Literal(Literal::Text(_))) => Ok(form![word, literal]),
            (None, column @ Expr::Column(_))
                if self.dialect == GuardDialect::Snowflake
                    && prefix.value.eq_ignore_ascii_case("CONNECT_BY_ROOT") =>
            {
                Ok(form!["CONNECT_BY_ROOT", column])
            }
            (_, _) => Err(Refusal::new(
                Code::LiteralNotAllowed,
                format!("The prefix {} is not listed.", prefix.value),
            )),
        }
    }

    pub(super) fn typed_string(&mut self, typed: ast::TypedString) -> Checked<Expr> {
        let ast::TypedString { data_type, value, uses_odbc_syntax } = typed;
        if uses_odbc_syntax {
            return Err(Refusal::clause("A literal in braces"));
        }
        let to = self.data_type(data_type)?;
        let literal = Expr::Literal(self.text_value(value)?);
        Ok(Expr::Form(vec![Piece::Type(to), Piece::Expr(literal)]))
    }

    pub(super) fn case(
        &mut self,
        operand: Option<Box<ast::Expr>>,
        conditions: Vec<ast::CaseWhen>,
        otherwise: Option<Box<ast::Expr>>,
    ) -> Checked<Expr> {
        let mut pieces = vec![Piece::Word("CASE")];
        if let Some(operand) = operand {
            pieces.push(Piece::Expr(self.expr(*operand)?));
        }
        for ast::CaseWhen { condition, result } in conditions {
            pieces.extend([Piece::Word("WHEN"), Piece::Expr(self.expr(condition)?)]);
            pieces.extend([Piece::Word("THEN"), Piece::Expr(self.expr(result)?)]);
        }
        if let Some(otherwise) = otherwise {
            pieces.extend([Piece::Word("ELSE"), Piece::Expr(self.expr(*otherwise)?)]);
        }
        pieces.push(Piece::Word("END"));
        Ok(Expr::Form(pieces))
    }

    pub(super) fn structure(
        &mut self,
        values: Vec<ast::Expr>,
        fields: Vec<ast::StructField>,
    ) -> Checked<Expr> {
        let mut pieces = Vec::new();
        if fields.is_empty() {
            pieces.push(Piece::Word("STRUCT("));
        } else {
            let kind = DataType::Struct(fields, ast::StructBracketKind::AngleBrackets);
            pieces.extend([Piece::Type(self.data_type(kind)?), Piece::Glue("(")]);
        }
        pieces.extend(comma_separated(self.exprs(values)?));
        pieces.push(Piece::Word(")"));
        Ok(Expr::Form(pieces))
    }

    pub(super) fn dictionary(&mut self, fields: Vec<ast::DictionaryField>) -> Checked<Expr> {
        let mut pieces = vec![Piece::Word("{")];
        for (at, ast::DictionaryField { key, value }) in fields.into_iter().enumerate() {
            if at > 0 {
                pieces.push(Piece::Glue(","));
            }
            let key = self.literal(ast::Value::SingleQuotedString(key.value))?;
            pieces.extend([
                Piece::Expr(Expr::Literal(key)),
                Piece::Glue(": "),
                Piece::Expr(self.expr(*value)?),
            ]);
        }
        pieces.push(Piece::Glue("}"));
        Ok(Expr::Form(pieces))
    }

    pub(super) fn map(&mut self, map: ast::Map) -> Checked<Expr> {
        let mut pieces = vec![Piece::Word("MAP {")];
        for (at, ast::MapEntry { key, value }) in map.entries.into_iter().enumerate() {
            if at > 0 {
                pieces.push(Piece::Glue(","));
            }
            pieces.extend([
                Piece::Expr(self.expr(*key)?),
                Piece::Glue(": "),
                Piece::Expr(self.expr(*value)?),
            ]);
        }
        pieces.push(Piece::Glue("}"));
        Ok(Expr::Form(pieces))
    }

    pub(super) fn array(&mut self, array: ast::Array) -> Checked<Expr> {
        let ast::Array { elem, named } = array;
        let mut pieces = vec![Piece::Word(if named { "ARRAY[" } else { "[" })];
        pieces.extend(comma_separated(self.exprs(elem)?));
        pieces.push(Piece::Glue("]"));
        Ok(Expr::Form(pieces))
    }

    pub(super) fn match_against(
        &mut self,
        columns: Vec<ObjectName>,
        text: ValueWithSpan,
        modifier: Option<SearchModifier>,
    ) -> Checked<Expr> {
        let columns = columns
            .into_iter()
            .map(|name| Ok(Expr::Column(self.object_name(name)?)))
            .collect::<Checked<Vec<_>>>()?;
        let mut pieces = vec![Piece::Word("MATCH (")];
        pieces.extend(comma_separated(columns));
        pieces.extend([Piece::Word(") AGAINST ("), Piece::Expr(Expr::Literal(self.text_value(text)?))]);
        pieces.extend(modifier.map(|modifier| {
            Piece::Word(match modifier {
                SearchModifier::InNaturalLanguageMode => "IN NATURAL LANGUAGE MODE",
                SearchModifier::InNaturalLanguageModeWithQueryExpansion => {
                    "IN NATURAL LANGUAGE MODE WITH QUERY EXPANSION"
                }
                SearchModifier::InBooleanMode => "IN BOOLEAN MODE",
                SearchModifier::WithQueryExpansion => "WITH QUERY EXPANSION",
            })
        }));
        pieces.push(Piece::Word(")"));
        Ok(Expr::Form(pieces))
    }

    pub(super) fn lambda(&mut self, lambda: ast::LambdaFunction) -> Checked<Expr> {
        let ast::LambdaFunction { params, body, syntax } = lambda;
        let params = match params {
            OneOrManyWithParens::One(param) => vec![param],
            OneOrManyWithParens::Many(params) => params,
        };
        let params = params
            .into_iter()
            .map(|ast::LambdaFunctionParameter { name, data_type }| match data_type {
                None => self.ident(name),
                Some(_) => Err(Refusal::clause("A typed parameter of a lambda")),
            })
            .collect::<Checked<Vec<_>>>()?;
        let keyword = match syntax {
            LambdaSyntax::Arrow => false,
            LambdaSyntax::LambdaKeyword => true,
        };
        Ok(Expr::Lambda { params, body: Box::new(self.expr(*body)?), keyword })
    }
}
