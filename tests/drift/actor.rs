//! The actor over a real PostgreSQL: a change is seen, read and told of.

use crate::cluster::{cluster, connect};
use std::collections::BTreeMap;
use std::sync::Arc;
use vanna::catalog::sync::{Dependent, PostgresSchema, find};
use vanna_actors::drift::{Command, Readers, SourceSchema};
use vanna_actors::events::drift::{DriftEvent, SyncFinished};
use vanna_actors::ports::catalog::SchemaReader;
use vanna_actors::runtime::{Clock, Entity, Handle, Ids, Settings, SystemClock, SystemIds};
use vanna_journal::{Journal, MemoryJournal, StreamSubscription};

/// Ticks until the next sync has ended.
async fn finished(handle: &Handle<SourceSchema>, told: &mut StreamSubscription) -> Box<SyncFinished> {
    loop {
        handle.send(SourceSchema::stream("shop"), Command::Tick).await.unwrap();
        let wait = tokio::time::timeout(std::time::Duration::from_millis(100), told.next()).await;
        let Ok(records) = wait else { continue };
        for record in records.unwrap() {
            match SourceSchema::decode(&record).unwrap() {
                DriftEvent::SyncFinished(finished) => return finished,
                DriftEvent::SyncFailed(failed) => panic!("{failed:?}"),
                _ => {}
            }
        }
    }
}

#[tokio::test]
async fn a_change_in_postgres_is_seen_read_and_told_of() {
    let Some(cluster) = cluster() else { return };
    let dsn = cluster.database().await;
    let client = connect(&dsn).await;
    client.batch_execute("CREATE TABLE orders (id integer PRIMARY KEY, total numeric(10,2))").await.unwrap();
    let journal: Arc<dyn Journal> = Arc::new(MemoryJournal::new());
    let revenue = Dependent {
        kind: "metric",
        name: "revenue".to_owned(),
        sql: "SELECT sum(total) AS revenue FROM orders".to_owned(),
    };
    let reader: Arc<dyn SchemaReader> =
        Arc::new(PostgresSchema::new("shop", dsn.clone(), Arc::clone(&journal), vec![revenue]));
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let ids: Arc<dyn Ids> = Arc::new(SystemIds);
    let readers =
        Readers { readers: BTreeMap::from([("shop".to_owned(), reader)]), clock: Arc::clone(&clock) };
    let handle =
        Handle::<SourceSchema>::start(Arc::clone(&journal), clock, ids, readers, Settings::default())
            .await
            .unwrap();
    let mut told = StreamSubscription::new(Arc::clone(&journal), SourceSchema::stream("shop"), 0);

    let first = finished(&handle, &mut told).await;
    assert_eq!((first.relations, first.columns, first.changes), (1, 2, 0));
    client.batch_execute("ALTER TABLE orders ALTER COLUMN total TYPE text").await.unwrap();
    drop(client);
    let second = finished(&handle, &mut told).await;
    assert_eq!(second.before.as_ref(), Some(&first.mark));
    assert_eq!(second.severity.as_deref(), Some("breaking"));
    let report = second.report.as_ref().unwrap().value();
    assert_eq!(report["changed"][0]["fields"]["type"]["to"], "text");
    assert_eq!(report["affected"][0]["name"], "revenue");
    assert_eq!(report["affected"][0]["impact"], "broken");
    let kept = find(&*journal, "shop", &first.mark.snapshot_id).unwrap().unwrap();
    assert_eq!(kept.table("public", "orders").unwrap().column("total").unwrap().data_type, "numeric(10,2)");
}
