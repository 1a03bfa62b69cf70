//! A semantic query: metrics, what to group and filter by, order and limit, without any SQL.

use serde::{Deserialize, Serialize};

/// The name under which time is grouped and filtered by.
pub const METRIC_TIME: &str = "metric_time";

/// A semantic query, as JSON in contracts and lineage.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SemanticQuery {
    /// What to measure, at least one.
    #[serde(default)]
    pub metrics: Vec<String>,
    /// The single metric of older clients; moved into `metrics` by [`SemanticQuery::normalised`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric: Option<String>,
    /// What to group by.
    #[serde(default)]
    pub dimensions: Vec<Dimension>,
    /// Conditions; all must hold.
    #[serde(default)]
    pub filters: Vec<Filter>,
    /// Grain of `metric_time` to group by.
    #[serde(default)]
    pub time_grain: Option<Grain>,
    /// Days that rows must fall on; both ends belong to it.
    #[serde(default)]
    pub time_range: Option<TimeRange>,
    /// Order of the rows.
    #[serde(default)]
    pub order_by: Vec<OrderBy>,
    /// Rows to return at most.
    #[serde(default)]
    pub limit: Option<u64>,
}

/// What to group by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Dimension {
    /// A field, or `metric_time`.
    Name(String),
    /// A time field with a grain.
    Grained {
        /// The field.
        name: String,
        /// Its grain.
        grain: Grain,
    },
}

/// Days, both ends included.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimeRange {
    /// First day, `YYYY-MM-DD`; none: from the beginning.
    #[serde(default)]
    pub start: Option<jiff::civil::Date>,
    /// Last day; none: to the end.
    #[serde(default)]
    pub end: Option<jiff::civil::Date>,
}

/// One condition. On a metric it holds after aggregation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    /// A field, a metric, or `metric_time`.
    pub field: String,
    /// The comparison.
    pub op: Op,
    /// What to compare with: a scalar, a list for `in` and `not_in`, two for `between`, none for null tests.
    #[serde(default)]
    pub value: serde_json::Value,
}

/// A comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each is its sign")]
pub enum Op {
    #[serde(rename = "=")]
    Eq,
    #[serde(rename = "!=")]
    Ne,
    #[serde(rename = "in")]
    In,
    #[serde(rename = "not_in")]
    NotIn,
    #[serde(rename = ">")]
    Gt,
    #[serde(rename = ">=")]
    Ge,
    #[serde(rename = "<")]
    Lt,
    #[serde(rename = "<=")]
    Le,
    #[serde(rename = "between")]
    Between,
    #[serde(rename = "contains")]
    Contains,
    #[serde(rename = "is_null")]
    IsNull,
    #[serde(rename = "not_null")]
    NotNull,
}

/// One key of the order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrderBy {
    /// A metric or a dimension of the query.
    pub field: String,
    /// Which way.
    #[serde(default)]
    pub direction: Direction,
}

/// Which way to order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Smallest first.
    #[default]
    Asc,
    /// Largest first.
    Desc,
}

/// A length of calendar time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "each is its name")]
pub enum Grain {
    Day,
    Week,
    Month,
    Quarter,
    Year,
}

impl SemanticQuery {
    /// The query with `metric` moved into `metrics`.
    #[must_use]
    pub fn normalised(mut self) -> Self {
        if let Some(metric) = self.metric.take()
            && !self.metrics.contains(&metric)
        {
            self.metrics.insert(0, metric);
        }
        self
    }
}
