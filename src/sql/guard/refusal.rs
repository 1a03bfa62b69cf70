//! Why a statement is refused: a stable code for programs, a text for people.

/// A stable code. `docs/security-sql.md` lists them with what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Code {
    /// The dialect is none that the guard knows.
    DialectUnknown,
    /// Longer than the limit.
    InputTooLong,
    /// Holds characters that hide or reorder text.
    InputCharacters,
    /// A conditional comment, a hint or a client command.
    InputComment,
    /// A backslash escape that the parser and the engine read differently.
    InputEscape,
    /// More tokens, operators, joins, or deeper nesting than the limits allow.
    TooComplex,
    /// The text cannot be parsed as one statement of the dialect.
    Syntax,
    /// No statement, or more than one.
    NotOneStatement,
    /// A statement that is no query.
    NotAQuery,
    /// A clause that writes, locks, or changes the session.
    WriteNotAllowed,
    /// A clause that is outside of the list.
    ClauseNotAllowed,
    /// A function that is not listed.
    FunctionNotAllowed,
    /// An operator that is not listed.
    OperatorNotAllowed,
    /// A type that is not listed.
    TypeNotAllowed,
    /// A literal that cannot be written safely.
    LiteralNotAllowed,
    /// A variable, a parameter or a session value.
    VariableNotAllowed,
    /// A name that cannot be written safely, or that is a command in disguise.
    NameNotAllowed,
    /// A relation of the engine itself.
    SystemRelation,
    /// A column of the engine itself.
    SystemColumn,
    /// Not in the catalog: the source does not model it.
    RelationUnknown,
    /// No source of the statement has this column.
    ColumnUnknown,
    /// The policy does not permit the relation.
    RelationNotPermitted,
    /// The policy does not permit the column.
    ColumnNotPermitted,
    /// The policy cannot be applied without a catalog.
    CatalogRequired,
    /// A recursive query without a bound.
    RecursionUnbounded,
    /// A join of many relations without conditions.
    CrossJoin,
    /// A constant that makes the engine produce too much.
    ConstantTooLarge,
    /// The policy cannot be read.
    PolicyInvalid,
    /// The principal lacks a value that the policy needs.
    PrincipalIncomplete,
    /// What would run does not read back as what was checked.
    RenderMismatch,
}

impl Code {
    /// All codes, for the documentation and its test.
    pub const ALL: [Self; 30] = [
        Self::DialectUnknown,
        Self::InputTooLong,
        Self::InputCharacters,
        Self::InputComment,
        Self::InputEscape,
        Self::TooComplex,
        Self::Syntax,
        Self::NotOneStatement,
        Self::NotAQuery,
        Self::WriteNotAllowed,
        Self::ClauseNotAllowed,
        Self::FunctionNotAllowed,
        Self::OperatorNotAllowed,
        Self::TypeNotAllowed,
        Self::LiteralNotAllowed,
        Self::VariableNotAllowed,
        Self::NameNotAllowed,
        Self::SystemRelation,
        Self::SystemColumn,
        Self::RelationUnknown,
        Self::ColumnUnknown,
        Self::RelationNotPermitted,
        Self::ColumnNotPermitted,
        Self::CatalogRequired,
        Self::RecursionUnbounded,
        Self::CrossJoin,
        Self::ConstantTooLarge,
        Self::PolicyInvalid,
        Self::PrincipalIncomplete,
        Self::RenderMismatch,
    ];

    /// The code as programs see it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DialectUnknown => "dialect_unknown",
            Self::InputTooLong => "input_too_long",
            Self::InputCharacters => "input_characters",
            Self::InputComment => "input_comment",
            Self::InputEscape => "input_escape",
            Self::TooComplex => "too_complex",
            Self::Syntax => "syntax_error",
            Self::NotOneStatement => "not_one_statement",
            Self::NotAQuery => "not_a_query",
            Self::WriteNotAllowed => "write_not_allowed",
            Self::ClauseNotAllowed => "clause_not_allowed",
            Self::FunctionNotAllowed => "function_not_allowed",
            Self::OperatorNotAllowed => "operator_not_allowed",
            Self::TypeNotAllowed => "type_not_allowed",
            Self::LiteralNotAllowed => "literal_not_allowed",
            Self::VariableNotAllowed => "variable_not_allowed",
            Self::NameNotAllowed => "name_not_allowed",
            Self::SystemRelation => "system_relation",
            Self::SystemColumn => "system_column",
            Self::RelationUnknown => "relation_unknown",
            Self::ColumnUnknown => "column_unknown",
            Self::RelationNotPermitted => "relation_not_permitted",
            Self::ColumnNotPermitted => "column_not_permitted",
            Self::CatalogRequired => "catalog_required",
            Self::RecursionUnbounded => "recursion_unbounded",
            Self::CrossJoin => "cross_join",
            Self::ConstantTooLarge => "constant_too_large",
            Self::PolicyInvalid => "policy_invalid",
            Self::PrincipalIncomplete => "principal_incomplete",
            Self::RenderMismatch => "render_mismatch",
        }
    }
}

/// A refusal. The text names parts of the statement, never data of the source.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Refusal {
    /// The stable code.
    pub code: Code,
    /// What is wrong and what to do.
    pub reason: String,
}

impl Refusal {
    pub(crate) fn new(code: Code, reason: impl Into<String>) -> Self {
        Self { code, reason: reason.into() }
    }

    pub(crate) fn clause(what: &str) -> Self {
        Self::new(
            Code::ClauseNotAllowed,
            format!("{what} is not allowed; ask for the rows with a plain SELECT."),
        )
    }

    pub(crate) fn write(what: &str) -> Self {
        Self::new(
            Code::WriteNotAllowed,
            format!("{what} changes or locks something; only reading is allowed."),
        )
    }
}

/// The outcome of a step of the guard.
pub(crate) type Checked<T> = Result<T, Refusal>;
