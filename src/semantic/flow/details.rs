//! What a file of our own format says that only this compiler computes.

use super::model::{Agg, Conversion, Grain, PeriodAgg, Semi, Spine};
use std::collections::{BTreeMap, BTreeSet};

/// What a file says beyond the model: by metric, by field, and the tables of times.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Details {
    /// Of each metric that says more.
    pub metrics: BTreeMap<String, Detail>,
    /// Of each field that says more, by its dataset and name.
    pub fields: BTreeMap<(String, String), FieldDetail>,
    /// Groups that a metric or field is for, by its name.
    pub access: BTreeMap<String, BTreeSet<String>>,
    /// Tables of consecutive days.
    pub spines: Vec<Spine>,
}

impl Details {
    /// Whether the grains of the owner can be asked for.
    #[must_use]
    pub fn has_own_grains(&self) -> bool {
        self.spines.iter().any(|spine| !spine.custom.is_empty())
    }
}

/// What a field says beyond its values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldDetail {
    /// The partition that it tells: datasets that both have it join only where it is equal.
    pub partition: Option<String>,
    /// Start of the span in which the row is valid.
    pub valid_from: bool,
    /// End of that span, not included.
    pub valid_to: bool,
}

impl FieldDetail {
    /// Whether it says nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What a metric says beyond its aggregate and what it is made of.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Detail {
    /// Conditions on its rows, as templates.
    pub filters: Vec<String>,
    /// Of its inputs in order: conditions, and the grain at whose start it is read.
    pub inputs: Vec<(Vec<String>, Option<Grain>)>,
    /// An aggregate that the model has no word for.
    pub agg: Option<Agg>,
    /// Time over which it must not be added.
    pub semi: Option<Semi>,
    /// Number that stands where there is none.
    pub fill: Option<String>,
    /// Whether every day has a row.
    pub spine: bool,
    /// Since the start of this grain.
    pub to_date: Option<Grain>,
    /// What stands for a coarser period of a running value.
    pub period: Option<PeriodAgg>,
    /// Events that follow events.
    pub conversion: Option<Conversion>,
}

impl Detail {
    /// Whether it says nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let plain = self.inputs.iter().all(|(filters, grain)| filters.is_empty() && grain.is_none());
        plain && Self { inputs: Vec::new(), ..self.clone() } == Self::default()
    }
}
