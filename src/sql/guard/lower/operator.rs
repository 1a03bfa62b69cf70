//! Operators. Only those of the language itself; an operator of a schema may be anybody's function.

use crate::sql::guard::refusal::{Checked, Code, Refusal};
use sqlparser::ast::{BinaryOperator, UnaryOperator};

/// The sign of a binary operator.
#[expect(clippy::too_many_lines, reason = "one line for each operator that the parser knows")]
pub(super) fn binary(operator: BinaryOperator) -> Checked<&'static str> {
    Ok(match operator {
        BinaryOperator::Plus => "+",
        BinaryOperator::Minus => "-",
        BinaryOperator::Multiply => "*",
        BinaryOperator::Divide => "/",
        BinaryOperator::Modulo => "%",
        BinaryOperator::StringConcat => "||",
        BinaryOperator::Gt => ">",
        BinaryOperator::Lt => "<",
        BinaryOperator::GtEq => ">=",
        BinaryOperator::LtEq => "<=",
        BinaryOperator::Spaceship => "<=>",
        BinaryOperator::Eq => "=",
        BinaryOperator::NotEq => "<>",
        BinaryOperator::And => "AND",
        BinaryOperator::Or => "OR",
        BinaryOperator::Xor => "XOR",
        BinaryOperator::BitwiseOr => "|",
        BinaryOperator::BitwiseAnd => "&",
        BinaryOperator::BitwiseXor | BinaryOperator::PGExp => "^",
        BinaryOperator::DuckIntegerDivide => "//",
        BinaryOperator::MyIntegerDivide => "DIV",
        BinaryOperator::Match => "MATCH",
        BinaryOperator::Regexp => "REGEXP",
        BinaryOperator::Glob => "GLOB",
        BinaryOperator::PGBitwiseXor => "#",
        BinaryOperator::PGBitwiseShiftLeft => "<<",
        BinaryOperator::PGBitwiseShiftRight => ">>",
        BinaryOperator::PGOverlap => "&&",
        BinaryOperator::PGRegexMatch => "~",
        BinaryOperator::PGRegexIMatch => "~*",
        BinaryOperator::PGRegexNotMatch => "!~",
        BinaryOperator::PGRegexNotIMatch => "!~*",
        BinaryOperator::PGLikeMatch => "~~",
        BinaryOperator::PGILikeMatch => "~~*",
        BinaryOperator::PGNotLikeMatch => "!~~",
        BinaryOperator::PGNotILikeMatch => "!~~*",
        BinaryOperator::PGStartsWith => "^@",
        BinaryOperator::Arrow => "->",
        BinaryOperator::LongArrow => "->>",
        BinaryOperator::HashArrow => "#>",
        BinaryOperator::HashLongArrow => "#>>",
        BinaryOperator::AtAt => "@@",
        BinaryOperator::AtArrow => "@>",
        BinaryOperator::ArrowAt => "<@",
        BinaryOperator::HashMinus => "#-",
        BinaryOperator::AtQuestion => "@?",
        BinaryOperator::Question => "?",
        BinaryOperator::QuestionAnd => "?&",
        BinaryOperator::QuestionPipe => "?|",
        BinaryOperator::Overlaps => "OVERLAPS",
        BinaryOperator::DoubleHash => "##",
        BinaryOperator::LtDashGt => "<->",
        BinaryOperator::AndLt => "&<",
        BinaryOperator::AndGt => "&>",
        BinaryOperator::LtLtPipe => "<<|",
        BinaryOperator::PipeGtGt => "|>>",
        BinaryOperator::AndLtPipe => "&<|",
        BinaryOperator::PipeAndGt => "|&>",
        BinaryOperator::LtCaret => "<^",
        BinaryOperator::GtCaret => ">^",
        BinaryOperator::QuestionHash => "?#",
        BinaryOperator::QuestionDash => "?-",
        BinaryOperator::QuestionDashPipe => "?-|",
        BinaryOperator::QuestionDoublePipe => "?||",
        BinaryOperator::TildeEq => "~=",
        BinaryOperator::At => "@",
        BinaryOperator::Custom(sign) => return custom(&sign),
        BinaryOperator::PGCustomBinaryOperator(_) => {
            return Err(Refusal::new(
                Code::OperatorNotAllowed,
                "OPERATOR(…) names an operator of a schema; write the plain operator.",
            ));
        }
        BinaryOperator::Assignment => {
            return Err(Refusal::new(Code::VariableNotAllowed, "An assignment is not allowed in a query."));
        }
    })
}

/// Operators that the parser has no name for: distances of vectors, adjacency and order of ranges.
fn custom(sign: &str) -> Checked<&'static str> {
    const KNOWN: &[&str] = &["<#>", "<=>", "<+>", "-|-", "**", "==", "@@@", "^@", "~<~", "~>~", "<<=", ">>="];
    KNOWN.iter().copied().find(|known| *known == sign).ok_or_else(|| {
        Refusal::new(
            Code::OperatorNotAllowed,
            format!("The operator {sign} is not listed; use a listed one."),
        )
    })
}

/// The sign of a prefix operator.
pub(super) fn prefix(operator: UnaryOperator) -> Checked<&'static str> {
    Ok(match operator {
        UnaryOperator::Plus => "+",
        UnaryOperator::Minus => "-",
        UnaryOperator::Not => "NOT",
        UnaryOperator::BangNot => "!",
        UnaryOperator::BitwiseNot => "~",
        UnaryOperator::PGAbs => "@",
        UnaryOperator::PGCubeRoot => "||/",
        UnaryOperator::PGSquareRoot => "|/",
        UnaryOperator::AtDashAt
        | UnaryOperator::DoubleAt
        | UnaryOperator::Hash
        | UnaryOperator::QuestionDash
        | UnaryOperator::QuestionPipe
        | UnaryOperator::PGPostfixFactorial
        | UnaryOperator::PGPrefixFactorial => {
            return Err(Refusal::new(
                Code::OperatorNotAllowed,
                format!("The operator {operator} is not listed; use a function."),
            ));
        }
    })
}
