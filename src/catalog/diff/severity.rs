//! How bad a difference is for those who read the schema.

use super::model::{Changed, Diff, EntityId, EntityKind};
use serde::Serialize;
use std::fmt;

/// How bad a difference is, the least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Nobody who reads rows can tell.
    Cosmetic,
    /// Something more to read.
    Additive,
    /// The same words may mean something else.
    Behavioural,
    /// Statements that ran may fail.
    Breaking,
}

/// What happened to an entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// It came.
    Added,
    /// It went.
    Removed,
    /// Facts of it are others.
    Changed,
    /// Its name is another one.
    Renamed,
    /// It was made anew.
    Recreated,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Changed => "changed",
            Self::Renamed => "renamed",
            Self::Recreated => "recreated",
        })
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Cosmetic => "cosmetic",
            Self::Additive => "additive",
            Self::Behavioural => "behavioural",
            Self::Breaking => "breaking",
        })
    }
}

/// A difference and how bad it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Assessed {
    /// How bad.
    pub severity: Severity,
    /// What happened.
    pub change: Change,
    /// To what; by its name before a rename.
    #[serde(flatten)]
    pub entity: EntityId,
}

/// Every difference with how bad it is, the worst first.
#[must_use]
pub fn assess(diff: &Diff) -> Vec<Assessed> {
    let mut all = Vec::with_capacity(diff.len());
    let mut note = |change, entity: &EntityId, severity| {
        all.push(Assessed { severity, change, entity: entity.clone() });
    };
    for one in &diff.added {
        let cosmetic = one.entity.kind == EntityKind::Index;
        let severity = if cosmetic { Severity::Cosmetic } else { Severity::Additive };
        note(Change::Added, &one.entity, severity);
    }
    for one in &diff.removed {
        note(Change::Removed, one, lost(&one.kind));
    }
    for one in &diff.changed {
        note(Change::Changed, &one.entity, of_fields(one));
    }
    for one in &diff.renamed {
        let severity = match one.from.kind {
            EntityKind::Constraint(_) | EntityKind::Index => Severity::Cosmetic,
            EntityKind::Schema | EntityKind::Relation(_) | EntityKind::Column | EntityKind::Enum => {
                Severity::Breaking
            }
        };
        note(Change::Renamed, &one.from, severity);
    }
    for one in &diff.recreated {
        note(Change::Recreated, one, Severity::Behavioural);
    }
    all.sort_by(|a, b| (b.severity, &a.entity, a.change).cmp(&(a.severity, &b.entity, b.change)));
    all
}

fn lost(kind: &EntityKind) -> Severity {
    match kind {
        EntityKind::Schema | EntityKind::Relation(_) | EntityKind::Column | EntityKind::Enum => {
            Severity::Breaking
        }
        EntityKind::Constraint(_) => Severity::Behavioural,
        EntityKind::Index => Severity::Cosmetic,
    }
}

fn of_fields(changed: &Changed) -> Severity {
    let worst = changed.fields.iter().map(|(name, change)| match (&changed.entity.kind, name.as_str()) {
        (_, "comment") | (EntityKind::Index, _) => Severity::Cosmetic,
        (EntityKind::Column, "type") => {
            let texts = change.from.as_str().zip(change.to.as_str());
            if texts.is_some_and(|(from, to)| widens(from, to)) {
                Severity::Behavioural
            } else {
                Severity::Breaking
            }
        }
        (EntityKind::Column, "default" | "auto") => Severity::Additive,
        _other => Severity::Behavioural,
    });
    worst.max().unwrap_or(Severity::Cosmetic)
}

/// Whether every value of one type is one of the other, under the same name for programs.
fn widens(from: &str, to: &str) -> bool {
    const WHOLE: [&[&str]; 4] =
        [&["tinyint"], &["smallint", "int2"], &["integer", "int", "int4"], &["bigint", "int8"]];
    let rank = |name: &str| WHOLE.iter().position(|names| names.contains(&name));
    let (from, to) = (from.to_ascii_lowercase(), to.to_ascii_lowercase());
    if let (Some(from), Some(to)) = (rank(&from), rank(&to)) {
        return from <= to;
    }
    let text = |name: &str| name.starts_with("character varying") || name.starts_with("varchar");
    match (modifiers(&from), modifiers(&to)) {
        ((a, Some(was)), (b, Some(is))) if a == b => {
            was.len() == is.len() && was.iter().zip(&is).all(|(was, is)| was <= is)
        }
        ((a, Some(_)), (b, None)) => a == b || (text(a) && b == "text"),
        ((a, None), (b, None)) => text(a) && b == "text",
        ((_, None), (_, Some(_))) => false,
        ((_, Some(_)), (_, Some(_))) => false,
    }
}

fn modifiers(name: &str) -> (&str, Option<Vec<u32>>) {
    match name.split_once('(') {
        None => (name, None),
        Some((base, rest)) => {
            let numbers = rest.trim_end_matches(')').split(',');
            (base, numbers.map(|number| number.trim().parse().ok()).collect())
        }
    }
}
