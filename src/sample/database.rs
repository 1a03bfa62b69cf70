//! The sample itself.

/// The SQLite file as published.
pub const DATABASE: &[u8] = include_bytes!("Chinook_Sqlite.sqlite");

/// The day that "today" means for the sample: its last invoices are of that December.
pub const AS_OF: &str = "2025-12-31";

/// Name of the sample as a source.
pub const NAME: &str = "chinook";

/// The semantic model of the sample.
pub const MODEL: &str = include_str!("chinook.yaml");
