//! Functions that a site adds by configuration, each with a note that goes into the audit record.

use serde::Deserialize;
use std::collections::BTreeMap;

/// How much a function's result may change between calls, in PostgreSQL's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Volatility {
    /// Always the same for the same arguments.
    Immutable,
    /// The same within one statement.
    Stable,
    /// May change at any call, and may have effects.
    Volatile,
}

/// One function that a site adds.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SiteFunction {
    /// How much its result may change.
    pub(crate) volatility: Volatility,
    /// Why it is safe, for whoever reviews.
    pub(crate) note: String,
    /// Whether it gives rows.
    #[serde(default)]
    pub(crate) rows: bool,
}

/// Functions by name, perhaps with a schema, in lower case.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub(crate) struct SiteFunctions(BTreeMap<String, SiteFunction>);

impl SiteFunctions {
    pub(super) fn scalar(&self, name: &str) -> Option<String> {
        self.0.get(name).filter(|function| !function.rows).map(|_| name.to_owned())
    }

    pub(super) fn table(&self, name: &str) -> Option<String> {
        self.0.get(name).filter(|function| function.rows).map(|_| name.to_owned())
    }
}
