//! Charts: a checked Vega-Lite specification with its rows, from a proposal and a recorded result.

mod picture;
mod spec;
mod vega_lite;

pub use picture::picture;
pub use spec::{ChartDataset, ChartFormat, ChartMetadata, ChartSpec, RefDataset, RowsDataset};
pub use vega_lite::{MAX_ROWS, build};
