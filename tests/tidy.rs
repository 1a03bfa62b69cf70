//! The house checks itself: invariants of `docs/architecture.md` that a program can read off the
//! sources. Every complaint says what to do.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A text file of the repository; its path is relative to the root, with `/`.
struct File {
    path: String,
    text: String,
}

const KINDS: [&str; 11] = ["rs", "toml", "md", "yaml", "yml", "json", "html", "js", "css", "lock", "run"];
const SKIPPED: [&str; 4] = ["target", ".git", "vanna-data", "node_modules"];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn files() -> Vec<File> {
    let mut found = Vec::new();
    walk(&root(), &mut found);
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

fn walk(folder: &Path, found: &mut Vec<File>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && !SKIPPED.contains(&name.as_str()) {
            walk(&path, found);
        } else if path.is_file() && KINDS.contains(&name.rsplit('.').next().unwrap()) || name == "run" {
            let Ok(text) = fs::read_to_string(&path) else { continue };
            let path = path.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/");
            found.push(File { path, text });
        }
    }
}

impl File {
    fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    fn is_this(&self) -> bool {
        self.path == "tests/tidy.rs"
    }

    fn is_test(&self) -> bool {
        self.path.split('/').any(|part| part == "tests" || part == "tests.rs" || part == "benches")
    }

    fn stem(&self) -> &str {
        self.path.rsplit('/').next().unwrap().split('.').next().unwrap()
    }

    /// Lines with their numbers, from 1, without line comments.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().map(without_comment).enumerate().map(|(at, line)| (at + 1, line))
    }
}

fn without_comment(line: &str) -> &str {
    let comment = |at: &usize| *at == 0 || line[..*at].ends_with(char::is_whitespace);
    let start = line.match_indices("//").map(|(at, _)| at).find(comment);
    start.map_or(line, |start| &line[..start])
}

/// Rust sources of all crates, this file left out because it names what is forbidden.
fn rust() -> Vec<File> {
    files().into_iter().filter(|file| file.is_rust() && !file.is_this()).collect()
}

fn under<'a>(files: &'a [File], folder: &'a str) -> impl Iterator<Item = &'a File> {
    files.iter().filter(move |file| file.path.starts_with(folder))
}

/// Byte positions where `word` stands alone: neither side continues an identifier.
fn words<'a>(line: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word)
        .map(|(at, _)| at)
        .filter(move |at| !line[..*at].ends_with(part) && !line[at + word.len()..].starts_with(part))
}

/// Complaints about lines of `files` that name one of `forbidden` in code.
fn naming<'a>(files: impl Iterator<Item = &'a File>, forbidden: &[&str], advice: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    for file in files {
        for (number, line) in file.code() {
            for word in forbidden.iter().filter(|word| words(line, word).next().is_some()) {
                complaints.push(format!("{}:{number} names `{word}`: {advice}", file.path));
            }
        }
    }
    complaints
}

#[track_caller]
fn assert_tidy(complaints: Vec<String>) {
    assert!(complaints.is_empty(), "\n\n{}\n", complaints.join("\n"));
}

/// The text of a file that must be there.
#[track_caller]
fn text(path: &str, advice: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}. {advice}"))
}

#[test]
fn only_the_codec_names_the_encoding() {
    let rust = rust();
    let others = rust.iter().filter(|file| file.path != "journal/src/codec.rs");
    let advice = "encode and decode through journal/src/codec.rs, which limits and checks";
    assert_tidy(naming(others, &["bincode"], advice));
}

#[test]
fn only_one_room_names_the_store() {
    let own = ["crate::", "self::", "super::", "vanna_journal::"];
    let mut complaints = Vec::new();
    for file in rust().iter().filter(|file| !file.path.starts_with("journal/src/sled/")) {
        for (number, line) in file.code() {
            let foreign = |at: usize| {
                line[at..].starts_with("sled::") && !own.iter().any(|own| line[..at].ends_with(own))
            };
            if words(line, "sled").any(foreign) {
                let advice = "move it into journal/src/sled/ and use the Journal trait here";
                complaints.push(format!("{}:{number} names the crate sled: {advice}", file.path));
            }
        }
    }
    assert_tidy(complaints);
}

#[test]
fn the_journal_knows_neither_actors_nor_the_domain() {
    let rust = rust();
    let advice = "the journal keeps bytes in order; speak of streams, records and kinds";
    let mut complaints = naming(under(&rust, "journal/"), &["ractor", "vanna_actors"], advice);
    let domain = ["conversation", "question", "sql", "lineage", "planner", "chart", "llm", "semantic"];
    for file in under(&rust, "journal/src/") {
        for (at, line) in file.text.to_lowercase().lines().enumerate() {
            let plural = |word: &&&str| words(line, &format!("{word}s")).next().is_some();
            for word in domain.iter().filter(|word| words(line, word).next().is_some() || plural(word)) {
                complaints.push(format!("{}:{} says `{word}`: {advice}", file.path, at + 1));
            }
        }
    }
    assert_tidy(complaints);
}

#[test]
fn the_actors_reach_the_world_only_through_ports() {
    let rust = rust();
    let world = [
        "axum",
        "hyper",
        "hyper_util",
        "tower",
        "tower_http",
        "reqwest",
        "sqlparser",
        "rusqlite",
        "tokio_postgres",
        "mysql_async",
        "utoipa",
        "clap",
        "toml",
        "bincode",
    ];
    let advice = "add a trait in actors/src/ports/ and implement it under src/";
    assert_tidy(naming(under(&rust, "actors/"), &world, advice));
}

#[test]
fn only_the_runtime_names_the_actor_library() {
    let rust = rust();
    let others = rust.iter().filter(|file| !file.path.starts_with("actors/src/runtime/"));
    let advice = "use the runtime's own types; only actors/src/runtime/ knows the library";
    assert_tidy(naming(others, &["ractor"], advice));
}

#[test]
fn crates_depend_in_one_direction() {
    let dependencies = |path: &str| -> BTreeSet<String> {
        let text = text(path, "Every crate has its manifest.");
        let name = |line: &str| line.split(['.', ' ', '=']).next().unwrap().to_owned();
        let tables = text.split("\n[").filter(|table| table.contains("dependencies]"));
        let own = tables.filter(|table| !table.starts_with("workspace."));
        own.flat_map(|table| table.lines().skip(1).map(name).collect::<Vec<_>>()).collect()
    };
    let mut complaints = Vec::new();
    let forbidden: [(&str, &[&str]); 3] = [
        ("journal/Cargo.toml", &["vanna", "vanna-actors", "ractor", "axum", "rusqlite", "sqlparser"]),
        (
            "actors/Cargo.toml",
            &["vanna", "sled", "bincode", "axum", "hyper", "reqwest", "rusqlite", "sqlparser"],
        ),
        ("Cargo.toml", &["sled", "bincode", "ractor"]),
    ];
    for (path, names) in forbidden {
        let found = dependencies(path);
        assert!(found.contains("serde"), "the dependencies of {path} were not found; adapt this check");
        for name in names.iter().filter(|name| found.contains(**name)) {
            complaints.push(format!(
                "{path} depends on {name}: the direction is journal, actors, src; take it out"
            ));
        }
    }
    assert_tidy(complaints);
}

#[test]
fn decisions_and_state_changes_are_synchronous() {
    let rust = rust();
    let pure = under(&rust, "actors/src/").filter(|file| ["decide", "apply", "state"].contains(&file.stem()));
    let advice = "decide and apply are pure; make it an effect and decide on its outcome";
    assert_tidy(naming(pure, &["async", "await", "Instant", "SystemTime"], advice));
}

#[test]
fn nobody_reads_on_with_the_head_borrowed() {
    let rust = rust();
    let others = rust.iter().filter(|file| file.path != "journal/src/journal.rs");
    let advice = "ask for `position()`: a borrowed head keeps writers waiting until the statement ends";
    assert_tidy(naming(others, &["head().borrow()"], advice));
}

#[test]
fn every_queue_has_a_bound() {
    let rust = rust();
    let advice = "take a bounded channel and decide what happens when it is full";
    let mut complaints = naming(rust.iter(), &["unbounded_channel", "UnboundedSender"], advice);
    for file in &rust {
        for (number, _) in file
            .code()
            .filter(|(_, line)| line.contains("mpsc::channel()") || line.contains("mpsc::unbounded"))
        {
            complaints.push(format!("{}:{number} makes a channel without a bound: {advice}", file.path));
        }
    }
    assert_tidy(complaints);
}

#[test]
fn every_file_says_what_its_room_is_for() {
    let opens = |file: &File| file.text.trim_start_matches("#!/usr/bin/env").starts_with("//! ");
    let silent = files().into_iter().filter(|file| file.is_rust() && !opens(file));
    let advice = "does not open with `//!`: say in its first line what the room is for";
    assert_tidy(silent.map(|file| format!("{} {advice}", file.path)).collect());
}

#[test]
fn files_stay_small() {
    let files: Vec<File> = files().into_iter().filter(File::is_rust).collect();
    let mut complaints = Vec::new();
    let mut sizes = Vec::new();
    for file in &files {
        let (lines, most) = (file.text.lines().count(), if file.is_test() { 800 } else { 500 });
        if lines > most {
            complaints.push(format!(
                "{} has {lines} lines, at most {most}: split it by what its parts do",
                file.path
            ));
        }
        if !file.is_test() {
            sizes.push(lines);
        }
    }
    sizes.sort_unstable();
    let median = sizes[sizes.len() / 2];
    if median > 150 {
        complaints.push(format!("the median file has {median} lines, at most 150: split the larger ones"));
    }
    assert_tidy(complaints);
}

#[test]
fn mod_files_hold_no_logic() {
    let logic = ["fn", "impl", "struct", "enum", "trait", "macro_rules"];
    let rust = rust();
    let rooms = rust.iter().filter(|file| file.path.contains("src/") && file.path.ends_with("/mod.rs"));
    let advice = "a mod.rs has only docs, mods and re-exports; move the rest into a file with a name";
    assert_tidy(naming(rooms, &logic, advice));
}

#[test]
fn names_say_what_things_do() {
    let files_named = ["util", "utils", "common", "helper", "helpers", "manager", "misc", "shared_utils"];
    let advice = "name it after what it does";
    let mut complaints = Vec::new();
    for file in rust() {
        let parts = file.path.trim_end_matches(".rs").split('/');
        for part in parts.filter(|part| files_named.contains(part)) {
            complaints.push(format!("{} is called `{part}`: {advice}", file.path));
        }
        for (number, line) in file.code() {
            let after = |keyword: &str| line.split_once(keyword).map(|(_, name)| name);
            let name = ["struct ", "enum ", "trait ", "type "].iter().find_map(|keyword| after(keyword));
            let name = name.unwrap_or_default().split(|c: char| !c.is_alphanumeric()).next().unwrap();
            if ["Manager", "Helper", "Helpers", "Utils", "Util"].iter().any(|end| name.ends_with(end)) {
                complaints.push(format!("{}:{number} declares `{name}`: {advice}", file.path));
            }
        }
    }
    assert_tidy(complaints);
}

#[test]
fn nothing_is_left_undone_or_skipped() {
    let mut complaints = Vec::new();
    for file in rust() {
        for (number, line) in file.code() {
            let undone = ["todo!", "unimplemented!", "FIXME", "dbg!("];
            for mark in undone.iter().filter(|mark| line.contains(**mark)) {
                complaints.push(format!("{}:{number} has `{mark}`: finish it or take it out", file.path));
            }
        }
    }
    assert_tidy(complaints);
}

/// Only what another test starts by its name, as a process of its own, may be ignored.
#[test]
fn no_test_is_left_out() {
    let mut complaints = Vec::new();
    for file in rust() {
        for (at, _) in file.text.match_indices("#[ignore") {
            let name = file.text[at..].split("fn ").nth(1).and_then(|rest| rest.split('(').next());
            let name = name.unwrap_or_default();
            if !file.text.contains(&format!("\"{name}\"")) {
                let advice = "make it run with the others, or take it out";
                complaints
                    .push(format!("{} ignores `{name}`, and no test there starts it: {advice}", file.path));
            }
        }
    }
    assert_tidy(complaints);
}

#[test]
fn no_text_names_a_place_of_somebodys_machine() {
    let places = ["/work/", "/tmp/", "/home/", "/root/", "/Users/", "C:\\Users"];
    let mut complaints = Vec::new();
    for file in files().iter().filter(|file| !file.is_this() && file.path != "Cargo.lock") {
        for (at, line) in file.text.lines().enumerate() {
            let starts =
                |at: &usize| !line[..*at].ends_with(|c: char| c.is_alphanumeric() || "._-/}".contains(c));
            let names = |place: &&&str| line.match_indices(**place).any(|(at, _)| starts(&at));
            if let Some(place) = places.iter().find(names) {
                let advice = "use a relative path or a temporary folder";
                complaints.push(format!("{}:{} names {place}: {advice}", file.path, at + 1));
            }
        }
    }
    assert_tidy(complaints);
}

#[test]
fn every_crate_is_under_the_same_lints() {
    let workspace = text("Cargo.toml", "The workspace has its manifest.");
    let mut complaints = Vec::new();
    let lints = [
        "unsafe_code = \"forbid\"",
        "unwrap_used = ",
        "expect_used = ",
        "panic = ",
        "indexing_slicing = ",
        "too_many_lines = ",
        "allow_attributes_without_reason = ",
    ];
    let table = workspace.split("[workspace.lints.rust]").nth(1).unwrap_or_default();
    let table = table.split("[package]").next().unwrap();
    for lint in lints.iter().filter(|lint| !table.contains(**lint)) {
        complaints.push(format!("Cargo.toml: [workspace.lints] lacks `{lint}`: put it back"));
    }
    for path in ["Cargo.toml", "journal/Cargo.toml", "actors/Cargo.toml"] {
        if !text(path, "Every crate has its manifest.").contains("[lints]\nworkspace = true") {
            complaints.push(format!("{path} lacks `[lints] workspace = true`: add it"));
        }
    }
    let clippy = text("clippy.toml", "Clippy enforces function length and where time and ids come from.");
    for rule in ["too-many-lines-threshold = 70", "std::time::SystemTime::now", "uuid::Uuid::now_v7"] {
        if !clippy.contains(rule) {
            complaints.push(format!("clippy.toml lacks `{rule}`: put it back"));
        }
    }
    assert_tidy(complaints);
}

#[test]
fn what_was_released_is_locked() {
    let lock = text("actors/events.lock", "It holds the kinds and shapes of all events ever released.");
    assert!(!lock.trim().is_empty(), "actors/events.lock is empty: list the kinds of actors/src/events.rs");
}

#[test]
fn every_path_that_the_documents_name_exists() {
    let rooms = ["src/", "journal/", "actors/", "tests/", "docs/", "web/", "benches/", ".ci/"];
    text("docs/architecture.md", "It tells how the house is built.");
    let mut complaints = Vec::new();
    let documents =
        files().into_iter().filter(|file| file.path.ends_with(".md") && !file.path.contains("fixtures/"));
    for file in documents {
        let folder = root().join(&file.path).parent().unwrap().to_owned();
        for (at, line) in file.text.lines().enumerate() {
            let code = line
                .split('`')
                .skip(1)
                .step_by(2)
                .filter(|code| rooms.iter().any(|room| code.starts_with(room)));
            let named = code
                .filter(|code| !code.contains([' ', '*', '{', '…']))
                .map(|code| code.split("::").next().unwrap_or(code))
                .map(|code| root().join(before(code, '<')));
            let links = line.split("](").skip(1).filter_map(|rest| rest.split(')').next());
            let links = links
                .filter(|link| !link.contains(':') && !link.starts_with('#'))
                .map(|link| folder.join(before(link, '#')));
            for path in named.chain(links).filter(|path| !path.exists()) {
                let path = path.strip_prefix(root()).unwrap_or(&path).display().to_string();
                complaints.push(format!(
                    "{}:{} names {path}, which is not there: correct it",
                    file.path,
                    at + 1
                ));
            }
        }
    }
    assert_tidy(complaints);
}

#[test]
fn every_guarantee_names_a_test_that_exists() {
    let mut complaints = Vec::new();
    let document = text("docs/guarantees.md", "It names the test of every promise.");
    let named: Vec<&str> =
        document.split('`').skip(1).step_by(2).filter(|code| code.contains(".rs::")).collect();
    assert!(named.len() >= 20, "docs/guarantees.md names {} tests; adapt this check", named.len());
    for (path, name) in named.iter().filter_map(|code| code.split_once("::")) {
        let found = fs::read_to_string(root().join(path)).unwrap_or_default();
        let tests = found.split("#[test]").chain(found.split("#[tokio::test")).skip(1);
        let head = |part: &str| part.split('{').next().unwrap_or_default().to_owned();
        if !tests.map(head).any(|head| head.contains(&format!("fn {name}("))) {
            complaints.push(format!("docs/guarantees.md names {path}::{name}, which is no test: correct it"));
        }
    }
    let promises = document.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| Promise"));
    for line in
        promises.take_while(|line| !line.starts_with("| What |")).filter(|line| !line.contains(".rs::"))
    {
        complaints.push(format!("docs/guarantees.md promises without a test: {line}"));
    }
    assert_tidy(complaints);
}

/// The part of a path before a placeholder or an anchor.
fn before(path: &str, mark: char) -> &str {
    let Some((start, _)) = path.split_once(mark) else { return path };
    if mark == '<' { start.rsplit_once('/').map_or("", |(folder, _)| folder) } else { start }
}

#[test]
fn the_architecture_fits_on_a_few_pages() {
    let lines = text("docs/architecture.md", "It tells how the house is built.").lines().count();
    assert!(lines <= 400, "docs/architecture.md has {lines} lines, at most 400: shorten it");
}
