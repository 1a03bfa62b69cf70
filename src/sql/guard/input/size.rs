//! Sizes that are counted on tokens, before any tree is built.

use crate::sql::guard::refusal::{Checked, Code, Refusal};
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan};

const TOKENS: usize = 8_000;
const OPERATORS: usize = 1_000;
const SET_OPERATIONS: usize = 200;
const JOINS: usize = 64;
const TABLES: usize = 100;
/// Deepest nesting of brackets; the parser tries alternatives at each, so time doubles with depth.
const DEPTH: usize = 20;
/// Longest run of prefixes such as NOT or minus.
const PREFIXES: usize = 24;

/// What a statement's tokens add up to.
#[derive(Debug, Default)]
struct Size {
    tokens: usize,
    operators: usize,
    set_operations: usize,
    joins: usize,
    tables: usize,
    depth: usize,
    deepest: usize,
    cases: usize,
    prefixes: usize,
    longest_prefix: usize,
}

/// Counts, and refuses what is too much. What the guard wrote itself may be `times` as large, because
/// of what policies put in.
pub(super) fn measure(tokens: &[TokenWithSpan], times: usize) -> Checked<()> {
    let mut size = Size::default();
    let mut before: Option<&Token> = None;
    for token in tokens {
        if matches!(token.token, Token::Whitespace(_) | Token::EOF) {
            continue;
        }
        size.tokens += 1;
        size.count(&token.token, before);
        before = Some(&token.token);
    }
    over(size.tokens, TOKENS * times, "tokens")?;
    over(size.operators, OPERATORS * times, "operators")?;
    over(size.set_operations, SET_OPERATIONS * times, "set operations")?;
    over(size.joins, JOINS * times, "joins")?;
    over(size.tables, TABLES * times, "common table expressions")?;
    over(size.deepest, DEPTH + 4 * (times - 1), "nested brackets")?;
    over(size.longest_prefix, PREFIXES, "prefix operators in a row")
}

fn over(found: usize, limit: usize, what: &str) -> Checked<()> {
    if found <= limit {
        return Ok(());
    }
    let reason = format!("The statement has {found} {what}; at most {limit} are allowed. Split it.");
    Err(Refusal::new(Code::TooComplex, reason))
}

impl Size {
    fn count(&mut self, token: &Token, before: Option<&Token>) {
        let mut prefix = false;
        match token {
            Token::LParen | Token::LBracket | Token::LBrace => {
                self.depth += 1;
                let is_table = matches!(before, Some(Token::Word(word)) if word.keyword == Keyword::AS);
                self.tables += usize::from(is_table);
            }
            Token::RParen | Token::RBracket | Token::RBrace => self.depth = self.depth.saturating_sub(1),
            Token::Word(word) if word.quote_style.is_none() => prefix = self.word(word.keyword),
            Token::Word(_)
            | Token::Number(..)
            | Token::SingleQuotedString(_)
            | Token::DoubleQuotedString(_)
            | Token::Comma
            | Token::Period
            | Token::SemiColon
            | Token::EOF => {}
            Token::Minus | Token::Plus | Token::Tilde | Token::ExclamationMark => {
                prefix = true;
                self.operators += 1;
            }
            // Whatever else there is counts as an operator: too many of anything is too many.
            _other => self.operators += 1,
        }
        self.prefixes = if prefix { self.prefixes + 1 } else { 0 };
        self.longest_prefix = self.longest_prefix.max(self.prefixes);
        self.deepest = self.deepest.max(self.depth + self.cases);
    }

    /// Counts a keyword; says whether it is a prefix of what follows.
    fn word(&mut self, keyword: Keyword) -> bool {
        if matches!(keyword, Keyword::UNION | Keyword::INTERSECT | Keyword::EXCEPT | Keyword::MINUS) {
            self.set_operations += 1;
        } else if matches!(keyword, Keyword::JOIN | Keyword::APPLY) {
            self.joins += 1;
        } else if matches!(
            keyword,
            Keyword::AND
                | Keyword::OR
                | Keyword::XOR
                | Keyword::LIKE
                | Keyword::ILIKE
                | Keyword::IS
                | Keyword::BETWEEN
                | Keyword::COLLATE
                | Keyword::DIV
                | Keyword::SIMILAR
                | Keyword::REGEXP
                | Keyword::RLIKE
                | Keyword::NOTNULL
                | Keyword::AT
        ) {
            self.operators += 1;
        } else if keyword == Keyword::CASE {
            self.cases += 1;
        } else if keyword == Keyword::END {
            self.cases = self.cases.saturating_sub(1);
        }
        matches!(keyword, Keyword::NOT | Keyword::PRIOR)
    }
}
