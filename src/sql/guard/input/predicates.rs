//! Predicates, operators and window frames in spellings that the parser does not know.

use super::repair::{is_word, keyword};
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan};

/// Names a frame's exclusion while the parser is at work; see [`frame_exclusion`].
pub(crate) const EXCLUSIONS: [(&str, &str); 4] = [
    ("vanna_frame_exclude_ties", "EXCLUDE TIES"),
    ("vanna_frame_exclude_group", "EXCLUDE GROUP"),
    ("vanna_frame_exclude_current_row", "EXCLUDE CURRENT ROW"),
    ("vanna_frame_exclude_no_others", "EXCLUDE NO OTHERS"),
];

fn wrap(words: &[&str]) -> Vec<TokenWithSpan> {
    words.iter().map(|word| TokenWithSpan::wrap(Token::make_keyword(word))).collect()
}

/// `a ISNULL` is a predicate; the parser takes the word for a name.
pub(super) fn null_words(tokens: &mut Vec<TokenWithSpan>) {
    let mut at = 1;
    while at < tokens.len() {
        let before = tokens.get(at - 1).map(|token| &token.token);
        let named = matches!(before, Some(Token::Period | Token::Comma))
            || keyword(tokens.get(at - 1)) == Some(Keyword::AS);
        let called =
            tokens.get(at + 1).is_some_and(|token| matches!(token.token, Token::LParen | Token::Period));
        if !named && !called && is_word(tokens.get(at), "isnull") {
            tokens.splice(at..=at, wrap(&["IS", "NULL"]));
        }
        at += 1;
    }
}

/// `a IS b` of SQLite compares any values.
pub(super) fn is_value(tokens: &mut Vec<TokenWithSpan>) {
    let mut at = 0;
    while at < tokens.len() {
        if keyword(tokens.get(at)) == Some(Keyword::IS) {
            let not = keyword(tokens.get(at + 1)) == Some(Keyword::NOT);
            let value = at + 1 + usize::from(not);
            let known = matches!(
                keyword(tokens.get(value)),
                Some(
                    Keyword::NULL
                        | Keyword::TRUE
                        | Keyword::FALSE
                        | Keyword::DISTINCT
                        | Keyword::NOT
                        | Keyword::JSON
                )
            );
            if !known && tokens.get(value).is_some() {
                let words: &[&str] =
                    if not { &["IS", "DISTINCT", "FROM"] } else { &["IS", "NOT", "DISTINCT", "FROM"] };
                tokens.splice(at..value, wrap(words));
            }
        }
        at += 1;
    }
}

/// PostgreSQL ends an operator before a trailing sign unless it holds certain characters, so that
/// `a=-1` compares with minus one.
pub(super) fn split_operators(tokens: &mut Vec<TokenWithSpan>) {
    let mut at = 0;
    while at < tokens.len() {
        if let Some(Token::CustomBinaryOperator(sign)) = tokens.get(at).map(|token| token.token.clone()) {
            let stays = sign.contains(['~', '!', '@', '#', '%', '^', '&', '|', '`', '?']);
            let operator = sign.trim_end_matches(['+', '-']);
            let rest = sign.get(operator.len()..).unwrap_or_default();
            if let (false, Some(operator)) = (stays, plain(operator)) {
                let signs = rest.chars().map(|c| if c == '-' { Token::Minus } else { Token::Plus });
                let all: Vec<TokenWithSpan> =
                    std::iter::once(operator).chain(signs).map(TokenWithSpan::wrap).collect();
                tokens.splice(at..=at, all);
            }
        }
        at += 1;
    }
}

fn plain(operator: &str) -> Option<Token> {
    Some(match operator {
        "=" => Token::Eq,
        "<" => Token::Lt,
        ">" => Token::Gt,
        "<=" => Token::LtEq,
        ">=" => Token::GtEq,
        "<>" => Token::Neq,
        "*" => Token::Mul,
        "/" => Token::Div,
        "->" => Token::Arrow,
        "->>" => Token::LongArrow,
        _other => return None,
    })
}

/// `EXCLUDE …` at the end of a window frame goes through the parser as one more key of its order.
pub(super) fn frame_exclusion(tokens: &mut Vec<TokenWithSpan>) {
    let mut at = 0;
    while at < tokens.len() {
        if is_word(tokens.get(at), "exclude") {
            let kind = EXCLUSIONS.iter().find(|(_, words)| {
                let count = words.split(' ').count();
                let same = words.split(' ').enumerate().all(|(n, word)| is_word(tokens.get(at + n), word));
                same && tokens.get(at + count).is_some_and(|token| token.token == Token::RParen)
            });
            if let (Some((marker, words)), Some(frame)) = (kind, frame_start(tokens, at)) {
                tokens.drain(at..at + words.split(' ').count());
                let marker = TokenWithSpan::wrap(Token::make_word(marker, None));
                let mut insert = if has_order(tokens, frame) {
                    vec![TokenWithSpan::wrap(Token::Comma)]
                } else {
                    wrap(&["ORDER", "BY"])
                };
                insert.push(marker);
                at += insert.len();
                tokens.splice(frame..frame, insert);
            }
        }
        at += 1;
    }
}

/// Where the frame begins that a word at `end` belongs to.
fn frame_start(tokens: &[TokenWithSpan], end: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for at in (0..end).rev() {
        match &tokens.get(at)?.token {
            Token::RParen => depth += 1,
            Token::LParen => depth = depth.checked_sub(1)?,
            Token::Word(word)
                if depth == 0 && matches!(word.keyword, Keyword::ROWS | Keyword::RANGE | Keyword::GROUPS) =>
            {
                return Some(at);
            }
            _other => {}
        }
    }
    None
}

fn has_order(tokens: &[TokenWithSpan], frame: usize) -> bool {
    let mut depth = 0_usize;
    for at in (0..frame).rev() {
        match tokens.get(at).map(|token| &token.token) {
            Some(Token::RParen) => depth += 1,
            Some(Token::LParen) if depth == 0 => return false,
            Some(Token::LParen) => depth -= 1,
            Some(Token::Word(word)) if depth == 0 && word.keyword == Keyword::ORDER => return true,
            _other => {}
        }
    }
    false
}
