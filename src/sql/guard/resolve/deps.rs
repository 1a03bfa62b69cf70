//! What a value comes from, and what a source offers.

/// Number of a column of a base relation in the list of all that were seen.
pub(crate) type ColumnId = u32;

/// Base columns that a value comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Deps {
    /// Sorted, each once.
    pub(crate) ids: Vec<ColumnId>,
    /// Whether it may come from more, which nobody could name.
    pub(crate) open: bool,
}

impl Deps {
    pub(crate) fn one(id: ColumnId) -> Self {
        Self { ids: vec![id], open: false }
    }

    pub(crate) fn unknown() -> Self {
        Self { ids: Vec::new(), open: true }
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.open |= other.open;
        for id in &other.ids {
            if let Err(at) = self.ids.binary_search(id) {
                self.ids.insert(at, *id);
            }
        }
    }
}

/// A column that a source offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OutColumn {
    /// Name as names of the dialect are compared; empty when it has none.
    pub(crate) name: String,
    /// Name as it is shown.
    pub(crate) shown: String,
    pub(crate) deps: Deps,
}

/// What a source or a query offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Exactly these columns.
    Known(Vec<OutColumn>),
    /// Columns that nobody has listed; each of them comes from `deps` and, for a base relation
    /// without a catalog, is a column of it.
    Open { relation: Option<usize>, known: Vec<OutColumn>, deps: Deps },
}

impl Shape {
    /// The columns that are known.
    pub(crate) fn columns(&self) -> &[OutColumn] {
        match self {
            Self::Known(columns) | Self::Open { known: columns, .. } => columns,
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        matches!(self, Self::Open { .. })
    }

    /// Everything that any of its columns comes from.
    pub(crate) fn all(&self) -> Deps {
        let mut all = Deps::default();
        for column in self.columns() {
            all.add(&column.deps);
        }
        if let Self::Open { deps, .. } = self {
            all.add(deps);
        }
        all
    }
}
