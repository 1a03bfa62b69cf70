//! Calls of functions: only listed ones, by their plain name or through the system's schema.

use super::Lower;
use super::query::comma_separated;
use crate::sql::guard::GuardDialect;
use crate::sql::guard::input::TYPED_ARRAY;
use crate::sql::guard::refusal::{Checked, Refusal};
use crate::sql::guard::tree::{Call, Expr, Ident, Piece};
use sqlparser::ast::{
    self, DuplicateTreatment, FunctionArg, FunctionArgExpr, FunctionArgOperator, FunctionArgumentClause,
    FunctionArgumentList, FunctionArguments, HavingBoundKind, JsonNullClause, ListAggOnOverflow,
    NullTreatment,
};

/// Words that name a part of a date as an argument.
const UNITS: &[&str] = &[
    "century",
    "d",
    "date",
    "datetime",
    "day",
    "day_hour",
    "day_minute",
    "day_second",
    "dayofweek",
    "dayofweekiso",
    "dayofyear",
    "days",
    "dd",
    "decade",
    "dow",
    "doy",
    "dw",
    "dy",
    "epoch",
    "epoch_millisecond",
    "epoch_second",
    "h",
    "hh",
    "hour",
    "hour_minute",
    "hour_second",
    "hours",
    "hr",
    "iso_week",
    "isodow",
    "isowk",
    "isoww",
    "isoyear",
    "m",
    "mi",
    "microsecond",
    "microseconds",
    "millennium",
    "millisecond",
    "milliseconds",
    "minute",
    "minute_second",
    "minutes",
    "mm",
    "mon",
    "month",
    "months",
    "ms",
    "mcs",
    "n",
    "nanosecond",
    "nanoseconds",
    "ns",
    "q",
    "qq",
    "qtr",
    "quarter",
    "quarters",
    "s",
    "second",
    "seconds",
    "ss",
    "time",
    "timezone",
    "timezone_hour",
    "timezone_minute",
    "tz",
    "tzoffset",
    "w",
    "week",
    "week_iso",
    "weekday",
    "weekdayiso",
    "weekiso",
    "weekofyear",
    "weeks",
    "wk",
    "ww",
    "y",
    "yday",
    "year",
    "year_month",
    "years",
    "yearofweek",
    "yearofweekiso",
    "yy",
    "yyy",
    "yyyy",
    "isoweek",
    "sql_tsi_day",
    "sql_tsi_month",
    "sql_tsi_year",
    "sql_tsi_week",
    "sql_tsi_hour",
    "sql_tsi_minute",
    "sql_tsi_second",
    "sql_tsi_quarter",
];

/// Functions that take a part of a date as a bare word.
const WITH_UNITS: &[&str] = &[
    "add_months",
    "date_add",
    "date_bucket",
    "date_diff",
    "date_part",
    "date_sub",
    "date_trunc",
    "dateadd",
    "datediff",
    "datediff_big",
    "datename",
    "datepart",
    "datetime_add",
    "datetime_diff",
    "datetime_sub",
    "datetime_trunc",
    "datetrunc",
    "extract",
    "generate_date_array",
    "last_day",
    "next_day",
    "time_add",
    "time_diff",
    "time_slice",
    "time_sub",
    "time_trunc",
    "timeadd",
    "timediff",
    "timestamp_add",
    "timestamp_diff",
    "timestamp_sub",
    "timestamp_trunc",
    "timestampadd",
    "timestampdiff",
    "trunc",
    "datesub",
    "date_from_unix_date",
    "round",
    "get_format",
];

const WEEKDAYS: &[&str] = &["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];

impl Lower<'_> {
    pub(super) fn call(&mut self, function: ast::Function) -> Checked<Expr> {
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
        if uses_odbc_syntax {
            return Err(Refusal::clause("A function in braces"));
        }
        match parameters {
            FunctionArguments::None => {}
            FunctionArguments::Subquery(_) | FunctionArguments::List(_) => {
                return Err(Refusal::clause("A function with two lists of arguments"));
            }
        }
        let name = self.object_name(name)?;
        if self.dialect == GuardDialect::Bigquery
            && let [only] = name.as_slice()
            && only.is_word(TYPED_ARRAY)
        {
            return self.typed_array(args);
        }
        let listed = self.functions.scalar(&name, self.dialect)?;
        self.used.insert(listed.clone());
        let mut tail = Vec::new();
        let arguments = match args {
            FunctionArguments::None => None,
            FunctionArguments::Subquery(query) => {
                let query = self.query(*query)?;
                tail.push(Piece::Expr(Expr::Query(Box::new(query))));
                None
            }
            FunctionArguments::List(list) => Some(self.arguments(list, &listed)?),
        };
        if !within_group.is_empty() {
            tail.push(Piece::Word("WITHIN GROUP (ORDER BY"));
            tail.extend(self.order_keys(within_group)?);
            tail.push(Piece::Word(")"));
        }
        if let Some(filter) = filter {
            tail.extend([Piece::Word("FILTER (WHERE"), Piece::Expr(self.expr(*filter)?), Piece::Word(")")]);
        }
        tail.extend(null_treatment.map(nulls));
        if let Some(over) = over {
            tail.extend(self.over(over)?);
        }
        Ok(Expr::Call(Box::new(Call { name, listed, arguments, tail })))
    }

    /// `ARRAY<T>[…]`, which comes as a call of a cast and an array.
    fn typed_array(&mut self, args: FunctionArguments) -> Checked<Expr> {
        if let FunctionArguments::List(list) = args
            && let Ok([of, array]) = <[FunctionArg; 2]>::try_from(list.args)
            && let FunctionArg::Unnamed(FunctionArgExpr::Expr(ast::Expr::Cast { data_type, .. })) = of
            && let FunctionArg::Unnamed(FunctionArgExpr::Expr(array @ ast::Expr::Array(_))) = array
        {
            let of = Piece::Type(self.data_type(data_type)?);
            return Ok(Expr::Form(vec![of, Piece::Expr(self.expr(array)?)]));
        }
        Err(Refusal::clause("An array of that type"))
    }

    fn arguments(&mut self, list: FunctionArgumentList, function: &str) -> Checked<Vec<Piece>> {
        let FunctionArgumentList { duplicate_treatment, args, clauses } = list;
        let mut pieces = Vec::with_capacity(args.len() * 2);
        pieces.extend(duplicate_treatment.map(|treatment| {
            Piece::Word(match treatment {
                DuplicateTreatment::Distinct => "DISTINCT",
                DuplicateTreatment::All => "ALL",
            })
        }));
        pieces.extend(self.argument_list(args, function)?);
        for clause in clauses {
            self.argument_clause(clause, &mut pieces)?;
        }
        Ok(pieces)
    }

    /// Arguments with commas between them.
    pub(super) fn argument_list(&mut self, args: Vec<FunctionArg>, function: &str) -> Checked<Vec<Piece>> {
        let mut pieces = Vec::with_capacity(args.len() * 2);
        for (at, arg) in args.into_iter().enumerate() {
            if at > 0 {
                pieces.push(Piece::Glue(","));
            }
            match arg {
                FunctionArg::Unnamed(arg) => pieces.push(self.argument(arg, function)?),
                FunctionArg::Named { name, arg, operator } => {
                    pieces.push(Piece::Ident(self.ident(name)?));
                    pieces.push(Piece::Word(named_by(operator)?));
                    pieces.push(self.argument(arg, function)?);
                }
                FunctionArg::ExprNamed { name, arg, operator } => {
                    pieces.push(Piece::Expr(self.expr(name)?));
                    pieces.push(Piece::Word(named_by(operator)?));
                    pieces.push(self.argument(arg, function)?);
                }
            }
        }
        Ok(pieces)
    }

    fn argument(&mut self, arg: FunctionArgExpr, function: &str) -> Checked<Piece> {
        Ok(match arg {
            FunctionArgExpr::Expr(expr) => match unit(&expr, function) {
                Some(unit) => Piece::Type(unit),
                None => Piece::Expr(self.expr(expr)?),
            },
            FunctionArgExpr::QualifiedWildcard(name) => Piece::Expr(Expr::Star(self.object_name(name)?)),
            FunctionArgExpr::Wildcard => Piece::Expr(Expr::Star(Vec::new())),
            FunctionArgExpr::WildcardWithOptions(options) => {
                let star = self.star(Vec::new(), options)?;
                if !star.is_bare() {
                    return Err(Refusal::clause("A star with EXCEPT or REPLACE as an argument"));
                }
                Piece::Expr(Expr::Star(star.qualifier))
            }
        })
    }

    fn argument_clause(&mut self, clause: FunctionArgumentClause, pieces: &mut Vec<Piece>) -> Checked<()> {
        match clause {
            FunctionArgumentClause::IgnoreOrRespectNulls(treatment) => pieces.push(nulls(treatment)),
            FunctionArgumentClause::Where(expr) => {
                pieces.extend([Piece::Word("WHERE"), Piece::Expr(self.expr(expr)?)])
            }
            FunctionArgumentClause::OrderBy(keys) => {
                pieces.push(Piece::Word("ORDER BY"));
                pieces.extend(self.order_keys(keys)?);
            }
            FunctionArgumentClause::Limit(expr) => {
                pieces.extend([Piece::Word("LIMIT"), Piece::Expr(self.expr(expr)?)])
            }
            FunctionArgumentClause::OnOverflow(ListAggOnOverflow::Error) => {
                pieces.push(Piece::Word("ON OVERFLOW ERROR"))
            }
            FunctionArgumentClause::OnOverflow(ListAggOnOverflow::Truncate { filler, with_count }) => {
                pieces.push(Piece::Word("ON OVERFLOW TRUNCATE"));
                if let Some(filler) = filler {
                    pieces.push(Piece::Expr(self.expr(*filler)?));
                }
                pieces.push(Piece::Word(if with_count { "WITH COUNT" } else { "WITHOUT COUNT" }));
            }
            FunctionArgumentClause::Having(ast::HavingBound(kind, expr)) => {
                pieces.push(Piece::Word(match kind {
                    HavingBoundKind::Min => "HAVING MIN",
                    HavingBoundKind::Max => "HAVING MAX",
                }));
                pieces.push(Piece::Expr(self.expr(expr)?));
            }
            FunctionArgumentClause::Separator(value) => {
                pieces
                    .extend([Piece::Word("SEPARATOR"), Piece::Expr(Expr::Literal(self.text_value(value)?))]);
            }
            FunctionArgumentClause::JsonNullClause(clause) => pieces.push(Piece::Word(match clause {
                JsonNullClause::NullOnNull => "NULL ON NULL",
                JsonNullClause::AbsentOnNull => "ABSENT ON NULL",
            })),
            FunctionArgumentClause::JsonReturningClause(ast::JsonReturningClause { data_type }) => {
                pieces.extend([Piece::Word("RETURNING"), Piece::Type(self.data_type(data_type)?)]);
            }
        }
        Ok(())
    }

    /// A call as a source of rows: its pieces, and its name as the lists have it.
    pub(super) fn table_call(
        &mut self,
        name: Vec<Ident>,
        args: Vec<FunctionArg>,
    ) -> Checked<(Vec<Piece>, String)> {
        let listed = self.functions.table(&name, self.dialect)?;
        self.used.insert(listed.clone());
        let arguments = Some(self.argument_list(args, &listed)?);
        let call = Call { name, listed: listed.clone(), arguments, tail: Vec::new() };
        Ok((vec![Piece::Expr(Expr::Call(Box::new(call)))], listed))
    }

    /// Expressions with commas between them.
    pub(super) fn comma_list(&mut self, exprs: Vec<ast::Expr>) -> Checked<Vec<Piece>> {
        Ok(comma_separated(self.exprs(exprs)?))
    }
}

fn nulls(treatment: NullTreatment) -> Piece {
    Piece::Word(match treatment {
        NullTreatment::IgnoreNulls => "IGNORE NULLS",
        NullTreatment::RespectNulls => "RESPECT NULLS",
    })
}

fn named_by(operator: FunctionArgOperator) -> Checked<&'static str> {
    Ok(match operator {
        FunctionArgOperator::Equals => "=",
        FunctionArgOperator::RightArrow => "=>",
        FunctionArgOperator::Assignment => ":=",
        FunctionArgOperator::Colon => ":",
        FunctionArgOperator::Value => "VALUE",
        FunctionArgOperator::Space => return Err(Refusal::clause("An argument named without a sign")),
    })
}

/// A bare word that names a part of a date where the function takes one.
fn unit(expr: &ast::Expr, function: &str) -> Option<String> {
    if !WITH_UNITS.contains(&function) {
        return None;
    }
    let known = |ident: &ast::Ident, words: &[&str]| {
        let lower = ident.value.to_ascii_lowercase();
        (ident.quote_style.is_none() && words.contains(&lower.as_str()))
            .then(|| ident.value.to_ascii_uppercase())
    };
    match expr {
        ast::Expr::Identifier(ident) => known(ident, UNITS),
        // WEEK(MONDAY)
        ast::Expr::Function(ast::Function { name, args: FunctionArguments::List(list), .. }) => {
            let [ast::ObjectNamePart::Identifier(week)] = name.0.as_slice() else { return None };
            let [FunctionArg::Unnamed(FunctionArgExpr::Expr(ast::Expr::Identifier(day)))] =
                list.args.as_slice()
            else {
                return None;
            };
            Some(format!("{}({})", known(week, UNITS)?, known(day, WEEKDAYS)?))
        }
        _other => None,
    }
}
