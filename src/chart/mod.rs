//! Charts: a checked Vega-Lite specification with its rows, from a proposal and a recorded result.

mod spec;
mod vega_lite;

pub use spec::{ChartDataset, ChartFormat, ChartMetadata, ChartSpec, RefDataset, RowsDataset};
pub use vega_lite::{MAX_ROWS, build};
