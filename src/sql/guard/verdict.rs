//! What the guard says of a statement that may run.

use serde_json::Value;

/// A statement that may run, and everything it reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The text that runs: written by the guard, policies put in.
    pub sql: String,
    /// The statement as it was asked for, in the guard's own writing, without policies.
    pub normalized: String,
    /// Base relations that it reads, sorted.
    pub tables: Vec<String>,
    /// Their columns that it mentions, as `relation.column`, sorted.
    pub columns: Vec<String>,
    /// Functions that it calls, sorted.
    pub functions: Vec<String>,
    /// Its outputs, in order.
    pub outputs: Vec<Output>,
    /// Rules of the policy that were applied, sorted.
    pub policies: Vec<String>,
    /// Values of the principal that the policies put in, in the order of their parameters, which come after
    /// those of the statement. Empty where they are written out.
    pub bound: Vec<Value>,
    /// Whether tables, columns and outputs are all that there is. Without a catalog they are what could
    /// be told from the text.
    pub complete: bool,
    /// BLAKE3 hash of `sql`, in hexadecimal.
    pub hash: String,
}

/// One output column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// Its name, as far as the statement gives it one.
    pub name: String,
    /// Base columns that its expression mentions; `None` when they are not known.
    pub columns: Option<Vec<String>>,
}

impl Verdict {
    /// Whether policies let it read all rows, each as it is stored.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        !self.policies.iter().any(|rule| changes_rows(rule))
    }
}

/// Whether a rule of a policy leaves rows out or changes them.
pub(super) fn changes_rows(rule: &str) -> bool {
    rule.ends_with("/row_filter") || rule.ends_with("/mask")
}
