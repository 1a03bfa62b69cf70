//! The table of kinds: numbers that are given once and never again, held to a lock file.
//!
//! A lock file has one line per kind and shape, `number schema name`, in the order of the table.
//! Lines are only ever added; `#` starts a comment.

use std::collections::BTreeMap;

/// One shape of one kind of fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// Number of the kind.
    pub number: u16,
    /// Number of the payload's shape within the kind.
    pub schema: u16,
    /// Name of the kind; the same for all its shapes.
    pub name: &'static str,
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} {}", self.number, self.schema, self.name)
    }
}

/// What is wrong with a table of kinds.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KindError {
    /// Two entries have the same number and schema.
    #[error("the table gives number {number} schema {schema} twice")]
    Twice {
        /// The number.
        number: u16,
        /// The schema.
        schema: u16,
    },
    /// One number has two names, or one name two numbers.
    #[error("the table gives `{first}` and `{second}` the same number or the same name: kinds keep both")]
    Mixed {
        /// An entry.
        first: String,
        /// The entry that contradicts it.
        second: String,
    },
    /// A line of the lock is not `number schema name`.
    #[error("line {line} of the lock is not `number schema name`: {text}")]
    Line {
        /// Counted from 1.
        line: usize,
        /// What it is.
        text: String,
    },
    /// An entry that was released is gone or has other numbers or another name.
    #[error(
        "`{0}` was released and is not in the table any more: put it back, with the same numbers and name"
    )]
    Released(String),
    /// Entries are not in the lock yet.
    #[error("new in the table; add to the lock:\n{}", .0.join("\n"))]
    Unlocked(Vec<String>),
}

/// All kinds that a program knows.
#[derive(Clone, Copy, Debug)]
pub struct KindTable<'a> {
    kinds: &'a [Kind],
}

impl<'a> KindTable<'a> {
    /// A table of these kinds.
    ///
    /// # Errors
    /// [`KindError::Twice`] and [`KindError::Mixed`] when the numbers or names are ambiguous.
    pub fn new(kinds: &'a [Kind]) -> Result<Self, KindError> {
        let mut seen = BTreeMap::new();
        let mut numbers: BTreeMap<&str, Kind> = BTreeMap::new();
        let mut names: BTreeMap<u16, Kind> = BTreeMap::new();
        for kind in kinds {
            if seen.insert((kind.number, kind.schema), kind).is_some() {
                return Err(KindError::Twice { number: kind.number, schema: kind.schema });
            }
            let by_name = *numbers.entry(kind.name).or_insert(*kind);
            let by_number = *names.entry(kind.number).or_insert(*kind);
            for other in [by_name, by_number] {
                if other.number != kind.number || other.name != kind.name {
                    return Err(KindError::Mixed { first: other.to_string(), second: kind.to_string() });
                }
            }
        }
        Ok(Self { kinds })
    }

    /// The entry with these numbers.
    pub fn find(&self, number: u16, schema: u16) -> Option<&'a Kind> {
        self.kinds.iter().find(|kind| kind.number == number && kind.schema == schema)
    }

    /// The text that a lock of this table has.
    pub fn lock_text(&self) -> String {
        self.kinds.iter().map(|kind| format!("{kind}\n")).collect()
    }

    /// Holds the table to a lock: everything in the lock is in the table unchanged, and the other
    /// way round.
    ///
    /// # Errors
    /// [`KindError`], whose text says which line to add or what to put back.
    pub fn check(&self, lock: &str) -> Result<(), KindError> {
        let mut locked = Vec::new();
        for (index, line) in lock.lines().enumerate() {
            let text = line.split('#').next().unwrap_or_default().trim();
            if text.is_empty() {
                continue;
            }
            let entry = parse(text).ok_or_else(|| KindError::Line { line: index + 1, text: line.into() })?;
            let kept = self.find(entry.0, entry.1).is_some_and(|kind| kind.name == entry.2);
            if !kept {
                return Err(KindError::Released(text.into()));
            }
            locked.push((entry.0, entry.1));
        }
        let new = self.kinds.iter().filter(|kind| !locked.contains(&(kind.number, kind.schema)));
        let new: Vec<String> = new.map(Kind::to_string).collect();
        if new.is_empty() { Ok(()) } else { Err(KindError::Unlocked(new)) }
    }
}

fn parse(text: &str) -> Option<(u16, u16, &str)> {
    let mut words = text.split_whitespace();
    let entry = (words.next()?.parse().ok()?, words.next()?.parse().ok()?, words.next()?);
    words.next().is_none().then_some(entry)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn kind(number: u16, schema: u16, name: &'static str) -> Kind {
        Kind { number, schema, name }
    }

    const LOCK: &str = "# released\n1 1 opened\n1 2 opened # wider\n2 1 shut\n";

    fn check(kinds: &[Kind]) -> Result<(), KindError> {
        KindTable::new(kinds)?.check(LOCK)
    }

    #[test]
    fn a_table_that_equals_its_lock_passes() {
        let kinds = [kind(1, 1, "opened"), kind(1, 2, "opened"), kind(2, 1, "shut")];
        assert_eq!(check(&kinds), Ok(()));
        let table = KindTable::new(&kinds).unwrap();
        assert_eq!(table.check(&table.lock_text()), Ok(()));
        assert_eq!(table.find(1, 2), Some(&kinds[1]));
    }

    #[test]
    fn what_was_released_is_neither_removed_nor_renumbered_nor_renamed() {
        let gone = KindError::Released("2 1 shut".into());
        assert_eq!(check(&[kind(1, 1, "opened"), kind(1, 2, "opened")]), Err(gone.clone()));
        assert_eq!(
            check(&[kind(1, 1, "opened"), kind(1, 2, "opened"), kind(3, 1, "shut")]),
            Err(gone.clone())
        );
        assert_eq!(check(&[kind(1, 1, "opened"), kind(1, 2, "opened"), kind(2, 1, "closed")]), Err(gone));
    }

    #[test]
    fn a_new_entry_fails_with_the_line_to_add() {
        let kinds = [kind(1, 1, "opened"), kind(1, 2, "opened"), kind(2, 1, "shut"), kind(2, 2, "shut")];
        let error = check(&kinds).unwrap_err();
        assert_eq!(error, KindError::Unlocked(vec!["2 2 shut".into()]));
        assert!(error.to_string().ends_with("\n2 2 shut"));
    }

    #[test]
    fn ambiguous_tables_and_unreadable_locks_are_refused() {
        let twice = [kind(1, 1, "a"), kind(1, 1, "a")];
        assert!(matches!(KindTable::new(&twice), Err(KindError::Twice { .. })));
        assert!(matches!(KindTable::new(&[kind(1, 1, "a"), kind(1, 2, "b")]), Err(KindError::Mixed { .. })));
        assert!(matches!(KindTable::new(&[kind(1, 1, "a"), kind(2, 1, "a")]), Err(KindError::Mixed { .. })));
        let table = KindTable::new(&[]).unwrap();
        for line in ["1", "1 1", "x 1 a", "1 1 a b", "70000 1 a"] {
            assert!(matches!(table.check(line), Err(KindError::Line { line: 1, .. })), "{line}");
        }
    }
}
