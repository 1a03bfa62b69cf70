//! A process of its own that appends and tells what was acknowledged, until it is stopped.
#![allow(dead_code, reason = "each test uses its part")]

pub(crate) mod truth;

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use vanna_journal::conformance::{Draw, new_record, stream};
use vanna_journal::{Append, Appended, Expect, Journal, OpenOptions, SledJournal};

const DIR: &str = "VANNA_JOURNAL_DIR";
const WRITERS: &str = "VANNA_JOURNAL_WRITERS";
const APPENDS: &str = "VANNA_JOURNAL_APPENDS";
/// Set, it makes the worker's streams those of large bodies.
pub(crate) const LARGE: &str = "VANNA_JOURNAL_LARGE";

/// Options for a test.
pub(crate) fn options() -> OpenOptions {
    OpenOptions { purpose: "test".into(), queue: 1024 }
}

/// How many records the append has that follows a version of a worker's stream.
pub(crate) fn count(version: u64) -> u64 {
    1 + version % 3
}

/// The body that a version of a worker's stream has: mostly small, now and then large. Those of a
/// stream of large bodies nearly fill a frame, so that sled's segments fill.
pub(crate) fn body(id: &str, version: u64) -> Vec<u8> {
    let seed = id.bytes().fold(version, |seed, byte| seed.wrapping_mul(31).wrapping_add(u64::from(byte)));
    let mut draw = Draw::new(seed);
    let length = match draw.below(50) {
        0 => 66_000 + draw.below(200_000),
        _ if id.starts_with('l') => 40_000 + draw.below(24_000),
        _ => draw.below(400),
    };
    let (text, length) = (format!("{id} {version} ").into_bytes(), usize::try_from(length).unwrap());
    let mut bytes = text.repeat(length / text.len() + 1);
    bytes.truncate(length);
    bytes
}

/// The command that runs the ignored test `name` of this test program on a directory.
pub(crate) fn arguments(name: &str) -> Vec<String> {
    let program = std::env::current_exe().unwrap().to_str().unwrap().to_owned();
    [program.as_str(), "--exact", name, "--ignored", "--nocapture"].map(str::to_owned).to_vec()
}

/// That command, silent.
pub(crate) fn command(name: &str) -> Command {
    let arguments = arguments(name);
    let mut command = Command::new(&arguments[0]);
    command.args(&arguments[1..]).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// Tells a command which directory to use, and how many appends each of how many writers makes.
pub(crate) fn set(command: &mut Command, dir: &Path, writers: u64, appends: u64) {
    let numbers = [(WRITERS, writers.to_string()), (APPENDS, appends.to_string())];
    command.env(DIR, dir).envs(numbers);
}

/// The directory that the command was given.
pub(crate) fn dir() -> std::path::PathBuf {
    std::env::var_os(DIR).expect("this test is run by another one").into()
}

/// Appends as it was told, and writes `ack stream first last position` after each answer.
pub(crate) fn work() {
    let number = |name| std::env::var(name).unwrap().parse::<u64>().unwrap();
    let (writers, appends) = (number(WRITERS), number(APPENDS));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let journal = Arc::new(SledJournal::open(&dir(), options()).unwrap());
    // What a reader may see counts as acknowledged.
    tell(&format!("head {}\n", journal.position()));
    let name = if std::env::var_os(LARGE).is_some() { 'l' } else { 'w' };
    let tasks = (0..writers).map(|n| runtime.spawn(append(journal.clone(), format!("{name}{n}"), appends)));
    for task in tasks.collect::<Vec<_>>() {
        runtime.block_on(task).unwrap();
        drop(journal.sign_head());
    }
    runtime.block_on(journal.close());
    tell("closed\n");
}

/// Tells a line to whoever started the process.
pub(crate) fn tell(line: &str) {
    std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
}

/// What a worker appends to its stream after a version.
pub(crate) fn next(id: &str, version: u64) -> Append {
    let records = (1..=count(version)).map(|k| new_record(body(id, version + k))).collect();
    let request = Some(format!("{id}-{version}"));
    Append { stream: stream(id), expect: Expect::Exact(version), request, records }
}

async fn append(journal: Arc<SledJournal>, id: String, appends: u64) {
    for _ in 0..appends {
        let version = journal.version_of(&stream(&id));
        let Ok(Appended::Written { positions, versions }) = journal.append(next(&id, version)).await else {
            panic!("the append was not written");
        };
        tell(&format!("ack {id} {} {} {}\n", versions.first, versions.last, positions.first));
    }
}

/// Runs an ignored test of this program with a small file system of its own at its directory.
pub(crate) fn on_a_small_disk(name: &str, megabytes: u32) {
    let dir = tempfile::tempdir().unwrap();
    let script = format!("mount -t tmpfs -o size={megabytes}m none \"$VANNA_JOURNAL_DIR\" && exec \"$@\"");
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount", "sh", "-c", &script, "sh"]);
    command.args(arguments(name));
    set(&mut command, dir.path(), 0, 0);
    let output = command.output().expect("this test needs `unshare` of util-linux");
    assert!(
        output.status.success() && String::from_utf8_lossy(&output.stdout).contains("1 passed"),
        "it failed on a disk of its own; should user namespaces be forbidden here, allow them or run as root:\n{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}
