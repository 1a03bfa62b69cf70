//! One pass over the catalogs, in one transaction that changes nothing.

use super::connection::PostgresError;
use super::copy::Rows;
use super::join::join;
use super::queries;
use crate::catalog::snapshot::Snapshot;
use tokio_postgres::{Client, IsolationLevel};

/// All that was read.
pub(super) struct Catalogs {
    pub(super) role: String,
    pub(super) schemas: Rows,
    pub(super) relations: Rows,
    pub(super) columns: Rows,
    pub(super) types: Rows,
    pub(super) defaults: Rows,
    pub(super) constraints: Rows,
    pub(super) indexes: Rows,
    pub(super) labels: Rows,
    pub(super) comments: Rows,
}

pub(super) async fn pass(client: &mut Client) -> Result<Snapshot, PostgresError> {
    let transaction = client
        .build_transaction()
        .isolation_level(IsolationLevel::RepeatableRead)
        .read_only(true)
        .start()
        .await?;
    transaction.batch_execute(queries::BEGIN).await?;
    let role = transaction.query_one(queries::ROLE, &[]).await?.try_get(0)?;
    let catalogs = Catalogs {
        role,
        schemas: Rows::read(&transaction, queries::SCHEMAS).await?,
        relations: Rows::read(&transaction, queries::RELATIONS).await?,
        columns: Rows::read(&transaction, queries::COLUMNS).await?,
        types: Rows::read(&transaction, queries::TYPES).await?,
        defaults: Rows::read(&transaction, queries::DEFAULTS).await?,
        constraints: Rows::read(&transaction, queries::CONSTRAINTS).await?,
        indexes: Rows::read(&transaction, queries::INDEXES).await?,
        labels: Rows::read(&transaction, queries::LABELS).await?,
        comments: Rows::read(&transaction, queries::COMMENTS).await?,
    };
    transaction.rollback().await?;
    join(&catalogs)
}
