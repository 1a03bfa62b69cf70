//! The envelope of a chart: specification and data apart, so that neither can smuggle in the other.

use crate::projections::wire::v3::Keyed;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use utoipa::ToSchema;

/// A chart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChartSpec {
    /// Language of the specification.
    pub format: ChartFormat,
    /// Version of that language.
    pub schema_version: String,
    /// The specification; its data has the name `main` and is found in `dataset`.
    #[schema(value_type = HashMap<String, Json>)]
    pub spec: Map<String, Json>,
    /// The data.
    pub dataset: ChartDataset,
    /// Figures about the data.
    pub metadata: ChartMetadata,
}

/// Language of a specification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ChartFormat {
    /// Vega-Lite.
    VegaLite,
    /// Plotly.
    PlotlyJson,
}

/// Data of a chart: the rows, or where to get them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum ChartDataset {
    /// The rows themselves.
    Rows(RowsDataset),
    /// A token for them.
    Ref(RefDataset),
}

/// Rows of a chart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RowsDataset {
    /// At most 5,000, at most 200 columns.
    #[schema(value_type = Vec<HashMap<String, Json>>)]
    pub rows: Vec<Keyed<Json>>,
}

/// A token that stands for rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RefDataset {
    /// The token.
    #[serde(rename = "ref")]
    #[schema(pattern = "^ds_[A-Za-z0-9_-]{8,64}$")]
    pub token: String,
}

/// Figures about the data of a chart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChartMetadata {
    /// Rows in the dataset.
    pub row_count: u64,
    /// Columns in the dataset.
    pub column_count: u64,
    /// Where the rows come from; `sql` for a result.
    pub source: String,
}
