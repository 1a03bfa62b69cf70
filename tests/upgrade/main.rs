//! What any earlier version wrote is opened, checked, replayed byte for byte and continued.
//!
//! `tests/fixtures/journals/` has a folder for every format of data directories that was ever written:
//! `data.packed` is the directory, `events.ndjson` and `facts.ndjson` what it says. A new format gets its
//! folder by `UPDATE_GOLDEN=1 cargo test --test upgrade`; folders that are there are never written again.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "a test says what it expects, and fails where it does not find it"
)]

mod life;
mod newer;
mod pack;

use futures::StreamExt;
use life::{Life, ends, stream};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use vanna::api::service::ReplayFormat;
use vanna::app;
use vanna::service::record;
use vanna_actors::conversation::Conversation;
use vanna_actors::runtime::Entity;
use vanna_journal::admin::verify;
use vanna_journal::{Journal, OpenError};

/// Lines that are longer are kept as their hash.
const LONGEST: usize = 4_096;

fn fixtures() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/journals")
}

/// Folders of all formats, oldest first.
fn formats() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = fs::read_dir(fixtures())
        .expect("a folder of formats")
        .map(|entry| entry.expect("readable").path())
        .filter(|path| path.is_dir())
        .collect();
    folders.sort();
    assert!(!folders.is_empty(), "{} holds the formats", fixtures().display());
    folders
}

/// A copy of the fixture's data directory.
fn unpacked(format: &Path) -> tempfile::TempDir {
    let data = tempfile::tempdir().expect("a folder");
    pack::unpack(&fs::read(format.join("data.packed")).expect("a fixture"), data.path());
    data
}

/// The real command over a data directory.
fn vanna(data: &Path, arguments: &[&str]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vanna"));
    let output = command.args(arguments).arg("--data").arg(data).output().expect("runs");
    (output.status.code().expect("exited"), String::from_utf8(output.stdout).expect("UTF-8"))
}

/// Everything that the journal's conversations say, one line each.
async fn told(journal: &Arc<dyn Journal>, format: ReplayFormat) -> Vec<String> {
    let mut lines = Vec::new();
    for (stream, _) in journal.streams(Conversation::KIND, None, 100).expect("readable") {
        let mut events = record::events(Arc::clone(journal), stream.clone(), None, None, false, format);
        while let Some(event) = events.next().await {
            let event = event.expect("replayed");
            let data = match event.data.len() {
                0..=LONGEST => event.data,
                _ => format!("blake3:{}", blake3::hash(event.data.as_bytes()).to_hex()),
            };
            let line =
                json!({"conversation": stream.id(), "id": event.id, "event": event.event, "data": data});
            lines.push(line.to_string());
        }
    }
    lines
}

fn expected(format: &Path, name: &str) -> Vec<String> {
    let text = fs::read_to_string(format.join(name)).expect("a fixture");
    text.lines().map(str::to_owned).collect()
}

async fn make(folder: &Path) {
    let data = tempfile::tempdir().expect("a folder");
    life::fill(data.path()).await;
    fs::create_dir_all(folder).expect("created");
    fs::write(folder.join("data.packed"), pack::pack(data.path())).expect("written");
    let life = Life::begin(data.path(), true).await;
    for (name, format) in [("events.ndjson", ReplayFormat::V3), ("facts.ndjson", ReplayFormat::Facts)] {
        let text: String = told(&life.journal, format).await.iter().map(|line| format!("{line}\n")).collect();
        fs::write(folder.join(name), text).expect("written");
    }
    life.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_present_format_has_a_fixture() {
    let fresh = tempfile::tempdir().expect("a folder");
    Life::begin(fresh.path(), true).await.end().await;
    let marker = fs::read_to_string(fresh.path().join("vanna.journal")).expect("a marker");
    let format = marker.lines().find_map(|line| line.strip_prefix("format ")).expect("a number");
    let folder = fixtures().join(format!("format-{format}"));
    if !folder.exists() && std::env::var_os("UPDATE_GOLDEN").is_some() {
        make(&folder).await;
    }
    assert!(folder.exists(), "`UPDATE_GOLDEN=1 cargo test --test upgrade` makes {}", folder.display());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_format_ever_written_is_checked_replayed_byte_for_byte_and_continued() {
    for format in formats() {
        let data = unpacked(&format);
        let report = verify(data.path()).expect("opens");
        assert!(report.damage.is_none() && report.records > 40 && report.signed_heads > 0, "{report:?}");

        let life = Life::begin(data.path(), true).await;
        for (name, rendering) in [("events.ndjson", ReplayFormat::V3), ("facts.ndjson", ReplayFormat::Facts)]
        {
            assert_eq!(told(&life.journal, rendering).await, expected(&format, name), "{}", format.display());
        }
        for cut_off in ["cut off at plan", "cut off at run"] {
            life.handle.wake(stream(cut_off));
            life.reaches(cut_off, ends).await;
        }
        life.ask("finished", "r3", "revenue by country").await;
        life.reaches("finished", ends).await;
        life.end().await;

        let again = verify(data.path()).expect("opens");
        assert!(again.damage.is_none() && again.records > report.records, "{again:?}");
        let life = Life::begin(data.path(), true).await;
        let facts = told(&life.journal, ReplayFormat::Facts).await;
        let old = expected(&format, "facts.ndjson");
        assert!(old.iter().all(|line| facts.contains(line)), "what was there is there as it was");
        let count =
            |name: &str| facts.iter().filter(|line| line.contains(&format!("\\\"{name}\\\""))).count();
        assert_eq!(count("effect_interrupted"), 3, "one of the cancelled turn, one of each that was cut off");
        assert_eq!(
            count("question_asked"),
            count("turn_finished") + count("turn_failed") + count("turn_cancelled")
        );
        life.end().await;
    }
}

#[test]
fn a_directory_of_a_newer_format_is_refused_and_left_as_it_is() {
    for format in formats() {
        let data = unpacked(&format);
        let newer = "vanna journal\nformat 9\nready\n";
        fs::write(data.path().join("vanna.journal"), newer).expect("written");
        let before = pack::pack(data.path());
        let refused = app::open_journal(data.path(), "test").err().expect("refused");
        assert!(matches!(refused, OpenError::NewerFormat { found: 9, .. }), "{refused}");
        assert_eq!(refused.code(), "journal_newer_format");
        assert!(refused.to_string().contains("use the newer version"), "{refused}");
        assert_eq!(vanna(data.path(), &["journal", "verify"]).0, 3);
        assert!(pack::pack(data.path()) == before, "nothing was changed");
    }
}

fn objects(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}
