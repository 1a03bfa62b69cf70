//! The rules in the code are the rules in the document, for every combination of signals.

use super::*;

/// A condition of the document: alternatives of conjunctions of comparisons.
struct Written {
    id: String,
    tier: String,
    condition: Vec<Vec<(String, String, String)>>,
}

fn written_rules() -> Vec<Written> {
    let document = include_str!("../../../docs/confidence.md");
    let (_, after) = document.split_once("## Rules").unwrap();
    let section = after.split("\n## ").next().unwrap();
    let rows = section.lines().filter(|line| line.starts_with('|')).skip(2);
    rows.map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let condition = cells[1].trim_matches('`').split(" or ").map(|all| {
            let parts = all.split(" and ").filter(|part| *part != "always");
            parts.map(comparison).collect()
        });
        Written { id: cells[0].to_owned(), tier: cells[2].to_owned(), condition: condition.collect() }
    })
    .collect()
}

fn comparison(text: &str) -> (String, String, String) {
    let words: Vec<&str> = text.split(' ').collect();
    assert_eq!(words.len(), 3, "not a comparison: {text}");
    (words[0].to_owned(), words[1].to_owned(), words[2].to_owned())
}

/// Place of a value in the order that the document gives for its signal.
fn rank(signal: &str, value: &str) -> usize {
    const DRIFT: [&str; 5] = ["none", "cosmetic", "additive", "behavioural", "breaking"];
    match signal {
        "DRF" => DRIFT.iter().position(|known| *known == value).unwrap(),
        "REP" => value.parse().unwrap(),
        _ => panic!("{signal} has no order"),
    }
}

fn holds(rule: &Written, listed: &[String]) -> bool {
    let value_of = |signal: &str| {
        listed
            .iter()
            .find_map(|pair| pair.split_once('=').filter(|(name, _)| *name == signal))
            .unwrap()
            .1
            .to_owned()
    };
    rule.condition.iter().any(|all| {
        all.iter().all(|(signal, op, wanted)| {
            let found = value_of(signal);
            match op.as_str() {
                "=" => found == *wanted,
                "!=" => found != *wanted,
                ">=" => rank(signal, &found) >= rank(signal, wanted),
                "<=" => rank(signal, &found) <= rank(signal, wanted),
                _ => panic!("unknown comparison {op}"),
            }
        })
    })
}

/// Every combination of signals; repairs above 3 are as 3.
fn every_combination() -> Vec<Signals> {
    let mut all = Vec::new();
    for end in [End::Completed, End::Stopped, End::Error] {
        for coverage in [Coverage::Full, Coverage::Partial, Coverage::Missing, Coverage::NotApplicable] {
            for drift in [Drift::None, Drift::Cosmetic, Drift::Additive, Drift::Behavioural, Drift::Breaking]
            {
                for repairs in 0..=4 {
                    for bits in 0_u32..256 {
                        let bit = |n: u32| bits & (1 << n) != 0;
                        all.push(Signals {
                            end,
                            answered: bit(0),
                            resolved: bit(1),
                            dry_run: bit(2),
                            checked: bit(3),
                            coverage,
                            remembered: bit(4),
                            rejected: bit(5),
                            drift,
                            aged: bit(6),
                            repairs,
                            cut: bit(7),
                        });
                    }
                }
            }
        }
    }
    all
}

#[test]
fn the_document_and_the_code_give_the_same_rule_for_every_combination() {
    let written = written_rules();
    let ids: Vec<_> = written.iter().map(|rule| rule.id.as_str()).collect();
    assert_eq!(ids, RULES.iter().map(|rule| rule.id).collect::<Vec<_>>());
    let mut fired = std::collections::BTreeSet::new();
    for signals in every_combination() {
        let listed = signals.listed();
        let first = written.iter().find(|rule| holds(rule, &listed)).unwrap();
        let (id, tier) = judge(&signals);
        assert_eq!((first.id.as_str(), first.tier.clone()), (id, format!("{tier:?}")), "{listed:?}");
        fired.insert(id);
    }
    assert_eq!(fired.len(), RULES.len(), "a rule never fires");
}

#[test]
fn the_document_names_every_signal_and_the_version() {
    let document = include_str!("../../../docs/confidence.md");
    for pair in every_combination()[0].listed() {
        let name = pair.split('=').next().unwrap();
        assert!(document.contains(&format!("| {name} |")), "{name} is not explained");
    }
    assert!(document.contains(&format!("Version of the rules: {RULES_VERSION}")));
}

#[test]
fn a_signal_that_gets_worse_never_raises_the_tier() {
    for signals in every_combination() {
        let tier = judge(&signals).1;
        let worse = [
            Signals { end: End::Stopped, ..signals },
            Signals { end: End::Error, ..signals },
            Signals { answered: false, ..signals },
            Signals { resolved: false, ..signals },
            Signals { dry_run: false, ..signals },
            Signals { checked: false, ..signals },
            Signals { coverage: Coverage::Partial, ..signals },
            Signals { coverage: Coverage::Missing, ..signals },
            Signals { coverage: Coverage::NotApplicable, ..signals },
            Signals { remembered: false, ..signals },
            Signals { rejected: true, ..signals },
            Signals { aged: true, ..signals },
            Signals { repairs: signals.repairs + 1, ..signals },
            Signals { cut: true, ..signals },
            Signals { drift: signals.drift.max(Drift::Cosmetic), ..signals },
            Signals { drift: signals.drift.max(Drift::Additive), ..signals },
            Signals { drift: signals.drift.max(Drift::Behavioural), ..signals },
            Signals { drift: Drift::Breaking, ..signals },
        ];
        for changed in worse {
            assert!(judge(&changed).1 <= tier, "{signals:?} then {changed:?}");
        }
    }
}

#[test]
fn an_answer_without_sql_is_low_by_the_first_rule() {
    for signals in every_combination().into_iter().filter(|signals| !signals.answered) {
        assert_eq!(judge(&signals), ("L1", Tier::Low));
    }
}
