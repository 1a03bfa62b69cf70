//! Why a semantic query cannot be compiled: typed, with what can be asked instead.

use serde::{Serialize, Serializer};
use vanna_actors::ports::planner::CoverageStatus;

/// A query that cannot be compiled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{message}")]
pub struct CompileError {
    /// How much of the query the model covers: `partial` when a metric is known, else `missing`.
    pub coverage: CoverageStatus,
    /// What is wrong.
    #[serde(serialize_with = "as_code")]
    pub code: Code,
    /// What is wrong and what to do.
    pub message: String,
    /// The name or value that is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Names that can be used instead.
    pub suggestions: Vec<String>,
}

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $variant:ident = $text:literal,)+) => {
        /// What is wrong with a query.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Code { $($(#[doc = $doc])+ $variant,)+ }

        impl Code {
            /// The stable text.
            #[must_use]
            pub fn text(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }
    };
}

codes! {
    /// The text is not a semantic query.
    BadQuery = "bad_query",
    /// No metric is asked for.
    NoMetric = "no_metric",
    /// A metric that the model does not have.
    UnknownMetric = "unknown_metric",
    /// A dimension that the model does not have.
    UnknownDimension = "unknown_dimension",
    /// A filter on a name that the model does not have.
    UnknownField = "unknown_field",
    /// A dimension that cannot be joined to the metric without multiplying rows.
    UnreachableDimension = "unreachable_dimension",
    /// Several equally short ways lead to the dimension.
    AmbiguousPath = "ambiguous_path",
    /// The metric says itself that it is not grouped or filtered by this.
    DimensionNotAllowed = "dimension_not_allowed",
    /// The metric has meaning only over time, and no grain is given.
    GrainMissing = "grain_missing",
    /// The metric has no time.
    NoTime = "no_time",
    /// A grain where there is no time, or two grains for one time.
    BadGrain = "bad_grain",
    /// The metric looks back less than one period of the grain.
    UnsupportedGrain = "unsupported_grain",
    /// The comparison does not fit the field.
    BadOp = "bad_op",
    /// The value does not fit the field or the comparison.
    BadFilterValue = "bad_filter_value",
    /// Too much to compile.
    TooLarge = "too_large",
    /// A metric is named twice.
    DuplicateMetric = "duplicate_metric",
    /// A dimension is named twice.
    DuplicateDimension = "duplicate_dimension",
    /// A key of the order is named twice.
    DuplicateOrder = "duplicate_order",
    /// The order names what the query does not return.
    UnknownOrder = "unknown_order",
    /// The limit is not usable.
    BadLimit = "bad_limit",
    /// The time range ends before it starts.
    BadTimeRange = "bad_time_range",
    /// A kind of metric that cannot be computed yet.
    UnsupportedMetric = "unsupported_metric",
    /// The model does not hold together.
    BrokenModel = "broken_model",
}

fn as_code<S: Serializer>(code: &Code, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(code.text())
}

impl CompileError {
    /// A refusal of a query whose metrics are known.
    #[must_use]
    pub fn partial(code: Code, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { coverage: CoverageStatus::Partial, code, message, name: None, suggestions: Vec::new() }
    }

    /// A refusal of a query without a known metric.
    #[must_use]
    pub fn missing(code: Code, message: impl Into<String>) -> Self {
        Self { coverage: CoverageStatus::Missing, ..Self::partial(code, message) }
    }

    /// The same with the name that is wrong.
    #[must_use]
    pub fn naming(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// The same with names that can be used instead.
    #[must_use]
    pub fn suggesting(mut self, suggestions: Vec<String>) -> Self {
        self.suggestions = suggestions;
        self
    }

    /// What an inconsistent model gives; a model that was loaded and checked never does.
    #[must_use]
    pub fn broken(message: impl Into<String>) -> Self {
        Self::missing(Code::BrokenModel, message)
    }
}
