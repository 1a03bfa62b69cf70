//! Schemas as operators meet them: a running service sees a change and says what it breaks.

use crate::cluster::{cluster, connect};
use crate::support::{PATIENCE, Server};
use rusqlite::Connection;
use serde_json::Value as JsonValue;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A home with a copy of the sample database as its only source.
struct Home {
    folder: TempDir,
}

impl Home {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let sample = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/sample");
        std::fs::copy(sample.join("Chinook_Sqlite.sqlite"), folder.path().join("shop.sqlite")).unwrap();
        std::fs::copy(sample.join("chinook.yaml"), folder.path().join("shop.yaml")).unwrap();
        let config = "[schema]\nprobe_seconds = 1\n\n[[sources]]\nname = \"shop\"\npath = \"shop.sqlite\"\n\
                      model = \"shop.yaml\"\n";
        std::fs::write(folder.path().join("vanna.toml"), config).unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn change(&self, statement: &str) {
        let connection = Connection::open(self.path("shop.sqlite")).unwrap();
        connection.busy_timeout(PATIENCE).unwrap();
        connection.execute_batch(statement).unwrap();
    }

    fn vanna(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vanna"));
        command.args(arguments).arg("--data").arg(self.path("data"));
        command.arg("--config").arg(self.path("vanna.toml")).output().unwrap()
    }

    fn json(&self, arguments: &[&str]) -> JsonValue {
        let output = self.vanna(arguments);
        assert!(output.status.success(), "{output:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    async fn serve(&self) -> Server {
        let config = self.path("vanna.toml");
        Server::start_with(&self.path("data"), |command| {
            command.arg("--config").arg(config);
        })
        .await
    }
}

async fn get(server: &Server, path: &str) -> JsonValue {
    let answer = vanna::http::client().get(server.url(path)).send().await.unwrap();
    assert_eq!(answer.status(), 200, "{path}");
    answer.json().await.unwrap()
}

/// Asks until the answer is as it should be.
async fn until(server: &Server, path: &str, fits: impl Fn(&JsonValue) -> bool) -> JsonValue {
    let begun = Instant::now();
    loop {
        let answer = get(server, path).await;
        if fits(&answer) {
            return answer;
        }
        assert!(begun.elapsed() < PATIENCE, "{path} never became what it should: {answer}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_service_sees_a_change_and_names_the_metrics_that_it_breaks() {
    let home = Home::new();
    let server = home.serve().await;
    let first = until(&server, "schema/status", |s| s["sources"][0]["schema_hash"].is_string()).await;
    let before = first["sources"][0]["schema_snapshot_id"].as_str().unwrap().to_owned();

    home.change("ALTER TABLE InvoiceLine RENAME COLUMN UnitPrice TO Price");
    let status = until(&server, "schema/status", |s| s["sources"][0]["last_change"].is_object()).await;
    let source = &status["sources"][0];
    let after = source["schema_snapshot_id"].as_str().unwrap().to_owned();
    assert_ne!(before, after);
    assert_eq!(source["last_change"]["severity"], "breaking");
    let report = &source["last_change"]["report"];
    assert_eq!(report["renamed"][0]["to"], "main.InvoiceLine.Price");
    let affected = report["affected"].as_array().unwrap();
    assert!(affected.iter().any(|one| one["name"] == "revenue" && one["impact"] == "broken"), "{affected:?}");

    let snapshots = get(&server, "schema/snapshots").await;
    let ids: Vec<&str> =
        snapshots["snapshots"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect();
    assert_eq!(ids, [before.as_str(), after.as_str()]);
    let whole = get(&server, &format!("schema/snapshots/{after}")).await;
    assert_eq!(whole["snapshot"]["dialect"], "sqlite");
    let diff = get(&server, &format!("schema/diff?from={before}&to={after}")).await;
    assert_eq!(
        (&diff["severity"], &diff["renamed"]),
        (&report["severities"][0]["severity"], &report["renamed"])
    );
    assert_eq!(get(&server, &format!("schema/diff?from={before}")).await, diff);
    let back = get(&server, &format!("schema/diff?from={after}&to={before}")).await;
    assert_eq!(back["renamed"][0]["from"], "main.InvoiceLine.Price");
    let absent = vanna::http::client().get(server.url("schema/snapshots/snap_0")).send().await.unwrap();
    assert_eq!(absent.status(), 404);
    assert_eq!(server.terminate().await, 0);
}

#[tokio::test]
async fn a_trigger_tells_of_a_change_long_before_anybody_would_look() {
    let Some(cluster) = cluster() else { return };
    let dsn = cluster.database().await;
    let owner = connect(&dsn).await;
    // As the page about drift tells it.
    let page = include_str!("../../docs/drift.md");
    let script = page.split("```sql\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    owner.batch_execute(&format!("CREATE TABLE orders (id int PRIMARY KEY);{script}")).await.unwrap();
    let home = Home::new();
    std::fs::write(home.path("url"), dsn).unwrap();
    let config = "[schema]\nprobe_seconds = 86400\nevery_seconds = 86400\n\n[[sources]]\nname = \"shop\"\n\
                  kind = \"postgres\"\nurl_file = \"url\"\n";
    std::fs::write(home.path("vanna.toml"), config).unwrap();
    let server = home.serve().await;
    until(&server, "schema/status", |s| s["sources"][0]["schema_hash"].is_string()).await;
    let listening = "SELECT count(*) FROM pg_stat_activity WHERE query = 'LISTEN vanna_schema'";
    while owner.query_one(listening, &[]).await.unwrap().get::<_, i64>(0) == 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    owner.batch_execute("ALTER TABLE orders RENAME COLUMN id TO number").await.unwrap();
    let status = until(&server, "schema/status", |s| s["sources"][0]["last_change"].is_object()).await;
    let report = &status["sources"][0]["last_change"]["report"];
    assert_eq!(report["renamed"][0]["to"], "public.orders.number", "{report}");
    assert_eq!(server.terminate().await, 0);
}

#[tokio::test]
async fn answers_name_the_snapshot_that_the_service_keeps() {
    let home = Home::new();
    home.json(&["schema", "sync", "--json"]);
    let status = home.json(&["schema", "status", "--json"]);
    let answer = home.vanna(&["ask", "total revenue", "--format", "v3"]);
    let text = String::from_utf8(answer.stdout).unwrap();
    let lines = text.lines().filter_map(|line| line.strip_prefix("data: "));
    let events: Vec<JsonValue> = lines.map(|line| serde_json::from_str(line).unwrap()).collect();
    let lineage = events.iter().find(|event| event["event_type"] == "lineage").unwrap();
    let found =
        lineage.pointer("/payload/evidence").or_else(|| lineage.pointer("/evidence")).unwrap_or(lineage);
    let found = found.to_string();
    for key in ["schema_snapshot_id", "schema_hash"] {
        let kept = status["sources"][0][key].as_str().unwrap();
        assert!(found.contains(&format!("\"{key}\":\"{kept}\"")), "{key} {kept}: {found}");
    }
}

#[tokio::test]
async fn a_sync_that_a_kill_cut_off_ends_once_after_the_restart() {
    let home = Home::new();
    for _ in 0..5 {
        let server = home.serve().await;
        let sync = vanna::http::client().post(server.url("schema/sync?source=shop")).send().await.unwrap();
        assert_eq!(sync.status(), 202);
        server.kill().await;
    }
    let server = home.serve().await;
    let at_rest =
        |s: &JsonValue| s["sources"][0]["running"].is_null() && !s["sources"][0]["schema_hash"].is_null();
    until(&server, "schema/status", at_rest).await;
    assert_eq!(server.terminate().await, 0);
    let mut open = std::collections::BTreeSet::new();
    let mut kept = 0;
    for fact in facts(&home.path("data")) {
        let token = fact["payload"]["token"].as_u64();
        match fact["fact"].as_str().unwrap() {
            "sync_started" => assert!(open.is_empty() && open.insert(token), "one at a time: {fact}"),
            "sync_finished" | "sync_failed" | "sync_interrupted" => {
                assert!(open.remove(&token), "ended twice: {token:?}");
                kept += usize::from(fact["payload"]["content"].is_string());
            }
            _ => {}
        }
    }
    assert_eq!((open.len(), kept), (0, 1), "all ended, and the content is kept once");
}

/// All facts about sources, oldest first.
fn facts(data: &Path) -> Vec<JsonValue> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vanna"));
    let output =
        command.args(["journal", "tail", "-n", "1000", "--json", "--data"]).arg(data).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let records = text.lines().map(|line| serde_json::from_str::<JsonValue>(line).unwrap());
    let facts = records.map(|record| record["payload"].clone());
    facts.filter(|fact| fact["fact"].as_str().is_some_and(|name| name.starts_with("sync_"))).collect()
}

#[test]
fn a_source_that_is_gone_is_told_of_and_the_old_schema_stays() {
    let home = Home::new();
    let synced = home.json(&["schema", "sync", "--json"]);
    assert_eq!(synced["sources"][0]["relations"], 11);
    home.change("ALTER TABLE Artist ADD COLUMN Country TEXT");
    let text = home.vanna(&["schema", "sync"]);
    let text = String::from_utf8(text.stdout).unwrap();
    assert!(text.contains("1 differences, worst \"additive\""), "{text}");
    assert_eq!(home.vanna(&["schema", "sync", "--source", "none"]).status.code(), Some(2));
}
