//! The best cut of the tokens into pieces with one meaning each: longest match first, over the whole sentence.

use super::calendar::Calendar;
use super::dates::{self, When};
use super::evidence;
use super::fillers;
use super::grammar::{self, Op};
use super::lexicon::{LONGEST_TERM, LONGEST_VALUE, Lexicon, Stored, Term};
use super::normalise::{Break, Token};
use super::stem::is_plural;
use super::variants::join_idioms;
use super::words;
use crate::semantic::query::Grain;

/// What a piece of the question means.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Meaning {
    /// A name or synonym of the model.
    Term(Term),
    /// A value; all dimensions that hold it.
    Value(Vec<Stored>),
    /// A time.
    When(When),
    /// A number; `money` when a currency sign stands before it.
    Number { number: f64, money: bool },
    /// A grammar phrase.
    Op(Op),
    /// A noun for a unit of time.
    Unit(Grain),
    /// Nothing of its own.
    Filler,
    /// A comma or the like.
    Pause,
    /// Not understood.
    Unknown,
}

/// Tokens `from..to` with their meaning.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Item {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) meaning: Meaning,
    /// The last word is a plural.
    pub(super) plural: bool,
}

/// Cuts the tokens so that the sum of the pieces' weights is greatest.
pub(super) fn segment(lexicon: &Lexicon, tokens: &[Token], calendar: Calendar) -> Vec<Item> {
    let mut best: Vec<(f64, Option<(usize, Meaning)>)> = vec![(0.0, None); tokens.len() + 1];
    for at in 0..tokens.len() {
        let here = best.get(at).map_or(0.0, |b| b.0);
        for (length, meaning) in candidates(lexicon, tokens, at, calendar) {
            let score = here + weight(&meaning, length);
            if let Some(slot) = best.get_mut(at + length)
                && (slot.1.is_none() || score > slot.0)
            {
                *slot = (score, Some((at, meaning)));
            }
        }
    }
    let mut pieces = Vec::new();
    let mut to = tokens.len();
    while let Some((_, Some((from, meaning)))) = best.get(to).cloned() {
        let plural = tokens.get(to - 1).is_some_and(|t| is_plural(&t.text));
        pieces.push(Item { from, to, meaning, plural });
        to = from;
    }
    pieces.reverse();
    joined(pieces, tokens)
}

/// Unknown neighbours become one piece, and pauses get a place between the pieces.
fn joined(pieces: Vec<Item>, tokens: &[Token]) -> Vec<Item> {
    let mut out: Vec<Item> = Vec::new();
    for piece in pieces {
        let gap = tokens.get(piece.from).map_or(Break::None, |t| t.gap);
        if gap >= Break::Comma && !out.is_empty() {
            out.push(Item { from: piece.from, to: piece.from, meaning: Meaning::Pause, plural: false });
        }
        match out.last_mut() {
            Some(last) if last.meaning == Meaning::Unknown && piece.meaning == Meaning::Unknown => {
                last.to = piece.to;
                last.plural = piece.plural;
            }
            _ => out.push(piece),
        }
    }
    out
}

/// A long piece beats its parts; at equal length the model's words come first.
fn weight(meaning: &Meaning, length: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a few tokens")]
    let length = length as f64;
    let kind = match meaning {
        Meaning::Term(term) if term.made => 1.15,
        Meaning::Term(_) => 1.2,
        Meaning::Value(_) => 1.1,
        Meaning::When(_) => 1.3,
        Meaning::Number { .. } => 1.05,
        Meaning::Unit(_) => 1.02,
        Meaning::Filler if length > 1.0 => return 1.25 * length,
        Meaning::Op(Op::Of) => return length,
        Meaning::Op(_) => 1.0,
        Meaning::Filler => 0.95,
        Meaning::Unknown | Meaning::Pause => return 0.05 * length,
    };
    kind * length * length
}

/// Everything that may start at a token, with how many tokens it takes.
fn candidates(lexicon: &Lexicon, tokens: &[Token], at: usize, calendar: Calendar) -> Vec<(usize, Meaning)> {
    let mut out = vec![(1, Meaning::Unknown)];
    out.extend(terms(lexicon, tokens, at));
    out.extend(values(lexicon, tokens, at));
    if let Some((length, when)) = dates::match_at(tokens, at, calendar)
        && !(length == 1 && is_amount(tokens, at))
    {
        out.push((length, Meaning::When(when)));
    }
    if let Some((length, number, money)) = number(tokens, at) {
        out.push((length, Meaning::Number { number, money }));
    }
    out.extend(tokens.get(at).and_then(|t| words::unit(&t.text)).map(|grain| (1, Meaning::Unit(grain))));
    out.extend(phrases(tokens, at));
    out
}

fn terms(lexicon: &Lexicon, tokens: &[Token], at: usize) -> Vec<(usize, Meaning)> {
    let mut out = Vec::new();
    let mut words: Vec<&str> = Vec::new();
    for (n, token) in tokens.iter().skip(at).take(LONGEST_TERM).enumerate() {
        if n > 0 && token.gap >= Break::Comma {
            break;
        }
        words.push(&token.stem);
        let phrase = join_idioms(&words.join(" "));
        if let Some(term) = lexicon.term(&phrase)
            && !(n == 0 && is_verb(tokens, at))
            && !(n == 1 && is_mean_of_many(lexicon, tokens, at, term))
            && !(phrase.starts_with("number of ") && goes_on(lexicon, tokens, at + 2, n - 1))
        {
            out.push((n + 1, Meaning::Term(term.clone())));
        }
    }
    out
}

/// Whether the noun at a place is the beginning of a longer one: "number of tracks" in "number of tracks sold".
fn goes_on(lexicon: &Lexicon, tokens: &[Token], at: usize, length: usize) -> bool {
    let stems: Vec<&str> = tokens.iter().skip(at).take(LONGEST_TERM).map(|t| t.stem.as_str()).collect();
    (length + 1..=stems.len()).any(|longer| {
        let phrase = stems.get(..longer).unwrap_or_default().join(" ");
        lexicon.term(&phrase).is_some_and(|t| !t.metrics.is_empty())
    })
}

/// "average orders" asks for a mean of the count; only "average order" is the value of one order.
fn is_mean_of_many(lexicon: &Lexicon, tokens: &[Token], at: usize, term: &Term) -> bool {
    let (Some(first), Some(noun)) = (tokens.get(at), tokens.get(at + 1)) else { return false };
    let counted = lexicon.term(&noun.stem).is_some_and(|t| !t.metrics.is_empty());
    let mean = matches!(first.text.as_str(), "average" | "avg" | "mean");
    let written = format!("{} {}", first.text, noun.text);
    let listed = term.metrics.iter().filter_map(|place| lexicon.metric(*place)).any(|metric| {
        metric
            .synonyms
            .iter()
            .chain([&metric.label, &metric.name])
            .any(|name| name.eq_ignore_ascii_case(&written))
    });
    mean && counted && is_plural(&noun.text) && !listed
}

/// A noun of the model that is a verb here: "what do they order", "order the rooms".
fn is_verb(tokens: &[Token], at: usize) -> bool {
    let Some(token) = tokens.get(at) else { return false };
    let either = matches!(
        token.text.as_str(),
        "order" | "purchase" | "group" | "record" | "rank" | "account" | "style" | "format"
    );
    let from = at.saturating_sub(4);
    let helped = tokens.get(from..at).is_some_and(|before| {
        before
            .iter()
            .any(|t| matches!(t.text.as_str(), "do" | "does" | "did" | "to" | "can" | "could" | "will"))
    });
    let leading = at == 0
        && tokens.get(1).is_some_and(|t| matches!(t.text.as_str(), "the" | "by" | "our" | "all"))
        || at == 0 && token.text == "group" && tokens.iter().any(|t| t.text == "by");
    let grouping = token.text == "group" && tokens.get(at + 1).is_some_and(|t| t.text == "by");
    either && token.text != "account" && (helped || leading || grouping)
        || token.text == "accounts" && tokens.get(at + 1).is_some_and(|t| t.text == "for")
}

fn values(lexicon: &Lexicon, tokens: &[Token], at: usize) -> Vec<(usize, Meaning)> {
    let mut out = Vec::new();
    let mut letters = String::new();
    for (n, token) in tokens.iter().skip(at).take(LONGEST_VALUE).enumerate() {
        let before = letters.len();
        letters.push_str(&token.full);
        let mut found = lexicon.values(&letters);
        if found.is_empty() && token.text != token.full {
            let possessive = format!("{}{}", letters.get(..before).unwrap_or_default(), token.text);
            found = lexicon.values(&possessive);
        }
        if found.is_empty() && n > 0 {
            let singular = format!("{}{}", letters.get(..before).unwrap_or_default(), token.stem);
            found = [singular, format!("{letters}s")]
                .iter()
                .map(|l| lexicon.values(l))
                .find(|f| !f.is_empty())
                .unwrap_or_default();
        }
        let stored = evidence::believable(lexicon, tokens, at, at + n + 1, found);
        if !stored.is_empty() {
            out.push((n + 1, Meaning::Value(stored)));
        }
    }
    if let Some(token) = tokens.get(at) {
        let stored = lexicon.demonym(&token.text);
        if !stored.is_empty() {
            out.push((1, Meaning::Value(stored)));
        }
    }
    out
}

/// Whether a year in digits stands where an amount would.
fn is_amount(tokens: &[Token], at: usize) -> bool {
    if tokens.get(at).is_none_or(|t| t.number.is_none()) {
        return false;
    }
    (1..=grammar::LONGEST).any(|n| {
        let Some(from) = at.checked_sub(n) else { return false };
        match phrase(tokens, from, at).as_deref().and_then(grammar::op) {
            Some(Op::Super { .. }) => true,
            Some(Op::Compare(_)) => tokens.get(from).is_none_or(|t| t.text != "up"),
            _ => false,
        }
    })
}

/// A number in digits or words.
fn number(tokens: &[Token], at: usize) -> Option<(usize, f64, bool)> {
    let token = tokens.get(at)?;
    if let Some(number) = token.number {
        let scale = tokens.get(at + 1).and_then(|t| scale(&t.text));
        return Some((1 + usize::from(scale.is_some()), number * scale.unwrap_or(1.0), token.money));
    }
    let article = matches!(token.text.as_str(), "a" | "an");
    let first = if article { 1 } else { words::count_word(&token.text)? };
    #[expect(clippy::cast_precision_loss, reason = "at most a thousand")]
    let first = first as f64;
    match tokens.get(at + 1) {
        Some(next) if first < 100.0 => match (scale(&next.text), words::count_word(&next.text)) {
            (Some(scale), _) => Some((2, first * scale, false)),
            #[expect(clippy::cast_precision_loss, reason = "at most twenty")]
            (None, Some(small @ 1..=9)) if first >= 20.0 && !article => {
                Some((2, first + small as f64, false))
            }
            _ => (!article).then_some((1, first, false)),
        },
        _ => (!article).then_some((1, first, false)),
    }
}

fn scale(word: &str) -> Option<f64> {
    Some(match word {
        "dozen" => 12.0,
        "hundred" => 100.0,
        "thousand" => 1e3,
        "million" => 1e6,
        _ => return None,
    })
}

/// Grammar phrases and fillers.
fn phrases(tokens: &[Token], at: usize) -> Vec<(usize, Meaning)> {
    let mut out = Vec::new();
    for n in 1..=grammar::LONGEST.max(fillers::LONGEST) {
        let Some(words) = phrase(tokens, at, at + n) else { break };
        if let Some(op) = grammar::op(&words).filter(|op| *op != Op::Write) {
            out.push((n, Meaning::Op(op)));
        }
        let before = tokens.get(..at).unwrap_or_default();
        if fillers::is_filler(&words) || n == 1 && fillers::is_filler_after(&words, before) {
            out.push((n, Meaning::Filler));
        }
    }
    out
}

/// Folded words with one blank between them; none across a comma or the end of the text.
fn phrase(tokens: &[Token], from: usize, to: usize) -> Option<String> {
    let words = tokens.get(from..to)?;
    let broken = words.iter().skip(1).any(|t| t.gap >= Break::Comma);
    (!broken).then(|| words.iter().map(|t| t.text.as_str()).collect::<Vec<_>>().join(" "))
}
