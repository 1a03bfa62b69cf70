//! The parts of a plan.

use crate::semantic::expr::Expr;
use crate::semantic::model::WeekStart;
use crate::semantic::query::Grain;
use serde::Serialize;

/// What answers a query: sources are aggregated apart, meet on the groups, and then the formulas are computed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Plan {
    /// Aggregated reads, at least one.
    pub sources: Vec<Source>,
    /// Names of the group columns, which every source has.
    pub groups: Vec<String>,
    /// Columns that come after the groups: formulas over the values of the sources.
    pub outputs: Vec<Named>,
    /// Conditions on the values of the sources.
    pub having: Vec<Expr>,
    /// Order of the rows.
    pub order: Vec<Key>,
    /// Rows at most.
    pub limit: Option<u64>,
}

/// An expression with a name.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Named {
    /// The name.
    pub name: String,
    /// The expression.
    pub expr: Expr,
}

/// A key of the order: a column's name and whether the largest come first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Key {
    /// The column.
    pub column: String,
    /// Largest first.
    pub descending: bool,
}

/// One dataset, read, filtered, joined to what it needs, and aggregated.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Source {
    /// The dataset.
    pub base: Relation,
    /// Datasets that its rows meet at most once, in the order of joining.
    pub joins: Vec<Join>,
    /// Conditions on rows.
    pub conditions: Vec<Expr>,
    /// Group expressions, as many as the plan has groups.
    pub groups: Vec<Expr>,
    /// What is aggregated per group.
    pub aggregates: Vec<Aggregate>,
    /// When values of other periods are needed.
    pub history: Option<History>,
    /// Values that the source gives; [`Expr::Measure`] in formulas counts them over all sources.
    pub values: Vec<ValueOf>,
}

/// A table under the name of its dataset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Relation {
    /// Table, with its schema in front where the model has one.
    pub table: String,
    /// Name within the statement.
    pub alias: String,
}

/// A join that keeps every row and multiplies none.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Join {
    /// What is joined.
    pub relation: Relation,
    /// When rows meet.
    pub on: Expr,
}

/// An aggregate with a name for its column.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Aggregate {
    /// Name of the column, unique within the plan.
    pub name: String,
    /// The aggregate expression.
    pub expr: Expr,
}

/// What is needed to look at other periods.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct History {
    /// Which group is the time.
    pub time: usize,
    /// Its grain.
    pub grain: Grain,
    /// First day of weeks.
    pub week_start: WeekStart,
    /// Other periods that are looked at.
    pub earlier: Vec<Earlier>,
    /// Conditions on the periods to return, over the time group as [`Expr::Column`] without a relation.
    pub keep: Vec<Expr>,
}

/// A distance back in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Earlier {
    /// Months.
    pub months: u32,
    /// Days.
    pub days: u32,
}

/// A value that a source gives, with the name of its column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ValueOf {
    /// An aggregate, by its number.
    Now {
        /// The aggregate.
        aggregate: usize,
        /// Name of the column.
        name: String,
    },
    /// An aggregate of an earlier period.
    Earlier {
        /// The aggregate.
        aggregate: usize,
        /// Which of the source's earlier periods.
        earlier: usize,
        /// Name of the column.
        name: String,
    },
    /// An aggregate over this period and all before.
    Running {
        /// The aggregate.
        aggregate: usize,
        /// How periods are put together.
        function: crate::semantic::model::Aggregate,
        /// Name of the column.
        name: String,
    },
}

impl ValueOf {
    /// Name of the column.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Now { name, .. } | Self::Earlier { name, .. } | Self::Running { name, .. } => name,
        }
    }

    /// Number of the aggregate.
    #[must_use]
    pub fn aggregate(&self) -> usize {
        match self {
            Self::Now { aggregate, .. }
            | Self::Earlier { aggregate, .. }
            | Self::Running { aggregate, .. } => *aggregate,
        }
    }
}

impl Plan {
    /// Source and value of a measure number.
    #[must_use]
    pub fn value(&self, number: usize) -> Option<(usize, &Source, &ValueOf)> {
        let all = self
            .sources
            .iter()
            .enumerate()
            .flat_map(|(index, source)| source.values.iter().map(move |value| (index, source, value)));
        all.into_iter().nth(number)
    }
}
