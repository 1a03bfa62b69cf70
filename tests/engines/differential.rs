//! The same semantic query gives the same rows on SQLite, PostgreSQL, MariaDB and, where it is built in, DuckDB.

use crate::postgres::anybody;
use crate::{cluster, mariadb_server};
use serde_json::{Value as Json, json};
use std::any::Any;
use std::sync::Arc;
use vanna::sample;
use vanna::semantic::compile::{Compiled, compile_json};
use vanna::semantic::load::from_str;
use vanna::semantic::model::Model;
use vanna::sql::dialect::DialectKind;
use vanna::sql::runner::{GuardedSource, MysqlSource, PostgresSource, SqliteSource};
use vanna_actors::ports::sql::{Limits, SqlSource, Statement, Value};

/// The sample in one database.
pub(crate) struct World {
    pub(crate) dialect: DialectKind,
    pub(crate) source: GuardedSource,
    pub(crate) _held: Box<dyn Any>,
}

/// The sample as statements of a server, each ended at the end of a line.
fn dump(file: &rusqlite::Connection, dialect: DialectKind) -> Vec<String> {
    let is_mysql = dialect == DialectKind::Mysql;
    let quoted = |name: &str| dialect.spelling().identifier(name);
    let mut names = file.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY 1").unwrap();
    let names: Vec<String> = names.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let mut statements = Vec::new();
    for name in names {
        let mut columns = file.prepare("SELECT name, type FROM pragma_table_info(?1)").unwrap();
        let columns = columns.query_map([&name], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        let columns: Vec<(String, String)> = columns.map(Result::unwrap).collect();
        let declared = columns.iter().map(|(column, declared)| {
            let declared = match declared.to_uppercase().as_str() {
                "DATETIME" if is_mysql => "DATETIME".to_owned(),
                "DATETIME" => "TIMESTAMP".to_owned(),
                text if text.starts_with("NVARCHAR") => text.replace("NVARCHAR", "VARCHAR"),
                text => text.to_owned(),
            };
            format!("{} {declared}", quoted(column))
        });
        let mut declared: Vec<String> = declared.collect();
        // Without their keys a server joins these tables by reading them over and over.
        let keys = "SELECT name FROM pragma_table_info(?1) WHERE pk > 0 ORDER BY pk";
        let mut keys = file.prepare(keys).unwrap();
        let keys = keys.query_map([&name], |row| row.get::<_, String>(0)).unwrap();
        let keys: Vec<String> = keys.map(|key| quoted(&key.unwrap())).collect();
        assert!(!keys.is_empty(), "{name} has a key");
        declared.push(format!("PRIMARY KEY ({})", keys.join(", ")));
        statements.push(format!("CREATE TABLE {} ({})", quoted(&name), declared.join(", ")));
        let mut rows = file.prepare(&format!("SELECT * FROM \"{name}\"")).unwrap();
        let rows = rows.query_map([], |row| {
            let cells = (0..columns.len()).map(|at| {
                Ok(match row.get::<_, rusqlite::types::Value>(at)? {
                    rusqlite::types::Value::Null => "NULL".to_owned(),
                    rusqlite::types::Value::Integer(number) => number.to_string(),
                    rusqlite::types::Value::Real(number) => number.to_string(),
                    rusqlite::types::Value::Text(text) => dialect.spelling().text(&text),
                    rusqlite::types::Value::Blob(_) => panic!("the sample has no bytes"),
                })
            });
            Ok(format!("({})", cells.collect::<rusqlite::Result<Vec<_>>>()?.join(", ")))
        });
        let rows: Vec<String> = rows.unwrap().map(Result::unwrap).collect();
        for some in rows.chunks(500) {
            statements.push(format!("INSERT INTO {} VALUES {}", quoted(&name), some.join(", ")));
        }
    }
    statements
}

/// The sample in every database that there is.
async fn worlds() -> Vec<World> {
    let folder = tempfile::tempdir().unwrap();
    let path = sample::unpack(folder.path()).unwrap();
    let file = rusqlite::Connection::open(&path).unwrap();
    let source = GuardedSource::new(Arc::new(SqliteSource::open("chinook", path).unwrap()));
    let mut worlds = vec![World { dialect: DialectKind::Sqlite, source, _held: Box::new(folder) }];
    #[cfg(feature = "duckdb")]
    worlds.push(crate::duckdb::world("chinook", &dump(&file, DialectKind::Duckdb).join(";\n")));
    if let Some(cluster) = cluster::cluster() {
        let url = cluster.database().await;
        let owner = cluster::connect(&url).await;
        owner.batch_execute(&dump(&file, DialectKind::Postgres).join(";\n")).await.unwrap();
        let source = GuardedSource::new(Arc::new(PostgresSource::open("chinook", &url).await.unwrap()));
        worlds.push(World { dialect: DialectKind::Postgres, source, _held: Box::new(cluster) });
    }
    if let Some(server) = mariadb_server::server() {
        let url = server.database().await;
        let mut owner = mariadb_server::connect(&url).await;
        for sql in dump(&file, DialectKind::Mysql) {
            mariadb_server::batch(&mut owner, &sql).await;
        }
        let source = GuardedSource::new(Arc::new(MysqlSource::open("chinook", &url).await.unwrap()));
        worlds.push(World { dialect: DialectKind::Mysql, source, _held: Box::new(server) });
    }
    worlds
}

/// A small world of our own in every database that there is.
async fn small(text: &str) -> Vec<World> {
    let dated = text
        .replace("day TEXT", "day DATE")
        .replace("since TEXT, until TEXT", "since DATE, until DATE")
        .replace(" REAL", " DOUBLE PRECISION")
        .replace("TEXT", "VARCHAR(50)");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bank.sqlite");
    rusqlite::Connection::open(&path).unwrap().execute_batch(text).unwrap();
    let source = GuardedSource::new(Arc::new(SqliteSource::open("bank", path).unwrap()));
    let mut worlds = vec![World { dialect: DialectKind::Sqlite, source, _held: Box::new(folder) }];
    #[cfg(feature = "duckdb")]
    worlds.push(crate::duckdb::world("bank", &dated));
    if let Some(cluster) = cluster::cluster() {
        let url = cluster.database().await;
        cluster::connect(&url).await.batch_execute(&dated).await.unwrap();
        let source = GuardedSource::new(Arc::new(PostgresSource::open("bank", &url).await.unwrap()));
        worlds.push(World { dialect: DialectKind::Postgres, source, _held: Box::new(cluster) });
    }
    if let Some(server) = mariadb_server::server() {
        let url = server.database().await;
        mariadb_server::batch(&mut mariadb_server::connect(&url).await, &dated).await;
        let source = GuardedSource::new(Arc::new(MysqlSource::open("bank", &url).await.unwrap()));
        worlds.push(World { dialect: DialectKind::Mysql, source, _held: Box::new(server) });
    }
    worlds
}

#[tokio::test]
async fn metrics_worked_out_by_hand_come_out_the_same_on_every_database() {
    let text = include_str!("../fixtures/semantic/bank.yaml");
    let cases = include_str!("../fixtures/semantic/bank_queries.jsonl");
    give_their_rows(text, include_str!("../fixtures/semantic/bank.sql"), cases).await;
    let text = include_str!("../fixtures/semantic/stock.yaml");
    let cases = include_str!("../fixtures/semantic/stock_queries.jsonl");
    give_their_rows(text, include_str!("../fixtures/semantic/stock.sql"), cases).await;
}

async fn give_their_rows(model: &str, tables: &str, cases: &str) {
    let model = from_str(model, "model.yaml").unwrap();
    for world in small(tables).await {
        for line in cases.lines() {
            let case: Json = serde_json::from_str(line).unwrap();
            let compiled = compile_json(&model, &case["query"].to_string(), world.dialect);
            if case["refused"].is_string()
                || (world.dialect == DialectKind::Mysql && case["days"] == json!(true))
            {
                assert!(compiled.is_err(), "{:?} {line}", world.dialect);
                continue;
            }
            let compiled = compiled.unwrap_or_else(|error| panic!("{:?} {error} {line}", world.dialect));
            let found = rows(&world, &compiled).await;
            let wanted: Vec<Vec<Json>> = serde_json::from_value(case["rows"].clone()).unwrap();
            assert!(equal(&found, &wanted), "{:?} {line}\n{found:?}\n{}", world.dialect, compiled.sql);
        }
    }
}

/// The rows of the statement with parameters, after seeing that the one with literals gives the same.
pub(crate) async fn rows(world: &World, compiled: &Compiled) -> Vec<Vec<Json>> {
    let limits = Limits { rows: 100_000, bytes: 64 << 20, ..Limits::default() };
    let run = async |prepared: &str, params: &[Value]| {
        let statement = Statement {
            source: "chinook".into(),
            dialect: world.dialect.name().into(),
            sql: compiled.sql.clone(),
            prepared: prepared.to_owned(),
            params: params.to_vec(),
            outputs: Vec::new(),
            tables: compiled.tables.clone(),
            columns: compiled.columns.clone(),
        };
        let found = world.source.run(&anybody(), &statement, limits).await;
        let found = found.unwrap_or_else(|failure| panic!("{:?} {failure:?}\n{prepared}", world.dialect));
        let rows = found.run.result.rows.iter().map(|row| row.iter().map(told).collect::<Vec<Json>>());
        rows.collect::<Vec<_>>()
    };
    let prepared = run(&compiled.prepared, &compiled.params).await;
    let printed = run(&compiled.sql, &[]).await;
    // What no order is asked of may come in any, and differently each time.
    let (one, other) = (sorted(&prepared), sorted(&printed));
    assert!(equal(&one, &other), "{:?}\n{prepared:?}\n{printed:?}\n{}", world.dialect, compiled.sql);
    prepared
}

pub(crate) fn sorted(rows: &[Vec<Json>]) -> Vec<Vec<Json>> {
    let rounded = |cell: &Json| cell.as_f64().map_or_else(|| cell.to_string(), |n| format!("{n:024.6}"));
    let mut rows = rows.to_vec();
    rows.sort_by_cached_key(|row| row.iter().map(rounded).collect::<Vec<_>>());
    rows
}

/// A cell without what only the engine's own types say.
fn told(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(truth) => json!(*truth),
        Value::Int(number) => json!(*number),
        Value::Real(number) => json!(*number),
        Value::Decimal(text) => json!(text.parse::<f64>().unwrap()),
        Value::Text(text) | Value::Date(text) | Value::Json(text) => json!(text),
        Value::DateTime(text) => json!(text.replace('T', " ")),
        Value::Blob(_) => panic!("no metric is bytes"),
    }
}

fn equal(left: &[Vec<Json>], right: &[Vec<Json>]) -> bool {
    let cell = |(left, right): (&Json, &Json)| match (left.as_f64(), right.as_f64()) {
        (Some(left), Some(right)) => (left - right).abs() <= 1e-9 * right.abs().max(1.0),
        _ => left == right,
    };
    let row = |(left, right): (&Vec<Json>, &Vec<Json>)| {
        left.len() == right.len() && left.iter().zip(right).all(cell)
    };
    left.len() == right.len() && left.iter().zip(right).all(row)
}

/// Asks every database the same, and gives the rows that all of them gave.
async fn agreed(worlds: &[World], model: &Model, query: &Json) -> Option<Vec<Vec<Json>>> {
    let mut first: Option<Result<Vec<Vec<Json>>, String>> = None;
    for world in worlds {
        let found = match compile_json(model, &query.to_string(), world.dialect) {
            Ok(compiled) => Ok((rows(world, &compiled).await, compiled.sql)),
            Err(refused) => Err(refused.to_string()),
        };
        let sql = found.as_ref().map_or(String::new(), |(_, sql)| sql.clone());
        let found = found.map(|(rows, _)| rows);
        match (&first, &found) {
            (None, _) => first = Some(found),
            (Some(Ok(first)), Ok(found)) => {
                let engine = world.dialect;
                assert!(equal(found, first), "{engine:?} {query}\n{sql}\n{found:?}\nSQLite: {first:?}");
            }
            (Some(first), found) => assert_eq!(first, found, "{:?} {query}", world.dialect),
        }
    }
    first.and_then(Result::ok)
}

fn model() -> Model {
    from_str(sample::MODEL, "chinook.yaml").unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_kept_queries_give_their_rows_on_every_database() {
    let (worlds, model) = (worlds().await, model());
    for line in include_str!("../fixtures/semantic/chinook_queries.jsonl").lines() {
        let case: Json = serde_json::from_str(line).unwrap();
        let found = agreed(&worlds, &model, &case["query"]).await.expect("compiles");
        let wanted: Vec<Vec<Json>> = serde_json::from_value(case["rows"].clone()).unwrap();
        assert!(equal(&found, &wanted), "{}\n{found:?}\n{wanted:?}", case["name"]);
    }
}

/// Numbers that look thrown, and are the same for the same seed.
struct Dice(u64);

impl Dice {
    fn throw(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }

    fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.throw(from.len())]
    }
}

const SALES: [&str; 8] = [
    "revenue",
    "units_sold",
    "orders",
    "buyers",
    "average_order_value",
    "revenue_per_buyer",
    "cumulative_revenue",
    "revenue_yoy_growth",
];
const TRACKS: [&str; 3] = ["tracks", "average_track_minutes", "albums"];
const OF_SALES: [&str; 10] =
    ["country", "state", "city", "customer", "sales_rep", "genre", "media_type", "artist", "album", "track"];

fn thrown(dice: &mut Dice) -> Json {
    let of_tracks = dice.throw(5) == 0;
    let metrics: Vec<&str> =
        (0..=dice.throw(2)).map(|_| if of_tracks { dice.pick(&TRACKS) } else { dice.pick(&SALES) }).collect();
    let dimensions: Vec<&str> =
        (0..dice.throw(3)).map(|_| dice.pick(if of_tracks { &OF_SALES[5..] } else { &OF_SALES })).collect();
    let mut query = json!({ "metrics": metrics, "dimensions": dimensions });
    if !of_tracks && dice.throw(2) == 0 {
        query["time_grain"] = json!(dice.pick(&["day", "week", "month", "quarter", "year"]));
    }
    if !of_tracks && dice.throw(3) == 0 {
        let year = 2021 + dice.throw(4);
        query["time_range"] =
            json!({ "start": format!("{year}-02-28"), "end": format!("{}-10-31", year + dice.throw(2)) });
    }
    let filter = match dice.throw(9) {
        0 => json!({ "field": "country", "op": "=", "value": "USA" }),
        // Letter by letter.
        1 => json!({ "field": "country", "op": "!=", "value": "usa" }),
        2 => json!({ "field": "genre", "op": "in", "value": ["Rock", "jazz", "R&B/Soul"] }),
        3 => json!({ "field": "state", "op": "not_in", "value": ["CA", "SP"] }),
        4 => {
            json!({ "field": "artist", "op": "contains", "value": dice.pick(&["é", "AC", "'", "\\", "%"]) })
        }
        5 => json!({ "field": "state", "op": "is_null" }),
        6 => json!({ "field": "genre", "op": ">", "value": "Metal" }),
        7 => json!({ "field": "units_sold", "op": ">=", "value": 12 }),
        _ => return query,
    };
    query["filters"] = json!([filter]);
    if !of_tracks && metrics.contains(&"units_sold") && dice.throw(2) == 0 {
        query["order_by"] = json!([{ "field": "units_sold", "direction": dice.pick(&["asc", "desc"]) }]);
        query["limit"] = json!(1 + dice.throw(20));
    }
    query
}

#[tokio::test(flavor = "multi_thread")]
async fn thrown_queries_give_the_same_rows_on_every_database() {
    let (worlds, model) = (worlds().await, model());
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seed = number("VANNA_SEED").unwrap_or(20_261_123);
    let mut dice = Dice(seed);
    let (mut answered, mut filled) = (0, 0);
    for _ in 0..number("VANNA_QUERIES").unwrap_or(200) {
        let query = thrown(&mut dice);
        println!("VANNA_SEED={seed} {query}");
        if let Some(rows) = agreed(&worlds, &model, &query).await {
            answered += 1;
            filled += usize::from(!rows.is_empty());
        }
    }
    assert!(answered >= 100 && filled >= 60, "{answered} answered, {filled} with rows; VANNA_SEED={seed}");
}
