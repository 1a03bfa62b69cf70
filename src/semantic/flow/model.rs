//! What an imported model says, in the shape that the compiler works on.

pub use super::words::Words;
use crate::semantic::model::FieldKind;
use crate::semantic::verified::VerifiedQuery;
use serde::{Deserialize, Serialize};

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands it so")]
fn is_false(flag: &bool) -> bool {
    !*flag
}

/// A whole model.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct FlowModel {
    /// Name, where the format has one.
    pub name: String,
    /// What people call it.
    #[serde(flatten)]
    pub words: Words,
    /// What a language model is told beside it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub instructions: String,
    /// Datasets.
    #[serde(rename = "datasets", default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<Source>,
    /// Metrics.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub metrics: Vec<Metric>,
    /// Tables of consecutive times.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub spines: Vec<Spine>,
    /// Queries with a name: metrics, dimensions, filters, order and limit as JSON.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub saved: Vec<(String, serde_json::Value)>,
    /// Questions whose answers somebody has checked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub verified_queries: Vec<VerifiedQuery>,
    /// Whether fields are named by themselves (Snowflake, OSI) and not by a path of entities (MetricFlow).
    #[serde(default, skip_serializing_if = "is_false")]
    pub short_names: bool,
    /// Whether it is one of our own: results are named and ordered as there, days are days, and times without a
    /// table of times are made up.
    #[serde(default, skip_serializing_if = "is_false")]
    pub plain: bool,
}

/// A dataset.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Source {
    /// Name.
    pub name: String,
    /// What people call it.
    #[serde(flatten)]
    pub words: Words,
    /// Parts of the table's name: database, schema, table.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub table: Vec<String>,
    /// Entity that a row is one of, where no column holds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub primary_entity: Option<String>,
    /// Columns that identify a row, where the format says so apart from the keys.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub key: Vec<String>,
    /// Keys.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub entities: Vec<Entity>,
    /// Fields.
    #[serde(rename = "fields", default, skip_serializing_if = "Vec::is_empty")]
    pub dims: Vec<Dim>,
    /// Time that measures are placed by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_time: Option<String>,
}

/// A key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entity {
    /// Name; equal names join.
    pub name: String,
    /// What it identifies.
    pub kind: EntityKind,
    /// Its columns.
    #[serde(rename = "keys", default, skip_serializing_if = "Vec::is_empty")]
    pub exprs: Vec<String>,
}

/// What a key identifies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EntityKind {
    /// Each row.
    Primary,
    /// At most one row.
    Unique,
    /// A row of another dataset.
    Foreign,
    /// A thing that several rows describe, each for a span of time.
    Natural,
}

/// A field.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Dim {
    /// Name.
    pub name: String,
    /// What people call it.
    #[serde(flatten)]
    pub words: Words,
    /// What its values are, of fields that are no times.
    #[serde(default)]
    pub kind: FieldKind,
    /// Whether it is there to be aggregated, and not to group by.
    #[serde(default, skip_serializing_if = "is_false")]
    pub fact: bool,
    /// Scalar expression over the dataset's columns.
    pub expr: String,
    /// Finest grain of a time; none for other fields.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grain: Option<Unit>,
    /// Whether it is part of every join key between datasets that both have it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub partition: bool,
    /// Start of the span in which the row is valid.
    #[serde(default, skip_serializing_if = "is_false")]
    pub valid_from: bool,
    /// End of that span, not included.
    #[serde(default, skip_serializing_if = "is_false")]
    pub valid_to: bool,
}

/// A table of consecutive times.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spine {
    /// Parts of the table's name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub table: Vec<String>,
    /// Column with the times.
    pub column: String,
    /// Distance of two rows.
    pub unit: Unit,
    /// Grains of the owner's own: name and column.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub custom: Vec<(String, String)>,
    /// What gives the times where no table does: a query in brackets.
    #[serde(skip)]
    pub sql: Option<String>,
}

/// A length of the calendar, the finest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each is its name")]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    Nanosecond,
    Microsecond,
    Millisecond,
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Quarter,
    Year,
}

impl Unit {
    const ALL: [(Self, &'static str); 11] = [
        (Self::Nanosecond, "nanosecond"),
        (Self::Microsecond, "microsecond"),
        (Self::Millisecond, "millisecond"),
        (Self::Second, "second"),
        (Self::Minute, "minute"),
        (Self::Hour, "hour"),
        (Self::Day, "day"),
        (Self::Week, "week"),
        (Self::Month, "month"),
        (Self::Quarter, "quarter"),
        (Self::Year, "year"),
    ];

    /// The unit with this name, singular or plural.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let name = name.trim().to_ascii_lowercase();
        let singular = name.strip_suffix('s').unwrap_or(&name);
        Self::ALL.iter().find(|(_, text)| *text == singular).map(|(unit, _)| *unit)
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(unit, _)| *unit == self).map_or("day", |(_, text)| text)
    }
}

/// A grain of the calendar or of the owner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Grain {
    /// Of the calendar.
    Unit(Unit),
    /// A column of the spine.
    Custom(String),
}

impl Grain {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Unit(unit) => unit.name(),
            Self::Custom(name) => name,
        }
    }

    /// The finest unit that it is made of.
    #[must_use]
    pub fn unit(&self) -> Option<Unit> {
        match self {
            Self::Unit(unit) => Some(*unit),
            Self::Custom(_) => None,
        }
    }
}

/// A length of time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// How many.
    pub count: u32,
    /// Of what.
    pub grain: Grain,
}

/// A metric.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metric {
    /// Name.
    pub name: String,
    /// What people call it.
    #[serde(flatten)]
    pub words: Words,
    /// Whether it is only there for others to be made of.
    #[serde(default, skip_serializing_if = "is_false")]
    pub inner: bool,
    /// How it is computed.
    #[serde(flatten)]
    pub kind: MetricKind,
    /// Its expression as the author wrote it, where the format has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expression: Option<String>,
    /// Conditions on its rows, as templates.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub filters: Vec<String>,
    /// Grain of `metric_time` when a query names none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grain: Option<Unit>,
    /// Number that stands where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fill: Option<String>,
    /// Whether every time of the spine gets a row.
    #[serde(default, skip_serializing_if = "is_false")]
    pub spine: bool,
}

/// How a metric is computed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum MetricKind {
    /// An aggregate over one dataset.
    Simple(Measure),
    /// One metric divided by another.
    Ratio {
        /// Above the line.
        numerator: Input,
        /// Below the line.
        denominator: Input,
    },
    /// Arithmetic over metrics.
    Derived {
        /// Expression over aliases.
        expr: String,
        /// Inputs.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        inputs: Vec<Input>,
    },
    /// A running value.
    Cumulative {
        /// What runs.
        input: Input,
        /// How far back; none: since the beginning.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        window: Option<Window>,
        /// Since the start of this grain.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to_date: Option<Grain>,
        /// What stands for a coarser period.
        period: PeriodAgg,
    },
    /// Events that follow other events of the same entity.
    Conversion(Box<Conversion>),
}

/// A conversion metric.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Conversion {
    /// The opportunity.
    pub base: Input,
    /// What follows it.
    pub event: Input,
    /// Who both belong to.
    pub entity: String,
    /// At most so long after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Window>,
    /// Fields that must be equal: of the opportunity, of the event.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub constant: Vec<(String, String)>,
    /// Whether the share is wanted and not the number.
    #[serde(default, skip_serializing_if = "is_false")]
    pub rate: bool,
}

/// What stands for a period of a running value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PeriodAgg {
    /// The value at its first time.
    First,
    /// The value at its last time.
    Last,
    /// The mean of its values.
    Average,
}

/// A metric that another is made of.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Input {
    /// The metric.
    pub metric: String,
    /// Its name in the expression.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// Further conditions, as templates.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub filters: Vec<String>,
    /// How far back it is read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<Window>,
    /// Grain at whose start it is read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_grain: Option<Grain>,
}

/// An aggregate over one dataset.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measure {
    /// Dataset.
    #[serde(rename = "dataset")]
    pub source: String,
    /// Function.
    pub agg: Agg,
    /// Scalar expression.
    pub expr: String,
    /// Time dimension that places its rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// Time over which it must not be added.
    #[serde(rename = "non_additive", default, skip_serializing_if = "Option::is_none")]
    pub semi: Option<Semi>,
}

/// An aggregate function.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each is its name")]
#[serde(rename_all = "snake_case")]
pub enum Agg {
    Sum,
    Avg,
    Min,
    Max,
    Count,
    CountDistinct,
    SumBoolean,
    /// A share of the ordered values, interpolated or one of them.
    Percentile {
        at: f64,
        discrete: bool,
    },
}

/// A time over which a measure must not be added.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Semi {
    /// Time dimension.
    pub dim: String,
    /// Whether the last time counts and not the first.
    #[serde(default, skip_serializing_if = "is_false")]
    pub last: bool,
    /// Entities that each have a first or last time of their own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groupings: Vec<String>,
}

impl Metric {
    /// A metric without conditions.
    #[must_use]
    pub fn new(name: impl Into<String>, kind: MetricKind) -> Self {
        Self {
            name: name.into(),
            words: Words::default(),
            inner: false,
            kind,
            expression: None,
            filters: Vec::new(),
            grain: None,
            fill: None,
            spine: false,
        }
    }
}

impl FlowModel {
    /// A metric by name.
    #[must_use]
    pub fn metric(&self, name: &str) -> Option<&Metric> {
        self.metrics.iter().find(|metric| metric.name == name)
    }

    /// A dataset by name.
    #[must_use]
    pub fn source(&self, name: &str) -> Option<&Source> {
        self.sources.iter().find(|source| source.name == name)
    }

    /// The grain with this name.
    #[must_use]
    pub fn grain(&self, name: &str) -> Option<Grain> {
        let custom = |spine: &Spine| spine.custom.iter().any(|(known, _)| known == name);
        if self.spines.iter().any(custom) {
            return Some(Grain::Custom(name.to_owned()));
        }
        Unit::parse(name).filter(|unit| unit.name() == name).map(Grain::Unit)
    }

    /// The coarsest spine that is not coarser than a unit.
    #[must_use]
    pub fn spine(&self, unit: Unit) -> Option<&Spine> {
        self.spines.iter().filter(|spine| spine.unit <= unit).max_by_key(|spine| spine.unit)
    }

    /// The spine with a custom grain, and the column of the grain.
    #[must_use]
    pub fn custom(&self, name: &str) -> Option<(&Spine, &str)> {
        self.spines.iter().find_map(|spine| {
            spine.custom.iter().find(|(known, _)| known == name).map(|(_, column)| (spine, column.as_str()))
        })
    }
}

impl Source {
    /// A key by name.
    #[must_use]
    pub fn entity(&self, name: &str) -> Option<&Entity> {
        self.entities.iter().find(|entity| entity.name == name)
    }

    /// A field by name.
    #[must_use]
    pub fn dim(&self, name: &str) -> Option<&Dim> {
        self.dims.iter().find(|dim| dim.name == name)
    }

    /// Whether its own fields are reached under this entity.
    #[must_use]
    pub fn is_under(&self, entity: &str) -> bool {
        self.primary_entity.as_deref() == Some(entity)
            || self.entity(entity).is_some_and(|known| known.kind != EntityKind::Foreign)
    }
}
