//! Number and date words of English, as tables.

use super::dates::Bound;
use super::normalise::Token;
use crate::semantic::query::Grain;

/// "The units before today's".
pub(super) const LAST: &[&str] = &["last", "past", "previous", "prior", "preceding", "trailing", "rolling"];
/// "The unit that holds today".
pub(super) const THIS: &[&str] = &["this", "current", "ongoing"];
/// "A unit after today's": nothing is known of it.
pub(super) const NEXT: &[&str] = &["next", "coming", "upcoming", "future"];
/// Joins the two ends of a range.
pub(super) const TO: &[&str] =
    &["to", "through", "thru", "until", "till", "til", "up to", "up until", "and up to"];

/// Words before a period that open one of its ends.
pub(super) const BOUNDS: &[(&[&str], Bound)] = &[
    (&["before", "prior to", "earlier than", "preceding", "ahead of"], Bound::Before),
    (&["after", "later than", "following", "post"], Bound::After),
    (
        &[
            "since",
            "ever since",
            "starting in",
            "starting from",
            "starting with",
            "starting",
            "beginning in",
            "beginning with",
            "beginning from",
            "as from",
            "from the start of",
            "from the beginning of",
            "since the start of",
            "since the beginning of",
        ],
        Bound::Since,
    ),
    (
        &[
            "until",
            "till",
            "up to",
            "up until",
            "through",
            "up to and including",
            "through to",
            "until the end of",
            "up to the end of",
            "through the end of",
            "to the end of",
            "no later than",
        ],
        Bound::Until,
    ),
];

/// Words after a period that open one of its ends.
pub(super) const BOUNDS_AFTER: &[(&[&str], Bound)] = &[
    (
        &[
            "on",
            "onward",
            "onwards",
            "and later",
            "or later",
            "and after",
            "and onward",
            "and onwards",
            "forward",
        ],
        Bound::Since,
    ),
    (&["and earlier", "or earlier", "and before"], Bound::Until),
];

/// Times without a defined meaning.
pub(super) const VAGUE_TIMES: &[&str] = &[
    "summer",
    "winter",
    "spring",
    "autumn",
    "fall",
    "summertime",
    "recently",
    "recent",
    "lately",
    "soon",
    "nowadays",
    "these days",
    "christmas",
    "easter",
    "holidays",
    "holiday season",
    "weekend",
    "weekends",
    "weekday",
    "weekdays",
    "tomorrow",
    "decade",
    "century",
    "in a while",
    "a while ago",
    "the other day",
    "morning",
    "evening",
    "night",
    "afternoon",
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
    "mondays",
    "tuesdays",
    "wednesdays",
    "thursdays",
    "fridays",
    "saturdays",
    "sundays",
    "black friday",
    "fiscal year",
    "fiscal quarter",
    "school year",
    "season",
    "semester",
    "trimester",
    "nineties",
    "eighties",
    "someday",
    "early on",
    "in the old days",
    "a few years ago",
    "a few months ago",
    "a few weeks ago",
    "a few days ago",
    "years ago",
    "months ago",
    "weeks ago",
    "days ago",
    "long ago",
    "pandemic",
    "covid",
    "lockdown",
    "quarter end",
    "year end",
    "month end",
    "hour",
    "hourly",
    "midnight",
    "noon",
    "fiscal",
    "of late",
    "new year",
    "thanksgiving",
    "halloween",
];

/// Words that take a vague part of the period after them.
pub(super) const VAGUE_PARTS: &[&str] = &[
    "early",
    "late",
    "mid",
    "middle of",
    "the middle of",
    "around",
    "circa",
    "roughly",
    "start of",
    "end of",
    "beginning of",
    "the start of",
    "the end of",
    "the beginning of",
    "most of",
    "nearly",
];

const UNITS: &[(Grain, &[&str])] = &[
    (Grain::Day, &["day", "days"]),
    (Grain::Week, &["week", "weeks", "wk", "wks"]),
    (Grain::Month, &["month", "months", "mo", "mos", "mth", "mths"]),
    (Grain::Quarter, &["quarter", "quarters", "qtr", "qtrs"]),
    (Grain::Year, &["year", "years", "yr", "yrs"]),
];

const ADVERBS: &[(Grain, &[&str])] = &[
    (Grain::Day, &["daily"]),
    (Grain::Week, &["weekly"]),
    (Grain::Month, &["monthly"]),
    (Grain::Quarter, &["quarterly"]),
    (Grain::Year, &["yearly", "annual", "annually"]),
];

const MONTHS: &[&[&str]] = &[
    &["january", "jan"],
    &["february", "feb", "febr"],
    &["march", "mar"],
    &["april", "apr"],
    &["may"],
    &["june", "jun"],
    &["july", "jul"],
    &["august", "aug"],
    &["september", "sep", "sept"],
    &["october", "oct"],
    &["november", "nov"],
    &["december", "dec"],
];

const COUNTS: &[&str] = &[
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
    "twenty",
];

const MORE_COUNTS: &[(&str, i64)] = &[
    ("thirty", 30),
    ("forty", 40),
    ("fifty", 50),
    ("sixty", 60),
    ("seventy", 70),
    ("eighty", 80),
    ("ninety", 90),
    ("hundred", 100),
    ("thousand", 1000),
    ("dozen", 12),
];

const ORDINALS: &[(&str, &str)] = &[("first", "1st"), ("second", "2nd"), ("third", "3rd"), ("fourth", "4th")];

/// Length in tokens of the longest of some phrases at a place.
pub(super) fn any_of(tokens: &[Token], at: usize, phrases: &[&str]) -> Option<usize> {
    let rest = tokens.get(at..)?;
    let fits = |phrase: &&&str| {
        let mut rest = rest.iter();
        phrase.split(' ').all(|word| rest.next().is_some_and(|t| t.text == word))
    };
    phrases.iter().filter(fits).map(|phrase| phrase.split(' ').count()).max()
}

/// A whole number in digits or one word.
pub(super) fn small_number(tokens: &[Token], at: usize) -> Option<i64> {
    let token = tokens.get(at)?;
    match token.number {
        #[expect(clippy::cast_possible_truncation, reason = "bounded by the test before it")]
        Some(number) if number.fract() == 0.0 && (0.0..=1e6).contains(&number) => Some(number as i64),
        _ => count_word(&token.text),
    }
}

/// The number that a word says.
pub(super) fn count_word(word: &str) -> Option<i64> {
    COUNTS
        .iter()
        .position(|w| *w == word)
        .and_then(|n| i64::try_from(n).ok())
        .or_else(|| MORE_COUNTS.iter().find(|(w, _)| *w == word).map(|(_, n)| *n))
}

/// Place in an order, up to the fourth.
pub(super) fn ordinal(word: &str) -> Option<i8> {
    let place = ORDINALS.iter().position(|(long, short)| *long == word || *short == word)?;
    i8::try_from(place + 1).ok()
}

/// The unit that a noun names.
pub(super) fn unit(word: &str) -> Option<Grain> {
    UNITS.iter().find(|(_, words)| words.contains(&word)).map(|(grain, _)| *grain)
}

/// The unit of "monthly" and its like.
pub(super) fn adverb_of_unit(word: &str) -> Option<Grain> {
    ADVERBS.iter().find(|(_, words)| words.contains(&word)).map(|(grain, _)| *grain)
}

/// Number of a month.
pub(super) fn month(word: &str) -> Option<i8> {
    let place = MONTHS.iter().position(|names| names.contains(&word))?;
    i8::try_from(place + 1).ok()
}

/// Single words that name a unit counted from today.
pub(super) fn fixed_relative(word: &str) -> Option<(i64, Grain)> {
    Some(match word {
        "today" => (0, Grain::Day),
        "yesterday" => (-1, Grain::Day),
        "wtd" => (0, Grain::Week),
        "mtd" => (0, Grain::Month),
        "qtd" => (0, Grain::Quarter),
        "ytd" => (0, Grain::Year),
        _ => return None,
    })
}

/// Every single word that the date grammar knows: what a misspelt word may have meant.
pub(super) fn vocabulary() -> impl Iterator<Item = &'static str> {
    let units = UNITS.iter().chain(ADVERBS).flat_map(|(_, words)| words.iter());
    let months = MONTHS.iter().flat_map(|words| words.iter());
    units
        .chain(months)
        .chain(LAST)
        .chain(&["current", "yesterday", "today"])
        .copied()
        .filter(|w| w.len() >= 4)
}
