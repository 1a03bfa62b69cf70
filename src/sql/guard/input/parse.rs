//! From text to exactly one query of the parser's tree.

use super::repair::{Trailer, repair};
use super::{characters, size};
use crate::sql::guard::GuardDialect;
use crate::sql::guard::lower::query_of;
use crate::sql::guard::refusal::{Checked, Code, Refusal};
use sqlparser::ast;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};

/// Deepest recursion of the parser.
const RECURSION: usize = 50;
/// Characters of a token, with the space around it, on average: room is made once.
const CHARACTERS_EACH: usize = 3;

/// Who wrote a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Somebody; the limits hold.
    Input,
    /// The guard, from a tree within the limits, with what policies put in.
    Guard,
}

/// Parses a statement, which must be one query.
pub(crate) fn parse(sql: &str, dialect: GuardDialect, origin: Origin) -> Checked<(Box<ast::Query>, Trailer)> {
    let (tokens, trailer) = tokens(sql, dialect, origin)?;
    let mut parser =
        Parser::new(dialect.parser()).with_recursion_limit(RECURSION).with_tokens_with_locations(tokens);
    let mut statements = parser.parse_statements().map_err(|error| syntax(&error))?.into_iter();
    match (statements.next(), statements.next()) {
        (Some(statement), None) => Ok((query_of(statement)?, trailer)),
        (None, _) => Err(Refusal::new(Code::NotOneStatement, "There is no statement; send one SELECT.")),
        (Some(_), Some(_)) => {
            Err(Refusal::new(Code::NotOneStatement, "There is more than one statement; send one SELECT."))
        }
    }
}

/// Parses an expression of a policy.
pub(crate) fn parse_expression(sql: &str, dialect: GuardDialect) -> Checked<ast::Expr> {
    let (tokens, _) = tokens(sql, dialect, Origin::Input)?;
    let mut parser =
        Parser::new(dialect.parser()).with_recursion_limit(RECURSION).with_tokens_with_locations(tokens);
    let parsed = parser.parse_expr().map_err(|error| syntax(&error))?;
    match parser.peek_token().token {
        Token::EOF => Ok(parsed),
        other => {
            Err(Refusal::new(Code::Syntax, format!("There is `{other}` behind the expression; remove it.")))
        }
    }
}

fn tokens(sql: &str, dialect: GuardDialect, origin: Origin) -> Checked<(Vec<TokenWithSpan>, Trailer)> {
    if origin == Origin::Input {
        characters::check_text(sql)?;
        characters::check_escapes(sql, dialect)?;
    }
    let mut tokens = Vec::with_capacity(sql.len() / CHARACTERS_EACH + 16);
    let read = Tokenizer::new(dialect.parser(), sql).tokenize_with_location_into_buf(&mut tokens);
    read.map_err(|error| Refusal::new(Code::Syntax, format!("Syntax: {error}.")))?;
    for token in &tokens {
        characters::check_token(&token.token)?;
    }
    characters::check_spaces(sql, &tokens)?;
    characters::check_conditional(sql, &tokens)?;
    size::measure(&tokens, if origin == Origin::Input { 1 } else { 4 })?;
    repair(tokens, dialect)
}

fn syntax(error: &ParserError) -> Refusal {
    match error {
        ParserError::RecursionLimitExceeded => {
            Refusal::new(Code::TooComplex, "The statement is nested too deeply; split it.")
        }
        ParserError::TokenizerError(text) | ParserError::ParserError(text) => {
            Refusal::new(Code::Syntax, format!("Syntax: {text}."))
        }
    }
}
