//! Spellings of single engines that the parser does not know.

use super::repair::{is_word, keyword};
use crate::sql::guard::GuardDialect;
use crate::sql::guard::refusal::{Checked, Code, Refusal};
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan};

/// Types of PostgreSQL that may stand before a text, which the parser takes for columns.
const TYPES_BEFORE_TEXT: &[&str] = &[
    "cidr",
    "daterange",
    "inet",
    "int4range",
    "int8range",
    "macaddr",
    "money",
    "numrange",
    "tsrange",
    "tstzrange",
];

/// Names a BigQuery array of a written type while the parser is at work; see [`typed_arrays`].
pub(crate) const TYPED_ARRAY: &str = "vanna_typed_array";

fn wrap(tokens: impl IntoIterator<Item = Token>) -> Vec<TokenWithSpan> {
    tokens.into_iter().map(TokenWithSpan::wrap).collect()
}

fn is(tokens: &[TokenWithSpan], at: usize, wanted: &Token) -> bool {
    tokens.get(at).is_some_and(|token| token.token == *wanted)
}

/// Where the bracket closes that opens at `open`.
fn closes(tokens: &[TokenWithSpan], open: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match token.token {
            Token::LParen | Token::LBracket | Token::LBrace => depth += 1,
            Token::RParen | Token::RBracket | Token::RBrace => depth = depth.checked_sub(1)?,
            _ => {}
        }
        if depth == 0 {
            return Some(at);
        }
    }
    None
}

/// `0x1F` is a number, and bytes only as `X'1F'`; the parser makes one token of both, told apart by its width. DuckDB
/// reads a zero with a name behind it.
pub(super) fn hex_numbers(tokens: &mut [TokenWithSpan], dialect: GuardDialect) -> Checked<()> {
    for token in tokens {
        let width = token.span.end.column.saturating_sub(token.span.start.column);
        let Token::HexStringLiteral(digits) = &token.token else { continue };
        if u64::try_from(digits.len()).is_ok_and(|length| length + 2 == width) {
            let number = i64::from_str_radix(digits, 16).ok().filter(|_| dialect != GuardDialect::Duckdb);
            let Some(number) = number else {
                let reason = format!("The number 0x{digits} is not allowed; write it in decimal digits.");
                return Err(Refusal::new(Code::LiteralNotAllowed, reason));
            };
            token.token = Token::Number(number.to_string(), false);
        }
    }
    Ok(())
}

/// `a !< b` and amounts of money such as `$12.50` of SQL Server.
pub(super) fn mssql(tokens: &mut Vec<TokenWithSpan>) {
    let mut at = 0;
    while at < tokens.len() {
        if is(tokens, at, &Token::ExclamationMark) && is(tokens, at + 1, &Token::Lt) {
            tokens.splice(at..at + 2, wrap([Token::GtEq]));
        } else if is(tokens, at, &Token::ExclamationMark) && is(tokens, at + 1, &Token::Gt) {
            tokens.splice(at..at + 2, wrap([Token::LtEq]));
        }
        let amount = match tokens.get(at).map(|token| &token.token) {
            Some(Token::Placeholder(text)) => text
                .strip_prefix('$')
                .filter(|text| text.contains('.') && text.bytes().all(|b| b.is_ascii_digit() || b == b'.')),
            _other => None,
        };
        if let Some(amount) = amount.map(str::to_owned) {
            let (number, money) = (Token::Number(amount, false), Token::make_word("money", None));
            let cast = [Token::make_keyword("CAST"), Token::LParen, number, Token::make_keyword("AS"), money];
            tokens.splice(at..=at, wrap(cast.into_iter().chain([Token::RParen])));
        }
        at += 1;
    }
}

/// `inet '10.0.0.1'` of PostgreSQL is a cast.
pub(super) fn typed_texts(tokens: &mut Vec<TokenWithSpan>) {
    let mut at = 0;
    while at + 1 < tokens.len() {
        let free = at == 0
            || (!is(tokens, at - 1, &Token::Period) && keyword(tokens.get(at - 1)) != Some(Keyword::AS));
        let typed = TYPES_BEFORE_TEXT.iter().any(|word| is_word(tokens.get(at), word));
        let text = tokens.get(at + 1).map(|token| token.token.clone());
        if let (true, true, Some(text @ Token::SingleQuotedString(_)), Some(name)) =
            (free, typed, text, tokens.get(at).map(|token| token.token.clone()))
        {
            let cast = [Token::make_keyword("CAST"), Token::LParen, text, Token::make_keyword("AS"), name];
            tokens.splice(at..at + 2, wrap(cast.into_iter().chain([Token::RParen])));
        }
        at += 1;
    }
}

/// `INTERVAL '1:30' HOUR_MINUTE` of MySQL names two units; `CHAR(… USING …)` converts what it makes.
pub(super) fn mysql(tokens: &mut Vec<TokenWithSpan>) {
    let mut at = 2;
    while at < tokens.len() {
        let start = match tokens.get(at - 1).map(|token| &token.token) {
            Some(Token::Number(..) | Token::SingleQuotedString(_) | Token::DoubleQuotedString(_)) => {
                let sign = usize::from(is(tokens, at - 2, &Token::Minus));
                at.checked_sub(2 + sign)
            }
            _other => None,
        };
        let interval = start.is_some_and(|start| keyword(tokens.get(start)) == Some(Keyword::INTERVAL));
        let units = match tokens.get(at).map(|token| &token.token) {
            Some(Token::Word(word)) if interval && word.quote_style.is_none() => {
                word.value.split_once('_').map(|(first, last)| (first.to_owned(), last.to_owned()))
            }
            _other => None,
        };
        if let Some((first, last)) = units {
            let words = [first.as_str(), "TO", last.as_str()].map(Token::make_keyword);
            tokens.splice(at..=at, wrap(words));
        }
        at += 1;
    }
    char_using(tokens);
}

fn char_using(tokens: &mut Vec<TokenWithSpan>) {
    let mut at = 0;
    while at < tokens.len() {
        let close = if is_word(tokens.get(at), "char") && is(tokens, at + 1, &Token::LParen) {
            closes(tokens, at + 1).filter(|close| keyword(tokens.get(close - 2)) == Some(Keyword::USING))
        } else {
            None
        };
        if let Some(close) = close {
            tokens.insert(close - 2, TokenWithSpan::wrap(Token::RParen));
            tokens.splice(at..at, wrap([Token::make_keyword("CONVERT"), Token::LParen]));
            at += 2;
        }
        at += 1;
    }
}

/// `SAFE.SUBSTR` of BigQuery: what stands behind a dot is a name.
pub(super) fn names_behind_dots(tokens: &mut [TokenWithSpan]) {
    for at in 1..tokens.len() {
        let call = is(tokens, at - 1, &Token::Period) && is(tokens, at + 1, &Token::LParen);
        if let (true, Some(Token::Word(word))) = (call, tokens.get_mut(at).map(|token| &mut token.token)) {
            word.keyword = Keyword::NoKeyword;
        }
    }
}

/// `ARRAY<T>[…]` of BigQuery, which the parser takes for comparisons, goes through it as a call with a cast to the
/// type and the array.
pub(super) fn typed_arrays(tokens: &mut Vec<TokenWithSpan>) {
    let mut at = 0;
    while at < tokens.len() {
        let begins = keyword(tokens.get(at)) == Some(Keyword::ARRAY) && is(tokens, at + 1, &Token::Lt);
        let end = if begins { angle_closes(tokens, at + 1) } else { None };
        let close = end.filter(|end| is(tokens, end + 1, &Token::LBracket));
        let close = close.and_then(|end| closes(tokens, end + 1).map(|close| (end, close)));
        if let Some((end, close)) = close {
            tokens.insert(close + 1, TokenWithSpan::wrap(Token::RParen));
            tokens.splice(end + 1..end + 1, wrap([Token::RParen, Token::Comma]));
            let words = ["CAST", "NULL", "AS"].map(Token::make_keyword);
            let [cast, null, to] = words;
            let head = [Token::make_word(TYPED_ARRAY, None), Token::LParen, cast, Token::LParen, null, to];
            tokens.splice(at..at, wrap(head));
            at += 6;
        }
        at += 1;
    }
}

/// Where the angle bracket closes that opens at `open`, with nothing but a type between.
fn angle_closes(tokens: &[TokenWithSpan], open: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match &token.token {
            Token::Lt => depth += 1,
            Token::Gt => depth = depth.checked_sub(1)?,
            Token::ShiftRight => depth = depth.checked_sub(2)?,
            Token::Word(_) | Token::Comma | Token::LParen | Token::RParen | Token::Number(..) => {}
            _other => return None,
        }
        if depth == 0 {
            return Some(at);
        }
    }
    None
}

/// DuckDB: `FILTER (condition)`, `FROM t` without SELECT, `a IN [1, 2]`, `E'…'` with its escapes read.
pub(super) fn duckdb(tokens: &mut Vec<TokenWithSpan>) {
    for token in tokens.iter_mut() {
        if let Token::EscapedStringLiteral(text) = &token.token {
            token.token = Token::SingleQuotedString(text.clone());
        }
    }
    let mut at = 0;
    while at < tokens.len() {
        let filter = is_word(tokens.get(at), "filter")
            && at > 0
            && is(tokens, at - 1, &Token::RParen)
            && is(tokens, at + 1, &Token::LParen);
        if filter && keyword(tokens.get(at + 2)) != Some(Keyword::WHERE) {
            tokens.insert(at + 2, TokenWithSpan::wrap(Token::make_keyword("WHERE")));
        }
        let opens = at == 0 || is(tokens, at - 1, &Token::LParen);
        let called = at > 1 && is_word(tokens.get(at - 2), "trim");
        if opens && !called && keyword(tokens.get(at)) == Some(Keyword::FROM) && !selects(tokens, at) {
            tokens.splice(at..at, wrap([Token::make_keyword("SELECT"), Token::Mul]));
            at += 2;
        }
        if keyword(tokens.get(at)) == Some(Keyword::IN)
            && is(tokens, at + 1, &Token::LBracket)
            && let Some(close) = closes(tokens, at + 1)
            && close > at + 2
            && constants(tokens.get(at + 2..close).unwrap_or_default())
            && !continues(tokens.get(close + 1))
            && !comprehends(tokens, at)
        {
            for (place, bracket) in [(at + 1, Token::LParen), (close, Token::RParen)] {
                if let Some(token) = tokens.get_mut(place) {
                    token.token = bracket;
                }
            }
        }
        at += 1;
    }
}

/// Whether a SELECT follows at the depth of the FROM at `start`.
fn selects(tokens: &[TokenWithSpan], start: usize) -> bool {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(start) {
        match token.token {
            Token::LParen => depth += 1,
            Token::RParen if depth == 0 => return false,
            Token::RParen => depth -= 1,
            Token::Word(_) if depth == 0 => match keyword(tokens.get(at)) {
                Some(Keyword::SELECT) => return true,
                Some(Keyword::UNION | Keyword::EXCEPT | Keyword::INTERSECT) => return false,
                _other => {}
            },
            _ => {}
        }
    }
    false
}

/// Whether a list holds nothing but numbers and texts. A list and a row treat NULL differently.
fn constants(tokens: &[TokenWithSpan]) -> bool {
    tokens.iter().all(|token| {
        matches!(token.token, Token::Number(..) | Token::SingleQuotedString(_) | Token::Comma | Token::Minus)
    })
}

/// Whether something is done with a list before it is searched.
fn continues(token: Option<&TokenWithSpan>) -> bool {
    matches!(
        token.map(|token| &token.token),
        Some(Token::DoubleColon | Token::LBracket | Token::StringConcat | Token::Period | Token::Plus)
    )
}

/// `… FOR x IN […]` is part of a list comprehension.
fn comprehends(tokens: &[TokenWithSpan], at: usize) -> bool {
    at > 1 && keyword(tokens.get(at - 2)) == Some(Keyword::FOR)
}
