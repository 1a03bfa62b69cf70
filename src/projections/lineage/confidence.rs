//! Confidence: a table of explicit rules over signals; the first rule that matches wins.
//!
//! The same table is in `docs/confidence.md`, and a test holds the two together.

use serde::{Deserialize, Serialize};
use std::fmt;
use utoipa::ToSchema;

/// Version of the rules; it changes whenever a rule does.
pub const RULES_VERSION: u32 = 1;

/// How far to trust an answer. Later is more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
pub enum Tier {
    /// Do not rely on it.
    Low,
    /// Plausible; look at the evidence.
    Medium,
    /// Every rule that can be checked was.
    High,
}

/// How a turn ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is its name")]
pub enum End {
    Completed,
    Stopped,
    Error,
}

/// How much the semantic model covered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is its name")]
pub enum Coverage {
    Full,
    Partial,
    Missing,
    NotApplicable,
}

/// The worst change of the schema that touches the answer. Later is worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each is its name")]
pub enum Drift {
    None,
    Cosmetic,
    Additive,
    Behavioural,
    Breaking,
}

/// What the rules look at: computed from journaled facts, never a model's opinion of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signals {
    /// END: how the turn ended.
    pub end: End,
    /// OK: the answer's statement ran to its end.
    pub answered: bool,
    /// RES: every identifier was found in the schema.
    pub resolved: bool,
    /// DRY: the source prepared the statement before it ran.
    pub dry_run: bool,
    /// CHK: the result was checked and no blocking check failed.
    pub checked: bool,
    /// SEM: how much the semantic model covered.
    pub coverage: Coverage,
    /// MEM: the statement is that of an approved and fresh memory.
    pub remembered: bool,
    /// NEG: the statement was rejected before for such a question.
    pub rejected: bool,
    /// DRF: change of the schema that touches the answer.
    pub drift: Drift,
    /// AGE: the schema snapshot is older than the limit.
    pub aged: bool,
    /// REP: failed attempts before the statement that ran.
    pub repairs: u32,
    /// TRN: the rows were cut although the answer aggregates.
    pub cut: bool,
}

/// One row of the table.
pub struct Rule {
    /// Name, as in `docs/confidence.md`.
    pub id: &'static str,
    /// What it says about the answer.
    pub tier: Tier,
    holds: fn(&Signals) -> bool,
}

/// The table. The last rule always holds.
pub const RULES: &[Rule] = &[
    Rule { id: "L1", tier: Tier::Low, holds: |s| s.end != End::Completed || !s.answered },
    Rule { id: "L2", tier: Tier::Low, holds: |s| !s.resolved || !s.checked },
    Rule { id: "L3", tier: Tier::Low, holds: |s| s.rejected },
    Rule { id: "L4", tier: Tier::Low, holds: |s| s.drift >= Drift::Behavioural },
    Rule { id: "L5", tier: Tier::Low, holds: |s| s.cut || s.repairs >= 3 },
    Rule { id: "H1", tier: Tier::High, holds: |s| s.coverage == Coverage::Full && s.is_clean() },
    Rule { id: "H2", tier: Tier::High, holds: |s| s.remembered && s.is_clean() },
    Rule { id: "M1", tier: Tier::Medium, holds: |_| true },
];

/// The first rule that holds.
#[must_use]
pub fn judge(signals: &Signals) -> (&'static str, Tier) {
    let rule = RULES.iter().find(|rule| (rule.holds)(signals));
    rule.map_or(("M1", Tier::Medium), |rule| (rule.id, rule.tier))
}

impl Signals {
    fn is_clean(&self) -> bool {
        self.dry_run && !self.aged && self.repairs == 0 && self.drift <= Drift::Cosmetic
    }

    /// All signals with their values, such as `SEM=full`, in a fixed order.
    #[must_use]
    pub fn listed(&self) -> Vec<String> {
        let yes = |truth: bool| if truth { "yes" } else { "no" }.to_owned();
        [
            ("END", self.end.to_string()),
            ("OK", yes(self.answered)),
            ("RES", yes(self.resolved)),
            ("DRY", yes(self.dry_run)),
            ("CHK", yes(self.checked)),
            ("SEM", self.coverage.to_string()),
            ("MEM", yes(self.remembered)),
            ("NEG", yes(self.rejected)),
            ("DRF", self.drift.to_string()),
            ("AGE", yes(self.aged)),
            ("REP", self.repairs.to_string()),
            ("TRN", yes(self.cut)),
        ]
        .map(|(name, value)| format!("{name}={value}"))
        .to_vec()
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Completed => "completed",
            Self::Stopped => "stopped",
            Self::Error => "error",
        })
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "full",
            Self::Partial => "partial",
            Self::Missing => "missing",
            Self::NotApplicable => "not_applicable",
        })
    }
}

impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Cosmetic => "cosmetic",
            Self::Additive => "additive",
            Self::Behavioural => "behavioural",
            Self::Breaking => "breaking",
        })
    }
}

#[cfg(test)]
#[path = "confidence_tests.rs"]
mod tests;
