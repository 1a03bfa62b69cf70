//! What may be called: lists per dialect, made from the engines' catalogs and reviewed.

mod list;
mod make;
mod rows;
mod site;

pub(crate) use list::Functions;
pub use make::{MakeError, list_postgres, list_sqlite};
pub(crate) use rows::table_columns;
pub(crate) use site::SiteFunctions;
