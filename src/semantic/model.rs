//! The semantic model: what can be measured, by what, and how tables meet.
//!
//! These are the resolved types that every stage works on; the file format is read in `load`.

use super::flow::detect::Imported;
use super::flow::model::FlowModel;
use super::flow::own::Beside;
use super::saved::SavedQuery;
use super::verified::VerifiedQuery;
use serde::{Deserialize, Serialize, Serializer};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A whole model.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Model {
    /// Name of the model.
    pub name: String,
    /// What it is about.
    pub description: String,
    /// What a language model is told beside it: the words of whoever keeps the model.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub ai_context: String,
    /// Metric that a ranking without a named metric uses ("top customers").
    pub default_metric: Option<String>,
    /// Metric that popularity words use ("most popular", "best-selling"), if any.
    pub popularity_metric: Option<String>,
    /// Dimensions in the order in which they win a value that several of them hold.
    pub value_priority: Vec<String>,
    /// First day of the week.
    pub week_start: WeekStart,
    /// Tables of facts and attributes.
    pub datasets: Vec<Dataset>,
    /// What can be measured.
    pub metrics: Vec<Metric>,
    /// Groups that a metric or field is for, by its name; what is not named is for everybody.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub access: BTreeMap<String, BTreeSet<String>>,
    /// Queries with a name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub saved_queries: Vec<SavedQuery>,
    /// Questions whose answers somebody has checked.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub verified_queries: Vec<VerifiedQuery>,
    /// How the model is computed when it was imported; none for the native format.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "shared")]
    pub imported: Option<Arc<Imported>>,
    /// What of a model of our own format is computed as imported ones are; none where nothing is.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "shared")]
    pub beside: Option<Arc<Beside>>,
    /// `blake3:` and the hash of the model's canonical content.
    pub hash: String,
}

fn shared<T: Serialize, S: Serializer>(part: &Option<Arc<T>>, to: S) -> Result<S::Ok, S::Error> {
    part.as_deref().serialize(to)
}

/// First day of the week.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WeekStart {
    /// ISO 8601.
    #[default]
    Monday,
    /// As in the United States.
    Sunday,
}

/// A table, with what it holds and how it joins.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Dataset {
    /// Name within the model.
    pub name: String,
    /// Table or view in the source, with its schema in front where needed: `schema.table`.
    pub table: String,
    /// What one row is.
    pub description: String,
    /// Keys: primary, unique and foreign; two datasets join where an entity name meets.
    pub entities: Vec<Entity>,
    /// Time field that metrics of this dataset are placed in time by.
    pub default_time: Option<String>,
    /// What can be grouped and filtered by.
    pub fields: Vec<Field>,
}

/// A key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entity {
    /// Name; equal names in two datasets mean the same thing.
    pub name: String,
    /// Whether it identifies a row here.
    pub kind: EntityKind,
    /// Column expression.
    pub expr: String,
    /// Further columns of a key that has several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub further: Vec<String>,
}

/// Whether a key identifies a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EntityKind {
    /// Identifies each row.
    Primary,
    /// Identifies rows, but is not the main key.
    Unique,
    /// Points at a row of another dataset.
    Foreign,
    /// Identifies a thing that several rows describe, each for a span of time.
    Natural,
}

/// Something to group or filter by.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Field {
    /// Name within the model.
    pub name: String,
    /// What its values are.
    pub kind: FieldKind,
    /// Scalar expression over the dataset's columns.
    pub expr: String,
    /// What it means.
    pub description: String,
    /// Other words for it.
    pub synonyms: Vec<String>,
    /// Values known without asking the source.
    pub sample_values: Vec<String>,
    /// Stored value to other words for it.
    pub value_synonyms: BTreeMap<String, Vec<String>>,
    /// Whether distinct values are read from the source at start.
    pub index_values: bool,
}

/// What the values of a field are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldKind {
    /// Names and labels.
    #[default]
    Categorical,
    /// Dates or times.
    Time,
    /// Numbers.
    Number,
    /// Truth values.
    Boolean,
}

/// Something that can be measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Metric {
    /// Name within the model.
    pub name: String,
    /// What it means.
    pub description: String,
    /// What people call it.
    pub label: String,
    /// Other words for it.
    pub synonyms: Vec<String>,
    /// How its numbers are shown.
    pub format: vanna_actors::ports::sql::Format,
    /// How it is computed.
    pub kind: MetricKind,
    /// Whether it has meaning only over time, so that a query needs a grain.
    pub needs_grain: bool,
    /// Whether negative values are possible.
    pub may_be_negative: bool,
    /// Names that it may be grouped and filtered by; none: all that its rows reach.
    pub dimensions: Option<Vec<String>>,
}

/// How a metric is computed.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MetricKind {
    /// An aggregate over the rows of one dataset.
    Simple {
        /// Dataset whose rows are aggregated.
        dataset: String,
        /// The aggregate.
        agg: Aggregate,
        /// Scalar expression over the dataset's columns and, as `dataset.column`, over those of datasets that
        /// it reaches; `*` for counting rows.
        expr: String,
        /// Time field that places rows in time, as `dataset.field`; none: the metric has no time.
        time: Option<String>,
    },
    /// One metric divided by another.
    Ratio {
        /// Above the line.
        numerator: String,
        /// Below the line.
        denominator: String,
    },
    /// Arithmetic over metrics, each possibly shifted in time.
    Derived {
        /// Expression over the aliases of the inputs.
        expr: String,
        /// Inputs.
        inputs: Vec<Input>,
    },
    /// Running total of a metric.
    Cumulative {
        /// What is summed up.
        metric: String,
        /// Length of the window; none: since the beginning.
        window: Option<Period>,
    },
}

/// An input of a derived metric.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Input {
    /// The metric.
    pub metric: String,
    /// Its name in the expression.
    pub alias: String,
    /// How far back it is read.
    pub offset: Option<Period>,
}

/// A length of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Period {
    /// How many.
    pub count: u32,
    /// Of what.
    pub grain: super::query::Grain,
}

/// An aggregate function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Aggregate {
    /// Sum.
    Sum,
    /// Mean.
    Avg,
    /// Smallest.
    Min,
    /// Largest.
    Max,
    /// Number of rows or of values that are not null.
    Count,
    /// Number of distinct values.
    CountDistinct,
}

impl Model {
    /// A metric by name.
    #[must_use]
    pub fn metric(&self, name: &str) -> Option<&Metric> {
        self.metrics.iter().find(|m| m.name == name)
    }

    /// The model that computes a metric where it is not computed by what the model itself says.
    #[must_use]
    pub fn flow_of(&self, metric: &str) -> Option<&FlowModel> {
        let beside = self.beside.as_deref().filter(|beside| beside.metrics.contains(metric));
        self.imported.as_deref().map(|imported| &imported.model).or(beside.map(|beside| &beside.model))
    }

    /// A field by name, with its dataset.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<(&Dataset, &Field)> {
        self.datasets.iter().find_map(|d| d.fields.iter().find(|f| f.name == name).map(|f| (d, f)))
    }
}
