//! The actor over a real PostgreSQL: a change is seen, read and told of.

use crate::cluster::{cluster, connect};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use vanna::catalog::sync::{Dependent, PostgresSchema, find};
use vanna::memory::JournaledMemory;
use vanna_actors::drift::{Command, Readers, SourceSchema};
use vanna_actors::events::drift::{DriftEvent, SyncFinished};
use vanna_actors::json::Json;
use vanna_actors::memory::{MemoryBook, NoEffects};
use vanna_actors::ports::catalog::SchemaReader;
use vanna_actors::ports::memory::{MemoryStore, Note, Pattern};
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

/// Keeps a statement in the memory of some tenant.
async fn remember(journal: &Arc<dyn Journal>, id: &str, sql: &str) {
    let (clock, ids) = (Arc::new(SystemClock), Arc::new(SystemIds));
    let books =
        Handle::<MemoryBook>::start(Arc::clone(journal), clock, ids, NoEffects, Settings::default()).await;
    let pattern = Pattern { tool: "run_sql".to_owned(), arguments: Json::new(&json!({ "sql": sql })) };
    let note = Note {
        id: id.to_owned(),
        author: "ann".to_owned(),
        shared: true,
        question: "what is the most".to_owned(),
        text: String::new(),
        pattern: Some(pattern),
    };
    JournaledMemory::new(books.unwrap()).save("acme", note).await.unwrap();
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
    remember(&journal, "n1", "SELECT max(total) FROM orders WHERE total > 5").await;
    remember(&journal, "n2", "SELECT count(id) FROM orders").await;
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
    let affected = report["affected"].as_array().unwrap().iter();
    let affected: Vec<_> = affected.map(|one| [&one["kind"], &one["name"], &one["impact"]]).collect();
    assert_eq!(affected, [["memory", "n1", "broken"], ["metric", "revenue", "broken"]]);
    let kept = find(&*journal, "shop", &first.mark.snapshot_id).unwrap().unwrap();
    assert_eq!(kept.table("public", "orders").unwrap().column("total").unwrap().data_type, "numeric(10,2)");
}
