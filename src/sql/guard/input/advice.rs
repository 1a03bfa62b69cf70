//! What is taken off a statement: options at its end, and advice to the planner, which changes no row.

use super::repair::{Trailer, is_word, keyword};
use crate::sql::guard::refusal::{Checked, Refusal};
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan};

/// Deepest recursion that a statement of SQL Server may ask for.
const RECURSION: u32 = 32_767;

fn is(token: Option<&TokenWithSpan>, wanted: &Token) -> bool {
    token.is_some_and(|token| token.token == *wanted)
}

/// `OPTION (…)` at the end.
pub(super) fn take_option(tokens: &mut Vec<TokenWithSpan>) -> Checked<Trailer> {
    while is(tokens.last(), &Token::SemiColon) && tokens.len() > 1 {
        tokens.pop();
    }
    let mut trailer = Trailer::default();
    let open = tokens.iter().rposition(|token| token.token == Token::LParen).unwrap_or_default();
    let Some(start) = open.checked_sub(1) else { return Ok(trailer) };
    if !is_word(tokens.get(start), "option") || start == 0 || !is(tokens.last(), &Token::RParen) {
        return Ok(trailer);
    }
    let inner = tokens.get(open + 1..tokens.len() - 1).unwrap_or_default();
    for option in inner.split(|token| token.token == Token::Comma) {
        match option {
            [name, number] if is_word(Some(name), "maxrecursion") => {
                trailer.max_recursion = match &number.token {
                    Token::Number(text, false) => text.parse().ok().filter(|n| (0..=RECURSION).contains(n)),
                    _other => None,
                };
                if trailer.max_recursion.is_none() {
                    return Err(Refusal::clause("MAXRECURSION beyond 32767"));
                }
            }
            _other => return Err(Refusal::clause("An OPTION other than MAXRECURSION")),
        }
    }
    tokens.truncate(start);
    Ok(trailer)
}

/// `INNER HASH JOIN` chooses an algorithm. A table's `(NOLOCK)` may stand without WITH.
pub(super) fn join_hints(tokens: &mut Vec<TokenWithSpan>) {
    let mut at = 1;
    while at < tokens.len() {
        let joins = matches!(
            keyword(tokens.get(at - 1)),
            Some(Keyword::INNER | Keyword::LEFT | Keyword::RIGHT | Keyword::FULL | Keyword::OUTER)
        ) && keyword(tokens.get(at + 1)) == Some(Keyword::JOIN);
        if joins && ["hash", "loop", "merge", "remote"].iter().any(|word| is_word(tokens.get(at), word)) {
            tokens.remove(at);
        }
        let bare = is_word(tokens.get(at + 1), "nolock")
            && is(tokens.get(at), &Token::LParen)
            && is(tokens.get(at + 2), &Token::RParen)
            && matches!(tokens.get(at - 1).map(|token| &token.token), Some(Token::Word(_)))
            && keyword(tokens.get(at - 1)) != Some(Keyword::WITH);
        if bare {
            tokens.insert(at, TokenWithSpan::wrap(Token::make_keyword("WITH")));
        }
        at += 1;
    }
}

/// `WITH x AS [NOT] MATERIALIZED (…)`.
pub(super) fn materialized(tokens: &mut Vec<TokenWithSpan>) {
    let mut at = 0;
    while at < tokens.len() {
        let not = usize::from(keyword(tokens.get(at + 1)) == Some(Keyword::NOT));
        if keyword(tokens.get(at)) == Some(Keyword::AS)
            && keyword(tokens.get(at + 1 + not)) == Some(Keyword::MATERIALIZED)
            && is(tokens.get(at + 2 + not), &Token::LParen)
        {
            tokens.drain(at + 1..at + 2 + not);
        }
        at += 1;
    }
}

/// `NOT INDEXED` behind a table of SQLite.
pub(super) fn not_indexed(tokens: &mut Vec<TokenWithSpan>) {
    let mut at = 1;
    while at < tokens.len() {
        let behind_name = matches!(tokens.get(at - 1).map(|token| &token.token), Some(Token::Word(_)))
            && keyword(tokens.get(at - 1)) != Some(Keyword::WHERE);
        let not = keyword(tokens.get(at)) == Some(Keyword::NOT);
        if behind_name && not && is_word(tokens.get(at + 1), "indexed") {
            tokens.drain(at..at + 2);
        }
        at += 1;
    }
}
