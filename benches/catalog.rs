//! What reading a schema costs on PostgreSQL: the whole pass against psql's COPY of the same catalogs in the
//! same run, and a pass over a schema that did not change.
//!
//! `cargo bench --bench catalog -- postgres://user@host/database [tables …]` makes tables in that database, so
//! give it an empty one. Without an address it says so and measures nothing.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench prints, and stops where it cannot go on"
)]

use std::process::Command;
use std::time::{Duration, Instant};
use vanna::catalog::diff::diff;
use vanna::catalog::engines::{POSTGRES_READS, PostgresCatalog};
use vanna::catalog::snapshot::schema_hash;
use vanna::catalog::sync::pack;

/// Columns of each table.
const COLUMNS: usize = 20;
/// Passes of each kind.
const ROUNDS: usize = 15;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let Some((dsn, sizes)) = arguments.split_first() else {
        println!("catalog: give the address of an empty PostgreSQL database; nothing was measured");
        return;
    };
    let sizes: Vec<usize> = sizes.iter().map(|size| size.parse().unwrap()).collect();
    let sizes = if sizes.is_empty() { vec![1_000, 10_000] } else { sizes };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for size in sizes {
        runtime.block_on(measure(dsn, size));
    }
}

async fn measure(dsn: &str, tables: usize) {
    fill(dsn, tables).await;
    let mut catalog = PostgresCatalog::connect(dsn).await.unwrap();
    let (known, _) = catalog.snapshot().await.unwrap();
    let (mut passes, mut copies, mut probes) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        copies.push(copy(dsn));
        let begun = Instant::now();
        let (snapshot, _) = catalog.snapshot().await.unwrap();
        let hash = schema_hash(&snapshot);
        let found = diff(&known, &snapshot);
        let packed = pack(&snapshot).unwrap();
        passes.push(begun.elapsed());
        assert!(found.is_empty() && hash == schema_hash(&known) && !packed.0.is_empty());
        let begun = Instant::now();
        catalog.probe().await.unwrap();
        probes.push(begun.elapsed());
    }
    let ratio = at(&passes, 50).as_secs_f64() / at(&copies, 50).as_secs_f64();
    println!(
        "catalog {tables} tables x {COLUMNS}: pass p50 {:?} p95 {:?}; psql COPY p50 {:?} p95 {:?}; ratio {ratio:.2}; \
         unchanged p95 {:?}",
        at(&passes, 50),
        at(&passes, 95),
        at(&copies, 50),
        at(&copies, 95),
        at(&probes, 95)
    );
}

fn at(times: &[Duration], percent: usize) -> Duration {
    let mut times = times.to_vec();
    times.sort_unstable();
    let last = times.len().saturating_sub(1);
    times.get((times.len() * percent / 100).min(last)).copied().unwrap_or_default()
}

/// The same reads, by psql, into nowhere.
fn copy(dsn: &str) -> Duration {
    let reads = POSTGRES_READS.iter();
    let copies: Vec<String> = reads.map(|read| format!("COPY ({read}) TO STDOUT (FORMAT binary)")).collect();
    let mut command = Command::new("psql");
    command.args(["--no-psqlrc", "--quiet", "--output=/dev/null", dsn]);
    for copy in &copies {
        command.args(["-c", copy]);
    }
    let begun = Instant::now();
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    begun.elapsed()
}

/// Tables with keys, indexes, comments and enumerated types, in one schema made anew.
async fn fill(dsn: &str, tables: usize) {
    let (client, connection) = tokio_postgres::connect(dsn, tokio_postgres::NoTls).await.unwrap();
    let connection = tokio::spawn(connection);
    // One by one: a transaction that drops thousands of tables needs more locks than a server has.
    let old =
        client.query("SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'", &[]).await.unwrap();
    for row in old {
        let name: String = row.get(0);
        client.batch_execute(&format!("DROP TABLE public.\"{name}\" CASCADE")).await.unwrap();
    }
    client
        .batch_execute(
            "DROP TYPE IF EXISTS public.state; CREATE TYPE public.state AS ENUM ('new', 'paid', 'sent')",
        )
        .await
        .unwrap();
    for table in 0..tables {
        let columns: Vec<String> = (3..COLUMNS).map(|n| format!("c{n} numeric(10,2) DEFAULT {n}")).collect();
        let text = format!(
            "CREATE TABLE t{table} (id integer PRIMARY KEY, name text NOT NULL, at state, {}); \
             CREATE INDEX ON t{table} (name); COMMENT ON TABLE t{table} IS 'table {table}'; \
             COMMENT ON COLUMN t{table}.name IS 'what it is called'; \
             ALTER TABLE t{table} ADD FOREIGN KEY (id) REFERENCES t{} (id)",
            columns.join(", "),
            table / 2
        );
        client.batch_execute(&text).await.unwrap();
    }
    client.batch_execute("VACUUM ANALYZE").await.unwrap();
    drop(client);
    connection.await.unwrap().unwrap();
}
