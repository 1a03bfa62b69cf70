//! Tests of values: which comparison and which value fit which kind of field.

use crate::semantic::expr::{BinaryOp, Expr};
use crate::semantic::model::FieldKind;
use crate::semantic::query::{Filter, Op};
use crate::semantic::refusal::{Code, CompileError};
use serde_json::Value as Json;
use vanna_actors::ports::sql::Value;

/// Most values of a list.
pub(super) const MAX_LIST: usize = 1000;
/// Longest text, in bytes.
const MAX_TEXT: usize = 100_000;

/// A test of one value.
#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    /// A comparison.
    Compare(BinaryOp, Value),
    /// One of several, or none of them.
    In(Vec<Value>, bool),
    /// From one to another, both included.
    Between(Value, Value),
    /// Holds a text.
    Contains(Value),
    /// Is null, or is not.
    IsNull(bool),
}

impl Test {
    /// The test as a condition. Nulls pass what excludes values.
    #[must_use]
    pub fn condition(&self, of: Expr) -> Expr {
        let param = |value: &Value| Expr::Param(value.clone());
        let or_null = |test: Expr| Expr::binary(BinaryOp::Or, test, Expr::is_null(of.clone(), false));
        match self {
            Self::Compare(BinaryOp::Ne, value) => {
                or_null(Expr::binary(BinaryOp::Ne, of.clone(), param(value)))
            }
            Self::Compare(op, value) => Expr::binary(*op, of, param(value)),
            Self::In(values, negated) => {
                let list = values.iter().map(param).collect();
                let test = Expr::In { of: Box::new(of.clone()), list, negated: *negated };
                if *negated { or_null(test) } else { test }
            }
            Self::Between(low, high) => Expr::binary(
                BinaryOp::And,
                Expr::binary(BinaryOp::Ge, of.clone(), param(low)),
                Expr::binary(BinaryOp::Le, of, param(high)),
            ),
            Self::Contains(part) => Expr::Contains { of: Box::new(of), part: Box::new(param(part)) },
            Self::IsNull(negated) => Expr::is_null(of, *negated),
        }
    }
}

/// Reads the test of a filter on a field of a kind that is not time, or on a metric (a number).
pub(super) fn test(filter: &Filter, kind: FieldKind) -> Result<Test, CompileError> {
    check_op(filter, kind)?;
    let one = || value(filter, kind, &filter.value);
    let list = || many(filter)?.iter().map(|item| value(filter, kind, item)).collect::<Result<Vec<_>, _>>();
    Ok(match filter.op {
        Op::Eq => Test::Compare(BinaryOp::Eq, one()?),
        Op::Ne => Test::Compare(BinaryOp::Ne, one()?),
        Op::Gt => Test::Compare(BinaryOp::Gt, one()?),
        Op::Ge => Test::Compare(BinaryOp::Ge, one()?),
        Op::Lt => Test::Compare(BinaryOp::Lt, one()?),
        Op::Le => Test::Compare(BinaryOp::Le, one()?),
        Op::In => Test::In(list()?, false),
        Op::NotIn => Test::In(list()?, true),
        Op::Between => {
            let (low, high) = two(filter)?;
            Test::Between(value(filter, kind, low)?, value(filter, kind, high)?)
        }
        Op::Contains => Test::Contains(one()?),
        Op::IsNull => none(filter).map(|()| Test::IsNull(false))?,
        Op::NotNull => none(filter).map(|()| Test::IsNull(true))?,
    })
}

fn check_op(filter: &Filter, kind: FieldKind) -> Result<(), CompileError> {
    let fits = match kind {
        FieldKind::Categorical => true,
        FieldKind::Number | FieldKind::Time => filter.op != Op::Contains,
        FieldKind::Boolean => matches!(filter.op, Op::Eq | Op::Ne | Op::IsNull | Op::NotNull),
    };
    if fits {
        return Ok(());
    }
    let message = format!("this comparison does not fit `{}`, which holds {}", filter.field, holds(kind));
    Err(CompileError::partial(Code::BadOp, message).naming(&filter.field))
}

/// The refusal of a comparison that a field does not take.
pub(super) fn bad_op(filter: &Filter, holds: &str) -> CompileError {
    let message = format!("this comparison does not fit `{}`, which holds {holds}", filter.field);
    CompileError::partial(Code::BadOp, message).naming(&filter.field)
}

/// The refusal of a value.
pub(super) fn bad_value(filter: &Filter, wanted: &str) -> CompileError {
    let message = format!("the value of the filter on `{}` must be {wanted}", filter.field);
    CompileError::partial(Code::BadFilterValue, message).naming(&filter.field)
}

/// The values of a list, at least one.
pub(super) fn many(filter: &Filter) -> Result<&[Json], CompileError> {
    let list = filter.value.as_array().filter(|list| !list.is_empty() && list.len() <= MAX_LIST);
    list.map(Vec::as_slice).ok_or_else(|| bad_value(filter, &format!("a list of 1 to {MAX_LIST} values")))
}

/// The two values of a range.
pub(super) fn two(filter: &Filter) -> Result<(&Json, &Json), CompileError> {
    match filter.value.as_array().map(Vec::as_slice) {
        Some([low, high]) => Ok((low, high)),
        _ => Err(bad_value(filter, "a list of two values")),
    }
}

/// A null test has no value.
pub(super) fn none(filter: &Filter) -> Result<(), CompileError> {
    if filter.value.is_null() { Ok(()) } else { Err(bad_value(filter, "left out for a null test")) }
}

fn holds(kind: FieldKind) -> &'static str {
    match kind {
        FieldKind::Categorical => "text",
        FieldKind::Time => "dates",
        FieldKind::Number => "numbers",
        FieldKind::Boolean => "true and false",
    }
}

fn value(filter: &Filter, kind: FieldKind, json: &Json) -> Result<Value, CompileError> {
    match (kind, json) {
        (FieldKind::Categorical, Json::String(text)) if text.len() <= MAX_TEXT => {
            Ok(Value::Text(text.clone()))
        }
        (FieldKind::Categorical, _) => Err(bad_value(filter, &format!("text of at most {MAX_TEXT} bytes"))),
        (FieldKind::Boolean, Json::Bool(value)) => Ok(Value::Bool(*value)),
        (FieldKind::Boolean, _) => Err(bad_value(filter, "true or false")),
        (FieldKind::Number | FieldKind::Time, Json::Number(number)) => {
            let whole = number.as_i64().map(Value::Int);
            let real = || number.as_f64().filter(|n| n.is_finite()).map(Value::Real);
            whole.or_else(real).ok_or_else(|| bad_value(filter, "a number"))
        }
        (FieldKind::Number | FieldKind::Time, _) => Err(bad_value(filter, "a number")),
    }
}
