//! MetricFlow's own queries give MetricFlow's own rows on SQLite, PostgreSQL and DuckDB, through the guard. (MariaDB joins
//! computed days by reading them over and over: minutes for the running totals.)

use crate::cluster;
use crate::differential::{World, rows, sorted};
use serde_json::{Value as Json, json};
use std::path::Path;
use std::sync::Arc;
use vanna::semantic::compile::compile_json;
use vanna::semantic::load::from_path;
use vanna::semantic::model::Model;
use vanna::sql::dialect::DialectKind;
use vanna::sql::runner::{GuardedSource, PostgresSource, SqliteSource};

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/metricflow"))
}

fn text(name: &str) -> String {
    std::fs::read_to_string(folder().join(name)).unwrap()
}

/// A moment with all its parts, and a fraction only where there is one.
fn moment(text: &str) -> Option<String> {
    let is_day = text.get(..10)?.bytes().enumerate().all(|(at, b)| match at {
        4 | 7 => b == b'-',
        _ => b.is_ascii_digit(),
    });
    let time = text.get(10..).unwrap_or_default().replace('T', " ");
    let time = time.trim_end_matches("+00:00").trim_end_matches("+00").trim_end_matches('Z');
    let (time, fraction) = time.split_once('.').unwrap_or((time, ""));
    let fraction = fraction.get(..6).unwrap_or(fraction).trim_end_matches('0');
    let time = if time.is_empty() { " 00:00:00" } else { time };
    let fraction = if fraction.is_empty() { String::new() } else { format!(".{fraction}") };
    is_day.then(|| format!("{}{time}{fraction}", &text[..10]))
}

fn declared(kind: &str, dialect: DialectKind) -> &'static str {
    match (kind, dialect) {
        ("STRING", _) => "TEXT",
        ("TIME", DialectKind::Sqlite) => "TEXT",
        ("TIME", _) => "TIMESTAMP",
        ("FLOAT", DialectKind::Sqlite) => "REAL",
        ("FLOAT", _) => "DOUBLE PRECISION",
        ("INT", _) => "BIGINT",
        ("BOOLEAN", DialectKind::Sqlite) => "INTEGER",
        ("BOOLEAN", _) => "BOOLEAN",
        (other, _) => panic!("{other} is no type of the data"),
    }
}

fn cell(text: &str, kind: &str) -> String {
    match kind {
        _ if text == "\\N" => "NULL".to_owned(),
        "INT" | "FLOAT" => text.to_owned(),
        "BOOLEAN" => text.to_uppercase(),
        "TIME" => format!("'{}'", moment(text).unwrap()),
        _ => format!("'{}'", text.replace('\'', "''")),
    }
}

/// The tables as statements, each ended at the end of a line.
fn tables(dialect: DialectKind) -> String {
    let schema: serde_json::Map<String, Json> = serde_json::from_str(&text("data/schema.json")).unwrap();
    let mut out = String::new();
    for (name, columns) in &schema {
        let columns: Vec<(String, String)> = serde_json::from_value(columns.clone()).unwrap();
        let list: Vec<String> =
            columns.iter().map(|(name, kind)| format!("{name} {}", declared(kind, dialect))).collect();
        out.push_str(&format!("CREATE TABLE {name} ({});\n", list.join(", ")));
        let data = text(&format!("data/{name}.csv"));
        let rows: Vec<String> = data
            .lines()
            .skip(1)
            .map(|line| {
                let cells: Vec<String> =
                    line.split(',').zip(&columns).map(|(text, (_, kind))| cell(text, kind)).collect();
                assert_eq!(cells.len(), columns.len(), "{name}: {line}");
                format!("({})", cells.join(", "))
            })
            .collect();
        for some in rows.chunks(500) {
            out.push_str(&format!("INSERT INTO {name} VALUES {};\n", some.join(", ")));
        }
    }
    out
}

/// The data in every database that there is, with the name of its schema.
async fn worlds() -> Vec<(World, String)> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("metricflow.sqlite");
    rusqlite::Connection::open(&path).unwrap().execute_batch(&tables(DialectKind::Sqlite)).unwrap();
    let source = GuardedSource::new(Arc::new(SqliteSource::open("flow", path).unwrap()));
    let held = Box::new(folder);
    let mut worlds = vec![(World { dialect: DialectKind::Sqlite, source, _held: held }, "main".to_owned())];
    #[cfg(feature = "duckdb")]
    worlds.push((crate::duckdb::world("flow", &tables(DialectKind::Duckdb)), "main".to_owned()));
    if let Some(cluster) = cluster::cluster() {
        let url = cluster.database().await;
        cluster::connect(&url).await.batch_execute(&tables(DialectKind::Postgres)).await.unwrap();
        let source = GuardedSource::new(Arc::new(PostgresSource::open("flow", &url).await.unwrap()));
        let world = World { dialect: DialectKind::Postgres, source, _held: Box::new(cluster) };
        worlds.push((world, "public".to_owned()));
    }
    worlds
}

/// A manifest whose tables are in another schema.
fn model(name: &str, schema: &str, home: &Path) -> Model {
    let manifest = text(&format!("models/{name}.json")).replace("\"main\"", &format!("\"{schema}\""));
    let path = home.join(format!("{name}_{schema}.json"));
    std::fs::write(&path, manifest).unwrap();
    from_path(&path).unwrap_or_else(|errors| panic!("{name}: {errors:?}"))
}

fn plain(cell: &Json) -> Json {
    match cell {
        Json::Bool(truth) => json!(i64::from(*truth)),
        Json::String(text) => moment(text).map_or_else(|| cell.clone(), Json::String),
        other => other.clone(),
    }
}

/// Rows with their columns in the order of their names, and sorted unless their order counts.
fn told(columns: &[String], rows: &[Vec<Json>], is_ordered: bool) -> (Vec<String>, Vec<Vec<Json>>) {
    let mut order: Vec<usize> = (0..columns.len()).collect();
    order.sort_by_key(|at| columns[*at].to_lowercase());
    let mut rows: Vec<Vec<Json>> =
        rows.iter().map(|row| order.iter().map(|at| plain(&row[*at])).collect()).collect();
    if !is_ordered {
        rows = sorted(&rows);
    }
    (order.iter().map(|at| columns[*at].to_lowercase()).collect(), rows)
}

fn close(left: &Json, right: &Json) -> bool {
    match (left.as_f64(), right.as_f64()) {
        (Some(left), Some(right)) => (left - right).abs() <= 1e-9_f64.max(1e-6 * left.abs().max(right.abs())),
        _ => left == right,
    }
}

#[tokio::test]
async fn metricflows_queries_give_metricflows_rows() {
    let home = tempfile::tempdir().unwrap();
    let cases: Vec<Json> =
        text("cases.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for (world, schema) in worlds().await {
        let mut models = std::collections::BTreeMap::new();
        let (mut equal, mut wrong) = (0, Vec::new());
        for case in &cases {
            let name = case["model"].as_str().unwrap();
            let model = models.entry(name.to_owned()).or_insert_with(|| model(name, &schema, home.path()));
            let mut query = case["query"].clone();
            if world.dialect == DialectKind::Sqlite && !case["filters_sqlite"].is_null() {
                query["filters"] = case["filters_sqlite"].clone();
            }
            let compiled = match compile_json(model, &query.to_string(), world.dialect) {
                Ok(_) if case["kind"] == "reject" => panic!("{:?} {} is taken", world.dialect, case["id"]),
                Err(_) if case["kind"] == "reject" => continue,
                Err(error) => {
                    wrong.push(format!("{}: {}", case["id"], error.message));
                    continue;
                }
                Ok(compiled) => compiled,
            };
            let names: Vec<String> = compiled.outputs.iter().map(|output| output.name.clone()).collect();
            let wanted: Vec<String> = serde_json::from_value(case["columns"].clone()).unwrap();
            let wanted_rows: Vec<Vec<Json>> = serde_json::from_value(case["rows"].clone()).unwrap();
            let is_ordered = case["ordered"] == json!(true);
            let (names, found) = told(&names, &rows(&world, &compiled).await, is_ordered);
            let (wanted, wanted_rows) = told(&wanted, &wanted_rows, is_ordered);
            let same = names == wanted
                && found.len() == wanted_rows.len()
                && found.iter().flatten().zip(wanted_rows.iter().flatten()).all(|(a, b)| close(a, b));
            if same {
                equal += 1;
            } else {
                wrong.push(format!("{}: {found:?} and not {wanted_rows:?}\n{}", case["id"], compiled.sql));
            }
        }
        assert!(
            wrong.is_empty(),
            "{:?}: {equal} equal, {} not:\n{}",
            world.dialect,
            wrong.len(),
            wrong.join("\n")
        );
        assert_eq!(equal, 182, "{:?}", world.dialect);
    }
}
