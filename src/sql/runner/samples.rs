//! Values that some columns have, so that a language model need not guess how they are written. They are read as
//! the caller, so that the policy of the source decides about them as it does about any statement; they are data,
//! and so no part of a schema, its hash or the journal.

use super::guarded::GuardedSource;
use super::kept::Kept;
use crate::catalog::Catalog;
use crate::sql::dialect::{Dialect, DialectKind};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};
use vanna_actors::ports::sql::Failure;
use vanna_actors::ports::tools::Caller;

/// Most values of one column.
const MOST_VALUES: usize = 20;
/// Most letters of a value; longer ones are no labels and are left out.
const MOST_LETTERS: usize = 64;
/// Rows that are looked at.
const MOST_ROWS: u32 = 10_000;
/// Longest time for all columns; those that it does not reach have no values.
const TIME: Duration = Duration::from_secs(5);

/// Values by relation and column, both by their names in the catalog.
pub(crate) type Samples = BTreeMap<(String, String), Vec<String>>;

/// The columns whose values may be told, and what has been read of them for the newest callers.
#[derive(Debug, Default)]
pub(super) struct Sampling {
    pub(super) columns: Vec<(String, String)>,
    pub(super) kept: Kept<Samples>,
}

impl Sampling {
    /// Of names such as `orders.status`, the last part of which is the column.
    pub(super) fn of(names: &[String]) -> Self {
        let split = names.iter().filter_map(|name| name.rsplit_once('.'));
        let columns = split.map(|(table, column)| (table.to_owned(), column.to_owned()));
        Self { columns: columns.collect(), kept: Kept::default() }
    }
}

impl GuardedSource {
    /// The schema as a caller may see it, with values of the columns that are configured to tell them.
    ///
    /// # Errors
    /// As [`GuardedSource::catalog`].
    pub async fn described(&self, caller: &Caller) -> Result<Arc<Catalog>, Failure> {
        let catalog = self.catalog(caller).await?;
        if self.sampling().columns.is_empty() {
            return Ok(catalog);
        }
        let permit = self.permit(caller).await?;
        let key = permit.map_or_else(|| catalog.mark().hash, |permit| permit.key().to_owned());
        let samples = match self.sampling().kept.get(&key) {
            Some(known) => known,
            None => {
                let read = Arc::new(self.samples(caller, &catalog).await);
                self.sampling().kept.keep(&key, Arc::clone(&read));
                read
            }
        };
        Ok(Arc::new(catalog.with_samples(&samples)))
    }

    /// Reads the values that a caller may see of columns that are in the schema.
    async fn samples(&self, caller: &Caller, catalog: &Catalog) -> Samples {
        let mut samples = Samples::new();
        let Ok(dialect) = self.engine().dialect().name().parse::<DialectKind>() else { return samples };
        let until = Instant::now() + TIME;
        for (table, column) in &self.sampling().columns {
            let Some(relation) = catalog.relation(table) else { continue };
            let Some(known) = relation.column(column) else { continue };
            let schema = relation.schema.as_deref();
            let sql = statement(dialect.spelling(), schema, &relation.table, &known.name);
            match timeout_at(until, self.distinct(caller, &sql, MOST_VALUES)).await {
                Ok(Ok(values)) => {
                    let values = values.into_iter().filter(|value| is_label(value)).collect();
                    samples.insert((relation.name.clone(), known.name.clone()), values);
                }
                Ok(Err(failure)) => tracing::debug!(code = failure.code, column, "no values of a column"),
                Err(_) => {
                    tracing::warn!(column, "values of columns took too long to read; the rest has none");
                    break;
                }
            }
        }
        samples
    }
}

fn statement(spelling: &dyn Dialect, schema: Option<&str>, table: &str, column: &str) -> String {
    let names: Vec<String> =
        schema.into_iter().chain([table]).map(|name| spelling.identifier(name)).collect();
    let (table, column) = (names.join("."), spelling.identifier(column));
    format!(
        "SELECT DISTINCT s.v AS v FROM (SELECT {column} AS v FROM {table} LIMIT {MOST_ROWS}) AS s \
         WHERE s.v IS NOT NULL ORDER BY 1 LIMIT {MOST_VALUES}"
    )
}

fn is_label(value: &str) -> bool {
    !value.trim().is_empty()
        && value.chars().count() <= MOST_LETTERS
        && !value.chars().any(|letter| letter.is_control() || letter == '\'')
}
