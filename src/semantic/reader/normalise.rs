//! From text to tokens: folded letters, split contractions, abbreviations and numbers made plain.
//!
//! Every token keeps its place in the text, so that whatever stays unexplained is quoted as it was typed.

use super::stem::stem;
use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// What separates a token from the one before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Break {
    /// Nothing, or blanks.
    #[default]
    None,
    /// A hyphen or dash.
    Dash,
    /// A comma, colon or parenthesis.
    Comma,
    /// The end of a sentence.
    Stop,
}

/// A word, number or sign of the text.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Token {
    /// Folded, without a possessive ending: what grammar looks at.
    pub(super) text: String,
    /// Folded letters and digits as typed: what values are matched by.
    pub(super) full: String,
    /// Canonical form: what names and synonyms are matched by.
    pub(super) stem: String,
    /// First byte in the text.
    pub(super) start: usize,
    /// Byte after the last one.
    pub(super) end: usize,
    /// Starts with a capital letter.
    pub(super) capital: bool,
    /// Has letters, and all of them are capitals.
    pub(super) upper: bool,
    /// Number of the quotation that holds it.
    pub(super) quote: Option<u16>,
    /// Its number, when it is written in digits.
    pub(super) number: Option<f64>,
    /// It is a day, month or quarter in digits (`2023-04-05`, `2023-04`), kept as typed.
    pub(super) iso: bool,
    /// It is an abbreviation with dots.
    pub(super) dotted: bool,
    /// A currency sign stands before it.
    pub(super) money: bool,
    /// What stands before it.
    pub(super) gap: Break,
}

/// Letters without accents, in lower case; ligatures and strokes taken apart.
pub(super) fn fold(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.nfkd().filter(|c| !is_combining_mark(*c)) {
        match letter {
            'ø' | 'Ø' => out.push('o'),
            'ł' | 'Ł' => out.push('l'),
            'đ' | 'Đ' | 'ð' | 'Ð' => out.push('d'),
            'ı' => out.push('i'),
            'ß' | 'ẞ' => out.push_str("ss"),
            'æ' | 'Æ' => out.push_str("ae"),
            'œ' | 'Œ' => out.push_str("oe"),
            'þ' | 'Þ' => out.push_str("th"),
            '’' | '‘' | '`' | '´' | 'ʼ' => out.push('\''),
            _ => out.extend(letter.to_lowercase()),
        }
    }
    out
}

/// The letters and digits of a value run together: `AC/DC` and `ac dc` are the same.
pub(super) fn squash(text: &str) -> String {
    tokens(text).iter().map(|t| t.full.as_str()).collect()
}

/// Splits a text into tokens.
pub(super) fn tokens(text: &str) -> Vec<Token> {
    let mut scan =
        Scan { text, at: 0, gap: Break::None, money: false, quotes: quotes(text), out: Vec::new() };
    while scan.step() {}
    let mut out = scan.out;
    for token in &mut out {
        token.stem = stem(&token.text);
    }
    out
}

/// Byte ranges between paired quotation marks.
fn quotes(text: &str) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut open: Option<(usize, char)> = None;
    let mut before = ' ';
    for (at, sign) in text.char_indices() {
        let next = text.get(at + sign.len_utf8()..).and_then(|s| s.chars().next()).unwrap_or(' ');
        let closing = match open {
            Some((_, '“')) => sign == '”',
            Some((_, '«')) => sign == '»',
            Some((_, '\'' | '‘')) => matches!(sign, '\'' | '’') && !next.is_alphanumeric(),
            Some((_, mark)) => sign == mark,
            None => false,
        };
        if closing {
            if let Some((start, _)) = open.take() {
                found.push((start, at));
            }
        } else if open.is_none()
            && (matches!(sign, '"' | '“' | '«') || matches!(sign, '\'' | '‘') && !before.is_alphanumeric())
        {
            open = Some((at, sign));
        }
        before = sign;
    }
    found
}

struct Scan<'a> {
    text: &'a str,
    at: usize,
    gap: Break,
    money: bool,
    quotes: Vec<(usize, usize)>,
    out: Vec<Token>,
}

impl Scan<'_> {
    /// Reads one token or sign; false at the end.
    fn step(&mut self) -> bool {
        let Some(rest) = self.text.get(self.at..) else { return false };
        let Some(first) = rest.chars().next() else { return false };
        if let Some(length) = iso_length(rest) {
            self.push_word(length, None);
            if let Some(last) = self.out.last_mut() {
                last.iso = true;
            }
        } else if first.is_ascii_digit()
            || first == '.' && rest.chars().nth(1).is_some_and(|c| c.is_ascii_digit())
        {
            self.number(rest);
        } else if first.is_alphanumeric() {
            self.word(rest);
        } else {
            self.sign(first, rest);
        }
        true
    }

    fn number(&mut self, rest: &str) {
        let length = number_length(rest);
        let digits: String = rest.get(..length).unwrap_or_default().chars().filter(|c| *c != ',').collect();
        let tail: String =
            rest.get(length..).unwrap_or_default().chars().take_while(|c| c.is_alphanumeric()).collect();
        let number = digits.parse::<f64>().ok().filter(|n| n.is_finite());
        match fold(&tail).as_str() {
            "" | "st" | "nd" | "rd" | "th" => self.push_word(length + tail.len(), number),
            "k" => self.push_word(length + tail.len(), number.map(|n| n * 1e3)),
            "m" | "mn" | "mio" => self.push_word(length + tail.len(), number.map(|n| n * 1e6)),
            _ => self.push_word(length + tail.len(), None),
        }
        if self.text.get(self.at..).is_some_and(|s| s.starts_with('+')) {
            self.at += 1;
            self.push_sign("+", self.at - 1);
        }
    }

    fn word(&mut self, rest: &str) {
        if let Some(length) = dotted_length(rest) {
            self.push_word(length, None);
            if let Some(last) = self.out.last_mut() {
                last.dotted = true;
            }
            return;
        }
        let mut length = 0;
        for (at, letter) in rest.char_indices() {
            let inner = matches!(letter, '\'' | '’' | 'ʼ')
                && rest
                    .get(at + letter.len_utf8()..)
                    .and_then(|s| s.chars().next())
                    .is_some_and(char::is_alphanumeric);
            if !letter.is_alphanumeric() && !is_combining_mark(letter) && !inner {
                break;
            }
            length = at + letter.len_utf8();
        }
        self.push_word(length, None);
    }

    fn sign(&mut self, first: char, rest: &str) {
        let start = self.at;
        let two: String = rest.chars().take(2).collect();
        if matches!(two.as_str(), ">=" | "<=" | "!=" | "<>") {
            self.at += 2;
            self.push_sign(&two, start);
            return;
        }
        self.at += first.len_utf8();
        let spaced = |s: &str| s.is_empty() || s.starts_with(char::is_whitespace);
        match first {
            '&' => self.push_sign("and", start),
            '>' | '<' | '=' | '%' => self.push_sign(first.encode_utf8(&mut [0; 4]), start),
            '≥' => self.push_sign(">=", start),
            '≤' => self.push_sign("<=", start),
            '$' | '€' | '£' | '¥' => self.money = true,
            ',' | ':' | '(' | ')' | '[' | ']' => self.gap = self.gap.max(Break::Comma),
            '-' | '–' | '—' => self.gap = self.gap.max(Break::Dash),
            '?' | '!' | ';' | '\n' => self.gap = Break::Stop,
            '.' if spaced(self.text.get(self.at..).unwrap_or_default()) => self.gap = Break::Stop,
            _ => {}
        }
    }

    fn push_sign(&mut self, text: &str, start: usize) {
        let full = text.chars().filter(|c| c.is_alphanumeric()).collect();
        self.emit(Token { text: text.to_owned(), full, start, end: self.at, ..Token::default() });
    }

    /// Takes `length` bytes as one word; a contraction becomes two tokens.
    fn push_word(&mut self, length: usize, number: Option<f64>) {
        let start = self.at;
        let raw = self.text.get(start..start + length).unwrap_or_default();
        self.at = start + length.max(1);
        let folded = fold(raw);
        let capital = raw.chars().next().is_some_and(char::is_uppercase);
        let letters = raw.chars().filter(|c| c.is_alphabetic()).count();
        let upper = letters > 0 && raw.chars().all(|c| !c.is_lowercase());
        let (head, full_head, negated) = contraction(&folded);
        let plain: String =
            head.chars().filter(|c| c.is_alphanumeric() || iso_length(raw).is_some()).collect();
        if plain.is_empty() {
            return;
        }
        let end = self.at;
        self.emit(Token {
            text: plain,
            full: full_head,
            start,
            end,
            capital,
            upper,
            number,
            ..Token::default()
        });
        if negated {
            self.emit(Token {
                text: "not".to_owned(),
                full: "nt".to_owned(),
                start,
                end,
                ..Token::default()
            });
        }
    }

    fn emit(&mut self, mut token: Token) {
        token.gap = std::mem::take(&mut self.gap);
        token.money = std::mem::take(&mut self.money);
        token.quote = self
            .quotes
            .iter()
            .position(|(open, close)| *open < token.start && token.end <= *close)
            .and_then(|n| u16::try_from(n).ok());
        self.out.push(token);
    }
}

/// The word that grammar sees, the letters that values see, and whether a "not" was cut off.
fn contraction(folded: &str) -> (&str, String, bool) {
    let letters = |s: &str| s.chars().filter(|c| c.is_alphanumeric()).collect::<String>();
    for ending in ["'s", "'ve", "'re", "'ll", "'d", "'m"] {
        if let Some(head) = folded.strip_suffix(ending)
            && !head.is_empty()
        {
            return (head, letters(folded), false);
        }
    }
    match folded.strip_suffix("n't") {
        Some("ca") => ("can", "ca".to_owned(), true),
        Some("wo") => ("will", "wo".to_owned(), true),
        Some(head) if !head.is_empty() => (head, letters(head), true),
        _ => (folded, letters(folded), false),
    }
}

/// Length of `2023-04-05`, `2023-04` or `2023-Q2` at the start.
fn iso_length(rest: &str) -> Option<usize> {
    let bytes = rest.as_bytes();
    let digit = |n: usize| bytes.get(n).is_some_and(u8::is_ascii_digit);
    if !(0..4).all(digit) || !matches!(bytes.get(4), Some(b'-' | b'/')) {
        return None;
    }
    let quarter = matches!(bytes.get(5), Some(b'q' | b'Q')) && digit(6);
    let month = digit(5) && digit(6);
    let day = month && bytes.get(7) == bytes.get(4) && digit(8) && digit(9);
    let length = if day {
        10
    } else if month || quarter {
        7
    } else {
        return None;
    };
    let more = rest.get(length..).and_then(|s| s.chars().next()).is_some_and(char::is_alphanumeric);
    (!more).then_some(length)
}

/// Length of digits with thousands separators and a decimal part.
fn number_length(rest: &str) -> usize {
    let bytes = rest.as_bytes();
    let digit = |n: usize| bytes.get(n).is_some_and(u8::is_ascii_digit);
    let mut at = 0;
    loop {
        let thousands =
            bytes.get(at) == Some(&b',') && (1..=3).all(|k| digit(at + k)) && !digit(at + 4) && at <= 15;
        let point = bytes.get(at) == Some(&b'.') && digit(at + 1);
        if digit(at) || thousands || point {
            at += 1;
        } else {
            return at;
        }
    }
}

/// Length of an abbreviation such as `U.S.` or `R.E.M.`.
fn dotted_length(rest: &str) -> Option<usize> {
    let mut at = 0;
    let mut count = 0;
    let mut letters = rest.char_indices();
    while let Some((_, letter)) = letters.next() {
        if !letter.is_alphabetic() {
            break;
        }
        match letters.next() {
            Some((dot, '.')) => at = dot + 1,
            Some((_, next)) if next.is_alphanumeric() => return None,
            end if count > 0 => {
                at = end.map_or(rest.len(), |(n, _)| n);
                count += 1;
                break;
            }
            _ => return None,
        }
        count += 1;
    }
    (count > 1).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn texts(text: &str) -> Vec<String> {
        tokens(text).into_iter().map(|t| t.text).collect()
    }

    #[test]
    fn accents_signs_and_abbreviations_do_not_matter_for_values() {
        assert_eq!(squash("Brasília "), "brasilia");
        assert_eq!(squash("AC/DC"), squash("ac dc"));
        assert_eq!(squash("R&B/Soul"), squash("r and b soul"));
        assert_eq!(squash("U.S."), "us");
        assert_eq!(squash("R.E.M."), squash("rem"));
        assert_eq!(squash("Łukasz Bjørn-Straße"), "lukaszbjornstrasse");
        assert_eq!(squash("Don't Cry"), squash("dont cry"));
    }

    #[test]
    fn contractions_and_possessives_come_apart() {
        assert_eq!(texts("what's Canada's total, isn't it?"), ["what", "canada", "total", "is", "not", "it"]);
        assert_eq!(texts("we've O'Reilly"), ["we", "oreilly"]);
    }

    #[test]
    fn numbers_and_days_stay_whole() {
        let found = tokens("over $1,250.50 since 2023-04-05, 10k or 100+ and Q2 2023.");
        let numbers: Vec<f64> = found.iter().filter_map(|t| t.number).collect();
        assert_eq!(numbers, [1250.5, 10_000.0, 100.0, 2023.0]);
        assert!(found.iter().any(|t| t.iso && t.text == "2023-04-05"));
        assert!(found.iter().any(|t| t.money));
    }

    #[test]
    fn quoted_words_know_their_quotation() {
        let found = tokens("track 'So What' and \"Money\" in Guns N' Roses");
        let quoted: Vec<&str> = found.iter().filter(|t| t.quote.is_some()).map(|t| t.text.as_str()).collect();
        assert_eq!(quoted, ["so", "what", "money"]);
    }

    proptest! {
        #[test]
        fn any_text_gives_tokens_in_order_and_within_the_text(text in "\\PC{0,200}") {
            let mut before = 0;
            for token in tokens(&text) {
                prop_assert!(token.start >= before && token.end <= text.len());
                prop_assert!(text.get(token.start..token.end).is_some());
                before = token.start;
            }
        }
    }
}
