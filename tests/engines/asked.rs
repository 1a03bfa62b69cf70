//! Questions about configured servers, from the configuration to the answer.

use crate::{cluster, mariadb_server};
use serde_json::{Value as Json, json};
use std::path::Path;

pub(crate) const MODEL: &str = "version: 1
model: { name: shop, default_metric: revenue }
datasets:
  - name: orders
    relation: orders
    default_time: placed
    entities: [{ name: order, type: primary, expr: id }]
    fields:
      - { name: placed, kind: time, expr: placed }
      - { name: note, expr: note, index_values: true }
metrics:
  - { name: revenue, dataset: orders, agg: sum, expr: total, format: money }
  - { name: order_count, dataset: orders, agg: count, expr: '*', format: whole, synonyms: [orders] }
";

/// Rows of 1,000 days from 2024-01-02.
pub(crate) fn rows() -> String {
    let first = jiff::civil::date(2024, 1, 1);
    let row = |n: i64| {
        let day = first.checked_add(jiff::ToSpan::days(n)).unwrap();
        format!("({n}, '{day}', {}, 'note {n}')", n as f64 * 1.5)
    };
    let rows: Vec<String> = (1..=1_000).map(row).collect();
    format!("INSERT INTO orders VALUES {};\n", rows.join(", "))
}

/// The script of the page about sources, by its place.
fn script(place: usize) -> String {
    let page = include_str!("../../docs/sources.md");
    let script = page.split("```sql\n").nth(place).and_then(|rest| rest.split("```").next()).unwrap();
    script.replace("choose-one", "very-secret-word")
}

pub(crate) fn ask(home: &Path, question: &str) -> Json {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_vanna"));
    command.args(["ask", question, "--json", "--as-of", "2025-12-31", "--config"]);
    let output = command.arg(home.join("vanna.toml")).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && !told.contains("may write"), "{told}");
    let answer = String::from_utf8(output.stdout).unwrap();
    assert!(!answer.contains("secret"));
    serde_json::from_str(&answer).unwrap()
}

/// Has the schema read, and gives what is known of the one source.
pub(crate) fn synced(home: &Path) -> Json {
    let mut sync = std::process::Command::new(env!("CARGO_BIN_EXE_vanna"));
    let output =
        sync.args(["schema", "sync", "--json", "--config"]).arg(home.join("vanna.toml")).output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
    assert!(!told.contains("secret"), "{told}");
    serde_json::from_str::<Json>(&told).unwrap()["sources"][0].take()
}

fn asked(kind: &str, url: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path();
    std::fs::write(home.join("shop.yaml"), MODEL).unwrap();
    std::fs::write(home.join("url"), url).unwrap();
    let config = format!(
        "data = \"data\"\n[[sources]]\nname = \"shop\"\nkind = \"{kind}\"\nurl_file = \"url\"\nmodel = \"shop.yaml\"\n"
    );
    std::fs::write(home.join("vanna.toml"), config).unwrap();
    let months = ask(home, "revenue by month in 2024");
    assert_eq!(months["coverage"], "full", "{months}");
    assert_eq!(months["rows"].as_array().unwrap().len(), 12, "{months}");
    assert_eq!(months["rows"][1], json!(["2024-02-01", 1957.5]), "{months}");
    let one = ask(home, "orders with note \"note 7\"");
    assert_eq!(one["rows"][0].as_array().unwrap().last().unwrap(), 1, "{one}");
    let mut files = vec![home.join("data")];
    while let Some(path) = files.pop() {
        if path.is_dir() {
            files.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        assert!(!bytes.windows(16).any(|window| window == b"very-secret-word"), "{}", path.display());
    }
    let known = synced(home);
    assert_eq!((&known["relations"], &known["columns"]), (&json!(1), &json!(4)), "{known}");
    folder
}

/// What `vanna schema sync` tells of a column that came, after which questions are answered as before.
fn told_of_a_new_column(home: &Path) {
    let known = synced(home);
    assert_eq!(known["columns"], 5, "{known}");
    assert_eq!((&known["last_change"]["changes"], &known["failure"]), (&json!(1), &Json::Null), "{known}");
    assert_eq!(ask(home, "revenue by month in 2024")["rows"][1], json!(["2024-02-01", 1957.5]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_about_a_configured_postgresql_is_answered_and_its_password_is_nowhere() {
    let Some(cluster) = cluster::cluster() else { return };
    let url = cluster.database().await;
    let owner = cluster::connect(&url).await;
    let make = "CREATE TABLE orders (id int PRIMARY KEY, placed date, total numeric(20,2), note text);\n";
    owner.batch_execute(&format!("{make}{}{}", rows(), script(1))).await.unwrap();
    let home = asked("postgres", &url.replace("postgres@", "vanna_reader:very-secret-word@"));
    owner.batch_execute("ALTER TABLE orders ADD COLUMN extra int").await.unwrap();
    told_of_a_new_column(home.path());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_about_a_configured_mariadb_is_answered_and_its_password_is_nowhere() {
    let Some(server) = mariadb_server::server() else { return };
    let url = server.database().await;
    let mut owner = mariadb_server::connect(&url).await;
    let make = "CREATE TABLE orders (id int PRIMARY KEY, placed date, total decimal(20,2), note text);\n";
    let database = url.rsplit('/').next().unwrap();
    let script = script(2).replace("shop.", &format!("{database}."));
    mariadb_server::batch(&mut owner, &format!("{make}{}{script}", rows())).await;
    let home = asked("mysql", &url.replace("owner:owner@", "vanna_reader:very-secret-word@"));
    mariadb_server::batch(&mut owner, "ALTER TABLE orders ADD COLUMN extra int;\n").await;
    told_of_a_new_column(home.path());
}
