//! Whether words that equal a value are meant as one.
//!
//! Titles are full of ordinary words ("Go", "Today", "Money"). Such words are a value only when something
//! says so: quotation marks, capitals inside the sentence, or the name of the dimension beside them.

use super::dates;
use super::fillers;
use super::grammar;
use super::lexicon::{Lexicon, Stored};
use super::normalise::Token;
use super::words;

/// The readings as a value that the context allows.
pub(super) fn believable(
    lexicon: &Lexicon,
    tokens: &[Token],
    from: usize,
    to: usize,
    found: &[Stored],
) -> Vec<Stored> {
    let Some(span) = tokens.get(from..to).filter(|_| !found.is_empty()) else { return Vec::new() };
    let named: Vec<Stored> =
        found.iter().filter(|s| is_named(lexicon, tokens, from, to, s.dim)).cloned().collect();
    let quoted = span.iter().all(|t| t.quote.is_some() && t.quote == span.first().and_then(|t| t.quote));
    if quoted
        || !named.is_empty()
            && span.iter().all(|t| !fillers::is_filler(&t.text) || to - from > 1 || t.capital)
    {
        let needs_name = is_plain(lexicon, span) || letters(span) <= 3;
        return if named.is_empty() || !needs_name { found.to_vec() } else { named };
    }
    let choices: Vec<Stored> = found.iter().filter(|s| lexicon.is_choice(s.dim)).cloned().collect();
    if !choices.is_empty() && is_spelt_out(lexicon, tokens, from, to) {
        return choices;
    }
    let letters = letters(span);
    let code = span.iter().all(|t| t.upper && letters <= 3) && span.len() == 1 && !shouted(tokens);
    let believed = if span.iter().all(|t| t.number.is_some()) || letters < 2 {
        false
    } else if code || letters <= 3 && to - from == 1 && short_is_meant(lexicon, tokens, from) {
        true
    } else if is_plain(lexicon, span) {
        !shouted(tokens) && written_as_title(tokens, from, to)
    } else {
        letters > 3 || to - from > 1
    };
    if believed { found.to_vec() } else { Vec::new() }
}

fn letters(span: &[Token]) -> usize {
    span.iter().map(|t| t.full.len()).sum()
}

/// Whether the words are grammar, terms of the model, or one ordinary word.
fn is_plain(lexicon: &Lexicon, span: &[Token]) -> bool {
    let body = match span {
        [first, rest @ ..]
            if !rest.is_empty() && matches!(first.text.as_str(), "the" | "a" | "an" | "my") =>
        {
            rest
        }
        all => all,
    };
    let grammatical = |t: &Token| {
        fillers::is_filler(&t.text)
            || grammar::op(&t.text).is_some()
            || lexicon.term(&t.stem).is_some()
            || t.number.is_some()
            || is_date_word(&t.text)
    };
    let phrase: Vec<&str> = span.iter().map(|t| t.text.as_str()).collect();
    let phrase = phrase.join(" ");
    if fillers::is_filler(&phrase) || grammar::op(&phrase).is_some() {
        return true;
    }
    match body {
        [one] => grammatical(one) || fillers::is_ordinary(&one.text),
        many => many.iter().all(grammatical),
    }
}

fn is_date_word(word: &str) -> bool {
    words::unit(word).is_some()
        || words::adverb_of_unit(word).is_some()
        || words::month(word).is_some()
        || words::count_word(word).is_some()
        || words::ordinal(word).is_some()
        || words::fixed_relative(word).is_some()
        || words::LAST.contains(&word)
        || words::VAGUE_TIMES.contains(&word)
}

/// Capitals on every word, inside a sentence that does not put them everywhere.
fn written_as_title(tokens: &[Token], from: usize, to: usize) -> bool {
    let outside =
        tokens.iter().enumerate().filter(|(n, t)| *n > 0 && (*n < from || *n >= to) && t.text.len() > 3);
    let (mut small, mut all) = (0, 0);
    for (_, token) in outside {
        all += 1;
        small += usize::from(!token.capital);
    }
    let ordinary_case = all == 0 || small * 2 >= all;
    let capitals = tokens.iter().take(to).skip(from).all(|t| t.capital || t.number.is_some());
    let inside = tokens.iter().take(to).skip(from.max(1)).any(|t| t.capital);
    let grammar_word = to - from == 1
        && tokens.get(from).is_some_and(|t| grammar::op(&t.text).is_some() || is_date_word(&t.text));
    ordinary_case && capitals && inside && !grammar_word
}

/// Whether the words are more than grammar: several of them, or one that means nothing else where it stands.
fn is_spelt_out(lexicon: &Lexicon, tokens: &[Token], from: usize, to: usize) -> bool {
    let grammatical = |t: &Token| fillers::is_filler(&t.text) || grammar::op(&t.text).is_some();
    let own = |t: &Token| {
        t.number.is_none()
            && t.full.len() > 2
            && lexicon.term(&t.stem).is_none()
            && !is_date_word(&t.text)
            && (!grammatical(t) || describes(lexicon, tokens, from, to))
    };
    match tokens.get(from..to) {
        Some([one]) => own(one),
        Some(many) => many.iter().any(|t| fillers::is_ordinary(&t.text) || own(t)),
        None => false,
    }
}

/// Whether a word says how something is: "paid orders", "orders that are paid". The same word is grammar in "what
/// customers paid".
fn describes(lexicon: &Lexicon, tokens: &[Token], from: usize, to: usize) -> bool {
    let verb = tokens.get(from).is_some_and(|t| {
        matches!(grammar::op(&t.text), Some(grammar::Op::Trade(_)))
            || grammar::op(&t.text).is_none() && t.text.ends_with("ed")
    });
    let noun = tokens.get(to).is_some_and(|t| lexicon.term(&t.stem).is_some());
    let state = from.checked_sub(1).and_then(|n| tokens.get(n)).is_some_and(|t| {
        matches!(t.text.as_str(), "is" | "are" | "was" | "were" | "not" | "been" | "being" | "non")
    });
    let agent = tokens.get(to).is_some_and(|t| matches!(t.text.as_str(), "by" | "for"));
    verb && (noun || state && !agent)
}

/// Whether the text is in capitals throughout.
fn shouted(tokens: &[Token]) -> bool {
    tokens.iter().filter(|t| t.text.len() > 3).all(|t| t.upper || t.number.is_some())
}

/// A code such as "CA" or "us": in capitals, or where only a value can stand.
fn short_is_meant(lexicon: &Lexicon, tokens: &[Token], at: usize) -> bool {
    let Some(token) = tokens.get(at) else { return false };
    let word = token.text.as_str();
    if token.dotted {
        return true;
    }
    let before = at.checked_sub(1).and_then(|n| dates::word(tokens, n)).unwrap_or_default();
    let english = fillers::is_filler(word)
        || fillers::is_ordinary(word)
        || grammar::op(word).is_some()
        || is_date_word(word);
    if english {
        return word == "us"
            && matches!(before, "the" | "in" | "outside" | "within" | "except" | "excluding");
    }
    lexicon.term(word).is_none()
}

/// Whether the dimension stands right before or after the words.
fn is_named(lexicon: &Lexicon, tokens: &[Token], from: usize, to: usize, dim: usize) -> bool {
    let names = |at: usize| {
        (1..=3).any(|n| {
            let words = tokens.get(at..at + n).unwrap_or_default();
            let phrase: Vec<&str> = words.iter().map(|t| t.stem.as_str()).collect();
            words.len() == n && lexicon.term(&phrase.join(" ")).is_some_and(|t| t.dims.contains(&dim))
        })
    };
    let mut before = from;
    while before > 0
        && tokens.get(before - 1).is_some_and(|t| {
            matches!(t.text.as_str(), "of" | "named" | "called" | "is" | "titled" | "=" | "the" | "equals")
        })
    {
        before -= 1;
    }
    let ends_before = (1..=3).any(|n| {
        before.checked_sub(n).is_some_and(|start| {
            let words = tokens.get(start..before).unwrap_or_default();
            let phrase: Vec<&str> = words.iter().map(|t| t.stem.as_str()).collect();
            let singular = words.last().is_some_and(|t| !super::stem::is_plural(&t.text));
            singular && lexicon.term(&phrase.join(" ")).is_some_and(|t| t.dims.contains(&dim))
        })
    });
    ends_before || names(to) && tokens.get(to).is_some_and(|t| !super::stem::is_plural(&t.text))
}
