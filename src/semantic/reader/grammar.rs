//! The grammar words of English that have a role in a question, as one table of phrases.

use crate::semantic::query::Op as Comparison;
use std::collections::HashMap;
use std::sync::LazyLock;

/// The role of a grammar phrase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Op {
    /// Groups by, or ranks by, what follows.
    By,
    /// Groups by the noun that follows, one row for each.
    Each,
    /// Asks for some of what follows.
    Which,
    /// Asks for anything.
    What,
    /// Asks for a person.
    Who,
    /// Asks for a place, or opens a relative clause.
    Where,
    /// Asks for a time.
    When,
    /// Opens a relative clause.
    That,
    /// Asks for a count.
    HowMany,
    /// Asks for an amount.
    HowMuch,
    /// "number of", "count".
    Count,
    /// "total".
    Total,
    /// "average".
    Average,
    /// "distinct", "different".
    Distinct,
    /// The upper (`true`) or lower end; `quantity` for "most" and "fewest", which count what follows.
    Super { up: bool, quantity: bool },
    /// The most (`true`) or least popular.
    Popular { up: bool },
    /// "rank", "sort", "order by".
    Rank,
    /// Largest first (`true`) or smallest first.
    Direction { down: bool },
    /// A comparison with a number.
    Compare(Comparison),
    /// "between".
    Between,
    /// "or more" (`true`), "or less".
    OrBeyond { up: bool },
    /// Leaves out what follows.
    Not,
    /// Sets two things against each other.
    Versus,
    /// Announces that things are set against each other.
    Contrast,
    /// "and", "or".
    And,
    /// Taken together, not each.
    Combined,
    /// "of", "for", "in" and their like, before a value.
    Of,
    /// "with", "having".
    With,
    /// "to".
    To,
    /// A verb of trade.
    Trade(Trade),
    /// Asks for names, not for numbers.
    List,
    /// "all", "every one of".
    All,
    /// Asks to change data.
    Write,
    /// Growth.
    Growth,
    /// "trend", "over time".
    Trend,
    /// Stands for a metric without naming one ("performance").
    Figures,
    /// A person who buys (`true`) or sells.
    Person { buys: bool },
    /// An operation that queries do not do.
    Unsupported,
    /// A currency.
    Currency,
    /// "only", "both": leaves out those to whom more applies.
    Strict,
}

/// What kind of trade a verb says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trade {
    /// To sell.
    Sell,
    /// To buy.
    Buy,
    /// To earn.
    Earn,
    /// To spend.
    Spend,
}

/// A role and its phrases, apart by `; `.
type Row = (Op, &'static str);

fn phrases(row: &str) -> impl Iterator<Item = &str> {
    row.split("; ")
}

const QUESTION: &[Row] = &[
    (
        Op::Which,
        "which; in which; for which; from which; on which; at which; which of; which of the; which of our",
    ),
    (Op::What, "what; whats"),
    (Op::Who, "who; whom"),
    (Op::Where, "where; whereabouts"),
    (Op::When, "when"),
    (Op::That, "that; whose; who have; who has; that have; that has; which have; which has"),
    (Op::HowMany, "how many; howmany; how many of"),
    (Op::HowMuch, "how much; how much money; what amount; how much in total"),
    (
        Op::Count,
        "number of; numbers of; count of; count; counts of; total number of; total count of; number; amount \
     of; nr of; no of; num of; tally of; the number of; counts; headcount of; how often",
    ),
    (
        Op::Total,
        "total; totals; overall; in total; altogether; sum; sum of; total of; in all; aggregate; grand \
     total; all in all; the sum of; the total of; a total of; all told",
    ),
    (Op::Average, "average; avg; mean; averages; on average; average of; typical; typically; averaged"),
    (Op::Distinct, "distinct; different; unique; individual; separate"),
    (
        Op::List,
        "list; name; enumerate; names of; a list of; list of; list all; list the; list me; show all; show \
     me all; give me all; give us all; show us all; display all; see all; get all; find all; show all \
     the; show me all the; what are all",
    ),
    (Op::All, "all; all the; all of; all our; all of our; all of the; any; every single one of"),
];

const GROUPING: &[Row] = &[
    (
        Op::By,
        "by; per; down by; out by; up by; down across; down per; split by; broken down by; broken out by; grouped by; group by; segmented by; split out \
     by; across; across the; breakdown by; broken up by; sliced by; divided by; organised by; organized \
     by; split across; spread across; distributed across; distributed by; split into; separated by; as \
     per; across different; across the different; by different; broken down across; broken down per; \
     split per; by individual; grouped per; arranged by; categorized by; categorised by; itemized by; \
     itemised by; aggregated by; summarized by; summarised by; based on; in terms of; according to; \
     measured by; as measured by; judged by; going by; broken down into",
    ),
    (
        Op::Each,
        "each; every; for each; for every; in each; in every; from each; from every; per each; by each; \
     each of the; each of our; for each of the; for each of our; each individual; every single; of \
     each; of every; within each; to each; to every; by every; on each",
    ),
    (
        Op::Rank,
        "rank; ranked; ranking; sort; sorted; ordered; ordered by; sorted by; ranked by; order; ranking of; \
     in order of; rankings; rank all; leaderboard of",
    ),
    (
        Op::Direction { down: true },
        "descending; desc; highest first; largest first; biggest first; best first; from highest to lowest; \
     from high to low; high to low; highest to lowest; from largest to smallest; largest to smallest; \
     in descending order; from most to least; most to least; from best to worst; best to worst; \
     decreasing; in decreasing order; biggest to smallest; from biggest to smallest; descending order; \
     top to bottom; from top to bottom; most first",
    ),
    (
        Op::Direction { down: false },
        "ascending; asc; lowest first; smallest first; worst first; from lowest to highest; from low to \
     high; low to high; lowest to highest; from smallest to largest; smallest to largest; in ascending \
     order; from least to most; least to most; from worst to best; worst to best; increasing order; in \
     increasing order; ascending order; fewest first; from fewest to most",
    ),
];

const ENDS: &[Row] = &[
    (
        Op::Super { up: true, quantity: false },
        "top; best; highest; largest; biggest; greatest; leading; strongest; maximum; max; best performing; \
     top performing; highest grossing; top grossing; top earning; highest earning; most valuable; most \
     important; most lucrative; strongest performing; peak; record high; biggest earning; high \
     performing; valuable; lucrative; the top; very best; number one; foremost",
    ),
    (Op::Super { up: true, quantity: true }, "most; the most; most money; the most money"),
    (
        Op::Super { up: false, quantity: false },
        "lowest; smallest; worst; bottom; weakest; poorest; minimum; min; worst performing; lowest \
     performing; lowest grossing; lowest earning; least valuable; poorest performing; weakest \
     performing; least important; least lucrative; tiniest; bottom performing; low performing",
    ),
    (
        Op::Super { up: false, quantity: true },
        "least; fewest; the least; the fewest; least money; the least money",
    ),
    (
        Op::Popular { up: true },
        "most popular; best selling; top selling; bestselling; best seller; best sellers; bestseller; \
     bestsellers; most bought; most purchased; highest selling; popular; favorite; favourite; \
     favorites; favourites; sells best; sell best; sold best; selling best; most frequently bought; \
     most frequently purchased; biggest selling; sells the best; sell the best; sold the best; top \
     seller; top sellers; most in demand; most demanded; most wanted; biggest seller; biggest sellers; \
     most commonly bought; most commonly purchased; most liked",
    ),
    (
        Op::Popular { up: false },
        "least popular; worst selling; least bought; least purchased; lowest selling; slowest selling; \
     unpopular; sells worst; sell worst; sold worst; sells the worst; sold the worst; least selling; \
     worst seller; worst sellers; sells least; poorest selling",
    ),
];

const COMPARING: &[Row] = &[
    (
        Op::Compare(Comparison::Gt),
        "more than; over; above; greater than; higher than; larger than; bigger than; exceeding; exceeds; \
     exceed; exceeded; in excess of; north of; upwards of; surpassing; surpassed; surpass; beyond; >; \
     better than; topping; topped",
    ),
    (
        Op::Compare(Comparison::Ge),
        "at least; no less than; not less than; no fewer than; not fewer than; minimum of; a minimum of; \
     not below; not under; >=; greater than or equal to; more than or equal to; reaching; reached; no \
     lower than",
    ),
    (
        Op::Compare(Comparison::Lt),
        "less than; fewer than; under; below; lower than; smaller than; beneath; <; south of; not reaching; \
     short of",
    ),
    (
        Op::Compare(Comparison::Le),
        "at most; no more than; not more than; maximum of; a maximum of; not exceeding; not above; not \
     over; <=; up to; less than or equal to; fewer than or equal to; no higher than; no greater than",
    ),
    (Op::Compare(Comparison::Eq), "exactly; =; equal to; equals; precisely; equalling; equaling"),
    (Op::Between, "between; ranging from; in the range of; in the range"),
    (
        Op::OrBeyond { up: true },
        "or more; or above; or over; or higher; or greater; and above; and up; and over; +; or better; plus \
     or more",
    ),
    (Op::OrBeyond { up: false }, "or less; or fewer; or below; or under; or lower; and below; and under"),
    (
        Op::Not,
        "but; except; except for; excluding; exclude; excludes; excl; without; not; other than; outside; outside \
     of; but not; not including; not counting; apart from; aside from; leaving out; ignoring; not from; \
     not in; non; save for; omitting; omit; disregarding; with the exception of; minus; but excluding; \
     !=; <>; is not; are not; not for; that are not; everywhere except; everywhere but; anywhere but; \
     anything but; all but; everything but; everything except; everyone except; leave out; that are not \
     from; who are not from; not located in; not based in; not living in; skipping; barring; not by",
    ),
    (
        Op::Versus,
        "vs; versus; against; compared to; compared with; in comparison to; in comparison with; as opposed \
     to; relative to; v; next to; side by side with; compare to; compare with; compares to; compares \
     with; rather than; up against",
    ),
    (
        Op::Contrast,
        "compare; comparing; comparison; comparison of; a comparison of; contrast; comparison between; side \
     by side; compared; compares; head to head; a comparison between; stack up; respectively",
    ),
    (
        Op::And,
        "and; or; as well as; plus; along with; together with; and also; and the; either; and our; in \
     addition to; but also; and for; and in; and from; or in; or from",
    ),
    (Op::Combined, "combined; together; taken together; put together; added up; jointly; in combination"),
    (
        Op::Of,
        "comes from; come from; came from; stems from; derived from; stemming from; live in; lives in; lived in; of; for; in; from; at; on; within; inside; out of; among; amongst; through; via; during; \
     throughout; into; regarding; about; concerning; under the; called; named; titled; entitled; over \
     the; in the; from the; of the; for the; of our; from our; for our; in our; to the; coming from; \
     located in; based in; living in; residing in; belonging to; situated in; as of; labelled; labeled",
    ),
    (
        Op::With,
        "with; having; whose; have; has; had; that had; who had; which had; with a; with the; featuring",
    ),
    (Op::To, "to"),
];

const TRADE: &[Row] = &[
    (Op::Trade(Trade::Sell), "sell; sells; sold; selling; shifted; moved; shift"),
    (Op::Trade(Trade::Buy), "buy; buys; bought; buying; purchased; purchasing; acquired; acquire"),
    (
        Op::Trade(Trade::Earn),
        "earn; earns; earned; earning; make; makes; made; making; generate; generates; generated; \
     generating; bring in; brings in; brought in; bringing in; bring; brings; brought; grossed; \
     grossing; take in; took in; taken in; takes in; pull in; pulled in; rake in; raked in; produce; \
     produced; produces; yield; yielded; yields; collected; collect; cash in; cashed in; turned over; \
     booked",
    ),
    (Op::Trade(Trade::Spend), "spend; spends; spent; spending; pay; pays; paid; paying; shelled out"),
    (
        Op::Person { buys: true },
        "people; person; persons; shopper; shoppers; consumer; consumers; purchaser; purchasers; spender; \
     spenders; clientele; patron; patrons; customer; customers; buyer; buyers; client; clients",
    ),
    (
        Op::Person { buys: false },
        "salesperson; salespeople; salesman; salesmen; saleswoman; seller; sellers; sales person; sales \
     people; representative; representatives; sales representative; sales representatives",
    ),
    (
        Op::Growth,
        "growth; growth of; growth in; grow; grew; grown; growing; growth rate; growth rate of; yoy; year \
     over year; year on year; y o y; y y; rate of growth",
    ),
    (
        Op::Trend,
        "trend; trends; trending; over time; evolution; evolution of; develop; developed; development; \
     development of; evolve; evolved; time series; timeline; history; historical; historically; through \
     time; across time; as a time series; progression; trend of; trend in; trend for",
    ),
    (
        Op::Figures,
        "performance; numbers; figures; figure; results; result; stats; statistics; data; volume; activity; \
     kpi; kpis; metrics; metric; performing; perform; performed; doing; insights; measure; measures; \
     amount; amounts; business",
    ),
    (
        Op::Strict,
        "only; both; exclusively; solely; alone; nothing but; just only; at the same time; simultaneously",
    ),
    (Op::Currency, "dollar; dollars; usd; eur; euro; euros; bucks; gbp; pounds"),
];

const BEYOND: &[Row] = &[
    (
        Op::Write,
        "update; delete; drop; insert; set; remove; truncate; alter; create; add; change; edit; modify; \
     rename; replace; grant; revoke; reset; erase; wipe; purge; cancel; refund; increase; decrease; \
     raise; lower; double; send; email; import; upload; book; correct; merge; overwrite",
    ),
    (
        Op::Unsupported,
        "share; shares; share of; market share; percentage; percent; %; percentages; proportion; fraction; \
     ratio; forecast; forecasts; forecasted; forecasting; predict; predicted; prediction; predictions; \
     projection; projected; project; median; mode; percentile; percentiles; quartile; why; reason; \
     reasons; cause; caused; correlation; correlate; correlated; correlates; regression; variance; \
     deviation; standard deviation; stdev; per capita; change; changed; changes; difference; \
     differences; gap; delta; decline; declined; declining; decrease; decreased; increase; increased; \
     rise; rose; dropped; fell; fallen; drop; churn; retention; contribution; contribute; contributed; \
     impact; effect; affect; affected; explain; anomaly; anomalies; outlier; outliers; cohort; cohorts; \
     probability; likelihood; expected; what if; simulate; cluster; moving average; rolling average; \
     recommend; should; month over month; mom; qoq; wow; quarter over quarter; week over week; day over \
     day; month on month; quarter on quarter; seasonality; seasonal; pareto; skew; histogram; driver; \
     drivers; driving; led to; per head; weighted; cumulative; running; half of; twice; majority; \
     estimate; estimated; extrapolate; trailing average; run rate; will; portion; pct; breakeven; \
     multiply; times as; ever increasing; consistently; never; neither; nor; nothing; none; zero; no; \
     if; unless; because; since when; until when; how come; how long; how fast; how old",
    ),
];

static TABLE: LazyLock<HashMap<&'static str, Op>> = LazyLock::new(|| {
    let tables = [BEYOND, TRADE, COMPARING, ENDS, GROUPING, QUESTION];
    tables.iter().flat_map(|t| t.iter()).flat_map(|(op, words)| phrases(words).map(|w| (w, *op))).collect()
});

/// Tokens in the longest phrase of the table.
pub(super) const LONGEST: usize = 6;

/// The role of a phrase, given as folded words with one blank between them.
pub(super) fn op(phrase: &str) -> Option<Op> {
    TABLE.get(phrase).copied()
}

/// Whether words at the head of a text ask to change data.
pub(super) fn is_write(word: &str) -> bool {
    BEYOND.iter().any(|(op, words)| *op == Op::Write && phrases(words).any(|w| w == word))
}

/// Every single word of the table: what a misspelt word may have meant.
pub(super) fn vocabulary() -> impl Iterator<Item = &'static str> {
    TABLE
        .iter()
        .filter(|(phrase, op)| phrase.len() >= 4 && !phrase.contains(' ') && **op != Op::Write)
        .map(|(phrase, _)| *phrase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_phrase_is_longer_than_the_reader_looks() {
        assert!(TABLE.keys().all(|phrase| phrase.split(' ').count() <= LONGEST));
    }
}
