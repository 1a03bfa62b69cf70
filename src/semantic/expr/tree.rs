//! The expression tree.

use crate::semantic::model::{Aggregate, WeekStart};
use crate::semantic::query::Grain;
use serde::Serialize;
use vanna_actors::ports::sql::Value;

/// An expression. The first group is what model authors may write; the second is made by the planner.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Expr {
    /// A column, of a named relation or of the only one.
    Column {
        /// The relation.
        relation: Option<String>,
        /// The column.
        name: String,
    },
    /// A value written in the model.
    Literal(Literal),
    /// `-x`.
    Negate(Box<Expr>),
    /// `NOT x`.
    Not(Box<Expr>),
    /// Two operands.
    Binary {
        /// The operator.
        op: BinaryOp,
        /// Its left side.
        left: Box<Expr>,
        /// Its right side.
        right: Box<Expr>,
    },
    /// `x IS NULL`.
    IsNull {
        /// What is tested.
        of: Box<Expr>,
        /// `IS NOT NULL` instead.
        negated: bool,
    },
    /// `x IN (…)`.
    In {
        /// What is tested.
        of: Box<Expr>,
        /// What it may be.
        list: Vec<Expr>,
        /// `NOT IN` instead.
        negated: bool,
    },
    /// `CASE`.
    Case {
        /// What the branches are compared with, if anything.
        operand: Option<Box<Expr>>,
        /// Condition and result.
        branches: Vec<(Expr, Expr)>,
        /// Result without a branch that fits.
        otherwise: Option<Box<Expr>>,
    },
    /// A function of the short list.
    Call {
        /// The function.
        function: Function,
        /// Its arguments.
        args: Vec<Expr>,
    },
    /// `CAST(x AS …)`.
    Cast {
        /// What is cast.
        of: Box<Expr>,
        /// To what.
        to: ScalarType,
    },

    /// A value of the query: a parameter when run, a literal when printed.
    Param(Value),
    /// First day of the period that a time falls in.
    Trunc {
        /// The time.
        of: Box<Expr>,
        /// The period.
        grain: Grain,
        /// First day of weeks.
        week_start: WeekStart,
    },
    /// A day some months and days before; a day that its month does not have becomes the last one.
    Back {
        /// The day.
        of: Box<Expr>,
        /// Months.
        months: u32,
        /// Days.
        days: u32,
    },
    /// A text that equals only what has the same letters.
    Exact(Box<Expr>),
    /// Null, of the type that a column of a relation has.
    NullOf {
        /// The relation.
        relation: String,
        /// The column.
        name: String,
    },
    /// Whether a text holds another, letter by letter.
    Contains {
        /// The text.
        of: Box<Expr>,
        /// The other.
        part: Box<Expr>,
    },
    /// An aggregate; without an operand the rows are counted.
    Aggregate {
        /// The function.
        function: Aggregate,
        /// What is aggregated.
        of: Option<Box<Expr>>,
    },
    /// An aggregate over this row and all before it.
    Running {
        /// The function.
        function: Aggregate,
        /// What is aggregated.
        of: Box<Expr>,
        /// Rows that belong together.
        partition: Vec<Expr>,
        /// What comes before what.
        order: Box<Expr>,
    },
    /// The value of a measure by its number; replaced before printing.
    Measure(usize),
}

/// A value written in a model.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each is its name")]
pub enum Literal {
    Null,
    Bool(bool),
    Int(i64),
    Real(f64),
    Text(String),
}

/// An operator with two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each is its sign")]
pub enum BinaryOp {
    Or,
    And,
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    /// Equal, and two nulls are equal.
    Same,
    Add,
    Sub,
    Mul,
    /// Real division; by zero gives null.
    Div,
    Mod,
    Concat,
}

/// A function that expressions may call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each is its SQL name")]
pub enum Function {
    Abs,
    Coalesce,
    Length,
    Lower,
    NullIf,
    Replace,
    Round,
    Substr,
    Trim,
    Upper,
}

/// A type to cast to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each is its name")]
pub enum ScalarType {
    Text,
    Integer,
    Real,
}

impl Function {
    /// All functions with their SQL names and how many arguments they take.
    pub const ALL: &[(&str, Self, usize, usize)] = &[
        ("ABS", Self::Abs, 1, 1),
        ("COALESCE", Self::Coalesce, 2, 20),
        ("LENGTH", Self::Length, 1, 1),
        ("LOWER", Self::Lower, 1, 1),
        ("NULLIF", Self::NullIf, 2, 2),
        ("REPLACE", Self::Replace, 3, 3),
        ("ROUND", Self::Round, 1, 2),
        ("SUBSTR", Self::Substr, 2, 3),
        ("TRIM", Self::Trim, 1, 1),
        ("UPPER", Self::Upper, 1, 1),
    ];
}

impl Expr {
    /// A column of a relation.
    #[must_use]
    pub fn column(relation: &str, name: &str) -> Self {
        Self::Column { relation: Some(relation.to_owned()), name: name.to_owned() }
    }

    /// Two operands.
    #[must_use]
    pub fn binary(op: BinaryOp, left: Self, right: Self) -> Self {
        Self::Binary { op, left: Box::new(left), right: Box::new(right) }
    }

    /// `x IS NULL`, or `x IS NOT NULL`.
    #[must_use]
    pub fn is_null(of: Self, negated: bool) -> Self {
        Self::IsNull { of: Box::new(of), negated }
    }

    /// The same tree with every node, from the leaves up, replaced where `change` gives another.
    #[must_use]
    pub fn rewrite(self, change: &impl Fn(Self) -> Self) -> Self {
        let inner = |of: Box<Self>| Box::new(of.rewrite(change));
        let all = |list: Vec<Self>| list.into_iter().map(|item| item.rewrite(change)).collect();
        let rebuilt = match self {
            leaf @ (Self::Column { .. }
            | Self::NullOf { .. }
            | Self::Literal(_)
            | Self::Param(_)
            | Self::Measure(_)) => leaf,
            Self::Negate(of) => Self::Negate(inner(of)),
            Self::Not(of) => Self::Not(inner(of)),
            Self::Binary { op, left, right } => Self::Binary { op, left: inner(left), right: inner(right) },
            Self::IsNull { of, negated } => Self::IsNull { of: inner(of), negated },
            Self::In { of, list, negated } => Self::In { of: inner(of), list: all(list), negated },
            Self::Case { operand, branches, otherwise } => Self::Case {
                operand: operand.map(inner),
                branches: branches.into_iter().map(|(c, r)| (c.rewrite(change), r.rewrite(change))).collect(),
                otherwise: otherwise.map(inner),
            },
            Self::Call { function, args } => Self::Call { function, args: all(args) },
            Self::Cast { of, to } => Self::Cast { of: inner(of), to },
            Self::Trunc { of, grain, week_start } => Self::Trunc { of: inner(of), grain, week_start },
            Self::Back { of, months, days } => Self::Back { of: inner(of), months, days },
            Self::Exact(of) => Self::Exact(inner(of)),
            Self::Contains { of, part } => Self::Contains { of: inner(of), part: inner(part) },
            Self::Aggregate { function, of } => Self::Aggregate { function, of: of.map(inner) },
            Self::Running { function, of, partition, order } => {
                Self::Running { function, of: inner(of), partition: all(partition), order: inner(order) }
            }
        };
        change(rebuilt)
    }

    /// Every column in the tree, as relation and name.
    #[must_use]
    pub fn columns(&self) -> Vec<(Option<String>, String)> {
        let found = std::cell::RefCell::new(Vec::new());
        let _ = self.clone().rewrite(&|expr| {
            if let Self::Column { relation, name } = &expr {
                found.borrow_mut().push((relation.clone(), name.clone()));
            }
            expr
        });
        found.into_inner()
    }
}
