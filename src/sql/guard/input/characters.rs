//! Characters that hide, reorder or end text differently for people, parser and engine.

use crate::sql::guard::GuardDialect;
use crate::sql::guard::refusal::{Checked, Code, Refusal};
use sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer, Whitespace};

/// Longest statement in bytes.
pub(super) const LONGEST: usize = 32 * 1024;

/// Checks the text as a whole.
pub(super) fn check_text(sql: &str) -> Checked<()> {
    if sql.len() > LONGEST {
        let reason =
            format!("The statement has {} bytes; at most {LONGEST} are allowed. Shorten it.", sql.len());
        return Err(Refusal::new(Code::InputTooLong, reason));
    }
    if sql.is_ascii() && !sql.bytes().any(is_control) {
        return Ok(());
    }
    match sql.chars().find(|c| matches!(*c, '\0' | '\u{feff}') || (c.is_ascii() && is_control(*c as u8))) {
        Some(found) => Err(character(found)),
        None => Ok(()),
    }
}

fn is_control(byte: u8) -> bool {
    (byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r')) || byte == 0x7f
}

fn character(found: char) -> Refusal {
    let reason = format!("The statement holds the character {}; remove it.", found.escape_unicode());
    Refusal::new(Code::InputCharacters, reason)
}

/// Checks one token: letters outside of ASCII may stand in words, anything else only inside of quotes.
pub(super) fn check_token(token: &Token) -> Checked<()> {
    match token {
        Token::Word(word) => word_characters(&word.value, word.quote_style.is_some()),
        Token::Whitespace(Whitespace::SingleLineComment { comment, prefix: _ }) => check_comment(comment),
        Token::Whitespace(Whitespace::MultiLineComment(comment)) => check_comment(comment),
        Token::Char(c) if !c.is_ascii() => Err(character(*c)),
        Token::Backslash => Err(Refusal::new(
            Code::InputComment,
            "Commands of a client program, which begin with a backslash, are not SQL; remove them.",
        )),
        other => {
            debug_assert!(!matches!(other, Token::Word(_)));
            Ok(())
        }
    }
}

fn word_characters(word: &str, quoted: bool) -> Checked<()> {
    if word.is_ascii() {
        return Ok(());
    }
    match word.chars().find(|c| is_hidden(*c) || (!quoted && !c.is_ascii() && !c.is_alphanumeric())) {
        Some(found) => Err(character(found)),
        None => Ok(()),
    }
}

/// Zero-width and direction marks.
fn is_hidden(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
        | '\u{00ad}' | '\u{061c}' | '\u{180e}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Some engines run what stands in comments of a certain form.
fn check_comment(comment: &str) -> Checked<()> {
    let start: String = comment.trim_start().chars().take(2).collect();
    if comment.starts_with('!') || comment.starts_with("M!") || start.starts_with('+') {
        return Err(hidden_comment());
    }
    Ok(())
}

fn hidden_comment() -> Refusal {
    Refusal::new(Code::InputComment, "Conditional comments and hints are not allowed; remove the comment.")
}

/// The parser takes the marks off conditional comments and reads on inside, so that no token shows
/// them: there are some when the text holds more of their openings than literals and names do.
pub(super) fn check_conditional(sql: &str, tokens: &[TokenWithSpan]) -> Checked<()> {
    let openings = |text: &str| text.matches("/*!").count() + text.matches("/*M!").count();
    let all = openings(sql);
    if all == 0 {
        return Ok(());
    }
    let quoted: usize = tokens.iter().map(|token| openings(&text_of(&token.token))).sum();
    if all > quoted { Err(hidden_comment()) } else { Ok(()) }
}

/// Unusual spaces look like separators but are letters for some engines.
pub(super) fn check_spaces(sql: &str, tokens: &[TokenWithSpan]) -> Checked<()> {
    if sql.is_ascii() {
        return Ok(());
    }
    // The parser takes every Unicode space for a separator; what it swallowed this way is in no token.
    let mut quoted = 0_usize;
    for token in tokens {
        quoted += strange_spaces(&text_of(&token.token));
    }
    if strange_spaces(sql) > quoted {
        let found = sql.chars().find(|c| is_strange_space(*c)).unwrap_or(' ');
        return Err(character(found));
    }
    Ok(())
}

fn strange_spaces(text: &str) -> usize {
    text.chars().filter(|c| is_strange_space(*c)).count()
}

fn is_strange_space(c: char) -> bool {
    (!c.is_ascii() && c.is_whitespace()) || is_hidden(c)
}

fn text_of(token: &Token) -> String {
    match token {
        Token::Whitespace(Whitespace::Space | Whitespace::Newline | Whitespace::Tab) | Token::EOF => {
            String::new()
        }
        other => other.to_string(),
    }
}

/// Backslash escapes that the parser reads as plain letters and the engine as code points.
pub(super) fn check_escapes(sql: &str, dialect: GuardDialect) -> Checked<()> {
    if !dialect.escapes_with_backslash() || !sql.contains('\\') {
        return Ok(());
    }
    let raw = Tokenizer::new(dialect.parser(), sql).with_unescape(false).tokenize();
    let Ok(tokens) = raw else {
        return Err(Refusal::new(Code::Syntax, "The statement cannot be split into tokens."));
    };
    for token in &tokens {
        let (Token::SingleQuotedString(text) | Token::DoubleQuotedString(text)) = token else { continue };
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            let escaped = if c == '\\' { chars.next() } else { None };
            let strange = escaped.is_some_and(|e| match dialect {
                GuardDialect::Bigquery | GuardDialect::Snowflake => {
                    matches!(e, 'x' | 'X' | 'u' | 'U' | '0'..='9')
                }
                GuardDialect::Mysql => e == '0',
                GuardDialect::Postgres
                | GuardDialect::Sqlite
                | GuardDialect::Duckdb
                | GuardDialect::Mssql => false,
            });
            if strange {
                let reason = "A literal holds a code point escape such as \\x41; write the character itself.";
                return Err(Refusal::new(Code::InputEscape, reason));
            }
        }
    }
    Ok(())
}
