//! One level of names: the sources of a SELECT, its aliases, its windows.

use super::deps::{Deps, OutColumn, Shape};

/// A source by the name it goes by.
#[derive(Clone, Debug)]
pub(super) struct Binding {
    /// Name, folded; `None` for a derived table without one.
    pub(super) name: Option<String>,
    /// Qualifiers before the name, folded, for a relation without an alias.
    pub(super) path: Vec<String>,
    pub(super) shape: Shape,
    /// Columns that the policy withholds, folded.
    pub(super) withheld: Vec<String>,
    /// Whether a row has an identity that is no column.
    pub(super) rowid: Option<Deps>,
    /// Whether it was put in place of a base relation.
    pub(super) rewritten: bool,
    /// Whether it has more than a row or so.
    pub(super) many: bool,
    /// How many unconnected relations its rows are the product of.
    pub(super) width: usize,
    /// Group of sources that conditions connect.
    pub(super) group: usize,
}

impl Binding {
    pub(super) fn new(name: Option<String>, shape: Shape) -> Self {
        Self {
            name,
            path: Vec::new(),
            shape,
            withheld: Vec::new(),
            rowid: None,
            rewritten: false,
            many: true,
            width: 1,
            group: 0,
        }
    }
}

/// The names of one SELECT.
#[derive(Clone, Debug, Default)]
pub(super) struct Frame {
    pub(super) bindings: Vec<Binding>,
    /// Columns that USING or NATURAL made one of two.
    pub(super) merged: Vec<OutColumn>,
    /// What the SELECT list gives so far.
    pub(super) outputs: Vec<OutColumn>,
    /// Whether the SELECT list gives more, unknown columns.
    pub(super) outputs_open: bool,
    pub(super) windows: Vec<(String, Deps)>,
    /// Parameters of lambdas.
    pub(super) parameters: Vec<String>,
    /// Rows that constant functions in FROM give together.
    pub(super) constant_rows: f64,
}

impl Frame {
    /// Makes sources one group.
    pub(super) fn connect(&mut self, bindings: &[usize]) {
        let mut groups = bindings.iter().filter_map(|at| self.bindings.get(*at)).map(|binding| binding.group);
        let Some(first) = groups.next() else { return };
        let others: Vec<usize> = groups.collect();
        for binding in &mut self.bindings {
            if others.contains(&binding.group) {
                binding.group = first;
            }
        }
    }
}
