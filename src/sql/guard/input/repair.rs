//! Spellings that the parser does not know, put into ones that it knows and that mean the same. The
//! guard writes them in the engine's own way again.

use super::{advice, predicates, spellings};
use crate::sql::guard::GuardDialect;
use crate::sql::guard::refusal::{Checked, Refusal};
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan, Word};

/// What was taken off the end of a statement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Trailer {
    /// `OPTION (MAXRECURSION n)`.
    pub(crate) max_recursion: Option<u32>,
}

/// Tokens that the parser can read.
pub(super) fn repair(
    tokens: Vec<TokenWithSpan>,
    dialect: GuardDialect,
) -> Checked<(Vec<TokenWithSpan>, Trailer)> {
    let mut tokens: Vec<TokenWithSpan> = tokens
        .into_iter()
        .filter(|token| !matches!(token.token, Token::Whitespace(_) | Token::EOF))
        .collect();
    let mut trailer = Trailer::default();
    table_statement(&mut tokens, dialect);
    match dialect {
        GuardDialect::Mysql | GuardDialect::Mssql => {}
        GuardDialect::Postgres
        | GuardDialect::Sqlite
        | GuardDialect::Duckdb
        | GuardDialect::Snowflake
        | GuardDialect::Bigquery => spellings::hex_numbers(&mut tokens, dialect)?,
    }
    match dialect {
        GuardDialect::Mssql => {
            trailer = advice::take_option(&mut tokens)?;
            advice::join_hints(&mut tokens);
            spellings::mssql(&mut tokens);
        }
        GuardDialect::Duckdb => {
            advice::materialized(&mut tokens);
            spellings::duckdb(&mut tokens);
            duckdb(&mut tokens)?;
            predicates::null_words(&mut tokens);
            predicates::frame_exclusion(&mut tokens);
        }
        GuardDialect::Mysql => {
            modulo_word(&mut tokens);
            spellings::mysql(&mut tokens);
        }
        GuardDialect::Postgres => {
            predicates::split_operators(&mut tokens);
            spellings::typed_texts(&mut tokens);
            predicates::null_words(&mut tokens);
            predicates::frame_exclusion(&mut tokens);
        }
        GuardDialect::Sqlite => {
            advice::materialized(&mut tokens);
            advice::not_indexed(&mut tokens);
            predicates::null_words(&mut tokens);
            predicates::is_value(&mut tokens);
            predicates::frame_exclusion(&mut tokens);
        }
        GuardDialect::Bigquery => {
            spellings::names_behind_dots(&mut tokens);
            spellings::typed_arrays(&mut tokens);
        }
        GuardDialect::Snowflake => {}
    }
    match dialect {
        GuardDialect::Mssql | GuardDialect::Snowflake => {}
        GuardDialect::Postgres
        | GuardDialect::Sqlite
        | GuardDialect::Mysql
        | GuardDialect::Duckdb
        | GuardDialect::Bigquery => plain_word(&mut tokens, Keyword::TOP),
    }
    Ok((tokens, trailer))
}

pub(super) fn keyword(token: Option<&TokenWithSpan>) -> Option<Keyword> {
    match token.map(|token| &token.token) {
        Some(Token::Word(Word { keyword, quote_style: None, value: _ })) => Some(*keyword),
        _other => None,
    }
}

pub(super) fn is_word(token: Option<&TokenWithSpan>, text: &str) -> bool {
    matches!(token.map(|token| &token.token), Some(Token::Word(Word { value, quote_style: None, keyword: _ })) if value.eq_ignore_ascii_case(text))
}

/// `TABLE t` means `SELECT * FROM t`; the parser knows it only behind a set operation.
fn table_statement(tokens: &mut Vec<TokenWithSpan>, dialect: GuardDialect) {
    let known = match dialect {
        GuardDialect::Postgres | GuardDialect::Mysql | GuardDialect::Duckdb => true,
        GuardDialect::Sqlite | GuardDialect::Snowflake | GuardDialect::Bigquery | GuardDialect::Mssql => {
            false
        }
    };
    let mut at = 0;
    while known && at < tokens.len() {
        let begins = at == 0 || tokens.get(at - 1).is_some_and(|token| token.token == Token::LParen);
        let named = matches!(tokens.get(at + 1).map(|token| &token.token), Some(Token::Word(_)));
        if begins && named && keyword(tokens.get(at)) == Some(Keyword::TABLE) {
            let words = [Token::make_keyword("SELECT"), Token::Mul, Token::make_keyword("FROM")];
            tokens.splice(at..=at, words.into_iter().map(TokenWithSpan::wrap));
        }
        at += 1;
    }
}

/// `**` is a power, `ASOF JOIN` joins to the nearest row, `LIMIT n%` is a share of the rows.
fn duckdb(tokens: &mut Vec<TokenWithSpan>) -> Checked<()> {
    if tokens.iter().any(|token| keyword(Some(token)) == Some(Keyword::GLOBAL)) {
        return Err(Refusal::clause("GLOBAL"));
    }
    let mut at = 0;
    while at < tokens.len() {
        let next = tokens.get(at + 1).map(|token| token.token.clone());
        let here = tokens.get(at).map(|token| token.token.clone());
        if here == Some(Token::Mul) && next == Some(Token::Mul) {
            tokens.splice(at..at + 2, [TokenWithSpan::wrap(Token::Caret)]);
        }
        let joins =
            matches!(keyword(tokens.get(at + 1)), Some(Keyword::JOIN | Keyword::LEFT | Keyword::INNER));
        if is_word(tokens.get(at), "asof") && joins && at > 0 {
            tokens.splice(at..=at, [TokenWithSpan::wrap(Token::make_keyword("GLOBAL"))]);
        }
        let positional = is_word(tokens.get(at), "positional") && at > 0;
        if positional && keyword(tokens.get(at + 1)) == Some(Keyword::JOIN) {
            let words = [word("GLOBAL"), word("CROSS")];
            tokens.splice(at..=at, words.into_iter().map(TokenWithSpan::wrap));
        }
        using_sample(tokens, at);
        let share = matches!(keyword(tokens.get(at)), Some(Keyword::LIMIT | Keyword::TABLESAMPLE));
        let number = tokens.get(at + 1).map(|token| token.token.clone());
        let ends = !matches!(tokens.get(at + 3).map(|t| &t.token), Some(Token::Number(..) | Token::LParen));
        let percent = tokens.get(at + 2).is_some_and(|token| token.token == Token::Mod);
        if let (true, Some(number @ Token::Number(..)), true, true) = (share, number, percent, ends) {
            let limit = keyword(tokens.get(at)) == Some(Keyword::LIMIT);
            let words = if limit {
                vec![word("FETCH"), word("FIRST"), number, word("PERCENT"), word("ROWS"), word("ONLY")]
            } else {
                vec![word("TABLESAMPLE"), Token::LParen, number, word("PERCENT"), Token::RParen]
            };
            tokens.splice(at..at + 3, words.into_iter().map(TokenWithSpan::wrap));
        }
        at += 1;
    }
    Ok(())
}

/// `FROM t USING SAMPLE n%` samples the table before it.
fn using_sample(tokens: &mut Vec<TokenWithSpan>, at: usize) {
    if keyword(tokens.get(at)) != Some(Keyword::USING) || !is_word(tokens.get(at + 1), "sample") {
        return;
    }
    let Some(number @ Token::Number(..)) = tokens.get(at + 2).map(|token| token.token.clone()) else {
        return;
    };
    let (unit, length) = match tokens.get(at + 3).map(|token| &token.token) {
        Some(Token::Mod) => ("PERCENT", 4),
        _other if is_word(tokens.get(at + 3), "percent") => ("PERCENT", 4),
        _other if is_word(tokens.get(at + 3), "rows") => ("ROWS", 4),
        _other => ("ROWS", 3),
    };
    let words = [word("TABLESAMPLE"), Token::LParen, number, word(unit), Token::RParen];
    tokens.splice(at..at + length, words.into_iter().map(TokenWithSpan::wrap));
}

fn word(text: &str) -> Token {
    Token::make_keyword(text)
}

/// `a MOD b` of MySQL.
fn modulo_word(tokens: &mut [TokenWithSpan]) {
    for at in 1..tokens.len().saturating_sub(1) {
        if !is_word(tokens.get(at), "mod") {
            continue;
        }
        let operand = match tokens.get(at - 1).map(|token| &token.token) {
            Some(Token::Number(..) | Token::RParen) => true,
            Some(Token::Word(word)) => word.quote_style.is_some() || !expects_operand(word.keyword),
            _other => false,
        };
        let followed = matches!(
            tokens.get(at + 1).map(|token| &token.token),
            Some(Token::Number(..) | Token::Word(_) | Token::LParen)
        );
        if operand
            && followed
            && let Some(token) = tokens.get_mut(at)
        {
            token.token = Token::Mod;
        }
    }
}

/// Words behind which an operand begins.
fn expects_operand(keyword: Keyword) -> bool {
    matches!(
        keyword,
        Keyword::SELECT
            | Keyword::DISTINCT
            | Keyword::ALL
            | Keyword::WHERE
            | Keyword::AND
            | Keyword::OR
            | Keyword::XOR
            | Keyword::NOT
            | Keyword::ON
            | Keyword::BY
            | Keyword::HAVING
            | Keyword::CASE
            | Keyword::WHEN
            | Keyword::THEN
            | Keyword::ELSE
            | Keyword::IN
            | Keyword::BETWEEN
            | Keyword::LIKE
            | Keyword::DIV
            | Keyword::INTERVAL
            | Keyword::LIMIT
            | Keyword::AS
    )
}

/// A word that is a keyword elsewhere and a plain name here.
fn plain_word(tokens: &mut [TokenWithSpan], which: Keyword) {
    for token in tokens {
        if let Token::Word(Word { keyword, quote_style: None, value: _ }) = &mut token.token
            && *keyword == which
        {
            *keyword = Keyword::NoKeyword;
        }
    }
}
