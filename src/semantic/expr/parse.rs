//! From SQL text to an expression. What is not on the short list of forms is refused.

use super::tree::{BinaryOp, Expr, Function, Literal, ScalarType};
use sqlparser::ast::{self, DataType, FunctionArg, FunctionArgExpr, FunctionArguments};
use sqlparser::dialect::SQLiteDialect;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::Token;

/// Longest expression, in bytes.
const MAX_LENGTH: usize = 4000;
/// Deepest nesting.
const MAX_DEPTH: usize = 60;

/// Why a text is not an expression that a model may use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExprError {
    /// Too long or nested too deep.
    #[error("the expression is too large (at most {MAX_LENGTH} bytes and {MAX_DEPTH} levels)")]
    TooLarge,
    /// Not an expression.
    #[error("not an expression: {0}")]
    Syntax(String),
    /// An expression, but with a form that is not allowed.
    #[error("`{0}` is not allowed here; allowed are columns, literals, arithmetic, comparisons, ||, CASE, CAST and {names}", names = function_names())]
    NotAllowed(String),
}

fn function_names() -> String {
    Function::ALL.iter().map(|(name, ..)| *name).collect::<Vec<_>>().join(", ")
}

/// Reads one scalar expression.
///
/// # Errors
/// When the text is anything else.
pub fn parse(text: &str) -> Result<Expr, ExprError> {
    if text.len() > MAX_LENGTH {
        return Err(ExprError::TooLarge);
    }
    let syntax = |error: sqlparser::parser::ParserError| ExprError::Syntax(error.to_string());
    let mut parser =
        Parser::new(&SQLiteDialect {}).with_recursion_limit(MAX_DEPTH).try_with_sql(text).map_err(syntax)?;
    let parsed = parser.parse_expr().map_err(syntax)?;
    match &parser.peek_token_ref().token {
        Token::EOF => convert(&parsed, 0),
        other => Err(ExprError::Syntax(format!("unexpected `{other}` after it"))),
    }
}

fn convert(expr: &ast::Expr, depth: usize) -> Result<Expr, ExprError> {
    if depth > MAX_DEPTH {
        return Err(ExprError::TooLarge);
    }
    let inner = |of: &ast::Expr| convert(of, depth + 1).map(Box::new);
    match expr {
        ast::Expr::Identifier(name) => Ok(Expr::Column { relation: None, name: name.value.clone() }),
        ast::Expr::CompoundIdentifier(parts) => match parts.as_slice() {
            [relation, name] => Ok(Expr::column(&relation.value, &name.value)),
            _ => Err(refused(expr)),
        },
        ast::Expr::Nested(of) => convert(of, depth + 1),
        ast::Expr::Value(value) => literal(&value.value).ok_or_else(|| refused(expr)),
        ast::Expr::UnaryOp { op, expr: of } => match op {
            ast::UnaryOperator::Minus => Ok(Expr::Negate(inner(of)?)),
            ast::UnaryOperator::Plus => convert(of, depth + 1),
            ast::UnaryOperator::Not => Ok(Expr::Not(inner(of)?)),
            _ => Err(refused(expr)),
        },
        ast::Expr::BinaryOp { left, op, right } => {
            let op = operator(op).ok_or_else(|| refused(expr))?;
            Ok(Expr::Binary { op, left: inner(left)?, right: inner(right)? })
        }
        ast::Expr::IsNull(of) => Ok(Expr::IsNull { of: inner(of)?, negated: false }),
        ast::Expr::IsNotNull(of) => Ok(Expr::IsNull { of: inner(of)?, negated: true }),
        ast::Expr::InList { expr: of, list, negated } if !list.is_empty() => {
            let list = list.iter().map(|item| convert(item, depth + 1)).collect::<Result<_, _>>()?;
            Ok(Expr::In { of: inner(of)?, list, negated: *negated })
        }
        ast::Expr::Between { expr: of, negated, low, high } => {
            let above = Expr::Binary { op: BinaryOp::Ge, left: inner(of)?, right: inner(low)? };
            let below = Expr::Binary { op: BinaryOp::Le, left: inner(of)?, right: inner(high)? };
            let both = Expr::binary(BinaryOp::And, above, below);
            Ok(if *negated { Expr::Not(Box::new(both)) } else { both })
        }
        ast::Expr::Case { operand, conditions, else_result, .. } => Ok(Expr::Case {
            operand: operand.as_deref().map(inner).transpose()?,
            branches: conditions
                .iter()
                .map(|when| Ok((convert(&when.condition, depth + 1)?, convert(&when.result, depth + 1)?)))
                .collect::<Result<_, ExprError>>()?,
            otherwise: else_result.as_deref().map(inner).transpose()?,
        }),
        ast::Expr::Cast { kind: ast::CastKind::Cast, expr: of, data_type, format: None } => {
            let to = scalar_type(data_type).ok_or_else(|| refused(expr))?;
            Ok(Expr::Cast { of: inner(of)?, to })
        }
        _ => call(expr, depth),
    }
}

/// Function calls, and the forms that the parser has of its own for some of them.
fn call(expr: &ast::Expr, depth: usize) -> Result<Expr, ExprError> {
    let (name, given): (String, Vec<&ast::Expr>) = match expr {
        ast::Expr::Trim { trim_where: None, trim_what: None, expr: of, trim_characters: None } => {
            ("TRIM".to_owned(), vec![of])
        }
        ast::Expr::Substring { expr: of, substring_from: Some(from), substring_for, .. } => {
            let given = [Some(of), Some(from), substring_for.as_ref()];
            ("SUBSTR".to_owned(), given.into_iter().flatten().map(Box::as_ref).collect())
        }
        ast::Expr::Function(function) => plain_call(function).ok_or_else(|| refused(expr))?,
        _ => return Err(refused(expr)),
    };
    let known = Function::ALL
        .iter()
        .find(|(known, _, least, most)| *known == name && (*least..=*most).contains(&given.len()));
    let (_, function, ..) = known.ok_or_else(|| refused(expr))?;
    let args = given.into_iter().map(|arg| convert(arg, depth + 1)).collect::<Result<_, _>>()?;
    Ok(Expr::Call { function: *function, args })
}

/// Name and arguments of a call without any of the clauses that calls may have.
fn plain_call(function: &ast::Function) -> Option<(String, Vec<&ast::Expr>)> {
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
    let bare = !uses_odbc_syntax
        && matches!(parameters, FunctionArguments::None)
        && within_group.is_empty()
        && filter.is_none()
        && null_treatment.is_none()
        && over.is_none();
    let [ast::ObjectNamePart::Identifier(name)] = name.0.as_slice() else { return None };
    let FunctionArguments::List(list) = args else { return None };
    if !bare || name.quote_style.is_some() || list.duplicate_treatment.is_some() || !list.clauses.is_empty() {
        return None;
    }
    let args = list.args.iter().map(|arg| match arg {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(arg)) => Some(arg),
        _ => None,
    });
    Some((name.value.to_uppercase(), args.collect::<Option<_>>()?))
}

fn literal(value: &ast::Value) -> Option<Expr> {
    Some(Expr::Literal(match value {
        ast::Value::Number(digits, false) => match digits.parse::<i64>() {
            Ok(number) => Literal::Int(number),
            Err(_) => Literal::Real(digits.parse::<f64>().ok().filter(|number| number.is_finite())?),
        },
        ast::Value::SingleQuotedString(text) => Literal::Text(text.clone()),
        ast::Value::Boolean(value) => Literal::Bool(*value),
        ast::Value::Null => Literal::Null,
        _ => return None,
    }))
}

fn operator(op: &ast::BinaryOperator) -> Option<BinaryOp> {
    Some(match op {
        ast::BinaryOperator::Plus => BinaryOp::Add,
        ast::BinaryOperator::Minus => BinaryOp::Sub,
        ast::BinaryOperator::Multiply => BinaryOp::Mul,
        ast::BinaryOperator::Divide => BinaryOp::Div,
        ast::BinaryOperator::Modulo => BinaryOp::Mod,
        ast::BinaryOperator::StringConcat => BinaryOp::Concat,
        ast::BinaryOperator::Eq => BinaryOp::Eq,
        ast::BinaryOperator::NotEq => BinaryOp::Ne,
        ast::BinaryOperator::Lt => BinaryOp::Lt,
        ast::BinaryOperator::LtEq => BinaryOp::Le,
        ast::BinaryOperator::Gt => BinaryOp::Gt,
        ast::BinaryOperator::GtEq => BinaryOp::Ge,
        ast::BinaryOperator::And => BinaryOp::And,
        ast::BinaryOperator::Or => BinaryOp::Or,
        _ => return None,
    })
}

fn scalar_type(data_type: &DataType) -> Option<ScalarType> {
    match data_type {
        DataType::Text | DataType::Varchar(_) | DataType::String(_) => Some(ScalarType::Text),
        DataType::Int(_) | DataType::Integer(_) | DataType::BigInt(_) => Some(ScalarType::Integer),
        DataType::Real | DataType::Float(_) | DataType::Double(_) | DataType::DoublePrecision => {
            Some(ScalarType::Real)
        }
        _ => None,
    }
}

fn refused(expr: &ast::Expr) -> ExprError {
    ExprError::NotAllowed(expr.to_string().chars().take(80).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn statements_subqueries_and_unlisted_functions_are_refused() {
        for text in [
            "",
            "a; DROP TABLE t",
            "SELECT 1",
            "(SELECT 1)",
            "EXISTS (SELECT 1)",
            "a IN (SELECT 1)",
            "load_extension('x')",
            "randomblob(9)",
            "SUM(a)",
            "COUNT(*)",
            "SUM(a) OVER ()",
            "LOWER(DISTINCT a)",
            "a -- comment\n; b",
            "a, b",
            "a AS b",
            "x.y.z",
            "?1",
            ":name",
            "x'00'",
            "CAST(a AS BLOB)",
            "a COLLATE nocase",
            "a LIKE 'b'",
            "COALESCE(a)",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_models_write_is_read() {
        for text in [
            "FirstName || ' ' || LastName",
            "UnitPrice * Quantity",
            "CASE WHEN a > 1 THEN 'x' ELSE NULL END",
            "CAST(a AS REAL) / 60000.0",
            "COALESCE(TRIM(a), substr(b, 1, 2), 'it''s')",
            "a BETWEEN 1 AND 2 AND NOT b IN (1, 2)",
            "invoice.CustomerId",
            "\"odd name\"",
        ] {
            assert!(parse(text).is_ok(), "{text}: {:?}", parse(text));
        }
    }

    #[test]
    fn deep_and_long_expressions_are_refused_without_a_crash() {
        assert_eq!(parse(&"a".repeat(5000)), Err(ExprError::TooLarge));
        assert!(parse(&format!("{}a{}", "(".repeat(900), ")".repeat(900))).is_err());
        assert!(parse(&format!("a{}", "+a".repeat(1500))).is_err());
        assert!(parse(&"-".repeat(1001)).is_err());
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in "[ -~]{0,60}") {
            let _ = parse(&text);
        }
    }
}
