//! Expressions: names, literals, calls, and forms made of fixed words and further expressions.

use super::Query;

/// A name with the fact whether it was quoted, which decides its meaning in most dialects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ident {
    pub(crate) text: String,
    pub(crate) quoted: bool,
}

impl Ident {
    pub(crate) fn plain(text: impl Into<String>) -> Self {
        Self { text: text.into(), quoted: false }
    }

    pub(crate) fn quoted(text: impl Into<String>) -> Self {
        Self { text: text.into(), quoted: true }
    }

    /// Whether it is this word, written without quotes.
    pub(crate) fn is_word(&self, word: &str) -> bool {
        !self.quoted && self.text.eq_ignore_ascii_case(word)
    }
}

/// A constant. Text is kept as its value; how it was quoted is forgotten on purpose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Literal {
    Text(String),
    National(String),
    Number(String),
    Hex(String),
    Bits(String),
    True,
    False,
    Null,
    /// The parameter with this number, from 1; only the guard itself makes these.
    Parameter(usize),
}

/// An expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Expr {
    /// A column, perhaps with qualifiers before and fields after it.
    Column(Vec<Ident>),
    Literal(Literal),
    Call(Box<Call>),
    /// Words of the language with expressions between them: operators, CASE, CAST and the like.
    Form(Vec<Piece>),
    /// A query in brackets.
    Query(Box<Query>),
    /// `*` or `t.*` as an argument.
    Star(Vec<Ident>),
    /// `(value).field` for a value that is a row.
    Field(Box<Expr>, Ident),
    /// A function of its parameters.
    Lambda {
        params: Vec<Ident>,
        body: Box<Expr>,
        keyword: bool,
    },
}

/// A part of a form, in the order in which it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// A word or sign of the language.
    Word(&'static str),
    /// A sign that stands without a space before it.
    Glue(&'static str),
    /// A name that is no column: a field, a part of a date, an argument.
    Ident(Ident),
    /// A window that the same SELECT names.
    Window(Ident),
    /// The name of a type, or a number; made by the guard from parts it knows.
    Type(String),
    Expr(Expr),
}

/// A call of a listed function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) name: Vec<Ident>,
    /// Name as the lists have it.
    pub(crate) listed: String,
    /// What stands in the brackets; `None` for those that are written without.
    pub(crate) arguments: Option<Vec<Piece>>,
    /// What stands behind the brackets: FILTER, WITHIN GROUP, OVER.
    pub(crate) tail: Vec<Piece>,
}

impl Call {
    /// The arguments that are expressions, in order.
    pub(crate) fn expressions(&self) -> impl Iterator<Item = &Expr> {
        self.arguments.iter().flatten().filter_map(|piece| match piece {
            Piece::Expr(expr) => Some(expr),
            Piece::Word(_) | Piece::Glue(_) | Piece::Ident(_) | Piece::Window(_) | Piece::Type(_) => None,
        })
    }
}

impl Expr {
    /// The value of a whole number that is written out.
    pub(crate) fn integer(&self) -> Option<i128> {
        match self {
            Self::Literal(Literal::Number(text)) => text.parse::<i128>().ok().or_else(|| {
                let value = text.parse::<f64>().ok()?;
                #[expect(clippy::cast_possible_truncation, reason = "saturates, which is what a cap wants")]
                Some(value as i128)
            }),
            Self::Form(pieces) => match pieces.as_slice() {
                [Piece::Word("("), Piece::Expr(inner), Piece::Word(")")] => inner.integer(),
                [Piece::Word("+"), Piece::Expr(inner)] => inner.integer(),
                [Piece::Word("-"), Piece::Expr(inner)] => inner.integer().map(|value| -value),
                [Piece::Word("CAST("), Piece::Expr(inner), ..]
                | [Piece::Expr(inner), Piece::Glue("::"), ..] => inner.integer(),
                _ => None,
            },
            Self::Column(_)
            | Self::Literal(_)
            | Self::Call(_)
            | Self::Query(_)
            | Self::Star(_)
            | Self::Field(..)
            | Self::Lambda { .. } => None,
        }
    }
}
